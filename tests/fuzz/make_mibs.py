#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the corpus of fuzz_mib: tables of names, good ones and such as a damaged file holds.

The layout is written here a second time, from collectors/trapd/decode/mib_format.h, so that the C
code does not only agree with itself.
"""

import argparse
import pathlib
import struct

MAGIC = b"SRMIBTB\x02"
STRINGS = b"\0\0" + b"\x05\0A-MIB" + b"\x03\0d-1" + b"\x02\0up"
MODULE, HINT, UP = 2, 9, 14
LABELS = b"\0\0\0\0" + struct.pack("<IiIiI", 2, -1, UP, 1, UP)
STEP = 32


def info(name=b"one", labels=0, kind=1, syntax=1, severity=0, length=None, module=MODULE):
    fields = struct.pack("<3I4B", module, HINT, labels, kind, syntax, severity,
                         len(name) if length is None else length)
    return (fields + name).ljust(STEP, b"\0")


def node(arc, first=0, children=0, info=0, at=0, count=0, least=0, step=STEP):
    return struct.pack("<8I", arc, info, first, children, at, count, least, step)


def table(nodes, infos=b"", labels=LABELS, strings=STRINGS):
    return (MAGIC + struct.pack("<4I8x", len(nodes), len(infos), len(labels), len(strings)) +
            b"".join(nodes) + infos + labels + strings)


INFOS = bytes(STEP) + info() + info(labels=4) + bytes(STEP) + info(kind=2, severity=4)


def chain(infos=INFOS, labels=LABELS, strings=STRINGS, **last):
    """1.3.6 with a child 1 as told, and leaves 0, 1 (which is a gap) and 2 of that."""
    last = {"info": STEP, "at": 2 * STEP, "count": 3, **last}
    return table([node(0, 1, 1), node(1, 2, 1), node(3, 3, 1), node(6, 4, 1), node(1, **last)],
                 infos, labels, strings)


def listed(*pairs, count=None):
    """The same with a list of leaves: pairs of an arc and an info."""
    data = b"".join(struct.pack("<2I", *pair) for pair in pairs)
    return chain(INFOS + data, at=len(INFOS), count=len(pairs) if count is None else count, step=0)


def enterprise(**last):
    """1.3.6.1.4.1, which readers look up first, and 2 below it as told."""
    arcs = [0, 1, 3, 6, 1, 4, 1]
    nodes = [node(arc, i + 1, 1, info=STEP if i == 4 else 0) for i, arc in enumerate(arcs)]
    return table(nodes + [node(2, **{"info": 2 * STEP, "at": 4 * STEP, "count": 1, **last})], INFOS)


CORPUS = {
    "good": chain(),
    "enterprise": enterprise(),
    "enterprise_past_the_end": enterprise(first=8, children=1, at=5 * STEP, count=4),
    "listed": listed((0, STEP), (255, 2 * STEP), (0xFFFFFFFF, 4 * STEP)),
    "root_only": table([node(0)]),
    "no_labels_no_strings": chain(labels=b"", strings=b""),
    "no_infos": chain(b""),
    "its_own_child": table([node(0, 0, 1), node(1, 0, 2, info=STEP)], INFOS),
    "children_past_the_end": chain(first=4, children=2),
    "children_without_end": chain(first=1, children=0xFFFFFFFF),
    "first_past_the_end": chain(first=0xFFFFFFFF, children=1),
    "info_past_the_end": chain(info=len(INFOS) - 15),
    "leaves_past_the_end": chain(count=5, step=len(INFOS)),
    "leaves_without_end": chain(count=0xFFFFFFFF, step=0xFFFFFFFF),
    "leaves_from_past_the_end": chain(at=0xFFFFFFFF),
    "leaves_that_wrap": chain(least=0xFFFFFFFE, count=9),
    "list_past_the_end": listed((0, STEP), (1, 2 * STEP), count=3),
    "list_without_end": listed((0, STEP), count=0xFFFFFFFF),
    "listed_past_the_end": listed((0, len(INFOS) + 8), (1, 0xFFFFFFFF), (2, 0)),
    "name_longer_than_the_table": chain(INFOS + info(length=255), info=len(INFOS)),
    "labels_past_the_end": chain(INFOS + info(labels=len(LABELS) - 3), info=len(INFOS)),
    "labels_without_end": chain(INFOS + info(labels=8), info=len(INFOS)),
    "strings_past_the_end": chain(INFOS + info(module=len(STRINGS) - 1), info=len(INFOS)),
    "string_longer_than_the_table": chain(INFOS + info(module=1), info=len(INFOS)),
    "unknown_kinds": chain(INFOS + info(kind=255, syntax=255, severity=255), info=len(INFOS)),
    "not_sorted": table([node(0, 1, 3)] + [node(arc, info=STEP) for arc in (3, 1, 2)], INFOS),
    "all_the_same": table([node(0, 1, 20)] + [node(1, info=STEP) for _ in range(20)], INFOS),
    "no_root": table([]),
    "other_version": b"SRMIBTB\x01" + chain()[8:],
    "too_many_nodes": MAGIC + struct.pack("<4I8x", *[0xFFFFFFFF] * 4),
    "sizes_that_add_up_past_32_bits": MAGIC + struct.pack("<4I8x", 1, *[0xFFFFFFFF] * 3) + node(0),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in CORPUS.items():
        (directory / name).write_bytes(content)
    (directory / "cut").write_bytes(CORPUS["good"][:-1])


if __name__ == "__main__":
    main()
