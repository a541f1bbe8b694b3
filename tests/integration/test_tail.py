# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli tail, from the sockets of running collectors and from streams."""

import json
import os
import select
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from flows import SUBJECT as FLOWS
from flows import Collector, data, delimited, fields, record, template
from lab import BIN, SUBJECT, Load, Process, wait_for

CLI = BIN / "serviceradar-cli"
MARK = b"<13>Jan  2 03:04:05 host app: mark."


@pytest.fixture
def room():
    """A folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="tail-"))
    yield folder
    shutil.rmtree(folder)


class Tail(Process):
    """A tail that runs, with its output in a file."""

    def __init__(self, lab, *args, name="tail"):
        super().__init__(lab, name)
        self.errors = lab.dir / f"{name}.err"
        with open(self.errors, "wb") as errors:
            self.spawn([CLI, "tail", *args], stderr=errors)

    def shown(self):
        """The whole lines: the last may be on its way."""
        text = self.text()
        return text[:text.rfind("\n") + 1].splitlines()

    def records(self):
        """What --json shows, without the marks."""
        lines = [json.loads(line) for line in self.shown()]
        return [line for line in lines if "mark." not in json.dumps(line)]


def listening(tail, send):
    """Lets a tail show one mark, after which it shows everything."""
    def heard():
        send()
        assert tail.running(), tail.text() + tail.errors.read_text()
        return tail.text()
    wait_for("tail shows a record", heard)


def tail_of(lab, daemon, room, *args, **options):
    tail = Tail(lab, "--socket", room / "x.sock", *args, **options)
    listening(tail, lambda: daemon.send([MARK]))
    return tail


@pytest.fixture
def syslog(lab, room):
    return lab.daemon(output="discard", tail={"listen": f"unix://{room}/x.sock"})


def cli(*args, **options):
    return subprocess.run([CLI, *map(str, args)], capture_output=True, text=True, timeout=30,
                          check=False, **options)


def test_records_are_shown_as_they_are_queued(lab, room, syslog):
    people, objects = tail_of(lab, syslog, room), tail_of(lab, syslog, room, "--json", name="json")
    load = Load()
    syslog.send(load.lines(100), rate=2000)
    wait_for("all are shown", lambda: len(objects.records()) == 100)
    for number, shown in enumerate(objects.records()):
        assert shown["subject"] == SUBJECT
        assert shown["listener"] == syslog.listeners[0]["listen"]
        assert shown["record"]["short_message"] == f"app: {load.mark}{number}."
    wait_for("people see the last", lambda: f"{load.mark}99." in people.text())
    line = [line for line in people.shown() if f"{load.mark}7." in line][0]
    subject, text = line.split(" ", 1)
    assert (subject, json.loads(text)) == (SUBJECT, objects.records()[7]["record"])
    syslog.stop()
    assert (people.end(), objects.end()) == (0, 0)
    assert not (room / "x.sock").exists()


def test_a_tail_sees_the_collector_end(lab, room, syslog):
    tail = tail_of(lab, syslog, room)
    syslog.send([MARK])
    syslog.stop()
    assert tail.process.wait(10) == 0


def test_count_and_filter_choose(lab, room, syslog):
    load = Load()
    tail = Tail(lab, "--socket", room / "x.sock", "--json", "--filter", f"{load.mark}1", "--count",
                "3")

    def ended():
        syslog.send(load.lines(10))
        return not tail.running()
    wait_for("it has what it wants", ended)
    assert tail.end() == 0
    found = [r["record"]["short_message"] for r in tail.records()]
    assert len(found) == 3 and all(f"app: {load.mark}1" in text for text in found)


def test_raw_is_the_record_and_nothing_else(lab, room, syslog):
    tail = tail_of(lab, syslog, room, "--raw")
    load = Load()
    syslog.send(load.lines(1))
    wait_for("it is shown", lambda: load.mark in tail.text())
    assert json.loads(tail.shown()[-1])["short_message"] == f"app: {load.mark}0."


def test_dead_letters_are_shown_with_their_reason(lab, room, syslog):
    tail = tail_of(lab, syslog, room, "--json")
    syslog.send([b"\xff"])
    shown = wait_for("it is shown", tail.records)[0]
    assert shown["subject"] == SUBJECT + ".deadletter"
    assert shown["record"]["raw"] == "ff" and shown["record"]["source"] == "127.0.0.1"
    assert shown["record"]["error"]


@pytest.mark.parametrize("records", [1, 100])
def test_flows_are_shown_as_json_or_as_published(lab, room, records):
    daemon = Collector(lab, output="discard", tail={"listen": f"unix://{room}/x.sock"},
                       publish={"batch": {"records": records}}).start()
    exporter = daemon.exporter("127.0.0.5")
    tail = Tail(lab, "--socket", room / "x.sock", "--json")
    raw = Tail(lab, "--socket", room / "x.sock", "--raw", name="raw")
    for one in tail, raw:
        listening(one, lambda: exporter.v5())
    exporter.v9(template(256), data(256, record(1), record(2)))
    wait_for("both are shown",
             lambda: [json.loads(t)["record"].get("src_addr") for t in tail.shown()][-2:] ==
             ["10.0.0.1", "10.0.0.2"])
    shown = [json.loads(line) for line in tail.shown()][-1]
    assert shown["subject"] == FLOWS
    assert shown["record"]["dst_addr"] == "198.51.100.1"
    assert (shown["record"]["bytes"], shown["record"]["type"]) == (1000, "NETFLOW_V9")
    wait_for("the flow is in what is raw", lambda: b"\x0a\x00\x00\x02" in raw.log.read_bytes())
    last = list(delimited(raw.log.read_bytes()))[-1]
    assert (fields(last)[6], fields(last)[9]) == (b"\x0a\x00\x00\x02", 1000)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_in_good_order(lab, room, syslog, number):
    tail = tail_of(lab, syslog, room)
    assert tail.end(number) == 0
    assert tail.errors.read_text() == ""


def test_a_reader_who_goes_away_ends_it_in_good_order(lab, room, syslog):
    tail = subprocess.Popen([CLI, "tail", "--socket", room / "x.sock"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    try:
        os.set_blocking(tail.stdout.fileno(), False)

        def heard():
            syslog.send([MARK])
            return tail.stdout.read()
        wait_for("a record", heard)
        tail.stdout.close()  # nothing more is sent: it must see the end by itself
        assert tail.wait(10) == 0
        assert tail.stderr.read() == b""
    finally:
        tail.kill()
        tail.wait()
        tail.stderr.close()


def test_a_signal_ends_it_while_its_reader_rests(lab, room, syslog):
    tail = subprocess.Popen([CLI, "tail", "--socket", room / "x.sock"], stdout=subprocess.PIPE)
    try:
        def heard():
            syslog.send([MARK])
            return select.select([tail.stdout], [], [], 0)[0]
        wait_for("a record", heard)
        load = Load(size=1000)
        syslog.send_all(load, 2000)  # more than a pipe holds
        wait_for("it waits in a write", lambda: "pipe" in Path(
            f"/proc/{tail.pid}/wchan").read_text() or tail.poll() is not None
            or Path(f"/proc/{tail.pid}/wchan").read_text() in ("0", ""))
        tail.terminate()
        assert tail.wait(10) == 0
    finally:
        tail.kill()
        tail.wait()
        tail.stdout.close()


def test_who_does_not_read_slows_nobody_and_learns_what_was_left_out(lab, room, syslog):
    tail = tail_of(lab, syslog, room, "--json")
    tail.send_signal(signal.SIGSTOP)
    load = Load(size=1000)
    syslog.send_all(load, 6000)
    ledger = syslog.settled(syslog.ledger()["received"])
    assert ledger["dropped"] == 0 and ledger["stored"] == ledger["received"]
    tail.send_signal(signal.SIGCONT)

    def complete():
        shown = tail.records()
        return sum(r.get("skipped", 1) for r in shown) == 6000 and shown
    shown = wait_for("each record is shown or told to be left out", complete)
    assert any("skipped" in r for r in shown)


def test_the_socket_is_the_groups_and_gone_with_the_collector(lab, room, syslog):
    mode = (room / "x.sock").stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    syslog.put_down()
    assert (room / "x.sock").exists()
    syslog.killed = False
    syslog.start()  # what the killed one left is in nobody's way
    tail_of(lab, syslog, room)


def test_a_path_that_was_asked_for_and_cannot_be_had_is_an_error(lab, room, syslog):
    second = {"listen": f"unix://{room}/x.sock"}
    for listen, why in ((second, "another process serves it"),
                        ({"listen": f"unix://{room}/none/x.sock"}, "No such file")):
        log = lab.run("--set", f"tail.listen={listen['listen']}", "--set", "output=discard",
                      "--set", "metrics.listen=off",
                      "--set", "listeners.0.listen=udp://127.0.0.1:9").stderr
        assert "tail.listen: cannot listen at" in log and why in log, log
    done = lab.run("--check-config", "--set", "tail.listen=unix://relative")
    assert done.returncode == 2 and "unix:///PATH" in done.stderr
    done = lab.run("--check-config", "--set", "tail.listen=unix:///" + 107 * "a")
    assert done.returncode == 2 and "at most 107 bytes" in done.stderr


def test_without_a_collector_it_says_what_to_do(room):
    done = cli("tail", "--socket", room / "none.sock")
    assert done.returncode == 1
    assert "no collector listens there" in done.stderr and "try: " in done.stderr
    done = cli("tail", "--socket", room / "none.sock", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["ok"] is False
    for args in (["a", "b"], ["--count", "x"], ["--json", "--raw"], ["--server", "tls://x"],
                 ["trapd", "--socket", "y"], ["../x"], ["--follow"], ["--no-such"],
                 ["netfow"], ["netflow@"], ["netflow@../x"]):
        done = cli("tail", *args)
        assert done.returncode == 2 and done.stderr, args


@pytest.mark.parametrize("name,socket", [("netflow@nobody", "netflow@nobody"),
                                         ("flowgger@nobody", "syslog@nobody")])
def test_an_instance_is_named_as_with_other_commands(name, socket):
    done = cli("tail", name)
    assert done.returncode == 1
    assert f"/run/serviceradar/{socket}.sock: no collector listens there" in done.stderr


# ---- From a stream ----

@pytest.fixture
def world(lab):
    return lab.world()


def reading(world, *args, tenant="acme", user="platform", stream="events"):
    folder, owner = world.dir / tenant, "platform" if user == "platform" else "collector"
    return ["--server", world.tls_url, "--creds", folder / "creds" / f"{user}.creds",
            "--ca", world.dir / "tls" / "ca.pem", "--cert", folder / "tls" / f"{owner}.pem",
            "--key", folder / "tls" / f"{owner}-key.pem", "--stream", stream, *args]


def test_a_stream_is_shown_from_its_end_and_followed(lab, world):
    daemon = lab.daemon(nats=world.nats())
    load = Load()
    daemon.send([b"\xff", *load.lines(29)])
    daemon.settled(30)
    done = cli("tail", *reading(world, "--json"))
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert [s["sequence"] for s in shown] == list(range(21, 31))
    last = [s for s in shown if s["subject"] == f"acme.{SUBJECT}"][-1]  # dead letters go apart
    assert last["record"]["short_message"] == f"app: {load.mark}28."
    done = cli("tail", *reading(world, "--last", "1000", "--count", "30", "--filter", '"raw"',
                                "--subject", "*.logs.syslog.deadletter"))
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == [
        f"acme.{SUBJECT}.deadletter"]
    tail = Tail(lab, *reading(world, "--last", "1", "--follow", "--json"))
    wait_for("the last is shown", tail.shown)
    daemon.send(load.lines(5))
    wait_for("new ones are shown", lambda: len(tail.records()) == 6)
    assert tail.records()[-1]["record"]["short_message"] == f"app: {load.mark}33."
    assert tail.end(signal.SIGINT) == 0


@pytest.mark.parametrize("name", ["a b", "events.x", ""])
def test_what_can_be_no_stream_does_not_exist(world, name):
    done = cli("tail", *reading(world, stream=name))
    assert done.returncode == 1
    assert "does not exist" in done.stderr and "--stream" in done.stderr, done.stderr


def test_flows_of_a_stream_are_decoded(lab, world):
    nats = world.nats(user="netflow")
    nats["stream"] = "flows"
    daemon = Collector(lab, nats=nats, publish={"batch": {"records": 50}}).start()
    daemon.exporter("127.0.0.5").v9(template(256), data(256, *(record(n) for n in range(20))))
    wait_for("they are stored", lambda: daemon.ledger()["stored"] == 20)
    done = cli("tail", *reading(world, "--json", "--last", "20", stream="flows"))
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line)["record"] for line in done.stdout.splitlines()]
    assert [s["src_addr"] for s in shown] == [f"10.0.0.{n}" for n in range(20)]


def test_whoever_may_not_read_is_told_whose_credentials_to_use(lab, world):
    done = cli("tail", *reading(world, user="syslog"))
    assert done.returncode == 1
    assert "credentials of a reader" in done.stderr, done.stderr
    done = cli("tail", *reading(world, stream="nothing"))
    assert done.returncode == 1
    assert "does not exist" in done.stderr and "--stream" in done.stderr, done.stderr
    done = cli("tail", *reading(world, "--json"), env={**os.environ, "SSL_CERT_FILE": "/dev/null"})
    assert done.returncode == 0 and done.stdout == ""  # nothing stored yet
