# SPDX-License-Identifier: Apache-2.0
"""Informs: who answers them, when, and what becomes of those that are sent again."""

import json
import select
import signal
import socket
import subprocess
import threading

import pytest

from lab import Relay, free_port, wait_for
from traps import SUBJECT, Trapd, trap_stream, v2c

INFORM, RESPONSE = 0xA6, 0xA2


def inform(number, **options):
    return v2c(pdu=INFORM, request=number, **options)


def response(number, **options):
    return v2c(pdu=RESPONSE, request=number, **options)


def running(lab, server=None, ack=None, **config):
    listener = {} if ack is None else {"inform": {"ack": ack}}
    return Trapd(lab, server=server, listeners=[listener], **config).start()


def answer(sender, timeout=10):
    """The next datagram that comes back, None: none does."""
    sender.socket.settimeout(timeout)
    try:
        return sender.socket.recv(65536)
    except TimeoutError:
        return None


def nothing(sender):
    """Nothing has come back so far. What would is sent before it is counted."""
    sender.socket.setblocking(False)
    try:
        return not sender.socket.recv(65536)
    except BlockingIOError:
        return True


@pytest.mark.parametrize("ack", ["published", "received"])
def test_an_inform_is_stored_and_answered(lab, ack):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, ack)
    sender = daemon.sender()
    for n in range(5):
        sender.send(inform(n))
        assert answer(sender) == response(n)
        if ack == "published":
            assert client.count() == n + 1  # it was there before its answer
    daemon.settled(5)
    messages = client.messages()
    assert len({m.headers["Nats-Msg-Id"] for m in messages}) == 5
    assert [json.loads(m.body)["version"] for m in messages] == ["V2C"] * 5


def test_an_inform_of_net_snmp_is_acknowledged_from_the_address_that_it_was_sent_to(lab):
    server = lab.server()
    trap_stream(server)
    port = free_port(socket.SOCK_DGRAM)
    daemon = Trapd(lab, server=server, listeners=[{"listen": f"udp://0.0.0.0:{port}"}]).start()
    for address in ("127.0.0.1", "127.0.0.66"):
        done = subprocess.run(
            ["snmpinform", "-v", "2c", "-c", "public", "-r", "2", "-t", "5",
             f"{address}:{port}", "", "1.3.6.1.6.3.1.1.5.3"],
            env={"PATH": "/usr/bin:/bin", "SNMP_PERSISTENT_DIR": str(lab.dir),
                 "SNMPCONFPATH": str(lab.dir)}, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
    assert daemon.settled(2)["stored"] == 2


def test_nothing_is_answered_before_the_stream_has_it(lab):
    server = lab.server()
    client = trap_stream(server)
    server.end()
    daemon = running(lab, server, "published")
    sender = daemon.sender()
    sender.send(inform(1), inform(2))
    daemon.resting(2)
    assert daemon.metric("requests_waiting") == 2
    assert nothing(sender)
    server.start()
    assert {answer(sender), answer(sender)} == {response(1), response(2)}
    daemon.settled(2)
    client = server.client()
    assert client.count() == 2
    assert daemon.metric("requests_answered_total") == 2


def test_an_inform_that_is_sent_again_is_stored_once(lab):
    server = lab.server()
    trap_stream(server)
    server.end()
    daemon = running(lab, server)
    sender = daemon.sender()
    sender.send(*[inform(7)] * 5)
    daemon.resting(5)
    server.start()
    assert answer(sender) == response(7)
    assert daemon.settled(5)["consumed"] == 4
    assert daemon.metric("consumed_total", reason="duplicates") == 4
    sender.send(inform(7))  # its answer got lost
    assert answer(sender) == response(7)
    ledger = daemon.settled(6)
    assert (ledger["stored"], ledger["consumed"]) == (1, 5)
    assert server.client().count() == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_inform_that_is_sent_again_after_a_restart_is_stored_once(lab, how):
    server = lab.server()
    trap_stream(server)
    relay = Relay(lab, server.port)
    daemon = running(lab, relay, queue={"durability": "always"}, shutdown_timeout="0s")
    daemon.await_log("connected to NATS")
    relay.answers = False  # the stream has it, and nobody knows
    sender = daemon.sender()
    sender.send(inform(1))
    with server.client() as c:
        wait_for("the stream to have it", lambda: c.count() == 1)
    assert nothing(sender)
    daemon.end(how)
    relay.answers = True
    daemon.start()
    sender.send(inform(1))
    assert answer(sender) == response(1)
    ledger = daemon.settled(2)
    assert ledger["stored"] == 2  # the one of before, and the one that came again
    assert daemon.metric("requests_known_total") >= 1
    assert server.client().count() == 1


def test_an_inform_that_waits_on_disk_is_answered_when_it_comes_again(lab):
    server = lab.server()
    trap_stream(server)
    server.end()
    daemon = running(lab, server, queue={"durability": "always"})
    sender = daemon.sender()
    sender.send(inform(3))
    daemon.resting(1)
    daemon.end(signal.SIGKILL)
    daemon.start()
    sender.send(inform(3))
    daemon.resting(2)
    server.start()
    assert answer(sender) == response(3)
    daemon.settled(2)
    assert server.client().count() == 1


def test_other_outputs_answer_what_is_received(lab):
    daemon = running(lab, output="discard")
    sender = daemon.sender()
    sender.send(inform(1))
    assert answer(sender) == response(1)


def test_informs_are_messages_of_their_own_among_batches(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, publish={"batch": {"records": 100, "linger": "50ms"}})
    sender = daemon.sender()
    sender.send(v2c(request=1), v2c(request=2), inform(3), v2c(request=4))
    assert answer(sender) == response(3)
    wait_for("all to be stored", lambda: daemon.ledger()["stored"] == 4)
    batches = [m for m in client.messages() if "Sr-Records" in m.headers]
    alone = [m for m in client.messages() if "Sr-Records" not in m.headers]
    assert sum(int(m.headers["Sr-Records"]) for m in batches) == 3
    assert len(alone) == 1 and json.loads(alone[0].body)["varbinds"]


def test_an_inform_that_is_refused_is_not_answered(lab):
    server = lab.server()
    trap_stream(server)
    daemon = Trapd(lab, server=server, listeners=[{"communities": ["edge-7"]}]).start()
    sender = daemon.sender()
    sender.send(inform(1), inform(2, community=b"edge-7"))
    assert answer(sender) == response(2, community=b"edge-7")
    daemon.settled(2)
    assert nothing(sender)
    assert daemon.dropped("wrong_community") == 1


def test_an_inform_that_the_stream_never_takes_is_not_answered(lab):
    server = lab.server()
    client = server.client()
    client.add_stream(subjects=[SUBJECT, SUBJECT + ".deadletter"], max_msg_size=600)
    daemon = running(lab, server)
    sender = daemon.sender()
    sender.send(inform(1, community=b"x" * 250, trap="1.3.6.1.4.1.8072" + ".1234567" * 40))
    ledger = daemon.settled(1)
    assert ledger["stored"] == 0
    assert nothing(sender)
    sender.send(inform(2))
    assert answer(sender) == response(2)


def test_a_socket_that_systemd_holds_answers_what_came_while_nothing_ran(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = Trapd(lab, server=server, held=True)
    sender = daemon.sender()
    sender.send(inform(1))  # nobody listens yet
    daemon.start()
    assert answer(sender) == response(1)
    daemon.settled(1)
    assert client.count() == 1


class Asker(threading.Thread):
    """Sends informs with traps between them, each again until it is answered."""

    def __init__(self, sender, first):
        super().__init__(daemon=True)
        self.sender, self.number = sender, first
        self.waiting, self.answered = {}, set()
        self.ending = False

    def run(self):
        while self.waiting or not self.ending:
            while not self.ending and len(self.waiting) < 20:
                self.number += 1
                self.waiting[response(self.number)] = self.number
            for number in list(self.waiting.values()):
                self.sender.send(inform(number), v2c(request=number))
            while self.waiting and select.select([self.sender.socket], [], [], 0.1)[0]:
                number = self.waiting.pop(self.sender.socket.recv(65536), None)
                self.answered |= {number} - {None}


@pytest.mark.parametrize("durability", ["memory", "always"])
def test_whatever_dies_an_inform_that_is_answered_is_stored_once(lab, durability):
    server = lab.server()
    trap_stream(server)
    daemon = running(lab, server, enrich=True, queue={"durability": durability})
    askers = [Asker(daemon.sender(), first) for first in (0, 1 << 20)]

    def more_answers():
        enough = [len(a.answered) + 100 for a in askers]
        wait_for("answers", lambda: all(
            len(a.answered) >= n for a, n in zip(askers, enough)), timeout=60)

    for asker in askers:
        asker.start()
    more_answers()
    daemon.end(signal.SIGKILL)
    daemon.start()
    more_answers()
    server.end()
    server.start()
    more_answers()
    daemon.end()
    daemon.start()
    more_answers()
    for asker in askers:
        asker.ending = True
    for asker in askers:
        asker.join(60)
    wait_for("all to be stored", lambda: daemon.ledger()["queued"] == 0)
    daemon.stop()  # fails unless the ledger is balanced
    records = [json.loads(m.body)["attributes"] for m in server.client().messages()]
    stored = [r["snmp.request_id"] for r in records if r["snmp.pdu"] == "inform"]
    assert len(stored) == len(set(stored))
    assert askers[0].answered | askers[1].answered == set(stored)
