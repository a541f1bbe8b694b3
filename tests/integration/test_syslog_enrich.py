# SPDX-License-Identifier: Apache-2.0
"""Records of syslog with `enrich: true`, as the platform's consumers read them."""

import datetime
import json
import socket
import ssl

import pytest

from lab import SUBJECT, Authority, Daemon, free_port


@pytest.fixture
def server(lab):
    s = lab.server()
    s.client().add_stream()
    return s


def records(client):
    return [json.loads(m.body) for m in client.messages() if m.subject == SUBJECT]


def send(lab, family, kind, address, data):
    s = socket.socket(family, kind)
    lab.sockets.append(s)
    s.connect(address)
    s.sendall(data)


def stored_by_the_event_writer(record):
    """What of a record is kept downstream: names that are known, and these three objects."""
    return {
        "body": record.get("body") or record.get("message") or record["short_message"],
        "service_name": record.get("service_name") or record.get("application_name"),
        "severity_text": record.get("severity_text") or record.get("level"),
        "severity_number": record.get("severity_number"),
        "observed_timestamp": datetime.datetime.fromisoformat(
            record["observed_timestamp"][:26] + "+00:00"),
        "source": record.get("source"),
        "attributes": record["attributes"],
        "resource": record["resource"],
    }


def test_what_the_platform_dropped_is_stored(lab, server, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("u") / "s")
    udp, tcp = free_port(socket.SOCK_DGRAM), free_port()
    daemon = Daemon(lab, server=server, enrich=True, partition="edge", listeners=[
        {"listen": f"udp://127.0.0.1:{udp}", "format": "auto"},
        {"listen": f"tcp://127.0.0.1:{tcp}", "format": "rfc5424", "compat": "upstream"},
        {"listen": f"unix://{path}", "format": "auto"}]).start()
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    line = (b"<11>1 2003-10-11T22:14:15.003Z fw app 7 ID47 [a@1 user=\"x\"][meta sequenceId=\"9\" "
            b"remote_addr=\"6.6.6.6\"] text\n")
    send(lab, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", udp), line)
    send(lab, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", tcp), line)
    send(lab, socket.AF_UNIX, socket.SOCK_STREAM, path, line)
    for listener in range(3):
        assert daemon.settled(1, listener)["stored"] == 1
    by_transport = {r["attributes"]["transport"]: r for r in records(server.client())}
    assert sorted(by_transport) == ["tcp", "udp", "unix"]
    for transport, record in by_transport.items():
        kept = stored_by_the_event_writer(record)
        assert (kept["body"], kept["service_name"]) == ("text", "app")
        assert (kept["severity_text"], kept["severity_number"]) == ("ERROR", 17)
        assert kept["observed_timestamp"] > before
        attributes = kept["attributes"]
        assert attributes["sd"] == {"a@1": {"user": "x"},
                                    "meta": {"sequenceId": "9", "remote_addr": "6.6.6.6"}}
        assert attributes["timestamp"] == "2003-10-11T22:14:15.003000000Z"
        assert (attributes["facility_text"], attributes["msgid"]) == ("user", "ID47")
        assert kept["resource"]["host.name"] == "fw"
        has_address = transport != "unix"
        assert ("remote_addr" in attributes) == has_address
        assert ("source.address" in kept["resource"]) == has_address
    assert by_transport["udp"]["_remote_addr"] == "edge:127.0.0.1"
    assert by_transport["udp"]["attributes"]["remote_addr"] == "edge:127.0.0.1"
    # What upstream's bytes say of the sender is what he says.
    assert by_transport["tcp"]["_remote_addr"] == "edge:6.6.6.6"
    assert by_transport["tcp"]["attributes"]["remote_addr"] == "edge:127.0.0.1"


@pytest.mark.parametrize("held", [False, True])
def test_the_name_of_a_certificate_is_told_and_not_forged(lab, server, tmp_path, held):
    ca = Authority(tmp_path)
    cert, key = ca.issue("listener")
    shown = ca.issue("fw-7")
    tcp = free_port()
    tls = {"cert_file": str(cert), "key_file": str(key), "ca_file": str(ca.file)}
    daemon = Daemon(lab, server=server, enrich=True, listeners=[
        {"listen": "fd://tls" if held else f"tls://127.0.0.1:{tcp}", "format": "auto", "tls": tls}])
    if held:
        daemon.held.append(("tls", socket.create_server(("127.0.0.1", tcp))))
    daemon.start()
    context = ssl.create_default_context(cafile=ca.file)
    context.load_cert_chain(*shown)
    raw = socket.create_connection(("127.0.0.1", tcp), 10)
    with context.wrap_socket(raw, server_hostname="localhost") as s:
        s.sendall(b"<11>1 - fw app - - [x@1 tls_peer=\"root\"] text\n")
        daemon.settled(1)
    record, = records(server.client())
    # Of a certificate with names these count, and not its subject.
    assert (record["_tls_peer"], record["_sd_tls_peer"]) == ("localhost", "root")
    assert record["attributes"]["tls.peer"] == "localhost"
    assert record["attributes"]["transport"] == "tls"


def test_zones_of_senders_change_with_a_reload(lab, server):
    daemon = Daemon(lab, server=server, listeners=[
        {"format": "smart", "timezone": "UTC", "timezones": ["127.0.0.0/8=Asia/Tokyo"]}]).start()
    daemon.send([b"<11>2026-11-22 12:00:00 host app: one"])
    daemon.settled(1)
    daemon.listeners[0]["timezones"] = ["0.0.0.0/0=Asia/Tokyo", "127.0.0.1/32=America/New_York"]
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    daemon.send([b"<11>2026-11-22 12:00:00 host app: two"])
    daemon.settled(2)
    noon = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.timezone.utc).timestamp()
    assert [(r["short_message"], (r["timestamp"] - noon) / 3600)
            for r in records(server.client())] == [("one", -9), ("two", 5)]
