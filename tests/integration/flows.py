# SPDX-License-Identifier: Apache-2.0
"""Exporters that send NetFlow from addresses of their own, and flow messages read back."""

import socket
import struct
import time

from lab import NETFLOW, Daemon, wait_for

SUBJECT = "flows.raw.netflow"

# What the templates here are made of: element and length.
SRC, DST, BYTES, PACKETS = (8, 4), (12, 4), (1, 4), (2, 4)
FIELDS = (SRC, DST, BYTES, PACKETS)


def v5(source, count=1, sequence=0):
    """A datagram of flows from addresses in a row."""
    header = struct.pack("!HHIIIIBBH", 5, count, 10**6, int(time.time()), 0, sequence, 0, 0, 0)
    return header + b"".join(struct.pack(
        "!IIIHHIIIIHHBBBBHHBBH", source + i, 0xC6336401, 0, 1, 2, 10, 1000, 10**6, 10**6, 1024, 443,
        0, 16, 6, 0, 64500, 64501, 24, 24, 0) for i in range(count))


class Exporter:
    """Sends from an address of the loopback network."""

    def __init__(self, collector, address="127.0.0.1", domain=7, listener=0):
        self.address, self.domain, self.sequence, self.flows = address, domain, 0, 0
        self.target = collector.address(listener)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))

    def close(self):
        self.socket.close()

    def send(self, datagram):
        self.socket.sendto(datagram, self.target)

    def v5(self, count=1, number=0):
        self.send(v5(0xC0000200 + number, count, self.flows))
        self.flows += count

    def v9(self, *sets):
        header = struct.pack("!HHIIII", 9, len(sets), 10**6, int(time.time()), self.sequence,
                             self.domain)
        self.sequence += 1
        self.send(header + b"".join(sets))


def template(number, fields=FIELDS):
    """A set with one template, or one for each of several numbers."""
    numbers = number if isinstance(number, (list, tuple, range)) else [number]
    body = b"".join(struct.pack("!HH", n, len(fields)) + b"".join(
        struct.pack("!HH", *f) for f in fields) for n in numbers)
    return struct.pack("!HH", 0, 4 + len(body)) + body


def data(number, *records):
    """A set of records (SRC, DST, BYTES, PACKETS)."""
    body = b"".join(struct.pack("!IIII", *r) for r in records)
    return struct.pack("!HH", number, 4 + len(body)) + body


def record(number, octets=1000):
    return 0x0A000000 + number, 0xC6336401, octets, 1


def _varint(body, at):
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(body):
    """The fields of a FlowMessage by number; those that repeat have their last value."""
    at, out = 0, {}
    while at < len(body):
        key, at = _varint(body, at)
        if key & 7 == 0:
            out[key >> 3], at = _varint(body, at)
        else:
            assert key & 7 == 2, key
            length, at = _varint(body, at)
            out[key >> 3], at = body[at:at + length], at + length
    return out


def delimited(body):
    """The messages of a batch."""
    at = 0
    while at < len(body):
        length, at = _varint(body, at)
        yield body[at:at + length]
        at += length


class Collector(Daemon):
    """serviceradar-netflow."""

    def __init__(self, lab, name="netflow", **config):
        super().__init__(lab, name, program=NETFLOW, **config)
        self.exporters = []

    def exporter(self, address="127.0.0.1", **options):
        e = Exporter(self, address, **options)
        self.lab.sockets.append(e)  # which closes it
        return e

    def count(self, name, **labels):
        return self.metric(f"netflow_{name}", **labels)

    def resting(self, received):
        """Once so many datagrams were received and all of it is counted: the ledger."""
        def done():
            ledger = self.ledger()
            return ledger["received"] >= received and ledger["balanced"] and ledger
        return wait_for(f"{received} datagrams are accounted for", done)

    def check_exporters(self):
        """The books of the exporters add up, and to those of the listener."""
        count = self.count
        assert count("records_total") == (
            count("records_published_total") + count("records_zero_counters_total")
            + count("records_rate_limited_total") + count("records_queue_full_total"))
        for name in ("datagrams", "records", "records_published", "templates", "sets_parked"):
            assert count(f"{name}_total") == count(f"exporter_{name}_total"), name


def flow_stream(server, name="flows"):
    client = server.client()
    client.add_stream(name=name, subjects=[SUBJECT, SUBJECT + ".deadletter"])
    return client
