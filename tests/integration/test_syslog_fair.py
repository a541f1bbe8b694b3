# SPDX-License-Identifier: Apache-2.0
"""Fair use: who may send, how much of it, and what goes when there is not room for all."""

import json
import socket

import pytest

from lab import SUBJECT, Daemon, free_port, wait_for

EMERGENCY, NOTICE, DEBUG = 8, 13, 15  # <PRI> of facility 1


class Source:
    """An address that sends to a listener."""

    def __init__(self, daemon, address, stream=False):
        self.daemon, self.stream = daemon, stream
        self.socket = socket.socket(socket.AF_INET,
                                    socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        daemon.lab.sockets.append(self.socket)
        self.socket.bind((address, 0))
        self.to = ("127.0.0.1", int(daemon.listeners[0]["listen"].rsplit(":", 1)[1]))
        if stream:
            self.socket.connect(self.to)

    def send(self, *texts, priority=NOTICE):
        for text in texts:
            line = f"<{priority}>1 2026-11-23T00:00:00Z h app - - - {text}".encode()
            if self.stream:
                self.socket.sendall(line + b"\n")
            else:
                self.socket.sendto(line, self.to)

    def is_closed(self):
        self.socket.settimeout(15)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def receiver(lab, server, stream=False, listener=None, **config):
    kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    listen = f"{'tcp' if stream else 'udp'}://127.0.0.1:{free_port(kind)}"
    return Daemon(lab, server=server, listeners=[{"listen": listen, **(listener or {})}],
                  **config).start()


def stored(server):
    return [json.loads(m.body)["short_message"] for m in server.client().messages()
            if m.subject == SUBJECT]


def reload(daemon, **changes):
    daemon.listeners[0].update(changes)
    before = len(daemon.lines("the configuration is reloaded"))
    daemon.write()
    daemon.hup()
    wait_for("a reload", lambda: len(daemon.lines("the configuration is reloaded")) > before)


@pytest.fixture
def server(lab):
    s = lab.server()
    s.client().add_stream()
    return s


def test_the_smallest_network_decides_who_may_send(lab, server):
    daemon = receiver(lab, server, listener={
        "allow": ["127.0.0.0/24", "127.0.1.7"], "deny": ["127.0.0.2", "127.0.1.0/24"]})
    for i, address in enumerate(["127.0.0.1", "127.0.0.2", "127.0.1.6", "127.0.1.7", "127.0.2.1"]):
        Source(daemon, address).send(address)
        daemon.await_received(i + 1)
    assert daemon.settled(5)["stored"] == 2
    assert daemon.metric("dropped_total", reason="not_allowed") == 3
    assert len(daemon.lines("inputs are refused", "reason=not_allowed", "source=127.0.0.2")) == 1
    assert len(daemon.lines("inputs are refused")) == 1
    reload(daemon, allow=[], deny=["127.0.0.1"])
    Source(daemon, "127.0.0.1").send("no more")
    Source(daemon, "127.0.0.2").send("now")
    daemon.settled(7)
    assert stored(server) == ["127.0.0.1", "127.0.1.7", "now"]
    daemon.stop()


def test_a_connection_is_refused_at_once_and_after_a_reload_its_messages_are(lab, server):
    daemon = receiver(lab, server, stream=True, listener={"deny": ["127.0.0.2"]})
    assert Source(daemon, "127.0.0.2", stream=True).is_closed()
    assert daemon.metric("connections_refused_total") == 1
    taken = Source(daemon, "127.0.0.1", stream=True)
    taken.send("one")
    daemon.settled(1)
    reload(daemon, deny=["127.0.0.1"])
    taken.send("two")
    assert daemon.settled(2)["dropped"] == daemon.metric("dropped_total", reason="not_allowed") == 1
    Source(daemon, "127.0.0.2", stream=True).send("three")
    assert daemon.settled(3)["stored"] == 2
    assert stored(server) == ["one", "three"]
    daemon.stop()


def test_behind_a_balancer_its_own_address_and_the_one_it_names_are_looked_at(lab, server):
    daemon = receiver(lab, server, stream=True, listener={
        "proxy_protocol": "required", "balancers": ["127.0.0.3"], "deny": ["192.0.2.0/24"]})
    assert Source(daemon, "127.0.0.2", stream=True).is_closed()
    assert len(daemon.lines("a connection is refused", "source=127.0.0.2", "balancers")) == 1
    denied = Source(daemon, "127.0.0.3", stream=True)
    denied.socket.sendall(b"PROXY TCP4 192.0.2.9 127.0.0.1 5 514\r\n")
    assert denied.is_closed()
    assert daemon.metric("connections_refused_total") == 2
    allowed = Source(daemon, "127.0.0.3", stream=True)
    allowed.socket.sendall(b"PROXY TCP4 198.51.100.9 127.0.0.1 5 514\r\n")
    allowed.send("through")
    daemon.settled(1)
    assert stored(server) == ["through"]
    daemon.stop()


def test_datagrams_over_the_rate_are_dropped_of_their_source_alone(lab, server):
    daemon = receiver(lab, server, listener={"rate_limit": 1, "rate_burst": 20})
    loud, quiet = Source(daemon, "127.0.0.2"), Source(daemon, "127.0.0.3")
    loud.send(*(f"loud {i}" for i in range(200)))
    quiet.send(*(f"quiet {i}" for i in range(20)))
    ledger = daemon.settled(220)
    limited = daemon.metric("dropped_total", reason="rate_limited")
    assert ledger["dropped"] == limited and 150 < limited <= 180  # a second or some may have gone
    assert daemon.metric("syslog_source_limited_total", source="127.0.0.2") == limited
    assert daemon.metric("syslog_source_limited_total", source="127.0.0.3") == 0
    texts = stored(server)
    assert texts[:20] == [f"loud {i}" for i in range(20)]
    assert [t for t in texts if t.startswith("quiet")] == [f"quiet {i}" for i in range(20)]
    daemon.stop()


def test_a_connection_over_the_rate_is_not_read_and_loses_nothing(lab, server):
    daemon = receiver(lab, server, stream=True, listener={"rate_limit": 10, "rate_burst": 5})
    loud, quiet = (Source(daemon, address, stream=True) for address in ("127.0.0.2", "127.0.0.3"))
    loud.send(*(f"loud {i}" for i in range(20)))
    daemon.await_received(5)
    quiet.send("quiet")
    ledger = daemon.settled(21)
    assert ledger["stored"] == 21 and ledger["dropped"] == 0
    texts = stored(server)
    assert texts.index("quiet") < 19
    assert [t for t in texts if t != "quiet"] == [f"loud {i}" for i in range(20)]
    assert daemon.metric("syslog_source_limited_total", source="127.0.0.2") > 0
    daemon.stop()


def test_a_stop_does_not_drop_what_a_source_sent_too_fast(lab, server):
    daemon = receiver(lab, server, stream=True, listener={"rate_limit": 1, "rate_burst": 1})
    loud = Source(daemon, "127.0.0.2", stream=True)
    loud.send(*(f"loud {i}" for i in range(100)))
    daemon.await_received(1)
    daemon.stop()
    assert stored(server) == [f"loud {i}" for i in range(100)]


def fill(daemon, *sends, times):
    """Lets sources send in turn: (source, count, priority)."""
    total = 0
    for i in range(times):
        for source, count, priority in sends:
            source.send(*(f"{source.name} {priority} {i}.{j} {'x' * 200}" for j in range(count)),
                        priority=priority)
            total += count
        daemon.await_received(total)
    return total


def full(lab, server, durability="memory", **listener):
    """A daemon whose output takes nothing, with room for some 3,000 records."""
    queue = {"durability": durability, "memory": "2MiB", "disk": "2MiB"}
    daemon = receiver(lab, server, listener=listener, queue=queue, shutdown_timeout="1s",
                      publish={"dead_letter": False})
    server.end()
    return daemon


@pytest.mark.parametrize("durability", ["memory", "spill", "always"])
def test_a_flood_takes_no_room_from_who_sends_little(lab, server, durability):
    daemon = full(lab, server, durability)
    flood, quiet = Source(daemon, "127.0.0.2"), Source(daemon, "127.0.0.3")
    flood.name, quiet.name = "flood", "quiet"
    total = fill(daemon, (flood, 100, EMERGENCY), (quiet, 1, DEBUG), times=80)
    ledger = daemon.ledger()
    assert ledger["dropped"] == daemon.metric("dropped_total", reason="shed_emergency") > 1000
    server.start()
    daemon.settled(total)
    texts = [t.split()[0] for t in stored(server)]
    assert texts.count("quiet") == 80
    assert texts.count("flood") == 8000 - ledger["dropped"]
    daemon.stop()


def test_what_is_less_severe_goes_first(lab, server):
    daemon = full(lab, server)
    source = Source(daemon, "127.0.0.2")
    source.name = "one"
    priorities = range(EMERGENCY, EMERGENCY + 8)
    total = fill(daemon, *((source, 12, p) for p in priorities), times=60)
    words = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]
    shed = [daemon.metric("dropped_total", reason=f"shed_{word}") for word in words]
    assert 0 < shed[0] and shed == sorted(shed) and shed[0] < shed[-1]
    assert daemon.metric("dropped_total", reason="queue_full") == 0
    assert daemon.ledger()["dropped"] == sum(shed)
    server.start()
    assert daemon.settled(total)["stored"] == total - sum(shed)
    daemon.stop()


def test_without_shedding_all_the_room_is_for_who_comes_first(lab, server):
    daemon = full(lab, server, shed=False)
    source = Source(daemon, "127.0.0.2")
    source.name = "one"
    total = fill(daemon, (source, 100, DEBUG), times=60)
    dropped = daemon.metric("dropped_total", reason="queue_full")
    assert daemon.ledger()["dropped"] == dropped > 0
    server.start()
    assert daemon.settled(total)["stored"] == total - dropped
    daemon.stop()
