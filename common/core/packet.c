/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/packet.h"

#include <string.h>

#include "sr/banned.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,       /* IEEE 802.1Q */
    ETHERTYPE_VLAN_OUTER = 0x88a8, /* IEEE 802.1ad */
    ETHERTYPE_VLAN_OLD = 0x9100,   /* "QinQ" before 802.1ad */
    IP_ANY_VERSION = 0,            /* no protocol field: the version nibble decides */
    IP_HEADER_MIN = 20,            /* RFC 791, section 3.1 */
    IP6_HEADER = 40,               /* RFC 8200, section 3 */
    UDP_HEADER = 8,
    IP_MORE_FRAGMENTS = 0x2000,
    IP_FRAGMENT_OFFSET = 0x1fff,
    IP6_MORE_FRAGMENTS = 0x0001,
    IP6_FRAGMENT_OFFSET = 0xfff8,
};

/* Protocol numbers, https://www.iana.org/assignments/protocol-numbers */
enum {
    PROTO_HOP_BY_HOP = 0,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_AUTHENTICATION = 51,
    PROTO_DESTINATION = 60,
};

/* What is left of an IP packet after its headers. */
struct transport {
    struct sr_reader rd; /* over the captured bytes, never past the end of the IP packet */
    size_t missing;      /* bytes that the IP header promises and the capture does not have */
    uint8_t protocol;
    bool fragment;
};

/* The EtherType behind any number of VLAN tags. */
static uint16_t
skip_vlan_tags(struct sr_reader *rd, uint16_t type)
{
    while (type == ETHERTYPE_VLAN || type == ETHERTYPE_VLAN_OUTER || type == ETHERTYPE_VLAN_OLD) {
        (void)sr_reader_be16(rd);
        type = sr_reader_be16(rd);
    }
    return type;
}

/*
 * BSD loopback writes the address family in the byte order of the capturing host (NULL) or of the
 * network (LOOP). AF_INET is 2 everywhere, AF_INET6 differs.
 */
static uint16_t
family_to_ethertype(uint32_t family)
{
    if (family > 0xffff) {
        family = (family >> 24) | ((family >> 8) & 0xff00);
    }
    switch (family) {
    case 2: return ETHERTYPE_IPV4;
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* macOS */ return ETHERTYPE_IPV6;
    default: return 0xffff; /* reserved by RFC 1701: no protocol */
    }
}

/* Steps over the link header; the EtherType of what follows, or IP_ANY_VERSION. */
static enum sr_packet_err
walk_link(uint32_t link_type, struct sr_reader *rd, uint16_t *ret_type)
{
    uint16_t type;

    switch (link_type) {
    case SR_LINK_RAW_BSD:
    case SR_LINK_RAW_OPENBSD:
    case SR_LINK_RAW: type = IP_ANY_VERSION; break;
    case SR_LINK_IPV4: type = ETHERTYPE_IPV4; break;
    case SR_LINK_IPV6: type = ETHERTYPE_IPV6; break;
    case SR_LINK_NULL:
    case SR_LINK_LOOP: type = family_to_ethertype(sr_reader_be32(rd)); break;
    case SR_LINK_ETHERNET:
        (void)sr_reader_take(rd, 12); /* two addresses */
        type = skip_vlan_tags(rd, sr_reader_be16(rd));
        break;
    case SR_LINK_LINUX_SLL:
        (void)sr_reader_take(rd, 14); /* packet type, device type, address */
        type = skip_vlan_tags(rd, sr_reader_be16(rd));
        break;
    case SR_LINK_LINUX_SLL2:
        type = sr_reader_be16(rd);
        (void)sr_reader_take(rd, 18); /* interface, device type, packet type, address */
        type = skip_vlan_tags(rd, type);
        break;
    default: return SR_PACKET_ELINK;
    }
    if (rd->failed) {
        return SR_PACKET_ETRUNCATED;
    }
    if (type != IP_ANY_VERSION && type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6) {
        return SR_PACKET_ENOTIP;
    }
    *ret_type = type;
    return SR_PACKET_OK;
}

static struct sr_peer
peer_v4(struct sr_span address)
{
    struct sr_peer peer = { 0 };

    if (address.len == 4) {
        memcpy(peer.address, address.data, 4);
    }
    return peer;
}

/* v4-mapped addresses (RFC 4291, section 2.5.5.2) are IPv4 peers, see struct sr_peer. */
static struct sr_peer
peer_v6(struct sr_span address)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct sr_peer peer = { .is_v6 = true };

    if (address.len != sizeof(peer.address)) {
        return peer;
    }
    if (memcmp(address.data, mapped, sizeof(mapped)) == 0) {
        return peer_v4((struct sr_span){ address.data + sizeof(mapped), 4 });
    }
    memcpy(peer.address, address.data, sizeof(peer.address));
    return peer;
}

/* Cuts what lies behind the IP packet: `want` bytes follow the cursor according to its header. */
static void
cut_to_length(struct sr_packet *packet, struct transport *tp, size_t want)
{
    size_t have = sr_reader_left(&tp->rd);

    if (want > have) {
        tp->missing = want - have;
        return;
    }
    packet->ip.len -= have - want;
    tp->rd.end -= have - want;
}

/* RFC 791, section 3.1. */
static enum sr_packet_err
walk_ipv4(struct sr_packet *packet, struct transport *tp)
{
    struct sr_reader *rd = &tp->rd;
    size_t header_len = (size_t)(sr_reader_u8(rd) & 15) * 4;
    (void)sr_reader_u8(rd); /* type of service */
    size_t total_len = sr_reader_be16(rd);
    (void)sr_reader_be16(rd); /* identification */
    uint16_t fragment = sr_reader_be16(rd);
    (void)sr_reader_u8(rd); /* time to live */
    tp->protocol = sr_reader_u8(rd);
    (void)sr_reader_be16(rd); /* checksum */
    struct sr_span source = sr_reader_take(rd, 4);
    struct sr_span destination = sr_reader_take(rd, 4);

    if (rd->failed) {
        return SR_PACKET_ETRUNCATED;
    }
    packet->source = peer_v4(source);
    packet->destination = peer_v4(destination);
    packet->has_addresses = true;
    if (header_len < IP_HEADER_MIN || (total_len != 0 && total_len < header_len)) {
        return SR_PACKET_EMALFORMED;
    }
    /* Hosts that leave segmentation to the network card write 0: then it is all there is. */
    if (total_len != 0) {
        cut_to_length(packet, tp, total_len - IP_HEADER_MIN);
    }
    (void)sr_reader_take(rd, header_len - IP_HEADER_MIN); /* options */
    tp->fragment = (fragment & (IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET)) != 0;
    return rd->failed ? SR_PACKET_ETRUNCATED : SR_PACKET_OK;
}

/* RFC 8200, section 4: steps over the extension headers that may stand before a datagram. */
static enum sr_packet_err
skip_extensions(struct transport *tp)
{
    struct sr_reader *rd = &tp->rd;

    /* Each round takes 8 bytes or more, so the packet's length bounds the loop. */
    for (;;) {
        uint8_t header = tp->protocol;
        size_t units;

        if (header != PROTO_HOP_BY_HOP && header != PROTO_ROUTING && header != PROTO_DESTINATION &&
            header != PROTO_FRAGMENT && header != PROTO_AUTHENTICATION) {
            return SR_PACKET_OK;
        }
        tp->protocol = sr_reader_u8(rd);
        units = sr_reader_u8(rd);
        if (header == PROTO_FRAGMENT) {
            uint16_t offset = sr_reader_be16(rd);
            (void)sr_reader_be32(rd); /* identification */
            /* Offset 0 and nothing to follow is a whole datagram, RFC 6946. */
            tp->fragment = (offset & (IP6_MORE_FRAGMENTS | IP6_FRAGMENT_OFFSET)) != 0;
        } else if (header == PROTO_AUTHENTICATION) {
            (void)sr_reader_take(rd, units * 4 + 6); /* RFC 4302, section 2.2: 32-bit units */
        } else {
            (void)sr_reader_take(rd, units * 8 + 6);
        }
        if (rd->failed) {
            return tp->missing > 0 ? SR_PACKET_ETRUNCATED : SR_PACKET_EMALFORMED;
        }
        /* What follows the header of a later fragment is the middle of something. */
        if (tp->fragment) {
            return SR_PACKET_OK;
        }
    }
}

/* RFC 8200, section 3. */
static enum sr_packet_err
walk_ipv6(struct sr_packet *packet, struct transport *tp)
{
    struct sr_reader *rd = &tp->rd;

    (void)sr_reader_be32(rd); /* version, traffic class, flow label */
    size_t payload_len = sr_reader_be16(rd);
    tp->protocol = sr_reader_u8(rd);
    (void)sr_reader_u8(rd); /* hop limit */
    struct sr_span source = sr_reader_take(rd, 16);
    struct sr_span destination = sr_reader_take(rd, 16);

    if (rd->failed) {
        return SR_PACKET_ETRUNCATED;
    }
    packet->source = peer_v6(source);
    packet->destination = peer_v6(destination);
    packet->has_addresses = true;
    if (payload_len != 0) {
        cut_to_length(packet, tp, payload_len);
    }
    return skip_extensions(tp);
}

static enum sr_packet_err
walk_ip(uint16_t type, struct sr_packet *packet, struct transport *tp)
{
    if (packet->ip.len == 0) {
        return SR_PACKET_ETRUNCATED;
    }
    switch (packet->ip.data[0] >> 4) {
    case 4:
        if (type == ETHERTYPE_IPV6) {
            return SR_PACKET_EMALFORMED;
        }
        return walk_ipv4(packet, tp);
    case 6:
        if (type == ETHERTYPE_IPV4) {
            return SR_PACKET_EMALFORMED;
        }
        return walk_ipv6(packet, tp);
    default: return type == IP_ANY_VERSION ? SR_PACKET_ENOTIP : SR_PACKET_EMALFORMED;
    }
}

/* RFC 768. */
static enum sr_packet_err
walk_udp(struct sr_packet *packet, struct transport *tp)
{
    struct sr_reader *rd = &tp->rd;
    size_t have = sr_reader_left(rd);
    uint16_t source = sr_reader_be16(rd);
    uint16_t destination = sr_reader_be16(rd);
    size_t len = sr_reader_be16(rd);
    (void)sr_reader_be16(rd); /* checksum */

    if (rd->failed) {
        return tp->missing > 0 ? SR_PACKET_ETRUNCATED : SR_PACKET_EMALFORMED;
    }
    if (len < UDP_HEADER || len > have + tp->missing) {
        return SR_PACKET_EMALFORMED;
    }
    if (len > have) {
        return SR_PACKET_ETRUNCATED;
    }
    packet->source.port = source;
    packet->destination.port = destination;
    packet->payload = sr_reader_take(rd, len - UDP_HEADER);
    return SR_PACKET_OK;
}

enum sr_packet_err
sr_packet_walk(uint32_t link_type, struct sr_span frame, struct sr_packet *packet)
{
    struct transport tp = { .rd = sr_reader_init(frame) };
    enum sr_packet_err err;
    uint16_t type;

    *packet = (struct sr_packet){ 0 };
    err = walk_link(link_type, &tp.rd, &type);
    if (err != SR_PACKET_OK) {
        return err;
    }
    packet->ip = (struct sr_span){ tp.rd.pos, sr_reader_left(&tp.rd) };
    err = walk_ip(type, packet, &tp);
    if (err != SR_PACKET_OK) {
        return err;
    }
    if (tp.fragment) {
        return SR_PACKET_EFRAGMENT;
    }
    switch (tp.protocol) {
    case PROTO_UDP: return walk_udp(packet, &tp);
    case PROTO_TCP: return SR_PACKET_ETCP;
    default: return SR_PACKET_ENOTUDP;
    }
}

const char *
sr_packet_reason(enum sr_packet_err err)
{
    switch (err) {
    case SR_PACKET_OK: return "ok";
    case SR_PACKET_ELINK: return "link_type";
    case SR_PACKET_ENOTIP: return "not_ip";
    case SR_PACKET_ENOTUDP: return "not_udp";
    case SR_PACKET_ETCP: return "tcp";
    case SR_PACKET_EFRAGMENT: return "fragment";
    case SR_PACKET_ETRUNCATED: return "truncated";
    case SR_PACKET_EMALFORMED: return "malformed";
    }
    return "unknown";
}
