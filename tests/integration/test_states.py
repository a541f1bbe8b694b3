# SPDX-License-Identifier: Apache-2.0
"""States that a server, its stream and the connection to it get into under a running collector:
each is told in one line, nothing is lost, nothing is stored twice."""

import base64
import json
import os
import shutil
import signal
import socket
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

import nats_client
from lab import (WINDOW, ApiError, Client, Load, Pump, Relay, Server, check_once, free_port,
                 greet, speak, wait_for)


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def stored(server):
    with server.client() as c:
        return c.messages()


def flows(daemon, more=500):
    before = daemon.ledger()["stored"]
    wait_for("records flow", lambda: daemon.ledger()["stored"] > before + more, 60)


def finish(daemon, server, pump, window=WINDOW):
    """Ends the load; every record of it is stored once, and all of the daemon's sums agree."""
    pump.finish()
    ledger = daemon.settled(pump.load.sent, timeout=60)
    assert ledger["stored"] == pump.load.sent and ledger["dropped"] == 0
    check_once(stored(server), pump.load, window)


def count_lines(daemon, *texts):
    return len(daemon.lines(*texts))


# ---- The server refuses who we are ----

def refuse(s):
    """What nats-server does with a signature that is wrong."""
    greet(s, nonce="abcdefgh")
    lines = s.makefile("rb")
    while not lines.readline().startswith(b"CONNECT"):
        pass
    s.sendall(b"-ERR 'Authorization Violation'\r\n")


@pytest.mark.parametrize("times", [1, 2, 5])
def test_authentication_that_fails_some_times_is_tried_again(lab, server, times):
    """nats.c fails one authentication in 256, and after two equal errors it closes for ever."""
    relay = Relay(lab, server.port)
    relay.serves = [refuse] * times
    daemon = lab.daemon(server=relay)
    pump = Pump(daemon, Load(), 2000)
    flows(daemon)
    relay.serves = [refuse] * times
    relay.cut()
    wait_for("it is connected again", lambda: daemon.metric("output_connects_total") == 2, 60)
    flows(daemon)
    finish(daemon, server, pump)
    assert relay.accepted == 2 * times + 2
    told = 2 if times > 1 else 0  # one refusal alone is taken for the library's
    assert count_lines(daemon, "cannot connect to NATS", "uthorization") == told
    assert count_lines(daemon, "lost the connection") == 1
    assert count_lines(daemon, "connected to NATS url=") == 2
    assert count_lines(daemon, " warning: ") == 1 + told


def claims_of(token):
    text = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def sign_again(token, seed_file, **changes):
    """The token with other claims, signed by the owner of the seed file."""
    text = seed_file.read_text().strip()
    raw = base64.b32decode(text + "=" * (-len(text) % 8))
    body = claims_of(token)
    for key, value in changes.items():
        (body["nats"] if key in ("revocations",) else body)[key] = value
    def encode(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    signed = f"{token.split('.')[0]}.{encode(json.dumps(body).encode())}"
    key = ed25519.Ed25519PrivateKey.from_private_bytes(raw[2:34])
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def expire_at(creds, when, seed_file):
    """Credentials like these that end at a time."""
    text = creds.read_text()
    token = nats_client.read_creds(creds)[0]
    return text.replace(token, sign_again(token, seed_file, exp=when))


def put_in_place(file, text):
    fresh = file.with_name("fresh")
    fresh.write_text(text)
    os.replace(fresh, file)


def test_credentials_that_expire_in_use_are_replaced_on_disk_without_a_signal(lab):
    world = lab.world()
    good = world.dir / "acme" / "creds" / "syslog.creds"
    file = lab.dir / "nats.creds"
    put_in_place(file, expire_at(good, int(time.time()) + 6, world.dir / "acme" / "signing.seed"))
    daemon = lab.daemon(nats=world.nats(creds_file=str(file)))
    pump = Pump(daemon, Load(), 1000)
    daemon.await_log("cannot connect to NATS", 60)
    wait_for("several attempts", lambda: world.text().count("uthentication") >= 4, 60)
    put_in_place(file, good.read_text())
    wait_for("it is connected again", lambda: daemon.metric("output_up") == 1, 60)
    flows(daemon)
    finish(daemon, world, pump)
    # On a slow machine they expire before they are used at all.
    lost = count_lines(daemon, "lost the connection")
    assert lost <= 1 and count_lines(daemon, "connected to NATS url=") == lost + 1
    # Another one when the file is replaced just after an attempt with the old.
    assert count_lines(daemon, "cannot connect to NATS", "creds_file=", "expired") == 1
    assert count_lines(daemon, "cannot connect to NATS") <= 2
    assert count_lines(daemon, "connection changed: connecting with the new") <= 1
    assert not daemon.lines("complains")


def test_a_certificate_is_rotated_under_load_and_nothing_is_sent_twice(lab):
    ca = lab.authority()
    cert, key = ca.issue("server")
    server = Server(lab, tls=(cert, key, ca.file)).start()
    admin = ca.issue("admin")
    server.user.update(cert=admin[0], key=admin[1])
    with server.client() as c:
        c.add_stream()
    cert, key = ca.issue("edge")
    daemon = lab.daemon(nats={"url": [server.tls_url], "tls": {
        "ca_file": str(ca.file), "cert_file": str(cert), "key_file": str(key)}})
    pump = Pump(daemon, Load(), 4000)
    for connects in (2, 3, 4):
        flows(daemon, 2000)
        new_cert, new_key = ca.issue("fresh")
        os.replace(new_key, key)  # between the two, the pair does not fit: no reason to stop
        os.replace(new_cert, cert)
        daemon.hup()
        wait_for("the next connection", lambda n=connects: daemon.metric(
            "output_connects_total") == n, 60)
    flows(daemon, 2000)
    finish(daemon, server, pump, window=0)
    assert daemon.metric("redelivered_total") == 0
    assert daemon.metric("output_refused_total", reason="disconnected") == 0
    assert count_lines(daemon, "connected to NATS url=") == 4
    assert not daemon.lines("lost the connection")


def test_the_old_connection_is_left_after_a_moment_though_it_answers_nothing(lab, server):
    """Draining is bounded: what is not acknowledged is sent again over the new connection."""
    held = []

    def serve(s):  # the first connection: takes all and acknowledges nothing
        held.append(s)
        greet(s)
        speak(s, lambda *_: None)

    relay = Relay(lab, server.port)
    relay.serves = [serve]
    creds = lab.dir / "nats.creds"
    world_creds(lab, creds)
    daemon = lab.daemon(server=relay, nats={"creds_file": str(creds), "ack_timeout": "50s"})
    load = Load()
    wait_for("a connection", lambda: daemon.metric("output_up") == 1, 60)
    daemon.send_all(load, 800)
    wait_for("all are in flight", lambda: daemon.metric("output_in_flight") == 800, 30)
    os.utime(creds)
    daemon.hup()
    wait_for("the second connection", lambda: daemon.metric("output_connects_total") == 2, 60)
    daemon.settled(800, timeout=60)
    check_once(stored(server), load, WINDOW)
    assert daemon.metric("redelivered_total") == 800
    assert held


def world_creds(lab, file):
    """Credentials that some operator made: a server without one takes no notice of them."""
    world = lab.world()
    shutil.copyfile(world.dir / "acme" / "creds" / "syslog.creds", file)
    world.end()


def push(world, token):
    """Gives the server an account's token, as the operator's tool does."""
    tls = world.dir / "acme" / "tls"
    with Client(world.port, world.dir / "operator" / "system.creds", world.dir / "tls" / "ca.pem",
                tls / "platform.pem", tls / "platform-key.pem") as c:
        account = claims_of(token)["sub"]
        reply = json.loads(c.request(f"$SYS.REQ.ACCOUNT.{account}.CLAIMS.UPDATE", token.encode(), "_INBOX.push"))
        assert reply["data"]["code"] == 200, reply


def test_records_wait_while_the_account_is_revoked(lab):
    world = lab.world()
    daemon = lab.daemon(nats=world.nats())
    pump = Pump(daemon, Load(), 1000)
    flows(daemon)
    seed = world.dir / "operator" / "operator.seed"
    user = nats_client.read_creds(world.dir / "acme" / "creds" / "syslog.creds")[0]
    account = claims_of(user)["nats"]["issuer_account"]
    token = (world.dir / "resolver" / f"{account}.jwt").read_text()
    now = int(time.time())
    push(world, sign_again(token, seed, iat=now + 1, revocations={"*": now + 1}))
    daemon.await_log("lost the connection to NATS", 60)
    daemon.await_log("cannot connect to NATS", 60)
    wait_for("several attempts", lambda: world.text().count("uthentication") >= 4, 60)
    assert daemon.metric("output_up") == 0
    push(world, sign_again(token, seed, iat=now + 2))
    wait_for("it is connected again", lambda: daemon.metric("output_up") == 1, 60)
    flows(daemon)
    finish(daemon, world, pump)
    assert count_lines(daemon, "lost the connection") == 1
    assert count_lines(daemon, "cannot connect to NATS", "revoked or of another server") == 1
    assert count_lines(daemon, "connected to NATS url=") == 2


# ---- Servers come and go ----

def test_a_server_in_lame_duck_mode_is_waited_for(lab):
    server = lab.server(text='lame_duck_duration: "30s"\nlame_duck_grace_period: "1s"')
    with server.client() as c:
        c.add_stream()
    daemon = lab.daemon(server=server)
    pump = Pump(daemon, Load(), 1000)
    flows(daemon)
    server.send_signal(signal.SIGUSR2)
    daemon.await_log("the NATS server is about to shut down", 60)
    wait_for("the server ends", lambda: not server.running(), 90)
    daemon.await_log("lost the connection to NATS", 60)
    server.start()
    flows(daemon)
    finish(daemon, server, pump)
    assert count_lines(daemon, "about to shut down") == 1
    assert count_lines(daemon, "lost the connection") == 1
    assert count_lines(daemon, "connected to NATS url=") == 2
    assert count_lines(daemon, "cannot renew the NATS connection") <= 1
    assert count_lines(daemon, "cannot connect to NATS") <= 1


def silent(lab):
    """A server that accepts and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    lab.sockets.append(listener)
    return f"nats://127.0.0.1:{listener.getsockname()[1]}"


def absent(_):
    return f"nats://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("dead", [absent, silent])
def test_a_dead_server_in_the_list_delays_neither_start_nor_return(lab, server, dead):
    others = [dead(lab), dead(lab)]
    daemon = lab.daemon(nats={"url": [others[0], server.url, others[1]]})
    pump = Pump(daemon, Load(), 1000)
    flows(daemon)
    for connects in (2, 3):
        server.end(signal.SIGKILL)
        daemon.await_received(daemon.ledger()["received"] + 200, timeout=60)
        server.start()
        wait_for("it is back", lambda n=connects: daemon.metric(
            "output_connects_total") == n, 60)
        flows(daemon)
    finish(daemon, server, pump)
    assert count_lines(daemon, "connected to NATS url=" + server.url) == 3
    assert count_lines(daemon, "lost the connection") == 2
    for url in others:  # by name, once a minute at most
        assert count_lines(daemon, "cannot connect to NATS", f"url={url} ") <= 1
    assert count_lines(daemon, "cannot connect to NATS", f"url={server.url} ") <= 2
    assert count_lines(daemon, " warning: ") <= 6


def test_a_slow_consumer_is_cut_and_loses_nothing(lab):
    """The server gives up on a client whose answers wait for too long in its memory."""
    server = lab.server(text="max_pending: 16384\nmax_payload: 1000")
    with server.client() as c:
        c.add_stream()
    daemon = lab.daemon(server=server)
    wait_for("a connection", lambda: daemon.metric("output_up") == 1, 60)
    load = Load()
    server.send_signal(signal.SIGSTOP)  # so that all are answered together
    daemon.send_all(load, 4000)
    server.send_signal(signal.SIGCONT)
    daemon.settled(4000, timeout=120)
    assert "Slow Consumer" in server.text()
    server.end()
    server.conf.write_text(server.conf.read_text().replace("max_pending: 16384", ""))
    server.start()
    check_once(stored(server), load, WINDOW)
    cuts = daemon.metric("output_connects_total") - 1
    assert 1 <= cuts <= 20
    assert count_lines(daemon, "lost the connection") <= 6
    assert count_lines(daemon, "records wait in the queue") == 0


# ---- The stream ----

def at_rest(client):
    """The messages of a stream that has been the same for half a second."""
    seen = []
    def is_still():
        seen.append(client.count())
        return len(seen) >= 25 and len(set(seen[-25:])) == 1
    wait_for("the stream is at rest", is_still, 30)
    messages = client.messages()
    assert len(messages) == client.count()
    return messages


def test_records_wait_while_their_stream_is_deleted_and_made_again(lab, server):
    daemon = lab.daemon(server=server)
    pump = Pump(daemon, Load(), 1000)
    flows(daemon)
    with server.client() as c:
        # What is stored between this look and the deletion would be gone: nothing may be on its way.
        daemon.send_signal(signal.SIGSTOP)
        before = at_rest(c)
        c.api("STREAM.DELETE.events")
        daemon.send_signal(signal.SIGCONT)
        daemon.await_log("reason=no_stream", 60)
        wait_for("several probes", lambda: daemon.metric(
            "output_refused_total", reason="no_stream") > 2, 60)
        c.add_stream()
    flows(daemon)
    pump.finish()
    daemon.settled(pump.load.sent, timeout=60)
    check_once(before + stored(server), pump.load, WINDOW)
    assert count_lines(daemon, "records wait in the queue") == 1
    assert count_lines(daemon, "records are stored again") == 1
    assert not daemon.lines("lost the connection")


def test_records_wait_while_jetstream_is_disabled(lab, server):
    daemon = lab.daemon(server=server)
    pump = Pump(daemon, Load(), 1000)
    flows(daemon)
    conf = server.conf.read_text()
    server.end()
    server.conf.write_text("\n".join(
        line for line in conf.splitlines() if not line.startswith("jetstream")))
    server.start()
    wait_for("it is connected again", lambda: daemon.metric("output_connects_total") == 2, 60)
    before = daemon.metric("output_refused_total", reason="no_stream")
    wait_for("several probes", lambda: daemon.metric(
        "output_refused_total", reason="no_stream") > before + 2, 60)
    assert daemon.lines("reason=no_stream", "or JetStream is off for the account")
    with server.client() as c, pytest.raises(ApiError):
        c.count()
    server.end()
    server.conf.write_text(conf)
    server.start()
    flows(daemon)
    finish(daemon, server, pump)
    assert count_lines(daemon, "records wait in the queue") == 1
    assert count_lines(daemon, "records are stored again") == 1
    assert count_lines(daemon, "lost the connection") == 2
    assert count_lines(daemon, "connected to NATS url=") == 3
