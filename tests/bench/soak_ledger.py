# SPDX-License-Identifier: Apache-2.0
"""What a soak judges: numbers that come out of a stream, and samples of a process.

Pure: evidence in, findings out. A soak is too long to keep what it read, so a listener's numbers
are counted while the stream is read, one byte each.
"""

import dataclasses
import random
import statistics

WINDOW = 4096  # the messages that the publisher may have in flight
FIRST_OUTAGES = 3  # after these a process has held the most that it will hold


class Tally:
    """How many numbers each datagram carried, without a list of them all: of a list it has what
    the checker of the fault suite asks for."""

    def __init__(self):
        self.counts, self.all = {}, 0

    def append(self, size):
        self.counts[size] = self.counts.get(size, 0) + 1
        self.all += 1

    def count(self, size):
        return self.counts.get(size, 0)

    def __len__(self):
        return self.all


class Numbers:
    """How often each number of a listener is stored, and how late the latest came."""

    def __init__(self):
        self.times = bytearray()
        self.highest = {False: -1, True: -1}  # of main messages and of dead letters
        self.late = 0

    def add(self, numbers, dead):
        """Counts those of one message. Returns what undo() takes."""
        before = self.highest[dead]
        for n in numbers:
            if n >= len(self.times):
                self.times.extend(bytes(n + 1 - len(self.times) + 65536))
            if self.times[n] < 255:
                self.times[n] += 1
        first = numbers[0]
        self.late = max(self.late, before - first)
        self.highest[dead] = max(before, numbers[-1])
        return numbers, dead, before

    def undo(self, added):
        """As if that message had not been read; of several, the last one first."""
        numbers, dead, before = added
        for n in numbers:
            if self.times[n] < 255:
                self.times[n] -= 1
        self.highest[dead] = before

    def missing(self, sent):
        """How many of the numbers below `sent` are not stored."""
        there = self.times[:sent]
        return there.count(0) + sent - len(there)

    def doubled(self):
        """How many are stored more than once."""
        return len(self.times) - self.times.count(0) - self.times.count(1)

    def strange(self, sent):
        """How many are stored that were never sent."""
        more = self.times[sent:]
        return len(more) - more.count(0)

    def some(self, wanted, sent, limit=5):
        """A few numbers that are stored `wanted` times; 2 stands for more than once."""
        found = []
        for n in range(sent):
            times = self.times[n] if n < len(self.times) else 0
            if min(times, 2) == wanted:
                found.append(n)
                if len(found) == limit:
                    break
        return found


# ---- What goes wrong when ----

@dataclasses.dataclass(frozen=True)
class Event:
    at: float    # seconds after the load began
    what: str    # kill-server, stop-server, restart, reload
    hold: float  # seconds that the server is away

    def __str__(self):
        away = f", away for {self.hold:.1f} s" if self.hold else ""
        return f"{self.at:7.1f} s  {self.what}{away}"


def plan(seconds, every, longest, seed=1):
    """What is done in a soak: every so many seconds the server goes, killed and stopped in turn,
    and halfway to the next time the collector reloads. The second time it is restarted instead.

    The first outages are the longest ones, two of them behind the restart. What a process ever
    needs for an outage it has then, and what its memory does afterwards is a trend."""
    dice, events, outages = random.Random(f"soak {seed}"), [], 0
    turn, at = 0, every / 2
    while at + longest + 5 < seconds:
        if turn == 1:
            events.append(Event(at, "restart", 0.0))
        else:
            hold = longest if outages < FIRST_OUTAGES else round(dice.uniform(1, longest), 1)
            events.append(Event(at, ("kill-server", "stop-server")[outages % 2], hold))
            outages += 1
        half = at + longest + (every - longest) / 2
        if half + 2 < min(seconds, at + every):
            events.append(Event(half, "reload", 0.0))
        turn, at = turn + 1, at + every
    return events


# ---- What a process holds ----

@dataclasses.dataclass(frozen=True)
class Sample:
    at: float      # seconds after the load began
    life: int      # of the collector
    rest: bool     # the server is there, nothing waits
    warm: bool     # behind the outages that show how much memory it takes
    rss: int       # KiB
    descriptors: int
    threads: int


def slope(samples):
    """KiB an hour of the second half of the samples: in the first the heap still takes its form. The
    median of the slopes between all pairs (Theil-Sen), which a single step does not move, since an
    outage may leave the heap a little larger or smaller; a leak has many steps or none."""
    half = samples[len(samples) // 2:]
    half = half[::max(1, len(half) // 300)]
    slopes = [(b.rss - a.rss) / (b.at - a.at) for i, a in enumerate(half) for b in half[i + 1:]]
    return statistics.median(slopes) * 3600 if slopes else 0.0


def growth(samples):
    """KiB between the medians of the first and the last quarter."""
    quarter = max(1, len(samples) // 4)
    return (statistics.median(s.rss for s in samples[-quarter:])
            - statistics.median(s.rss for s in samples[:quarter]))


@dataclasses.dataclass(frozen=True)
class Bounds:
    slope: float = 1024.0      # KiB an hour, of what is long enough for a slope
    long_enough: float = 1200  # seconds
    growth: float = 8192.0     # KiB, of what is shorter
    memory: bool = True        # a sanitizer's own memory grows


def resting(samples):
    """The samples that are compared: of the last life, warm, at rest."""
    last = max((s.life for s in samples), default=0)
    return [s for s in samples if s.life == last and s.rest and s.warm]


def judge_process(samples, bounds):
    """Findings about memory, descriptors and threads."""
    some, findings = resting(samples), []
    if len(some) < 8:
        return [f"only {len(some)} samples at rest after the warm-up: too few to judge"]
    span = some[-1].at - some[0].at
    if bounds.memory and span >= bounds.long_enough and slope(some) > bounds.slope:
        findings.append(f"the resident set grows by {slope(some):.0f} KiB an hour, "
                        f"{bounds.slope:.0f} are allowed")
    if bounds.memory and span < bounds.long_enough and growth(some) > bounds.growth:
        findings.append(f"the resident set grew by {growth(some):.0f} KiB in {span:.0f} s, "
                        f"{bounds.growth:.0f} are allowed")
    for what in ("descriptors", "threads"):
        values = [getattr(s, what) for s in some]
        first, last = usual(values[:len(values) // 4]), usual(values[-(len(values) // 4):])
        if first != last:
            findings.append(f"the number of {what} at rest is not constant: {first} at first, "
                            f"{last} at the end")
    return findings


def usual(values):
    """The value that is there most of the time: a connection that is just being closed, or one more
    that asks for the metrics, is no leak."""
    return statistics.mode(values)


# ---- What is stored ----

def judge_numbers(name, numbers, sent, window, ordered=True):
    """Findings about the numbers of one listener: each of those sent is stored exactly once."""
    findings = []
    for count, text, wanted in ((numbers.missing(sent), "not stored", 0),
                                (numbers.doubled(), "stored more than once", 2)):
        if count:
            some = ", ".join(map(str, numbers.some(wanted, sent)))
            findings.append(f"{name}: {count} of {sent} are {text}, such as {some}")
    if numbers.strange(sent):
        findings.append(f"{name}: {numbers.strange(sent)} are stored that were never sent")
    if ordered and numbers.late > window:
        findings.append(f"{name}: a message comes {numbers.late} places late, "
                        f"{window} are allowed")
    return findings
