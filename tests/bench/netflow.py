# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/netflow.md: what a flow costs us, and what it costs others.

All receivers get the same datagrams of eight exporters at a rate that none of them drops anything
at. The kernel's work for a datagram is part of its receiver's CPU time, but for what it does on
behalf of the sender.
"""

import dataclasses
import json
import os
import statistics
import subprocess

from measure import built, socket_of, spread, table, wait_until_done
from receivers import PORTS, Run, receiver, receivers
from senders import Load, send

DAEMON = built("bin", "serviceradar-netflow")
DECODE = built("tests", "bench", "bench_netflow_decode")
PORT = PORTS["netflow"]
KINDS = ["v5", "v9", "ipfix"]
BUFFER = 64000000  # bytes that every receiver asks the kernel for

BATCHES = ["publish.batch.records=500"]


# ---- Receivers ----

def ways():
    """(name, receiver, settings): ours, and of the others what can be run."""
    found = [("ours", receiver("ours", "netflow"), []), ("ours, batches", receiver("ours", "netflow"), BATCHES)]
    for which in receivers("netflow"):
        if not which.is_ours():
            found.append((which.name, which, []))
    for name, which, _ in found:
        if which.path() is None:
            print("%s is not there: skipped" % name)
    return [way for way in found if way[1].path()]


# ---- Runs ----

def run(which, folder, kind, rate, seconds, settings=(), more=()):
    """Datagrams at a rate, 0: as fast as it goes."""
    with Run(which, folder, settings=settings, buffer=BUFFER, pinned=False) as process:
        before = process.tree_cpu_seconds()
        load = Load("netflow", kind, seconds=seconds, more=more)
        sent = send(dataclasses.replace(load, rate=rate * load.records()), folder)
        wait_until_done(process, PORT)
        used = process.tree_cpu_seconds() - before
        drops = socket_of(PORT)[1]
        memory = process.memory_kib()
    return {"ns": used / sent["records"] * 1e9, "drops": drops, "sent": sent, "memory": memory,
            "us_datagram": used / sent["datagrams"] * 1e6}


def in_process(kind):
    out = subprocess.run([DECODE, kind], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)["ns"]


# ---- The measurements ----

def flows(options, folder):
    """CPU for a flow, from a UDP socket to where it is left."""
    starts = ways()
    names = [name for name, _, _ in starts] + (["in process"] if os.path.exists(DECODE) else [])
    results = {name: {kind: [] for kind in KINDS} for name in names}
    drops = dict.fromkeys(names, 0)
    print("netflow: %d datagrams/s for %d s, 8 exporters, %d runs of each in turn; ns CPU per flow" % (
        options.flow_rate, options.flow_seconds, options.rounds))
    for _ in range(options.rounds):
        for kind in KINDS:
            for name, which, settings in starts:
                result = run(which, folder, kind, options.flow_rate, options.flow_seconds, settings)
                results[name][kind].append(result["ns"])
                drops[name] += result["drops"]
            if "in process" in names:
                results["in process"][kind].append(in_process(kind))
    rows = []
    for name in names:
        row = [name]
        for kind in KINDS:
            ratio = "-"
            if "nfcapd" in names:
                ratio = "%.2f" % statistics.median(
                    a / b for a, b in zip(results[name][kind], results["nfcapd"][kind]))
            row += [spread(results[name][kind], "%.0f"), ratio]
        rows.append(row + [drops[name]])
    heads = ["receiver"] + [head for kind in KINDS for head in (kind, "ratio to nfcapd")]
    table(heads + ["kernel drops"], rows)


def full_speed(options, folder):
    """What one worker takes without a drop."""
    if not os.path.exists(DAEMON):
        return
    rows = []
    for rate in (100000, 150000, 0):
        result = run(receiver("ours", "netflow"), folder, "v9", rate, options.full_seconds,
                     more=("-b", 32))
        sent = result["sent"]
        rows.append([rate or "no limit", "%.0f" % (sent["datagrams"] / sent["seconds"]),
                     sent["datagrams"], result["drops"], "%.2f" % result["us_datagram"]])
    print("netflow: v9 datagrams of 24 records for %d s to one worker" % options.full_seconds)
    table(["asked for, datagrams/s", "sent, datagrams/s", "datagrams", "kernel drops",
           "CPU us/datagram"], rows)


def exporters(options, folder):
    """Memory with many exporters."""
    if not os.path.exists(DAEMON):
        return
    rows = []
    for count, templates in ((1, 1), (1000, 20)):
        result = run(receiver("ours", "netflow"), folder, "v9", 10000, 5,
                     more=("-s", count, "-n", 2, "-t", templates))
        peak, now = result["memory"]
        rows.append([count, templates, "%.1f" % (now / 1024), "%.1f" % (peak / 1024),
                     result["drops"]])
    print("netflow: v9, 10000 datagrams/s for 5 s")
    table(["exporters", "templates each", "VmRSS MiB", "VmHWM MiB", "kernel drops"], rows)


def netflow(options, folder):
    """All of it."""
    if not os.path.exists(DAEMON):
        print("%s is not built: only the others are measured" % DAEMON)
    flows(options, folder)
    full_speed(options, folder)
    exporters(options, folder)
