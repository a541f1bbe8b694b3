# SPDX-License-Identifier: Apache-2.0
"""Messages of several records: what they hold, and that no record is lost or counted twice."""

import json
import signal

import pytest

from lab import SUBJECT, Load, Message, Pump, check_once, wait_for

DEAD = SUBJECT + ".deadletter"
TYPE = "application/x-ndjson"


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def batches(**keys):
    return {"batch": {"records": 100, **keys}}


def stored(server):
    with server.client() as c:
        return c.messages()


def is_batch(message):
    return "Sr-Records" in message.headers


def records_of(messages):
    """The records of batches, each as a message with an id of its own."""
    out = []
    for m in messages:
        assert m.headers["Content-Type"] == TYPE
        lines = m.body.split(b"\n")
        assert lines.pop() == b""  # a newline behind each
        assert int(m.headers["Sr-Records"]) == len(lines)
        out += [Message(m.subject, {"Nats-Msg-Id": f"{m.headers['Nats-Msg-Id']}/{i}"}, line)
                for i, line in enumerate(lines)]
    for record in out:
        assert json.loads(record.body)["version"] == "1.1"
    return out


def check_each_once(server, load, window=0):
    messages = stored(server)
    check_once(records_of(messages), load, window)
    return messages


def test_records_come_in_batches_each_once_and_in_order(lab, server):
    daemon = lab.daemon(server=server, publish=batches())
    load = Load()
    daemon.feed(load.lines(5000))
    ledger = daemon.settled(5000)
    assert (ledger["decoded"], ledger["records"], ledger["stored"]) == (5000, 5000, 5000)
    messages = check_each_once(server, load)
    assert len(messages) < 1000
    assert max(int(m.headers["Sr-Records"]) for m in messages) <= 64  # the datagrams of a receive
    assert len({m.headers["Nats-Msg-Id"] for m in messages}) == len(messages)


def test_one_record_a_message_is_published_without_new_headers(lab, server):
    daemon = lab.daemon(server=server, publish={"batch": {"records": 1, "linger": "1s"}})
    load = Load()
    daemon.feed(load.lines(100))
    daemon.settled(100)
    messages = stored(server)
    check_once(messages, load)
    assert all(list(m.headers) == ["Nats-Msg-Id"] for m in messages)
    assert not any(m.body.endswith(b"\n") for m in messages)


def test_records_wait_for_others_as_long_as_they_may(lab, server):
    daemon = lab.daemon(server=server, publish=batches(linger="200ms"))
    load = Load()
    for _ in range(3):  # each alone in its receive
        daemon.send(load.lines(1))
        daemon.await_received(load.sent)
    # Nothing comes any more, and yet they are stored.
    wait_for("all to be stored", lambda: daemon.ledger()["stored"] == 3)
    daemon.settled(3)
    check_each_once(server, load)


def test_a_stop_sends_the_open_batch(lab, server):
    daemon = lab.daemon(server=server, publish=batches(linger="10s"))
    load = Load()
    for _ in range(5):
        daemon.send(load.lines(1))
        daemon.await_received(load.sent)
    wait_for("all to be in a batch", lambda: daemon.ledger()["batching"] == 5)
    assert daemon.ledger()["balanced"]
    daemon.stop()
    messages = check_each_once(server, load)
    assert len(messages) == 1
    assert daemon.lines("ledger ", "records=5", "stored=5", "balanced=yes")


def test_a_kill_counts_the_records_of_the_open_batch(lab, server):
    daemon = lab.daemon(server=server, publish=batches(linger="10s"))
    load = Load()
    daemon.send(load.lines(7))
    wait_for("all to be in a batch", lambda: daemon.ledger()["batching"] == 7)
    daemon.end(signal.SIGKILL)
    daemon.start()
    assert daemon.metric("dropped_records_total", reason="killed") == 7
    ledger = daemon.settled(7)
    assert (ledger["decoded"], ledger["records"], ledger["dropped_records"]) == (7, 7, 7)
    assert ledger["batching"] == 0
    daemon.stop()
    assert not stored(server)


def test_always_loses_no_batch_to_a_kill(lab, server):
    server.end()
    daemon = lab.daemon(server=server, publish=batches(), queue={"durability": "always"})
    load = Load()
    daemon.feed(load.lines(2000))
    daemon.end(signal.SIGKILL)
    server.start()
    daemon.start()
    ledger = daemon.settled(2000)
    assert (ledger["stored"], ledger["dropped_records"]) == (2000, 0)
    check_each_once(server, load)


def test_a_restart_of_the_server_under_load_loses_and_repeats_nothing(lab, server):
    daemon = lab.daemon(server=server, publish=batches(linger="5ms"))
    load = Load()
    pump = Pump(daemon, load, 3000)
    wait_for("records flow", lambda: daemon.ledger()["stored"] > 1500)
    server.end(signal.SIGKILL)
    daemon.await_log("cannot connect to NATS")
    before = daemon.ledger()["received"]
    daemon.await_received(before + 1000)
    server.start()
    wait_for("records flow again", lambda: daemon.metric("output_connects_total") == 2)
    pump.finish()
    wait_for("all to be stored", lambda: daemon.ledger()["stored"] == load.sent)
    daemon.settled(load.sent)
    # The disorder is of messages: at most one window of them, each with so many records.
    check_each_once(server, load, window=load.sent)


def test_batches_that_waited_on_disk_are_sent_with_their_headers_by_who_makes_none(lab, server):
    server.end()
    daemon = lab.daemon(server=server, publish=batches())
    load = Load()
    daemon.feed(load.lines(2000))
    daemon.stop()
    daemon.config["publish"] = {"batch": {"records": 1}}
    daemon.write()
    server.start()
    daemon.start()
    daemon.settled(2000)
    daemon.feed(load.lines(10))
    assert daemon.settled(2010)["stored"] == 2010
    messages = stored(server)
    assert len([m for m in messages if not is_batch(m)]) == 10
    check_once(records_of([m for m in messages if is_batch(m)])
               + [m for m in messages if not is_batch(m)], load)


def test_a_batch_that_the_server_never_takes_is_a_dead_letter_of_all_its_records(lab, server):
    with server.client() as c:
        c.update_stream(max_msg_size=16384)
    daemon = lab.daemon(server=server, publish=batches(linger="10s", bytes="32KiB"))
    load = Load(size=300)
    daemon.feed(load.lines(100))  # records of more than 400 bytes: 100 are too many for 32 KiB
    wait_for("a dead letter", lambda: daemon.ledger()["stored_dead"] > 0)
    daemon.stop()
    dead = [m for m in stored(server) if m.subject == DEAD]
    assert len(dead) >= 1
    for m in dead:
        assert m.headers["Content-Type"] == TYPE
        assert m.headers["Sr-Reason"] == "too_large"
        assert len(m.body) == 4096
    lost = sum(int(m.headers["Sr-Records"]) for m in dead)
    kept = sum(int(m.headers["Sr-Records"]) for m in stored(server) if m.subject == SUBJECT)
    assert lost + kept == 100
    assert daemon.lines("ledger ", f"stored={kept}", f"stored_dead={lost}", "balanced=yes")


def test_a_full_queue_drops_datagrams_and_no_record_of_a_batch(lab, server):
    server.end()
    daemon = lab.daemon(server=server, publish=batches(records=1000, linger="50ms"),
                        queue={"durability": "memory", "memory": "1MiB"},
                        listeners=[{"shed": False}])
    load = Load()
    daemon.feed(load.lines(8000))
    dropped = wait_for("a full queue",
                       lambda: daemon.metric("dropped_total", reason="queue_full"))
    server.start()
    wait_for("all to be stored", lambda: daemon.ledger()["stored"] == 8000 - dropped)
    daemon.settled(8000)
    assert len(records_of(stored(server))) == 8000 - dropped


def test_lines_of_a_file_stay_records(lab):
    path = lab.dir / "records"
    daemon = lab.daemon(output="file", file={"path": str(path)}, publish=batches(linger="10s"))
    load = Load()
    daemon.send(load.lines(10))
    assert daemon.settled(10)["stored"] == 10
    lines = path.read_bytes().splitlines()
    assert len([json.loads(line) for line in lines]) == 10


def test_discarded_batches_count_their_records(lab):
    daemon = lab.daemon(output="discard", publish=batches(linger="10ms"))
    daemon.feed(Load().lines(1000))
    wait_for("all to be stored", lambda: daemon.ledger()["stored"] == 1000)
    assert daemon.settled(1000)["records"] == 1000
