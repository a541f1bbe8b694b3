# SPDX-License-Identifier: Apache-2.0
"""Listeners on sockets that systemd holds: fd://NAME."""

import os
import signal
import socket

import pytest

from lab import SYSLOG, Daemon, Load, activation, check_once, wait_for


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
    assert len(daemon.lines("sockets were passed that no listener uses", "spare, other")) == 1
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


def test_only_udp_sockets_are_received_on(lab):
    said = start_fails(lab, [{"listen": "fd://a"}], [("a", bound(lab, socket.SOCK_STREAM))])
    assert "fd://a: what was passed is not a UDP socket;" in said
    assert "ListenDatagram=" in said


def test_a_shell_that_ends_with_exec_is_no_obstacle(lab):
    daemon = Daemon(lab, output="discard", held=True)
    passing, options = activation(daemon.held)
    daemon.spawn([*passing, "sh", "-c", 'exec "$@"', "sh", SYSLOG, "--config", daemon.conf],
                 **options)
    wait_for("the daemon is ready", daemon.ready)
    daemon.send(Load().lines(3))
    daemon.settled(3)
