# SPDX-License-Identifier: Apache-2.0
"""The parts of the harness do to a connection, a token and a file what a schedule asks for."""

import base64
import contextlib
import json
import socket
import types

import pytest

import faults
import harness
from proxy import Proxy

lab = harness.lab


@pytest.fixture
def wire():
    echo = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(lab.free_port(), echo.getsockname()[1])
    with contextlib.ExitStack() as stack:
        stack.callback(echo.close)
        stack.callback(proxy.close)

        def connect():
            client = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port), 5))
            server = stack.enter_context(echo.accept()[0])
            for s in (client, server):
                s.settimeout(5)
            return client, server
        yield proxy, connect


def closed(s):
    try:
        return s.recv(1) == b""
    except ConnectionError:
        return True


def test_an_open_wire_relays_both_ways(wire):
    _, connect = wire
    client, server = connect()
    client.sendall(b"ping")
    assert server.recv(10) == b"ping"
    server.sendall(b"pong")
    assert client.recv(10) == b"pong"
    client.close()
    assert closed(server)


def test_a_refusing_wire_ends_connections_and_takes_none_until_it_listens(wire):
    proxy, connect = wire
    client, server = connect()
    proxy.refuse()
    assert closed(client) and closed(server)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), 5)
    proxy.listen()
    client, server = connect()
    client.sendall(b"again")
    assert server.recv(10) == b"again"


def test_a_stalled_wire_delivers_when_it_is_opened_or_loses_when_it_is_reset(wire):
    proxy, connect = wire
    (kept, kept_end), (lost, lost_end) = connect(), connect()
    proxy.set("stalled")
    kept.sendall(b"later")
    kept_end.settimeout(0.1)
    with pytest.raises(TimeoutError):
        kept_end.recv(10)
    proxy.set("open")
    kept_end.settimeout(5)
    assert kept_end.recv(10) == b"later"
    proxy.set("stalled")
    lost.sendall(b"never")
    proxy.reset()
    proxy.set("open")
    assert closed(lost_end)


def test_a_mute_wire_passes_only_what_the_client_says(wire):
    proxy, connect = wire
    client, server = connect()
    proxy.set("mute")
    client.sendall(b"message")
    assert server.recv(10) == b"message"
    server.sendall(b"acknowledgement")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(10)


def test_flipping_turns_one_bit_of_a_segment_over(tmp_path):
    run = types.SimpleNamespace(queue_dir=tmp_path, say=lambda text: None)
    assert faults.flip(run, ((0.5, 0.5, 3),)) == 0  # nothing there
    (tmp_path / "counters").write_bytes(b"\0" * 8)
    (tmp_path / "0000000000000001.seg").write_bytes(b"\0" * 8)
    (tmp_path / "0000000000000002.seg").write_bytes(b"\0" * 8)
    assert faults.flip(run, ((0.5, 0.5, 3),)) == 1
    assert (tmp_path / "0000000000000002.seg").read_bytes() == b"\0\0\0\0\x08\0\0\0"
    assert (tmp_path / "0000000000000001.seg").read_bytes() == b"\0" * 8
    assert faults.flip(run, ((0.0, 1, 0), (0.0, 150, 7))) == 2  # bytes, the last one at most
    assert (tmp_path / "0000000000000001.seg").read_bytes() == b"\0\x01\0\0\0\0\0\x80"
    assert (tmp_path / "counters").read_bytes() == b"\0" * 8


@pytest.fixture
def world(tmp_path):
    one = lab.Lab(tmp_path)
    try:
        yield lab.World(one).start()
    finally:
        one.close()


def test_a_token_that_is_issued_again_is_accepted_until_it_ends(world):
    creds, seed = world.dir / "acme/creds/platform.creds", world.dir / "acme/signing.seed"
    good = creds.read_text()

    def connects(expires):
        faults.replace(creds, faults.reissue(good, seed, expires))
        token = harness.lab.nats_client.read_creds(creds)[0].split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(token + "=="))["exp"] == expires
        try:
            with world.client() as c:
                return c.count() == 0
        except (lab.nats_client.Refused, ConnectionError):
            return False

    now = int(lab.time.time())
    assert connects(now + 60)
    assert not connects(now - 3600)


def test_an_ended_collector_breaks_the_run():
    ended = types.SimpleNamespace(expected_end=False, running=lambda: False, lives=3,
                                  process=types.SimpleNamespace(returncode=-11))
    run = types.SimpleNamespace(collector=ended)
    with pytest.raises(harness.Broken, match="life 3 of the collector ended by itself with -11"):
        harness.Run.alive(run)
    ended.expected_end = True
    harness.Run.alive(run)
