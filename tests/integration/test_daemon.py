# SPDX-License-Identifier: Apache-2.0
"""A running daemon: reloads, outputs that need no server, and whatever comes in at the socket."""

import json
import os
import random
import signal
import socket
import subprocess

import pytest

from lab import SUBJECT, Daemon, Load, Pump, Server, check_once, free_port, wait_for

DEAD = SUBJECT + ".deadletter"
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def stored(server):
    with server.client() as c:
        return c.messages()


def to_file(lab, **options):
    """A daemon that writes to a file, and the file's path."""
    path = lab.dir / "out"
    return lab.daemon(output="file", file={"path": str(path)}, **options), path


def records(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


# ---- Reloading ----

def test_a_reload_changes_the_next_records_and_loses_none(lab, server):
    daemon = lab.daemon(server=server, partition="before")
    load = Load()
    pump = Pump(daemon, load, 3000)
    wait_for("records flow", lambda: daemon.ledger()["stored"] > 500)
    for n in range(5):
        daemon.config["partition"] = f"after{n}"
        daemon.write()
        daemon.hup()
        wait_for("a reload", lambda n=n: len(
            daemon.lines("the configuration is reloaded")) == n + 1)
        before = daemon.ledger()["received"]
        daemon.await_received(before + 300)
    pump.finish()
    ledger = daemon.settled(load.sent)
    assert ledger["stored"] == load.sent
    messages = stored(server)
    check_once(messages, load)
    seen = [json.loads(m.body)["_remote_addr"] for m in messages]
    assert list(dict.fromkeys(seen)) == [
        f"{p}:127.0.0.1" for p in ("before", *(f"after{n}" for n in range(5)))]
    assert len(daemon.lines("connected to NATS url=")) == 1


def test_a_reload_changes_format_timezone_and_log_level(lab):
    daemon, path = to_file(lab, listeners=[{"timezone": "UTC"}], log={"level": "notice"})
    line = b"<13>Jan  2 03:04:05 host app: hello"
    daemon.send([line])
    daemon.settled(1)
    daemon.config["listeners"][0]["timezone"] = "Etc/GMT+5"
    daemon.write()
    daemon.hup()
    wait_for("a reload", lambda: daemon.lines("the configuration is reloaded"))
    daemon.send([line])
    daemon.settled(2)
    first, second = records(path)
    assert second["timestamp"] - first["timestamp"] == 5 * 3600
    daemon.config["listeners"][0]["format"] = "rfc5424"
    daemon.config["log"] = {"level": "error"}
    daemon.write()
    daemon.hup()
    lines = len(daemon.text().splitlines())

    def refused():
        daemon.send([line])
        return daemon.ledger()["deadlettered"] > 0
    wait_for("the new format", refused)
    daemon.stop()
    assert len(daemon.text().splitlines()) == lines  # not even the notices of the end


def test_a_reload_that_touches_a_restart_key_is_refused_whole(lab):
    daemon, path = to_file(lab, partition="before")
    daemon.config["partition"] = "after"
    daemon.config["queue"] = {"memory": "32MiB"}
    daemon.write()
    daemon.hup()
    daemon.await_log("not reloaded")
    assert len(daemon.lines("error", "a new value of queue.memory needs a restart")) == 1
    daemon.send([b"<13>Jan  2 03:04:05 host app: hello"])
    daemon.settled(1)
    assert records(path)[0]["_remote_addr"] == "before:127.0.0.1"


def test_a_broken_file_is_refused_with_its_line_and_changes_nothing(lab):
    daemon, path = to_file(lab, partition="before")
    for n, (broken, message) in enumerate((
            ('partition: after\nlisteners: [\n', f"{daemon.conf}:"),
            ('partition: after\nlog: {level: loud}\nlistenrs: []\n', f"{daemon.conf}:2: log.level"),
            ('partition: after\nlisteners:\n - timezone: Mars/Olympus\n', "Mars/Olympus"))):
        daemon.conf.write_text(broken)
        daemon.hup()
        wait_for("a refusal", lambda n=n: len(daemon.lines("is not reloaded")) == n + 1)
        assert daemon.lines("error", message), daemon.text()
    assert daemon.lines(f"{daemon.conf}:3: unknown key `listenrs`; did you mean `listeners`?")
    daemon.send([b"<13>Jan  2 03:04:05 host app: hello"])
    daemon.settled(1)
    assert records(path)[0]["_remote_addr"] == "before:127.0.0.1"
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is reloaded")


def test_a_rotated_file_is_left_at_sighup_and_no_record_is_lost(lab):
    daemon, path = to_file(lab)
    load = Load()
    pump = Pump(daemon, load, 3000)
    parts = []
    for n in range(3):
        part = path.with_name(f"out.{n}")
        wait_for("records in the file", lambda: path.exists() and path.stat().st_size > 20000)
        path.rename(part)
        daemon.hup()
        wait_for("a new file", path.exists)
        parts.append(part)
    pump.finish()
    assert daemon.settled(load.sent)["stored"] == load.sent
    lines = [line for part in (*parts, path) for line in part.read_bytes().splitlines()]
    assert load.numbers(lines) == list(range(load.sent))


# ---- Outputs without a server ----

def test_standard_output_gets_records_and_dead_letters_as_lines(lab):
    daemon = Daemon(lab, output="stdout")
    load = Load()
    with open(lab.dir / "stdout", "wb") as out:
        daemon.start(stdout=out)
        daemon.send(load.lines(2000))
        daemon.send([b"\xff\x00"])
        ledger = daemon.settled(2001)
        daemon.stop()
    assert (ledger["stored"], ledger["stored_dead"]) == (2000, 1)
    lines = records(lab.dir / "stdout")
    dead = {"error": "not_utf8", "raw": "ff00", "source": "127.0.0.1"}
    assert dead in lines
    lines.remove(dead)
    assert load.numbers([json.dumps(li, separators=(",", ":")).encode() for li in lines]) == \
        list(range(2000))


def test_a_file_gets_records_and_its_neighbour_the_dead_letters(lab):
    daemon, path = to_file(lab)
    load = Load()
    daemon.send(load.lines(2000))
    daemon.send([b"\xff\x00"])
    daemon.settled(2001)
    assert load.numbers(path.read_bytes().splitlines()) == list(range(2000))
    assert records(path.with_name("out.deadletter")) == [
        {"error": "not_utf8", "raw": "ff00", "source": "127.0.0.1"}]


def test_discard_counts_and_writes_nothing(lab):
    daemon = lab.daemon(output="discard")
    daemon.send(Load().lines(2000))
    assert daemon.settled(2000)["stored"] == 2000


def test_the_daemon_ends_when_nobody_reads_its_output(lab):
    daemon = Daemon(lab, output="stdout")
    reader = subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE)
    try:
        daemon.start(stdout=reader.stdin)
        reader.stdin.close()
    finally:
        reader.kill()
        reader.wait(10)
    daemon.send(Load().lines(1))
    assert daemon.process.wait(10) == 1
    assert len(daemon.lines("error", "nobody reads standard output")) == 1


@root_only
def test_a_full_disk_is_waited_for_with_one_line(lab):
    disk = lab.dir / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("cannot mount a small disk here")
    try:
        daemon = lab.daemon(output="file", file={"path": str(disk / "out")})
        load = Load()
        daemon.send(load.lines(2000))
        daemon.await_log("cannot write")
        assert daemon.ledger()["queued"] > 0
        assert len(daemon.lines("cannot write", "No space left", "free space")) == 1
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        assert daemon.settled(2000)["stored"] == 2000
        assert len(daemon.lines("cannot write")) == 1
        daemon.stop()
        assert load.numbers((disk / "out").read_bytes().splitlines()) == list(range(2000))
    finally:
        for process in lab.processes:
            process.put_down()
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("between", [[], [], [], [signal.SIGHUP]])
def test_a_second_signal_ends_a_drain_at_once(lab, between):
    daemon = Daemon(lab, server=Server(lab), queue={"durability": "memory"},
                    shutdown_timeout="60s")
    daemon.start(stderr=subprocess.PIPE)
    daemon.send(Load().lines(10))
    daemon.await_received(10)
    daemon.send_signal(signal.SIGTERM)
    # The next signal counts from this line on, not from some moment after it.
    assert any(b"stopping signal=SIGTERM" in line for line in daemon.process.stderr)
    for number in between:  # changes nothing any more
        daemon.send_signal(number)
    assert daemon.running()
    daemon.killed = True
    daemon.send_signal(signal.SIGTERM)
    assert daemon.process.wait(10) == -signal.SIGTERM


# ---- Whatever comes in ----

def test_bad_datagrams_become_dead_letters_with_their_bytes(lab, server):
    daemon = lab.daemon(server=server)
    rng = random.Random(7)
    good = b"<13>Jan  2 03:04:05 host app: good"
    bad = {"truncated UTF-8": b"<13>Jan  2 03:04:05 host app: caf\xc3",
           "bytes that are no text": bytes(range(128, 256)),
           "a NUL in rubbish": b"\xff\x00\x00",
           "all the room": b"\xfe" * 65507}
    bad.update({f"random {n}": b"\xff" + rng.randbytes(rng.randrange(1, 3000))
                for n in range(200)})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for datagram in (good, *bad.values(), good):
            s.sendto(datagram, daemon.address())
    ledger = daemon.settled(len(bad) + 2)
    assert (ledger["decoded"], ledger["deadlettered"]) == (2, len(bad))
    messages = stored(server)
    dead = [m for m in messages if m.subject == DEAD]
    assert sorted(m.body for m in dead) == sorted(bad.values())
    assert {m.headers["Sr-Reason"] for m in dead} == {"not_utf8"}
    assert {m.headers["Sr-Source"] for m in dead} == {"127.0.0.1"}
    assert daemon.metric("undecodable_total", reason="not_utf8") == len(bad)
    assert len(daemon.lines("cannot decode a datagram", "source=127.0.0.1", "not_utf8")) == 1
    assert len({m.headers["Nats-Msg-Id"] for m in messages}) == len(messages)


ODD = {
    "empty": b"", "nul": b"\0", "nul inside": b"<13>Jan  2 03:04:05 host a\0b", "begun": b"<",
    "priority alone": b"<13>", "newlines": b"\n" * 100, "priority too large": b"<99999999999>x",
    "no syslog": b"hello", "all escapes": b"<13>Jan  2 03:04:05 host app: " + b"\x01" * 65000,
    "largest": b"<13>Jan  2 03:04:05 host app: " + b"x" * 65477}


@pytest.mark.parametrize("datagram", ODD.values(), ids=ODD)
def test_an_odd_datagram_becomes_a_record_or_a_dead_letter(lab, datagram):
    daemon, path = to_file(lab)
    daemon.send([datagram])
    ledger = daemon.settled(1)
    assert ledger["decoded"] + ledger["deadlettered"] == 1
    out, dead = records(path), records(path.with_name("out.deadletter"))
    assert len(out) + len(dead) == 1
    if dead:
        assert bytes.fromhex(dead[0]["raw"]) == datagram
        assert dead[0]["error"] and dead[0]["source"] == "127.0.0.1"


def test_an_ipv6_listener_on_all_addresses_hears_ipv4_too(lab):
    port = free_port(socket.SOCK_DGRAM)
    daemon, path = to_file(lab, listeners=[{"listen": f"udp://[::]:{port}"}])
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.sendto(b"<13>Jan  2 03:04:05 host app: hello", (address, port))
    daemon.settled(2)
    assert {r["_remote_addr"] for r in records(path)} == {"default:127.0.0.1", "default:::1"}


def test_several_workers_share_a_listener_and_its_ledger(lab, server):
    daemon = lab.daemon(server=server, listeners=[{"workers": 4}])
    loads = [Load() for _ in range(8)]
    for load in loads:  # a socket each, so that the kernel spreads them
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for line in load.lines(500):
                s.sendto(line, daemon.address())
    daemon.settled(4000)
    messages = stored(server)
    assert len(messages) == 4000
    for load in loads:
        check_once(messages, load)


def test_a_queue_without_room_drops_by_reason_and_stores_the_rest(lab, server):
    server.end(signal.SIGTERM)
    daemon = lab.daemon(server=server, queue={"durability": "memory", "memory": "1MiB"},
                        listeners=[{"shed": False}])
    load = Load(200)
    daemon.send(load.lines(6000))
    daemon.await_received(6000)
    wait_for("the last ones to wait", lambda: daemon.ledger()["balanced"])
    full = daemon.ledger()
    assert 0 < full["queued"] < 6000
    assert full["dropped"] == 6000 - full["queued"]
    assert daemon.metric("dropped_total", reason="queue_full") == full["dropped"]
    assert len(daemon.lines("datagrams are dropped", "reason=queue_full", "advice=")) == 1
    server.start()
    ledger = daemon.settled(6000)
    assert ledger["stored"] == full["queued"]
    numbers = load.numbers(stored(server))
    assert numbers == list(range(full["queued"]))  # what came first is kept
