# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/trapd.md: what a trap costs us, and what it costs snmptrapd.

Receivers take turns, also at a rate at which none of them drops anything; snmptrapd writes text to
a file in memory, we write JSON that is discarded. The kernel's work for a datagram is part of its receiver's
CPU time, but for what it does on behalf of the sender.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from broker import NATS_PORT, Nats, nats_server, port_open
from measure import HERE, at_least, at_most, built, markdown, spread, wait_for, wait_until_done
from receivers import PORTS, Run, receiver
from senders import Load, path, send

DAEMON = built("bin", "serviceradar-trapd")
CLI = built("bin", "serviceradar-cli")
CLIENT = built("tests", "bench", "inform_client")
DECODE = built("tests", "bench", "bench_trap_decode")
FIND = built("tests", "bench", "bench_mib_find")
PORT = PORTS["trap"]
BUFFER = 64000000  # bytes that every receiver asks the kernel for
TITLES = {"v1": "v1, 3 varbinds", "v2c-5": "v2c, 5 varbinds", "v2c-14": "v2c, 14 varbinds",
          "v3": "v3 SHA/AES, 5 varbinds"}
KINDS = list(TITLES)
HOSTILE = 100000
PEER_HOSTILE = 30000


# ---- Receivers ----

def ours(folder, settings=()):
    """serviceradar-trapd, which discards what it makes."""
    return Run(receiver("ours", "trap"), folder, settings=settings, buffer=BUFFER, pinned=False)


def peer(folder):
    """snmptrapd, which keeps a log of notifications unless it is told not to."""
    return Run(receiver("snmptrapd", "trap"), folder, changes={"FORGET": "no"}, buffer=BUFFER, pinned=False)


def lean_peer(folder):
    """It keeps the last 1,000 notifications for NOTIFICATION-LOG-MIB and counts them at each."""
    return Run(receiver("snmptrapd", "trap"), folder, buffer=BUFFER, pinned=False)


def fewer(options):
    """Rounds of what takes long."""
    return min(options.rounds, 3)


def enriched(folder):
    return ours(folder, ["enrich=true"])


def is_peer_there():
    if receiver("snmptrapd", "trap").path():
        return True
    print("snmptrapd is not there: skipped\n")
    return False


def measured(process, kind, rate, seconds, *more):
    """Sends traps: CPU for each that is handled in us, the others, the largest resident set in KiB."""
    process.forget_peak()
    before, handled = process.tree_cpu_seconds(), process.counted()
    sent = send(Load("trap", kind, rate, seconds, more=more), process.folder)["records"]
    wait_until_done(process, PORT)
    used = process.tree_cpu_seconds() - before
    handled = process.counted() - handled
    return {"us": used / (handled or sent) * 1e6, "lost": sent - handled,
            "rss": process.memory_kib()[0]}


# ---- Traps ----

def ways(options):
    """How traps are received: a name, who does it, and at which rate."""
    found = [("ours", ours, options.trap_rate), ("ours", ours, options.peer_rate),
             ("ours, `enrich`", enriched, options.trap_rate)]
    if is_peer_there():
        found += [("snmptrapd", peer, options.peer_rate), ("snmptrapd", peer, options.trap_rate),
                  ("snmptrapd without its log", lean_peer, options.trap_rate)]
    return found


def one_turn(start, folder, rate, seconds):
    """One receiver, all kinds of traps."""
    results = {}
    with start(folder) as process:
        for kind in KINDS:
            results[kind] = measured(process, kind, rate, seconds)
    return results


def times_of(other, found, results, rounds, kind):
    """How many times as many traps as a peer in a second of CPU, at the rate that suits that better."""
    peers = [turns for (_, start, _), turns in zip(found, results) if start is other]
    costs = [min(r[kind]["us"] for r in turn) for turn in zip(*peers)]
    return statistics.median(cost / r[kind]["us"] for cost, r in zip(costs, rounds))


def is_ours(way):
    return way[1] in (ours, enriched)


def label(way):
    return "%s, %s/s" % (way[0], "{:,}".format(way[2]))


def print_cpu(found, results, seconds):
    rows = []
    for way, rounds in zip(found, results):
        lost = sum(r[kind]["lost"] for r in rounds for kind in KINDS)
        sent = way[2] * seconds * len(rounds) * len(KINDS)
        rows.append([label(way)] + [spread([r[kind]["us"] for r in rounds], "%.2f")
                                    for kind in KINDS] +
                    ["%.0f %%" % (100 * lost / sent) if lost else "0"])
    markdown(["CPU for a trap, us"] + list(TITLES.values()) + ["lost"], rows)


def print_times(found, results):
    markdown(["times snmptrapd (times one without its log)"] + list(TITLES.values()), [
        [label(way)] + ["**%.1f** (%.1f)" % tuple(times_of(other, found, results, rounds, kind)
                                                  for other in (peer, lean_peer)) for kind in KINDS]
        for way, rounds in zip(found, results) if is_ours(way)])


def traps(options, folder):
    """CPU of a trap, from a UDP socket to JSON that is discarded."""
    found = ways(options)
    has_peer = len(found) > 3
    results = [[] for _ in found]
    for _ in range(options.rounds):
        for i, (_, start, rate) in enumerate(found):
            results[i].append(one_turn(start, folder, rate, options.trap_seconds))
    print("%d turns of %g s of each:\n" % (options.rounds, options.trap_seconds))
    print_cpu(found, results, options.trap_seconds)
    if has_peer:
        print("As many traps in a second of CPU as snmptrapd at the rate that suits it better:\n")
        print_times(found, results)
    peaks = [{kind: max(r[kind]["rss"] for r in rounds) / 1024 for kind in KINDS}
             for rounds in results]
    markdown(["peak resident set, MiB"] + list(TITLES.values()), [
        [label(way)] + ["%.1f" % peak[kind] for kind in KINDS] for way, peak in zip(found, peaks)])
    lost = sum(r[kind]["lost"] for way, rounds in zip(found, results) if is_ours(way)
               for r in rounds for kind in KINDS)
    bars = [at_most("traps that we lost", 0, lost, "%d"), at_most("peak resident set under these loads, MiB", 32, max(
        max(peak.values()) for way, peak in zip(found, peaks) if is_ours(way)), "%.1f")]
    for kind, times in (("v2c-5", 20), ("v3", 4)) if has_peer else ():
        for other, which in ((peer, ""), (lean_peer, " without its log")):
            bars.append(at_least(
                "%s: times as many in a second of CPU as snmptrapd%s" % (TITLES[kind], which),
                times, times_of(other, found, results, results[0], kind), "%.1f"))
    return bars


# ---- Hostile engines ----

def one_siege(start, folder, rate, seconds, count):
    """What a trap of v3 costs before and after messages of `count` engines that are made up."""
    with start(folder) as process:
        measured(process, "v3", rate, 0.3)  # makes the keys
        before = measured(process, "v3", rate, seconds)
        hostile = measured(process, "hostile", rate, 600, "-c", count)
        after = measured(process, "v3", rate, seconds)
    return {"before": before["us"], "after": after["us"], "hostile": hostile["us"],
            "rss": max(hostile["rss"], after["rss"]), "lost": before["lost"] + after["lost"]}


def siege_row(name, count, rounds):
    def of(key):
        return spread([r[key] for r in rounds], "%.2f")
    return [name, "{:,}".format(count), of("before"), of("hostile"), of("after"),
            "**%.3f**" % statistics.median(r["after"] / r["before"] for r in rounds),
            "%.1f" % (max(r["rss"] for r in rounds) / 1024), sum(r["lost"] for r in rounds)]


def hostile(options, folder):
    """Made-up engines, in the daemon and in process."""
    rounds = [one_siege(ours, folder, options.trap_rate, options.trap_seconds, HOSTILE)
              for _ in range(fewer(options))]
    rows = [siege_row("ours", HOSTILE, rounds)]
    if is_peer_there():
        rows.append(siege_row("snmptrapd", PEER_HOSTILE, [one_siege(
            peer, folder, options.peer_rate, options.trap_seconds, PEER_HOSTILE)]))
    print("Traps of v3 before and after as many messages, each of an engine id of its own:\n")
    markdown(["CPU for a message, us", "engines", "legal, before", "hostile", "legal, after", "ratio",
              "peak MiB", "legal ones lost"], rows)
    found = lines_of(DECODE, "hostile")
    print("Decoding alone in two places that take turns, medians of single traps in ns: `quiet` hears "
          "only legal\nones; `among`: one after each ten others, hostile ones or not:\n")
    titles = {"v2c": TITLES["v2c-5"], "v3": TITLES["v3"]}
    markdown(["", "", "quiet", "besieged", "ratio"], [
        [titles[r["kind"]], r["when"], "%d" % r["quiet"], "%d" % r["besieged"],
         "**%.3f**" % (r["besieged"] / r["quiet"])] for r in found[:-1]])
    print("A hostile one: %d ns of a user that there is not, %d ns with a wrong MAC.\n" % (
        found[-1]["unknown_user"], found[-1]["wrong_mac"]))
    return [at_most("cost of a legal trap (%s) after messages of 100,000 engines" % r["kind"], 1.05,
                    r["besieged"] / r["quiet"], "%.3f") for r in found[:-1] if r["when"] == "after"]


# ---- Informs ----

def client(window, seconds, *more):
    out = subprocess.run([CLIENT, "-p", str(PORT), "-w", str(window), "-d", str(seconds)] +
                         list(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return json.loads(out.stdout) if out.returncode == 0 else None


def inform_run(start, folder, window, seconds, *more):
    with start(folder) as process:
        before = process.tree_cpu_seconds()
        result = client(window, seconds, *more)
        if result is not None:
            result["cpu"] = process.tree_cpu_seconds() - before
            result["rss"] = process.memory_kib()[0]
    return result


def received(folder):
    return ours(folder, ["listeners.0.inform.ack=received"])


def published(folder):
    return ours(folder, ["output=nats", "nats.url.0=nats://127.0.0.1:%d" % NATS_PORT])


def stored_run(_, folder, window, seconds, *more):
    """Into a stream of its own: what it holds afterwards is what was answered, or it is said."""
    store = tempfile.mkdtemp(dir=folder)
    with nats_server(store) as server:
        wait_for("nats-server", port_open)
        nats = Nats()
        nats.make_stream("logs.snmp")
        before = server.cpu_seconds()
        result = inform_run(published, folder, window, seconds, *more)
        if result is not None:
            result["server"] = server.cpu_seconds() - before
            result["stored"] = nats.stored()
    shutil.rmtree(store)
    return result


INFORMS = [("ours into JetStream, v2c", stored_run, published, 1, []),
           ("ours into JetStream, v2c", stored_run, published, 16, []),
           ("ours into JetStream, v2c", stored_run, published, 64, []),
           ("ours into JetStream, v3", stored_run, published, 64, ["-3"]),
           ("ours, `inform.ack: received`, v2c", inform_run, received, 64, []),
           ("snmptrapd, v2c", inform_run, peer, 1, []),
           ("snmptrapd, v2c", inform_run, peer, 16, []),
           ("snmptrapd, v2c", inform_run, peer, 64, []),
           ("snmptrapd, v3", inform_run, peer, 64, ["-3"])]


def is_exact(result):
    return result["lost"] == 0 and result["stored"] == result["informs"]


def inform_row(name, window, rounds):
    def of(key, form):
        return spread([key(r) for r in rounds], form)
    stored = "-"
    if "stored" in rounds[0]:
        stored = "%d of %d" % (sum(map(is_exact, rounds)), len(rounds))
    return [name, window, of(lambda r: r["answered"] / r["seconds"], "%.0f"),
            of(lambda r: r["median_us"], "%.0f"), of(lambda r: r["p99_us"], "%.0f"),
            of(lambda r: r["cpu"] / r["answered"] * 1e6, "%.1f"),
            of(lambda r: r["server"] / r["answered"] * 1e6, "%.1f") if stored != "-" else "-",
            "%.1f" % (max(r["rss"] for r in rounds) / 1024), sum(r["again"] for r in rounds),
            sum(r["lost"] for r in rounds), stored]


def inform_bars(results):
    """Of a window of 64 of v2c into JetStream, which is the third."""
    rounds = results[2]
    return [at_least("informs/s into JetStream with a window of 64", 20000,
                     statistics.median(r["answered"] / r["seconds"] for r in rounds), "%.0f"),
            at_most("turns of those in which an inform was lost, or stored twice", 0,
                    sum(not is_exact(r) for r in rounds), "%d")]


def informs(options, folder):
    """Informs in a closed loop: a window of them waits for answers at any time."""
    rows = []
    todo = [item for item in INFORMS if item[2] is not peer or is_peer_there()]
    results = [[] for _ in todo]
    for _ in range(fewer(options)):
        for i, (_, how, start, window, more) in enumerate(todo):
            results[i].append(how(start, folder, window, 2 * options.trap_seconds, *more))
    for (name, _, _, window, _), rounds in zip(todo, results):
        if all(r and r["answered"] for r in rounds):
            rows.append(inform_row(name, window, rounds))
        else:
            rows.append([name, window, "not answered"] + ["-"] * 8)
    print("Informs of 5 varbinds for %g s, %d turns; `exact`: in how many of them all were answered "
          "and the\nstream held as many messages as there were different informs:\n" % (
              2 * options.trap_seconds, fewer(options)))
    markdown(["receiver", "window", "informs/s", "answered after, us", "99 %", "CPU each, us",
              "of the server", "peak MiB", "sent again", "lost", "exact"], rows)
    return inform_bars(results)


# ---- In process ----

def lines_of(*command):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return [json.loads(line) for line in out.stdout.splitlines()]


def in_process(_options, _folder):
    """Decoding and encoding alone."""
    kinds = {}
    for line in lines_of(DECODE, "all"):
        kinds.setdefault(line["kind"], []).append(line)
    print("Decoding and encoding alone, ns for a trap, medians of eleven rounds (the best one):\n")
    markdown(["", "bytes", "four keys", "`enrich`"], [
        [kind, plain["size"]] + ["%d (%d)" % (line["ns"], line["best"]) for line in (plain, more)]
        for kind, (plain, more) in kinds.items()])
    return []


def worst(_options, folder):
    """The most expensive datagrams that are known; names() comes before."""
    found = lines_of(DECODE, "worst", os.path.join(folder, "names.mib"))
    print("The most expensive datagrams that are known, us, medians of nine:\n")
    markdown(["", "four keys", "`enrich`"], [
        [line["what"]] + [("**%d**" if line[key] > 1000 else "%d") % line[key]
                          for key in ("plain", "enriched")] for line in found])
    return [at_most("us for the most expensive datagram, %s" % name, 1000,
                    max(line[key] for line in found), "%.0f")
            for key, name in (("plain", "four keys"), ("enriched", "`enrich`"))]


def names(options, folder):
    """Looking up names among those of many modules."""
    modules, found = os.path.join(folder, "modules"), os.path.join(folder, "names.mib")
    subprocess.run([sys.executable, os.path.join(HERE, "make_mibs.py"), modules, "--count",
                    str(options.modules)], check=True)
    start = time.monotonic()
    subprocess.run([CLI, "mib", "compile", modules, "-o", found], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    passed = time.monotonic() - start
    out = subprocess.run([FIND, found], check=True, stdout=subprocess.PIPE)
    lines = out.stdout.decode().splitlines()
    print("A table of %d modules, %s, made in %.1f s; a lookup, the best of ten rounds:\n" % (
        options.modules, lines[0], passed))
    rows = [line.split(": ") for line in lines[1:]]
    markdown(["identifiers", "time"], rows)
    return [at_most("ns for a lookup among %d modules: %s" % (options.modules, what), 200,
                    float(time_of.split()[0]), "%.0f") for what, time_of in rows]


def trapd(options, folder):
    """All of it."""
    if not all(map(os.path.exists, (DAEMON, path("trap"), CLIENT, DECODE, FIND, CLI))):
        sys.exit("not built; run: cmake --preset release && "
                 "cmake --build --preset release --target bench")
    bars = []
    for part in (traps, hostile, informs, in_process, names, worst):
        bars += part(options, folder)
    markdown(["bar", "", "measured", ""], bars)
