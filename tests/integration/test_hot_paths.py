# SPDX-License-Identifier: Apache-2.0
"""What a record costs beside instructions: memory that is asked for, and system calls."""

import collections
import itertools
import os
import re
import shutil
import signal
import struct
import time
from pathlib import Path

import pytest

import flows
import traps
from lab import BIN, NETFLOW, SYSLOG, TOOLS, TRAPD, Daemon, wait_for

COUNTER = TOOLS / "libcount_allocations.so"
IS_SANITIZED = "asan" in str(BIN) or "tsan" in str(BIN)


# ---- Load ----

BSD = b"<13>Jan  2 03:04:05 edge-17 app[4242]: a message of some words, number %d"
IETF = (b'<165>1 2026-11-22T06:27:13.123456Z edge-17 app 4242 ID47 [meta@32473 sequenceId="%d"] '
        b"a message of some words")
CISCO = (b"<189>%d: switch-17: *Nov 22 12:00:00.411 CET: %%LINEPROTO-5-UPDOWN: Line protocol on "
         b"Interface GigabitEthernet0/0/7, changed state to up")


def lines(text):
    return lambda first, count: (text % n for n in range(first, first + count))


def mixed(first, count):
    return (texts % n for texts, n in zip(itertools.cycle((BSD, IETF, CISCO)),
                                          range(first, first + count)))


def notifications(first, count):
    for n in range(first, first + count):
        pair = (traps.IF_INDEX, traps.integer(n))
        yield traps.v1(pair) if n % 2 else traps.v2c(pair, request=n)


def v5(first, count):
    return (flows.v5(0xC0000200, 20, sequence=20 * n) for n in range(first, first + count))


def with_templates(version):
    """Each datagram has 20 records, and those whose number 100 divides have the template as well."""
    records = flows.data(256, *(flows.record(i) for i in range(20)))
    template = struct.pack("!HH", 2, 4 + 20) + flows.template(256)[4:] if version == 10 else (
        flows.template(256))

    def write(first, count):
        for n in range(first, first + count):
            sets = (template if n % 100 == 0 else b"") + records
            now = int(time.time())
            yield (struct.pack("!HHIII", 10, 16 + len(sets), now, 20 * n, 7) if version == 10 else
                   struct.pack("!HHIIII", 9, 20 + (n % 100 == 0), 10**6, now, n, 7)) + sets
    return write


CASES = {
    "rfc3164": (SYSLOG, {"format": "rfc3164"}, lines(BSD)),
    "rfc5424": (SYSLOG, {"format": "rfc5424"}, lines(IETF)),
    "smart": (SYSLOG, {"format": "smart"}, mixed),
    "v1 and v2c": (TRAPD, {}, notifications),
    "v5": (NETFLOW, {}, v5),
    "v9": (NETFLOW, {}, with_templates(9)),
    "ipfix": (NETFLOW, {}, with_templates(10)),
}


# ---- Memory ----

def allocations(path):
    """How often each thread asked for memory or gave some back, by its id."""
    return dict(struct.iter_unpack("=QQ", Path(path).read_bytes()))


def thread(pid, name):
    found = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()
             if (task / "comm").read_text().strip() == name]
    assert len(found) == 1, found
    return found[0]


def feed(daemon, datagrams):
    """No more at once than the queue has spare segments for: nothing of it waits any more."""
    waiting = list(datagrams)
    for i in range(0, len(waiting), 400):
        daemon.feed(waiting[i:i + 400])
        wait_for("an empty queue", lambda: daemon.ledger()["queued"] == 0)


@pytest.mark.skipif(IS_SANITIZED, reason="sanitizers have an allocator of their own")
@pytest.mark.parametrize("case", CASES)
def test_a_receiving_thread_allocates_nothing_for_a_record(lab, case):
    program, listener, write = CASES[case]
    path = lab.dir / "allocations"
    daemon = Daemon(lab, "collector", program=program, listeners=[listener], output="discard")
    daemon.start(env={**os.environ, "LD_PRELOAD": str(COUNTER), "SR_ALLOCATIONS": str(path)})
    feed(daemon, write(0, 1000))
    receiver = thread(daemon.pid, "receive")
    before = allocations(path)
    assert before[daemon.pid] > 0, "nothing is counted"
    feed(daemon, write(1000, 4000))
    assert daemon.settled(5000)["decoded"] == 5000
    assert allocations(path).get(receiver, 0) == before.get(receiver, 0)


# ---- System calls ----

TRACE = ["strace", "-D", "-f", "-q", "-ttt", "-e", "signal=none", "-o"]
CALL = re.compile(r"\d+ +(\d+\.\d+) (?!<\.\.\.|\+\+\+|---)(\w+)\(")


def can_trace():
    return shutil.which("strace") is not None and os.system(
        "strace -D -f -o /dev/null true 2>/dev/null") == 0


def calls(path, begin, end):
    """The names of the system calls that any thread began between two moments."""
    found = (CALL.match(line) for line in path.read_text(errors="replace").splitlines())
    return [m[2] for m in found if m is not None and begin <= float(m[1]) <= end]


def waiting_bytes(port):
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(int(row.split()[4].split(":")[1], 16) for row in rows
               if int(row.split()[1].split(":")[1], 16) == port)


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def fill_while_it_stands_still(daemon, datagrams):
    """What comes faster than a collector takes it. Returns when it went on, and was through."""
    daemon.send_signal(signal.SIGSTOP)
    wait_for("a collector that stands still", lambda: state_of(daemon.pid) in "tT")
    daemon.send(datagrams, rate=10**7)
    begin = time.time()
    daemon.send_signal(signal.SIGCONT)
    wait_for("an empty socket", lambda: waiting_bytes(daemon.address()[1]) == 0)
    return begin, time.time()


@pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace here")
@pytest.mark.parametrize("case", ["smart", "v1 and v2c", "v9"])
def test_ten_datagrams_cost_less_than_one_system_call(lab, case):
    program, listener, write = CASES[case]
    trace = lab.dir / "trace"
    daemon = Daemon(lab, "collector", program=program, output="discard", prefix=[*TRACE, trace],
                    listeners=[{**listener, "receive_buffer": "16MiB"}])
    # LeakSanitizer does not work where somebody traces already.
    daemon.start(env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    sent = 0
    spans = []
    for _ in range(5):
        spans.append(fill_while_it_stands_still(daemon, write(sent, 4000)))
        sent += 4000
    ledger = wait_for("all of it is counted", lambda: (
        lambda l: l["received"] + l["kernel_drops"] == sent and l)(daemon.ledger()))
    daemon.stop()
    # Without the right to a large buffer some are dropped, by the kernel.
    made = [call for begin, end in spans for call in calls(trace, begin, end)]
    assert "recvmmsg" in made, "nothing is counted"
    assert len(made) * 10 < ledger["received"], collections.Counter(made)
