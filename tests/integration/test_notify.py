# SPDX-License-Identifier: Apache-2.0
"""What a service tells systemd: ready, reloading, stopping, and the watchdog only while it lives."""

import contextlib
import ctypes
import os
import socket
import threading
from pathlib import Path

import pytest

from lab import Daemon, FakeServer, Load, wait_for

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Systemd:
    """Hears what a daemon says through NOTIFY_SOCKET."""

    def __init__(self, lab, name="notify"):
        self.path = lab.dir / name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        lab.sockets.append(self.socket)
        self.socket.bind(str(self.path))
        self.said = []

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": str(self.path), **more}

    def hear(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.said.append(self.socket.recv(4096).decode().splitlines())
        return self.said

    def heard(self, line):
        return [n for n, lines in enumerate(self.hear()) if any(x.startswith(line) for x in lines)]

    def await_line(self, line, timeout=15):
        wait_for(f"systemd hears {line}", lambda: self.heard(line), timeout)


def test_a_service_says_that_it_is_ready_reloads_and_stops(lab):
    systemd = Systemd(lab)
    daemon = Daemon(lab, output="discard").start(env=systemd.environment())
    systemd.await_line("READY=1")
    daemon.hup()
    wait_for("the second READY=1", lambda: len(systemd.heard("READY=1")) == 2)
    reloading = systemd.heard("RELOADING=1")
    assert len(reloading) == 1
    assert any(x.startswith("MONOTONIC_USEC=") for x in systemd.said[reloading[0]])
    assert systemd.heard("READY=1")[0] < reloading[0] < systemd.heard("READY=1")[1]
    daemon.conf.write_text("nonsense: 1\n")
    daemon.hup()  # a reload that fails ends with READY=1 too
    wait_for("the third READY=1", lambda: len(systemd.heard("READY=1")) == 3)
    daemon.stop()
    assert len(systemd.heard("STOPPING=1")) == 1
    assert not systemd.heard("WATCHDOG=1")


def test_systemd_hears_ready_only_when_the_port_is_ours(lab):
    systemd = Systemd(lab)
    daemon = Daemon(lab, output="discard")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(daemon.address())
        done = lab.run("--config", daemon.conf, env=systemd.environment())
    assert done.returncode == 1
    assert not systemd.heard("READY=1") and systemd.heard("STOPPING=1")


def test_a_stop_that_still_sends_asks_for_more_time(lab):
    fake = FakeServer(lab, {}, lambda s: [None for _ in iter(lambda: s.recv(4096), b"")])
    systemd = Systemd(lab)
    daemon = Daemon(lab, nats={"url": [f"nats://127.0.0.1:{fake.port}"], "connect_timeout": "30s"},
                    shutdown_timeout="7s")
    daemon.start(env=systemd.environment())
    daemon.send(Load().lines(5))
    daemon.await_received(5)
    stopper = threading.Thread(target=daemon.end)
    stopper.start()
    systemd.await_line("EXTEND_TIMEOUT_USEC=30000000")
    stopper.join(60)
    assert not stopper.is_alive()
    stopping, more = systemd.heard("STOPPING=1"), systemd.heard("EXTEND_TIMEOUT_USEC=")
    assert len(stopping) == 1 and stopping[0] < more[0]


class Seized:
    """One thread of a process, held still as if it were stuck."""

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, daemon, name):
        tasks = Path(f"/proc/{daemon.pid}/task")
        # A thread that it has started may not have its own name yet.
        self.tid = min(int(t.name) for t in tasks.iterdir() if
                       (t / "comm").read_text().strip() == name)
        self.call(PTRACE_SEIZE)
        self.call(PTRACE_INTERRUPT)
        wait_for("the thread is still", lambda: self.state() == "t")

    def call(self, request):
        if self.libc.ptrace(request, self.tid, None, None) != 0:
            pytest.skip(f"ptrace is not allowed: {os.strerror(ctypes.get_errno())}")

    def state(self):
        return Path(f"/proc/{self.tid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def release(self):
        os.waitpid(self.tid, 0x40000000)  # __WALL
        self.call(PTRACE_DETACH)


def test_a_thread_that_is_stuck_starves_the_watchdog(lab):
    """Three alike: a receiving thread of one is held still, the output's of another."""
    rows = []
    for name, output in (("fine", "discard"), ("receive", "discard"), ("publish", "nats")):
        systemd = Systemd(lab, f"notify-{name}")
        daemon = Daemon(lab, name=name, output=output, nats={"url": ["nats://127.0.0.1:1"]})
        daemon.start(env=systemd.environment(WATCHDOG_USEC="1000000"))
        systemd.await_line("WATCHDOG=1")  # no server takes anything, and it is fed all the same
        rows.append((name, daemon, systemd))
    (_, _, fine), stuck = rows[0], rows[1:]
    seized = [Seized(daemon, name) for name, daemon, _ in stuck]
    starving = "STATUS=the watchdog is not fed: "
    for _, daemon, systemd in stuck:
        systemd.await_line(starving, timeout=30)
        assert daemon.lines("error", "the watchdog is not fed: ")
    fed = len(fine.heard("WATCHDOG=1"))
    wait_for("some more of another", lambda: len(fine.heard("WATCHDOG=1")) >= fed + 4)
    for thread, (_, _, systemd) in zip(seized, stuck):
        assert systemd.heard("WATCHDOG=1")[-1] < systemd.heard(starving)[0]
        thread.release()
    for (_, _, systemd), why in zip(stuck, ("a receiving thread does not go round: udp://",
                                            "the output's thread does not go round: ")):
        assert systemd.heard(starving + why)
        wait_for("it is fed again", lambda systemd=systemd:
                 systemd.heard("WATCHDOG=1")[-1] > systemd.heard(starving)[-1])
