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


Cost = collections.namedtuple("Cost", "function file instructions callee callee_object")


def read_costs(path):
    """Yields what was spent: `callee` is None for a function's own, else it was spent below it."""
    names = {"fn": Names(), "fl": Names(), "ob": Names()}
    at = {"fn": "", "fl": "", "ob": ""}
    call = {"fn": None, "ob": None}
    is_call = False
    with open(path) as lines:
        for line in lines:
            found = re.match(r"(c?)(fn|fl|fi|fe|ob)=(.*)", line)
            if found:
                called, what, text = found.groups()
                kind = "fl" if what in ("fi", "fe") else what
                name = names[kind].read(text)
                if called:
                    call[kind] = name
                else:
                    at[kind] = name
            elif line.startswith("calls="):
                is_call = True
            elif re.match(r"[0-9+*-]", line):
                cost = int(line.split()[1])
                yield Cost(at["fn"], at["fl"], cost, call["fn"] if is_call else None,
                           (call["ob"] or at["ob"]) if is_call else None)
                if is_call:
                    is_call, call = False, {"fn": None, "ob": None}
