# SPDX-License-Identifier: Apache-2.0
"""serviceradar-netflow with real exporters' datagrams and a real server."""

import os
from pathlib import Path

import pytest

from flows import Collector, data, fields, flow_stream, record, template
from lab import wait_for
from queue_files import Disk


def collector(lab, **config):
    return Collector(lab, **{"output": "discard", **config}).start()


def test_flows_arrive_as_flow_messages(lab):
    server = lab.server()
    client = flow_stream(server)
    daemon = collector(lab, server=server, output="nats")
    old, new = daemon.exporter("127.0.0.5"), daemon.exporter("127.0.0.9")
    old.v5(30)
    new.v9(template(256), data(256, *map(record, range(10))))
    daemon.resting(2)
    wait_for("40 flows are stored", lambda: client.count("flows") == 40)
    messages = client.messages("flows")
    assert {m.subject for m in messages} == {"flows.raw.netflow"}
    assert all(m.body[0] == 0x08 for m in messages)
    flows = [fields(m.body) for m in messages]
    assert sorted(f[1] for f in flows) == [2] * 30 + [3] * 10
    v5 = [f for f in flows if f[1] == 2]
    assert {f[11] for f in v5} == {bytes([127, 0, 0, 5])}
    assert {f[6] for f in v5} == {bytes([192, 0, 2, i]) for i in range(30)}
    v9 = [f for f in flows if f[1] == 3]
    assert {f[6] for f in v9} == {bytes([10, 0, 0, i]) for i in range(10)}
    assert all(f[9] == 1000 for f in v9)
    daemon.check_exporters()
    assert daemon.count("exporter_records_total", exporter="127.0.0.5") == 30
    assert daemon.count("exporter_records_total", exporter="127.0.0.9") == 10
    assert daemon.count("records_published_total") == daemon.ledger()["records"] == 40
    assert daemon.count("missing_total") == 0


def test_what_is_no_flow_is_counted_and_no_exporter(lab):
    daemon = collector(lab)
    exporter = daemon.exporter("127.0.0.7")
    for junk in (b"", b"\0", b"hello", b"\0\x09" + bytes(17), b"\0\x08" + bytes(40)):
        exporter.send(junk)
    ledger = daemon.resting(5)
    assert ledger["decoded"] == 0 and ledger["dropped"] == 5
    assert daemon.metric("dropped_total", reason="undecodable") == 5
    assert daemon.count("exporters") == 0


def known_after(daemon, exporters):
    """Sends data without a template from each, and expects all of it to be published."""
    before = daemon.ledger()["received"]
    for e in exporters:
        e.v9(data(256, record(1)), data(275, record(2)))
    daemon.resting(before + len(exporters))
    assert daemon.count("sets_parked_total") == 0
    assert daemon.count("records_published_total") == 2 * len(exporters)
    assert daemon.count("missing_total") == 0
    daemon.check_exporters()


def test_templates_outlive_a_kill(lab):
    daemon = collector(lab)
    exporters = [daemon.exporter(f"127.0.1.{i}") for i in range(1, 101)]
    for e in exporters:
        e.v9(template(range(256, 276)))
    # What was received in the moment before counts as well.
    daemon.await_received(len(exporters))
    wait_for("all are read", lambda: daemon.count("templates_total") == 20 * len(exporters))
    daemon.put_down()
    daemon.start()
    known_after(daemon, exporters)
    assert daemon.lines("templates of the last run are known exporters=100")
    # And a second kill, when the file was written anew.
    daemon.put_down()
    daemon.start()
    known_after(daemon, exporters)


def test_a_kill_at_any_moment_loses_no_template_that_was_counted(lab):
    server = lab.server()
    flow_stream(server)
    daemon = Collector(lab, server=server).start()
    for kill in range(4):
        for i in range(250):
            e = daemon.exporter(f"127.0.{100 + kill}.{i}")
            e.v9(template(256))
            e.close()
        daemon.put_down()  # somewhere among them
        daemon.start()
        counted = daemon.metric("consumed_total", reason="templates")
        assert counted <= daemon.count("exporters_with_templates") <= 250 * (kill + 1)
    assert counted > 0


def test_templates_outlive_a_stop_and_a_change_of_what_they_say(lab):
    daemon = collector(lab)
    exporters = [daemon.exporter(f"127.0.1.{i}") for i in range(1, 4)]
    for e in exporters:
        e.v9(template(range(256, 276), ((8, 4), (12, 4))))
    for e in exporters:
        e.v9(template(range(256, 276)))
    daemon.resting(6)
    daemon.stop()
    daemon.start()
    known_after(daemon, exporters)
    daemon.stop()
    # A file that ends within an entry is good up to there.
    file = daemon.queue_dir / "templates"
    file.write_bytes(file.read_bytes()[:-1])
    daemon.start()
    assert daemon.count("exporters_with_templates") == 2
    daemon.put_down()
    file.write_bytes(b"not this")
    daemon.start()
    assert daemon.count("exporters") == 0
    assert daemon.lines("the file of templates is damaged")
    assert (daemon.queue_dir / "templates.corrupt").read_bytes() == b"not this"


def test_without_a_state_file_it_goes_on(lab):
    daemon = collector(lab, state_file=str(lab.dir / "not" / "there" / "templates"))
    assert daemon.lines("templates are not kept", "make the directory that it is in")
    assert daemon.count("state_failing") == 1
    daemon.exporter().v9(template(256), data(256, record(1)))
    daemon.resting(1)
    assert daemon.count("records_published_total") == 1
    daemon.stop()
    off = collector(lab, name="off", state_file="off")
    assert off.count("state_failing") == 0
    off.stop()
    assert not off.lines("templates")
    assert not (off.queue_dir / "templates").exists()


def test_templates_that_a_full_disk_does_not_take_are_told_and_kept_later(lab):
    disk = Disk(lab, "256k")
    daemon = collector(lab, state_file=str(disk.dir / "templates"))
    first, second = daemon.exporter("127.0.1.1"), daemon.exporter("127.0.1.2")
    first.v9(template(256))
    daemon.resting(1)
    assert daemon.count("state_failing") == 0
    disk.fill()
    for e in (first, second):
        e.v9(template(range(256, 456)))  # more than the file has room for in its last block
    daemon.resting(3)
    assert daemon.count("state_failing") == 1  # at once
    disk.free()
    wait_for("the file is whole again", lambda: daemon.count("state_failing") == 0)
    daemon.put_down()
    daemon.start()
    known_after(daemon, [first, second])


def test_a_directory_that_takes_no_files_costs_no_template(lab):
    folder = lab.dir / "state"
    folder.mkdir()
    root = os.geteuid() == 0  # for whom permissions do not hold
    daemon = collector(lab, state_file=str(folder / "templates"), prefix=[
        "setpriv", "--bounding-set=-dac_override,-dac_read_search"] if root else [])
    folder.chmod(0o500)
    try:
        busy, late = daemon.exporter("127.0.1.1"), daemon.exporter("127.0.1.2")
        for i in range(300):  # enough for the file to be written anew
            busy.v9(template(range(256, 306), ((8, 4), (12, 4), (1, 4), (2, 4 + i % 2 * 4))))
            if i % 50 == 49:
                daemon.resting(i + 1)
        daemon.await_log("templates are not kept")
        late.v9(template(range(256, 276)))
        daemon.resting(301)
        daemon.put_down()
    finally:
        folder.chmod(0o700)
    daemon.start()
    known_after(daemon, [late])


def test_two_collectors_do_not_share_a_state_file(lab):
    file = str(lab.dir / "templates")
    first = collector(lab, name="first", state_file=file)
    second = collector(lab, name="second", state_file=file)
    assert second.lines("templates are not kept", "is used by another process")
    first.exporter().v9(template(256))
    first.resting(1)
    first.stop()
    assert Path(file).stat().st_size > 0


def test_who_may_send_is_reloaded(lab):
    daemon = collector(lab)
    daemon.config["listeners"][0]["allow"] = ["127.0.2.0/24", "127.0.3.1"]
    daemon.write()
    inside, alone, outside = (daemon.exporter(a)
                              for a in ("127.0.2.200", "127.0.3.1", "127.0.3.2"))
    for e in (inside, alone, outside):
        e.v5()
    assert daemon.resting(3)["decoded"] == 3
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    for e in (inside, alone, outside):
        e.v5()
    ledger = daemon.resting(6)
    assert ledger["decoded"] == 5 and ledger["dropped"] == 1
    assert daemon.metric("dropped_total", reason="not_allowed") == 1
    daemon.config["listeners"][0]["allow"] = ["127.0.2.1/24"]
    daemon.write()
    daemon.hup()
    daemon.await_log("has bits behind its prefix")
    daemon.check_exporters()


def test_a_rate_limit_is_of_each_exporter_and_reloaded(lab):
    daemon = collector(lab)
    loud, quiet = daemon.exporter("127.0.0.2"), daemon.exporter("127.0.0.3")
    daemon.config["listeners"][0]["rate_limit"] = 100
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    for _ in range(20):
        loud.v5(30)
    quiet.v5(30)
    daemon.resting(21)
    assert daemon.count("exporter_records_published_total", exporter="127.0.0.3") == 30
    published = daemon.count("exporter_records_published_total", exporter="127.0.0.2")
    assert 100 <= published < 600  # what comes in a second, and what the test took longer
    limited = daemon.count("exporter_records_rate_limited_total", exporter="127.0.0.2")
    assert published + limited == 600
    assert daemon.metric("dropped_records_total", reason="rate_limit") == limited
    daemon.check_exporters()


def test_a_sampling_rate_can_be_set_for_a_network(lab):
    server = lab.server()
    client = flow_stream(server)
    daemon = Collector(lab, server=server, listeners=[
        {"sampling": [{"exporter": "127.0.4.0/24", "rate": 512}]}]).start()
    daemon.exporter("127.0.4.9").v5()
    daemon.exporter("127.0.5.9").v5()
    wait_for("both are stored", lambda: client.count("flows") == 2)
    rates = {fields(m.body)[11][2]: fields(m.body).get(3, 0) for m in client.messages("flows")}
    assert rates == {4: 512, 5: 0}


def test_invented_addresses_cost_no_more_than_their_bound(lab):
    daemon = Collector(lab, output="discard", listeners=[{"max_exporters": 100}]).start()
    real = [daemon.exporter(f"127.9.0.{i}") for i in range(1, 81)]
    for e in real:
        e.v9(template(256))
    daemon.resting(80)
    total = 80
    for i in range(3000):
        e = daemon.exporter(f"127.{10 + i // 250}.7.{1 + i % 250}")
        e.v5()
        e.close()
        total += 1
        if i % 100 == 0:
            daemon.await_received(total)
    for e in real:
        e.v9(data(256, record(1)))
    total += len(real)
    daemon.resting(total)
    assert daemon.count("exporters") == 100
    assert daemon.count("exporters_evicted_total") == 3000 - 20
    assert daemon.count("sets_parked_total") == 0
    assert daemon.count("records_published_total") == 3000 + 80
    assert daemon.count("exporter_memory_bytes") < 2**20
    daemon.check_exporters()
    lines = daemon.get("/metrics").count("serviceradar_netflow_exporter_datagrams_total{")
    assert lines == 101  # all that are there, and the sum of the others


def test_workers_share_what_is_known_of_exporters(lab):
    daemon = Collector(lab, output="discard", listeners=[{"workers": 4}]).start()
    address = "127.0.0.44"
    daemon.exporter(address).v9(template(256))
    daemon.resting(1)
    for i in range(40):  # from other ports, so that the kernel spreads them
        daemon.exporter(address, domain=7).v9(data(256, record(i)))
    daemon.resting(41)
    assert daemon.count("exporters") == 1
    assert daemon.count("records_published_total") == 40
    daemon.check_exporters()


def test_what_waits_for_its_template_is_let_go_at_the_end(lab):
    daemon = Collector(lab, output="file", file={"path": str(lab.dir / "flows")},
                       publish={"dead_letter": True}).start()
    e = daemon.exporter()
    e.v9(data(300, record(1)))
    ledger = daemon.resting(1)
    assert ledger["consumed"] == 1
    assert daemon.count("sets_parked_total") == 1
    assert daemon.lines("data waits for its template", "exporter=127.0.0.1")
    daemon.stop()
    assert "template_missing" in (lab.dir / "flows.deadletter").read_text()


@pytest.mark.skipif("asan" in os.environ.get("SR_BIN", "") or "tsan" in os.environ.get("SR_BIN", ""),
                    reason="sanitizers take memory of their own")
def test_a_thousand_exporters_fit_into_24_mib(lab):
    daemon = collector(lab)
    wide = tuple((i, 4) for i in (8, 12, 1, 2, 4, 5, 6, 7, 10, 11, 14, 16, 17, 21, 22, 15, 9, 13))
    for i in range(1000):
        e = daemon.exporter(f"127.20.{i // 200}.{1 + i % 200}")
        e.v9(template(range(256, 266), wide))
        e.v9(template(range(266, 276), wide))
        e.close()
        if i % 50 == 49:
            daemon.await_received(2 * (i + 1))
    daemon.resting(2000)
    assert daemon.count("exporters_with_templates") == 1000
    assert daemon.count("templates_total") == 20000
    daemon.await_log("started")
    assert daemon.resident_kib() <= 24 * 1024
