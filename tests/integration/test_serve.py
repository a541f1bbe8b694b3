# SPDX-License-Identifier: Apache-2.0
"""serviceradar-provision serve over HTTPS: every route, and what it refuses."""

import base64
import concurrent.futures
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import nats_client
from issuer_world import IssuerWorld, Serve, host_hash, token_fields, unpack
from lab import PROVISION, Authority, wait_for

UNKNOWN = "00000000-0000-4000-8000-000000000000"
LINE = re.compile(r"\S+Z 127\.0\.0\.1 [A-Z]+ \S+ \d+ [0-9a-f-]+ \d+")


@pytest.fixture
def world(lab):
    """Without a NATS server: what is to be pushed is tried again in the background."""
    w = IssuerWorld(lab, tenants=("acme",), server=False)
    w.serve.start()
    return w


def csr():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return key, request.public_bytes(serialization.Encoding.PEM).decode()


def new_user():
    """The public key of a new user, "U...", and its secret bytes."""
    key = ec.generate_private_key(ec.SECP256R1())  # only for its randomness
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    with_prefix = bytes([20 << 3]) + public_of(secret)
    return base32(with_prefix + crc16(with_prefix).to_bytes(2, "little")), secret


def base32(data):
    return base64.b32encode(data).decode().rstrip("=")


def crc16(data):
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xffff
    return value


def public_of(secret):
    pem = base64.b64encode(nats_client.PKCS8_ED25519 + secret).decode()
    text = f"-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"
    der = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=text.encode(),
                         check=True, capture_output=True, timeout=10).stdout
    return der[-32:]


def error(answer):
    assert answer[2]["Content-Type"] == "application/json"
    return json.loads(answer[1])["error"]


# ---- What is public ----

def test_health_and_root_are_for_everybody(world):
    assert world.ask("GET", "/healthz")[0] == 200
    status, pem, _ = world.ask("GET", "/ca.pem")
    assert status == 200 and pem.startswith(b"-----BEGIN CERTIFICATE-----")


def test_the_certificate_is_for_the_name_and_of_our_root(world):
    with socket.create_connection(("127.0.0.1", world.serve.port)) as raw:
        with world.context().wrap_socket(raw, server_hostname="localhost") as s:
            assert s.version() == "TLSv1.3"


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_is_refused(world, version):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{world.serve.port}", version, "-cipher",
         "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{world.serve.port}", "-tls1_2"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stderr


def test_plain_http_gets_no_answer(world):
    with socket.create_connection(("127.0.0.1", world.serve.port), 10) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" not in s.recv(1000)


# ---- The generations ----

@pytest.mark.parametrize("path", ["/api/enroll/", "/api/enroll/collector/"])
def test_the_oldest_interface_answers_json(world, path):
    collector = world.collector("netflow")
    secret = world.secret(collector)
    status, body, headers = world.ask("GET", f"{path}{collector}?token={secret}")
    assert status == 200 and headers["Content-Type"] == "application/json"
    answer = json.loads(body)
    assert answer["collector_type"] == "netflow" and answer["package_id"] == collector
    assert "BEGIN NATS USER JWT" in answer["nats_creds"] and answer["config"]
    assert set(answer["install_hints"]) >= {"creds_path", "config_path", "service_name"}
    assert world.state(collector) == "downloaded"


def test_a_get_with_the_secret_gets_the_bundle(world):
    collector = world.collector()
    path = f"/api/collectors/{collector}/bundle?token={world.secret(collector)}"
    status, body, headers = world.ask("GET", path)
    assert status == 200 and headers["Content-Type"] == "application/gzip"
    assert headers["Content-Disposition"] == \
        f'attachment; filename="collector-package-{collector[:8]}.tar.gz"'
    assert headers["Cache-Control"] == "no-store"
    assert {"creds/nats.creds", "certs/collector.pem", "certs/collector-key.pem",
            "certs/ca-chain.pem"} <= set(unpack(body))


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("whole", [False, True])
def test_a_post_takes_the_whole_token_or_its_secret(world, version, whole):
    collector = world.collector()
    token = world.token(collector, version)
    status, body, _ = world.fetch(collector, token if whole else token_fields(token)["t"])
    assert status == 200, body
    assert "creds/nats.creds" in unpack(body)


def test_a_post_takes_the_token_in_its_body(world):
    collector = world.collector()
    body = {"download_token": world.token(collector)}
    assert world.fetch(collector, None, body=body)[0] == 200


def test_keys_of_the_host_stay_there(world):
    collector = world.collector()
    key, request = csr()
    user, _ = new_user()
    status, body, _ = world.fetch(collector, world.token(collector),
                                  body={"csr": request, "nkey": user})
    assert status == 200, body
    files = unpack(body)
    assert "creds/nats.creds" not in files and "certs/collector-key.pem" not in files
    claims = files["creds/user.jwt"].split(b".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + b"=="))["sub"] == user
    cert = x509.load_pem_x509_certificate(files["certs/collector.pem"])
    assert cert.public_key().public_numbers() == key.public_key().public_numbers()


# ---- Refusals ----

def test_each_refusal_has_its_status(world):
    collector = world.collector()
    token = world.token(collector)
    refused = {
        400: world.fetch(collector, None),
        401: world.fetch(collector, "wrong"),
        404: world.fetch(UNKNOWN, token),
        405: world.ask("DELETE", f"/api/collectors/{collector}/bundle", token=token),
    }
    for status, answer in refused.items():
        assert answer[0] == status and error(answer)
    assert world.ask("POST", f"/api/collectors/{collector}/bundle?token={token}")[0] == 400
    assert world.fetch(collector, world.token(world.collector()))[0] == 401
    assert world.fetch(collector, token[:-4] + "AAAA")[0] == 401
    assert world.fetch(collector, token, body={"csr": "x", "nkey": "y"})[0] == 400
    assert world.fetch(collector, token, body="[]")[0] == 400
    assert world.state(collector) == "ready"
    assert world.fetch(collector, token)[0] == 200
    assert "collector refused" in world.audit(collector)


def test_a_token_ends_with_its_time(world):
    collector = world.collector()
    token = world.token(collector)
    world.sql("UPDATE token SET expires_s = ? WHERE collector = ?", int(time.time()) - 1,
              collector)
    answer = world.fetch(collector, token)
    assert answer[0] == 410 and "expired" in error(answer)
    assert world.state(collector) == "ready"


def test_a_used_token_is_its_hosts_until_it_confirms(world):
    collector = world.collector()
    token = world.token(collector)
    assert world.fetch(collector, token, "one")[0] == 200
    assert world.fetch(collector, token, "two")[0] == 409
    assert world.fetch(collector, token, None)[0] == 409
    assert world.fetch(collector, token, "one")[0] == 200
    path = f"/api/collectors/{collector}/installed"
    assert world.ask("POST", path, {"result": "installed"}, token, "two")[0] == 409
    assert world.ask("POST", path, {"result": "failed", "cause": "no stream"}, token,
                     "one")[0] == 204
    assert world.state(collector) == "failed"
    assert world.fetch(collector, token, "one")[0] == 200
    status, body, _ = world.ask("POST", path, {"result": "installed"}, token, "one")
    assert status == 204 and body == b""
    assert world.state(collector) == "installed"
    assert world.fetch(collector, token, "one")[0] == 409


def test_a_revoked_collector_gets_nothing(world):
    collector = world.collector()
    token = world.token(collector)
    world.sql("UPDATE collector SET state = 'revoked' WHERE id = ?", collector)
    assert world.fetch(collector, token)[0] == 409


def test_of_many_hosts_with_one_token_exactly_one_wins(world):
    collector = world.collector()
    token = world.token(collector)
    world.context()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: world.fetch(collector, token, f"host {n}")[0],
                                range(12)))
    assert sorted(answers) == [200] + [409] * 11
    assert world.audit(collector).count("collector redeem") == 1


# ---- Renewal ----

def renewal(collector, secret, user, at):
    _, request = csr()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(request.encode())
    message = "\n".join(["serviceradar-renew-v1", collector, str(at), user,
                         digest.finalize().hex()])
    signature = nats_client.sign(secret, message.encode())
    return {"time": at, "csr": request, "nkey": user,
            "signature": base64.urlsafe_b64encode(signature).decode().rstrip("=")}


def test_a_host_renews_by_its_own_key_also_after_the_token(world):
    collector = world.collector()
    token = world.token(collector)
    user, secret = new_user()
    assert world.fetch(collector, token, body={"csr": csr()[1], "nkey": user})[0] == 200
    world.ask("POST", f"/api/collectors/{collector}/installed", {"result": "installed"}, token,
              "one")
    path, now = f"/api/collectors/{collector}/renew", int(time.time())
    status, body, _ = world.ask("POST", path, renewal(collector, secret, user, now))
    assert status == 200, body
    assert {"creds/user.jwt", "certs/collector.pem"} <= set(unpack(body))
    assert world.ask("POST", path, renewal(collector, secret, user, now))[0] == 409
    assert world.ask("POST", path, renewal(collector, secret, user, now - 1000))[0] in (409, 410)
    assert world.ask("POST", path, renewal(collector, secret, user, now + 1000))[0] == 410
    stranger, other = new_user()
    assert world.ask("POST", path, renewal(collector, other, stranger, now + 1))[0] == 401
    bent = renewal(collector, secret, user, now + 1)
    bent["time"] += 1
    assert world.ask("POST", path, bent)[0] == 401
    assert world.ask("POST", path, {"time": now})[0] == 400


# ---- Too much of anything ----

def test_a_body_that_is_too_long_is_refused(world):
    answer = world.fetch(UNKNOWN, "x", body=b"x" * 65537)
    assert answer[0] == 413 and error(answer)
    assert world.fetch(UNKNOWN, "x", body=b"{" + b" " * 65534 + b"}")[0] == 404


def test_a_body_that_will_be_far_too_long_is_not_waited_for(world):
    with world.context().wrap_socket(socket.create_connection(("127.0.0.1", world.serve.port)),
                                     server_hostname="localhost") as s:
        s.settimeout(20)
        s.sendall(f"POST /api/collectors/{UNKNOWN}/bundle HTTP/1.1\r\nHost: localhost\r\n"
                  "Content-Length: 1000000000\r\n\r\n".encode())
        assert s.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_body_without_an_end_is_cut(world):
    with world.context().wrap_socket(socket.create_connection(("127.0.0.1", world.serve.port)),
                                     server_hostname="localhost") as s:
        s.settimeout(20)
        s.sendall(f"POST /api/collectors/{UNKNOWN}/bundle HTTP/1.1\r\nHost: localhost\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        with pytest.raises(OSError):
            for _ in range(1000):
                s.sendall(chunk)
    assert world.ask("GET", "/healthz")[0] == 200


def test_headers_that_are_too_long_are_refused(world):
    assert world.ask("GET", "/healthz", **{"X-Long": "x" * 40000})[0] in (413, 431)
    assert world.ask("GET", f"/api/enroll/{UNKNOWN}?token=" + "x" * 5000)[0] == 414


def test_slow_clients_keep_nobody_out(world):
    """Each of these says little and then nothing; there are as many as one address may have."""
    world.context()
    slow = []
    for n in range(32):
        s = socket.create_connection(("127.0.0.1", world.serve.port), 10)
        slow.append(s)
        if n % 2:
            s.sendall(b"\x16\x03\x01")
    try:
        with pytest.raises(OSError):  # one more of this address
            world.ask("GET", "/healthz")
        # Another address of this host is served at once.
        raw = socket.create_connection(("127.0.0.1", world.serve.port), 10,
                                       source_address=("127.0.0.2", 0))
        with world.context().wrap_socket(raw, server_hostname="localhost") as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert s.recv(1000).startswith(b"HTTP/1.1 200")
        slow[0].settimeout(30)  # they are ended, and then the address has room again
        while slow[0].recv(100):  # a farewell of TLS
            pass
    finally:
        for s in slow:
            s.close()

    def answers():
        try:
            return world.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False
    wait_for("the address is served again", answers)


def test_an_address_that_asks_too_often_is_told_when_to_come_back(lab):
    world = IssuerWorld(lab, tenants=("acme",), server=False)
    world.serve.start("--rate", "5")
    statuses = [world.ask("GET", "/healthz")[0] for _ in range(4)]  # and one for the root
    assert statuses == [200] * 4
    status, body, headers = world.ask("GET", "/healthz")
    assert status == 429 and 1 <= int(headers["Retry-After"]) <= 12 and json.loads(body)["error"]


# ---- Logs ----

def test_no_log_holds_a_token_or_a_query(world):
    collector = world.collector()
    token = world.token(collector, 2)
    secret = token_fields(token)["t"]
    world.fetch(collector, token)
    world.ask("GET", f"/api/collectors/{collector}/bundle?token={secret}", host="one")
    world.ask("GET", f"/api/enroll/{collector}%3Ftoken={secret}")
    world.ask("GET", "/healthz")
    world.serve.end()
    text = world.serve.access_log.read_text()
    lines = text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines), text
    assert f"POST /api/collectors/{collector}/bundle 200 {host_hash('one')[:8]} " in text
    assert f" GET /api/enroll/{collector} 404 - " in text
    audit = json.dumps(world.sql("SELECT actor, action, object, detail FROM audit"))
    for secret_text in (secret, token, "token="):
        assert secret_text not in text + world.serve.text() + audit
    assert os.stat(world.serve.access_log).st_mode & 0o077 == 0


# ---- The process ----

def test_states_outlive_a_restart(world):
    one, two = world.collector(), world.collector("syslog")
    token_one, token_two = world.token(one), world.token(two)
    assert world.fetch(one, token_one, "one")[0] == 200
    assert world.serve.end() == 0
    world.serve.start()
    assert world.fetch(one, token_one, "two")[0] == 409
    assert world.fetch(one, token_one, "one")[0] == 200
    assert world.fetch(two, token_two, "two")[0] == 200


def test_a_kill_loses_nothing_that_was_answered(world):
    collector = world.collector()
    token = world.token(collector)
    assert world.fetch(collector, token, "one")[0] == 200
    world.serve.killed = True
    world.serve.end(signal.SIGKILL)
    world.serve.start()
    assert world.fetch(collector, token, "two")[0] == 409
    assert world.state(collector) == "downloaded"


def test_the_end_waits_for_an_answer_that_has_begun(world):
    with world.context().wrap_socket(socket.create_connection(("127.0.0.1", world.serve.port)),
                                     server_hostname="localhost") as s:
        s.settimeout(20)
        s.sendall(f"POST /api/collectors/{UNKNOWN}/bundle HTTP/1.1\r\nHost: localhost\r\n"
                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
        assert s.recv(1000).startswith(b"HTTP/1.1 100")  # it has begun
        world.serve.send_signal(signal.SIGTERM)
        wait_for("it says that it ends", lambda: "ending signal=15" in world.serve.text())
        s.sendall(b"{}")
        assert s.recv(1000).startswith(b"HTTP/1.1 400")
    assert world.serve.end() == 0


def test_a_certificate_that_was_replaced_is_read_at_hangup(lab):
    world = IssuerWorld(lab, tenants=("acme",), server=False)
    folder = lab.dir / "first"
    folder.mkdir()
    cert, key = Authority(folder).issue("localhost")
    second = lab.dir / "second"
    second.mkdir()
    authority = Authority(second)
    cert_two, key_two = authority.issue("localhost")
    key.chmod(0o600)
    world.serve.start("--cert", cert, "--key", key)
    old = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    new = ssl.create_default_context(cafile=str(authority.file))
    assert world.ask("GET", "/healthz", context=old)[0] == 200

    # One that is no good is not taken; the old one goes on.
    cert.write_bytes(cert_two.read_bytes())
    world.serve.send_signal(signal.SIGHUP)
    wait_for("the reload fails", lambda: "reload failed" in world.serve.text())
    assert world.ask("GET", "/healthz", context=old)[0] == 200

    key.write_bytes(key_two.read_bytes())
    moved = world.serve.access_log.rename(lab.dir / "moved.log")
    world.serve.send_signal(signal.SIGHUP)
    wait_for("the reload is done", lambda: " reloaded" in world.serve.text())
    assert world.ask("GET", "/healthz", context=new)[0] == 200
    with pytest.raises(ssl.SSLError):
        world.ask("GET", "/healthz", context=old)
    wait_for("the new log has a line", lambda: "/healthz" in world.serve.access_log.read_text())
    assert moved.exists()


def test_our_own_certificate_is_kept_and_renewed_when_old(world):
    world.context()

    def serial():
        raw = socket.create_connection(("127.0.0.1", world.serve.port), 10)
        with world.context().wrap_socket(raw, server_hostname="localhost") as s:
            return s.getpeercert()["serialNumber"]
    first = serial()
    world.serve.end()
    world.serve.start()
    assert serial() == first
    # Another name: the old one is no good.
    world.serve.end()
    world.run("operator", "set", "--api", f"https://127.0.0.2:{world.serve.port}")
    world.serve.start()
    assert serial() != first


def test_systemd_is_told_when_it_is_ready(lab):
    path = lab.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(10)
        world = IssuerWorld(lab, tenants=("acme",), server=False)
        world.serve.start(env={**os.environ, "NOTIFY_SOCKET": str(path)})
        assert s.recv(1000) == b"READY=1"
        world.serve.send_signal(signal.SIGHUP)
        assert s.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert s.recv(1000) == b"READY=1"
        assert world.serve.end() == 0
        assert s.recv(1000) == b"STOPPING=1"


@pytest.mark.parametrize("args, code, text", [
    (["--listen", "nonsense"], 1, "is not an address"),
    (["--cert", "/x"], 2, "--cert and --key go together"),
    (["--rate", "0"], 2, "requests a minute are 1 to"),
    (["--cert", "/nowhere", "--key", "/nowhere"], 1, "cannot read /nowhere"),
    (["--access-log", "/nowhere/log"], 1, "cannot open the access log"),
    (["extra"], 2, 'serve takes no "extra"'),
])
def test_what_cannot_work_is_said_with_a_remedy(lab, args, code, text):
    world = IssuerWorld(lab, tenants=(), server=False)
    world.serve.spawn([PROVISION, "serve", "--dir", world.dir, *args])
    assert world.serve.process.wait(20) == code
    assert text in world.serve.text()


def test_a_port_that_is_taken_is_named(world):
    other = Serve(world, "other", world.serve.port)
    other.spawn([PROVISION, "serve", "--dir", world.dir, "--listen",
                 f"127.0.0.1:{world.serve.port}"])
    assert other.process.wait(20) == 1
    assert "it is in use" in other.text() and "try: " in other.text()
