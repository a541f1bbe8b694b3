# SPDX-License-Identifier: Apache-2.0
"""How much is in flight: never more than a window, over any distance, and less when it is too
much."""

import json
import signal
import threading
import time

import pytest

from lab import (WINDOW, FakeServer, Load, Pump, Relay, check_once, delay_proxy, speak,
                 wait_for)


class Window:
    """A server that answers a publisher only when the test says so, and counts what is open."""

    def __init__(self, lab):
        self.lock, self.open, self.most = threading.Lock(), [], 0
        self.bytes = self.most_bytes = 0
        self.stored, self.socket = {}, None
        fake = FakeServer(lab, {}, self.serve)
        self.url = f"nats://127.0.0.1:{fake.port}"

    def serve(self, s):
        self.socket = s
        speak(s, self.take)

    def take(self, reply, sid, message_id, body):
        with self.lock:
            self.open.append((reply, sid, message_id, body))
            self.bytes += len(body)
            self.most = max(self.most, len(self.open))
            self.most_bytes = max(self.most_bytes, self.bytes)

    def answer(self, make):
        """Answers all that is open with make(id, body), the data of a MSG or of an HMSG."""
        with self.lock:
            batch, self.open, self.bytes = self.open, [], 0
        out = b""
        for reply, sid, message_id, body in batch:
            head, data = make(message_id, body)
            if head:
                out += b"HMSG %s %s %d %d\r\n%s%s\r\n" % (
                    reply, sid, len(head), len(head) + len(data), head, data)
            else:
                out += b"MSG %s %s %d\r\n%s\r\n" % (reply, sid, len(data), data)
        self.socket.sendall(out)
        return len(batch)

    def store(self, message_id, body):
        again = message_id in self.stored
        self.stored.setdefault(message_id, body)
        return b"", json.dumps({"stream": "events", "seq": len(self.stored),
                                **({"duplicate": True} if again else {})}).encode()


@pytest.mark.parametrize("answer", [
    (b"", b'{"error":{"code":429,"err_code":10167,"description":"too many requests"},'
          b'"stream":"events","seq":0}'),
    (b"NATS/1.0 429 Too Many Requests\r\n\r\n", b""),
], ids=["refused", "status"])
def test_a_stream_with_too_many_requests_gets_half_as_many(lab, answer):
    window = Window(lab)
    daemon = lab.daemon(server=window, nats={"ack_timeout": "50s"})
    load = Load()
    daemon.send_all(load, 9000)
    for limit in (WINDOW, WINDOW // 2, WINDOW // 4):
        wait_for("a full window", lambda n=limit: len(window.open) == n, 60)
        time.sleep(0.05)  # for more that must not come
        window.most = 0
        assert window.answer(lambda *_: answer) == limit
        wait_for("one probe", lambda: len(window.open) == 1, 60)
        assert window.most == 1
        window.answer(window.store)
    limit = WINDOW // 8
    for _ in range(3):  # and it widens by a step for each window
        wait_for("a full window", lambda n=limit: len(window.open) >= n, 60)
        time.sleep(0.05)
        assert window.answer(window.store) in (limit, limit + 16)
        limit += 16
    def drained():
        window.answer(window.store)
        return daemon.ledger()["queued"] == 0
    wait_for("all are stored", drained, 60)
    assert daemon.settled(9000, timeout=60)["stored"] == 9000
    assert sorted(load.numbers(window.stored.values())) == list(range(9000))
    assert daemon.metric("output_refused_total", reason="too_many_requests") == 7 * WINDOW // 4
    assert len(daemon.lines("reason=too_many_requests", "sends fewer at a time")) == 1
    assert len(daemon.lines(" warning: ")) == 1


@pytest.mark.parametrize("size", [0, 2500])
def test_no_more_than_a_window_is_ever_in_flight(lab, size):
    window = Window(lab)
    daemon = lab.daemon(server=window, nats={"ack_timeout": "50s"})
    load, count = Load(size), 2 * WINDOW
    daemon.send_all(load, count)
    for _ in range(2):
        if size == 0:
            wait_for("a full window", lambda: len(window.open) == WINDOW, 60)
        else:
            wait_for("a full window", lambda: window.bytes > 15 << 19, 60)
        time.sleep(0.1)
        assert window.most <= WINDOW and window.most_bytes <= 8 << 20
        if size == 0:
            window.answer(window.store)
    def drained():
        window.answer(window.store)
        return daemon.ledger()["queued"] == 0
    wait_for("all are stored", drained, 60)
    daemon.settled(count, timeout=60)
    assert window.most <= WINDOW and window.most_bytes <= 8 << 20
    assert load.numbers(window.stored.values()) == list(range(count))


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def test_records_keep_their_order_at_a_distance(lab, server):
    """20 ms of round trip; how fast it is, tests/bench/run distance tells."""
    port = delay_proxy(lab, server.port, 10)
    daemon = lab.daemon(nats={"url": [f"nats://127.0.0.1:{port}"], "ack_timeout": "50s"})
    load, most = Load(), 0
    pump = Pump(daemon, load, 4000)
    wait_for("records flow", lambda: daemon.ledger()["stored"] > 1000, 60)
    server.send_signal(signal.SIGSTOP)  # so that a whole window is under way
    daemon.await_received(daemon.ledger()["received"] + 2 * WINDOW, timeout=60)
    most = max(most, daemon.metric("output_in_flight"))
    server.send_signal(signal.SIGCONT)
    wait_for("records flow on", lambda: daemon.ledger()["stored"] > 2 * WINDOW, 60)
    pump.finish()
    daemon.settled(load.sent, timeout=60)
    with server.client() as c:
        check_once(c.messages(), load)
    assert most == WINDOW
    assert daemon.metric("redelivered_total") == 0
    assert not daemon.lines(" warning: ")


@pytest.mark.parametrize("how", ["stopped", "unread"])
def test_a_stalled_server_does_not_swell_memory(lab, server, how):
    """What is received in that time waits in queue.memory; the window and the library's buffers are
    all that comes on top. The relay reads nothing, so that the socket fills up and writing waits.
    """
    relay = Relay(lab, server.port)
    daemon = lab.daemon(server=relay, queue={"durability": "memory", "memory": "16MiB"},
                        nats={"ack_timeout": "5s"}, listeners=[{"shed": False}])
    load = Load(1000)
    daemon.send_all(load, 2000)
    daemon.settled(2000, timeout=60)
    before = daemon.resident_kib()
    if how == "stopped":
        server.send_signal(signal.SIGSTOP)
    else:
        relay.flowing.clear()
    most = 0
    while daemon.metric("dropped_total", reason="queue_full") < 2000:
        assert load.sent < 100000
        daemon.send_all(load, 2000)
        most = max(most, daemon.resident_kib())
    server.send_signal(signal.SIGCONT)
    relay.flowing.set()
    def done():
        ledger = daemon.ledger()
        return ledger["queued"] == 0 and ledger["received"] == load.sent and ledger
    ledger = wait_for("all that was kept is stored", done, 60)
    assert ledger["balanced"] and ledger["kernel_drops"] == 0
    assert ledger["stored"] == load.sent - ledger["dropped"]
    with server.client() as c:
        messages = c.messages()
    numbers = load.numbers(messages)
    assert len(numbers) == len(set(numbers)) == ledger["stored"]
    assert most - before < (16 + 24) << 10, f"{before} KiB became {most} KiB"
    assert daemon.metric("output_unexpected_duplicates_total") == 0
