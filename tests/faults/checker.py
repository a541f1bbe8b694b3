# SPDX-License-Identifier: Apache-2.0
"""Does the ledger hold? Compares what was sent, what was counted and what is in the stream.

Pure: evidence in, findings out, so that its tests can feed it every kind of lie.
"""

import collections
import dataclasses

WINDOW = 4096  # the messages that the publisher may have in flight
BATCH = 64     # datagrams of one receive batch: what one kill -9 may lose

DAMAGE_REASONS = ("damaged", "missing", "later_version")
DISK_REASONS = ("disk_full", "disk_error", "queue_full", "deadletter_full",
                *(f"shed_{word}" for word in ("emergency", "alert", "critical", "error", "warning",
                                              "notice", "info", "debug")))

# A message and the numbers in it; None: not ours.
Stored = collections.namedtuple("Stored", "listener dead numbers id")
Finding = collections.namedtuple("Finding", "what text")


@dataclasses.dataclass
class Listener:
    """What is known of one listener. Every line, flow and dead letter that was sent has a number;
    a datagram has one after the other, or none when it tells only templates."""
    name: str
    sent: int          # numbers, from 0
    socket_drops: int  # the kernel's own count
    lives: list        # the last ledger of each process whose counters nobody went on with
    dropped: dict = dataclasses.field(default_factory=dict)  # of the last life, by reason
    dropped_records: dict = dataclasses.field(default_factory=dict)
    consumed: dict = dataclasses.field(default_factory=dict)
    sizes: list = None  # of each datagram, how many numbers; None: one each
    requests: bool = False  # a datagram without a number sends one again that has no answer yet
    early: bool = False     # ... which comes when it is on the disk, not in the stream
    unanswered: tuple = ()  # numbers of requests

    def total(self, count):
        return sum(life.get(count, 0) for life in self.lives)

    @property
    def datagrams(self):
        return self.sent if self.sizes is None else len(self.sizes)

    @property
    def without_numbers(self):
        return 0 if self.sizes is None else self.sizes.count(0)

    @property
    def consumed_reason(self):
        """What becomes of datagrams without a number."""
        return "duplicates" if self.requests else "templates"

    def gone(self, missing):
        """The sizes of the datagrams of which all numbers are missing, and how often each."""
        if self.sizes is None:
            return collections.Counter({1: len(missing)})
        first, sizes = 0, collections.Counter()
        for size in self.sizes:
            if size > 0 and all(n in missing for n in range(first, first + size)):
                sizes[size] += 1
            first += size
        return sizes


@dataclasses.dataclass
class Evidence:
    durability: str
    listeners: list
    stream: list                 # Stored, in the stream's order
    kills: int = 0               # kill -9 of the collector
    disk_faults: int = 0         # the queue could not write for a while
    corruptions: int = 0         # times that segments were damaged
    unexpected_duplicates: int = 0
    garbage_acks: int = 0
    complaints: list = dataclasses.field(default_factory=list)  # exits, log lines, timeouts
    batch: int = 1               # records in one message, at most


def ranges(numbers, limit=20):
    """Sorted numbers for people: "3, 7-9"."""
    out, numbers = [], sorted(numbers)
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    texts = [f"{a}" if a == b else f"{a}-{b}" for a, b in out[:limit]]
    more = len(out) - limit
    return ", ".join(texts) + (f" and {more} more ranges" if more > 0 else "")


def disorder(numbers):
    """The most places by which one of these comes too late; each counts once."""
    rank = {n: i for i, n in enumerate(sorted(set(numbers)))}
    highest, worst, seen = -1, 0, set()
    for n in numbers:
        if n not in seen:
            seen.add(n)
            highest = max(highest, rank[n])
            worst = max(worst, highest - rank[n])
    return worst


def can_hold(sizes, count, low, high):
    """Whether `count` of these datagrams (sizes: how many there are of each size) hold together
    from `low` to `high` numbers."""
    if count == 0 or not sizes:
        return count == 0 and low <= 0 <= high
    if len(sizes) == 1:
        (size, there), = sizes.items()
        return count <= there and low <= count * size <= high
    size = min(sizes)
    rest = {s: n for s, n in sizes.items() if s != size}
    others = sum(rest.values())
    return any(can_hold(rest, count - n, low - n * size, high - n * size)
               for n in range(max(0, count - others), min(sizes[size], count) + 1))


class Check:
    def __init__(self, evidence):
        self.e, self.findings = evidence, []

    def find(self, what, text):
        self.findings.append(Finding(what, text))

    def equal(self, what, left, right):
        """`left` and `right` map the names of the terms of two sums to numbers."""
        a, b = sum(left.values()), sum(right.values())
        if a != b:
            def side(terms):
                text = " + ".join(f"{name} {n}" for name, n in terms.items())
                return f"{text} = {sum(terms.values())}" if len(terms) > 1 else text
            self.find(what, f"{side(left)} is not {side(right)}: {a - b:+d}")

    def inputs(self, listener):
        t = listener.total
        self.equal(f"inputs of {listener.name}", {"sent": listener.datagrams},
                   {"received": t("received"), "kernel_drops": t("kernel_drops")})
        self.equal(f"kernel drops of {listener.name}", {"the socket's": listener.socket_drops},
                   {"kernel_drops": t("kernel_drops")})

    def balance(self, listener):
        for n, life in enumerate(listener.lives):
            def terms(*names, life=life):
                return {name: life.get(name, 0) for name in names}
            name = f"{listener.name}, ledger {n + 1} of {len(listener.lives)}"
            self.equal(f"balance of inputs of {name}", terms("received", "parts"),
                       terms("decoded", "consumed", "deadlettered", "dropped"))
            self.equal(f"balance of records of {name}",
                       terms("records", "recovered", "deadlettered"),
                       terms("stored", "stored_dead", "queued", "dropped_records"))
            if not life["balanced"]:
                self.find(f"balance of {name}", "the collector itself says balanced=false")
        if listener.lives and self.e.durability != "memory" and listener.lives[-1]["queued"]:
            self.find(f"rest of {listener.name}", f"{listener.lives[-1]['queued']} still queued")

    def reasons(self, listener):
        """Every loss has a reason, and every reason a cause in the schedule."""
        everything = listener.sent
        allowed = {
            ("dropped", "killed"): self.e.kills * BATCH,
            ("consumed", listener.consumed_reason): listener.without_numbers,
        }
        if listener.requests:  # of v3, with a clock that is over: it is told the right one
            allowed[("consumed", "resynchronised")] = everything
        for reason in DAMAGE_REASONS if self.e.corruptions else ():
            allowed[("dropped_records", reason)] = everything
        if self.e.corruptions and self.e.kills:
            # After a kill nobody can say why the records of an unreadable file are not there.
            allowed[("dropped_records", "killed")] = everything
        for reason in DISK_REASONS if self.e.disk_faults else ():
            allowed[("dropped", reason)] = allowed[("dropped_records", reason)] = everything
        for kind in ("dropped", "dropped_records", "consumed"):
            found = getattr(listener, kind)
            if kind != "consumed" or len(listener.lives) == 1:
                self.equal(f"reasons of {kind} of {listener.name}", {kind: listener.total(kind)},
                           found or {"no reason": 0})
            for reason, count in found.items():
                most = allowed.get((kind, reason), 0)
                if count > most:
                    self.find(f"reasons of {kind} of {listener.name}",
                              f"{reason} {count}, and the schedule explains at most {most}")

    def once(self, i, listener, stored):
        numbers = collections.Counter(n for s in stored for n in s.numbers)
        for number, count in sorted(numbers.items()):
            if count > 1:
                ids = ", ".join(str(s.id) for s in stored if number in s.numbers)
                self.find(f"once from {listener.name}", f"{number} is stored {count} times: {ids}")
        strange = [n for n in numbers if not 0 <= n < listener.sent]
        if strange:
            self.find(f"once from {listener.name}", f"stored but never sent: {ranges(strange)}")
        for s in stored:
            if list(s.numbers) != sorted(s.numbers):
                self.find(f"order of {listener.name}", f"within {s.id}: {s.numbers}")
        for dead in () if listener.requests else (False, True):
            worst = disorder([s.numbers[0] for s in stored if s.dead == dead])
            if worst > WINDOW:
                self.find(f"order of {listener.name}",
                          f"{'dead letters' if dead else 'messages'} come up to {worst} places late"
                          f", {WINDOW} are allowed")

    def slack(self, listener):
        """Records that may be stored and counted as lost: in flight when their copy got lost."""
        window = WINDOW * self.e.batch
        damaged = sum(listener.dropped_records.get(r, 0) for r in (*DAMAGE_REASONS, "killed"))
        return min(window * self.e.corruptions, damaged) + sum(
            min(window, life["queued"]) for life in listener.lives)

    def answers(self, listener, stored):
        """A request that has its answer is stored, and at the end each has one. What became of
        datagrams on the way is nobody's loss: they were sent again. A copy that came after the
        memory of its answer was gone is a record more that the stream had already."""
        numbers = {n for s in stored for n in s.numbers}
        missing = set(range(listener.sent)) - numbers
        lost = missing - set(listener.unanswered)
        damaged = listener.total("dropped_records") if listener.early else 0
        if len(lost) > damaged:
            self.find(f"answers of {listener.name}",
                      f"{len(lost)} are answered and not in the stream, and {damaged} are counted "
                      f"as damaged: {ranges(lost)}")
        if listener.unanswered:
            self.find(f"answers of {listener.name}", f"{len(listener.unanswered)} have none: "
                      f"{ranges(listener.unanswered)}")
        t, slack = listener.total, self.slack(listener)
        known = t("consumed") - listener.consumed.get("resynchronised", 0)
        copies = listener.without_numbers - (known if len(listener.lives) == 1 else 0)
        if not len(numbers) - slack <= t("stored") <= len(numbers) + copies:
            self.find(f"stored of {listener.name}",
                      f"the stream has {len(numbers)}, stored says {t('stored')}, and {copies} were "
                      "sent again and not known")

    def losses(self, listener, stored):
        """missing = counted; what was in flight when its copy got lost may be both. Inputs are
        counted as datagrams when nobody read them, each else as the dead letter it would have
        been, and records one by one."""
        missing = set(range(listener.sent)) - {n for s in stored for n in s.numbers}
        t, slack = listener.total, self.slack(listener)
        terms = {"dropped": t("dropped"), "dropped_records": t("dropped_records"),
                 "kernel_drops": t("kernel_drops"),
                 "queued": sum(life["queued"] for life in listener.lives)}
        templates = listener.without_numbers - t("consumed")
        unread = terms["kernel_drops"] + listener.dropped.get("killed", 0)
        rest = len(missing) - (sum(terms.values()) - unread)
        if templates < 0 or not can_hold(
                listener.gone(missing), unread - templates, rest, rest + slack):
            text = ", ".join(f"{name} {n}" for name, n in terms.items())
            if listener.sizes is not None:
                text += (f"; {unread} datagrams were not read, {templates} of them templates; not "
                         f"there at all are, by size, {dict(listener.gone(missing))}")
            counted = sum(terms.values())
            self.find(f"losses of {listener.name}",
                      f"{len(missing)} of {listener.sent} are not in the stream and {counted} are "
                      f"counted ({text}): {len(missing) - counted:+d}; "
                      f"not there: {ranges(missing) or 'none'}")
        for name, dead in (("stored", False), ("stored_dead", True)):
            there = len({n for s in stored if s.dead == dead for n in s.numbers})
            if not t(name) <= there <= t(name) + slack:
                self.find(f"stored of {listener.name}",
                          f"the stream has {there}, {name} says {t(name)}")

    def run(self):
        for what in self.e.complaints:
            self.find("run", what)
        for i, listener in enumerate(self.e.listeners):
            stored = [s for s in self.e.stream if s.listener == i and s.numbers is not None]
            self.inputs(listener)
            self.balance(listener)
            self.reasons(listener)
            self.once(i, listener, stored)
            if listener.requests:
                self.answers(listener, stored)
            else:
                self.losses(listener, stored)
        strange = [s.id for s in self.e.stream if s.numbers is None]
        if strange:
            self.find("stream", f"{len(strange)} messages that nobody sent: {strange[:5]}")
        ids = collections.Counter(s.id for s in self.e.stream)
        for one, count in ids.items():
            if count > 1:
                self.find("ids", f"Nats-Msg-Id {one} is there {count} times")
        if self.e.unexpected_duplicates:
            self.find("duplicates", f"output_unexpected_duplicates_total is "
                      f"{self.e.unexpected_duplicates}, must be 0")
        if self.e.garbage_acks:
            self.find("acks", f"output_garbage_acks_total is {self.e.garbage_acks}, must be 0")
        return self.findings


def check(evidence):
    """What contradicts the promise; empty when the ledger holds."""
    return Check(evidence).run()
