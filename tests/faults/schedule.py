# SPDX-License-Identifier: Apache-2.0
"""From a seed to what goes wrong when: the same seed gives the same schedule everywhere."""

import dataclasses
import random

PROGRAMS = ("syslog", "netflow", "trapd")
DURABILITIES = ("always", "spill", "memory")
# By seed; `always` promises the most and gets the most.
CHOSEN = ("always", "spill", "always", "memory", "always", "spill")

ON_DISK = ("always", "spill")
DISK_BYTES = 64 << 20  # of the file system of queue.dir

LARGE_BUFFER = 32 << 20  # what is sent while no collector runs has room there
SMALL_BUFFER = 128 << 10  # ... and here it has not

RATES = {"always": (1000, 2000, 2500), "spill": (2000, 2500, 3000), "memory": (1000, 2000, 2500)}
# Spilling takes bytes that pile up.
SIZES = {"always": (0, 200, 900), "spill": (300, 900, 900), "memory": (0, 200, 900)}
# Flows: a datagram of 20 of them is as much work, and less when they share a message.
FLOW_RATES = {1: 20, 50: 5}  # by records in a message: what RATES is divided by

CUTS = ("refuse", "reset", "stall", "blackhole", "acks")
CREDS = ("expired", "expiring", "truncated")


@dataclasses.dataclass(frozen=True)
class Fault:
    at: float    # seconds after the load began
    kind: str
    hold: float  # seconds until it is undone
    detail: dict

    def __str__(self):
        detail = "".join(f" {k}={len(v) if isinstance(v, tuple) else v}"
                         for k, v in self.detail.items())
        return f"{self.at:6.2f} s  {self.kind:<15} for {self.hold:.2f} s{detail}"


@dataclasses.dataclass(frozen=True)
class Schedule:
    seed: int
    program: str
    durability: str
    duration: float  # seconds of load
    rate: int        # datagrams a second, over all listeners
    listeners: int
    size: int        # bytes of padding in a line, at most
    batch: int       # records in a message, at most
    buffer: int      # bytes of each socket's buffer
    tenants: bool    # the server is one of an operator, with TLS and credentials
    faults: tuple

    def __str__(self):
        server = "server with tenants and TLS" if self.tenants else "plain server"
        batch = f", up to {self.batch} records in a message" if self.batch > 1 else ""
        head = (f"seed {self.seed}: {self.program}, {self.durability}, {self.rate} datagrams/s for "
                f"{self.duration:g} s to {self.listeners} listeners with {self.buffer >> 10} KiB"
                f"{batch}, {server}")
        return "\n".join([head, *(f"  {fault}" for fault in self.faults)])


def _kill_collector(rng, _):
    # Some of the next lives end early, while they look at what the last one left.
    early = tuple(round(rng.uniform(0, 0.3), 3) for _ in range(rng.choice((0, 0, 1, 3))))
    return rng.uniform(0, 2.5), {"early": early} if early else {}


def _stop_collector(rng, _):
    return rng.uniform(0, 2), {"server": rng.choice(("there", "there", "away"))}


def _kill_server(rng, _):
    return rng.uniform(0.1, 3), {}


def _pause_server(rng, _):
    return rng.uniform(0.3, 4), {}


def _cut(rng, _):
    return rng.uniform(0.2, 3.5), {"how": rng.choice(CUTS)}


def _full(rng, _):
    # With the server away the queue needs its disk; with the server there it should not miss it.
    return rng.uniform(0.5, 2), {"left": rng.choice((0, 4096, 65536)),
                                 "server": rng.choice(("away", "away", "there"))}


def _sealed(rng, _):
    return rng.uniform(0.5, 2), {"server": rng.choice(("away", "away", "there"))}


def _corrupt(rng, durability):
    ends = ("kill", "stop", "none") if durability == "always" else ("stop", "stop", "none")
    # Which file of those that are there (a part of 1), where in it (likewise, or a byte of its
    # header), which bit.
    flips = tuple((rng.random(), rng.choice((rng.random(), rng.random(), rng.randrange(160))),
                   rng.randrange(8)) for _ in range(rng.randint(1, 6)))
    return rng.uniform(0.5, 2), {"collector": rng.choice(ends), "flips": flips}


def _creds(rng, _):
    return rng.uniform(0.5, 3.5), {"how": rng.choice(CREDS)}


KINDS = {
    "kill-collector": (("always",), _kill_collector),
    "stop-collector": (DURABILITIES, _stop_collector),
    "kill-server": (DURABILITIES, _kill_server),
    "pause-server": (DURABILITIES, _pause_server),
    "cut-network": (DURABILITIES, _cut),
    "fill-disk": (ON_DISK, _full),
    "seal-queue": (ON_DISK, _sealed),
    "corrupt-segment": (ON_DISK, _corrupt),
    "expire-creds": (DURABILITIES, _creds),
}


def make(seed, program=None, durability=None, duration=12.0, only=None):
    """The schedule of a seed. `only` names kinds of faults to draw from instead of all. What goes
    wrong when does not depend on the program."""
    rng = random.Random(f"faults {seed}")
    program = program or PROGRAMS[seed // len(CHOSEN) % len(PROGRAMS)]
    durability = durability or CHOSEN[seed % len(CHOSEN)]
    kinds = [k for k, (modes, _) in KINDS.items()
             if durability in modes and (not only or k in only)]
    head = {"rate": rng.choice(RATES[durability]), "listeners": rng.choice((1, 1, 2)),
            "size": rng.choice(SIZES[durability]),
            "buffer": SMALL_BUFFER if rng.random() < 0.15 else LARGE_BUFFER, "batch": 1}
    if program == "netflow":
        batch = random.Random(f"batch {seed}").choice(tuple(FLOW_RATES))
        head |= {"rate": head["rate"] // FLOW_RATES[batch], "size": 0, "batch": batch}
    faults, bag, at = [], [], rng.uniform(0.3, 1)
    while at < duration - 0.5 and kinds:
        if not bag:  # each kind once before any comes again
            bag = rng.sample(kinds, len(kinds))
        kind = bag.pop()
        hold, detail = KINDS[kind][1](rng, durability)
        hold = round(min(hold, max(0.2, duration - at)), 2)
        faults.append(Fault(round(at, 2), kind, hold, detail))
        at += hold + rng.uniform(0.4, 1.4)
    tenants = any(f.kind == "expire-creds" for f in faults) or rng.random() < 0.2
    return Schedule(seed, program, durability, duration, tenants=tenants, faults=tuple(faults),
                    **head)
