# SPDX-License-Identifier: Apache-2.0
"""Every algorithm of the User-based Security Model, as net-snmp's snmptrap sends it."""

import itertools
import json
import os
import subprocess

from traps import IF_INDEX, LINK_DOWN, TRAP_OID, UPTIME, Trapd, trap_stream

AUTH = ["MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
PRIV = ["none", "DES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C"]
NAME = "1.3.6.1.2.1.1.5.0"


def user(number, auth, priv):
    one = {"name": f"user{number}", "auth": auth, "priv": priv}
    if auth != "none":
        one["auth_password"] = f"auth password {number}"
    if priv != "none":
        one["priv_password"] = f"priv password {number}"
    return one


def snmptrap(lab, daemon, number, one):
    """Sends a trap as that user, from an engine of its own."""
    argv = ["snmptrap", "-v", "3", "-m", ":", "-u", one["name"],
            "-e", "0x80001f8804" + one["name"].encode().hex()]
    if one["auth"] != "none":
        argv += ["-a", one["auth"], "-A", one["auth_password"]]
    if one["priv"] != "none":
        argv += ["-x", one["priv"], "-X", one["priv_password"]]
    level = "noAuthNoPriv" if one["auth"] == "none" else (
        "authNoPriv" if one["priv"] == "none" else "authPriv")
    argv += ["-l", level, "udp:{}:{}".format(*daemon.address()), str(1000 + number), LINK_DOWN,
             IF_INDEX, "i", str(number), NAME, "s", " with ".join((one["auth"], one["priv"]))]
    env = {**os.environ, "SNMP_PERSISTENT_DIR": str(lab.dir / "snmp"),
           "SNMPCONFPATH": str(lab.dir / "snmp")}
    subprocess.run(argv, env=env, check=True, capture_output=True, timeout=30)


def test_every_algorithm_that_snmptrap_has_is_read(lab):
    server = lab.server()
    client = trap_stream(server)
    pairs = [("none", "none"), *itertools.product(AUTH, PRIV)]
    users = [user(i, *pair) for i, pair in enumerate(pairs)]
    daemon = Trapd(lab, server=server, listeners=[{}], users=users).start()
    for i, one in enumerate(users):
        snmptrap(lab, daemon, i, one)
    ledger = daemon.settled(len(users))
    assert ledger["stored"] == len(users) and ledger["deadlettered"] == 0
    records = [json.loads(m.body) for m in client.messages()]
    assert {r["version"] for r in records} == {"V3"}
    assert [r["varbinds"] for r in records] == [[
        {"oid": UPTIME, "value": f"TIMETICKS: {1000 + i}"},
        {"oid": TRAP_OID, "value": f"OBJECT IDENTIFIER: {LINK_DOWN}"},
        {"oid": IF_INDEX, "value": f"INTEGER: {i}"},
        {"oid": NAME, "value": f"OCTET STRING: {auth} with {priv}"},
    ] for i, (auth, priv) in enumerate(pairs)]
