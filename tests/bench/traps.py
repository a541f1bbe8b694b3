# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/trapd.md: what a trap costs us, and what it costs snmptrapd.

Receivers take turns, each at a rate at which nothing is dropped; snmptrapd writes text to a file in
memory, we write JSON that is discarded. The kernel's work for a datagram is part of its receiver's
CPU time, but for what it does on behalf of the sender.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

from broker import NATS_PORT, Nats, nats_server, port_open
from measure import (HERE, Process, built, markdown, socket_of, spread, wait_for,
                     wait_until_done)

DAEMON = built("bin", "serviceradar-trapd")
CLI = built("bin", "serviceradar-cli")
BLAST = built("tests", "bench", "blast_traps")
CLIENT = built("tests", "bench", "inform_client")
DECODE = built("tests", "bench", "bench_trap_decode")
FIND = built("tests", "bench", "bench_mib_find")
PORT = 15162
METRICS = "127.0.0.1:15620"
BUFFER = 64000000  # bytes that every receiver asks the kernel for
SOURCES = 8
KINDS = ["v1", "v2c-5", "v2c-14", "v3"]
TITLES = ["v1, 3 varbinds", "v2c, 5 varbinds", "v2c, 14 varbinds", "v3 SHA/AES, 5 varbinds"]
HOSTILE = 100000
PEER_HOSTILE = 10000
TRIES = 6  # of an inform
USERS = """\
users:
  - {name: bench, auth: SHA, auth_password: authpass12345, priv: AES-128, priv_password: privpass12345}
"""


# ---- Receivers ----

class Ours(Process):
    """serviceradar-trapd on PORT."""

    name = "ours"

    def __init__(self, folder, extra=()):
        users = os.path.join(folder, "users.yaml")
        with open(users, "w") as out:
            out.write(USERS)
        os.chmod(users, 0o600)
        settings = ["output=discard", "queue.dir=%s/queue" % folder, "users_file=" + users,
                    "metrics.listen=" + METRICS,
                    "listeners.0.listen=udp://127.0.0.1:%d" % PORT,
                    "listeners.0.receive_buffer=%d" % BUFFER] + list(extra)
        super().__init__([DAEMON] + [word for s in settings for word in ("--set", s)],
                         os.path.join(folder, "ours.log"))

    def handled(self):
        """Notifications since the start."""
        with urllib.request.urlopen("http://%s/metrics" % METRICS) as answer:
            found = re.findall(r"^serviceradar_decoded_total(?:\{[^}]*\})? (\d+)",
                               answer.read().decode(), re.M)
        return sum(map(int, found))


class Peer(Process):
    """snmptrapd on PORT. Without its own files, names, access rules and resolver."""

    name = "snmptrapd"

    def __init__(self, folder):
        state = os.path.join(folder, "snmptrapd")
        shutil.rmtree(state, ignore_errors=True)
        os.mkdir(state)
        self.out = os.path.join(state, "traps.log")
        conf = os.path.join(state, "snmptrapd.conf")
        user = "bench SHA authpass12345 AES privpass12345\n"
        with open(conf, "w") as out:
            out.write("disableAuthorization yes\n[snmp] serverRecvBuf %d\n[snmptrapd]\n" % BUFFER)
            for source in range(SOURCES):
                out.write("createUser -e 0x80001f8804%s %s" % (
                    ("bench-%c" % (65 + source)).encode().hex(), user))
            out.write("createUser " + user)  # of informs
        super().__init__(["env", "SNMP_PERSISTENT_DIR=" + state, "SNMPCONFPATH=" + state,
                          "snmptrapd", "-f", "-C", "-c", conf, "-Lf", self.out, "-n", "-On",
                          "-m", ":", "udp:127.0.0.1:%d" % PORT],
                         os.path.join(folder, "snmptrapd.log"))

    def handled(self):
        """Notifications since the start: each has one line that tells where it came from."""
        with open(self.out, "rb") as log:
            return sum(b"->[127.0.0.1]:%d" % PORT in line for line in log)


def enriched(folder):
    return Ours(folder, ["enrich=true"])


def is_peer_there():
    if shutil.which("snmptrapd"):
        return True
    print("snmptrapd is not installed: skipped\n")
    return False


def blast(kind, rate, seconds, *more):
    out = subprocess.run([BLAST, "-p", str(PORT), "-k", kind, "-r", str(rate), "-d", str(seconds),
                          "-s", str(SOURCES)] + [str(word) for word in more],
                         check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)["datagrams"]


def await_receiver():
    wait_for("the receiver", lambda: socket_of(PORT) is not None)
    time.sleep(0.5)


def measured(process, kind, rate, seconds, *more):
    """Sends traps: CPU for one in us, what was not handled, and the largest resident set in KiB."""
    process.forget_peak()
    before, handled = process.tree_cpu_seconds(), process.handled()
    sent = blast(kind, rate, seconds, *more)
    wait_until_done(process, PORT)
    used = process.tree_cpu_seconds() - before
    return {"us": used / sent * 1e6, "lost": sent - (process.handled() - handled),
            "rss": process.memory_kib()[0]}


# ---- Traps ----

def ways(options):
    """How traps are received: a name, who does it, and at which rate."""
    found = [("ours", Ours, options.trap_rate), ("ours", Ours, options.peer_rate),
             ("ours, `enrich`", enriched, options.trap_rate)]
    if is_peer_there():
        found.append(("snmptrapd", Peer, options.peer_rate))
    return found


def one_turn(start, folder, rate, seconds):
    """One receiver, all kinds of traps."""
    results = {}
    with start(folder) as process:
        await_receiver()
        for kind in KINDS:
            results[kind] = measured(process, kind, rate, seconds)
    return results


def traps(options, folder):
    """CPU of a trap, from a UDP socket to JSON that is discarded."""
    found = ways(options)
    results = [[] for _ in found]
    for _ in range(options.rounds):
        for i, (_, start, rate) in enumerate(found):
            results[i].append(one_turn(start, folder, rate, options.trap_seconds))
    has_peer = found[-1][1] is Peer
    rows, sizes = [], []
    for (name, _, rate), rounds in zip(found, results):
        label = "%s, %s/s" % (name, "{:,}".format(rate))
        row = [label]
        for kind in KINDS:
            figures = [r[kind]["us"] for r in rounds]
            row.append(spread(figures, "%.2f"))
            if has_peer:
                row.append("**%.1f**" % statistics.median(
                    p[kind]["us"] / r for p, r in zip(results[-1], figures)))
        rows.append(row + [sum(r[kind]["lost"] for r in rounds for kind in KINDS)])
        sizes.append([label] + ["%.1f" % (max(r[kind]["rss"] for r in rounds) / 1024)
                                for kind in KINDS])
    print("CPU for a trap in us, medians of %d turns of %g s each (least and most); behind it how "
          "many\ntimes as many as snmptrapd in a second of CPU:\n" % (
              options.rounds, options.trap_seconds))
    heads = ["receiver"]
    for title in TITLES:
        heads += [title] + (["times"] if has_peer else [])
    markdown(heads, rows_with_all(rows) + [])
    print("Peak resident set in MiB under these loads:\n")
    markdown(["receiver"] + TITLES, sizes)


def rows_with_all(rows):
    """Without the last column, which says how many were lost: nothing may be."""
    for row in rows:
        if row[-1] != 0:
            print("**%s: %d traps were lost**\n" % (row[0], row[-1]))
    return [row[:-1] for row in rows]
