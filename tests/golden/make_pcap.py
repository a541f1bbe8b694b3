#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a classic pcap whose UDP payloads are log messages.

Input files ending in .jsonl are cases, one JSON object a line: the payload is `in`, or `in_b64`
when it is not valid UTF-8, or each of `messages`. Any other file, and '-', is one payload a line.
"""

import argparse
import base64
import ipaddress
import json
import struct
import sys

LINKS = {"ethernet": 1, "raw": 101, "sll": 113, "sll2": 276, "null": 0}
ETHERTYPES = {4: 0x0800, 6: 0x86DD}
FAMILIES = {4: 2, 6: 10}


def ones_complement_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def udp(source, destination, source_port, port, payload, checksum):
    """A UDP datagram, RFC 768."""
    length = 8 + len(payload)
    if length > 65535:
        raise ValueError("a payload of %d bytes does not fit into a datagram" % len(payload))
    value = 0
    # IPv6 knows no datagrams without a checksum (RFC 8200, section 8.1).
    if checksum or source.version == 6:
        pseudo = source.packed + destination.packed + struct.pack("!IHH", length, 0, 17)
        head = struct.pack("!HHHH", source_port, port, length, 0)
        value = 0xFFFF - ones_complement_sum(pseudo + head + payload) or 0xFFFF
    return struct.pack("!HHHH", source_port, port, length, value) + payload


def ip(source, destination, number, body):
    """An IPv4 (RFC 791) or IPv6 (RFC 8200) packet around a UDP datagram."""
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), 17, 64) \
            + source.packed + destination.packed + body
    if 20 + len(body) > 65535:
        raise ValueError("a payload of %d bytes does not fit into IPv4" % (len(body) - 8))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xFFFF, 0x4000, 64, 17, 0) \
        + source.packed + destination.packed
    value = 0xFFFF - ones_complement_sum(head)
    return head[:10] + struct.pack("!H", value) + head[12:] + body


def frame(link, packet):
    """Puts the link header of `link` before an IP packet."""
    version = packet[0] >> 4
    ethertype = ETHERTYPES[version]
    if link == "ethernet":
        head = bytes.fromhex("020000000002020000000001") + struct.pack("!H", ethertype)
        return (head + packet).ljust(60, b"\0")
    if link == "sll":
        return struct.pack("!HHH8sH", 0, 1, 6, b"\2\0\0\0\0\1", ethertype) + packet
    if link == "sll2":
        return struct.pack("!HHIHBB8s", ethertype, 0, 1, 1, 0, 6, b"\2\0\0\0\0\1") + packet
    if link == "null":
        return struct.pack("<I", FAMILIES[version]) + packet
    return packet


def case_payloads(line):
    case = json.loads(line)
    if "in_b64" in case:
        return [base64.b64decode(case["in_b64"])]
    if "in" in case:
        return [case["in"].encode()]
    return [text.encode() for text in case.get("messages", []) if isinstance(text, str)]


def read_payloads(paths):
    for path in paths:
        with (sys.stdin.buffer if path == "-" else open(path, "rb")) as stream:
            for line in stream:
                line = line.rstrip(b"\r\n")
                if path.endswith(".jsonl"):
                    yield from case_payloads(line)
                elif line:
                    yield line


def write_pcap(out, payloads, link="ethernet", ipv6=False, start=0.0, interval=0.01, sources=4,
               port=514, checksum=True):
    """Writes `payloads` as one capture; returns how many packets it holds.

    The sources take turns: 192.0.2.1, 192.0.2.2, ... or 2001:db8::1, ... (RFC 5737, RFC 3849).
    """
    base = ipaddress.ip_address("2001:db8::1" if ipv6 else "192.0.2.1")
    destination = ipaddress.ip_address("2001:db8::ff" if ipv6 else "192.0.2.250")
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINKS[link]))
    count = 0
    for payload in payloads:
        source = base + count % sources
        body = udp(source, destination, 1024 + count % sources, port, payload, checksum)
        data = frame(link, ip(source, destination, count + 1, body))
        micros = round((start + count * interval) * 1000000)
        out.write(struct.pack("<IIII", micros // 1000000, micros % 1000000, len(data), len(data)))
        out.write(data)
        count += 1
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="+", help="case files (.jsonl), text files, or '-'")
    parser.add_argument("-o", "--output", required=True, help="the pcap to write")
    parser.add_argument("--link", choices=sorted(LINKS), default="ethernet")
    parser.add_argument("--ipv6", action="store_true", help="IPv6 instead of IPv4")
    parser.add_argument("--start", type=float, default=1700000000.0, help="first time, in seconds")
    parser.add_argument("--interval", type=float, default=0.01, help="seconds between packets")
    parser.add_argument("--sources", type=int, default=4, help="how many addresses take turns")
    parser.add_argument("--port", type=int, default=514, help="destination port")
    parser.add_argument("--no-checksum", action="store_true", help="UDP over IPv4 with checksum 0")
    options = parser.parse_args()
    with open(options.output, "wb") as out:
        count = write_pcap(out, read_payloads(options.input), options.link, options.ipv6,
                           options.start, options.interval, options.sources, options.port,
                           not options.no_checksum)
    print("%s: %d packets" % (options.output, count), file=sys.stderr)


if __name__ == "__main__":
    main()
