#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Move the cases of SC4S and ask that the smart decoder follows.

Each case that is read right is sent again with another name for its host, another date, another
<PRI> or another end. The answer must move as the line did: a rule that fits the cases only fails.
"""

import argparse
import calendar
import os
import pathlib
import re
import sys
import time

import smart_score as score

NAME = "sc4s_vendor_messages"

HOSTS = ["gw", "fw-01.example.com", "10.20.30.40", "2001:db8::17", "fe80::1", "::1",
         "WIN-ABC_DEF", "info", "mail", "may-01", "dec01", "utc-gw", "est"]

DATE = re.compile(rb"Nov 22 (03:\d\d:\d\d)(?![\d.,:])(?: 2026)?")
DAY = calendar.timegm((2026, 11, 22, 0, 0, 0))

# How a date is written otherwise, and by how many seconds it is later then.
DATES = {
    "one digit": (b"Nov  2 %s", -20 * 86400),
    "one digit, one blank": (b"Nov 2 %s", -20 * 86400),
    "milliseconds": (b"Nov 22 %s.250", 0.25),
    "year in the midst": (b"Nov 22 2026 %s", 0),
    "year in front": (b"2026 Nov 22 %s", 0),
    "year behind": (b"Nov 22 %s 2025", -365 * 86400),
    "zone": (b"Nov 22 %s EST", 5 * 3600),
    "offset": (b"2026-11-22T%s+01:00", -3600),
    "RFC 3339": (b"2026-11-22T%s.250Z", 0.25),
}

EDGES = {
    "no PRI": lambda line: re.sub(rb"^<\d+>\s*", b"", line),
    "PRI 0": lambda line: re.sub(rb"^<\d+>", b"<0>", line),
    "PRI 999": lambda line: re.sub(rb"^<\d+>", b"<999>", line),
    "blank behind PRI": lambda line: re.sub(rb"^<(\d+)>", rb"<\1> ", line),
    "octet count": lambda line: b"%d %s" % (len(line), line) if line.startswith(b"<") else line,
    "line end": lambda line: line + b"\r\n",
    "NUL": lambda line: line + b"\0",
    "byte order mark": lambda line: b"\xef\xbb\xbf" + line,
}


def moved_host(cases):
    for host in HOSTS:
        for case, line, record in cases:
            old = record["host"].encode()
            yield case, host, line.replace(old, host.encode()), host, record["timestamp"]


def moved_date(cases):
    for case, line, record in cases:
        match = DATE.search(line)
        # One date alone, near the start: others may be the record's.
        if match is None or match.start() > 40 or len(re.findall(rb"03:\d\d", line)) > 1:
            continue
        hour, minute, second = map(int, match.group(1).split(b":"))
        at = DAY + 3600 * hour + 60 * minute + second
        if at != int(record["timestamp"]) or re.match(rb" [A-Z]{3,4}\b", line[match.end():]):
            continue
        for name, (form, later) in DATES.items():
            text = line[:match.start()] + form % match.group(1) + line[match.end():]
            yield case, name, text, record["host"], at + later


def moved_edge(cases):
    for case, line, record in cases:
        for name, change in EDGES.items():
            yield case, name, change(line), record["host"], record["timestamp"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary",
                        default=str(score.SOURCE / "build-dev/bin/serviceradar-syslog"))
    binary = parser.parse_args().binary
    folders = [score.SOURCE / "tests/golden/syslog"]
    if os.environ.get("SR_CORPUS"):
        folders.insert(0, pathlib.Path(os.environ["SR_CORPUS"]) / "syslog")
    cases = score.read_cases(folders, NAME)
    now = calendar.timegm(time.strptime(cases[0]["rendered_at"], "%Y-%m-%dT%H:%MZ")) + 360
    lines = list(map(score.payload_of, cases))
    right = [(case, line, record)
             for case, line, record in zip(cases, lines, score.decode(binary, lines, now, "UTC"))
             if case["expect"].get("host", "").lower() == score.host_of(record).lower() != ""]
    moves = [move for moved in (moved_host, moved_date, moved_edge) for move in moved(right)]
    records = score.decode(binary, [line for _, _, line, _, _ in moves], now, "UTC")
    wrong = 0
    for (case, name, line, host, at), record in zip(moves, records):
        if record.get("host") != host or abs(record["timestamp"] - at) > 0.001:
            wrong += 1
            print("%s %s: got %r %s, want %r %s\n    %r" % (
                case["id"], name, record.get("host"), record["timestamp"], host, at, line[:160]))
    print("%d cases, %d moves, %d wrong" % (len(right), len(moves), wrong))
    return 1 if wrong or len(moves) < 10 * len(right) else 0


if __name__ == "__main__":
    sys.exit(main())
