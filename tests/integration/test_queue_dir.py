# SPDX-License-Identifier: Apache-2.0
"""The queue's directory when it is full, not ours, damaged, or written by somebody else."""

import os
import shutil
import signal
import subprocess

import pytest

from lab import Daemon, Load, check_once, wait_for
from queue_files import Disk, Segment

FAILS = "the queue's directory takes no data"
RECOVERS = "the queue's directory takes data again"


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def stored(server):
    with server.client() as c:
        return c.messages()


def failing(daemon):
    return daemon.metric("queue_disk_failing") == 1


def calm(daemon):
    """Memory is free again: what can leave it has left."""
    wait_for("memory to be free again", lambda: daemon.metric("queue_bytes") <= 512 << 10)


# ---- A disk that takes nothing ----

def test_spill_goes_on_in_memory_while_the_disk_is_full(lab, server):
    server.end()
    disk = Disk(lab, "24m")
    daemon = lab.daemon(server=server, queue={"dir": str(disk.dir / "q"), "memory": "2MiB"},
                        listeners=[{"shed": False}])
    load = Load(700)
    disk.fill()
    daemon.feed(load.lines(900))  # some 1.6 MB: more than a quarter of memory, less than all
    daemon.await_log(FAILS)
    assert failing(daemon)
    assert len(daemon.lines("error", FAILS, "No space left", "wait in memory only",
                            "advice=\"free space")) == 1
    assert daemon.ready()
    daemon.feed(load.lines(2000))
    dropped = daemon.ledger()["dropped"]
    assert dropped == daemon.metric("dropped_total", reason="queue_full") > 0
    failures = daemon.metric("queue_disk_failures_total")
    wait_for("it to be tried again and again",
             lambda: daemon.metric("queue_disk_failures_total") >= failures + 2)
    disk.free()
    wait_for("the recovery", lambda: not failing(daemon))
    assert len(daemon.lines("notice", RECOVERS)) == 1
    calm(daemon)
    daemon.feed(load.lines(200))
    assert daemon.ledger()["dropped"] == dropped
    server.start()
    ledger = daemon.settled(3100)
    assert (ledger["stored"], ledger["dropped_records"]) == (3100 - dropped, 0)
    daemon.stop()
    numbers = load.numbers(stored(server))
    assert numbers == sorted(set(numbers)) and len(numbers) == 3100 - dropped
    assert len(daemon.lines(FAILS)) == 1


def test_always_is_not_ready_while_the_disk_is_full(lab, server):
    disk = Disk(lab, "24m")
    daemon = lab.daemon(server=server, queue={"dir": str(disk.dir / "q"), "durability": "always"})
    load = Load()
    daemon.feed(load.lines(100))
    daemon.settled(100)
    disk.fill()
    daemon.feed(load.lines(300))
    wait_for("the trouble", lambda: failing(daemon))
    why = daemon.unready()
    assert "No space left" in why and "free space" in why and "queue.dir" in why, why
    before = daemon.ledger()
    daemon.feed(load.lines(50))  # not taken, and counted
    wait_for("the drops", lambda: daemon.ledger()["dropped"] - before["dropped"] == 50)
    assert daemon.metric("dropped_total", reason="disk_full") >= 50
    daemon.await_log(FAILS)
    assert len(daemon.lines("error", FAILS, "dropped", "No space left")) == 1
    assert len(daemon.lines("datagrams are dropped", "reason=disk_full", "advice=")) == 1
    disk.free()
    wait_for("the recovery", lambda: not failing(daemon))
    assert daemon.ready()
    assert len(daemon.lines("notice", RECOVERS)) == 1
    daemon.feed(load.lines(100))
    ledger = daemon.settled(550)
    lost = ledger["dropped"] + ledger["dropped_records"]
    assert lost == (daemon.metric("dropped_total", reason="disk_full")
                    + daemon.metric("dropped_records_total", reason="disk_full"))
    assert ledger["stored"] == 550 - lost
    daemon.end(signal.SIGKILL)
    daemon.start()
    after = daemon.settled(550)
    assert (after["stored"], after["dropped_records"]) == (
        ledger["stored"], ledger["dropped_records"])
    daemon.stop()
    numbers = load.numbers(stored(server))
    assert numbers == sorted(set(numbers)) and len(numbers) == 550 - lost
    assert numbers[-100:] == list(range(450, 550))


@pytest.mark.parametrize("durability", ["spill", "always"])
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_start_on_a_disk_that_takes_nothing_succeeds_and_recovers(
        lab, server, durability, trouble):
    disk = Disk(lab, "24m")
    server.end()
    daemon = lab.daemon(server=server, queue={
        "dir": str(disk.dir / "q"), "durability": durability})
    load = Load()
    daemon.feed(load.lines(200))
    daemon.stop()
    (disk.fill if trouble == "full" else lambda: disk.remount("ro"))()
    server.start()
    daemon.launch()
    word = "No space left" if trouble == "full" else "Read-only"
    assert len(daemon.lines("error", FAILS, word, "advice=")) == 1
    assert len(daemon.lines("error", "counters are not kept", word)) == (trouble != "full")
    wait_for("the start to end", lambda: daemon.unready() != "starting\n")
    assert (daemon.unready() is None) == (durability == "spill")
    wait_for("what waits to be sent all the same", lambda: daemon.ledger()["stored"] == 200)
    (disk.free if trouble == "full" else lambda: disk.remount("rw"))()
    wait_for("the recovery", lambda: not failing(daemon))
    assert daemon.ready()
    assert len(daemon.lines("notice", RECOVERS)) == 1
    daemon.feed(load.lines(100))
    ledger = daemon.settled(300)
    assert (ledger["stored"], ledger["dropped_records"]) == (300, 0)
    wait_for("the files to go",
             lambda: len(list(daemon.queue_dir.glob("*.seg"))) <= (durability == "always"))
    daemon.end(signal.SIGKILL)
    daemon.start()  # nothing is called lost that is not
    wait_for("rest", lambda: daemon.ledger()["queued"] == 0)
    assert daemon.ledger()["dropped_records"] == 0
    assert not daemon.lines("were lost")
    daemon.stop()
    check_once(stored(server), load)


def test_a_stop_that_has_no_room_on_disk_says_what_is_lost(lab, server):
    server.end()
    disk = Disk(lab, "24m")
    daemon = lab.daemon(server=server, queue={"dir": str(disk.dir / "q")})
    load = Load()
    daemon.feed(load.lines(500))
    disk.fill()
    assert daemon.end() == 1
    assert len(daemon.lines("error", "records are lost", "records=500 ")) == 1
    assert len(daemon.lines("error", FAILS, "No space left", "free space")) == 1
    assert not daemon.lines("wait on disk for the next start")
    disk.free()
    server.start()
    daemon.start()
    assert daemon.metric("dropped_records_total", reason="missing") == 500
    assert daemon.lines("error", "missing", "records=500 ", str(disk.dir / "q"))
    daemon.feed(load.lines(10))
    ledger = daemon.settled(510)
    assert (ledger["stored"], ledger["dropped_records"]) == (10, 500)
    daemon.stop()


# ---- A directory that cannot be used ----

WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def can_be_bound():
    return os.geteuid() == 0 and shutil.which("setpriv") is not None and subprocess.run(
        [*WITHOUT_OVERRIDE, "true"], capture_output=True, check=False).returncode == 0


bound = pytest.mark.skipif(not can_be_bound(), reason="needs root and setpriv")


def with_dir(lab, folder, **options):
    return Daemon(lab, nats={"url": ["nats://127.0.0.1:1"]}, queue={"dir": str(folder)}, **options)


@bound
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_directory_of_somebody_else_is_refused(lab, mode):
    folder = lab.dir / "q"
    folder.mkdir(mode=mode)
    os.chown(folder, 65534, 65534)
    said = with_dir(lab, folder, prefix=WITHOUT_OVERRIDE).refuses()
    assert f"{folder}: Permission denied" in said and "chown" in said, said


@bound
def test_a_directory_that_is_taken_away_is_noticed_and_given_back(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"durability": "always"}, prefix=WITHOUT_OVERRIDE)
    load = Load()
    daemon.queue_dir.chmod(0o500)
    daemon.feed(load.lines(10))
    wait_for("the trouble", lambda: failing(daemon))
    assert "Permission denied" in daemon.unready()
    daemon.await_log(FAILS)
    assert daemon.lines("error", FAILS, "Permission denied", "service's user")
    daemon.queue_dir.chmod(0o700)
    wait_for("the recovery", lambda: not failing(daemon))
    daemon.feed(load.lines(10))
    assert daemon.ledger()["queued"] == 10
    daemon.stop()


def test_a_directory_that_is_removed_is_named(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"durability": "always"})
    shutil.rmtree(daemon.queue_dir)
    daemon.feed(Load().lines(10))
    wait_for("the trouble", lambda: failing(daemon))
    why = daemon.unready()
    assert "restart" in why and "removed" in why, why
    assert daemon.end() == 0, daemon.text()  # nothing was accepted that could not be kept


@pytest.mark.parametrize("kind,words", [
    ("file", "Not a directory"), ("parent", "No such file"), ("dangling", "No such file")])
def test_a_path_that_is_no_directory_is_refused(lab, kind, words):
    folder = lab.dir / "q"
    if kind == "file":
        folder.write_text("")
    elif kind == "parent":
        folder = folder / "deeper"
    else:
        folder.symlink_to(lab.dir / "nowhere")
    said = with_dir(lab, folder).refuses()
    assert str(folder) in said and words in said and "queue.dir" in said, said
    assert len(said.splitlines()) == 1


def test_two_processes_never_share_a_directory(lab, server):
    daemon, load = lab.daemon(server=server), Load()
    other = with_dir(lab, daemon.queue_dir, name="other")
    said = other.refuses()
    assert f"{daemon.queue_dir} is used by another process" in said, said
    daemon.feed(load.lines(10))
    daemon.settled(10)
    daemon.killed = True
    daemon.end(signal.SIGKILL)
    other.start()  # the lock went with its holder
    other.stop()


# ---- Files that are not as they should be ----

def leave(lab, server, count=2000, **queue):
    """A stopped daemon that has left some 4 segments for each 1,000 records."""
    server.end()
    daemon = lab.daemon(server=server, queue={"memory": "1MiB", **queue})
    load = Load()
    daemon.feed(load.lines(count))
    daemon.stop()
    return daemon, load


def set_aside(daemon):
    return sorted(p.name for p in daemon.queue_dir.glob("*.corrupt"))


def finish(daemon, server, load, damaged, count=2000):
    """What is good is stored in order, the rest is counted, and the numbers last."""
    ledger = daemon.settled(count)
    assert (ledger["stored"], ledger["dropped_records"]) == (count - damaged, damaged)
    daemon.stop()
    daemon.start()
    again = daemon.ledger()
    assert (again["stored"], again["dropped_records"]) == (count - damaged, damaged)
    assert again["balanced"]
    daemon.stop()
    numbers = load.numbers(stored(server))
    assert numbers == sorted(set(numbers)) and len(numbers) == count - damaged
    return numbers


@pytest.mark.parametrize("durability", ["spill", "always"])
def test_a_damaged_entry_costs_no_more_than_the_rest_of_its_segment(lab, server, durability):
    daemon, load = leave(lab, server, durability=durability)
    victim = daemon.segments()[3]
    victim.damage(5)
    lost = len(victim.entries) - 5
    server.start()
    daemon.start()
    wait_for("all to be settled", lambda: daemon.ledger()["queued"] == 0)
    assert daemon.metric("queue_damaged_segments_total") == 1
    assert daemon.metric("dropped_records_total", reason="damaged") == lost
    finish(daemon, server, load, lost)
    assert set_aside(daemon) == [victim.path.stem + ".corrupt"]
    assert len(daemon.lines("error", "damaged", victim.path.stem, f"lost_records={lost}",
                            "advice=")) == 1


@pytest.mark.parametrize("durability", ["spill", "always"])
def test_a_segment_that_is_damaged_while_it_waits_is_noticed(lab, server, durability):
    server.end()
    daemon = lab.daemon(server=server, queue={"memory": "1MiB", "durability": durability})
    load = Load()
    daemon.feed(load.lines(4000))
    calm(daemon)
    victim = daemon.segments()[-12]
    victim.damage(0)
    lost = len(victim.entries)
    server.start()
    wait_for("all to be settled", lambda: daemon.ledger()["queued"] == 0)
    assert daemon.metric("queue_damaged_segments_total") == 1
    assert daemon.metric("dropped_records_total", reason="damaged") == lost
    finish(daemon, server, load, lost, 4000)
    assert set_aside(daemon) == [victim.path.stem + ".corrupt"]
    assert len(daemon.lines("error", "damaged", victim.path.stem)) == 1


def test_a_segment_that_was_open_at_a_kill_is_no_different(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"durability": "always"})
    load = Load()
    daemon.feed(load.lines(300))
    daemon.end(signal.SIGKILL)
    victim = daemon.segments()[-1]
    assert len(victim.entries) == 300
    victim.damage(200)
    server.start()
    daemon.start()
    assert daemon.metric("queue_damaged_segments_total") == 1
    assert daemon.metric("dropped_records_total", reason="damaged") == 100
    assert len(daemon.lines("error", "damaged", victim.path.stem, "lost_records=100")) == 1
    assert finish(daemon, server, load, 100, 300) == list(range(200))
    assert set_aside(daemon) == [victim.path.stem + ".corrupt"]


def test_a_file_that_is_cut_or_gone_while_it_waits_is_noticed(lab, server):
    server.end()
    daemon = lab.daemon(server=server, queue={"memory": "1MiB"})
    load = Load()
    daemon.feed(load.lines(4000))
    calm(daemon)
    cut, gone = daemon.segments()[-12], daemon.segments()[-8]
    os.truncate(cut.path, cut.entries[7][0])
    gone.path.unlink()
    lost = len(cut.entries) - 7 + len(gone.entries)
    server.start()
    wait_for("all to be settled", lambda: daemon.ledger()["queued"] == 0)
    assert daemon.metric("queue_damaged_segments_total") == 2
    finish(daemon, server, load, lost, 4000)
    assert set_aside(daemon) == [cut.path.stem + ".corrupt"]


def test_a_file_that_is_missing_at_the_start_is_counted(lab, server):
    daemon, load = leave(lab, server)
    gone = daemon.segments()[2]
    gone.path.unlink()
    server.start()
    daemon.start()
    assert daemon.metric("dropped_records_total", reason="missing") == len(gone.entries)
    assert len(daemon.lines("error", "missing", f"records={len(gone.entries)} ")) == 1
    finish(daemon, server, load, len(gone.entries))


def test_files_of_others_are_left_alone_and_garbage_is_set_aside(lab, server):
    daemon, load = leave(lab, server)
    folder = daemon.queue_dir
    others = [folder / n for n in ("README", "00000000000000FF.seg", "12.seg", "x.seg",
                                   "0000000000000001.seg.bak", "0000000000000001.corrupt")]
    for path in others:
        path.write_bytes(b"hello")
    garbage = {f"{n:016x}": data for n, data in (
        (0xf000, os.urandom(5000)), (0xf001, b"x"), (0xf002, bytes(20000)),
        (0xf003, Segment(next(iter(sorted(folder.glob("*.seg"))))).bytes))}
    for stem, data in garbage.items():
        (folder / f"{stem}.seg").write_bytes(data)
    (folder / "000000000000f004.seg").write_bytes(b"")
    (folder / "000000000000f005.seg").mkdir()
    (folder / "000000000000f006.seg").symlink_to(folder / "README")
    server.start()
    daemon.start()
    assert daemon.metric("queue_damaged_segments_total") == len(garbage) + 2
    finish(daemon, server, load, 0)
    assert all(p.read_bytes() == b"hello" for p in others)
    for stem, data in garbage.items():
        assert (folder / f"{stem}.corrupt").read_bytes() == data
        assert len(daemon.lines("error", "cannot be used", stem, "set aside")) == 1
    assert not [p.name for p in folder.glob("*.seg") if p not in others]


def test_a_segment_of_a_later_version_stays_for_it(lab, server):
    daemon, load = leave(lab, server)
    later = daemon.segments()[2]
    later.patch(12, (later.version + 1).to_bytes(4, "little"))
    server.start()
    daemon.start()
    ledger = daemon.settled(2000)
    assert ledger["stored"] == 2000 - len(later.entries)
    assert daemon.metric("dropped_records_total", reason="later_version") == len(later.entries)
    daemon.stop()
    assert len(daemon.lines("error", "newer version", later.path.stem, "install")) == 1
    assert daemon.segments()[0].path == later.path
    later.patch(12, later.version.to_bytes(4, "little"))  # the later version is back
    daemon.start()
    ledger = daemon.settled(2000)
    assert (ledger["stored"], ledger["recovered"]) == (2000, len(later.entries))
    daemon.stop()
    assert sorted(load.numbers(stored(server))) == list(range(2000))
    assert not daemon.segments()


@pytest.mark.parametrize("durability,how", [
    ("spill", signal.SIGTERM), ("always", signal.SIGTERM), ("always", signal.SIGKILL)])
@pytest.mark.parametrize("what", ["missing", "empty", "cut", "garbage", "bit", "directory"])
def test_bad_counters_cost_the_counts_and_no_record(lab, server, durability, how, what):
    server.end()
    daemon = lab.daemon(server=server, queue={"durability": durability})
    load = Load()
    daemon.feed(load.lines(500))
    daemon.end(how)
    path = daemon.queue_dir / "counters"
    data = path.read_bytes()
    path.unlink()
    if what == "directory":
        path.mkdir()
    elif what != "missing":
        path.write_bytes({
            "empty": b"", "cut": data[:len(data) // 2], "garbage": os.urandom(len(data)),
            "bit": bytes([data[8] ^ 1]).join((data[:8], data[9:]))}[what])
    server.start()
    daemon.start()
    assert len(daemon.lines("warning", "counters", str(daemon.queue_dir))) == (what != "missing")
    wait_for("what waits to be stored", lambda: daemon.ledger()["stored"] == 500)
    ledger = daemon.ledger()
    assert (ledger["received"], ledger["recovered"], ledger["dropped_records"]) == (0, 500, 0)
    daemon.feed(load.lines(100))
    assert daemon.settled(100)["stored"] == 600
    daemon.stop()
    check_once(stored(server), load)
