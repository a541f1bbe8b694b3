# SPDX-License-Identifier: Apache-2.0
"""The proof that credentials work, against real servers and some that misbehave."""

import datetime
import json
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab import PROVISION, TOOLS, Authority, FakeServer, Relay, Server, World

TIMEOUT_MS = 4000


def prove(url, *subjects, creds="-", tls=("-", "-", "-"), inbox="-", timeout=TIMEOUT_MS):
    done = subprocess.run(
        [str(a) for a in (TOOLS / "proof_try", creds, *tls, inbox, timeout, url, *subjects)],
        capture_output=True, text=True, timeout=60, check=True)
    report = json.loads(done.stdout)
    if report["result"] == "ok":
        assert report["cause"] == ""
    else:
        assert report["cause"] and report["remedy"], report
        assert not report["cause"].endswith(".")
    return report


@pytest.fixture
def world(lab):
    return World(lab).start()


def tls_of(world, tenant="acme"):
    folder = world.dir / tenant / "tls"
    return world.dir / "tls" / "ca.pem", folder / "collector.pem", folder / "collector-key.pem"


def creds_of(world, user="syslog", tenant="acme"):
    return world.dir / tenant / "creds" / f"{user}.creds"


def at_home(world, *subjects, user="syslog", url=None, **options):
    return prove(url or world.tls_url, *subjects,
                 **{"creds": creds_of(world, user), "tls": tls_of(world), **options})


def test_it_proves_permission_and_capture_and_stores_nothing(world):
    subjects = ("logs.syslog", "logs.syslog.deadletter")
    with world.client() as platform:
        for _ in range(3):
            report = at_home(world, *subjects)
            assert report["result"] == "ok"
            assert report["stream"] == "events"
            assert report["version"] and report["payload"] > 0
        info = platform.api("STREAM.INFO.events")
        assert info["state"]["messages"] == 0
        assert info["state"]["last_seq"] == 0, "something was stored and removed"


def test_it_stores_nothing_in_a_stream_that_takes_every_subject(world):
    with world.client() as platform:
        platform.api("STREAM.DELETE.flows")  # the account's storage is all given away
        platform.api("STREAM.CREATE.all", {
            "name": "all", "subjects": ["acme.other.>"], "storage": "file", "max_bytes": 1 << 20,
            "retention": "limits", "discard": "new", "num_replicas": 1})
        report = at_home(world, "acme.other.x", user="platform")
        assert (report["result"], report["stream"]) == ("ok", "all")
        assert platform.api("STREAM.INFO.all")["state"]["last_seq"] == 0


def test_a_refused_subject_is_named_with_what_it_is_mapped_to(world):
    report = at_home(world, "logs.syslog", "logs.snmp")
    assert (report["result"], report["subject"]) == ("permission", "logs.snmp")
    assert "maps logs.snmp to acme.logs.snmp" in report["cause"]


def test_a_refused_subject_that_is_not_mapped_says_so(world):
    report = at_home(world, "nowhere.x")
    assert report["result"] == "permission"
    assert "maps" not in report["cause"]


def test_a_subject_that_no_stream_takes_is_named(world):
    with world.client() as platform:
        platform.api("STREAM.DELETE.events")
    report = at_home(world, "logs.syslog")
    assert (report["result"], report["subject"]) == ("no_stream", "logs.syslog")


def test_a_subscriber_that_does_not_answer_is_no_stream(world):
    with world.client() as platform:
        platform.api("STREAM.DELETE.events")
        platform.subscribe("acme.logs.syslog")
        platform.flush()
        assert at_home(world, "logs.syslog", timeout=3000)["result"] == "no_answer"


def test_an_inbox_that_the_user_may_not_have_is_refused(world):
    assert at_home(world, "logs.syslog", inbox="_INBOX.somebody")["result"] == "no_inbox"


@pytest.mark.parametrize("creds", ["missing", "expired", "damaged", "empty"])
def test_credentials_that_cannot_work_are_told_without_a_connection(world, tmp_path, creds):
    file = tmp_path / "a.creds"
    if creds == "expired":
        file = creds_of(world, "expired")
    elif creds == "damaged":
        text = creds_of(world).read_text().replace("eyJ0eX", "eyJ0eY", 1)
        file.write_text(text)
    elif creds == "empty":
        file.write_text("")
    report = at_home(world, "logs.syslog", creds=file)
    assert (report["result"], report["version"]) == ("credentials", "")


def test_credentials_of_another_operator_are_refused(world, tmp_path):
    other = tmp_path / "other"
    subprocess.run([PROVISION, "dev", "--dir", other, "--no-streams"], check=True,
                   capture_output=True, timeout=60)
    report = at_home(world, "logs.syslog", creds=other / "acme" / "creds" / "syslog.creds")
    assert report["result"] == "auth"
    assert "acme-syslog" in report["cause"]


def test_a_server_that_wants_credentials_says_so(world):
    assert at_home(world, "logs.syslog", creds="-")["result"] == "auth"


def test_a_missing_client_certificate_is_found_behind_the_handshake(world):
    ca = tls_of(world)[0]
    report = at_home(world, "logs.syslog", tls=(ca, "-", "-"))
    assert report["result"] == "tls_client"


def test_a_client_certificate_of_another_authority_is_refused(world, tmp_path):
    cert, key = Authority(tmp_path, "stranger").issue("client")
    report = at_home(world, "logs.syslog", tls=(tls_of(world)[0], cert, key))
    assert report["result"] == "tls_client"
    assert str(cert) in report["cause"]


def test_a_server_of_another_authority_is_not_trusted(world, tmp_path):
    stranger = Authority(tmp_path, "stranger").file
    report = at_home(world, "logs.syslog", tls=(stranger, *tls_of(world)[1:]))
    assert report["result"] == "tls_ca"
    assert str(stranger) in report["cause"]


def test_a_key_of_another_certificate_is_told_before_it_is_used(world):
    ca, cert, _ = tls_of(world)
    report = at_home(world, "logs.syslog", tls=(ca, cert, tls_of(world, "globex")[2]))
    assert report["result"] == "files"


def test_tls_files_mean_tls_whatever_the_scheme(world):
    assert at_home(world, "logs.syslog", url=world.url)["result"] == "ok"


def test_the_servers_after_a_dead_one_are_tried(world):
    report = at_home(world, "logs.syslog", url=f"tls://127.0.0.1:1,{world.tls_url}")
    assert (report["result"], report["url"]) == ("ok", world.tls_url)


def test_a_certificate_for_another_name_lists_those_it_is_for(lab):
    cert, key = lab.authority().issue("server")
    server = Server(lab, tls=(cert, key, None)).start()
    ca = lab.authority().file
    assert prove(server.tls_url, "x.y", tls=(ca, "-", "-"))["result"] == "no_stream"
    report = prove(f"tls://127.0.0.1:{server.port}", "x.y", tls=(ca, "-", "-"))
    assert report["result"] == "tls_name"
    assert "localhost" in report["cause"] and "127.0.0.1" in report["cause"]


def dated(authority, name, start, end):
    """A certificate for localhost that is valid between two days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder()
               .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
               .issuer_name(authority.subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(now + datetime.timedelta(days=start))
               .not_valid_after(now + datetime.timedelta(days=end))
               .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False))
    cert = authority._write(name, key, builder)
    return cert, cert.with_name(f"{name}-key.pem")


@pytest.mark.parametrize("start,end,behind", [(-3, -2, False), (2, 3, True)])
def test_a_server_certificate_out_of_its_time_points_to_the_clock(lab, start, end, behind):
    cert, key = dated(lab.authority(), "dated", start, end)
    server = Server(lab, tls=(cert, key, None)).start()
    report = prove(server.tls_url, "x.y", tls=(lab.authority().file, "-", "-"))
    assert report["result"] == "tls_time"
    assert (report["clock"] > 100000) == behind
    assert "clock" in report["remedy"]


def test_a_server_without_tls_gets_nothing_of_us(lab):
    said = []
    server = FakeServer(lab, {}, lambda s: said.append(s.recv(100)))
    report = prove(f"tls://localhost:{server.port}", "x.y")
    assert report["result"] == "plaintext"
    for s in server.accepted:
        s.close()
    assert said in ([], [b""])


def test_a_server_that_demands_tls_of_a_plain_configuration_says_so(lab):
    cert, key = lab.authority().issue("server")
    server = Server(lab, tls=(cert, key, None)).start()
    report = prove(server.url, "x.y")
    assert report["result"] == "tls"
    assert "tls://" in report["remedy"]


def test_a_port_that_nobody_has_is_told():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        report = prove(f"nats://127.0.0.1:{s.getsockname()[1]}", "x.y")
    assert report["result"] == "tcp"


def test_a_name_that_is_not_known_is_told():
    assert prove("nats://no..name", "x.y")["result"] == "dns"


def test_a_server_that_never_speaks_is_given_up(lab):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert prove(f"nats://127.0.0.1:{port}", "x.y", timeout=300)["result"] == "silent"


def test_a_server_that_is_silent_in_the_handshake_is_given_up(lab):
    server = FakeServer(lab, {"tls_required": True}, lambda s: s.recv(1 << 16) and s.recv(1))
    report = prove(f"tls://localhost:{server.port}", "x.y", timeout=300)
    assert report["result"] == "silent"


def test_a_server_that_is_silent_after_the_handshake_is_given_up(lab):
    cert, key = lab.authority().issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def serve(s):
        with context.wrap_socket(s, server_side=True) as tls:
            while tls.recv(1 << 16):
                pass

    server = FakeServer(lab, {"tls_required": True}, serve)
    report = prove(f"tls://localhost:{server.port}", "x.y", tls=(lab.authority().file, "-", "-"),
                   timeout=300)
    assert report["result"] == "silent"


@pytest.mark.parametrize("greeting", [b"SSH-2.0-x\r\n", b"INFO nothing\r\n", b"INFO []\r\n", b""])
def test_what_is_no_nats_server_is_told(lab, greeting):
    relay = Relay(lab, 1)
    relay.serves.append(lambda s: s.sendall(greeting))
    assert prove(relay.url, "x.y", timeout=5000)["result"] == "not_nats"


@pytest.mark.parametrize("answer", [
    b"MSG\r\n", b"MSG a\r\n", b"MSG a 1 99999999\r\n", b"HMSG a 1 5 4\r\nabcd\r\n",
    b"HMSG _INBOX 1 18446744073709551615 18446744073709551615\r\n", b"-ERR\r\n", b"\r\n" * 3000,
    b"MSG a 1 -1\r\n", b"X" * 70000])
def test_nonsense_in_place_of_an_answer_is_a_fault(lab, answer):
    def serve(s):
        for line in s.makefile("rb"):
            if line.startswith(b"PING"):
                s.sendall(b"PONG\r\n")
            elif line.startswith(b"HPUB"):
                s.sendall(answer)
                s.shutdown(socket.SHUT_WR)

    server = FakeServer(lab, {}, serve)
    report = prove(f"nats://127.0.0.1:{server.port}", "x.y", timeout=2000)
    assert report["result"] not in ("ok", "memory")


@pytest.mark.parametrize("body,result", [
    (b'{"error":{"code":400,"err_code":10060},"stream":"s"}', "ok"),
    (b'{"stream":"s","seq":7}', "stream_error"),
    (b'{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}',
     "stream_error"),
    (b"hello", "stream_error"), (b"", "stream_error")])
def test_only_the_refusal_for_its_name_is_proof(lab, body, result):
    def serve(s):
        for line in s.makefile("rb"):
            if line.startswith(b"PING"):
                s.sendall(b"PONG\r\n")
            elif line.startswith(b"HPUB"):
                inbox = line.split()[2]
                s.sendall(b"MSG %s 1 %d\r\n%s\r\n" % (inbox, len(body), body))

    server = FakeServer(lab, {}, serve)
    assert prove(f"nats://127.0.0.1:{server.port}", "x.y")["result"] == result


def test_a_password_in_the_url_is_used_and_not_told(lab):
    server = Server(lab, text="authorization { user: me, password: s3cret }").start()
    report = prove(f"nats://me:s3cret@127.0.0.1:{server.port}", "x.y")
    assert report["result"] == "no_stream"
    assert "s3cret" not in json.dumps(report)
    report = prove(f"nats://me:wrong@127.0.0.1:{server.port}", "x.y")
    assert report["result"] == "auth"
