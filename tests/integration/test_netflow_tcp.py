# SPDX-License-Identifier: Apache-2.0
"""IPFIX over TCP: templates that belong to a connection, and a queue that pushes back."""

import itertools
import resource
import socket
import struct
import threading
import time

import pytest

from flows import Collector, fields, flow_stream
from lab import free_port, wait_for

FIELDS = ((8, 4), (12, 4), (1, 4), (2, 4))  # source, destination, bytes, packets
ADDRESS = 0x0A000000


class Session:
    """An exporter with a connection of its own."""

    def __init__(self, daemon, domain=7):
        self.domain, self.sequence = domain, 0
        self.socket = socket.create_connection(daemon.tcp, 10)
        daemon.lab.sockets.append(self.socket)

    def message(self, *sets, records=0):
        body = b"".join(sets)
        header = struct.pack("!HHIII", 10, 16 + len(body), int(time.time()), self.sequence,
                             self.domain)
        self.sequence += records
        return header + body

    def send(self, *sets, records=0):
        self.socket.sendall(self.message(*sets, records=records))

    def flows(self, number, first, count):
        """`count` records with addresses from `first` on."""
        body = b"".join(struct.pack("!IIII", ADDRESS + first + i, 0xC6336401, 1000, 1)
                        for i in range(count))
        return struct.pack("!HH", number, 4 + len(body)) + body

    def close(self):
        self.socket.close()

    def is_closed(self):
        """Waits for the other side to end it."""
        self.socket.settimeout(15)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def template(number, layout=FIELDS):
    body = struct.pack("!HH", number, len(layout)) + b"".join(
        struct.pack("!HH", *f) for f in layout)
    return struct.pack("!HH", 2, 4 + len(body)) + body


def withdrawal(number):
    return struct.pack("!HHHH", 2, 8, number, 0)


def collector(lab, listener=None, **config):
    """A collector that accepts connections; `tcp` is where."""
    port = free_port()
    daemon = Collector(lab, listeners=[{"listen": f"tcp://127.0.0.1:{port}", **(listener or {})}],
                       **config)
    daemon.tcp = ("127.0.0.1", port)
    return daemon.start()


def sources(client):
    """The numbers of the flows that are stored."""
    return [int.from_bytes(fields(m.body)[6], "big") - ADDRESS for m in client.messages("flows")]


def send_while_it_lasts(session):
    """Flows without end, until the other side is gone."""
    try:
        for i in itertools.count():
            session.send(session.flows(256, 10 * i, 10), records=10)
            time.sleep(0.001)  # the pace of the load; nothing waits for it
    except OSError:
        pass


def test_messages_in_are_records_stored(lab):
    server = lab.server()
    client = flow_stream(server)
    daemon = collector(lab, server=server, output="nats")
    sessions = [Session(daemon, domain=i) for i in range(5)]
    for i, s in enumerate(sessions):
        s.send(template(256))
        for j in range(20):
            s.send(s.flows(256, i * 1000 + j * 10, 10), records=10)
    ledger = daemon.settled(5 * 21)
    assert ledger["decoded"] == 100 and ledger["consumed"] == 5 and ledger["records"] == 1000
    assert sorted(sources(client)) == sorted(i * 1000 + n for i in range(5) for n in range(200))
    assert daemon.metric("connections") == 5
    assert daemon.metric("connections_total") == 5
    for s in sessions:
        s.close()
    wait_for("they are closed", lambda: daemon.metric("connections") == 0)
    # Their counts are their address's.
    wait_for("they are counted", lambda: daemon.count(
        "exporter_records_total", exporter="127.0.0.1") == 1000)
    assert daemon.count("missing_total") == 0
    daemon.stop()


def test_a_message_may_come_byte_by_byte_or_with_many_others(lab):
    daemon = collector(lab, output="discard")
    s = Session(daemon)
    s.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in s.message(template(256)) + s.message(s.flows(256, 0, 2), records=2):
        s.socket.sendall(bytes([byte]))
    s.socket.sendall(b"".join(s.message(s.flows(256, i, 1), records=1) for i in range(500)))
    ledger = daemon.settled(502)
    assert ledger["records"] == 502 and ledger["deadlettered"] == ledger["dropped"] == 0


def test_templates_belong_to_a_connection_and_can_be_withdrawn(lab):
    daemon = collector(lab, {"pending_ttl": "1s"}, output="discard")
    first, second = Session(daemon), Session(daemon)
    first.send(template(256))
    second.send(template(256, ((8, 4), (12, 4), (1, 8), (2, 8), (7, 2))))  # no conflict
    first.send(first.flows(256, 0, 3), records=3)
    second.send(struct.pack("!HHIIQQH", 256, 4 + 26, ADDRESS, ADDRESS, 9, 9, 53), records=1)
    ledger = daemon.settled(4)
    assert ledger["records"] == 4
    wait_for("counts come", lambda: daemon.count("exporter_records_total") == 4)
    assert daemon.count("template_conflicts_total") == 0
    first.send(withdrawal(256))
    first.send(first.flows(256, 0, 3), records=3)  # waits for what never comes
    second.send(struct.pack("!HHIIQQH", 256, 4 + 26, ADDRESS, ADDRESS, 9, 9, 53), records=1)
    wait_for("what waits is given up", lambda: daemon.metric(
        "undecodable_total", reason="template_missing") == 1)
    ledger = daemon.settled(7)
    assert ledger["records"] == 5
    # A connection that comes anew knows nothing.
    first.close()
    third = Session(daemon)
    third.send(third.flows(256, 0, 3), records=3)
    daemon.await_received(8)
    third.close()
    wait_for("what waited at the end is given up too", lambda: daemon.metric(
        "undecodable_total", reason="template_missing") == 2)
    assert daemon.ledger()["records"] == 5


@pytest.mark.parametrize("batch", [1, 40])
def test_a_server_that_is_away_stops_reading_and_loses_nothing(lab, batch):
    server = lab.server()
    flow_stream(server)
    daemon = collector(lab, server=server, output="nats",
                       queue={"durability": "memory", "memory": "1MiB"},
                       publish={"dead_letter": False, "batch": {"records": batch}})
    s = Session(daemon)
    s.send(template(256))
    daemon.settled(1)
    server.end()
    s.socket.settimeout(1)
    sent = 0
    whole = b"".join(s.message(s.flows(256, 100 * i, 100), records=100) for i in range(3000))
    try:
        while sent < len(whole):
            sent += s.socket.send(whole[sent:sent + 65536])
    except TimeoutError:
        pass
    assert sent < len(whole), "nothing pushed back"
    before = daemon.ledger()
    assert before["dropped"] == before["dropped_records"] == 0 and before["queued"] > 0
    server.start()
    s.socket.settimeout(30)
    s.socket.sendall(whole[sent:])
    ledger = daemon.settled(3001, timeout=60)
    assert ledger["records"] == ledger["stored"] == 300000
    assert ledger["dropped"] == ledger["dropped_records"] == 0
    assert batch > 1 or server.client().count("flows") == 300000
    daemon.stop()


def test_a_client_that_is_killed_in_a_message_leaves_a_dead_letter(lab):
    server = lab.server()
    client = flow_stream(server)
    daemon = collector(lab, server=server, output="nats", publish={"dead_letter": True})
    s = Session(daemon)
    s.send(template(256))
    whole = s.message(s.flows(256, 0, 50), records=50)
    s.socket.sendall(whole + whole[:123])
    daemon.await_received(2)
    s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    ledger = daemon.settled(3)
    assert ledger["records"] == 50 and ledger["deadlettered"] == 1
    assert daemon.metric("undecodable_total", reason="truncated") == 1
    dead = [m for m in client.messages("flows") if m.subject.endswith(".deadletter")]
    assert len(dead) == 1 and whole[:123] in dead[0].body


def test_what_is_not_ipfix_ends_the_connection(lab):
    daemon = collector(lab, output="discard")
    for junk in (b"GET / HTTP/1.0\r\n\r\n", struct.pack("!HHI", 9, 20, 0),
                 struct.pack("!HHI", 10, 15, 0)):
        s = Session(daemon)
        s.socket.sendall(junk)
        assert s.is_closed()
    ledger = daemon.settled(3)
    assert ledger["dropped"] == 3  # dead letters are off
    assert daemon.metric("undecodable_total", reason="unknown_version") == 2
    assert daemon.metric("undecodable_total", reason="message_length") == 1


def test_of_300_connections_those_over_the_limit_are_refused(lab):
    daemon = collector(lab, {"connections": 256}, output="discard")
    sessions = [Session(daemon) for _ in range(300)]
    wait_for("all are accepted or refused", lambda: daemon.metric("connections_total")
             + daemon.metric("connections_refused_total") == 300)
    assert daemon.metric("connections") == 256
    served = 0
    for s in sessions[256:]:
        assert s.is_closed()
    for s in sessions[:256]:
        s.send(template(256), s.flows(256, 0, 1), records=1)
        served += 1
    assert daemon.settled(256)["records"] == served
    assert len(daemon.lines("a connection is refused")) == 1
    for s in sessions:
        s.close()
    wait_for("they are gone", lambda: daemon.metric("connections") == 0)
    again = Session(daemon)
    again.send(template(256), again.flows(256, 0, 1), records=1)
    daemon.settled(257)


def test_beside_many_connections_metrics_are_served(lab):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2400:
        pytest.skip("needs 2,400 open files")
    # The collector takes what it needs itself.
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        daemon = collector(lab, {"connections": 1100}, output="discard")
        resource.setrlimit(resource.RLIMIT_NOFILE, (2400, hard))
        sessions = [Session(daemon) for _ in range(1100)]
        wait_for("all are accepted", lambda: daemon.metric("connections") == 1100)
        for s in sessions:
            s.close()
        daemon.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_who_is_not_allowed_is_not_let_in(lab):
    daemon = collector(lab, {"allow": ["192.0.2.0/24"]}, output="discard")
    s = Session(daemon)
    assert s.is_closed()
    assert daemon.metric("connections_refused_total") == 1
    assert daemon.metric("connections") == 0


def test_a_reload_can_shut_out_who_is_connected(lab):
    daemon = collector(lab, output="discard")
    s = Session(daemon)
    s.send(template(256), s.flows(256, 0, 5), records=5)
    daemon.settled(1)
    daemon.listeners[0]["allow"] = ["192.0.2.0/24"]
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    s.send(s.flows(256, 0, 5), records=5)
    ledger = daemon.settled(2)
    assert ledger["records"] == 5 and ledger["dropped"] == 1
    assert daemon.metric("dropped_total", reason="not_allowed") == 1


def test_a_stop_keeps_what_has_come(lab):
    server = lab.server()
    client = flow_stream(server)
    daemon = collector(lab, server=server, output="nats")
    sessions = [Session(daemon, domain=i) for i in range(4)]
    for i, s in enumerate(sessions):
        s.send(template(256))
        s.socket.sendall(b"".join(
            s.message(s.flows(256, i * 10000 + 10 * j, 10), records=10) for j in range(200)))
    daemon.stop()
    assert sorted(sources(client)) == sorted(i * 10000 + n for i in range(4) for n in range(2000))


def test_what_was_counted_survives_a_kill(lab):
    server = lab.server()
    flow_stream(server)
    daemon = collector(lab, server=server, output="nats", queue={"durability": "always"})
    s = Session(daemon)
    s.send(template(256), s.flows(256, 0, 10), records=10)
    daemon.settled(1)
    daemon.end(9)
    daemon.start()
    ledger = daemon.settled(1)
    assert ledger["records"] == ledger["stored"] == 10
    assert daemon.metric("connections_total") == 1
    assert daemon.metric("connections") == 0
    again = Session(daemon)
    again.send(template(256), again.flows(256, 0, 10), records=10)
    assert daemon.settled(2)["stored"] == 20


def test_a_socket_that_systemd_holds_is_accepted_on(lab):
    daemon = Collector(lab, listeners=[{"listen": "fd://ipfix"}], output="discard")
    held = socket.create_server(("127.0.0.1", 0))
    lab.sockets.append(held)
    daemon.held.append(("ipfix", held))
    daemon.tcp = held.getsockname()
    waiting = Session(daemon)  # before there is a daemon
    waiting.send(template(256), waiting.flows(256, 0, 5), records=5)
    daemon.start()
    assert daemon.settled(1)["records"] == 5
    daemon.stop()
    again = Session(daemon)
    again.send(template(256), again.flows(256, 0, 5), records=5)
    daemon.start()
    daemon.await_received(1)


def test_a_kill_in_the_middle_leaves_books_that_balance(lab):
    server = lab.server()
    client = flow_stream(server)
    daemon = collector(lab, server=server, output="nats", queue={"durability": "always"})
    s = Session(daemon)
    s.send(template(256))
    sender = threading.Thread(target=send_while_it_lasts, args=(s,))
    sender.start()
    daemon.await_received(200)
    daemon.end(9)
    sender.join(30)
    daemon.start()

    def at_rest():
        ledger = daemon.ledger()
        return ledger["queued"] == 0 and ledger["balanced"] and ledger
    ledger = wait_for("the books balance", at_rest, 30)
    stored = sources(client)
    assert len(stored) == len(set(stored)) == ledger["stored"]
    # In order and without a gap: what was received of the stream is a beginning of it.
    assert sorted(stored) == list(range(len(stored)))
    assert ledger["records"] + ledger["recovered"] - ledger["dropped_records"] == len(stored)
