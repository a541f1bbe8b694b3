#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the corpus of fuzz_segment: segments of a queue, good ones and such as a disk gives back.

The format is written here a second time, from common/include/sr/segment.h and the structs of
common/core/segment.c, so that the C code does not only agree with itself. The files are
little-endian.
"""

import argparse
import pathlib
import struct

MAGIC = b"\x8eSRQ\r\n\x1a\n"
ORDER = 0x01020304
TEXTS = (b"logs.syslog", b"application/json", b"udp://0.0.0.0:514")
NUMBER = 7


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def pad(data, multiple):
    return data + b"\0" * (-len(data) % multiple)


def progress(sealed=(0, 0, 0), acked=(0, 0, 0)):
    """Of (size or offset, records, entries)."""
    raw = struct.pack("<4Q2I12x", sealed[0], sealed[1], acked[0], acked[1], sealed[2], acked[2])
    return raw + struct.pack("<I", crc32c(raw))


def header(texts=TEXTS, version=1, flags=0, header_len=None, progress_bytes=progress()):
    packed = pad(b"".join(texts), 8)
    if header_len is None:
        header_len = 128 + len(packed)
    fixed = MAGIC + struct.pack("<4I", ORDER, version, header_len, flags)
    fixed += struct.pack("<3Q", 0x0123456789ABCDEF, NUMBER, 1700000000123456789)
    fixed += struct.pack("<5I", 1, *(len(text) for text in texts), 0)
    return fixed + struct.pack("<I", crc32c(fixed + packed)) + progress_bytes + packed


def entry(index, attributes, body, records=1, number=NUMBER):
    data = attributes + body
    numbers = struct.pack("<3I", len(data), records, len(attributes))
    crc = crc32c(struct.pack("<QI", number, index) + numbers + data)
    return numbers + struct.pack("<I", crc) + pad(data, 4)


def segments():
    """Names and contents."""
    head = header()
    first = entry(0, b"", b'{"short_message":"a"}')
    second = entry(1, b"Sr-Records: 2\r\n", b'{"a":1}\n{"b":2}\n', 2)
    third = entry(2, b"Sr-Reason: format\r\nSr-Size: 0\r\n", b"", 1)
    size = len(head) + len(first + second + third)
    entries = first + second + third
    yield "header", head
    yield "whole", head + entries
    yield "no_texts", header((b"", b"", b""), flags=3) + entries
    yield "long_texts", header((b"s" * 255, b"t" * 255, b"l" * 255)) + first
    yield "sealed", header(progress_bytes=progress((size, 4, 3))) + entries
    acked = (len(head + first), 1, 1)
    yield "acked", header(progress_bytes=progress((size, 4, 3), acked)) + entries
    yield "all_acked", header(progress_bytes=progress((size, 4, 3), (size, 4, 3))) + entries
    yield "acked_too_much", header(progress_bytes=progress((size, 4, 3), (size, 4, 4))) + entries
    yield "acked_past_the_end", header(progress_bytes=progress(acked=(size + 64, 9, 5))) + entries
    yield "torn_head", head + first + second[:9]
    yield "torn_body", head + first + second[:-3]
    yield "damaged", head + first + second[:20] + b"?" + second[21:] + third
    yield "wrong_place", head + first + third + second
    yield "other_segment", head + entry(0, b"", b"x", number=NUMBER + 1)
    yield "zeros", head + first + bytes(64)
    yield "endless", head + b"\xff" * 32
    yield "newer", header(version=2) + entries
    yield "header_too_long", header(header_len=0xFFFFFFF8) + entries
    yield "texts_too_long", header((b"s" * 256, b"", b"")) + entries
    yield "unknown_flag", header(flags=4) + entries


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in segments():
        (directory / name).write_bytes(content)


if __name__ == "__main__":
    main()
