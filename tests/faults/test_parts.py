# SPDX-License-Identifier: Apache-2.0
"""The parts of the harness do to a connection, a token and a file what a schedule asks for."""

import base64
import contextlib
import json
import socket
import struct
import types

import pytest

import faults
import harness
import programs
import traps
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


@pytest.fixture
def load(tmp_path):
    """Flows for a socket that the test reads, and that socket."""
    one = lab.Lab(tmp_path)
    target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.sockets.append(target)
    target.bind(("127.0.0.1", 0))
    target.settimeout(5)
    counts = iter(range(100))
    collector = types.SimpleNamespace(lab=one, address=lambda listener: target.getsockname(),
                                      ledger=lambda listener: {"consumed": next(counts)})
    flows = programs.Flows(collector, 1, None)
    flows.renew(collector)
    yield flows, target, lambda: flows.renew(collector)
    with contextlib.redirect_stdout(None):
        one.close()


def test_templates_are_told_before_they_are_used_and_then_change(load):
    flows, target, renew = load
    first = [target.recv(2000) for _ in flows.templated]
    renew()
    second = [target.recv(2000) for _ in flows.templated]
    ids = [[struct.unpack_from("!H", d, {9: 24, 10: 20}[d[1]])[0] for d in told]
           for told in (first, second)]
    assert ids == [[256, 256], [257, 257]]
    for _ in range(5):
        flows.send()
    sent = {d[1]: d for d in (target.recv(2000) for _ in range(5))}
    assert sorted(sent) == [5, 9, 10, 99]  # one is of no version
    assert [struct.unpack_from("!H", sent[v], head)[0] for v, head in ((9, 20), (10, 16))] == [
        257, 257]
    assert flows.sizes == [0, 0, 0, 0, 20, 1, 20, 20, 20] and flows.sent == 81


def flow_message(n, **changes):
    """What serviceradar-netflow makes of a flow of the load."""
    f = {"type": 3, "src": 0x0A000000 + n, "dst": 0xC6336402, "octets": 1000 + n, "packets": 2,
         "sampler": bytes([127, 0, 11, 9]), **changes}

    def varint(value):
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

    def text(key, value):
        return bytes([key << 3 | 2, len(value)]) + value
    return (b"\x08" + varint(f["type"]) + text(6, struct.pack("!I", f["src"]))
            + text(7, struct.pack("!I", f["dst"])) + b"\x48" + varint(f["octets"])
            + b"\x50" + varint(f["packets"]) + text(11, f["sampler"]))


def test_a_flow_is_its_number_in_each_of_its_fields(load):
    flows = load[0]
    assert flows.number(flow_message(123456)) == 123456
    assert flows.number(flow_message(0)) == 0
    for changes in ({"src": 0x0A000001}, {"dst": 0xC6336401}, {"octets": 1009}, {"octets": 5},
                    {"packets": 1}, {"type": 2}, {"type": 1}, {"sampler": b"\x7f\0\x0a\x09"}):
        assert flows.number(flow_message(7, **changes)) is None


def test_a_batch_of_flows_has_all_its_numbers_or_is_not_ours(load):
    flows = load[0]
    bodies = [flow_message(n) for n in (5, 6)]
    body = b"".join(bytes([len(b)]) + b for b in bodies)

    def numbers(records, body):
        return flows.numbers(lab.Message("flows.raw.netflow", {"Sr-Records": records}, body))
    assert numbers("2", body) == (5, 6)
    assert numbers("3", body) is None
    assert numbers("2", body.replace(b"\x08\x03", b"\x08\x02")) is None
    dead = lab.Message("flows.raw.netflow.deadletter", {}, b"\0\x63faults 1-42.")
    assert flows.numbers(dead) == (42,)
    assert flows.numbers(dead._replace(body=b"\0\x63faults 0-42.")) is None


# ---- Traps and informs ----

@pytest.fixture
def serials(tmp_path, monkeypatch):
    """Makes loads for a socket that the test reads, and that socket."""
    one = lab.Lab(tmp_path)
    target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.sockets.append(target)
    target.bind(("127.0.0.1", 0))
    target.settimeout(5)
    monkeypatch.setattr(programs, "PATIENCE", 0)  # all is due at once
    collector = types.SimpleNamespace(lab=one, address=lambda listener: target.getsockname())

    def load(kind):
        return kind(collector, 1, types.SimpleNamespace(size=50, seed=1, durability="spill"))
    yield load, target
    with contextlib.redirect_stdout(None):
        one.close()


def test_traps_come_in_all_versions_and_have_their_number(serials):
    load, target = serials
    some = load(programs.Traps)
    for n in range(8):
        some.send()
        datagram = target.recv(2000)
        assert some.numbers(lab.Message("logs.snmp", {}, datagram)) == (n,)
        version = datagram[datagram.index(b"\2\1") + 2]
        assert version == {0: 0, 1: 3, 4: 0, 5: 7}.get(n, 1)
    assert (some.sent, some.sizes) == (8, [1] * 8)
    assert some.insist() and not some.unanswered()


def test_an_inform_is_sent_again_with_the_same_bytes_until_it_is_answered(serials):
    load, target = serials
    informs = load(programs.Informs)
    informs.send()
    first, sender = target.recvfrom(2000)
    assert informs.numbers(lab.Message("logs.snmp", {}, first)) == (0,)
    informs.send()
    assert not informs.insist()
    again = [target.recv(2000) for _ in range(2)]
    assert set(again) == {first} and informs.unanswered() == [0]
    assert (informs.sent, informs.sizes[:2]) == (1, [1, 0])
    target.sendto(first.replace(b"\xa6", b"\xa2", 1), sender)
    lab.wait_for("the answer is there", informs.insist)
    assert informs.unanswered() == []
    informs.send()
    assert (informs.sent, informs.sizes[-1]) == (2, 1)


def test_an_answer_to_nothing_is_told(serials):
    load, target = serials
    informs = load(programs.Informs)
    informs.send()
    first, sender = target.recvfrom(2000)
    response = first.replace(b"\xa6", b"\xa2", 1)
    for _ in range(2):  # the second is late, and no wonder
        target.sendto(response, sender)
    lab.wait_for("the answer is there", informs.insist)
    assert informs.insist() and not informs.complaints()
    target.sendto(first, sender)
    target.sendto(response + b"x", sender)
    lab.wait_for("both are there", lambda: informs.insist() and informs.complaints() == [
        "2 answers are to nothing that was sent (listener 1)"])


def test_informs_of_v3_follow_the_clock_of_the_engine_that_they_go_to(serials):
    load, target = serials
    informs = load(programs.Informs)
    informs.take(3)
    informs.send()
    first, sender = target.recvfrom(2000)
    assert traps.v3_heard(first, programs.PASSWORD)[:2] == (0xA6, 0)

    def answer(boots, pdu, varbind=None):
        target.sendto(traps.v3(varbind or informs.varbind(3), user=programs.USER, pdu=pdu,
                               password=programs.PASSWORD, engine=programs.ENGINE, boots=boots,
                               seconds=5), sender)
    answer(7, programs.REPORT)
    lab.wait_for("the report is heard", lambda: informs.insist() or informs.boots == 7)
    assert informs.unanswered() == [3]
    lab.wait_for("it is sent again",
                 lambda: traps.v3_heard(target.recv(2000), programs.PASSWORD)[1] == 7)
    answer(7, programs.RESPONSE)
    lab.wait_for("it is answered", informs.insist)
    assert not informs.complaints()
    answer(6, programs.RESPONSE)
    lab.wait_for("an engine that went back is told of", lambda: informs.insist() and
                 informs.complaints() == ["1 answers are of boots that were over (listener 1)"])


def test_an_ended_collector_breaks_the_run():
    ended = types.SimpleNamespace(expected_end=False, running=lambda: False, lives=3,
                                  process=types.SimpleNamespace(returncode=-11))
    run = types.SimpleNamespace(collector=ended)
    with pytest.raises(harness.Broken, match="life 3 of the collector ended by itself with -11"):
        harness.Run.alive(run)
    ended.expected_end = True
    harness.Run.alive(run)
