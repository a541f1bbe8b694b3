# SPDX-License-Identifier: Apache-2.0
"""Storms of traps: what is folded is counted, and the last of it is published."""

import json
import subprocess
import sys

import pytest

from lab import ROOT, TRAPD, wait_for
from traps import IF_INDEX, Trapd, integer, oid, trap_stream, v2c, v3

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import make_pcap  # noqa: E402

STORM = {"traps": 1, "interval": "1h", "quiet": "1h", "every": "1h"}
LINK_UP = "1.3.6.1.6.3.1.1.5.4"


def running(lab, server, storm, enrich=True, workers=1, **config):
    return Trapd(lab, server=server, enrich=enrich, listeners=[
        {"storm": {**STORM, **storm}, "workers": workers}], **config).start()


def records(client):
    return [json.loads(m.body) for m in client.messages() if m.subject == "logs.snmp"]


def flap(request, interface=7, **options):
    return v2c((f"{IF_INDEX[:-1]}{interface}", integer(interface)), request=request, **options)


def attributes(record):
    return record["attributes"]


def test_of_a_link_that_flaps_the_first_and_the_last_trap_are_published(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {"quiet": "2s"})
    sender = daemon.sender()
    sender.send(*(flap(i) for i in range(300)), *(flap(i, interface=8) for i in range(2)))
    wait_for("the last of each storm", lambda: client.count() == 4)
    ledger = daemon.settled(302)
    assert (ledger["decoded"], ledger["consumed"], ledger["records"]) == (2, 300, 4)
    assert daemon.metric("consumed_total", reason="folded") == 300
    assert daemon.metric("trapd_storms_total") == 2
    assert daemon.metric("trapd_storm_records_total") == 2
    assert daemon.metric("trapd_storms") == 0
    one, other = ([attributes(r) for r in records(client) if f"IF-MIB::ifIndex.{i}" in
                   attributes(r)] for i in (7, 8))
    assert [a["snmp.request_id"] for a in one] == [0, 299]
    assert [a.get("snmp.folded_count") for a in one] == [None, 299]
    assert [a.get("snmp.folded_count") for a in other] == [None, 1]
    assert one[0].get("snmp.folded_first") is None
    last = [r for r in records(client) if attributes(r).get("snmp.folded_count") == 299][0]
    assert attributes(last)["snmp.folded_first"] <= last["timestamp"]


def test_a_storm_that_lasts_is_told_once_in_a_while(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {"every": "1s"})
    sender, sent = daemon.sender(), 0
    while client.count() < 4:
        sender.send(*(flap(sent + i) for i in range(10)))
        sent += 10
        daemon.resting(sent)
    daemon.stop()
    told = [attributes(r)["snmp.folded_count"] for r in records(client)[1:]]
    assert sum(told) == sent - 1


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stop_publishes_what_is_folded(lab, workers):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {}, workers=workers)
    for address in ("127.0.0.5", "127.0.0.6", "127.0.0.7"):
        sender = daemon.sender(address)
        sender.send(*(flap(i) for i in range(50)), *(flap(i, trap=LINK_UP) for i in range(50)))
    ledger = daemon.settled(300)
    assert (ledger["decoded"], ledger["consumed"], ledger["stored"]) == (6, 294, 6)
    assert daemon.metric("trapd_storms") == 6
    daemon.stop()  # fails unless the ledger is balanced
    found = [attributes(r).get("snmp.folded_count") for r in records(client)]
    assert found == [None] * 6 + [49] * 6


def test_without_enrich_the_last_trap_is_one_like_others(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {}, enrich=False)
    daemon.sender().send(*(flap(i, uptime=i) for i in range(5)))
    daemon.settled(5)
    daemon.stop()
    first, last = records(client)
    assert list(first) == list(last) == ["source", "version", "community", "varbinds"]
    assert last["varbinds"][0]["value"] == "TIMETICKS: 4"


def test_a_reload_keeps_storms_and_without_folding_ends_them(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {})
    sender = daemon.sender()
    sender.send(*(flap(i) for i in range(5)))
    daemon.settled(5)
    daemon.listeners[0]["rate_limit"] = 1000000
    reload(daemon)
    sender.send(flap(5))
    assert daemon.settled(6)["consumed"] == 5
    daemon.listeners[0]["storm"]["traps"] = 0
    reload(daemon)
    wait_for("the last one", lambda: client.count() == 2)
    assert attributes(records(client)[1])["snmp.folded_count"] == 5
    sender.send(flap(6))
    assert daemon.settled(7)["stored"] == 3


def reload(daemon):
    before = len(daemon.lines("the configuration is reloaded"))
    daemon.write()
    daemon.hup()
    wait_for("a reload", lambda: len(daemon.lines("the configuration is reloaded")) > before)


def test_what_is_folded_of_v3_is_published_as_it_was_decrypted(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {}, users=[
        {"name": "joe", "auth": "SHA-256", "auth_password": "maplesyrup"}])
    daemon.sender().send(*(v3((IF_INDEX, integer(7)), password=b"maplesyrup", seconds=100 + i)
                           for i in range(4)))
    assert daemon.settled(4)["consumed"] == 3
    daemon.stop()
    first, last = records(client)
    assert last["version"] == "V3" and first["varbinds"] == last["varbinds"]
    assert attributes(last)["snmp.user"] == "joe"
    assert attributes(last)["snmp.folded_count"] == 3


def test_a_kind_with_messages_that_are_too_large_is_published(lab):
    server = lab.server()
    trap_stream(server)
    daemon = running(lab, server, {})
    many = [("1.3.6.1.2.1.1.5.0", oid("1.3.6.1"))] * 100
    daemon.sender().send(*(v2c((IF_INDEX, integer(7)), *many) for _ in range(4)))
    assert daemon.settled(4)["stored"] == 4
    assert daemon.metric("trapd_storm_too_large_total") == 3


def test_an_inform_that_is_folded_is_answered_at_once(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {})
    sender = daemon.sender()
    sender.socket.settimeout(10)
    for i in range(4):
        sender.send(flap(i, pdu=0xA6))
        assert sender.socket.recv(65536) == flap(i, pdu=0xA2)
    ledger = daemon.settled(4)
    assert (ledger["decoded"], ledger["consumed"]) == (1, 3)
    daemon.stop()
    assert [attributes(r).get("snmp.folded_count") for r in records(client)] == [None, 3]


def test_decode_folds_by_the_time_of_packets(lab):
    capture = lab.dir / "storm.pcap"
    with open(capture, "wb") as out:  # 0.5 s apart, then two more much later
        make_pcap.write_pcap(out, [flap(i) for i in range(40)], sources=1, interval=0.5, port=162)
    done = subprocess.run(
        [str(TRAPD), "decode", "--set", "enrich=true", "--set", "listeners.0.storm.traps=2",
         "--set", "listeners.0.storm.interval=1h", "--set", "listeners.0.storm.every=10s",
         "--set", "listeners.0.storm.quiet=10s", str(capture)],
        capture_output=True, text=True, timeout=30, check=True)
    found = [attributes(json.loads(line)) for line in done.stdout.splitlines()]
    counted = json.loads(done.stderr)
    folded = [a.get("snmp.folded_count", 0) for a in found]
    assert folded[:2] == [0, 0] and len(folded) == 4 and sum(folded) == 38
    assert counted["consumed"] == {"folded": 38} and counted["records"] == 4
    assert found[-1]["snmp.request_id"] == 39
