# SPDX-License-Identifier: Apache-2.0
"""Who sends in the measurements, from the second processor: one function, whatever program does it."""

import contextlib
import dataclasses
import json
import os
import random
import socket
import subprocess

from measure import built, on_processor
from receivers import PORTS

PROGRAMS = {"syslog": "blast_syslog", "netflow": "blast_netflow", "trap": "blast_traps"}
SOURCES = 8  # addresses, exporters or SNMP engines
BATCH = {"netflow": 16, "trap": 16, "syslog": 32}  # datagrams of a burst, blast.h
RECORDS = {"v5": 30, "v9": 24, "ipfix": 20}  # of a datagram; one of all else


def path(protocol):
    return built("tests", "bench", PROGRAMS[protocol])


@dataclasses.dataclass(frozen=True)
class Load:
    protocol: str
    kind: str = ""          # v5, v9, ipfix; v1, v2c-5, v2c-14, v3, hostile
    rate: float = 0         # records a second; 0: as fast as they are taken
    seconds: float = 1
    transport: str = "udp"
    connections: int = 10
    together: int = 1       # messages of a write, or of a TLS record
    count: int = 0          # messages of syslog; 0: what the rate makes in the time
    more: tuple = ()        # words for the program

    def records(self):
        """Of a datagram."""
        return RECORDS.get(self.kind, 1)


def _words(load, certificates):
    words = [path(load.protocol), "-p", PORTS[load.protocol]]
    rate = load.rate / load.records()
    if load.protocol != "syslog":
        return words + ["-k", load.kind, "-r", rate, "-d", load.seconds, "-s", SOURCES]
    streams = load.transport != "udp"
    return words + ["-t", load.transport, "-r", rate, "-m", load.together,
                    "-n", load.count or max(round(rate * load.seconds), 1),
                    "-s", load.connections if streams else SOURCES,
                    "-a", os.path.join(certificates, "ca.pem")]


@contextlib.contextmanager
def sending(load, certificates):
    """Sends while the block runs, which then waits for its end; yields where send() finds its figures."""
    words = [str(word) for word in _words(load, certificates) + list(load.more)]
    said = {}
    with on_processor(1):
        popen = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield said
        out, errors = popen.communicate(timeout=120)
    finally:
        popen.kill()
        popen.wait()
    if popen.returncode != 0:
        raise RuntimeError("the sender failed: %s" % errors.decode(errors="replace").strip())
    said.update(json.loads(out))


def send(load, certificates):
    """Sends all of it; records, seconds and datagrams of what was sent."""
    with sending(load, certificates) as said:
        pass
    datagrams = said.get("datagrams", said.get("sent"))
    return {"datagrams": datagrams, "records": said.get("records", datagrams),
            "seconds": said["seconds"]}


# ---- Single records, for latency ----

FIRST = 9000001  # number of a single record, which no other one has


def mark(number):
    """What a record of syslog or a trap has in its text, and in what is made of it."""
    return b"seq %07d " % number


def _varbind(oid, value):
    name = bytes([oid[0] * 40 + oid[1]]) + bytes(oid[2:])
    return _tlv(0x30, _tlv(0x06, name) + value)


def _tlv(tag, body):
    return bytes([tag, len(body)]) + body  # short lengths only


def _trap(number):
    """linkDown of v2c with sysUpTime, and ifDescr with the number."""
    value = number.to_bytes(4, "big")
    binds = (_varbind((1, 3, 6, 1, 2, 1, 1, 3, 0), _tlv(0x43, value)) +
             _varbind((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0),
                      _tlv(0x06, bytes((43, 6, 1, 6, 3, 1, 1, 5, 3)))) +
             _varbind((1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 7), _tlv(0x04, mark(number))))
    pdu = _tlv(0xA7, _tlv(0x02, value) + _tlv(0x02, b"\0") + _tlv(0x02, b"\0") + _tlv(0x30, binds))
    return _tlv(0x30, _tlv(0x02, b"\1") + _tlv(0x04, b"public") + pdu)


def _flow(number):
    """NetFlow v5 with one record."""
    head = b"".join(n.to_bytes(size, "big") for n, size in (
        (5, 2), (1, 2), (100000, 4), (1795000000, 4), (0, 4), (number, 4), (0, 4)))
    record = bytes((192, 0, 2, 1, 198, 51, 100, 1)) + bytes(8) + b"".join(
        n.to_bytes(4, "big") for n in (3, 180, 90000, 95000)) + b"\0\x50\xc0\0" + bytes(2) + bytes(
            (0x18, 6)) + bytes(10)
    return head + record


def _message(number):
    text = ('<165>1 2026-11-22T06:27:13.123456Z edge-gw-17.example.net app 4242 ID47 '
            '[meta@32473 sequenceId="%07d" site="north"] ' % number).encode() + mark(number)
    return (text + b"an application event with some words in it " * 4)[:256]


SINGLE = {"syslog": _message, "netflow": _flow, "trap": _trap}


class Single:
    """Sends single records over UDP."""

    def __init__(self, protocol):
        self.make, self.number = SINGLE[protocol], FIRST - 1
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", PORTS[protocol]))
        self.random = random.Random(1)

    def send(self):
        """Returns the number."""
        self.number += 1
        self.socket.send(self.make(self.number))
        return self.number

    def pause(self):
        """Seconds before the next one, which meets timers at any moment of them, and comes alone."""
        return self.random.uniform(0.004, 0.012)
