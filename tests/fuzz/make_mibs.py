#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the corpus of fuzz_mib: tables of names, good ones and such as a damaged file holds.

The layout is written here a second time, from collectors/trapd/decode/mib_format.h, so that the C
code does not only agree with itself.
"""

import argparse
import pathlib
import struct

MAGIC = b"SRMIBTB\x01"
STRINGS = b"\0\0" + b"\x05\0A-MIB" + b"\x03\0one" + b"\x03\0d-1" + b"\x02\0up"
MODULE, ONE, HINT, UP = 2, 9, 14, 19
LABELS = b"\0\0\0\0" + struct.pack("<IiIiI", 2, -1, UP, 1, UP)


def node(arc, first=0, children=0, name=0, labels=0, kind=0, syntax=0, severity=0):
    return struct.pack("<7I4B", arc, first, children, MODULE if name else 0, name,
                       HINT if kind == 1 else 0, labels, kind, syntax, severity, 0)


def table(nodes, labels=LABELS, strings=STRINGS):
    return (MAGIC + struct.pack("<4I", len(nodes), len(labels), len(strings), 0) +
            b"".join(nodes) + labels + strings)


def chain(**last):
    """The nodes of 1.3.6 and of three children of it, the second of which is as told."""
    return [node(0, 1, 1), node(1, 2, 1), node(3, 3, 1), node(6, 4, 3),
            node(0, name=ONE, kind=2, severity=4), node(1, **last), node(255, name=ONE)]


CORPUS = {
    "good": table(chain(name=ONE, labels=4, kind=1, syntax=1)),
    "root_only": table([node(0)]),
    "no_labels_no_strings": table(chain(name=ONE), b"", b""),
    "its_own_child": table([node(0, 0, 1)] + [node(1, 0, 2, name=ONE)]),
    "children_past_the_end": table(chain(first=6, children=2, name=ONE)),
    "children_without_end": table(chain(first=1, children=0xFFFFFFFF, name=ONE)),
    "first_past_the_end": table(chain(first=0xFFFFFFFF, children=1, name=ONE)),
    "name_past_the_end": table(chain(name=len(STRINGS) - 1)),
    "name_longer_than_the_table": table(chain(name=1)),
    "labels_past_the_end": table(chain(name=ONE, labels=len(LABELS) - 3, kind=1)),
    "labels_without_end": table(chain(name=ONE, labels=8, kind=1)),
    "unknown_kinds": table(chain(name=ONE, kind=255, syntax=255, severity=255)),
    "not_sorted": table([node(0, 1, 3), node(3, name=ONE), node(1, name=ONE), node(2, name=ONE)]),
    "no_root": table([]),
    "other_version": b"SRMIBTB\x02" + table(chain(name=ONE))[8:],
    "too_many_nodes": MAGIC + struct.pack("<4I", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0),
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
