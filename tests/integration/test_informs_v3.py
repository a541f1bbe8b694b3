# SPDX-License-Identifier: Apache-2.0
"""Informs of SNMPv3 and the engine that answers them, with net-snmp's own sender."""

import json
import re
import select
import signal
import socket
import subprocess
import threading

import pytest

from lab import wait_for
from traps import IF_INDEX, LINK_DOWN, Trapd, integer, trap_stream, v3

AUTH, PRIV = "authpass12345", "privpass12345"

# By the name of their user: what the daemon and what snmpinform is told.
SENDERS = {
    "sha-aes": ({"auth": "SHA", "priv": "AES-128"}, ["authPriv", "SHA", "AES"]),
    "sha256-aes256": ({"auth": "SHA-256", "priv": "AES-256"}, ["authPriv", "SHA-256", "AES-256"]),
    "md5-des": ({"auth": "MD5", "priv": "DES"}, ["authPriv", "MD5", "DES"]),
    "sha512": ({"auth": "SHA-512"}, ["authNoPriv", "SHA-512"]),
    "open": ({}, ["noAuthNoPriv"]),
}


def user(name):
    algorithms = SENDERS[name][0]
    passwords = {"auth_password": AUTH} if "auth" in algorithms else {}
    if "priv" in algorithms:
        passwords["priv_password"] = PRIV
    return {"name": name, **algorithms, **passwords}


def running(lab, server, **config):
    users = [user(name) for name in SENDERS]
    return Trapd(lab, server=server, listeners=[{}], users=users, **config).start()


def snmpinform(lab, target, name, *more, auth=AUTH, priv=PRIV, index=7):
    """Sends one inform, again after a second without a response; what became of it."""
    level, *algorithms = SENDERS[name][1]
    keys = ["-u", name, "-l", level]
    if algorithms:
        keys += ["-a", algorithms[0], "-A", auth]
    if algorithms[1:]:
        keys += ["-x", algorithms[1], "-X", priv]
    return subprocess.run(
        ["snmpinform", "-v", "3", "-r", "5", "-t", "2", *keys, *more,
         "{}:{}".format(*target), "4711", LINK_DOWN, IF_INDEX, "i", str(index)],
        env={"PATH": "/usr/bin:/bin", "SNMP_PERSISTENT_DIR": str(lab.dir),
             "SNMPCONFPATH": str(lab.dir)},
        capture_output=True, text=True, timeout=60, check=False)


def acknowledged(*args, **options):
    done = snmpinform(*args, **options)
    assert done.returncode == 0, done.stderr


def engine(daemon):
    """Our engine's id and boots, of the last start."""
    line = daemon.lines("our SNMPv3 engine engine_id=")[-1]
    found = re.search(r"engine_id=([0-9a-f]+) boots=(\d+)", line)
    return found[1], int(found[2])


def published(client):
    return [json.loads(m.body) for m in client.messages() if m.subject == "logs.snmp"]


def answer(sender, timeout=10):
    sender.socket.settimeout(timeout)
    return sender.socket.recv(65536)


class Tap:
    """Stands between a sender and the daemon, and remembers what both said."""

    def __init__(self, lab, target):
        self.heard, self.answers = [], []
        self.front, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab")
        lab.sockets += [self.front, self.back]
        self.front.bind(("127.0.0.1", 0))
        self.back.connect(target)
        self.address = self.front.getsockname()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        sender = None
        try:
            while True:
                for s in select.select([self.front, self.back], [], [])[0]:
                    if s is self.front:
                        data, sender = s.recvfrom(65536)
                        self.heard.append(data)
                        self.back.send(data)
                    else:
                        self.answers.append(s.recv(65536))
                        self.front.sendto(self.answers[-1], sender)
        except (OSError, ValueError):
            return  # the test is over


def test_informs_of_snmpinform_are_stored_and_acknowledged(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    for index, name in enumerate(SENDERS):
        acknowledged(lab, daemon.address(0), name, index=index)
        assert client.count() == index + 1  # it was there before its response
    records = published(client)
    assert [r["varbinds"][2]["value"] for r in records] == [
        f"INTEGER: {n}" for n in range(len(SENDERS))]
    assert {r["version"] for r in records} == {"V3"}
    assert daemon.metric("consumed_total", reason="discovery") >= len(SENDERS)


@pytest.mark.parametrize("name, wrong, says, reason", [
    ("sha-aes", {"auth": "another password"}, "Authentication failure", "v3_auth"),
    ("sha-aes", {"priv": "another password"}, "Decryption error", "v3_decrypt"),
    ("unknown", {}, "Unknown user name", "v3_unknown_user"),
    ("low", {}, "Unsupported security level", "v3_level"),
])
def test_a_sender_that_is_refused_is_told_why(lab, name, wrong, says, reason):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    if name in SENDERS:
        done = snmpinform(lab, daemon.address(0), name, **wrong)
    else:
        given = "sha-aes" if name == "low" else name
        done = snmpinform(lab, daemon.address(0), "open", "-u", given)
    assert done.returncode == 1
    assert says in done.stderr
    wait_for("its dead letter is there", client.count)
    daemon.resting(2)
    assert published(client) == []
    assert {m.headers["Sr-Reason"] for m in client.messages()} == {reason}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_counts_boots_and_senders_follow(lab, how):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    identity, boots = engine(daemon)
    assert boots == 1
    tap = Tap(lab, daemon.address(0))
    acknowledged(lab, tap.address, "sha-aes", index=1)
    assert client.count() == 1
    daemon.send_signal(how)
    daemon.process.wait(30)
    daemon.start()
    assert engine(daemon) == (identity, 2)
    assert daemon.metric("trapd_v3_boots") == 2
    # What was said before the restart is no news after it: the sender would learn our clock.
    replaying = daemon.sender()
    replaying.send(tap.heard[-1])
    report = answer(replaying)
    assert bytes.fromhex("060a2b060106030f01010200") in report  # usmStatsNotInTimeWindows.0
    wait_for("it is counted, which is after it was told",
             lambda: daemon.metric("consumed_total", reason="resynchronised") == 1)
    # A sender that goes on with the clock it knew is told the new one, and is acknowledged.
    acknowledged(lab, daemon.address(0), "sha-aes", "-e", identity, "-Z", "1,5", index=2)
    assert client.count() == 2
    assert daemon.metric("consumed_total", reason="resynchronised") >= 2


def test_an_inform_that_comes_again_is_stored_once_and_answered_again(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = running(lab, server)
    tap = Tap(lab, daemon.address(0))
    acknowledged(lab, tap.address, "sha-aes")
    inform, answers = tap.heard[-1], len(tap.answers)
    tap.back.send(inform)  # from the address that it came from before
    wait_for("it is known", lambda: daemon.metric("consumed_total", reason="duplicates") == 1)
    wait_for("it is answered again", lambda: len(tap.answers) == answers + 1)
    assert client.count() == 1


def test_an_engine_id_that_is_configured_is_ours(lab):
    server = lab.server()
    trap_stream(server)
    daemon = running(lab, server, engine_id="0x80001f88050102030405")
    identity, boots = engine(daemon)
    assert identity == "80001f88050102030405"
    acknowledged(lab, daemon.address(0), "sha256-aes256")
    daemon.end()
    daemon.start()
    assert engine(daemon) == (identity, boots + 1)
    acknowledged(lab, daemon.address(0), "md5-des")


def test_a_trap_of_before_a_restart_is_refused_after_it(lab):
    server = lab.server()
    client = trap_stream(server)
    daemon = Trapd(lab, server=server, listeners=[{}], users=[
        {"name": "joe", "auth": "SHA-256", "auth_password": "maplesyrup"}]).start()
    old, new = (v3((IF_INDEX, integer(n)), password=b"maplesyrup", boots=5, seconds=1000 * n)
                for n in (1, 2))
    daemon.sender().send(old, new)
    assert daemon.settled(2)["stored"] == 2
    daemon.end()
    daemon.start()
    sender = daemon.sender()
    sender.send(old, new)
    assert daemon.settled(4)["stored"] == 3
    assert daemon.metric("undecodable_total", reason="v3_time") == 1
    assert daemon.metric("trapd_v3_engines") == 1
    assert [r["varbinds"][2]["value"] for r in published(client)] == [
        "INTEGER: 1", "INTEGER: 2", "INTEGER: 2"]
