# SPDX-License-Identifier: Apache-2.0
"""`serviceradar-cli enroll` against servers that are not what they should be: one cause, one remedy,
a host as it was, and no token in the wrong hands."""

import gzip
import socket
import ssl

import pytest

from enroll_desk import BUNDLE, NETWORK, SERVER, Desk, environment
from issuer import GZIP, Ca, Era, error, no_route, server_context

OURS = dict(get_bundle=True, get_enroll=True, post="any", keys=True, confirm=True)


@pytest.fixture
def desk(tmp_path):
    one = Desk(tmp_path)
    try:
        yield one
        one.check_files()
    finally:
        one.close()


def refused(desk, url, code, *args, version=2, **options):
    """Enrols and fails; the host is as it was. The cause and the remedy."""
    token = desk.token(version, url)
    if version < 3:
        args = (*args, "--ca-file", desk.ca_file) if "--ca-file" not in args else args
    answer = desk.enroll_json(token, *args, code=code, **options)
    assert desk.files() == set()
    assert answer["cause"] and answer["remedy"] and "\n" not in answer["cause"]
    return answer["cause"], answer["remedy"]


# ---- What does not come to TLS ----

def test_a_name_that_is_not_known(desk):
    cause, remedy = refused(desk, "https://issuer.invalid", NETWORK)
    assert cause == "the name of issuer.invalid is not known" and "DNS" in remedy


def test_a_port_that_nobody_listens_on(desk):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        cause, remedy = refused(desk, f"https://localhost:{s.getsockname()[1]}", NETWORK)
    assert cause.startswith("nothing accepts a connection at localhost:") and "firewall" in remedy


def test_a_server_without_tls(desk):
    server = desk.serve_raw(lambda s, c: c.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), tls=False)
    cause, remedy = refused(desk, server.url, NETWORK)
    assert "no TLS connection" in cause and "port" in remedy


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_older_than_1_2(desk):
    old = server_context(desk.folder, desk.ca, chain=[desk.ca])
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    server = desk.serve(Era(desk.package, **OURS), context=old)
    cause, remedy = refused(desk, server.url, NETWORK)
    assert "no TLS connection" in cause and "1.2" in remedy and server.requests == []


def test_a_proxy_that_refuses(desk):
    def proxy(_server, conn):
        conn.recv(4096)
        conn.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    server = desk.serve_raw(proxy, tls=False)
    env = dict(environment(), https_proxy=server.url.replace("https", "http"), no_proxy="")
    cause, remedy = refused(desk, "https://issuer.example", NETWORK, env=env)
    assert "the proxy refuses to connect to issuer.example (403)" in cause and "no_proxy" in remedy


def test_a_proxy_sees_the_name_of_the_server_only(desk):
    """A relay: what goes through it is TLS from end to end."""
    issuer = desk.serve(Era(desk.package, **OURS))
    seen = []

    def proxy(_server, conn):
        head = conn.recv(4096)
        seen.append(head)
        port = int(head.split(b" ")[1].split(b":")[1])
        with socket.create_connection(("127.0.0.1", port)) as there:
            conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for sock in (conn, there):
                sock.settimeout(0.05)
            while True:
                for source, sink in ((conn, there), (there, conn)):
                    try:
                        data = source.recv(65536)
                    except TimeoutError:
                        continue
                    if not data:
                        return
                    seen.append(data)
                    sink.sendall(data)

    server = desk.serve_raw(proxy, tls=False)
    env = dict(environment(), https_proxy=server.url.replace("https", "http"), no_proxy="")
    token = desk.token(1, issuer.url)
    desk.enroll_json(token, "--ca-file", desk.ca_file, env=env)
    everything = b"".join(seen)
    assert seen[0].startswith(b"CONNECT localhost:")
    assert desk.package.secret.encode() not in everything and token.encode() not in everything


# ---- Certificates ----

def test_another_ca_than_the_file_says(desk):
    context = server_context(desk.folder, Ca("a stranger"))
    server = desk.serve(Era(desk.package, **OURS), context=context)
    cause, remedy = refused(desk, server.url, NETWORK)
    assert "is not of a trusted CA" in cause and "--ca-file" in remedy and server.requests == []


def test_a_private_ca_without_a_word_of_it(desk):
    server = desk.serve(Era(desk.package, **OURS))
    token = desk.token(2, server.url)
    answer = desk.enroll_json(token, code=NETWORK)
    assert "is not of a trusted CA" in answer["cause"] and "--ca-pin" in answer["remedy"]
    assert server.requests == []


def test_a_ca_file_is_trusted_alone(desk):
    """The CAs of the system do not count beside it: a stranger's file lets nobody in."""
    desk.ca_file.write_text(Ca("another").pem)
    server = desk.serve(Era(desk.package, **OURS))
    cause, _ = refused(desk, server.url, NETWORK)
    assert "is not of a trusted CA" in cause


@pytest.mark.parametrize("content, word", [
    (None, "No such file"), ("not a certificate", "no certificate"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "--ca-file")])
def test_a_ca_file_that_is_none(desk, content, word):
    file = desk.folder / "strange.pem"
    if content is not None:
        file.write_text(content)
    server = desk.serve(Era(desk.package, **OURS))
    cause, _ = refused(desk, server.url, NETWORK, "--ca-file", file)
    assert word in cause


def test_a_pin_of_another_ca(desk):
    """Somebody in between with a certificate of a CA that the system would even trust."""
    stranger = Ca("a stranger")
    context = server_context(desk.folder, stranger, chain=[stranger])
    server = desk.serve(Era(desk.package, **OURS), context=context)
    cause, remedy = refused(desk, server.url, NETWORK, version=3)
    assert "no certificate of the pinned CA" in cause or "not of a trusted CA" in cause
    assert server.requests == [] and remedy


def test_a_pinned_ca_that_did_not_sign_the_server(desk):
    """Presenting the pinned certificate is no proof: the chain has to lead to it."""
    context = server_context(desk.folder, Ca("a stranger"), chain=[desk.ca])
    server = desk.serve(Era(desk.package, **OURS), context=context)
    cause, _ = refused(desk, server.url, NETWORK, version=3)
    assert "not of a trusted CA" in cause and server.requests == []


def test_a_pinned_ca_with_a_false_namesake(desk):
    """The name of the pinned CA and its key, but a signature of another key."""
    context = server_context(desk.folder, Ca("api root"), chain=[desk.ca])
    server = desk.serve(Era(desk.package, **OURS), context=context)
    refused(desk, server.url, NETWORK, version=3)
    assert server.requests == []


def test_a_pinned_root_above_an_intermediate(desk):
    between = Ca("between", parent=desk.ca)
    context = server_context(desk.folder, between, chain=[between, desk.ca])
    server = desk.serve(Era(desk.package, **OURS), context=context)
    desk.enroll_json(desk.token(3, server.url))


def test_a_pinned_intermediate_is_enough(desk):
    between = Ca("between", parent=desk.ca)
    context = server_context(desk.folder, between, chain=[between])
    server = desk.serve(Era(desk.package, **OURS), context=context)
    desk.enroll_json(desk.token(3, server.url, pin=between.pin))


def test_a_pinned_root_that_the_server_does_not_send(desk):
    """Then it must be known from --ca-file."""
    context = server_context(desk.folder, desk.ca)
    server = desk.serve(Era(desk.package, **OURS), context=context)
    token = desk.token(3, server.url)
    assert "CA" in desk.enroll_json(token, code=NETWORK)["cause"]
    desk.enroll_json(token, "--ca-file", desk.ca_file)


def test_a_known_ca_that_is_not_the_pinned_one(desk):
    context = server_context(desk.folder, desk.ca)
    server = desk.serve(Era(desk.package, **OURS), context=context)
    token = desk.token(3, server.url, pin=Ca("pinned").pin)
    answer = desk.enroll_json(token, "--ca-file", desk.ca_file, code=NETWORK)
    assert "no certificate of the pinned CA" in answer["cause"]
    assert "in between" in answer["remedy"] and server.requests == []


def test_a_pin_on_the_command_line(desk):
    server = desk.serve(Era(desk.package, **OURS))
    desk.enroll_json(desk.token(2, server.url), "--ca-pin", desk.ca.pin)


@pytest.mark.parametrize("version", [2, 3])
def test_a_certificate_for_another_name(desk, version):
    """A pin does not make up for the name."""
    context = server_context(desk.folder, desk.ca, chain=[desk.ca], name="other.example")
    server = desk.serve(Era(desk.package, **OURS), context=context)
    cause, _ = refused(desk, server.url, NETWORK, version=version)
    assert "a certificate for another name" in cause and server.requests == []


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("days", [(-20, -10), (10, 20)])
def test_a_certificate_that_is_not_of_now(desk, version, days):
    context = server_context(desk.folder, desk.ca, chain=[desk.ca], begin=days[0], end=days[1])
    server = desk.serve(Era(desk.package, **OURS), context=context)
    cause, remedy = refused(desk, server.url, NETWORK, version=version)
    assert "is valid from 2" in cause and "this host's clock says 2" in cause
    assert "timedatectl" in remedy and server.requests == []


# ---- HTTP ----

@pytest.mark.parametrize("target", ["http://localhost:1/", "https://localhost:1/api",
                                    "https://evil.example/?token="])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(desk, status, target):
    server = desk.serve(lambda r: (status, {"Location": target}, b""))
    cause, _ = refused(desk, server.url, SERVER)
    assert f"points elsewhere ({status}, to {target.split('?')[0]})" in cause
    assert len(server.requests) == 1


def test_a_redirect_does_not_show_the_secret_that_it_repeats(desk):
    def echo(request):
        return 302, {"Location": f"http://evil.example/?t={request.query.get('token')}"}, b""

    server = desk.serve(echo)
    token = desk.token(1, server.url)
    answer = desk.enroll_json(token, "--ca-file", desk.ca_file, code=SERVER)
    assert "http://evil.example/" in answer["cause"]  # the desk looks for the secret


def test_an_error_that_repeats_the_token(desk):
    server = desk.serve(lambda r: error(401, "unknown: " + str(r.token or r.query.get("token"))))
    refused(desk, server.url, SERVER)


@pytest.mark.parametrize("status, word, remedy", [
    (400, "does not understand", "token"), (401, "does not accept the token", "new token"),
    (403, "does not allow collectors", "enabled"), (404, "knows no such collector", "collector"),
    (409, "is used", "new token"), (410, "has expired", "new token"),
    (413, "too large", "update"), (429, "too many requests", "wait"),
    (500, "failed", "log"), (503, "failed", "log"), (418, "refuses", "server")])
def test_each_status_is_told_in_words(desk, status, word, remedy):
    server = desk.serve(lambda r: error(status, "the \x1b[31mwords\n of the server"))
    cause, what = refused(desk, server.url, SERVER)
    assert word in cause and f"({status}: the ?[31mwords? of the server)" in cause
    assert remedy in what


@pytest.mark.parametrize("status", [409, 410])
def test_what_may_have_spent_the_token_is_not_tried_in_another_way(desk, status):
    server = desk.serve(lambda r: error(status, "no"))
    refused(desk, server.url, SERVER)
    assert len(server.requests) == 1


def test_how_long_to_wait_is_said(desk):
    server = desk.serve(lambda r: error(429, "slow down", {"Retry-After": "37"}))
    assert "wait 37 s" in refused(desk, server.url, SERVER)[1]


@pytest.mark.parametrize("status", [502, 503])
def test_a_gateway_without_words(desk, status):
    server = desk.serve(lambda r: (status, {"Content-Type": "text/html"}, b"<h1>Bad</h1>"))
    assert f"status {status}" in refused(desk, server.url, SERVER)[0]


@pytest.mark.parametrize("version", [1, 2])
def test_a_server_that_is_something_else(desk, version):
    server = desk.serve(no_route)
    cause, remedy = refused(desk, server.url, SERVER, version=version)
    assert "has no enrolment interface" in cause and "address" in remedy


def test_a_login_page(desk):
    server = desk.serve(lambda r: (200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>"))
    cause, _ = refused(desk, server.url, SERVER)
    assert "answers with a web page" in cause and len(server.requests) == 1


def test_an_empty_answer(desk):
    server = desk.serve(lambda r: (200, GZIP, b""))
    assert "its answer is empty" in refused(desk, server.url, SERVER)[0]


@pytest.mark.parametrize("body", [b"not a bundle", gzip.compress(b"not a tar" * 100),
                                  b"{}", b"\x1f\x8b\x08", gzip.compress(bytes(64 << 20))])
def test_a_bundle_that_is_none(desk, body):
    server = desk.serve(lambda r: (200, GZIP, body))
    refused(desk, server.url, BUNDLE)


# ---- Bytes and time ----

def test_an_answer_that_is_too_large(desk):
    server = desk.serve(lambda r: (200, GZIP, bytes((1 << 20) + 1)))
    assert "over 1 MiB" in refused(desk, server.url, NETWORK)[0]


def chunked(conn, endless):
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n")
    while endless:
        conn.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def test_an_answer_without_end(desk):
    server = desk.serve_raw(lambda s, c: chunked(c, True))
    assert "over 1 MiB" in refused(desk, server.url, NETWORK)[0]


def test_an_answer_that_lies_about_its_length(desk):
    def short(_server, conn):
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(100))

    server = desk.serve_raw(short)
    cause, remedy = refused(desk, server.url, NETWORK)
    assert "ended before its answer was complete" in cause and "token" in remedy


def test_an_answer_that_is_longer_than_it_says(desk):
    """What is within the length is no whole bundle."""
    whole = desk.package.bundle()

    def long(_server, conn):
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\nContent-Length: 200\r\n"
                     b"Connection: close\r\n\r\n" + whole)

    server = desk.serve_raw(long)
    refused(desk, server.url, BUNDLE)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n",
                                  b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc"])
def test_a_server_that_stalls(desk, head):
    def stall(server, conn):
        conn.recv(65536)
        conn.sendall(head)
        server.closing.wait(20)

    server = desk.serve_raw(stall)
    cause, remedy = refused(desk, server.url, NETWORK, "--timeout", "1")
    assert "stays silent or is too slow" in cause
    assert "the token is used" in remedy  # it may be
    assert server.count == 1


def test_a_server_that_stalls_in_the_handshake(desk):
    server = desk.serve_raw(lambda s, c: s.closing.wait(20), tls=False)
    cause, remedy = refused(desk, server.url, NETWORK, "--timeout", "1")
    assert "stays silent" in cause and "is used" not in remedy


def test_a_server_that_hangs_up(desk):
    server = desk.serve_raw(lambda s, c: c.recv(65536))
    assert "ended before its answer was complete" in refused(desk, server.url, NETWORK)[0]
    assert server.count == 1


def test_a_server_that_speaks_no_http(desk):
    server = desk.serve_raw(lambda s, c: (c.recv(65536), c.sendall(b"220 mail ESMTP\r\n")))
    assert "does not speak HTTP" in refused(desk, server.url, NETWORK)[0]


def test_people_get_one_cause_and_one_remedy(desk):
    server = desk.serve(lambda r: error(410, "token expired"))
    token = desk.token(2, server.url)
    done = desk.enroll(token, "--ca-file", desk.ca_file)
    assert done.returncode == SERVER
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and "(410: token expired)" in lines[0] and lines[1].startswith("try: ")
