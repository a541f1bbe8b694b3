# SPDX-License-Identifier: Apache-2.0
"""Listeners on sockets that systemd holds: by name, fd://NAME, or by address."""

import os
import signal
import socket

import pytest

from lab import (NETFLOW, SYSLOG, Daemon, Load, Pump, activation, check_once, free_port,
                 wait_for)


@pytest.fixture
def server(lab):
    server = lab.server()
    server.client().add_stream()
    return server


def start_fails(lab, listeners, sockets=(), **options):
    """The last log line of a start that must fail."""
    conf = Daemon(lab, listeners=listeners, output="discard").conf
    prefix, passing = activation(sockets) if sockets else ([], {})
    done = lab.run("--config", conf, prefix=prefix, **passing, **options)
    assert done.returncode == 1, done.stderr
    return done.stderr.splitlines()[-1]


def bound(lab, kind=socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET, kind)
    lab.sockets.append(s)
    s.bind(("127.0.0.1", 0))
    return s


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_sent_while_no_process_runs_is_received_after_the_start(lab, server, how):
    daemon = Daemon(lab, server=server, held=True)
    client, load = server.client(), Load()
    daemon.send(load.lines(100))  # before there ever was one
    daemon.start()
    assert daemon.settled(100)["listener"] == "fd://input-0"
    daemon.end(how)
    daemon.send(load.lines(150))
    daemon.start()
    wait_for("what waited is stored", lambda: client.count() == 250)
    daemon.send(load.lines(50))
    wait_for("the rest is stored", lambda: client.count() == 300)
    daemon.stop()
    check_once(client.messages(), load)


def test_each_listener_has_the_sockets_of_its_name(lab):
    daemon = lab.daemon(held=True, output="discard", listeners=[{"workers": 3}, {}])
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(64)]
    for sender in senders:  # the kernel spreads senders over the sockets of a port
        lab.sockets.append(sender)
        for line in Load().lines(2):
            sender.sendto(line, daemon.address(0))
    daemon.send(Load().lines(7), listener=1)
    daemon.settled(128, listener=0)
    daemon.settled(7, listener=1)
    assert daemon.metric("received_total", listener="fd://input-0") == 128


def passed_to(daemon):
    """Which of the held sockets the daemon has open, each as often as it has it."""
    folder, wanted = f"/proc/{daemon.pid}/fd", {s.fileno(): n for n, s in daemon.held}
    wanted = {os.stat(number).st_ino: name for number, name in wanted.items()}
    found = []
    for number in os.listdir(folder):
        try:
            found.append(wanted.get(os.stat(f"{folder}/{number}").st_ino))
        except FileNotFoundError:  # closed meanwhile: a connection to the metrics
            pass
    return sorted(name for name in found if name)


def test_a_socket_that_nobody_uses_is_named_once(lab):
    daemon = Daemon(lab, output="discard", held=True)
    daemon.held += [("spare", bound(lab)), ("other", bound(lab))]
    daemon.start()
    other = "%s:%d" % daemon.held[2][1].getsockname()
    said = daemon.lines("warning", "sockets were passed that no listener uses")
    assert len(said) == 1
    assert f"other udp://{other}\"" in said[0] and 'listeners="fd://input-0"' in said[0]
    before = passed_to(daemon)
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    assert passed_to(daemon) == before
    daemon.send(Load().lines(5))
    daemon.settled(5)


def test_the_program_has_each_socket_once(lab):
    daemon = Daemon(lab, output="discard", held=True).start()
    assert passed_to(daemon) == [daemon.held[0][0]]


def test_without_activation_the_start_says_so(lab):
    said = start_fails(lab, [{"listen": "fd://syslog"}])
    assert "fd://syslog: started without socket activation; start it by a .socket unit" in said
    assert "FileDescriptorName=syslog" in said


def test_sockets_of_another_process_are_not_taken(lab):
    said = start_fails(lab, [{"listen": "fd://syslog"}],
                       env={**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert "the sockets are for process 1, and this is " in said
    assert "exec" in said


def test_a_name_that_was_not_passed_is_answered_with_those_that_were(lab):
    sockets = [("a", bound(lab)), ("b", bound(lab))]
    said = start_fails(lab, [{"listen": "fd://syslog"}], sockets)
    assert "fd://syslog: no socket of that name was passed, but these: a, b;" in said


@pytest.mark.parametrize("workers,count", [(1, 2), (2, 1)])
def test_workers_and_sockets_are_as_many(lab, workers, count):
    sockets = [("a", bound(lab)) for _ in range(count)]
    said = start_fails(lab, [{"listen": "fd://a", "workers": workers}], sockets)
    assert f"fd://a: sockets passed: {count}, workers: {workers};" in said


def test_only_sockets_of_a_known_kind_are_received_on(lab):
    said = start_fails(lab, [{"listen": "fd://a"}], [("a", bound(lab, socket.SOCK_STREAM))])
    assert "fd://a: what was passed does not listen on TCP or a path;" in said
    assert "ListenStream=" in said
    of_a_file = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    lab.sockets.append(of_a_file)
    said = start_fails(lab, [{"listen": "fd://a"}], [("a", of_a_file)])
    assert "fd://a: what was passed is not a UDP socket or one of a path;" in said
    assert "ListenDatagram=" in said


def test_a_shell_that_ends_with_exec_is_no_obstacle(lab):
    daemon = Daemon(lab, output="discard", held=True)
    passing, options = activation(daemon.held)
    daemon.spawn([*passing, "sh", "-c", 'exec "$@"', "sh", SYSLOG, "--config", daemon.conf],
                 **options)
    wait_for("the daemon is ready", daemon.ready)
    daemon.send(Load().lines(3))
    daemon.settled(3)


# ---- By address ----

def hold(lab, address, kind=socket.SOCK_DGRAM, v6_only=True, share=False):
    """A socket as systemd binds it; (NAME, socket)."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    s = socket.socket(family, kind)
    lab.sockets.append(s)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6_only)
    if share:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(address)
    if kind == socket.SOCK_STREAM:
        s.listen()
    return f"{'tcp' if kind == socket.SOCK_STREAM else 'udp'}.socket", s


def at_address(lab, listen, sockets, **options):
    daemon = Daemon(lab, listeners=[{"listen": listen, **options.pop("listener", {})}], **options)
    daemon.held = sockets
    return daemon


def send(port, host="127.0.0.1", count=1):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                       socket.SOCK_DGRAM) as s:
        for line in Load().lines(count):
            s.sendto(line, (host, port))


def test_every_datagram_that_is_sent_while_the_daemon_restarts_is_stored(lab, server):
    port = free_port(socket.SOCK_DGRAM)
    name, held = hold(lab, ("127.0.0.1", port))
    try:
        held.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE, as systemd has it
    except PermissionError:
        pytest.skip("needs root for a receive buffer that holds what is sent meanwhile")
    daemon = at_address(lab, f"udp://127.0.0.1:{port}", [(name, held)], server=server)
    load = Load()
    pump = Pump(daemon, load, 2000)
    for _ in range(4):
        daemon.start()
        before = daemon.ledger()["received"]
        daemon.await_received(before + 500)
        daemon.stop()
    daemon.start()
    pump.finish()
    client = server.client()
    wait_for("all that was sent", lambda: client.count() == load.sent, timeout=60)
    ledger = daemon.ledger()
    assert ledger["kernel_drops"] == 0 and ledger["balanced"]
    daemon.stop()
    check_once(client.messages(), load)


def test_a_configuration_of_0_0_0_0_works_unchanged_and_says_what_is_not_read(lab):
    port = free_port(socket.SOCK_DGRAM)
    daemon = at_address(lab, f"udp://0.0.0.0:{port}", output="discard", sockets=[
        hold(lab, ("0.0.0.0", port)), hold(lab, ("::", port))]).start()
    send(port, count=7)
    daemon.settled(7)
    said = daemon.lines("sockets were passed that no listener uses")
    assert len(said) == 1 and "warning" not in said[0]
    assert f'sockets="udp.socket udp://[::]:{port}"' in said[0]


def test_a_listener_of_both_families_has_the_sockets_of_both(lab):
    port = free_port(socket.SOCK_DGRAM)
    daemon = at_address(lab, f"udp://[::]:{port}", output="discard", sockets=[
        hold(lab, ("0.0.0.0", port)), hold(lab, ("::", port))]).start()
    send(port, count=3)
    send(port, "::1", 4)
    daemon.settled(7)
    assert not daemon.lines("sockets were passed that no listener uses")


def test_a_socket_of_both_families_serves_0_0_0_0_with_a_warning(lab):
    port = free_port(socket.SOCK_DGRAM)
    daemon = at_address(lab, f"udp://0.0.0.0:{port}", output="discard", sockets=[
        hold(lab, ("::", port), v6_only=False)]).start()
    send(port, count=3)
    daemon.settled(3)
    assert daemon.lines("warning", "receives on more addresses than the listener has",
                        f"socket=udp://[::]:{port}")


def test_a_socket_of_just_the_address_goes_before_a_wider_one(lab):
    port = free_port(socket.SOCK_DGRAM)
    daemon = Daemon(lab, output="discard", listeners=[
        {"listen": f"udp://127.0.0.1:{port}"}, {"listen": f"udp://0.0.0.0:{port}"}])
    daemon.held = [hold(lab, ("0.0.0.0", port), share=True),
                   hold(lab, ("127.0.0.1", port), share=True)]
    daemon.start()
    assert not daemon.lines("receives on more addresses")
    assert passed_to(daemon) == ["udp.socket"] * 2


def test_a_listener_whose_port_is_of_a_wider_socket_says_what_to_do(lab):
    port = free_port(socket.SOCK_DGRAM)
    said = start_fails(lab, [{"listen": f"udp://127.0.0.{i}:{port}"} for i in (1, 2)],
                       [hold(lab, ("0.0.0.0", port))])
    assert f"udp://127.0.0.2:{port}" in said and "another program" not in said
    assert "ListenDatagram=" in said


def test_a_listener_elsewhere_binds_for_itself_and_the_socket_is_named(lab):
    port, other = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    daemon = at_address(lab, f"udp://127.0.0.1:{port}", output="discard", sockets=[
        hold(lab, ("127.0.0.1", other)), hold(lab, ("127.0.0.1", port), socket.SOCK_STREAM)]
    ).start()
    send(port, count=3)
    send(other)
    daemon.settled(3)
    said = daemon.lines("warning", "sockets were passed that no listener uses")
    assert len(said) == 1
    assert f"udp://127.0.0.1:{other}, " in said[0] and f"tcp://127.0.0.1:{port}\"" in said[0]
    assert f'listeners="udp://127.0.0.1:{port}"' in said[0]
    assert passed_to(daemon) == []


def test_each_passed_socket_has_a_thread_whatever_workers_says(lab):
    port = free_port(socket.SOCK_DGRAM)
    daemon = at_address(lab, f"udp://127.0.0.1:{port}", output="discard",
                        listener={"workers": 3}, sockets=[
                            hold(lab, ("127.0.0.1", port), share=True) for _ in range(2)]).start()
    for _ in range(64):  # each from a port of its own: the kernel spreads them
        send(port, count=2)
    daemon.settled(128)
    assert daemon.lines("warning", "fewer than asked", "sockets=2 workers=3")
    assert passed_to(daemon) == ["udp.socket"] * 2


def test_connections_are_taken_from_a_passed_socket(lab):
    port = free_port()
    daemon = at_address(lab, f"tcp://127.0.0.1:{port}", output="discard", program=NETFLOW,
                        sockets=[hold(lab, ("127.0.0.1", port), socket.SOCK_STREAM)]).start()
    daemon.end()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(bytes.fromhex("000a0010") + bytes(12))  # a message of IPFIX without sets
        daemon.start()
        wait_for("what was sent before the start", lambda: daemon.ledger()["received"] == 1)
    assert passed_to(daemon) == ["tcp.socket"]


def test_a_buffer_that_systemd_made_larger_is_not_made_smaller(lab):
    if os.geteuid() != 0:
        pytest.skip("needs root for a buffer beyond net.core.rmem_max")
    port = free_port(socket.SOCK_DGRAM)
    name, held = hold(lab, ("127.0.0.1", port))
    held.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
    daemon = at_address(
        lab, f"udp://127.0.0.1:{port}", [(name, held)], output="discard",
        listener={"receive_buffer": "4MiB"},
        prefix=["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"])
    daemon.start()
    assert held.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 16 << 20
    assert not daemon.lines("the receive buffer is smaller than asked")
