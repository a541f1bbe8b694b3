#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print how often the smart decoder reads the cases of other projects right.

A row is a source and a field. A case whose expectation is no fact of the line is in EXCEPTIONS with
the reason; it is counted in `all` and left out of `stated`. With --check the program fails below
the bars, which are on all cases of SC4S and on the stated ones of the others.
"""

import argparse
import base64
import calendar
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import make_pcap
from smart_exceptions import NAME_IN_TEXT, ZONE_OF_SOURCE, reason_of

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PEER = "2001:db8::1"  # nobody's in the cases

# Of all cases of these sources, exceptions or not.
ON_ALL = ("sc4s_vendor_messages",)

# Source and field: the least share of right ones.
BARS = {
    ("sc4s_vendor_messages", "host"): 97.0,
    ("sc4s_vendor_messages", "time"): 97.0,
    ("go-syslog_rfc5424", "all"): 100.0,
    ("syslog-ng_msgparse", "host"): 100.0,
    ("syslog-ng_msgparse", "time"): 100.0,
    ("syslog-ng_msgparse", "app"): 100.0,
    ("syslog-ng_msgparse", "msg"): 100.0,
    ("telegraf_syslog", "all"): 100.0,
    ("elastic_cisco", "host"): 100.0,
    ("elastic_cisco", "time"): 100.0,
    ("axosyslog_vendor", "host"): 100.0,
    ("graylog_codec", "host"): 100.0,
    ("loghub_Linux", "host"): 100.0,
    ("loghub_OpenSSH", "host"): 100.0,
    ("loghub_Mac", "host"): 100.0,
}


def read_cases(folders, name):
    for folder in folders:
        path = pathlib.Path(folder) / (name + ".jsonl")
        if path.is_file():
            with path.open() as stream:
                return [json.loads(line) for line in stream]
    return None


def payload_of(case):
    if "in_b64" in case:
        return base64.b64decode(case["in_b64"])
    return case["in"].encode() if isinstance(case.get("in"), str) else None


def decode(binary, payloads, now, zone, *more):
    """One record for each payload, or what took its place."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.pcap")
        with open(path, "wb") as out:
            make_pcap.write_pcap(out, payloads, link="raw", ipv6=True, start=now, interval=0, sources=1)
        run = subprocess.run(
            [binary, "decode", "--set", "listeners.0.format=smart", "--set",
             "listeners.0.timezone=" + zone, *more, path],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    records = [json.loads(line) for line in run.stdout.splitlines()]
    if len(records) != len(payloads):
        raise SystemExit("%d records of %d payloads" % (len(records), len(payloads)))
    return records


class Score:
    """Counts by source and field."""

    def __init__(self, show):
        self.rows = {}
        self.show = show

    def add(self, source, field, case, is_right, want=None, got=None):
        row = self.rows.setdefault((source, field), [0, 0, 0])
        reason = None if is_right else reason_of(case["id"], field)
        row[0] += 1
        row[1] += is_right
        row[2] += reason is not None
        if not is_right and self.show and (self.show != "new" or reason is None):
            print("%s %s: want %r got %r%s\n    %r" % (
                case["id"], field, want, got, " (%s)" % reason if reason else "",
                (payload_of(case) or b"")[:160]))

    def equal(self, source, field, case, want, got):
        self.add(source, field, case, want == got, want, got)


def short_id(case):
    return "/".join(case.split("/")[:2])


def host_of(record):
    """What the line said: the sender's address is no fact of the line."""
    host = record.get("host")
    return "" if host == PEER else host


def same_time(want, got):
    """Compares at the precision of what is wanted."""
    if "." in want:
        return abs(float(want) - got) < 0.002
    return int(want) == int(got)


def score_sc4s(score, binary, folders, name="sc4s_vendor_messages"):
    cases = read_cases(folders, name)
    now = calendar.timegm(time.strptime(cases[0]["rendered_at"], "%Y-%m-%dT%H:%MZ")) + 360
    records = decode(binary, list(map(payload_of, cases)), now, "UTC")
    for i, case in enumerate(cases):
        zone = ZONE_OF_SOURCE.get(short_id(case["id"]))
        if zone is not None:
            records[i] = decode(binary, [payload_of(case)], now, "UTC", "--set",
                                "listeners.0.timezones=[%s=%s]" % (PEER, zone))[0]
    for case, record in zip(cases, records):
        expect = case["expect"]
        if "host" in expect and short_id(case["id"]) in NAME_IN_TEXT:
            is_right = host_of(record) == "" and expect["host"] in record["short_message"]
            score.add(name, "host", case, is_right, expect["host"], host_of(record))
        elif "host" in expect:
            # Names of hosts are the same in upper and lower case (RFC 4343); SC4S lowers them.
            score.equal(name, "host", case, expect["host"].lower(), host_of(record).lower())
        if "time" in expect:
            got = record.get("timestamp", 0)
            score.add(name, "time", case, same_time(expect["time"], got), expect["time"], got)


def go_parameters(message):
    """All values of a parameter's name: records keep the last of them."""
    values = {}
    for params in (message.get("StructuredData") or {}).values():
        for key, value in (params or {}).items():
            values.setdefault(key, []).append(value)
    return values


def go_time(text):
    if text is None:
        return None
    match = re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(\.\d+)?(Z|[+-]\d+:\d+)", text)
    seconds = calendar.timegm(time.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S"))
    zone = match.group(3)
    if zone != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        seconds -= offset if zone[0] == "+" else -offset
    return seconds + float(match.group(2) or 0)


def score_go(score, binary, folders, name):
    cases = [case for case in read_cases(folders, name) if case["expect"]["strict_valid"]]
    now = 1795348800
    for case, record in zip(cases, decode(binary, list(map(payload_of, cases)), now, "UTC")):
        want = case["expect"]["message"]
        got_time = record.get("timestamp")
        year_less = (want["Timestamp"] or "").startswith("0000-")
        want_time = None if year_less else go_time(want["Timestamp"])
        if year_less:
            time_right = time.strftime("0000-%m-%dT%H:%M:%SZ", time.gmtime(got_time)) == \
                want["Timestamp"]
        elif want_time is None:
            time_right = got_time == now
        else:
            time_right = abs(want_time - got_time) < 1e-6
        pairs = [
            ("level", want["Severity"], record.get("level")),
            ("host", want["Hostname"] or "", host_of(record)),
            ("app", want["Appname"], record.get("application_name")),
            ("pid", want["ProcID"], record.get("process_id")),
            # The byte order mark says that the text is UTF-8, and is no part of it.
            ("msg", (want["Message"] or "-").removeprefix("\ufeff"), record.get("short_message")),
        ]
        wrong = [(field, a, b) for field, a, b in pairs if a != b]
        if not time_right:
            wrong.append(("time", want["Timestamp"], got_time))
        for key, values in go_parameters(want).items():
            if record.get("_" + key, record.get("_sd_" + key)) not in values:
                wrong.append(("_" + key, values, record.get("_" + key)))
        score.add(name, "all", case, not wrong, None, wrong)


def score_syslog_ng(score, binary, folders, name="syslog-ng_msgparse"):
    cases = read_cases(folders, name)
    if cases is None:
        return
    now = 1549615069
    payloads = [payload_of(case) for case in cases]
    for case, record in zip(cases, decode(binary, payloads, now, "Europe/Budapest")):
        want = case["expect"]
        score.equal(name, "host", case, want["host"] or "", host_of(record))
        if isinstance(want["ts_sec"], int):
            at = want["ts_sec"] + want["ts_usec"] / 1e6
            if want["ts_sec"] == now:
                at = now
            score.add(name, "time", case, abs(at - record.get("timestamp", 0)) < 0.001, at,
                      record.get("timestamp"))
        score.equal(name, "app", case, want["program"] or "", record.get("application_name", ""))
        message = record.get("short_message")
        score.equal(name, "msg", case, want["msg"] or "-", message)


def telegraf_record(text):
    """Tags and fields of a line of InfluxDB's protocol."""
    out = {}
    for key, quoted, plain in re.findall(r'([a-z_A-Z0-9]+)=(?:"((?:[^"\\]|\\.)*)"|([^, ]+))', text):
        out[key] = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m.group(1), m.group(1)), quoted) \
            if quoted else plain
    return out


def frames_of(stream):
    """The messages of a stream with octet counts or line ends."""
    while stream:
        match = re.match(rb"(\d+) (?=<)", stream)
        if match:
            end = match.end() + int(match.group(1))
            yield stream[match.end():end]
            stream = stream[end:]
        else:
            line, _, stream = stream.partition(b"\n")
            if line:
                yield line


def score_telegraf(score, binary, folders, name="telegraf_syslog"):
    cases = read_cases(folders, name) or []
    now = 1795348800
    for case in cases:
        raw = payload_of(case)
        if raw is None:
            continue
        lines = [line for line in (case["expect"].get("metrics") or "").split("\n") if line]
        frames = list(frames_of(raw))
        records = decode(binary, frames, now, "UTC") if frames else []
        wrong = []
        if len(lines) > len(records):
            wrong.append(("records", len(lines), len(records)))
        for line, record in zip(lines, records):
            want = telegraf_record(line)
            pairs = [
                ("host", want.get("hostname", ""), host_of(record)),
                ("app", want.get("appname"), record.get("application_name")),
                ("pid", want.get("procid"), record.get("process_id")),
                ("msg", want.get("message", "-"), record.get("short_message")),
                ("level", want.get("severity_code"), "%di" % record.get("level", -1)),
            ]
            if "timestamp" in want:
                pairs.append(("time", round(int(want["timestamp"][:-1]) / 1e9, 5),
                              round(record.get("timestamp", 0), 5)))
            wrong += [pair for pair in pairs if pair[1] != pair[2]]
        score.add(name, "all", case, not wrong, None, wrong)


def score_cisco(score, binary, folders):
    for name, key in (("elastic_cisco", "hostname"), ("axosyslog_vendor", "HOST")):
        cases = read_cases(folders, name)
        if cases is None:
            continue
        payloads = [payload_of(case) for case in cases]
        for case, record in zip(cases, decode(binary, payloads, 1795348800, "UTC")):
            want = case["expect"]
            if isinstance(want, dict) and key in want:
                score.equal(name, "host", case, want[key] or "", host_of(record))
            if isinstance(want, dict) and want.get("timestamp"):
                at, got = go_time(want["timestamp"]), record.get("timestamp")
                score.add(name, "time", case, abs(at - got) < 0.0001, at, got)


def score_graylog(score, binary, folders, name="graylog_codec"):
    cases = read_cases(folders, name)
    if cases is None:
        return
    payloads = [payload_of(case) for case in cases]
    for case, record in zip(cases, decode(binary, payloads, 1795348800, "UTC")):
        want = case["expect"].get("source")
        if want is not None:
            score.equal(name, "host", case, "" if want == "127.0.0.1" else want, host_of(record))


def score_loghub(score, binary, folders):
    """Real lines without <PRI>: host, and program with its pid."""
    for name in ("loghub_Linux", "loghub_OpenSSH", "loghub_Mac"):
        cases = read_cases(folders, name)
        if cases is None:
            continue
        payloads = [payload_of(case) for case in cases]
        for case, record in zip(cases, decode(binary, payloads, 1795348800, "UTC")):
            want = case["expect"]
            for field, key, got in (("host", "host", host_of(record)),
                                    ("app", "app", record.get("application_name")),
                                    ("pid", "pid", record.get("process_id"))):
                if want.get(key):
                    score.equal(name, field, case, want[key], got)


def print_table(score):
    """Prints the rows; returns those below their bars."""
    missed = []
    print("%-22s %-6s %6s %6s %7s %11s %8s" % (
        "source", "field", "cases", "right", "all %", "exceptions", "stated %"))
    for (source, field), (cases, right, excepted) in score.rows.items():
        stated = 100.0 * right / max(cases - excepted, 1)
        share = 100.0 * right / max(cases, 1)
        bar = BARS.get((source, field))
        mark = ""
        if bar is not None:
            reached = (share if source in ON_ALL else stated) >= bar
            mark = "  >= %g %s" % (bar, "ok" if reached else "MISSED")
            if not reached:
                missed.append((source, field))
        print("%-22s %-6s %6d %6d %7.2f %11d %8.2f%s" % (
            source, field, cases, right, share, excepted, stated, mark))
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=str(SOURCE / "build-dev/bin/serviceradar-syslog"))
    parser.add_argument("--show", nargs="?", const="new", choices=["new", "all"],
                        help="print the wrong ones, with or without the exceptions")
    parser.add_argument("--check", action="store_true", help="fail below the bars")
    options = parser.parse_args()
    folders = [SOURCE / "tests/golden/syslog"]
    if os.environ.get("SR_CORPUS"):
        folders.insert(0, pathlib.Path(os.environ["SR_CORPUS"]) / "syslog")
    score = Score(options.show)
    score_sc4s(score, options.binary, folders)
    score_go(score, options.binary, folders, "go-syslog_rfc5424")
    score_go(score, options.binary, folders, "go-syslog_rfc3164")
    score_telegraf(score, options.binary, folders)
    score_syslog_ng(score, options.binary, folders)
    score_cisco(score, options.binary, folders)
    score_graylog(score, options.binary, folders)
    score_loghub(score, options.binary, folders)
    missed = print_table(score)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
