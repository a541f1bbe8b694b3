# SPDX-License-Identifier: Apache-2.0
"""Connecting: what goes wrong is named, nothing leaks, and it mends itself."""

import os
import ssl
import time

import pytest

from lab import Authority, Daemon, FakeServer, Load, Server, check_once, wait_for


def stored(server):
    with server.client() as c:
        return c.messages()


def with_stream(server):
    with server.client() as c:
        c.add_stream()
    return server


def tls_server(lab, clients=False, **options):
    cert, key = lab.authority().issue("server")
    ca = lab.authority().file if clients else None
    server = Server(lab, tls=(cert, key, ca), **options)
    if clients:
        mine = lab.authority().issue("admin")
        server.user.update(cert=mine[0], key=mine[1])
    return server


def deliver(lab, server, **nats):
    """One daemon delivers over this connection."""
    daemon = lab.daemon(nats=nats)
    load = Load()
    daemon.send(load.lines(500))
    daemon.settled(500)
    check_once(stored(server), load)
    assert not daemon.lines("warning") and not daemon.lines("error")


def test_records_go_to_a_server_in_clear_without_credentials(lab):
    server = with_stream(lab.server())
    deliver(lab, server, url=[server.url])


def test_records_go_over_tls_with_only_an_authority(lab):
    server = with_stream(tls_server(lab).start())
    deliver(lab, server, url=[server.tls_url], tls={"ca_file": str(lab.authority().file)})


def test_records_go_over_mutual_tls_without_credentials(lab):
    server = with_stream(tls_server(lab, clients=True).start())
    cert, key = lab.authority().issue("edge")
    deliver(lab, server, url=[server.tls_url], tls={
        "ca_file": str(lab.authority().file), "cert_file": str(cert), "key_file": str(key)})


def attempts(daemon, server_log, sign, count):
    wait_for(f"{count} attempts", lambda: server_log.text().count(sign) >= count)


def test_a_wrong_authority_is_named_once_and_mended_in_place(lab):
    server = with_stream(tls_server(lab).start())
    wrong = Authority(lab.dir, "wrong-ca")
    daemon = lab.daemon(nats={"url": [server.tls_url], "tls": {"ca_file": str(wrong.file)}})
    load = Load()
    daemon.send(load.lines(300))
    attempts(daemon, server, "TLS handshake error", 4)
    assert len(daemon.lines("warning", "cannot connect to NATS", "nats.tls.ca_file")) == 1
    assert len(daemon.lines("cannot connect")) == 1
    os.replace(lab.authority().file, wrong.file)
    daemon.settled(300)
    server.user["ca"] = wrong.file
    check_once(stored(server), load)


def test_a_missing_client_certificate_is_named(lab):
    server = with_stream(tls_server(lab, clients=True).start())
    daemon = lab.daemon(nats={"url": [server.tls_url], "tls": {
        "ca_file": str(lab.authority().file)}})
    attempts(daemon, server, "TLS handshake error", 4)
    assert len(daemon.lines("warning", "cannot connect to NATS", "nats.tls.cert_file")) == 1
    assert len(daemon.lines("cannot connect")) == 1


def test_nothing_is_sent_in_clear_to_a_server_without_tls(lab):
    heard = []

    def record(s):
        while data := s.recv(4096):
            heard.append(data)

    for n, info in enumerate(({}, {"tls_required": False}, {"tls_available": True})):
        fake = FakeServer(lab, info, record)
        daemon = lab.daemon(name=f"syslog{n}", nats={
            "url": [f"tls://localhost:{fake.port}"], "connect_timeout": "1s"})
        daemon.send(Load().lines(10))
        wait_for("three attempts", lambda fake=fake: len(fake.accepted) >= 3)
        if "tls_available" not in info:
            assert len(daemon.lines("warning", "cannot connect", "which tls:// in nats.url")) == 1
        daemon.put_down()
    clear = b"".join(heard)
    for word in (b"CONNECT", b"PUB", b"PING", b"SUB", b"syslog", b"{"):
        assert word not in clear


def test_a_plain_server_behind_a_tls_url_is_named(lab):
    server = with_stream(lab.server())
    daemon = lab.daemon(nats={"url": [server.tls_url]})
    daemon.await_log("cannot connect to NATS")
    assert daemon.lines("offers no TLS, which tls:// in nats.url demands")
    assert daemon.metric("output_connects_total") == 0


def test_a_server_that_demands_tls_is_verified_behind_a_plain_url_too(lab):
    server = with_stream(tls_server(lab).start())
    daemon = lab.daemon(nats={"url": [f"nats://localhost:{server.port}"]})
    daemon.await_log("cannot connect to NATS")
    assert daemon.lines("not signed by an authority of nats.tls.ca_file")
    assert daemon.metric("output_connects_total") == 0


def test_a_certificate_for_another_name_is_refused_and_named(lab):
    server = with_stream(tls_server(lab).start())
    daemon = lab.daemon(nats={"url": [f"tls://127.0.0.1:{server.port}"],
                              "tls": {"ca_file": str(lab.authority().file)}})
    daemon.await_log("cannot connect to NATS")
    assert daemon.lines("certificate is for another name than nats.url has"), daemon.text()
    assert daemon.metric("output_connects_total") == 0


def test_a_stop_in_the_middle_of_connecting_ends_well(lab):
    """The connecting thread must not use a library that exit() has torn down."""
    server = tls_server(lab).start()
    daemon = Daemon(lab, nats={"url": [server.tls_url],
                               "tls": {"ca_file": str(lab.authority().file)}})
    for _ in range(20):
        daemon.start()
        daemon.stop()


@pytest.mark.parametrize("tls", [False, True])
def test_a_silent_server_costs_no_threads_or_descriptors(lab, tls):
    """It accepts and then says nothing: after TCP, or after its greeting and TLS."""
    cert, key = lab.authority().issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def stay_silent(s):
        if tls:
            s = context.wrap_socket(s, server_side=True)
        while s.recv(4096):
            pass

    fake = FakeServer(lab, {"tls_required": tls, "tls_verify": False}, stay_silent)
    url = f"tls://localhost:{fake.port}" if tls else f"nats://127.0.0.1:{fake.port}"
    nats = {"url": [url], "connect_timeout": "2s"}
    if tls:
        nats["tls"] = {"ca_file": str(lab.authority().file)}
    start = time.monotonic()
    daemon = lab.daemon(nats=nats)
    load = Load()

    def hurry():
        """The back-off grows to seconds, but a changed file is tried at once."""
        if tls:
            os.utime(lab.authority().file)
            daemon.hup()

    wait_for("two attempts", lambda: len(fake.accepted) >= 2)
    threads, descriptors = daemon.threads(), daemon.descriptors()
    for _ in range(5 if tls else 4):
        seen = len(fake.accepted)
        daemon.send(load.lines(50))
        hurry()
        wait_for("the next attempt", lambda seen=seen: len(fake.accepted) > seen)
        wait_for("its end", lambda: len(fake.ended) == len(fake.accepted))
    assert daemon.threads() <= threads + 3
    assert daemon.descriptors() <= descriptors + 4
    told = len(daemon.lines("cannot connect to NATS", "silent"))
    assert 1 <= told <= 1 + (time.monotonic() - start) // 60, daemon.text()  # once a minute
    daemon.await_received(load.sent)
    fake.close()
    server = tls_server(lab, port=fake.port) if tls else Server(lab, port=fake.port)
    with_stream(server.start())
    hurry()
    daemon.settled(load.sent)
    check_once(stored(server), load, load.sent)
