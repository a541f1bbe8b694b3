# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli replay over TCP and TLS, to receivers that read, stall, close and come back."""

import json
import os
import pty
import queue
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from lab import Authority, wait_for
from test_replay import CLI, messages, run, write_capture


class Server(threading.Thread):
    """Accepts connections one after the other, and keeps what each brings."""

    def __init__(self, context=None, serve=None, port=0):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", port))
        self.context, self.serve = context, serve or self.read
        self.port = self.socket.getsockname()[1]
        self.got = queue.Queue()
        self.start()

    def url(self, scheme="tcp", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.port}"

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
                if self.context is not None:
                    connection = self.context.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def read(self, connection):
        data = b""
        with connection:
            while piece := connection.recv(1 << 20):
                data += piece
        self.got.put(data)

    def take(self):
        return self.got.get(timeout=20)


@pytest.fixture
def server():
    made = []

    def make(*args, **kwargs):
        made.append(Server(*args, **kwargs))
        return made[-1]
    yield make
    for s in made:
        s.socket.close()


def fill_backlog(address):
    """Connections that nobody accepts, so that who comes behind them is not answered."""
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(address)
    return waiting


def catches_sigint(pid):
    """Whether the process has a handler for SIGINT, by its status in /proc."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)


def connects(pid):
    """Whether the process has a socket."""
    folder = f"/proc/{pid}/fd"
    return any(os.readlink(f"{folder}/{fd}").startswith("socket:") for fd in os.listdir(folder))


IPFIX = struct.pack("!HHIII", 10, 16, 0, 0, 0)


@pytest.mark.parametrize("options, payloads, stream", [
    ([], [b"one", b"two\n"], b"one\ntwo\n"),
    (["--framing", "octets"], [b"one", b"three"], b"3 one5 three"),
    ([], [IPFIX, IPFIX], IPFIX * 2),
    (["--framing", "none"], [b"one", b"two"], b"onetwo"),
])
def test_messages_are_framed_on_a_connection(tmp_path, server, options, payloads, stream):
    s = server()
    capture = write_capture(tmp_path / "x.pcap", payloads, sources=1)
    done = run("replay", capture, "--to", s.url(), *options)
    assert done.returncode == 0, done.stderr
    assert s.take() == stream


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_netflow_before_ipfix_has_no_form_for_connections(tmp_path, server, scheme):
    netflow_9 = struct.pack("!HHIIII", 9, 0, 0, 0, 0, 0)
    capture = write_capture(tmp_path / "x.pcap", [netflow_9])
    done = run("replay", capture, "--to", server().url(scheme))
    assert done.returncode == 2
    assert "only IPFIX goes over connections: send it to udp://" in done.stderr


def test_an_empty_message_cannot_be_counted_in_octets(tmp_path, server):
    s = server()
    capture = write_capture(tmp_path / "x.pcap", [b"one", b"", b"two"])
    done = run("replay", capture, "--to", s.url(), "--framing", "octets", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["too_long"] == 1
    assert s.take() == b"3 one3 two"


def test_each_source_has_a_connection(tmp_path, server):
    s = server()
    capture = write_capture(tmp_path / "x.pcap", messages(8), sources=4)
    assert run("replay", capture, "--to", s.url(), "--sources", "4").returncode == 0
    streams = sorted(s.take() for _ in range(4))
    assert streams == sorted(b"".join(m + b"\n" for m in messages(8)[i::4]) for i in range(4))


def tls_context(pair, ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, pair))
    if ca is not None:
        context.load_verify_locations(str(ca))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_tls_counts_octets_and_checks_the_server(tmp_path, server):
    authority = Authority(tmp_path)
    s = server(tls_context(authority.issue("listener")))
    capture = write_capture(tmp_path / "x.pcap", [b"one", b"three"])
    done = run("replay", capture, "--to", s.url("tls", "localhost"), "--ca", str(authority.file))
    assert done.returncode == 0, done.stderr
    assert s.take() == b"3 one5 three"


@pytest.mark.parametrize("host, ca, words", [
    ("localhost", "other", "give the file of its authority with --ca"),
    ("localhost", None, "give the file of its authority with --ca"),
    ("127.0.0.1", "ca", "is not for '127.0.0.1'"),
    ("localhost", "missing", "No such file or directory; correct --ca"),
    ("localhost", "capture", "holds no certificates in PEM form"),
])
def test_a_server_that_cannot_be_trusted_gets_nothing(tmp_path, server, host, ca, words):
    s = server(tls_context(Authority(tmp_path).issue("listener")))
    capture = write_capture(tmp_path / "x.pcap", messages(2))
    files = {"ca": tmp_path / "ca.pem", "other": Authority(tmp_path, "other").file,
             "missing": tmp_path / "missing.pem", "capture": capture}
    done = run("replay", capture, "--to", s.url("tls", host),
               *(["--ca", str(files[ca])] if ca else []))
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stdout == "" and s.got.empty()


def test_a_certificate_is_shown_to_who_wants_one(tmp_path, server):
    authority = Authority(tmp_path)
    s = server(tls_context(authority.issue("listener"), authority.file))
    cert, key = authority.issue("sender")
    capture = write_capture(tmp_path / "x.pcap", [b"one"])
    command = ["replay", capture, "--to", s.url("tls", "localhost"), "--ca", str(authority.file)]
    done = run(*command, "--cert", str(cert), "--key", str(key))
    assert done.returncode == 0, done.stderr
    assert s.take() == b"3 one"
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    assert run(*command, "--cert", str(both)).returncode == 0
    assert s.take() == b"3 one"
    done = run(*command, "--cert", str(cert), "--key", str(authority.folder / "listener-key.pem"))
    assert done.returncode == 1 and "no private key of that certificate" in done.stderr


@pytest.mark.parametrize("pace", [["--flood"], ["--rate", "1000"], ["--flood", "--sources", "5"]])
def test_who_refuses_our_certificate_has_nothing(tmp_path, server, pace):
    """With TLS 1.3 that is told behind the handshake, when its host has acknowledged messages."""
    authority = Authority(tmp_path)
    s = server(tls_context(authority.issue("listener"), authority.file))
    capture = write_capture(tmp_path / "x.pcap", messages(300))
    done = run("replay", capture, "--to", s.url("tls", "localhost"), "--ca", str(authority.file),
               "--json", *pace)
    assert done.returncode == 1
    told = "refused the connection: tlsv13 alert certificate required; give the certificate"
    assert done.stderr.count(told) == 1
    summary = json.loads(done.stdout)
    assert summary["sent"] == 0 and summary["bytes"] == 0 and summary["lost"] > 0


def test_tls_with_who_speaks_none_says_what_to_compare(tmp_path, server):
    def greet(connection):
        with connection:
            connection.sendall(b"220 hello\r\n")
            connection.recv(1000)
    s = server(serve=greet)
    capture = write_capture(tmp_path / "x.pcap", messages(1))
    done = run("replay", capture, "--to", s.url("tls"))
    assert done.returncode == 1
    assert "no TLS with " + s.url("tls") in done.stderr


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_refused_connection_is_told_with_its_remedy(tmp_path, scheme):
    s = socket.create_server(("127.0.0.1", 0))
    url = f"{scheme}://127.0.0.1:{s.getsockname()[1]}"
    s.close()
    done = run("replay", write_capture(tmp_path / "x.pcap", messages(1)), "--to", url)
    assert done.returncode == 1
    assert "nothing listens on " + url in done.stderr and "ss -ltn" in done.stderr


def test_a_target_that_stops_reading_is_waited_for_and_told_once(tmp_path, server):
    go_on = threading.Event()

    def read_late(connection):
        go_on.wait(20)
        s.read(connection)
    s = server(serve=read_late)
    capture = write_capture(tmp_path / "x.pcap", [b"x" * 1000] * 1000)
    with subprocess.Popen([CLI, "replay", capture, "--to", s.url(), "--flood", "--loop", "20",
                           "--json"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert "does not read; waiting" in process.stderr.readline()
        go_on.set()
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and err == ""
    assert len(s.take()) == 20 * 1000 * 1001
    summary = json.loads(out)
    assert summary["sent"] == 20000 and summary["lost"] == 0
    assert summary["stalled_seconds"] > 1


def test_a_target_that_never_reads_again_is_left_on_a_signal(tmp_path, server):
    s = server(serve=lambda connection: held.append(connection))
    held = []
    capture = write_capture(tmp_path / "x.pcap", [b"x" * 1000] * 1000)
    with subprocess.Popen([CLI, "replay", capture, "--to", s.url(), "--flood", "--loop", "20",
                           "--json"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert "does not read; waiting" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    summary = json.loads(out)
    assert summary["lost"] > 0 and "did not take the last" in err
    assert summary["unsent"] > 0
    assert summary["bytes"] == summary["sent"] * 1000


def test_a_signal_cuts_no_message(tmp_path, server):
    go_on = threading.Event()

    def read_late(connection):
        go_on.wait(20)
        s.read(connection)
    s = server(serve=read_late)
    capture = write_capture(tmp_path / "x.pcap", [b"x" * 9973] * 1000)
    with subprocess.Popen([CLI, "replay", capture, "--to", s.url(), "--flood", "--loop", "0",
                           "--json"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert "does not read; waiting" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        go_on.set()
        out, err = process.communicate(timeout=20)
    lines = s.take().split(b"\n")
    assert lines.pop() == b"" and set(map(len, lines)) == {9973}
    assert json.loads(out)["sent"] == len(lines), err


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_signal_while_connecting_is_told_as_such(tmp_path, server, scheme):
    held = []
    if scheme == "tls":
        # A connection stands, and nobody answers the handshake.
        port = server(serve=held.append).port
    else:
        # The backlog is full, so that nobody answers at all.
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        port = full.getsockname()[1]
        held += [full, *fill_backlog(full.getsockname())]
    capture = write_capture(tmp_path / "x.pcap", messages(1))
    with subprocess.Popen([CLI, "replay", capture, "--to", f"{scheme}://127.0.0.1:{port}"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for("a connection that is begun", lambda: catches_sigint(process.pid) and connects(process.pid))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    for each in held:
        each.close()
    assert process.returncode == 1 and out == ""
    assert "interrupted while connecting" in err


def test_a_target_that_closes_is_connected_to_again_and_losses_are_counted(tmp_path, server):
    first = threading.Event()

    def once(connection):
        if first.is_set():
            s.read(connection)
            return
        with connection:
            assert connection.recv(len(messages(1)[0]) + 1)
            # An end with a reset: whatever was on its way is gone.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first.set()
    s = server(serve=once)
    capture = write_capture(tmp_path / "x.pcap", messages(100))
    done = run("replay", capture, "--to", s.url(), "--json")
    summary = json.loads(done.stdout)
    assert f"a connection to {s.url()} ended" in done.stderr
    assert summary["reconnected"] == 1
    assert summary["sent"] + summary["lost"] == 100
    got = s.take().splitlines()
    assert got == messages(100)[-len(got):]
    assert done.returncode == (1 if summary["lost"] else 0)


def test_what_a_reset_throws_away_is_lost_and_not_sent(tmp_path, server):
    stalled = threading.Event()
    left = b"x" * 1000

    def leave_once(connection):
        if stalled.is_set():
            s.read(connection)
            return
        stalled.wait(20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    s = server(serve=leave_once)
    capture = write_capture(tmp_path / "x.pcap", [left] * 1000)
    with subprocess.Popen([CLI, "replay", capture, "--to", s.url(), "--flood", "--loop", "20",
                           "--json"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert "does not read; waiting" in process.stderr.readline()
        stalled.set()
        out, err = process.communicate(timeout=20)
    assert "did not arrive; connecting again" in err
    summary = json.loads(out)
    assert summary["reconnected"] == 1 and summary["sent"] + summary["lost"] == 20000
    # A socket's buffer was full of messages.
    assert summary["lost"] > 64
    assert summary["bytes"] == summary["sent"] * 1000
    assert s.take().count(b"\n") <= summary["sent"]
    assert process.returncode == 1


def test_what_is_lost_makes_no_rate_of_the_line(tmp_path, server):
    shown = b""
    gone = threading.Event()

    def leave(connection):
        gone.wait(20)
        s.socket.close()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    s = server(serve=leave)
    capture = write_capture(tmp_path / "x.pcap", [b"x" * 60000] * 100)
    ours, theirs = pty.openpty()
    with subprocess.Popen([CLI, "replay", capture, "--to", s.url(), "--rate", "200", "--loop", "5"],
                          stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        try:
            while piece := os.read(ours, 4096):
                shown += piece
                if b"does not read" in shown:
                    gone.set()
        except OSError:
            pass  # the other side is closed
        process.wait(timeout=20)
    os.close(ours)
    drawn = re.findall(rb"\r\d+ sent  (\d+)/s  \d+ lost", shown)
    assert drawn and max(map(int, drawn)) < 1000000, shown


def test_messages_of_a_gone_target_are_lost_and_not_waited_with(tmp_path, server):
    def close(connection):
        s.socket.shutdown(socket.SHUT_RDWR)
        s.socket.close()
        connection.recv(len(messages(1)[0]) + 1)
        connection.close()
    s = server(serve=close)
    capture = write_capture(tmp_path / "x.pcap", messages(100))
    done = run("replay", capture, "--to", s.url(), "--json")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert summary["sent"] + summary["lost"] == 100 and summary["lost"] > 50
    assert summary["errors"] == summary["lost"] and summary["reconnected"] == 0


def test_a_target_that_never_answers_holds_up_no_others(tmp_path):
    """Each attempt to connect takes a second then, of which a message for each source has one."""
    target = socket.create_server(("127.0.0.1", 0), backlog=20)
    address = target.getsockname()
    capture = write_capture(tmp_path / "x.pcap", messages(200), sources=20)
    with subprocess.Popen([CLI, "replay", capture, "--to", "tcp://%s:%d" % address, "--sources",
                           "20", "--json"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        accepted = [target.accept()[0] for _ in range(20)]
        assert accepted[0].recv(1)  # all are connected
        target.listen(0)
        fill = fill_backlog(address)
        for connection in accepted:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        try:
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    for each in [target, *fill]:
        each.close()
    summary = json.loads(out)
    assert summary["lost"] > 0 and summary["sent"] + summary["lost"] == 200, err


def test_a_flood_waits_for_its_target_to_come_back(tmp_path, server):
    go = threading.Event()

    def leave(connection):
        go.wait(20)
        s.socket.shutdown(socket.SHUT_RDWR)
        s.socket.close()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    s = server(serve=leave)
    capture = write_capture(tmp_path / "x.pcap", [b"x" * 1000] * 1000)
    with subprocess.Popen([CLI, "replay", capture, "--to", s.url(), "--flood", "--loop", "20",
                           "--json"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert "does not read; waiting" in process.stderr.readline()
        go.set()
        assert "connecting again" in process.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        again = server(port=s.port)
        out, _ = process.communicate(timeout=30)
    summary = json.loads(out)
    assert summary["reconnected"] == 1
    assert summary["sent"] + summary["lost"] == 20000
    assert 0 < again.take().count(b"\n") <= summary["sent"]


def test_who_throws_every_connection_out_is_not_asked_more_than_once_a_second(tmp_path, server):
    accepted = []

    def refuse(connection):
        accepted.append(connection)
        connection.close()
    s = server(serve=refuse)
    capture = write_capture(tmp_path / "x.pcap", messages(200))
    done = run("replay", capture, "--to", s.url(), "--json")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert summary["sent"] + summary["lost"] == 200
    assert len(accepted) <= 3 + summary["seconds"]


def test_a_certificate_that_is_missing_is_told(tmp_path, server):
    authority = Authority(tmp_path)
    s = server(tls_context(authority.issue("listener"), authority.file))
    capture = write_capture(tmp_path / "x.pcap", messages(50))
    done = run("replay", capture, "--to", s.url("tls", "localhost"), "--ca", str(authority.file))
    assert done.returncode == 1
    assert "certificate required" in done.stderr
