# SPDX-License-Identifier: Apache-2.0
"""Instruction counts of the programs stages_* under callgrind, and where they were spent.

Valgrind shows programs a processor of its own, so that the same functions of libc are chosen on
many machines, and the counts of a run differ by next to nothing from those of another.
"""

import collections
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

from measure import built

PROTOCOLS = ["syslog", "netflow", "trap"]
COUNTED = "stages_batch"  # the function in which instructions are counted


def program(protocol):
    return built("tests", "bench", "stages_" + protocol)


def why_not():
    """None, or what has to be built or installed."""
    if not shutil.which("valgrind"):
        return "valgrind is not installed: scripts/setup"
    if not all(os.path.exists(program(p)) for p in PROTOCOLS):
        return ("not built; run: cmake --preset release && "
                "cmake --build --preset release --target stages")
    return None


def cases(protocol):
    """The names of a protocol's cases."""
    out = subprocess.run([program(protocol)], check=True, stdout=subprocess.PIPE)
    return out.stdout.decode().split()


def count(protocol, case, folder):
    """Runs one case; returns its records and the path of callgrind's file."""
    path = os.path.join(folder, "%s-%s.callgrind" % (protocol, case))
    command = ["valgrind", "--tool=callgrind", "--quiet", "--toggle-collect=" + COUNTED,
               "--callgrind-out-file=" + path, program(protocol), case]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    found = re.search(rb'"records": (\d+)', run.stdout)
    if run.returncode != 0 or not found:
        sys.exit("%s %s: %s" % (protocol, case, run.stderr.decode(errors="replace").strip()))
    return int(found.group(1)), path


def total(path):
    """All instructions that were counted."""
    with open(path) as lines:
        for line in lines:
            if line.startswith(("summary:", "totals:")) and int(line.split()[1]) > 0:
                return int(line.split()[1])
    sys.exit("%s: callgrind counted nothing" % path)


def count_all(chosen, use):
    """use(records, path) of each (protocol, case) in `chosen`, two of them at a time."""
    with tempfile.TemporaryDirectory(prefix="sr-callgrind-") as folder:
        with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            results = pool.map(lambda c: use(*count(*c, folder)), chosen)
            return dict(zip(chosen, results))


# ---- Callgrind's file ----

class Names:
    """Names that are written once, as "(3) name", and then as "(3)"."""

    def __init__(self):
        self.known = {}

    def read(self, text):
        number, _, name = text.strip().partition(" ")
        if name:
            self.known[number] = name
        return self.known.get(number, text.strip())


Cost = collections.namedtuple(
    "Cost", "function function_file file instructions callee callee_object callee_file")


def read_costs(path):
    """
    Yields what was spent in a function, in code of `file`: that of an inlined function is not
    `function_file`. `callee` is None for its own instructions, else they were spent below that.
    """
    names = {"fn": Names(), "fl": Names(), "ob": Names()}
    at = {"fn": "", "fl": "", "ob": "", "own": ""}
    call = {}
    is_call = False
    with open(path) as lines:
        for line in lines:
            found = re.match(r"(c?)(fn|fl|fi|fe|ob)=(.*)", line)
            if found:
                called, what, text = found.groups()
                kind = "fl" if what in ("fi", "fe") else what
                name = names[kind].read(text)
                (call if called else at)[kind] = name
                if what == "fn" and not called:
                    at["own"] = at["fl"]
            elif line.startswith("calls="):
                is_call = True
            elif re.match(r"[0-9+*-]", line):
                cost = int(line.split()[1])
                callee = [call.get("fn"), call.get("ob", at["ob"]), call.get("fl", at["fl"])]
                yield Cost(at["fn"], at["own"], at["fl"], cost,
                           *(callee if is_call else [None] * 3))
                if is_call:
                    is_call, call = False, {}


def attribute(costs, stage_of):
    """
    Yields (stage, instructions): what a function of a stage spends, with what it calls that is of
    none. `stage_of` tells the stage of a source file, None of those that belong to their callers.
    """
    costs = list(costs)
    below = {}  # of functions of no stage: what they spend, and how much of that below a stage

    def stage(cost):
        return stage_of(cost.file) or stage_of(cost.function_file)

    def share(key, seen):
        """How much of what that function spends is not spent by a stage that it calls."""
        if key not in below or key in seen:
            return 1.0
        spent, calls = below[key]
        elsewhere = sum(c.instructions * (1.0 if stage_of(c.callee_file) else 1 - share(
            (c.callee, c.callee_file), seen | {key})) for c in calls)
        return 1 - elsewhere / spent if spent > 0 else 1.0

    for c in costs:
        if not stage_of(c.function_file):
            entry = below.setdefault((c.function, c.function_file), [0, []])
            entry[0] += c.instructions
            if c.callee is not None:
                entry[1].append(c)
    for c in costs:
        if stage(c) is None or (c.callee is not None and stage_of(c.callee_file)):
            continue  # its caller's, or counted for itself
        part = 1.0 if c.callee is None else share((c.callee, c.callee_file), frozenset())
        yield stage(c), c.instructions * part
