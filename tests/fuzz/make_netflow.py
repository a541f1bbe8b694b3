#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the corpora of fuzz_netflow_v5, _v9 and _ipfix.

Recorded datagrams of tests/golden/netflow, as many of a case as fit into one input, and some that
lie. An input is read as netflow_fuzz.h says.
"""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden" / "netflow"
LARGEST = 4096
VERSIONS = {"v5": (1, 5, 7), "v9": (9,), "ipfix": (10,)}
HOWS = [0, 1 | 8, 2 | 8, 4, 16, 32, 64, 128 | 8]


def pack(how, datagrams):
    out = bytes([how])
    for datagram in datagrams:
        more = struct.pack(">H", len(datagram)) + datagram
        if len(out) + len(more) > LARGEST:
            break
        out += more
    return out


def recorded(target):
    """(case, datagrams) of the cases with datagrams of these versions."""
    for path in sorted(GOLDEN.glob("*/datagrams.hex")):
        datagrams = [bytes.fromhex(line.split()[2]) for line in path.read_text().splitlines()]
        versions = VERSIONS[target]
        chosen = []
        for datagram in datagrams:
            version = struct.unpack(">H", datagram[:2])[0]
            if version in versions:
                chosen.append(bytes([versions.index(version)]) + datagram[1:])
        if chosen:
            yield path.parent.name, chosen


# ---- Messages that lie ----

def a_set(number, body, length=None):
    return struct.pack(">HH", number, 4 + len(body) if length is None else length) + body


def v9(*sets, count=1):
    return struct.pack(">HHIIII", 9, count, 1000, 1700000000, 0, 1) + b"".join(sets)


def ipfix(*sets, length=None):
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body) if length is None else length, 1700000000, 0,
                       1) + body


def template(number, *fields, count=None):
    return (struct.pack(">HH", number, len(fields) if count is None else count) +
            b"".join(struct.pack(">HH", *field) for field in fields))


def options_template(version, number, scopes, fields):
    each = b"".join(struct.pack(">HH", *field) for field in scopes + fields)
    if version == 9:
        return struct.pack(">HHH", number, 4 * len(scopes), 4 * len(fields)) + each
    return struct.pack(">HHH", number, len(scopes) + len(fields), len(scopes)) + each


def lies(message, templates, options, version):
    flow = [(8, 4), (12, 4), (1, 4), (2, 4)]
    record = bytes(range(1, 17))
    listed = b"\x07\xff\x00\x07\x00\x02\x00\x50"
    yield "empty_template", [message(a_set(templates, template(256))), message(a_set(256, record))]
    yield "no_bytes", [message(a_set(templates, template(256, (8, 0), (12, 0)))),
                       message(a_set(256, record))]
    yield "zero_length", [message(a_set(templates, template(256, (8, 4), (12, 0), (1, 4))),
                                  a_set(256, record))]
    yield "many_fields", [message(a_set(templates, template(256, (8, 4), count=65535)))]
    yield "data_first", [message(a_set(256, record), a_set(templates, template(256, *flow)))]
    yield "waits", [message(a_set(256 + i, record)) for i in range(8)]
    yield "set_lengths", [message(a_set(templates, template(256, *flow)), a_set(256, record, n))
                          for n in (0, 1, 3, 5, 19, 21, 65535)]
    yield "changes", [message(a_set(templates, template(256, *flow)), a_set(256, record),
                              a_set(templates, template(256, (1, 8), (2, 8))), a_set(256, record))]
    yield "many_templates", [message(*(a_set(templates, template(256 + i, *flow))
                                       for i in range(8)), a_set(256, record))]
    yield "withdrawals", [message(a_set(templates, template(256, *flow))),
                          message(a_set(templates, template(256))),
                          message(a_set(templates, template(templates))), message(a_set(256, record))]
    yield "sampler", [message(a_set(options, options_template(version, 257, [(1, 4)],
                                                              [(48, 1), (34, 4)]))),
                      message(a_set(257, b"\0\0\0\1\1\0\0\3\xe8")),
                      message(a_set(templates, template(256, *flow, (48, 1))),
                              a_set(256, record + b"\1"))]
    yield "names", [message(a_set(options, options_template(version, 257, [(10, 4)], [(82, 4)])),
                            a_set(257, b"\0\0\0\1eth0\0\0\0\2eth1"),
                            a_set(templates, template(256, (10, 4), (1, 4), (8, 4), (95, 4))),
                            a_set(256, record))]
    yield "variable", [message(a_set(templates, template(256, (82, 65535), (1, 4))),
                               a_set(256, b"\3abc\0\0\0\1\xff\0\3abc\0\0\0\1\0\0\0\0\1"))]
    yield "lists", [message(a_set(templates, template(256, *flow) +
                                  template(257, (291, 65535), (292, 65535), (293, 65535), (1, 4))),
                            a_set(257, listed + b"\x13\xff\1\0" + record + b"\x15\xff\1\0\0\x14" +
                                  record + b"\0\0\0\1"))]
    frame = bytes.fromhex("020000000001020000000002" "8100000a" "0800" "4500002800010000400600000a000001"
                          "0a000002" "00500051000000000000000050020000" "00000000")
    yield "frame", [message(a_set(templates, template(256, (315, len(frame)), (104, 0), (312, 2))),
                            a_set(256, frame + b"\0\x40"))]
    yield "times", [message(a_set(templates, template(256, (1, 4), (150, 4), (151, 4)) +
                                  template(257, (1, 4), (154, 8), (157, 8)) +
                                  template(258, (1, 4), (22, 4), (21, 4)) +
                                  template(259, (1, 4), (158, 4), (161, 4))),
                            *(a_set(256 + i, record[:4] + b"\x65" * 16) for i in range(4)))]


def v5(version, count, records, record):
    index = VERSIONS["v5"].index(version)
    head = struct.pack(">BBHIII", index, 0, count, 3600000, 1700000000, 0)
    if version != 1:
        head += struct.pack(">IBBH", 0, 0, 1, 0x4064)
    return head + bytes(range(record)) * records


def v5_lies():
    for version, record in ((1, 52), (5, 48), (7, 52)):
        yield "v%d_counts" % version, [v5(version, count, 2, record)
                                       for count in (0, 1, 2, 3, 30, 65535)]
        yield "v%d_cut" % version, [v5(version, 2, 2, record)[:cut] for cut in (2, 16, 24, 80)]


def write(target, name, data):
    folder = HERE / "corpus" / ("netflow_" + target)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def main():
    for target in VERSIONS:
        for number, (case, datagrams) in enumerate(recorded(target)):
            write(target, case, pack(HOWS[number % len(HOWS)], datagrams))
    for number, (name, datagrams) in enumerate(v5_lies()):
        write("v5", name, pack(HOWS[number % len(HOWS)], datagrams))
    for number, (name, datagrams) in enumerate(lies(v9, 0, 1, 9)):
        write("v9", name, pack(HOWS[number % len(HOWS)], datagrams))
    for number, (name, datagrams) in enumerate(lies(ipfix, 2, 3, 10)):
        write("ipfix", name, pack(HOWS[number % len(HOWS)], datagrams))


if __name__ == "__main__":
    main()
