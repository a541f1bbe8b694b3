# SPDX-License-Identifier: Apache-2.0
"""The queue on disk: what restarts, kills and long outages leave of the records."""

import os
import signal
import time

import pytest

from lab import BIN, SUBJECT, Daemon, Load, Pump, Relay, check_once, wait_for

DEAD = SUBJECT + ".deadletter"
BATCH = 64  # datagrams of one receive: what a kill may lose
UNDECODABLE = b"\xff\xfe no text"
LEFT = "records wait on disk for the next start"
FIRST = "the queue of the last run is sent first"


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def stored(server):
    with server.client() as c:
        return c.messages()


def leave(daemon, load, count):
    """Has a daemon without a server end with that many more records on disk."""
    daemon.feed(load.lines(count))
    daemon.stop()
    assert len(daemon.lines(LEFT, f"records={count}")) == 1, daemon.text()


def ids_of(messages):
    return [m.headers["Nats-Msg-Id"] for m in messages]


# ---- Restarts ----

@pytest.mark.parametrize("durability", ["spill", "always"])
def test_records_survive_a_stop_without_a_server_and_come_first(lab, server, durability):
    server.end()
    # The stop waits for no server, however long it might.
    daemon = lab.daemon(server=server, queue={"durability": durability}, shutdown_timeout="3600s")
    load = Load()
    leave(daemon, load, 2000)
    expected = [i for s in daemon.segments() for i in s.ids()]
    assert len(expected) == 2000
    server.start()
    daemon.start()
    assert len(daemon.lines("notice", FIRST, "records=2000", "torn_segments=0")) == 1
    daemon.feed(load.lines(500))
    ledger = daemon.settled(2500)  # the numbers of the first run go on
    assert (ledger["stored"], ledger["recovered"], ledger["dropped_records"]) == (2500, 0, 0)
    daemon.stop()
    messages = stored(server)
    check_once(messages, load)
    assert ids_of(messages)[:2000] == expected
    assert not daemon.segments()


def test_a_stop_is_quick_while_nothing_can_connect(lab):
    daemon = lab.daemon(server=None, nats={"url": ["nats://192.0.2.1:4222"]},
                        shutdown_timeout="3600s")
    leave(daemon, Load(), 10)
    assert len(daemon.segments()) == 1


def test_records_wait_through_many_restarts_in_order(lab, server):
    server.end()
    daemon, load = Daemon(lab, server=server), Load()
    for n in range(1, 6):
        daemon.start()
        daemon.feed(load.lines(100))
        assert daemon.ledger()["queued"] == 100 * n
        daemon.stop()
    server.start()
    daemon.start()
    assert daemon.settled(500)["stored"] == 500
    daemon.stop()
    check_once(stored(server), load)


@pytest.mark.parametrize("durability,how", [
    ("spill", signal.SIGTERM), ("always", signal.SIGTERM), ("always", signal.SIGKILL)])
def test_what_the_server_has_stored_unknown_to_us_is_not_stored_again(lab, server, durability, how):
    relay = Relay(lab, server.port)
    daemon = lab.daemon(server=relay, queue={"durability": durability}, shutdown_timeout="0s")
    daemon.await_log("connected to NATS")
    load = Load()
    relay.answers = False
    daemon.feed(load.lines(500))
    with server.client() as c:
        wait_for("the server to store what was sent", lambda: c.count() == 500)
    assert daemon.ledger()["stored"] == 0
    daemon.end(how)
    relay.answers = True
    daemon.start()
    daemon.feed(load.lines(100))
    ledger = daemon.settled(600)
    assert (ledger["stored"], ledger["recovered"], ledger["dropped_records"]) == (600, 0, 0)
    daemon.stop()
    check_once(stored(server), load)


def test_dead_letters_survive_a_restart_as_records_do(lab, server):
    server.end()
    daemon, load = lab.daemon(server=server), Load()
    daemon.feed([UNDECODABLE] * 30 + list(load.lines(20)))
    daemon.stop()
    server.start()
    daemon.start()
    ledger = daemon.settled(50)
    assert (ledger["stored"], ledger["stored_dead"]) == (20, 30)
    daemon.stop()
    messages = stored(server)
    assert len([m for m in messages if m.subject == DEAD and m.body == UNDECODABLE]) == 30
    assert load.numbers(messages) == list(range(20))


# ---- Kills ----

def test_always_loses_at_most_one_batch_with_each_kill_under_load(lab, server):
    daemon = Daemon(lab, server=server, held=True, queue={"durability": "always"})
    load, kills = Load(), 3
    daemon.start()
    pump = Pump(daemon, load, 3000)
    for n in range(kills):
        before = daemon.ledger()["stored"]
        wait_for("records flow", lambda b=before: daemon.ledger()["stored"] > b + 700)
        daemon.end(signal.SIGKILL)
        daemon.start()
        assert len(daemon.lines("started version=")) == n + 2
    pump.finish()
    ledger = daemon.settled(load.sent)
    killed = daemon.metric("dropped_total", reason="killed")
    assert killed == ledger["dropped"] <= kills * BATCH
    assert (ledger["recovered"], ledger["dropped_records"]) == (0, 0)
    daemon.stop()
    messages = stored(server)
    numbers = load.numbers(messages)
    assert len(set(numbers)) == len(numbers) == load.sent - killed == ledger["stored"]
    assert len(set(ids_of(messages))) == len(messages)


def test_always_loses_nothing_that_waits(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"durability": "always"})
    load = Load()
    for n in range(1, 4):
        daemon.feed(load.lines(500) if n < 3 else [UNDECODABLE] * 20)
        daemon.end(signal.SIGKILL)
        daemon.start()
        assert daemon.ledger()["queued"] == (500 * n if n < 3 else 1020)
    server.start()
    ledger = daemon.settled(1020)
    assert (ledger["stored"], ledger["stored_dead"]) == (1000, 20)
    assert (ledger["dropped"], ledger["dropped_records"], ledger["recovered"]) == (0, 0, 0)
    daemon.stop()
    messages = stored(server)
    assert load.numbers(messages) == list(range(1000))
    assert len(messages) == 1020


def test_kills_during_recovery_lose_nothing_in_always(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"durability": "always"})
    load = Load(300)
    daemon.feed(load.lines(4000))
    daemon.end(signal.SIGKILL)
    server.start()
    for n in range(12):  # each a little later, up to where the first are stored
        daemon.spawn([*daemon.prefix, *daemon.argv()])
        time.sleep(0.004 * n)  # the moment of the kill; nothing waits for it
        daemon.end(signal.SIGKILL)
    daemon.start()
    ledger = daemon.settled(4000)
    assert (ledger["dropped"], ledger["dropped_records"]) == (0, 0)
    daemon.stop()
    check_once(stored(server), load)


def test_spill_counts_what_a_kill_lost_in_memory(lab, server):
    server.end()
    daemon, load = lab.daemon(server=server), Load()
    leave(daemon, load, 300)
    daemon.start()
    daemon.feed(load.lines(700))
    daemon.end(signal.SIGKILL)
    server.start()
    daemon.start()
    ledger = daemon.settled(1000)
    assert (ledger["stored"], ledger["dropped_records"], ledger["recovered"]) == (300, 700, 0)
    assert daemon.metric("dropped_records_total", reason="killed") == 700
    assert len(daemon.lines("error", "lost", "killed", "records=700", "queue.durability")) == 1
    daemon.stop()
    assert load.numbers(stored(server)) == list(range(300))


def test_spill_keeps_what_was_on_disk_when_it_was_killed(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"memory": "1MiB"})
    load = Load()
    daemon.feed(load.lines(4000))
    wait_for("memory to be free again", lambda: daemon.metric("queue_bytes") <= 512 << 10)
    daemon.end(signal.SIGKILL)
    on_disk = sum(len(s.entries) for s in daemon.segments())
    assert 1000 < on_disk < 4000
    server.start()
    daemon.start()
    ledger = daemon.settled(4000)
    assert (ledger["stored"], ledger["dropped_records"]) == (on_disk, 4000 - on_disk)
    assert daemon.metric("dropped_records_total", reason="killed") == 4000 - on_disk
    daemon.stop()
    numbers = load.numbers(stored(server))
    assert numbers == sorted(set(numbers)) and len(numbers) == on_disk


def test_spill_balances_after_kills_under_load(lab, server):
    daemon = Daemon(lab, server=server, held=True, queue={"memory": "1MiB"})
    load = Load()
    daemon.start()
    pump = Pump(daemon, load, 3000)
    for _ in range(3):
        before = daemon.ledger()["stored"]
        wait_for("records flow", lambda b=before: daemon.ledger()["stored"] > b + 700)
        daemon.end(signal.SIGKILL)
        daemon.start()
    pump.finish()
    ledger = daemon.settled(load.sent)
    lost = ledger["dropped"] + ledger["dropped_records"]
    assert lost == (daemon.metric("dropped_total", reason="killed")
                    + daemon.metric("dropped_records_total", reason="killed"))
    daemon.stop()
    numbers = load.numbers(stored(server))
    assert len(set(numbers)) == len(numbers)
    # A record whose acknowledgement the killed process did not see is stored and called lost.
    assert load.sent - lost <= len(numbers) <= load.sent
    assert ledger["stored"] == load.sent - lost


# ---- Outages ----

def resident(daemon):
    """Bytes of the process in memory that are its own: no files."""
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["RssAnon"].split()[0]) * 1024


@pytest.mark.parametrize("durability", ["spill", "always"])
def test_an_outage_goes_to_disk_and_not_to_memory(lab, server, durability):
    server.end()
    daemon = lab.daemon(server=server, queue={
        "durability": durability, "memory": "1MiB", "disk": "64MiB"})
    before = resident(daemon)
    load = Load(700)
    for _ in range(100):  # some 35 MB
        daemon.feed(load.lines(200))
        wait_for("memory to be free again", lambda: daemon.metric("queue_bytes") <= 512 << 10)
    if "asan" not in str(BIN):  # whose own memory grows
        assert resident(daemon) - before < 8 << 20
    assert daemon.ledger()["queued"] == 20000
    assert daemon.metric("queue_disk_bytes") > 30 << 20
    assert daemon.metric("queue_bytes") <= 1 << 20
    server.start()
    assert daemon.settled(20000, timeout=120)["stored"] == 20000
    wait_for("the files to go", lambda: daemon.metric("queue_disk_bytes") <= 1 << 20)
    daemon.stop()
    check_once(stored(server), load)
    assert not daemon.segments()
    assert not daemon.lines("warning", "queue") and not daemon.lines("error", "queue")


@pytest.mark.parametrize("durability", ["spill", "always"])
def test_a_disk_share_that_is_used_up_drops_the_rest_by_reason(lab, server, durability):
    server.end()
    daemon = lab.daemon(server=server, listeners=[{"shed": False}], queue={
        "durability": durability, "memory": "1MiB", "disk": "2MiB"})
    load = Load(700)
    daemon.feed(load.lines(8000))
    dropped = daemon.ledger()["dropped"]
    assert dropped > 0
    assert daemon.metric("dropped_total", reason="queue_full") == dropped
    assert len(daemon.lines("datagrams are dropped", "reason=queue_full", "queue.disk")) == 1
    assert daemon.metric("queue_disk_bytes") <= 2 << 20
    assert daemon.metric("queue_disk_failing") == 0
    server.start()
    ledger = daemon.settled(8000)
    assert (ledger["stored"], ledger["dropped_records"]) == (8000 - dropped, 0)
    more = list(load.lines(100))
    daemon.feed(more)
    assert daemon.settled(8100)["stored"] == 8100 - dropped
    daemon.stop()
    numbers = load.numbers(stored(server))
    assert numbers == sorted(set(numbers)) and len(numbers) == 8100 - dropped


# ---- Another configuration after the restart ----

def reconfigured(lab, server, change, **before):
    """Leaves 600 records and 30 dead letters of two listeners; starts with another configuration.
    """
    server.end()
    daemon = lab.daemon(server=server, listeners=[{}, {"subject": "logs.other"}], **before)
    loads = Load(), Load()
    for n, load in enumerate(loads):
        daemon.feed(load.lines(300), n)
        daemon.feed([UNDECODABLE] * 15, n)
    daemon.stop()
    change(daemon)
    daemon.write()
    server.start()
    with server.client() as c:
        c.update_stream(subjects=["logs.>"])
    daemon.start()
    wait_for("all to be stored", lambda: all(
        daemon.ledger(n)["queued"] == 0 for n in range(len(daemon.listeners))))
    ledgers = [daemon.ledger(n) for n in range(len(daemon.listeners))]
    assert all(ledger["balanced"] and ledger["dropped_records"] == 0 for ledger in ledgers), ledgers
    assert sum(ledger["stored"] for ledger in ledgers) == 600, ledgers
    assert sum(ledger["stored_dead"] for ledger in ledgers) == 30, ledgers
    daemon.stop()
    daemon.start()  # and the books go on
    assert sum(daemon.ledger(n)["stored"] for n in range(len(ledgers))) == 600
    daemon.stop()
    messages = stored(server)
    assert len(messages) == 630 and len(set(ids_of(messages))) == 630
    for subject, load in zip((SUBJECT, "logs.other"), loads):
        own = [m for m in messages if m.subject == subject]
        assert load.numbers(own) == list(range(300))
        assert len([m for m in messages if m.subject == subject + ".deadletter"]) == 15
    return ledgers


def other_address(daemon, number):
    host, port = daemon.listeners[number]["listen"].rsplit(":", 1)
    assert host == "udp://127.0.0.1"
    daemon.listeners[number]["listen"] = f"udp://127.0.0.2:{port}"


def test_a_renamed_listener_changes_nothing_for_what_waits(lab, server):
    new = reconfigured(lab, server, lambda d: other_address(d, 1))[1]
    assert (new["received"], new["recovered"], new["stored"]) == (0, 315, 300)


def test_a_removed_listener_changes_nothing_for_what_waits(lab, server):
    only = reconfigured(lab, server, lambda d: d.listeners.pop())[0]
    assert (only["received"], only["recovered"], only["stored"]) == (315, 315, 600)


def test_another_subject_changes_nothing_for_what_waits(lab, server):
    reconfigured(lab, server, lambda d: d.listeners[1].update(subject="logs.third"))


@pytest.mark.parametrize("before,after", [(1, 3), (3, 1)])
def test_other_workers_change_nothing_for_what_waits(lab, server, before, after):
    server.end()
    daemon = lab.daemon(server=server, listeners=[{"workers": before}])
    load = Load()
    daemon.feed(load.lines(400))
    daemon.stop()
    daemon.listeners[0]["workers"] = after
    daemon.write()
    server.start()
    daemon.start()
    assert daemon.settled(400)["stored"] == 400
    daemon.feed(load.lines(50))
    assert daemon.settled(450)["stored"] == 450
    daemon.stop()
    check_once(stored(server), load)


def test_dead_letters_that_wait_are_sent_though_new_ones_are_off(lab, server):
    reconfigured(lab, server, lambda d: d.config.update(publish={"dead_letter": False}))


def test_durability_memory_warns_of_what_waits_and_leaves_it(lab, server):
    server.end()
    daemon, load = lab.daemon(server=server), Load()
    leave(daemon, load, 100)
    before = [s.bytes for s in daemon.segments()]
    server.start()
    daemon.config["queue"]["durability"] = "memory"
    daemon.write()
    daemon.start()
    assert len(daemon.lines("warning", "not sent", str(daemon.queue_dir), "segments=1",
                            "queue.durability")) == 1
    daemon.feed(load.lines(50))
    assert daemon.settled(50)["stored"] == 50
    daemon.stop()
    assert [s.bytes for s in daemon.segments()] == before
    daemon.config["queue"]["durability"] = "spill"
    daemon.write()
    daemon.start()
    assert daemon.settled(100)["stored"] == 100
    daemon.stop()
    numbers = load.numbers(stored(server))
    assert numbers == [*range(100, 150), *range(100)]


@pytest.mark.parametrize("output", ["stdout", "file", "discard"])
def test_other_outputs_use_no_directory(lab, output):
    daemon = Daemon(lab, output=output, file={"path": str(lab.dir / "out")},
                    queue={"durability": "always", "dir": "/proc/cannot/be/made"})
    with open(os.devnull, "wb") as nothing:
        daemon.start(stdout=nothing)
        daemon.feed(Load().lines(100))
        assert daemon.settled(100)["stored"] == 100
        daemon.stop()
    assert len(daemon.lines("warning", "queue.durability has no effect", "output: nats")) == 1
