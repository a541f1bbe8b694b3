# SPDX-License-Identifier: Apache-2.0
"""Who may send which traps: rules by identifier and name, and users of SNMPv3."""

import json
import subprocess
import sys

from lab import ROOT, TRAPD, wait_for
from traps import Trapd, trap_stream, v1, v2c, v3

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import make_pcap  # noqa: E402

LINK_DOWN, LINK_UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
ON_BATTERY = "1.3.6.1.2.1.33.2.1"


def reload(daemon, text="the configuration is reloaded"):
    before = len(daemon.lines(text))
    daemon.write()
    daemon.hup()
    wait_for("a reload", lambda: len(daemon.lines(text)) > before)


def trap_oids(client):
    found = [json.loads(m.body) for m in client.messages()]
    return [r["varbinds"][1]["value"].split(" ")[-1] for r in found if r["version"] != "V1"]


def test_traps_are_taken_by_identifier_and_a_reload_changes_that(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = Trapd(lab, server=server, listeners=[
        {"allow_traps": ["1.3.6.1.6.3.1.1.5.*"], "deny_traps": ["IF-MIB::linkUp"]}]).start()
    sender = daemon.sender()
    sender.send(v2c(), v2c(trap=LINK_UP), v2c(trap=ON_BATTERY), v1(generic=2), v1(generic=3))
    ledger = daemon.settled(5)
    assert ledger["decoded"] == ledger["stored"] == 2
    assert daemon.dropped("trap_not_allowed") == 3
    daemon.listeners[0].update(allow_traps=[], deny_traps=["UPS-MIB::upsTrapOnBattery"])
    reload(daemon)
    sender.send(v2c(), v2c(trap=LINK_UP), v2c(trap=ON_BATTERY),
                v1(enterprise="1.3.6.1.2.1.33.2", specific=1))
    assert daemon.settled(9)["stored"] == 4
    assert daemon.dropped("trap_not_allowed") == 5
    assert trap_oids(client)[1:] == [LINK_DOWN, LINK_UP]


def test_rules_that_became_wrong_leave_those_before(lab):
    server = lab.server()
    trap_stream(server)
    daemon = Trapd(lab, server=server, listeners=[{"deny_traps": ["IF-MIB::linkUp"]}]).start()
    daemon.listeners[0]["deny_traps"] = ["IF-MIB::linkUpp"]
    reload(daemon, "`IF-MIB::linkUpp` is no name that is known")
    daemon.sender().send(v2c(trap=LINK_UP), v2c())
    assert daemon.settled(2)["stored"] == 1
    assert daemon.dropped("trap_not_allowed") == 1


def test_a_listener_takes_only_its_users(lab):
    server = lab.server()
    trap_stream(server)
    users = [{"name": n, "auth": "SHA-256", "auth_password": "maplesyrup"} for n in ("joe", "jim")]
    daemon = Trapd(lab, server=server, listeners=[{"users": ["joe"]}], users=users).start()
    daemon.sender().send(v3(user=b"joe", password=b"maplesyrup"),
                         v3(user=b"jim", password=b"maplesyrup"), v2c(),
                         v3(user=b"jim", password=b"maplesyrop"))
    ledger = daemon.settled(4)
    assert (ledger["decoded"], ledger["dropped"], ledger["deadlettered"]) == (2, 1, 1)
    assert daemon.dropped("user_not_allowed") == 1


def test_decode_explains_what_decided(lab):
    capture = lab.dir / "traps.pcap"
    traps = [v2c(), v2c(trap=LINK_UP), v3(password=b"maplesyrup"), v3(user=b"eve"), b"hello"]
    with open(capture, "wb") as out:
        make_pcap.write_pcap(out, traps, sources=1, port=162)
    (lab.dir / "users.yaml").write_text(
        "users: [{name: joe, auth: SHA-256, auth_password: maplesyrup}]\n")
    ask = [str(TRAPD), "decode", "--explain", "--users", str(lab.dir / "users.yaml"),
           "--set", "listeners.0.deny_traps=[IF-MIB::linkUp]", str(capture)]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=30, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = [line["explain"] for line in lines if "explain" in line]
    assert len(lines) == 2 * len(told) == 2 * len(traps)  # each has its record, or its error
    assert [(t["verdict"], t.get("reason")) for t in told] == [
        ("decoded", None), ("refused", "trap_not_allowed"), ("decoded", None),
        ("deadletter", "v3_unknown_user"), ("deadletter", "no_snmp")]
    assert told[0]["trap"]["name"] == "IF-MIB::linkDown"
    assert told[1]["access"] == {"rule": "IF-MIB::linkUp", "of": "deny_traps"}
    assert told[2]["security"] == {
        "user": "joe", "level": "authNoPriv", "engine_id": "80001f8801", "keys": "right",
        "context_engine_id": "80001f8801"}
    assert told[4] == {"source": "192.0.2.1", "bytes": 5, "verdict": "deadletter",
                       "reason": "no_snmp"}


def test_a_refused_inform_is_not_answered(lab):
    server = lab.server()
    trap_stream(server)
    daemon = Trapd(lab, server=server, listeners=[{"deny_traps": ["IF-MIB::linkUp"]}]).start()
    sender = daemon.sender()
    sender.socket.settimeout(10)
    sender.send(v2c(pdu=0xA6, trap=LINK_UP, request=1), v2c(pdu=0xA6, request=2))
    assert sender.socket.recv(65536) == v2c(pdu=0xA2, request=2)  # which came after it
    assert daemon.settled(2)["dropped"] == 1
