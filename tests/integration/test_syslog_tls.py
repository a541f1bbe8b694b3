# SPDX-License-Identifier: Apache-2.0
"""Syslog over TLS: who gets in, and that what a sender completes is stored."""

import json
import socket
import ssl
import struct
from pathlib import Path

import pytest

from lab import Daemon, free_port, wait_for
from test_syslog_tcp import counted, line, stored
from tls_desk import Signer, connect, fingerprint, is_refused, replace

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def server(lab):
    s = lab.server()
    s.client().add_stream()
    return s


@pytest.fixture
def ca(tmp_path):
    return Signer(tmp_path)


def tls_of(ca, **more):
    cert, key = ca.make("listener", "localhost")
    return {"cert_file": str(cert), "key_file": str(key), **more}


def receiver(lab, tls, listen=None, others=(), held=None, **config):
    """A daemon with a TLS listener; `tcp` is where."""
    port = free_port()
    given = config.pop("listener", {})
    daemon = Daemon(lab, listeners=[
        {"listen": listen or f"tls://127.0.0.1:{port}", "timezone": "UTC", "tls": tls, **given},
        *others], **config)
    daemon.held = held or []
    daemon.tcp = ("127.0.0.1", port)
    return daemon.start()


def failures(daemon, reason):
    return daemon.metric("tls_failures_total", reason=reason)


def certificate_shown(lab, daemon, ca):
    s = connect(lab, daemon.tcp, ca.file)
    shown = s.getpeercert(binary_form=True)
    s.close()
    return ssl.DER_cert_to_PEM_cert(shown).encode()


@pytest.mark.parametrize("version", VERSIONS)
def test_messages_come_in_pieces_of_any_size(lab, server, ca, version):
    daemon = receiver(lab, tls_of(ca), server=server)
    s = connect(lab, daemon.tcp, ca.file, version=version)
    assert s.version() == {VERSIONS[0]: "TLSv1.2", VERSIONS[1]: "TLSv1.3"}[version]
    for byte in counted(line("bytes")):
        s.sendall(bytes([byte]))
    s.sendall(b"".join(counted(line(f"m{i} " + "x" * (i % 700))) for i in range(3000)))
    s.sendall(line("lf") + b"\n")
    ledger = daemon.settled(3002)
    assert ledger["decoded"] == ledger["stored"] == 3002
    assert daemon.metric("connections") == 1
    assert daemon.metric("tls_failures_total") == 0
    s.unwrap()  # the listener says goodbye too
    wait_for("it is closed", lambda: daemon.metric("connections") == 0)
    texts, dead = stored(server.client())
    assert texts[0] == "bytes" and texts[-1] == "lf" and dead == []
    assert [t.split()[0] for t in texts[1:-1]] == [f"m{i}" for i in range(3000)]


@pytest.mark.parametrize("ending", ["said", "closed", "half closed", "reset"])
def test_nothing_complete_is_lost_when_a_sender_goes(lab, server, ca, ending):
    daemon = receiver(lab, tls_of(ca), server=server)
    s = connect(lab, daemon.tcp, ca.file)
    s.sendall(b"".join(counted(line(f"m{i}")) for i in range(500)) + b"90 " + line("cut off"))
    if ending == "said":
        s.unwrap()
    elif ending == "half closed":
        raw = socket.socket(fileno=s.detach())
        raw.shutdown(socket.SHUT_WR)
        raw.settimeout(15)
        while raw.recv(1000):  # the listener's goodbye
            pass
        raw.close()
    else:
        daemon.await_received(500)  # else TCP may throw it away on either side
        linger = struct.pack("ii", 1, 0) if ending == "reset" else struct.pack("ii", 0, 0)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        s.close()
    ledger = daemon.settled(501)
    assert ledger["decoded"] == 501
    assert daemon.metric("syslog_frames_incomplete_total") == 1


@pytest.mark.parametrize("ending", ["said", "garbage"])
def test_all_of_a_sender_may_come_at_once(lab, server, ca, ending):
    daemon = receiver(lab, tls_of(ca), server=server)
    context = ssl.create_default_context(cafile=str(ca.file))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(inward, outward, server_hostname="localhost")
    raw = socket.create_connection(daemon.tcp, 10)
    lab.sockets.append(raw)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    raw.sendall(outward.read())
    while client.version() is None:
        inward.write(raw.recv(65536))
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
    client.write(b"".join(counted(line(f"m{i}")) for i in range(20)))
    if ending == "said":
        with pytest.raises(ssl.SSLWantReadError):
            client.unwrap()
    else:
        outward.write(b"\x17\x03\x03\x00\x20" + bytes(32))
    raw.sendall(outward.read())  # the end of the handshake, messages and the end of all
    ledger = daemon.settled(20)
    assert ledger["stored"] == 20
    wait_for("it is closed", lambda: daemon.metric("connections") == 0)


def test_only_who_shows_a_permitted_certificate_gets_in(lab, server, ca):
    good, other = ca.make("edge-1", "edge-1.example.com"), ca.make("web", "web.example.org")
    pinned = ca.make("pinned", self_signed=True)
    late = ca.make("late", "late.example.com", days=-1)
    stranger = Signer(ca.folder, "stranger").make("strange", "edge-2.example.com")
    daemon = receiver(lab, tls_of(ca, ca_file=str(ca.file), permitted_peers=[
        "*.example.com", fingerprint(pinned[0])]), server=server)
    for i, pair in enumerate((good, pinned)):
        for version in VERSIONS:
            connect(lab, daemon.tcp, ca.file, pair, version).sendall(line(f"m{i}") + b"\n")
    daemon.settled(4)
    refused = {"no_certificate": None, "not_permitted": other, "expired": late,
               "untrusted": stranger}
    for reason, pair in refused.items():
        for version in VERSIONS:
            assert is_refused(lab, daemon.tcp, ca.file, pair, version), reason
        wait_for("it is counted", lambda r=reason: failures(daemon, r) == 2)
        (said,) = daemon.lines(f"reason={reason} ")
        assert "source=127.0.0.1" in said and "advice=" in said
        if pair is not None:
            assert f"fingerprint={fingerprint(pair[0])}" in said
    (said,) = daemon.lines("reason=not_permitted")
    assert 'certificate="CN=web DNS:web.example.org"' in said
    assert "to tls.permitted_peers" in said
    assert daemon.settled(4)["stored"] == 4

    # What that line asks for is done, and who was there before stays.
    held = connect(lab, daemon.tcp, ca.file, good)
    held.sendall(line("before") + b"\n")
    daemon.settled(5)
    daemon.config["listeners"][0]["tls"]["permitted_peers"] = [fingerprint(other[0])]
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    connect(lab, daemon.tcp, ca.file, other).sendall(line("other") + b"\n")
    held.sendall(line("after") + b"\n")
    daemon.settled(7)
    assert is_refused(lab, daemon.tcp, ca.file, good)


def test_records_with_more_keys_name_the_certificate(lab, server, ca):
    daemon = receiver(lab, tls_of(ca, ca_file=str(ca.file), client="optional"), server=server,
                      enrich=True, listener={"format": "smart"})
    connect(lab, daemon.tcp, ca.file, ca.make("edge", "edge.example.com")).sendall(
        line("with") + b"\n")
    connect(lab, daemon.tcp, ca.file).sendall(line("without") + b"\n")
    daemon.settled(2)
    records = {r["short_message"]: r for r in (
        json.loads(m.body) for m in server.client().messages())}
    assert records["with"]["_tls_peer"] == "edge.example.com"
    assert records["with"]["attributes"]["transport"] == "tls"
    assert "_tls_peer" not in records["without"]


def test_who_is_denied_is_refused_before_the_handshake(lab, server, ca):
    daemon = receiver(lab, tls_of(ca), server=server, listener={"deny": ["127.0.0.1"]})
    s = socket.create_connection(daemon.tcp, 10)
    lab.sockets.append(s)
    s.settimeout(15)
    assert s.recv(1) == b""
    wait_for("it is counted", lambda: daemon.metric("connections_refused_total") == 1)
    assert daemon.metric("tls_failures_total") == 0


def test_certificates_may_be_optional(lab, server, ca):
    daemon = receiver(lab, tls_of(ca, ca_file=str(ca.file), client="optional"), server=server)
    connect(lab, daemon.tcp, ca.file).sendall(line("without") + b"\n")
    connect(lab, daemon.tcp, ca.file, ca.make("edge")).sendall(line("with") + b"\n")
    daemon.settled(2)
    stranger = Signer(ca.folder, "stranger").make("strange")
    assert is_refused(lab, daemon.tcp, ca.file, stranger)


def test_a_list_of_revoked_certificates_counts_when_it_changes(lab, server, ca):
    edge = ca.make("edge")
    daemon = receiver(lab, tls_of(ca, ca_file=str(ca.file), crl_file=str(ca.revoke())),
                      server=server)
    held = connect(lab, daemon.tcp, ca.file, edge)
    held.sendall(line("first") + b"\n")
    daemon.settled(1)
    ca.revoke(edge[0])
    daemon.await_log("changed files of TLS are used for new connections")
    assert is_refused(lab, daemon.tcp, ca.file, edge)
    wait_for("it is counted", lambda: failures(daemon, "revoked") == 1)
    held.sendall(line("second") + b"\n")  # who is connected stays
    daemon.settled(2)


def test_a_list_that_is_half_written_is_not_taken(lab, server, ca):
    other = Signer(ca.folder, "other")
    edge, far = ca.make("edge"), other.make("far")
    both, lists = ca.folder / "both.pem", ca.folder / "lists.pem"
    both.write_bytes(ca.file.read_bytes() + other.file.read_bytes())
    lists.write_bytes(ca.revoke().read_bytes() + other.revoke().read_bytes())
    daemon = receiver(lab, tls_of(ca, ca_file=str(both), crl_file=str(lists)), server=server)
    held = [connect(lab, daemon.tcp, ca.file, pair) for pair in (edge, far) for _ in range(20)]

    whole = ca.revoke().read_bytes() + other.revoke(far[0]).read_bytes()
    lists.write_bytes(whole[:-100])  # in place, as a copy does that runs out of disk
    daemon.await_log("changed files of TLS are not taken")
    assert daemon.lines("tls.crl_file", "is cut off or damaged")
    for pair in (edge, far):
        held.append(connect(lab, daemon.tcp, ca.file, pair))
    for s in held:
        s.sendall(line("still") + b"\n")
    daemon.settled(len(held))

    lists.write_bytes(whole)
    daemon.await_log("changed files of TLS are used for new connections")
    assert is_refused(lab, daemon.tcp, ca.file, far)
    held.append(connect(lab, daemon.tcp, ca.file, edge))
    for s in held:  # who is connected stays
        s.sendall(line("again") + b"\n")
    daemon.settled(2 * len(held) - 1)
    assert failures(daemon, "revoked") == 1


def test_a_certificate_changes_in_the_middle_of_a_connection(lab, server, ca):
    tls = tls_of(ca)
    daemon = receiver(lab, tls, server=server)
    cert, key = (ca.folder / name for name in ("listener.pem", "listener-key.pem"))
    assert certificate_shown(lab, daemon, ca) == cert.read_bytes()
    expires = daemon.metric("tls_certificate_expires_seconds")
    held = connect(lab, daemon.tcp, ca.file)
    held.sendall(line("one") + b"\n" + line("tw")[:20])

    # A key that is not that of the certificate is not taken, and nothing else changes.
    other_cert, other_key = ca.make("renewed", "localhost", days=60)
    replace(key, other_key)
    daemon.await_log("changed files of TLS are not taken")
    assert daemon.lines("tls.key_file", "is not the key of")
    replace(cert, other_cert)
    daemon.await_log("changed files of TLS are used for new connections")
    assert certificate_shown(lab, daemon, ca) == other_cert.read_bytes()
    # The one was made some time after the other.
    assert 0 <= daemon.metric("tls_certificate_expires_seconds") - expires - 59 * 86400 < 3600
    held.sendall(line("tw")[20:] + b"o\n")
    ledger = daemon.settled(2)
    assert ledger["decoded"] == 2 and daemon.metric("connections_total") == 3


def test_a_reload_that_would_break_tls_is_refused(lab, server, ca):
    tls = tls_of(ca)
    daemon = receiver(lab, tls, server=server)
    for key, value, said in (("key_file", str(ca.make("other")[1]), "is not the key of"),
                             ("client", "required", "nobody could show a certificate"),
                             ("permitted_peers", ["*"], "`*` stands only")):
        daemon.config["listeners"][0]["tls"] = {**tls, "ca_file": None, key: value}
        del daemon.config["listeners"][0]["tls"]["ca_file"]
        daemon.write()
        seen = len(daemon.lines("the configuration is not reloaded"))
        daemon.hup()
        wait_for("the refusal", lambda n=seen: len(
            daemon.lines("the configuration is not reloaded")) > n)
        assert daemon.lines(said)
    connect(lab, daemon.tcp, ca.file).sendall(line("still") + b"\n")
    daemon.settled(1)


def test_a_refused_reload_does_not_keep_out_a_renewed_certificate(lab, server, ca):
    tls = tls_of(ca)
    second = {"listen": f"tls://127.0.0.1:{free_port()}", "tls": dict(tls)}
    daemon = receiver(lab, tls, server=server, others=[second])
    other = ca.make("renewed", "localhost")
    for key, file in zip(("cert_file", "key_file"), other):
        replace(Path(tls[key]), file)
    daemon.config["listeners"][1]["tls"] = {**tls, "permitted_peers": ["*"]}
    daemon.write()
    daemon.hup()
    daemon.await_log("the configuration is not reloaded")
    for listener in daemon.config["listeners"]:
        daemon.await_log("changed files of TLS are used for new connections listener="
                         + listener["listen"])
    assert certificate_shown(lab, daemon, ca) == other[0].read_bytes()


def test_all_problems_of_files_are_told_before_the_start(lab, ca):
    cert, key = ca.make("listener")
    other = ca.make("other")
    late = ca.make("late", days=-1)
    conf = lab.dir / "c.json"
    conf.write_text(json.dumps({"output": "discard", "listeners": [
        {"listen": "tls://127.0.0.1:1"},
        {"listen": "tls://127.0.0.1:2", "tls": {"cert_file": str(cert), "key_file": "/nowhere"}},
        {"listen": "tls://127.0.0.1:3",
         "tls": {"cert_file": str(cert), "key_file": str(other[1]), "ca_file": str(key),
                 "permitted_peers": ["a*"]}},
        {"listen": "tcp://127.0.0.1:4", "tls": {"cert_file": str(cert)}},
        {"listen": "tls://127.0.0.1:5",
         "tls": {"cert_file": str(late[0]), "key_file": str(late[1])}},
        {"listen": "tcp://127.0.0.1:6", "tls": {"client": "required"}},
        {"listen": "fd://x", "tls": {"permitted_peers": ["a.example.com"]}},
    ]}, indent=1))
    done = lab.run("--check-config", "--config", conf)
    assert done.returncode == 2
    for said in ("listeners[0].tls.cert_file: is missing",
                 "listeners[1].tls.key_file: cannot read /nowhere",
                 "listeners[2].tls.key_file:", "is not the key of",
                 "listeners[2].tls.ca_file:", "holds no PEM certificate",
                 "listeners[2].tls.permitted_peers: `a*`",
                 "listeners[3].tls.cert_file: this listener has no TLS",
                 "listeners[4].tls.cert_file: the certificate of",
                 "listeners[5].tls.client: this listener has no TLS",
                 "listeners[6].tls.permitted_peers: a passed socket has TLS when cert_file is set"):
        assert said in done.stderr, (said, done.stderr)
    assert f"{conf}:" in done.stderr


def test_who_speaks_no_tls_is_named_and_harms_nobody(lab, server, ca):
    daemon = receiver(lab, tls_of(ca), server=server)
    good = connect(lab, daemon.tcp, ca.file)
    cases = {"plaintext_syslog": line("plain") + b"\n", "http": b"GET / HTTP/1.1\r\n\r\n",
             "proxy_header": b"PROXY TCP4 192.0.2.7 127.0.0.1 4 5\r\n", "garbage": bytes(300)}
    for reason, bad in cases.items():
        s = socket.create_connection(daemon.tcp, 10)
        lab.sockets.append(s)
        s.sendall(bad)
        wait_for(f"{reason} is counted", lambda r=reason: failures(daemon, r) == 1)
        assert len(daemon.lines(f"reason={reason} ", "advice=")) == 1
    # Garbage on a session that is open.
    broken = connect(lab, daemon.tcp, ca.file)
    broken.sendall(line("whole") + b"\n")
    daemon.settled(1)
    raw = socket.socket(fileno=broken.detach())
    raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    wait_for("it is counted", lambda: failures(daemon, "garbage") == 2)
    raw.close()
    good.sendall(line("good") + b"\n")
    assert daemon.settled(2)["decoded"] == 2


def test_slow_handshakes_hold_up_nobody_and_end(lab, server, ca):
    udp = free_port(socket.SOCK_DGRAM)
    daemon = receiver(lab, tls_of(ca), others=[{"listen": f"udp://127.0.0.1:{udp}"}],
                      server=server, listener={"connections_per_source": 0})
    slow = [socket.create_connection(daemon.tcp, 10) for _ in range(100)]
    lab.sockets.extend(slow)
    for s in slow:
        s.sendall(bytes.fromhex("160301020001000001fc0303"))
    connect(lab, daemon.tcp, ca.file).sendall(line("good") + b"\n")
    daemon.settled(1)
    daemon.send([b"<13>Oct 11 22:14:15 h app: hello"], listener=1)
    daemon.settled(1, listener=1)
    assert daemon.metric("connections") == 101
    for s in slow:  # a byte now and then does not help
        s.sendall(b"x")
    wait_for("they are closed", lambda: daemon.metric("connections") == 1, timeout=25)
    assert failures(daemon, "timeout") == 100
    assert len(daemon.lines("reason=timeout")) == 1


def test_a_balancer_names_the_sender_before_tls(lab, server, ca):
    daemon = receiver(lab, tls_of(ca), server=server, listener={"proxy_protocol": "required"})
    s = connect(lab, daemon.tcp, ca.file, head=b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 6514\r\n")
    s.sendall(line("balanced") + b"\n")
    daemon.settled(1)
    (record,) = [json.loads(m.body) for m in server.client().messages()]
    assert record["_remote_addr"] == "default:192.0.2.7"


def test_a_queue_without_room_stops_reading_and_loses_nothing(lab, server, ca):
    daemon = receiver(lab, tls_of(ca), server=server, publish={"dead_letter": False},
                      queue={"durability": "memory", "memory": "1MiB"})
    s = connect(lab, daemon.tcp, ca.file)
    s.sendall(line("first") + b"\n")
    daemon.settled(1)
    server.end()
    frames = [counted(line(f"m{i} " + "x" * 900)) for i in range(20000)]
    sent = 0
    s.settimeout(1)
    try:
        while sent < len(frames):
            s.sendall(frames[sent])
            sent += 1
    except TimeoutError:
        pass
    assert sent < len(frames), "nothing pushed back"
    assert daemon.ledger()["dropped"] == 0
    server.start()
    s.shutdown(socket.SHUT_RDWR)  # the record that was cut off cannot be gone on with
    again = connect(lab, daemon.tcp, ca.file)
    again.settimeout(30)
    again.sendall(b"".join(frames[sent:]))
    again.unwrap()

    def done():
        ledger = daemon.ledger()
        return ledger["received"] >= 20001 and ledger["queued"] == 0 and ledger["balanced"]
    wait_for("all is stored", done, timeout=60)
    texts = stored(server.client())[0]
    assert {t.split()[0] for t in texts if t.startswith("m")} == {f"m{i}" for i in range(20000)}
    assert daemon.ledger()["dropped"] == 0


def test_a_socket_of_systemd_takes_tls_when_the_listener_says_so(lab, server, ca):
    for listen in ("fd://syslog-tls", None):
        held = socket.socket()
        lab.sockets.append(held)
        held.bind(("127.0.0.1", 0))
        held.listen()
        address = held.getsockname()
        daemon = receiver(lab, tls_of(ca), name=f"d{address[1]}", server=server,
                          listen=listen or f"tls://127.0.0.1:{address[1]}",
                          held=[("syslog-tls", held)])
        connect(lab, address, ca.file).sendall(line("passed") + b"\n")
        daemon.settled(1)
        daemon.stop()


def test_an_upstream_file_with_tls_is_taken(lab, server, ca):
    cert, key = ca.make("listener", "localhost")
    port = free_port()
    daemon = Daemon(lab, server=server)
    daemon.conf = lab.dir / "flowgger.toml"
    daemon.conf.write_text(f'''[input]
type = "syslog-tls"
listen = "127.0.0.1:{port}"
tls_cert = "{cert}"
tls_key = "{key}"
tls_ca_file = "{ca.file}"
tls_verify_peer = true
tls_threads = 4
[output]
type = "nats"
nats_url = "{server.url}"
nats_subject = "{daemon.listeners[0].get("subject", "logs.syslog")}"
''')
    daemon.argv = lambda: [
        daemon.program, "--config", daemon.conf, "--set", f"queue.dir={daemon.queue_dir}",
        "--set", f"metrics.listen=127.0.0.1:{daemon.metrics_port}"]
    daemon.start()
    assert is_refused(lab, ("127.0.0.1", port), ca.file)
    connect(lab, ("127.0.0.1", port), ca.file, ca.make("edge")).sendall(line("upstream") + b"\n")
    daemon.settled(1)
