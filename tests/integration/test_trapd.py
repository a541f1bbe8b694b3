# SPDX-License-Identifier: Apache-2.0
"""serviceradar-trapd with a real server."""

import json
import re
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from lab import BIN, TRAPD, free_port, wait_for
from traps import (IF_INDEX, LINK_DOWN, TRAP_OID, UPTIME, Trapd, integer, octets, trap_stream, v1,
                   v2c, v3)


def running(lab, server, listener=None, **config):
    return Trapd(lab, server=server, listeners=[listener or {}], **config).start()


def bodies(client, subject="logs.snmp"):
    return [m.body for m in client.messages() if m.subject == subject]


def test_traps_arrive_with_the_keys_and_bytes_of_upstream(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    old, new = daemon.sender("127.0.0.5"), daemon.sender("127.0.0.9")
    new.send(v2c((IF_INDEX, integer(-5)), ("1.3.6.1.2.1.2.2.1.2.7", octets(b'Gi0/1 "up"'))))
    daemon.settled(1)
    old.send(v1((IF_INDEX, integer(7, 0x42))))
    ledger = daemon.settled(2)
    assert ledger["decoded"] == ledger["stored"] == 2
    first, second = bodies(client)
    assert first.decode() == (
        '{"source":"%s","version":"V2C","community":"public","varbinds":['
        '{"oid":"%s","value":"TIMETICKS: 1234"},'
        '{"oid":"%s","value":"OBJECT IDENTIFIER: %s"},'
        '{"oid":"%s","value":"INTEGER: -5"},'
        '{"oid":"1.3.6.1.2.1.2.2.1.2.7","value":"OCTET STRING: Gi0/1 \\"up\\""}]}' % (
            new.name, UPTIME, TRAP_OID, LINK_DOWN, IF_INDEX))
    assert json.loads(second) == {
        "source": old.name, "version": "V1", "community": "public",
        "varbinds": [{"oid": IF_INDEX, "value": "UNSIGNED32: 7"}]}


def test_what_is_no_notification_is_counted_and_not_published(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    daemon.sender().send(*(v2c(pdu=pdu) for pdu in (0xA0, 0xA1, 0xA2, 0xA3, 0xA5, 0xA8)))
    ledger = daemon.settled(6)
    assert ledger["consumed"] == 6 and ledger["decoded"] == 0
    for reason in ("get", "get_next", "response", "set", "get_bulk", "report"):
        assert daemon.metric("consumed_total", reason=reason) == 1
    assert client.count() == 0


def test_what_cannot_be_read_is_a_dead_letter_with_its_bytes(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    junk = [b"hello", v2c()[:-3], v3()]
    daemon.sender("127.0.0.5").send(*junk)
    ledger = daemon.settled(3)
    assert ledger["deadlettered"] == ledger["stored_dead"] == 3
    letters = client.messages()
    assert {m.subject for m in letters} == {"logs.snmp.deadletter"}
    assert [m.body for m in letters] == junk
    assert [m.headers["Sr-Reason"] for m in letters] == [
        "no_snmp", "truncated_message", "v3_no_users"]
    assert {m.headers["Sr-Source"] for m in letters} == {"127.0.0.5"}


def test_only_allowed_networks_are_heard_and_a_reload_changes_them(lab):
    server = lab.server()
    trap_stream(server)
    daemon = running(lab, server, {"allow": ["127.0.0.0/29"]})
    inside, outside = daemon.sender("127.0.0.5"), daemon.sender("127.0.0.9")
    inside.send(v2c())
    outside.send(v2c(), b"hello")
    ledger = daemon.settled(3)
    assert ledger["stored"] == 1 and ledger["dropped"] == 2
    assert daemon.dropped("not_allowed") == 2
    daemon.listeners[0]["allow"] = ["127.0.0.9"]
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    inside.send(v2c())
    outside.send(v2c())
    assert daemon.settled(5)["stored"] == 2
    assert daemon.dropped("not_allowed") == 3


def test_only_known_communities_are_taken(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {"communities": ["public", "a-longer-one"]})
    sender = daemon.sender()
    sender.send(*(f(community=c) for f in (v1, v2c) for c in (
        b"public", b"a-longer-one", b"publi", b"public2", b"PUBLIC", b"", b"x" * 300)))
    sender.send(v3())  # has none: its user counts
    ledger = daemon.settled(15)
    assert ledger["decoded"] == 4 and ledger["deadlettered"] == 1
    assert daemon.dropped("wrong_community") == 10
    assert {json.loads(b)["community"] for b in bodies(client)} == {"public", "a-longer-one"}
    assert "a-longer-one" not in daemon.text()


@pytest.mark.parametrize("how", ["hash", "omit"])
def test_a_masked_community_is_nowhere(lab, how):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, {"community": how, "compat": "upstream"},
                     community_key="some key of many bytes")
    sender = daemon.sender()
    sender.send(v2c(community=b"hidden"), v1(community=b"hidden"), v2c(community=b"other"),
                v2c(community=b"hidden")[:-3])
    ledger = daemon.settled(4)
    assert ledger["decoded"] == 3 and ledger["deadlettered"] == 1
    assert client.count() == 4
    assert b"hidden" not in b"".join(m.body for m in client.messages())
    found = [json.loads(b).get("community") for b in bodies(client)]
    if how == "omit":
        assert found == [None] * 3
    else:
        assert found[0] == found[1] != found[2]
        assert all(re.fullmatch("[0-9a-f]{16}", one) for one in found)


def test_a_source_is_held_to_its_rate_and_others_are_not(lab):
    server = lab.server()
    trap_stream(server)
    daemon = running(lab, server, {"rate_limit": 100, "workers": 2})
    loud, quiet = daemon.sender("127.0.0.5"), daemon.sender("127.0.0.9")
    loud.send(*[v2c()] * 3000)
    daemon.resting(3000)
    quiet.send(*[v1()] * 50)
    ledger = daemon.settled(3050)
    dropped = daemon.dropped("rate_limited")
    assert ledger["decoded"] == ledger["stored"] == 3050 - dropped
    # A burst of a second, and what its seconds allow; the quiet one lost nothing.
    assert 150 <= ledger["decoded"] <= 3050 - 1000


def test_many_traps_are_stored_once_and_in_order(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    daemon.feed(v2c((IF_INDEX, integer(i))) for i in range(5000))
    daemon.settled(5000)
    values = [json.loads(b)["varbinds"][2]["value"] for b in bodies(client)]
    assert values == [f"INTEGER: {i}" for i in range(5000)]


def test_what_was_received_before_a_kill_is_sent_after_it(lab):
    server = lab.server()
    daemon = running(lab, server, queue={"durability": "always"})
    daemon.feed(v2c((IF_INDEX, integer(i))) for i in range(200))
    daemon.put_down()
    client = trap_stream(server)
    daemon.start()
    wait_for("all are stored", lambda: client.count() == 200)
    assert daemon.settled(200)["stored"] == 200


# ---- Names ----

MODULE = """
PUMP-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, NOTIFICATION-TYPE, enterprises FROM SNMPv2-SMI;
pumpMIB MODULE-IDENTITY
    LAST-UPDATED "202611220000Z" ORGANIZATION "x" CONTACT-INFO "x" DESCRIPTION "x"
    ::= { enterprises 99991 }
pumpNotifications OBJECT IDENTIFIER ::= { pumpMIB 0 }
%s NOTIFICATION-TYPE STATUS current DESCRIPTION "x" ::= { pumpNotifications 1 }
END
"""


def compile_names(lab, name):
    """The path of a table in which 1.3.6.1.4.1.99991.0.1 has this name."""
    modules, table = lab.dir / f"mibs-{name}", lab.dir / "names.mib"
    modules.mkdir()
    (modules / "PUMP-MIB.txt").write_text(MODULE % name)
    subprocess.run([BIN / "serviceradar-cli", "mib", "compile", modules, "-o", table], check=True,
                   capture_output=True, timeout=30)
    return table


def test_names_are_of_the_table_that_was_there_at_the_reload(lab):
    server = lab.server()
    client = trap_stream(server)
    table = compile_names(lab, "pumpDown")
    daemon = running(lab, server, enrich=True, mib_file=str(table))
    sender = daemon.sender()
    pump = v2c(trap="1.3.6.1.4.1.99991.0.1")
    sender.send(pump, v2c())
    daemon.settled(2)
    compile_names(lab, "pumpBroken")
    sender.send(pump)
    daemon.settled(3)
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    sender.send(pump)
    daemon.settled(4)
    table.unlink()
    table.write_text("no table")
    daemon.hup()
    daemon.await_log("is no table of names of this version; write it with")
    records = [json.loads(b) for b in bodies(client)]
    assert [list(r)[:4] for r in records] == [
        ["source", "version", "community", "varbinds"]] * 4
    names = [r["event_name"] for r in records]
    assert [n.split("::")[-1] for n in names] == ["pumpDown", "linkDown", "pumpDown", "pumpBroken"]


# ---- Users ----

def test_users_of_a_file_can_be_wrong_at_a_reload_and_cost_nothing(lab):
    server = lab.server()
    trap_stream(server)
    users = lab.dir / "users.yaml"
    users.write_text("users: [{name: joe, auth: SHA-256, auth_password: hidden-word}]\n")
    users.chmod(0o600)
    daemon = running(lab, server, users_file=str(users))
    users.write_text("users: [{name: joe, auth: SHA-256}]\n")
    daemon.hup()
    daemon.await_log("auth_password: is missing; `auth` needs it")
    daemon.sender().send(v2c())
    assert daemon.settled(1)["stored"] == 1
    assert "hidden-word" not in daemon.text()


# ---- SNMPv3 and names ----

def recorded(name):
    """The bytes of a message of tests/golden/snmp."""
    cases = Path(__file__).parents[1] / "golden/snmp/cases.jsonl"
    for line in cases.read_text().splitlines():
        case = json.loads(line)
        if case["name"] == name:
            return bytes.fromhex(case["hex"])
    raise KeyError(name)


USER = {"name": "u_sha256_aes", "auth": "SHA-256", "auth_password": "authpass12345",
        "priv": "AES-128", "priv_password": "privpass12345"}


def test_traps_of_v3_are_read_with_the_keys_of_their_users(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, users=[USER])
    sender = daemon.sender()
    sender.send(recorded("v3_SHA-256_AES"))
    assert daemon.settled(1)["stored"] == 1
    trap = json.loads(bodies(client)[0])
    assert trap["version"] == "V3" and len(trap["varbinds"]) == 5
    sender.send(recorded("v3_SHA_noPriv"), recorded("v3_SHA_AES_badmac"))
    daemon.settled(3)
    assert daemon.metric("undecodable_total", reason="v3_unknown_user") == 2
    daemon.config["users"] = [{**USER, "auth_password": "another-word"}]
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    sender.send(recorded("v3_SHA-256_AES"))
    daemon.settled(4)
    assert daemon.metric("undecodable_total", reason="v3_auth") == 1


def test_enriched_traps_have_names_and_text(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, enrich=True)
    daemon.sender().send(v2c(("1.3.6.1.2.1.2.2.1.8.7", integer(2))))
    assert daemon.settled(1)["stored"] == 1
    trap = json.loads(bodies(client)[0])
    assert trap["event_name"] == "IF-MIB::linkDown"
    assert trap["varbinds"][2]["name"] == "IF-MIB::ifOperStatus.7"
    assert trap["varbinds"][2]["text"] == "down"
    assert trap["host"] == "127.0.0.1"


def reasons(client):
    """Of all dead letters so far."""
    return [m.headers["Sr-Reason"] for m in client.messages() if m.subject.endswith("deadletter")]


def test_users_of_v3_are_heard_and_others_are_dead_letters(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server, users=[
        {"name": "joe", "auth": "SHA-256", "auth_password": "maplesyrup"}, {"name": "open"},
        {"name": "bound", "engine_ids": ["80001f8802"]}])
    sender = daemon.sender()
    sender.send(v3((IF_INDEX, integer(7)), password=b"maplesyrup"), v3(user=b"open"),
                v3(user=b"bound", engine=b"\x80\0\x1f\x88\2"))
    assert daemon.settled(3)["stored"] == 3
    sender.send(v3(password=b"maplesyrop"), v3(), v3(user=b"nobody"), v3(user=b"bound"),
                v3(password=b"maplesyrup", boots=0), v3(user=b"open")[:-1])
    assert daemon.settled(9)["stored_dead"] == 6
    assert reasons(client) == ["v3_auth", "v3_level", "v3_unknown_user",
                                       "v3_unknown_engine", "v3_time", "truncated_message"]
    first = json.loads(bodies(client)[0])
    assert first["version"] == "V3" and first["community"] == ""
    assert first["varbinds"][2] == {"oid": IF_INDEX, "value": "INTEGER: 7"}


def test_a_reload_brings_other_users_and_keeps_what_is_known_of_time(lab):
    server = lab.server()
    client = trap_stream(server)
    users = [{"name": "joe", "auth": "SHA-256", "auth_password": "maplesyrup"}]
    daemon = running(lab, server, users=users)
    sender = daemon.sender()
    sender.send(v3(password=b"maplesyrup", boots=5))
    daemon.settled(1)
    for count, password in ((3, "after the reload"), (5, "after another one")):
        users[0]["auth_password"] = password
        daemon.write()
        before = len(daemon.lines("the configuration is reloaded"))
        daemon.hup()
        wait_for("a reload", lambda n=before: len(
            daemon.lines("the configuration is reloaded")) > n)
        # The engine's clock does not go back with the new key.
        sender.send(v3(password=password.encode(), boots=5),
                    v3(password=password.encode(), boots=4))
        daemon.settled(count)
    sender.send(v3(password=b"maplesyrup", boots=5))
    assert daemon.settled(6)["stored"] == 3
    assert reasons(client) == ["v3_time", "v3_time", "v3_auth"]


def test_decode_reads_users_of_a_file(lab):
    users, capture = lab.dir / "users.yaml", lab.dir / "none.pcap"
    capture.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    users.write_text("users: [{name: joe, auth: SHA-256}]\n")
    ask = [str(TRAPD), "decode", "--users", str(users), str(capture)]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "users.yaml:1: users[0].auth_password: is missing" in done.stderr
    users.write_text("users: [{name: joe}]\n")
    done = subprocess.run(ask, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and json.loads(done.stderr)["packets"] == 0


# ---- Upstream's file ----

def shipped(listen, url, **changes):
    return {"listen_addr": listen, "nats_url": url, "nats_domain": None, "stream_name": "events",
            "stream_replicas": 1, "subject": "logs.snmp", "partition": "default",
            "grpc_listen_addr": "0.0.0.0:50043",
            "grpc_security": {"mode": "mtls", "cert_dir": "/etc/serviceradar/certs",
                              "cert_file": "trapd.pem", "key_file": "trapd-key.pem",
                              "client_ca_file": "root.pem"},
            "otel": {"enabled": False}, **changes}


class Upstream(Trapd):
    """A collector with upstream's file; only places of this host are set from outside."""

    def __init__(self, lab, url, **changes):
        self.port = free_port(socket.SOCK_DGRAM)
        self.shape = shipped(f"127.0.0.1:{self.port}", url, **changes)
        super().__init__(lab, listeners=[{"listen": f"udp://127.0.0.1:{self.port}"}])

    def write(self):
        self.conf.write_text(json.dumps(self.shape, indent=2))

    def argv(self):
        return [TRAPD, "--config", self.conf, "--set", f"queue.dir={self.queue_dir}",
                "--set", f"metrics.listen=127.0.0.1:{self.metrics_port}"]

    def ask(self, option):
        return subprocess.run([*map(str, self.argv()), option], capture_output=True, text=True,
                              timeout=30, check=False)


def test_upstreams_file_stores_traps_over_mutual_tls(lab):
    ca = lab.authority()
    server = lab.server(tls=(*ca.issue("server"), ca.file))
    cert, key = ca.issue("collector")
    server.user.update(cert=cert, key=key)
    client = trap_stream(server)
    daemon = Upstream(lab, server.tls_url, nats_security={
        "mode": "mtls", "cert_dir": str(lab.dir), "cert_file": cert.name, "key_file": key.name,
        "ca_file": ca.file.name}).start()
    sender = daemon.sender("127.0.0.5")
    sender.send(v2c())
    daemon.settled(1)
    assert list(json.loads(bodies(client)[0])) == ["source", "version", "community", "varbinds"]
    told = daemon.lines("is in the shape of ServiceRadar's trapd.json")
    assert len(told) == 1 and "left out: stream_replicas, grpc_listen_addr, grpc_security, otel" \
        in told[0]


def test_what_is_printed_of_upstreams_file_is_a_native_one_of_the_same(lab):
    daemon = Upstream(lab, "nats://127.0.0.1:1", nats_security={"mode": "none"})
    first = daemon.ask("--print-config")
    assert first.returncode == 0 and "note: " in first.stderr
    daemon.conf.write_text(first.stdout)
    again = daemon.ask("--print-config")
    assert again.returncode == 0 and again.stderr == ""
    assert again.stdout == first.stdout
