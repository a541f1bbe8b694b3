# SPDX-License-Identifier: Apache-2.0
"""What `compare` does with a receiver: a run at a rate, the search for the highest one, latency."""

import dataclasses
import math
import os
import statistics
import subprocess
import time

from measure import on_processor, socket_of, wait_for, wait_until_done, wait_until_idle
from receivers import Run
from senders import Single, mark, send, sending

STEP = 1.1          # neighbouring rates of the search
BEHIND = 0.1        # of a run's time: what a receiver may still have to do after the last datagram
DOWN = 5            # rates that are tried for confirmations, one step down, then two more, and so on
FEW = 0.01          # of the records: where fewer are lost, it is tried once more
TOO_SLOW = 0.95     # of a rate: less of it is the sender's limit
FAILURES = (OSError, RuntimeError, subprocess.SubprocessError)


# ---- One run ----

@dataclasses.dataclass
class Result:
    us: float           # CPU for a record that was received
    rate: float         # records a second, as sent
    sent: int
    lost: int           # of the records; more than that were doubled: -1
    behind: float       # seconds of CPU after the last one
    seconds: float
    rss: float = 0      # MiB at the peak
    turn: int = 0       # of the rounds: receivers that take turns have neighbours in the same one


def lost_records(load, sent, drops, counted):
    """By what is stored where that is known, else by the datagrams that the kernel dropped."""
    by_kernel = drops * load.records()
    if counted is None:
        return by_kernel
    return -1 if counted < 0 or counted > sent["records"] else sent["records"] - counted


def one_load(run, load, folder):
    """Sends to a receiver that runs. What it wrote may be known after its end only."""
    run.must_live()
    run.forget_peak()
    counted = run.counted()  # asks ours, which costs it something
    before = run.tree_cpu_seconds()
    drops = socket_of(run.port)[1] if load.transport == "udp" else 0
    try:
        sent = send(load, folder)
    except RuntimeError:
        run.must_live()
        raise
    then = run.tree_cpu_seconds()
    if load.transport == "udp":
        wait_until_done(run, run.port)
    else:
        wait_until_idle(run)
    used = run.tree_cpu_seconds()
    run.must_live()
    if used <= before:
        raise RuntimeError("it took no CPU time: nothing reached it, or the machine is too busy")
    drops = socket_of(run.port)[1] - drops if load.transport == "udp" else 0
    if counted is not None:
        counted = run.counted() - counted
    lost = lost_records(load, sent, drops, counted)
    handled = max(sent["records"] - max(lost, 0), 1)
    result = Result(us=(used - before) / handled * 1e6, rate=sent["records"] / sent["seconds"],
                    sent=sent["records"], lost=lost,
                    behind=used - then, seconds=sent["seconds"], rss=run.memory_kib()[0] / 1024)
    return result, sent, drops


def measured(which, loads, folder, **how):
    """A result for each of the loads, of one process. Of those that tell at their end, of all of it."""
    found = []
    with Run(which, folder, loads[0].transport, **how) as run:
        for load in loads:
            found.append(one_load(run, load, folder))
    results = [result for result, _, _ in found]
    counted = run.counted_after()
    if counted is not None:
        everything = {"records": sum(sent["records"] for _, sent, _ in found)}
        settle(results, lost_records(loads[0], everything, 0, counted))
    return results


def settle(results, lost):
    """Puts what is missing of all of them beside what the kernel dropped of each: to the last one."""
    known = sum(result.lost for result in results)
    results[-1].lost = -1 if lost < 0 else results[-1].lost + max(lost - known, 0)


# ---- The highest rate ----

def is_sustained(result):
    """Nothing was lost, and no heap of work was left: buffers hide a rate that is too high."""
    return result.lost == 0 and result.behind <= BEHIND * result.seconds


def is_doubtful(result, rate, confirms):
    """The machine may have been busy with something else. What is to be confirmed gets no second chance."""
    if is_sustained(result):
        return result.rate < TOO_SLOW * rate
    return not confirms and 0 < result.lost < FEW * result.sent


def highest(passes, first, confirmations, probes=12):
    """The highest step of a rate that passes so often, by going up or down, then halving: (rate, results).

    `passes(rate, confirms)` returns whether it did and the result of the run. `first` is a guess. Steps
    are powers of STEP. (0, []) when no rate passes.
    """
    step = round(math.log(first) / math.log(STEP))
    good, bad, jump = None, None, 4  # steps, by nearly a half more or less
    for _ in range(probes):
        if passes(STEP ** step, False)[0]:
            good = step
        else:
            bad = step
        if good is not None and bad is not None and bad - good <= 1:
            break
        if good is None:
            step = bad - jump
        elif bad is None:
            step = good + jump
        else:
            step = (good + bad) // 2
        jump = jump if bad is None or good is None else jump // 2 or 1
    for down in range(DOWN if good is not None else 0):
        good -= down
        runs = []
        for _ in range(confirmations):
            passed, result = passes(STEP ** good, True)
            if not passed:
                break
            runs.append(result)
        if len(runs) == confirmations:
            return STEP ** good, runs
    return 0, []


def search(which, load, folder, options, first):
    """The highest loss-free rate of a receiver, with its CPU, or None; whether the sender was the limit."""
    limit = []  # what the sender managed when it did not manage what was asked for

    def run(rate):
        return measured(which, [dataclasses.replace(load, rate=rate, seconds=options.search_seconds)],
                        folder)[0]

    def passes(rate, confirms):
        if limit and rate > limit[0]:
            return False, None
        result = run(rate)
        if is_doubtful(result, rate, confirms):
            result = run(rate)
        if is_sustained(result) and result.rate < TOO_SLOW * rate:
            limit[:] = [result.rate]
            return False, result
        return is_sustained(result), result

    rate, runs = highest(passes, max(first, 1000), options.confirmations, options.probes)
    if not runs:
        return None
    return {"rate": statistics.median(r.rate for r in runs), "us": statistics.median(r.us for r in runs),
            "sender": bool(limit) and rate * STEP * STEP > limit[0], "rss": max(r.rss for r in runs)}


# ---- Latency ----

def size_of(path):
    """Of a file, or of all in a folder."""
    try:
        if os.path.isdir(path):
            return sum(entry.stat().st_size for entry in os.scandir(path))
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


PATIENCE = 5  # seconds


def latency(which, folder, seconds):
    """Sorted ms from sending a lone record to a longer file; one at a time, at random moments."""
    found = []
    with Run(which, folder, "udp", changes=which.prompt_words) as run, on_processor(1):
        sender = Single(which.protocol)
        until = time.monotonic() + seconds
        while time.monotonic() < until or not found:
            size, start = size_of(run.out), time.monotonic()
            sender.send()
            while size_of(run.out) == size:
                if time.monotonic() - start > PATIENCE:
                    raise RuntimeError("a record was not in the file after %d s" % PATIENCE)
            found.append((time.monotonic() - start) * 1000)
            time.sleep(sender.pause())
    return sorted(found)


class Tail:
    """Looks without pause for what is appended to a file."""

    def __init__(self, path):
        wait_for("a file", lambda: os.path.exists(path))
        self.file, self.rest = open(path, "rb"), b""

    def has(self, sought):
        """Whether it has been appended since the last time."""
        found = self.rest + self.file.read(1 << 20)
        self.rest = found[-len(sought):]
        return sought in found


def busy_latency(which, load, folder, seconds):
    """The same beside a load: until the record's number is in the file."""
    found = []
    load = dataclasses.replace(load, seconds=seconds + 0.5)
    with Run(which, folder, "udp", changes=which.prompt_words) as run, on_processor(1), \
            sending(load, folder):
        sender, tail, until = Single(which.protocol), Tail(run.out), time.monotonic() + seconds
        while time.monotonic() < until or not found:
            start = time.monotonic()
            sought = mark(sender.send())
            while not tail.has(sought):
                if time.monotonic() - start > PATIENCE:
                    raise RuntimeError("a record was not in the file after %d s" % PATIENCE)
            found.append((time.monotonic() - start) * 1000)
            time.sleep(sender.pause())
    return sorted(found)


def percentile(ordered, share):
    """Of sorted values: the least that so large a share of them does not exceed."""
    return ordered[max(math.ceil(len(ordered) * share) - 1, 0)]
