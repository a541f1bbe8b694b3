# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/netflow.md: what a flow costs us, and what it costs others.

All receivers get the same datagrams of eight exporters at a rate that none of them drops anything
at. The kernel's work for a datagram is part of its receiver's CPU time, but for what it does on
behalf of the sender.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import time

from measure import Process, built, socket_of, spread, table, wait_for, wait_until_done

DAEMON = built("bin", "serviceradar-netflow")
BLAST = built("tests", "bench", "blast_netflow")
DECODE = built("tests", "bench", "bench_netflow_decode")
PORT = 15055
METRICS = "127.0.0.1:15622"
KINDS = ["v5", "v9", "ipfix"]
BUFFER = 64000000  # bytes that every receiver asks the kernel for

NFACCTD_CONF = """\
daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: %(port)d
nfacctd_pipe_size: 67108864
plugins: print[a]
aggregate[a]: peer_src_ip,src_host,dst_host,src_port,dst_port,proto,tcpflags,tos,in_iface,out_iface,\
src_as,dst_as,timestamp_start,timestamp_end
print_output[a]: csv
print_output_file[a]: /dev/null
print_refresh_time[a]: 3600
print_cache_entries[a]: 65537
plugin_pipe_size[a]: 67108864
plugin_buffer_size[a]: 65536
logfile: %(folder)s/nfacctd.log
"""


# ---- Receivers ----

def ours(folder, extra=()):
    settings = list(extra) + ["output=discard", "queue.dir=%s/queue" % folder, "metrics.listen=" + METRICS,
                "listeners.0.listen=udp://127.0.0.1:%d" % PORT,
                "listeners.0.receive_buffer=%d" % BUFFER]
    return Process([DAEMON] + [word for setting in settings for word in ("--set", setting)],
                   os.path.join(folder, "ours.log"))


def batched(folder):
    return ours(folder, ["publish.batch.records=500"])


def nfcapd(folder):
    out = os.path.join(folder, "nfcapd")
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    return Process(["nfcapd", "-b", "127.0.0.1", "-p", str(PORT), "-w", out, "-t", "3600",
                    "-B", str(BUFFER)], os.path.join(folder, "nfcapd.log"))


def nfacctd(folder):
    conf = os.path.join(folder, "nfacctd.conf")
    with open(conf, "w") as out:
        out.write(NFACCTD_CONF % {"port": PORT, "folder": folder})
    return Process(["nfacctd", "-f", conf], os.path.join(folder, "nfacctd.out"), signal.SIGINT)


def receivers():
    """Those that are there: ours, and of the others what is installed."""
    found = {"ours": ours, "ours, batches": batched} if os.path.exists(DAEMON) else {}
    for name, start in (("nfcapd", nfcapd), ("nfacctd", nfacctd)):
        if shutil.which(name):
            found[name] = start
        else:
            print("%s is not installed: skipped" % name)
    return found


# ---- Runs ----

def blast(kind, rate, seconds, **options):
    arguments = [BLAST, "-p", str(PORT), "-k", kind, "-r", str(rate), "-d", str(seconds)]
    for flag, value in options.items():
        arguments += ["-" + flag, str(value)]
    out = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def run(start, folder, kind, rate, seconds, **options):
    with start(folder) as process:
        wait_for("the receiver", lambda: socket_of(PORT) is not None)
        time.sleep(0.5)
        before = process.tree_cpu_seconds()
        sent = blast(kind, rate, seconds, **options)
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
    starts = receivers()
    ways = list(starts) + (["in process"] if os.path.exists(DECODE) else [])
    results = {way: {kind: [] for kind in KINDS} for way in ways}
    drops = dict.fromkeys(ways, 0)
    print("netflow: %d datagrams/s for %d s, 8 exporters, %d runs of each in turn; ns CPU per flow" % (
        options.flow_rate, options.flow_seconds, options.rounds))
    for _ in range(options.rounds):
        for kind in KINDS:
            for way in starts:
                result = run(starts[way], folder, kind, options.flow_rate, options.flow_seconds)
                results[way][kind].append(result["ns"])
                drops[way] += result["drops"]
            if "in process" in ways:
                results["in process"][kind].append(in_process(kind))
    rows = []
    for way in ways:
        row = [way]
        for kind in KINDS:
            ratio = "-"
            if "nfcapd" in starts:
                ratio = "%.2f" % statistics.median(
                    a / b for a, b in zip(results[way][kind], results["nfcapd"][kind]))
            row += [spread(results[way][kind], "%.0f"), ratio]
        rows.append(row + [drops[way]])
    heads = ["receiver"] + [head for kind in KINDS for head in (kind, "ratio to nfcapd")]
    table(heads + ["kernel drops"], rows)


def full_speed(options, folder):
    """What one worker takes without a drop."""
    if not os.path.exists(DAEMON):
        return
    rows = []
    for rate in (100000, 150000, 0):
        result = run(ours, folder, "v9", rate, options.full_seconds, b=32)
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
        result = run(ours, folder, "v9", 10000, 5, s=count, n=2, t=templates)
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
