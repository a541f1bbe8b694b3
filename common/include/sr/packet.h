/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_PACKET_H_INCLUDED
#define SR_PACKET_H_INCLUDED

#include <stdint.h>

#include "sr/peer.h"
#include "sr/span.h"

/*
 * The link types that sr_packet_walk understands, numbered as in capture files and as libpcap
 * reports them (https://www.tcpdump.org/linktypes.html). Raw IP has three numbers: 101 in files,
 * 12 or 14 from libpcap, depending on the system.
 */
enum sr_link_type {
    SR_LINK_NULL = 0,
    SR_LINK_ETHERNET = 1,
    SR_LINK_RAW_BSD = 12,
    SR_LINK_RAW_OPENBSD = 14,
    SR_LINK_RAW = 101,
    SR_LINK_LOOP = 108,
    SR_LINK_LINUX_SLL = 113,
    SR_LINK_IPV4 = 228,
    SR_LINK_IPV6 = 229,
    SR_LINK_LINUX_SLL2 = 276,
};

/* Why a frame is not a whole UDP datagram. */
enum sr_packet_err {
    SR_PACKET_OK,
    SR_PACKET_ELINK,      /* the link type is not in enum sr_link_type */
    SR_PACKET_ENOTIP,     /* ARP, LLDP, an unknown address family, ... */
    SR_PACKET_ENOTUDP,    /* IP, but neither UDP nor TCP */
    SR_PACKET_ETCP,       /* a TCP segment: streams are not put together again */
    SR_PACKET_EFRAGMENT,  /* a piece of a datagram: pieces are not put together again */
    SR_PACKET_ETRUNCATED, /* the capture ends before the datagram does (a short snaplen) */
    SR_PACKET_EMALFORMED, /* its length fields contradict each other */
};

/* One captured frame. The spans borrow the frame's memory. */
struct sr_packet {
    struct sr_span ip;      /* the IP packet without link header and padding; empty if none */
    struct sr_span payload; /* what the datagram carries; empty unless SR_PACKET_OK */
    struct sr_peer source;  /* valid with `has_addresses`; its port is 0 unless SR_PACKET_OK */
    struct sr_peer destination;
    bool has_addresses;
};

/*
 * Walks `frame`, captured on a link of type `link_type`, down to its UDP datagram: VLAN tags
 * (802.1Q, 802.1ad), IPv4 options and IPv6 extension headers are stepped over, bytes after the IP
 * packet (Ethernet's padding) are cut off. Checksums are not looked at: offloading hosts capture
 * wrong ones. `packet` is always written; on an error it holds what was learnt before it.
 */
enum sr_packet_err sr_packet_walk(
    uint32_t link_type, struct sr_span frame, struct sr_packet *packet);

/* A word of [a-z_] for `err`, as it is printed and counted: "fragment", "tcp", "not_udp", ... */
const char *sr_packet_reason(enum sr_packet_err err);

#endif
