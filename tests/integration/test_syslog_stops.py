# SPDX-License-Identifier: Apache-2.0
"""Ends in the middle of what many connections send: what is stored is a beginning of each."""

import collections
import json
import re
import resource
import signal
import socket
import ssl
import threading

import pytest

from lab import SUBJECT, free_port, wait_for
from test_syslog_tcp import Sender, counted, line
from test_syslog_tcp import receiver as tcp_receiver
from test_syslog_tls import ca, receiver as tls_receiver, server, tls_of  # noqa: F401
from tls_desk import connect


@pytest.fixture
def many_files():
    """As many open files as the machine lets us have, for the daemon too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Connections that each send a numbered line in turn until they are ended."""

    def __init__(self, sockets):
        self.sockets = dict(enumerate(sockets))
        self.sent = collections.Counter()
        self.told = collections.Counter()  # how each was ended
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.sockets:
            for i, s in list(self.sockets.items()):
                try:
                    s.sendall(counted(line(f"c{i}-{self.sent[i]}.")))
                    self.sent[i] += 1
                except OSError as e:
                    self.told[type(e).__name__] += 1
                    del self.sockets[i]

    def finish(self):
        self.thread.join(60)
        assert not self.thread.is_alive(), f"{len(self.sockets)} were not told of the end"


def numbers_by_sender(client):
    """What is stored: the numbers of each connection in the order of the stream."""
    found = collections.defaultdict(list)
    for m in client.messages():
        assert m.subject == SUBJECT, m.body
        text = json.loads(m.body)["short_message"]
        if mark := re.fullmatch(r"c(\d+)-(\d+)\.", text):
            found[int(mark[1])].append(int(mark[2]))
    return found


def check_beginnings(found, crowd):
    for i, numbers in found.items():
        assert numbers == list(range(len(numbers))), f"connection {i}"
        assert len(numbers) <= crowd.sent[i] + 1, f"connection {i}"


def last_ledger(daemon):
    """The sums that the daemon logs at its end."""
    (text,) = daemon.lines("ledger listener=")
    return {k: int(v) for k, v in re.findall(r" (\w+)=(\d+)\b", text)}


def check_sums(ledger):
    assert ledger["received"] + ledger["parts"] == (
        ledger["decoded"] + ledger["consumed"] + ledger["deadlettered"] + ledger["dropped"]), ledger
    assert ledger["records"] + ledger["deadlettered"] + ledger["recovered"] == (
        ledger["stored"] + ledger["stored_dead"] + ledger["dropped_records"]
        + ledger["queued"]), ledger


def test_a_stop_amid_a_thousand_tls_connections_stores_a_beginning_of_each(
        lab, server, ca, many_files):
    daemon = tls_receiver(lab, tls_of(ca), server=server,
                          listener={"connections": 1000, "connections_per_source": 0})
    crowd = Crowd([connect(lab, daemon.tcp, ca.file) for _ in range(1000)])
    daemon.await_received(5000, timeout=60)
    daemon.stop()
    crowd.finish()
    found = numbers_by_sender(server.client())
    check_beginnings(found, crowd)
    ledger = last_ledger(daemon)
    check_sums(ledger)
    assert ledger["dropped"] == ledger["dropped_records"] == ledger["queued"] == 0
    assert sum(map(len, found.values())) == ledger["stored"] == ledger["received"]


class Flood(threading.Thread):
    """One connection that sends numbered lines, many at a time, until it is ended."""

    def __init__(self, sender, number, at_once=200):
        super().__init__(daemon=True)
        self.sender, self.number, self.at_once, self.sent = sender, number, at_once, 0
        self.start()

    def run(self):
        while True:
            lines = [counted(line(f"c{self.number}-{i}."))
                     for i in range(self.sent, self.sent + self.at_once)]
            try:
                self.sender.send(b"".join(lines))
            except OSError:
                return
            self.sent += self.at_once


def test_kills_with_always_leave_a_beginning_of_each_connection(lab, server):
    daemon = tcp_receiver(lab, {"connections_per_source": 0}, server=server,
                          queue={"durability": "always"})
    floods = []
    for _ in range(6):
        before = daemon.ledger()["received"]
        running = [Flood(Sender(daemon), len(floods) + i) for i in range(4)]
        floods += running
        daemon.await_received(before + 3000)
        daemon.end(signal.SIGKILL)
        for flood in running:
            flood.join(30)
            assert not flood.is_alive()
        daemon.start()

    def at_rest():
        ledger = daemon.ledger()
        return ledger["queued"] == 0 and ledger["balanced"] and ledger
    ledger = wait_for("the books balance", at_rest, 30)
    found = numbers_by_sender(server.client())
    for i, numbers in found.items():
        assert numbers == list(range(len(numbers))), f"connection {i}"
        assert len(numbers) <= floods[i].sent + floods[i].at_once
    assert ledger["stored"] == sum(map(len, found.values()))
    check_sums(ledger)


def test_a_stop_without_a_server_stores_a_beginning_of_each_after_the_next_start(
        lab, server, ca):
    daemon = tls_receiver(lab, tls_of(ca), server=server, listener={"connections_per_source": 0})
    crowd = Crowd([connect(lab, daemon.tcp, ca.file) for _ in range(100)])
    daemon.await_received(2000)
    server.end()
    daemon.await_received(6000)
    daemon.stop()
    crowd.finish()
    check_sums(last_ledger(daemon))
    server.start()
    daemon.start()
    received = daemon.ledger()["received"]
    ledger = daemon.settled(received)
    found = numbers_by_sender(server.client())
    check_beginnings(found, crowd)
    assert sum(map(len, found.values())) == ledger["stored"] == received
    assert len(found) == 100


def test_a_stop_amid_handshakes_blames_no_sender(lab, ca):
    daemon = tls_receiver(lab, tls_of(ca), output="discard")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    begun = socket.create_connection(daemon.tcp, 10)
    lab.sockets.append(begun)
    begun.sendall(outgoing.read())
    assert begun.recv(1)  # the answer: the handshake is begun, and waits for us
    daemon.stop()
    assert not daemon.lines("a TLS connection is refused")
