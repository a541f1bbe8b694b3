# SPDX-License-Identifier: Apache-2.0
"""What is received gets into the stream exactly once, whatever the server does meanwhile."""

import os
import signal
import socket
import ssl
import threading
import time

import pytest

from lab import (SLOW, SUBJECT, WINDOW, Daemon, FakeServer, Load, Pump, Server, check_once,
                 parse_headers, wait_for)

DEAD = SUBJECT + ".deadletter"


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def stored(server, stream="events", **options):
    with server.client(**options) as c:
        return c.messages(stream)


def test_records_wait_for_a_server_that_starts_later(lab, server):
    server.end()
    daemon = lab.daemon(server=server)
    load = Load()
    daemon.await_log("cannot connect to NATS")
    daemon.send(load.lines(3000))
    daemon.await_received(3000)
    wait_for("all to wait", lambda: daemon.ledger()["queued"] == 3000)
    server.start()
    daemon.settled(3000)
    check_once(stored(server), load)
    assert len(daemon.lines("cannot connect to NATS")) == 1
    assert daemon.lines("cannot connect to NATS", "warning", server.url, "is the server up")
    assert len(daemon.lines("connected to NATS url=")) == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_of_the_server_under_load_loses_and_repeats_nothing(lab, server, how):
    daemon = lab.daemon(server=server)
    load = Load()
    pump = Pump(daemon, load, 3000)
    wait_for("records flow", lambda: daemon.ledger()["stored"] > 1500)
    server.end(how)
    daemon.await_log("cannot connect to NATS")
    before = daemon.ledger()["received"]
    daemon.await_received(before + 1000)
    server.start()
    wait_for("records flow again", lambda: daemon.metric("output_connects_total") == 2)
    after = daemon.ledger()["stored"]
    wait_for("new records are stored", lambda: daemon.ledger()["stored"] > after + 1000)
    pump.finish()
    ledger = daemon.settled(load.sent)
    assert ledger["stored"] == load.sent
    check_once(stored(server), load, WINDOW)
    assert len(daemon.lines("lost the connection")) == 1
    assert len(daemon.lines("cannot connect to NATS")) == 1
    assert len(daemon.lines("connected to NATS url=")) == 2


class Script:
    """A server of few words: on_publish(socket, acknowledgement, id) for each message."""

    def __init__(self, lab, on_publish):
        self.on_publish = on_publish
        self.url = f"nats://127.0.0.1:{FakeServer(lab, {}, self.serve).port}"

    def serve(self, s):
        lines, sid = s.makefile("rb"), b""
        for line in lines:
            words = line.split()
            if words[0] == b"PING":
                s.sendall(b"PONG\r\n")
            elif words[0] == b"SUB":
                sid = words[-1]
            elif words[0] == b"HPUB":
                data = lines.read(int(words[4]) + 2)
                body = b'{"stream":"events","seq":1}'
                answer = b"MSG %s %s %d\r\n%s\r\n" % (words[2], sid, len(body), body)
                message_id = parse_headers(data[:int(words[3])])["Nats-Msg-Id"]
                self.on_publish(s, answer, message_id)


def test_a_server_that_closes_every_connection_is_not_asked_without_pause(lab):
    script = Script(lab, lambda s, *_: s.shutdown(socket.SHUT_RDWR))
    daemon = lab.daemon(server=script, shutdown_timeout="0s")
    start = time.monotonic()
    daemon.send(Load().lines(5))
    wait_for("seven connections", lambda: daemon.metric("output_connects_total") >= 7)
    assert time.monotonic() - start > 0.7  # three quick ones, then twice the pause each time
    assert len(daemon.lines("lost the connection")) <= 5
    assert len(daemon.lines("connected to NATS url=")) <= 5
    daemon.end()


def refusing(lab, count):
    """A Script that refuses the credentials of its first connections."""
    script = Script(lab, lambda s, answer, _: s.sendall(answer))

    def serve(s):
        if len(fake.accepted) > count:
            script.serve(s)
            return
        s.recv(4096)
        s.sendall(b"-ERR 'Authorization Violation'\r\n")

    fake = FakeServer(lab, {}, serve)
    script.url = f"nats://127.0.0.1:{fake.port}"
    return script


def test_one_refusal_of_credentials_may_be_chance_and_warns_nobody(lab):
    """The library spoils one signature in 256."""
    daemon = lab.daemon(server=refusing(lab, 1))
    daemon.send(Load().lines(10))
    daemon.settled(10)
    assert not daemon.lines("warning") and not daemon.lines("error")


def test_credentials_that_are_refused_again_are_told_of_once(lab):
    daemon = lab.daemon(server=refusing(lab, 3))
    daemon.send(Load().lines(10))
    daemon.settled(10)
    assert len(daemon.lines("warning", "cannot connect to NATS", "refuses the credentials")) == 1
    assert len(daemon.lines("cannot connect to NATS")) == 1


def test_attempts_that_hang_beside_a_connection_do_not_pile_up(lab):
    ca = lab.authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue("localhost"))
    script = Script(lab, lambda s, answer, _: s.sendall(answer))
    silent, up, over = [], threading.Event(), threading.Event()

    def serve(s):
        if not up.is_set():
            script.serve(context.wrap_socket(s, server_side=True))
            return
        silent.append(s)
        over.wait(60)

    fake = FakeServer(lab, {"tls_required": True}, serve)
    script.url = f"tls://localhost:{fake.port}"
    daemon = lab.daemon(server=script, nats={
        "connect_timeout": "2s", "tls": {"ca_file": str(ca.file)}})
    daemon.await_log("connected to NATS", 60)  # perhaps not at once: the machine may be slow
    up.set()
    before = daemon.threads()
    os.utime(ca.file)  # new files: it connects with them before it leaves the old connection
    wait_for("four attempts hang", lambda: len(silent) == 4, 60)
    time.sleep(4)  # for two more that must not come
    assert len(silent) == 4 and daemon.threads() <= before + 4
    load = Load()
    daemon.send(load.lines(10))
    daemon.settled(10)
    over.set()


def test_files_that_change_during_an_attempt_are_used_after_it(lab):
    ca = lab.authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue("localhost"))
    script, begun, go_on = Script(lab, lambda s, answer, _: s.sendall(answer)), [], []

    def serve(s):
        begun.append(s)
        if len(begun) == 2:  # longer than the daemon takes to look at its files
            wait_for("the test goes on", lambda: go_on, 30)
        script.serve(context.wrap_socket(s, server_side=True))

    fake = FakeServer(lab, {"tls_required": True}, serve)
    script.url = f"tls://localhost:{fake.port}"
    daemon = lab.daemon(server=script, nats={
        "connect_timeout": "25s", "tls": {"ca_file": str(ca.file)}})
    daemon.await_log("connected to NATS")
    os.utime(ca.file)
    daemon.send_signal(signal.SIGHUP)
    wait_for("an attempt with the new files", lambda: len(begun) == 2)
    os.utime(ca.file)  # newer ones, which that attempt has not read
    daemon.send_signal(signal.SIGHUP)
    wait_for("they are seen", lambda: len(daemon.lines("connection changed")) == 2)
    go_on.append(True)
    wait_for("a connection with the newest", lambda: len(begun) == 3)
    wait_for("it is the one", lambda: daemon.metric("output_connects_total") == 3)


def test_records_wait_for_their_stream_with_one_line_of_advice(lab):
    server = lab.server()
    daemon = lab.daemon(server=server)
    load = Load()
    daemon.send(load.lines(2000))
    wait_for("several probes", lambda: daemon.metric(
        "output_refused_total", reason="no_stream") > 2)
    wait_for("all to wait", lambda: daemon.ledger()["queued"] == 2000)
    assert len(daemon.lines("records wait in the queue")) == 1
    assert daemon.lines("subject=logs.syslog reason=no_stream", "create a stream on the subject")
    with server.client() as c:
        c.add_stream()
    daemon.settled(2000)
    check_once(stored(server), load, WINDOW)
    assert len(daemon.lines("records wait in the queue")) == 1
    assert len(daemon.lines("records are stored again subject=logs.syslog")) == 1


def test_a_forbidden_subject_is_named_and_holds_back_only_itself(lab):
    server = lab.server(text="""
        no_auth_user: edge
        accounts { ACME {
          jetstream: enabled
          mappings: { "logs.other": "acme.logs.other", "logs.syslog": "acme.logs.syslog" }
          users: [
            { user: admin, password: a }
            { user: edge, password: e, permissions: {
                publish: ["logs.other", "acme.logs.syslog", "logs.syslog"]
                subscribe: ["_INBOX.>"] } }
          ] } }""")
    server.user = {"user": "admin", "password": "a"}
    with server.client() as c:
        c.add_stream(subjects=["acme.>"])
    daemon = Daemon(lab, server=server, listeners=[
        {"subject": "logs.other"}, {"subject": SUBJECT}])
    daemon.start()
    load = Load()
    daemon.send(load.lines(1000), listener=0)
    daemon.await_log("reason=permission")
    daemon.send(load.lines(4000), listener=1)
    daemon.settled(4000, listener=1)
    wait_for("several probes", lambda: daemon.metric(
        "output_refused_total", reason="permission") > 2)
    wait_for("all to wait", lambda: daemon.ledger(0)["queued"] == 1000)
    assert len(daemon.lines("reason=permission")) == 1
    assert daemon.lines("subject=logs.other reason=permission", "allow the mapped subject")
    conf = server.conf.read_text()
    server.conf.write_text(conf.replace('["logs.other"', '["acme.logs.other", "logs.other"'))
    server.send_signal(signal.SIGHUP)
    daemon.settled(1000, listener=0)
    messages = stored(server)
    assert {m.subject for m in messages} == {"acme.logs.other", "acme.logs.syslog"}
    check_once(messages, load, load.sent)  # two lanes: no order between them


def test_every_forbidden_subject_is_named_however_many_messages_it_has(lab):
    server = lab.server(text="""
        authorization { users: [
          { user: admin, password: a }
          { user: edge, password: e, permissions: { publish: ["logs.c"], subscribe: ["_INBOX.>"] } }
        ] }
        no_auth_user: edge""")
    server.user = {"user": "admin", "password": "a"}
    with server.client() as c:
        c.add_stream(subjects=["logs.>"])
    daemon = lab.daemon(server=server, shutdown_timeout="0s", listeners=[
        {"subject": f"logs.{name}"} for name in "abc"])
    wait_for("a connection", lambda: daemon.metric("output_up") == 1)
    server.send_signal(signal.SIGSTOP)  # so that all are in flight together
    loads = [Load() for _ in range(3)]
    for n, load in enumerate(loads):
        daemon.send(load.lines(1000), listener=n)
        daemon.await_received(1000, listener=n)
    server.send_signal(signal.SIGCONT)
    daemon.settled(1000, listener=2)
    for name in "ab":
        daemon.await_log(f"subject=logs.{name} reason=permission")
    assert len(daemon.lines("records wait in the queue")) == 2
    check_once(stored(server), loads[2])


def test_a_forbidden_subject_is_named_behind_many_messages_of_another(lab):
    published = []

    def refuse(s, *_):
        published.append(s)
        if len(published) == 2:
            violation = "-ERR 'Permissions Violation for Publish to \"logs.%s\"'\r\n"
            s.sendall((5000 * (violation % "a") + violation % "b").encode())

    daemon = lab.daemon(server=Script(lab, refuse), shutdown_timeout="0s", listeners=[
        {"subject": "logs.a"}, {"subject": "logs.b"}])
    for n in range(2):
        daemon.send(Load().lines(1), listener=n)
    for name in "ab":
        daemon.await_log(f"subject=logs.{name} reason=permission", 8)  # no acknowledgement: 10 s
    daemon.end()


EDGE_MAY_NOTHING = """
    no_auth_user: edge
    accounts { ACME {
      jetstream: enabled
      %s
      users: [ { user: edge, password: e, permissions: {
        publish: ["elsewhere"]
        subscribe: ["_INBOX.>"] } } ]
    } }"""


def test_a_lost_connection_is_not_called_an_earlier_violation(lab):
    server = lab.server(text=EDGE_MAY_NOTHING % "")
    daemon = lab.daemon(server=server, shutdown_timeout="0s")
    daemon.send(Load().lines(3))
    daemon.await_log("reason=permission")
    server.end()
    daemon.await_log("lost the connection")
    assert not daemon.lines("lost the connection", "ermissions")
    daemon.end()


def test_a_forbidden_subject_that_only_the_account_knows_is_named(lab):
    server = lab.server(text=EDGE_MAY_NOTHING % 'mappings: { "logs.syslog": "acme.in" }')
    daemon = lab.daemon(server=server, shutdown_timeout="0s", nats={"ack_timeout": "300ms"})
    daemon.send(Load().lines(50))
    daemon.await_log("reason=timeout")
    assert len(daemon.lines("forbids to publish on subject=acme.in")) == 1
    daemon.end()


def test_a_listener_without_a_stream_does_not_slow_its_neighbour(lab, server):
    daemon = lab.daemon(server=server, listeners=[{"subject": "logs.nowhere"}, {}])
    nowhere, load = Load(), Load()
    daemon.send(nowhere.lines(2000), listener=0)
    daemon.await_log("subject=logs.nowhere reason=no_stream")
    pump = Pump(daemon, nowhere, 500)
    daemon.send(load.lines(10000), listener=1, rate=10000)
    daemon.settled(10000, listener=1)
    pump.finish()
    check_once(stored(server), load)
    daemon.await_received(nowhere.sent)
    wait_for("all to wait", lambda: daemon.ledger(0)["queued"] == nowhere.sent)
    with server.client() as c:
        c.add_stream("more", ["logs.nowhere"])
    daemon.settled(nowhere.sent)
    check_once(stored(server, "more"), nowhere, WINDOW + nowhere.sent)


def too_large(messages, record):
    """The one dead letter of a record that was cut."""
    dead = [m for m in messages if m.subject == DEAD]
    assert len(dead) == 1
    assert dead[0].headers["Sr-Reason"] == "too_large"
    assert int(dead[0].headers["Sr-Received"]) > 0
    assert record.startswith(dead[0].body) and len(dead[0].body) > 500
    return dead[0].body


def record_of(lab, datagram):
    """What the daemon makes of a datagram, from its output to a file."""
    daemon = lab.daemon(name="reference", output="file", file={"path": str(lab.dir / "out")})
    daemon.send([datagram])
    daemon.settled(1)
    daemon.stop()
    return (lab.dir / "out").read_bytes().rstrip(b"\n")


def test_a_record_larger_than_the_server_takes_becomes_a_dead_letter_that_fits(lab):
    server = lab.server(text="max_payload: 2048")
    with server.client() as c:
        c.add_stream()
    daemon = lab.daemon(server=server)
    large, load = Load(3000), Load()
    datagram = next(large.lines(1))
    daemon.send(load.lines(100))
    daemon.send([datagram])
    daemon.send(load.lines(100))
    ledger = daemon.settled(201)
    assert (ledger["stored"], ledger["stored_dead"], ledger["dropped_records"]) == (200, 1, 0)
    messages = stored(server)
    check_once([m for m in messages if m.subject == SUBJECT], load)
    too_large(messages, record_of(lab, datagram))
    assert len(daemon.lines("connected to NATS url=")) == 1


def test_the_accounts_own_limit_is_known_before_anything_is_sent(lab):
    server = lab.server(text="""
        no_auth_user: edge
        accounts { ACME {
          jetstream: enabled
          limits { max_payload: 2048 }
          users: [ { user: edge, password: e } ]
        } }""")
    with server.client() as c:
        c.add_stream()
    daemon = lab.daemon(server=server)
    large, load = Load(3000), Load()
    daemon.send(load.lines(100))
    daemon.send(large.lines(1))
    daemon.settled(101)
    assert daemon.metric("output_connects_total") == 1
    assert not daemon.lines("lost the connection")
    assert len([m for m in stored(server) if m.subject == DEAD]) == 1


def test_a_record_larger_than_the_stream_takes_becomes_a_dead_letter(lab):
    server = lab.server()
    with server.client() as c:
        c.add_stream(max_msg_size=6000)
    daemon = lab.daemon(server=server)
    large, load = Load(8000), Load()
    datagram = next(large.lines(1))
    daemon.send(load.lines(100))
    daemon.send([datagram])
    daemon.send(load.lines(100))
    ledger = daemon.settled(201)
    assert (ledger["stored"], ledger["stored_dead"], ledger["dropped_records"]) == (200, 1, 0)
    messages = stored(server)
    check_once([m for m in messages if m.subject == SUBJECT], load)
    assert len(too_large(messages, record_of(lab, datagram))) == 4096


def test_two_daemons_on_one_stream_never_use_the_same_id(lab, server):
    daemons = [lab.daemon(name=name, server=server) for name in ("one", "two")]
    loads = [Load(), Load()]
    pumps = [Pump(d, load, 2000) for d, load in zip(daemons, loads)]
    for d in daemons:
        wait_for("records flow", lambda d=d: d.ledger()["stored"] > 2000)
    for d, pump, load in zip(daemons, pumps, loads):
        pump.finish()
        d.settled(load.sent)
    messages = stored(server)
    assert len(messages) == sum(load.sent for load in loads)
    for load in loads:
        check_once(messages, load)
    assert len({m.headers["Nats-Msg-Id"].split("-")[0] for m in messages}) == 2


def test_the_same_datagrams_after_a_restart_are_stored_again(lab, server):
    load = Load()
    datagrams = list(load.lines(500))
    for name in ("first", "second"):
        daemon = lab.daemon(name=name, server=server)
        daemon.send(datagrams)
        assert daemon.settled(500)["stored"] == 500
        daemon.stop()
    numbers = load.numbers(stored(server))
    assert sorted(numbers) == sorted(2 * list(range(500)))


def test_sigterm_stores_all_that_is_queued(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"durability": "memory"})
    load = Load()
    daemon.send(load.lines(8000))
    daemon.await_received(8000)
    server.start()
    daemon.stop()
    check_once(stored(server), load)
    assert len(daemon.lines("ledger ", "stored=8000", "queued=0", "balanced=yes")) == 1


def test_sigterm_right_after_the_last_datagram_loses_none(lab, server):
    daemon = lab.daemon(server=server)
    load = Load()
    daemon.send(load.lines(5000))
    daemon.stop()
    check_once(stored(server), load)
    assert daemon.lines("ledger ", "received=5000", "stored=5000", "kernel_drops=0")


def test_sigterm_without_a_server_ends_in_time_and_says_what_is_lost(lab):
    daemon = lab.daemon(server=Server(lab), queue={"durability": "memory"}, shutdown_timeout="1s")
    daemon.send(Load().lines(700))
    daemon.await_received(700)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.process.wait(8) == 1  # the default is 10 s
    assert len(daemon.lines("error", "records are lost", "records=700", "shutdown_timeout")) == 1
    assert len(daemon.lines("ledger ", "queued=700", "balanced=yes")) == 1


def test_a_server_that_stops_answering_for_a_while_costs_nothing(lab, server):
    daemon = lab.daemon(server=server, nats={"ack_timeout": "500ms"})
    load = Load()
    pump = Pump(daemon, load, 2000)
    for _ in range(2):
        before = daemon.metric("output_refused_total", reason="timeout")
        flowing = daemon.ledger()["stored"]
        wait_for("records flow", lambda: daemon.ledger()["stored"] > flowing + 500)
        server.send_signal(signal.SIGSTOP)
        wait_for("acknowledgements are missed", lambda: daemon.metric(
            "output_refused_total", reason="timeout") > before)
        server.send_signal(signal.SIGCONT)
    pump.finish()
    ledger = daemon.settled(load.sent)
    assert ledger["stored"] == load.sent
    check_once(stored(server), load, WINDOW)
    assert len(daemon.lines("connected to NATS url=")) == 1
    assert 1 <= len(daemon.lines("reason=timeout", "look at its load")) <= 2


def test_records_wait_while_the_stream_is_full(lab, server):
    with server.client() as c:
        c.update_stream(max_msgs=1000)
    daemon = lab.daemon(server=server)
    load = Load()
    daemon.send(load.lines(3000))
    wait_for("several probes", lambda: daemon.metric(
        "output_refused_total", reason="stream_full") > 2)
    wait_for("all to wait", lambda: daemon.ledger()["queued"] == 2000)
    assert len(daemon.lines("reason=stream_full", "raise its max_bytes or max_msgs")) == 1
    with server.client() as c:
        c.update_stream(max_msgs=-1)
    daemon.settled(3000)
    check_once(stored(server), load, WINDOW)
    assert len(daemon.lines("records wait in the queue")) == 1


@pytest.mark.skipif(not SLOW, reason="takes 40 s: SR_SLOW=1 runs it")
def test_dead_letters_that_nobody_takes_are_counted_after_a_while(lab):
    server = lab.server()
    with server.client() as c:
        c.add_stream(subjects=[SUBJECT])
    daemon = lab.daemon(server=server)
    load = Load()
    daemon.send([b"\xff"] * 20)
    daemon.send(load.lines(1000))
    wait_for("records pass dead letters", lambda: daemon.ledger()["stored"] == 1000)
    ledger = daemon.settled(1020, timeout=60)
    assert ledger["dropped_records"] == 20
    assert daemon.metric("dropped_records_total", reason="deadletter_refused") == 20
    check_once(stored(server), load)


def test_dead_letters_without_a_stream_hold_back_no_records(lab):
    server = lab.server()
    with server.client() as c:
        c.add_stream(subjects=[SUBJECT])
    daemon = lab.daemon(server=server)
    load = Load()
    daemon.send([b"\xff"] * 20)
    daemon.await_log(f"subject={DEAD} reason=no_stream")
    daemon.send(load.lines(3000))
    wait_for("records pass", lambda: daemon.ledger()["stored"] == 3000)
    wait_for("all to wait", lambda: daemon.ledger()["queued"] == 20)
    with server.client() as c:
        c.update_stream(subjects=[SUBJECT, DEAD])
    ledger = daemon.settled(3020)
    assert ledger["stored_dead"] == 20
    check_once([m for m in stored(server) if m.subject == SUBJECT], load)


def test_append_adds_our_subjects_and_keeps_the_rest_of_the_stream(lab):
    server = lab.server()
    with server.client() as c:
        before = c.add_stream(
            subjects=["theirs.>"], description="not ours", max_msgs_per_subject=7700,
            allow_direct=True, max_age=10**15)["config"]
    daemon = lab.daemon(server=server, nats={"manage_stream": "append"})
    load = Load()
    daemon.send(load.lines(300))
    daemon.await_log("reason=no_stream")
    with server.client() as c:
        assert c.api("STREAM.INFO.events")["config"] == before  # not before 30 s
    daemon.await_log("added our subjects to the stream", 45)
    daemon.settled(300)
    with server.client() as c:
        after = c.api("STREAM.INFO.events")["config"]
    assert after.pop("subjects") == ["theirs.>", SUBJECT, DEAD]
    before.pop("subjects")
    assert after == before
    check_once(stored(server), load)


@pytest.mark.skipif(not SLOW, reason="takes 30 s: SR_SLOW=1 runs it")
@pytest.mark.parametrize("manage", ["create", "append"])
def test_only_create_makes_a_stream(lab, manage):
    server = lab.server()
    daemon = lab.daemon(server=server, nats={"manage_stream": manage, "stream": "mine"})
    load = Load()
    daemon.send(load.lines(300))
    if manage == "append":
        daemon.await_log("cannot look after the stream stream=mine", 45)
        wait_for("all to wait", lambda: daemon.ledger()["queued"] == 300)
        daemon.end()
        return
    daemon.await_log("made the stream stream=mine", 45)
    daemon.settled(300)
    with server.client() as c:
        config = c.api("STREAM.INFO.mine")["config"]
    assert {SUBJECT, DEAD, "logs.snmp", "flows.raw.netflow"} <= set(config["subjects"])
    assert config["discard"] == "new" and config["storage"] == "file"
    check_once(stored(server, "mine"), load)
