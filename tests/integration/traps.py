# SPDX-License-Identifier: Apache-2.0
"""Senders of SNMP traps from addresses of their own: BER by hand (ITU-T X.690, RFC 3416)."""

import functools
import hashlib
import hmac
import socket

from lab import TRAPD, Daemon, wait_for

SUBJECT = "logs.snmp"

UPTIME, TRAP_OID = "1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.1.1.4.1.0"
LINK_DOWN, IF_INDEX = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7"


def tlv(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    return bytes([tag, 0x82]) + length.to_bytes(2, "big") + content


def integer(value, tag=0x02):
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value):
    return tlv(0x04, value)


def oid(text):
    arcs = [int(a) for a in text.split(".")]
    out = b""
    for arc in (40 * arcs[0] + arcs[1], *arcs[2:]):
        part = bytes([arc & 127])
        while arc := arc >> 7:
            part = bytes([arc & 127 | 128]) + part
        out += part
    return tlv(0x06, out)


def varbinds(pairs):
    return tlv(0x30, b"".join(tlv(0x30, oid(name) + value) for name, value in pairs))


def v2c(*pairs, community=b"public", pdu=0xA7, request=1, uptime=1234, trap=LINK_DOWN):
    """A trap with its uptime and name in front, or another PDU."""
    head = [(UPTIME, integer(uptime, 0x43)), (TRAP_OID, oid(trap))]
    body = integer(request) + integer(0) + integer(0) + varbinds([*head, *pairs])
    return tlv(0x30, integer(1) + octets(community) + tlv(pdu, body))


def v1(*pairs, community=b"public", enterprise="1.3.6.1.4.1.8072", generic=6, specific=1):
    body = (oid(enterprise) + tlv(0x40, bytes([10, 0, 0, 1])) + integer(generic)
            + integer(specific) + integer(4321, 0x43) + varbinds(pairs))
    return tlv(0x30, integer(0) + octets(community) + tlv(0xA4, body))


@functools.lru_cache
def v3_key(password, engine):
    """RFC 3414 appendix A.2 with SHA-256 (RFC 7860)."""
    whole = (password * (1048576 // len(password) + 1))[:1048576]
    key = hashlib.sha256(whole).digest()
    return hashlib.sha256(key + engine + key).digest()


def v3(*pairs, user=b"joe", password=None, engine=b"\x80\0\x1f\x88\1", boots=1, seconds=100,
       pdu=0xA7, request=1):
    """A trap or an inform of v3; with a password its MAC is HMAC-SHA-256-192 (RFC 7860)."""
    place = bytes(24) if password is not None else b""
    security = tlv(0x30, octets(engine) + integer(boots) + integer(seconds) + octets(user)
                   + octets(place) + octets(b""))
    flags = bytes([(password is not None) + 4 * (pdu == 0xA6)])  # who informs wants reports
    head = tlv(0x30, integer(7) + integer(65507) + octets(flags) + integer(3))
    named = [(UPTIME, integer(99, 0x43)), (TRAP_OID, oid(LINK_DOWN)), *pairs]
    scoped = tlv(0x30, octets(engine) + octets(b"") + tlv(
        pdu, integer(request) + integer(0) + integer(0) + varbinds(named)))
    whole = tlv(0x30, integer(3) + head + octets(security) + scoped)
    if password is None:
        return whole
    mac = hmac.new(v3_key(password, engine), whole, hashlib.sha256).digest()[:24]
    return whole.replace(place, mac, 1)


def elements(content):
    """The elements of BER behind each other: (type, content) of each."""
    out = []
    while content:
        length, at = content[1], 2
        if length >= 128:
            at += length - 128
            length = int.from_bytes(content[2:at], "big")
        out.append((content[0], content[at:at + length]))
        content = content[at + length:]
    return out


def v3_heard(message, password):
    """PDU type, boots and time of an authentic message of v3; None when its MAC is wrong."""
    _, _, security, scoped = elements(elements(message)[0][1])
    engine, boots, seconds, _, mac, _ = (c for _, c in elements(elements(security[1])[0][1]))
    right = hmac.new(v3_key(password, engine), message.replace(mac, bytes(24), 1), hashlib.sha256)
    if right.digest()[:24] != mac:
        return None
    return (elements(scoped[1])[2][0], int.from_bytes(boots, "big"),
            int.from_bytes(seconds, "big"))


class Sender:
    """Sends from an address of the loopback network."""

    def __init__(self, collector, address="127.0.0.1", listener=0):
        self.target = collector.address(listener)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.name = "{}:{}".format(*self.socket.getsockname())  # as records have it

    def close(self):
        self.socket.close()

    def send(self, *datagrams):
        for datagram in datagrams:
            self.socket.sendto(datagram, self.target)


class Trapd(Daemon):
    """serviceradar-trapd."""

    def __init__(self, lab, name="trapd", **config):
        super().__init__(lab, name, program=TRAPD, **config)

    def sender(self, address="127.0.0.1", **options):
        s = Sender(self, address, **options)
        self.lab.sockets.append(s)  # which closes it
        return s

    def dropped(self, reason):
        return self.metric("dropped_total", reason=reason)

    def resting(self, received):
        """Once so many datagrams were received and all of it is counted: the ledger."""
        def done():
            ledger = self.ledger()
            return ledger["received"] >= received and ledger["balanced"] and ledger
        return wait_for(f"{received} datagrams are accounted for", done)


def trap_stream(server):
    client = server.client()
    client.add_stream(subjects=[SUBJECT, SUBJECT + ".deadletter"])
    return client
