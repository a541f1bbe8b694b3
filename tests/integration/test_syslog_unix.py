# SPDX-License-Identifier: Apache-2.0
"""Syslog of programs of this host, over Unix sockets of both kinds."""

import json
import os
import signal
import socket
import stat

import pytest

from lab import SUBJECT, Daemon, free_port, wait_for


def records(client):
    return [json.loads(m.body) for m in client.messages() if m.subject == SUBJECT]


@pytest.fixture
def server(lab):
    s = lab.server()
    s.client().add_stream()
    return s


def folder(tmp_path_factory, lab):
    """Paths of sockets are short."""
    path = tmp_path_factory.mktemp("u")
    assert len(str(path)) < 70
    return path


@pytest.fixture
def paths(tmp_path_factory, lab):
    where = folder(tmp_path_factory, lab)
    return str(where / "stream"), str(where / "log")


def listeners_of(paths, **more):
    return [{"listen": f"unix://{paths[0]}", "format": "smart", "timezone": "UTC", **more},
            {"listen": f"unixgram://{paths[1]}", "format": "smart", "timezone": "UTC", **more}]


def send_to(lab, path, kind, data):
    s = socket.socket(socket.AF_UNIX, kind)
    lab.sockets.append(s)
    s.connect(path)
    s.sendall(data)
    return s


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_all_kinds_of_listeners_serve_in_one_process(lab, server, paths):
    udp, tcp = free_port(socket.SOCK_DGRAM), free_port()
    daemon = lab.daemon(server=server, listeners=[
        {"listen": f"udp://127.0.0.1:{udp}", "format": "smart", "timezone": "UTC"},
        {"listen": f"tcp://127.0.0.1:{tcp}", "format": "smart", "timezone": "UTC"},
        *listeners_of(paths)])
    line = "<13>Nov 23 05:00:00 app[7]: "
    daemon.send([(line + "by udp").encode()])
    s = socket.create_connection(("127.0.0.1", tcp), 10)
    lab.sockets.append(s)
    s.sendall((line + "by tcp\n").encode())
    send_to(lab, paths[0], socket.SOCK_STREAM, (line + "by stream\n").encode())
    send_to(lab, paths[1], socket.SOCK_DGRAM, (line + "by datagram").encode())
    for listener in range(4):
        ledger = daemon.settled(1, listener)
        assert ledger["decoded"] == ledger["stored"] == 1
    found = {r["short_message"]: r for r in records(server.client())}
    for text in ("by udp", "by tcp"):
        assert found[text]["_remote_addr"] == "default:127.0.0.1"
        assert found[text]["host"] == "127.0.0.1"
    for text in ("by stream", "by datagram"):  # a program of this host has no address
        assert "_remote_addr" not in found[text]
        assert found[text]["host"] == socket.gethostname()
        assert found[text]["application_name"] == "app" and found[text]["process_id"] == "7"
    daemon.stop()
    assert not os.path.exists(paths[0]) and not os.path.exists(paths[1])


def test_many_programs_write_at_once_and_nothing_is_lost(lab, server, paths):
    daemon = lab.daemon(server=server, listeners=listeners_of(paths))
    for path, kind, end in ((paths[0], socket.SOCK_STREAM, b"\n"), (paths[1], socket.SOCK_DGRAM,
                                                                    b"")):
        # More of one host than a source of the network may have.
        senders = [send_to(lab, path, kind, b"<13>app: first" + end) for _ in range(80)]
        for i in range(20):
            for s in senders:
                s.sendall(b"<13>app: more %d" % i + end)
    assert daemon.settled(1680, 0)["stored"] == 1680
    assert daemon.settled(1680, 1)["stored"] == 1680
    assert daemon.metric("connections") == 80
    assert daemon.metric("kernel_drops_total") == 0


@pytest.mark.parametrize("mode", ["0666", "0600"])
def test_the_path_has_its_mode_whatever_the_umask(lab, paths, mode):
    before = os.umask(0o077)
    try:
        lab.daemon(output="discard", listeners=listeners_of(paths, mode=mode))
    finally:
        os.umask(before)
    assert mode_of(paths[0]) == mode_of(paths[1]) == int(mode, 8)


def test_what_a_killed_process_left_is_replaced(lab, server, paths):
    daemon = lab.daemon(server=server, listeners=listeners_of(paths))
    daemon.end(signal.SIGKILL)
    assert os.path.exists(paths[0]) and os.path.exists(paths[1])
    daemon.start()
    send_to(lab, paths[1], socket.SOCK_DGRAM, b"<13>app: again")
    assert daemon.settled(1, 1)["stored"] == 1


def test_what_is_not_left_over_is_left_alone(lab, paths):
    for path, kind in ((paths[0], "unix"), (paths[1], "unixgram")):
        daemon = Daemon(lab, output="discard", listeners=[{"listen": f"{kind}://{path}"}])
        served = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        served.bind(path)
        assert "another process serves it" in daemon.refuses()
        served.close()
        os.unlink(path)
        with open(path, "w", encoding="ascii") as f:
            f.write("precious")
        assert "it is there and no socket" in daemon.refuses()
        with open(path, encoding="ascii") as f:
            assert f.read() == "precious"
        os.rename(path, path + "-file")
        for target in (path + "-file", path + "-none"):  # a link, also to nothing
            os.symlink(target, path)
            assert "it is a link" in daemon.refuses()
            assert os.path.islink(path) and not os.path.exists(path + "-none")
            os.unlink(path)
        assert mode_of(path + "-file") != 0o666


def test_enriched_records_say_the_way_that_they_came(lab, server, paths):
    daemon = lab.daemon(server=server, enrich=True, listeners=listeners_of(paths))
    send_to(lab, paths[0], socket.SOCK_STREAM, b"<13>app: stream\n")
    send_to(lab, paths[1], socket.SOCK_DGRAM, b"<13>app: datagram")
    for listener in range(2):
        daemon.settled(1, listener)
    found = {r["short_message"]: r for r in records(server.client())}
    assert found["stream"]["attributes"]["transport"] == "unix"
    assert found["datagram"]["attributes"]["transport"] == "unixgram"
    for r in found.values():
        assert "remote_addr" not in r["attributes"] and "_remote_addr" not in r


def held(lab, path, kind):
    s = socket.socket(socket.AF_UNIX, kind)
    lab.sockets.append(s)
    s.bind(path)
    if kind == socket.SOCK_STREAM:
        s.listen(16)
    return s


@pytest.mark.parametrize("by_name", [False, True])
def test_sockets_of_systemd_are_taken_and_outlive_the_process(lab, server, paths, by_name):
    daemon = Daemon(lab, server=server, listeners=listeners_of(paths))
    daemon.held = [("stream", held(lab, paths[0], socket.SOCK_STREAM)),
                   ("log", held(lab, paths[1], socket.SOCK_DGRAM))]
    if by_name:
        for listener, (name, _) in zip(daemon.listeners, daemon.held):
            listener["listen"] = f"fd://{name}"
        daemon.write()
    daemon.start()
    for round_ in range(2):
        send_to(lab, paths[0], socket.SOCK_STREAM, b"<13>app: one\n").close()
        send_to(lab, paths[1], socket.SOCK_DGRAM, b"<13>app: one")
        for listener in range(2):
            wait_for("it is stored", lambda l=listener: daemon.ledger(l)["stored"] == 1 + round_)
        if round_ == 0:
            daemon.stop()
            assert os.path.exists(paths[0]) and os.path.exists(paths[1])
            daemon.start()


def test_an_empty_datagram_and_a_huge_one_are_accounted_for(lab, server, paths):
    daemon = lab.daemon(server=server, listeners=listeners_of(paths))
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    lab.sockets.append(s)
    s.connect(paths[1])
    s.send(b"")
    s.send(b"<13>app: " + b"x" * 80000)
    s.send(b"<13>app: good")
    ledger = daemon.settled(3, 1)
    assert ledger["decoded"] == 1 and ledger["deadlettered"] == 2
    dead = [m.headers for m in server.client().messages() if m.subject != SUBJECT]
    assert {h["Sr-Reason"] for h in dead} == {"empty", "truncated"}
    assert {h["Sr-Source"] for h in dead} == {"local"}


@pytest.mark.parametrize("listener,said", [
    ({"listen": "unix://log"}, "absolute path"),
    ({"listen": "unixgram:///" + "x" * 110}, "at most 95 bytes"),
    ({"listen": "unixgram:///run/x", "workers": 2}, "one thread"),
    ({"listen": "unixgram:///run/x", "proxy_protocol": "required"}, "datagrams have none"),
    ({"listen": "unix:///run/x", "mode": "0777"}, "no mode of a socket"),
    ({"listen": "unix:///run/x", "mode": "rw"}, "no mode of a socket"),
])
def test_addresses_that_cannot_be_are_refused_by_the_check(lab, listener, said):
    daemon = Daemon(lab, output="discard", listeners=[listener])
    done = lab.run("--check-config", "--config", daemon.conf)
    assert done.returncode == 2 and said in done.stderr, done.stderr
