# SPDX-License-Identifier: Apache-2.0
"""What all measurements share: processes, tables."""

import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("SR_BUILD", os.path.join(ROOT, "build"))


def built(*path):
    return os.path.join(BUILD, *path)


class Process:
    """A program that is stopped by its process id when the block ends."""

    def __init__(self, arguments, log, stop=signal.SIGTERM):
        self.arguments = arguments
        self.log = log
        self.stop = stop

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(self.arguments, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.popen.send_signal(self.stop)
        self.popen.wait(timeout=30)

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.popen.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_kib(self):
        """The resident set at its largest and now."""
        with open("/proc/%d/status" % self.popen.pid) as status:
            values = dict(re.findall(r"^(VmHWM|VmRSS):\s+(\d+) kB", status.read(), re.M))
        return int(values["VmHWM"]), int(values["VmRSS"])

    def forget_peak(self):
        """The largest resident set is the present one from now on."""
        with open("/proc/%d/clear_refs" % self.popen.pid, "w") as out:
            out.write("5")

    def tree_cpu_seconds(self):
        """Of the process with all its threads and children, to the nanosecond."""
        return sum(_cpu_seconds(pid) for pid in _tree(self.popen.pid))


def _tree(pid):
    pids = [pid]
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        with open(path) as children:
            for child in children.read().split():
                pids += _tree(int(child))
    return pids


def _cpu_seconds(pid):
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        try:
            with open(path) as values:
                total += int(values.read().split()[0])
        except OSError:  # the thread ended
            pass
    return total / 1e9


def socket_of(port):
    """(bytes that wait, datagrams dropped) of the UDP sockets with that port; None: there is none."""
    waiting, drops, found = 0, 0, False
    for name in ("udp", "udp6"):
        with open("/proc/net/" + name) as lines:
            for line in lines.readlines()[1:]:
                fields = line.split()
                if int(fields[1].rsplit(":", 1)[1], 16) == port:
                    found = True
                    waiting += int(fields[4].split(":")[1], 16)
                    drops += int(fields[12])
    return (waiting, drops) if found else None


def wait_for(what, check, seconds=30):
    until = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
        except OSError:
            pass
        if time.monotonic() > until:
            raise RuntimeError("timed out: " + what)
        time.sleep(0.05)


def wait_until_done(process, port):
    """Nothing waits in the socket, and the process does (nearly) nothing any more."""
    wait_for("an empty socket", lambda: socket_of(port)[0] == 0)
    used = process.tree_cpu_seconds()
    for _ in range(40):
        time.sleep(0.25)
        before, used = used, process.tree_cpu_seconds()
        if used - before < 0.003:
            return


def wait_until_quiet(path, seconds=1.0):
    """The file's size has not changed for so long."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        now = os.path.getsize(path) if os.path.exists(path) else 0
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.05)


def count_numbers(path):
    """How many lines the file has, and how many different messages they are."""
    lines, numbers = 0, set()
    with open(path, "rb") as records:
        for line in records:
            lines += 1
            found = re.search(rb"seq (\d{7}) ", line)
            if found:
                numbers.add(found.group(1))
    return lines, len(numbers)


def enter_namespace():
    """Starts this program again in a network namespace, which only root can make."""
    if os.geteuid() != 0 or "SR_BENCH_NAMESPACE" in os.environ or not shutil.which("unshare"):
        return
    os.environ["SR_BENCH_NAMESPACE"] = "1"
    script = "ip link set lo up && exec \"$@\""
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", script, "sh", sys.executable] + sys.argv)


def load():
    return "%.1f" % os.getloadavg()[0]


def table(heads, rows):
    widths = [max(len(str(row[i])) for row in [heads] + rows) for i in range(len(heads))]
    for row in [heads] + rows:
        print("  ".join(str(cell).rjust(width) if i else str(cell).ljust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))))
    print()


def spread(values, form):
    return "%s (%s-%s)" % (form % statistics.median(values), form % min(values), form % max(values))


def markdown(heads, rows):
    for row in [heads, ["---"] * len(heads)] + rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print(flush=True)


# ---- Bars ----

def at_least(what, bar, measured, form):
    return [what, ">= %s" % "{:,}".format(bar), form % measured,
            "met" if measured >= bar else "**missed**"]


def at_most(what, bar, measured, form):
    return [what, "<= %s" % "{:,}".format(bar), form % measured,
            "met" if measured <= bar else "**missed**"]
