# SPDX-License-Identifier: Apache-2.0
"""Into JetStream: our publisher beside the least that a program can do, and records in batches."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from broker import NATS_PORT, Nats, nats_server, port_open
from compare_runs import FAILURES
from measure import bar, built, markdown_table, spread, wait_for
from peers import Missing
from receivers import Run, our_metric, receiver
from senders import Load, send

PUBLISHER = built("tests", "bench", "bench_publisher")
SIZE = 256
WAYS = ["ours", "bare", "js-async", "bare-no-id"]
BATCH = 500  # records of a message
BUFFER = 64 << 20  # bytes of the socket's: the server takes the processor for a while, too
SUBJECTS = {"netflow": "flows.raw.netflow", "syslog": "logs.syslog"}
stored = our_metric("stored_total")


# ---- The publisher alone ----

def publish(way, port, count):
    """Acknowledged messages of one process of bench_publisher."""
    run = subprocess.run([PUBLISHER, way, "nats://127.0.0.1:%d" % port, str(count), str(SIZE)],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300)
    return json.loads(run.stdout)


def publisher_rounds(folder, ways, messages, rounds, say=lambda text: None):
    """{way: [a result for each round]}, with the server's CPU seconds beside the client's."""
    results = {way: [] for way in ways}
    with nats_server(folder) as server:
        wait_for("nats-server", port_open)
        for turn in range(rounds):
            for way in ways:
                say("publisher: %s, round %d of %d" % (way, turn + 1, rounds))
                before = server.cpu_seconds()
                result = publish(way, NATS_PORT, messages)
                result["server"] = server.cpu_seconds() - before
                results[way].append(result)
    return results


def publisher_rows(results):
    """Of each way: messages a second, its ratio to `bare`, CPU of a message and of the server."""
    rates = {way: [r["messages"] / r["seconds"] for r in runs] for way, runs in results.items()}
    rows, ratios = [], {}
    for way, runs in results.items():
        ratios[way] = statistics.median(a / b for a, b in zip(rates[way], rates["bare"]))
        rows.append([way, spread(rates[way], "%.0f"), "%.2f" % ratios[way],
                     spread([r["cpu_seconds"] / r["messages"] * 1e6 for r in runs], "%.2f"),
                     "%.1f" % statistics.median(r["server"] / r["messages"] * 1e6 for r in runs)])
    return rows, ratios


HEADS = ["way", "messages/s", "ratio to bare", "client CPU us/message", "server CPU us"]


def server_version():
    out = subprocess.run(["nats-server", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return out.stdout.decode(errors="replace").strip().replace(": v", " ")


# ---- Batches, end to end ----

def end_to_end(protocol, load, batch, folder):
    """Records a second from the first datagram until the last record is stored, and what is missing."""
    name = {"netflow": "ours", "syslog": "ours, `smart`"}[protocol]
    settings = ["output=nats", "nats.url.0=nats://127.0.0.1:%d" % NATS_PORT, "queue.memory=1GiB",
                "publish.batch.records=%d" % batch, "listeners.0.subject=" + SUBJECTS[protocol]]
    store = tempfile.mkdtemp(dir=os.path.dirname(folder))
    try:
        with nats_server(store):
            wait_for("nats-server", port_open)
            client = Nats()
            client.make_stream(SUBJECTS[protocol])
            with Run(receiver(name, protocol), folder, load.transport, settings,
                     buffer=BUFFER, pinned=False) as run:
                start = time.monotonic()
                sent = send(load, folder)
                seconds = until_stored(run, sent["records"]) - start
                done = stored(run)
            return {"rate": done / seconds, "records": done, "missing": sent["records"] - done,
                    "messages": client.stored()}
    finally:
        shutil.rmtree(store)


def until_stored(run, records, patience=3):
    """When so many were stored, or when nothing was stored any more for so long."""
    last, since = -1, time.monotonic()
    while True:
        now = stored(run)
        if now != last:
            last, since = now, time.monotonic()
        if now >= records or time.monotonic() - since > patience:
            return since
        time.sleep(0.02)


def batch_loads(quick):
    """Faster than the server takes them. Flows come by UDP; messages by TCP, which waits for us."""
    share = 0.02 if quick else 1
    return {("netflow", 1): Load("netflow", "v9", 240000, 1.2 * share),
            ("netflow", BATCH): Load("netflow", "v9", 2400000, 1.5 * share),
            ("syslog", 1): Load("syslog", transport="tcp", together=16, count=int(200000 * share)),
            ("syslog", BATCH): Load("syslog", transport="tcp", together=16, count=int(800000 * share))}


def batches(session):
    loads = batch_loads(session.options.quick)
    found = {key: [] for key in loads}
    for turn in range(session.options.rounds):
        for (protocol, batch), load in loads.items():
            session.say("%s into JetStream, %d of a message, round %d of %d" % (
                protocol, batch, turn + 1, session.options.rounds))
            found[protocol, batch].append(end_to_end(protocol, load, batch, session.folder))
    rows, bars = [], []
    for (protocol, batch), runs in found.items():
        rows.append([protocol, batch, spread([r["rate"] for r in runs], "%.0f"),
                     spread([r["records"] / r["messages"] for r in runs], "%.0f"),
                     sum(r["missing"] for r in runs)])
    for protocol in ("netflow", "syslog"):
        times = statistics.median(b["rate"] / a["rate"] for a, b in zip(
            found[protocol, 1], found[protocol, BATCH]))
        bars.append(bar("%s, end to end, `publish.batch.records: %d`: times the records/s of one a message" % (
            protocol, BATCH), ">=", 5, times))
    return markdown_table(["records", "`publish.batch.records`", "records/s until stored", "records of a message",
                  "missing"], rows), bars


def jetstream(session):
    """Text and bars."""
    messages = 2000 if session.options.quick else 100000
    text, bars = "", []
    try:
        server = tempfile.mkdtemp(dir=os.path.dirname(session.folder))
        try:
            results = publisher_rounds(server, ["ours", "bare"], messages, session.options.rounds,
                                       session.say)
        finally:
            shutil.rmtree(server)
        rows, ratios = publisher_rows(results)
        text += markdown_table(HEADS, rows)
        bars.append(bar("one record a message: messages/s, of the bare loop's", ">=", 0.9, ratios["ours"]))
        more, more_bars = batches(session)
        text, bars = text + more, bars + more_bars
    except (Missing,) + FAILURES as error:
        text += "Not measured further: %s.\n\n" % error
    return text, bars
