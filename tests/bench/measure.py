# SPDX-License-Identifier: Apache-2.0
"""What all measurements share: processes, tables."""

import argparse
import contextlib
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("SR_BUILD", os.path.join(ROOT, "build"))


def built(*path):
    return os.path.join(BUILD, *path)


class Process:
    """A program that is stopped by its process id when the block ends."""

    def __init__(self, arguments, log, stop=signal.SIGTERM, variables=None):
        self.arguments = arguments
        self.log = log
        self.stop = stop
        self.variables = variables

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(self.arguments, stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, env=self.variables)
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.send_signal(self.stop)
        try:
            self.popen.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(timeout=10)
            print("%s did not end when it was told to: killed" % self.arguments[0])

    def cpu_seconds(self):
        """Of the process and of all its threads, those that ended too, to the nanosecond."""
        return _cpu_seconds(self.popen.pid)

    def tree_cpu_seconds(self):
        """The same with its children."""
        return sum(map(_cpu_seconds, _tree(self.popen.pid)))

    def memory_kib(self):
        """The resident sets of the process and its children, at their largest and now.

        Memory that they share counts for the first of them.
        """
        parent, *children = [_memory_kib(pid) for pid in _tree(self.popen.pid)]
        return tuple(parent[i] + sum(child[i] - child[2] for child in children) for i in (0, 1))

    def forget_peak(self):
        """The largest resident set is the present one from now on.

        Only root may say so of serviceradar-trapd, which protects its keys: else it is that since its start.
        """
        for pid in _tree(self.popen.pid):
            with contextlib.suppress(PermissionError), open("/proc/%d/clear_refs" % pid, "w") as out:
                out.write("5")


def _tree(pid):
    pids = [pid]
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        # A thread may end meanwhile: no such file, or no such process.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path) as children:
            for child in children.read().split():
                pids += _tree(int(child))
    return pids


def _cpu_seconds(pid):
    """The clock of another process: /proc/PID/stat counts in hundredths, and schedstat one thread."""
    process_clock = (~pid << 3) | 2  # clock_getcpuclockid(3), CPUCLOCK_SCHED
    try:
        return time.clock_gettime(process_clock)
    except OSError:  # a child that ended
        return 0


def _memory_kib(pid):
    """The largest resident set, the present one, and what of it is shared with other processes; 0 of one
    that ended."""
    values = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
            open("/proc/%d/status" % pid) as status:
        values = dict(re.findall(r"^(VmHWM|VmRSS|RssShmem):\s+(\d+) kB", status.read(), re.M))
    return tuple(int(values.get(name, 0)) for name in ("VmHWM", "VmRSS", "RssShmem"))


def end_when_told():
    """Signals that would end this program where it stands let it stop what it started first."""
    def end(number, _):
        for again in ends:
            signal.signal(again, signal.SIG_IGN)  # once is enough
        sys.exit(128 + number)

    ends = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    for number in ends:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup and shells' background jobs have it
            signal.signal(number, end)


# ---- Command lines ----

def amount(text):
    """The type of an option: a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("%s is not a number above 0" % text)
    return value


def whole_number(text):
    value = amount(text)
    if value != int(value):
        raise argparse.ArgumentTypeError("%s is not a whole number" % text)
    return int(value)


def existing_folder(text):
    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError("there is no folder %s" % text)
    return text


# ---- Processors ----

@contextlib.contextmanager
def on_processor(number):
    """What is started in here stays on that processor, if there are two."""
    all_of_them = os.sched_getaffinity(0)
    if len(all_of_them) > 1:
        os.sched_setaffinity(0, {sorted(all_of_them)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def come_first():
    """Root's measurements go before what else the machine does."""
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, -10)


# ---- Sockets ----

def listens(port):
    """Whether a socket of TCP with that port of 127.0.0.1 or all addresses takes connections."""
    with open("/proc/net/tcp") as lines:
        return any(re.search(r"(0100007F|00000000):%04X 00000000:0000 0A" % port, line)
                   for line in lines)


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


def wait_for(what, check, seconds=30, pause=0.05):
    until = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
        except OSError:
            pass
        if time.monotonic() > until:
            raise RuntimeError("timed out: " + what)
        time.sleep(pause)


def wait_until_done(process, port):
    """Nothing waits in the socket, and the process does (nearly) nothing any more."""
    wait_for("an empty socket", lambda: (socket_of(port) or [0])[0] == 0)
    wait_until_idle(process)


def wait_until_idle(process, least=0.15, most=20):
    """It takes less than a hundredth of a processor, for so many seconds at least."""
    used, until, since = process.tree_cpu_seconds(), time.monotonic() + most, time.monotonic()
    while time.monotonic() < until and time.monotonic() - since < least:
        time.sleep(0.03)
        before, used = used, process.tree_cpu_seconds()
        if used - before > 0.0003:
            since = time.monotonic()


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
    if os.geteuid() != 0 or "SR_BENCH_NAMESPACE" in os.environ or not (
            shutil.which("unshare") and shutil.which("ip")):
        return
    os.environ["SR_BENCH_NAMESPACE"] = "1"
    if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        return  # root of a container, which may not
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


def number(value, form="%d"):
    """With commas between thousands."""
    head, dot, tail = (form % value).partition(".")
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", head) + dot + tail


def spread(values, form):
    """The median, and the least and the largest value."""
    return "%s (%s-%s)" % tuple(number(value, form) for value in (
        statistics.median(values), min(values), max(values)))


def markdown_table(heads, rows):
    lines = [heads, ["---"] * len(heads)] + rows
    return "".join("| %s |\n" % " | ".join(map(str, line)) for line in lines) + "\n"


def markdown(heads, rows):
    print(markdown_table(heads, rows), end="", flush=True)


# ---- Bars ----

def bar(what, sign, limit, measured, form="%.2f"):
    """A row of a table of bars; the sign is <= or >=; `measured` None: there was nothing to measure."""
    said = [what, "%s %s" % (sign, "{:,}".format(limit))]
    if measured is None:
        return said + ["-", "not measured"]
    met = measured <= limit if sign == "<=" else measured >= limit
    return said + [form % measured, "met" if met else "**missed**"]


def at_least(what, limit, measured, form):
    return bar(what, ">=", limit, measured, form)


def at_most(what, limit, measured, form):
    return bar(what, "<=", limit, measured, form)
