/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a sampled packet (elements 104, 313 and 315). Unlike sr_packet_walk() this reads as
 * far as the bytes go, for an exporter sends the first 64 or 128 bytes of a packet.
 */
#include "decode/record.h"

#include "sr/banned.h"

enum {
    ETYPE_IPV4 = 0x0800,
    ETYPE_VLAN = 0x8100,
    ETYPE_IPV6 = 0x86dd,
    ETYPE_MPLS = 0x8847,
    ETYPE_MPLS_MULTICAST = 0x8848,
    ETYPE_SERVICE_VLAN = 0x88a8,
    ETYPE_TEB = 0x6558, /* Ethernet in GRE */
};

enum {
    PROTO_HOPOPT = 0,
    PROTO_ICMP = 1,
    PROTO_IPIP = 4,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_GRE = 47,
    PROTO_AUTH = 51,
    PROTO_ICMPV6 = 58,
    PROTO_DESTINATION = 60,
};

enum { VXLAN_PORT = 4789, GENEVE_PORT = 6081, TEREDO_PORT = 3544 };

/* Layers of a packet that are read at most: tunnels could go on for ever. */
#define LAYERS_MAX NF_LIST_MAX

/* What comes next. */
enum next { DONE, ETHERNET, BY_ETYPE, BY_PROTOCOL };

struct walk {
    struct nf_flow *f;
    struct sr_reader r;
    enum next next;
    unsigned etype;    /* with BY_ETYPE */
    unsigned protocol; /* with BY_PROTOCOL */
    unsigned depth;    /* of IP headers: the outermost one describes the flow */
};

/* A layer of `size` bytes begins at the reader; false when its bytes are not there. */
static bool
enter(struct walk *w, enum nf_layer layer, size_t size)
{
    if (sr_reader_left(&w->r) < size ||
        (nf_flow_has(w->f, NF_LAYER_SIZE) && w->f->layer_size.count >= LAYERS_MAX)) {
        w->next = DONE;
        return false;
    }
    nf_flow_add_number(w->f, NF_LAYER_STACK, &w->f->layer_stack, layer);
    nf_flow_add_number(w->f, NF_LAYER_SIZE, &w->f->layer_size, (uint32_t)size);
    return true;
}

/* Sets what the record has not set itself, of the outermost packet only. */
static void
set(struct walk *w, enum nf_slot slot, uint64_t value)
{
    if (w->depth <= 1 && !nf_flow_has(w->f, slot)) {
        nf_flow_set(w->f, slot, value);
    }
}

static void
set_address(struct walk *w, enum nf_slot slot, size_t len)
{
    struct sr_span address = sr_reader_take(&w->r, len);

    if (w->depth <= 1 && !nf_flow_has(w->f, slot)) {
        nf_flow_set_bytes(w->f, slot, address);
    }
}

static uint64_t
take_mac(struct sr_reader *r)
{
    uint64_t high = sr_reader_be16(r);

    return high << 32 | sr_reader_be32(r);
}

static void
by_etype(struct walk *w, unsigned etype)
{
    w->next = BY_ETYPE;
    w->etype = etype;
}

static void
read_ethernet(struct walk *w)
{
    if (!enter(w, NF_LAYER_ETHERNET, 14)) {
        return;
    }
    uint64_t dst = take_mac(&w->r);
    uint64_t src = take_mac(&w->r);
    by_etype(w, sr_reader_be16(&w->r));
    if (w->depth > 0) {
        return; /* of a packet in a tunnel */
    }
    set(w, NF_DST_MAC, dst);
    set(w, NF_SRC_MAC, src);
    if (w->etype != ETYPE_VLAN && w->etype != ETYPE_SERVICE_VLAN) {
        set(w, NF_ETYPE, w->etype);
    }
}

static void
read_vlan(struct walk *w)
{
    if (!enter(w, NF_LAYER_DOT1Q, 4)) {
        return;
    }
    unsigned vlan = sr_reader_be16(&w->r) & 0xfffU;
    by_etype(w, sr_reader_be16(&w->r));
    if (w->depth == 0) {
        set(w, NF_VLAN_ID, vlan);
        set(w, NF_SRC_VLAN, vlan);
        set(w, NF_ETYPE, w->etype);
    }
}

/* RFC 3032 section 2.1; behind the stack's bottom the first nibble tells the IP version. */
static void
read_mpls(struct walk *w)
{
    bool bottom = false;

    while (!bottom) {
        if (!enter(w, NF_LAYER_MPLS, 4)) {
            return;
        }
        uint32_t entry = sr_reader_be32(&w->r);
        bottom = (entry >> 8 & 1) != 0;
        nf_flow_add_number(w->f, NF_MPLS_LABEL, &w->f->mpls_label, entry >> 12);
        nf_flow_add_number(w->f, NF_MPLS_TTL, &w->f->mpls_ttl, entry & 0xff);
    }
    unsigned version = sr_reader_left(&w->r) > 0 ? w->r.pos[0] >> 4 : 0;
    if (version == 4 || version == 6) {
        by_etype(w, version == 4 ? ETYPE_IPV4 : ETYPE_IPV6);
    } else {
        w->next = DONE;
    }
}

/* One packet was seen: of the frame's length when it is known, else of the IP packet's. */
static void
count_packet(struct walk *w, uint64_t ip_length)
{
    uint64_t frame = nf_flow_get(w->f, NF_FRAME_LENGTH);

    if (w->depth == 1 && !nf_flow_has(w->f, NF_PACKETS) && !nf_flow_has(w->f, NF_BYTES)) {
        nf_flow_set(w->f, NF_BYTES, ip_length != 0 ? ip_length : frame);
        nf_flow_set(w->f, NF_PACKETS, 1);
    }
}

static void
by_protocol(struct walk *w, unsigned protocol)
{
    w->next = BY_PROTOCOL;
    w->protocol = protocol;
}

static void
read_ipv4(struct walk *w)
{
    size_t left = sr_reader_left(&w->r);
    size_t size = left > 0 ? (size_t)(w->r.pos[0] & 0xf) * 4 : 0;

    if (size < 20 || !enter(w, NF_LAYER_IPV4, size)) {
        w->next = DONE;
        return;
    }
    w->depth++;
    (void)sr_reader_u8(&w->r);
    set(w, NF_IP_TOS, sr_reader_u8(&w->r));
    count_packet(w, sr_reader_be16(&w->r));
    set(w, NF_FRAGMENT_ID, sr_reader_be16(&w->r));
    unsigned fragment = sr_reader_be16(&w->r);
    set(w, NF_IP_FLAGS, fragment >> 13);
    set(w, NF_FRAGMENT_OFFSET, fragment & 0x1fffU);
    set(w, NF_IP_TTL, sr_reader_u8(&w->r));
    by_protocol(w, sr_reader_u8(&w->r));
    (void)sr_reader_be16(&w->r);
    set_address(w, NF_SRC_ADDR, 4);
    set_address(w, NF_DST_ADDR, 4);
    (void)sr_reader_take(&w->r, size - 20);
    set(w, NF_PROTO, w->protocol);
    set(w, NF_ETYPE, ETYPE_IPV4);
    if ((fragment & 0x1fff) != 0) {
        w->next = DONE; /* what follows is the middle of something */
    }
}

static void
read_ipv6(struct walk *w)
{
    if (!enter(w, NF_LAYER_IPV6, 40)) {
        return;
    }
    w->depth++;
    uint32_t first = sr_reader_be32(&w->r);
    set(w, NF_IP_TOS, first >> 20 & 0xff);
    set(w, NF_IPV6_FLOW_LABEL, first & 0xfffff);
    count_packet(w, (uint64_t)sr_reader_be16(&w->r) + 40);
    by_protocol(w, sr_reader_u8(&w->r));
    set(w, NF_IP_TTL, sr_reader_u8(&w->r));
    set_address(w, NF_SRC_ADDR, 16);
    set_address(w, NF_DST_ADDR, 16);
    set(w, NF_ETYPE, ETYPE_IPV6);
}

/* RFC 8200 section 4, RFC 8754 section 2: extension headers of 8 bytes and more. */
static void
read_extension(struct walk *w, enum nf_layer layer, unsigned unit)
{
    size_t left = sr_reader_left(&w->r);
    size_t size = left > 1 ? ((size_t)w->r.pos[1] + (unit == 8 ? 1 : 2)) * unit : 0;

    if (size < 8 || sr_reader_left(&w->r) < size) {
        w->next = DONE;
        return;
    }
    if (layer != NF_LAYER_CUSTOM && !enter(w, layer, size)) {
        return;
    }
    struct sr_span header = sr_reader_take(&w->r, size);
    by_protocol(w, header.data[0]);
    if (layer == NF_LAYER_IPV6_ROUTING) {
        set(w, NF_IPV6_ROUTING_HEADER_SEG_LEFT, header.data[3]);
        /* Types 0, 2 and 4 hold addresses behind 8 bytes; type 4 has options behind them. */
        size_t addresses = header.data[2] == 4 ? (size_t)header.data[4] + 1 : (size - 8) / 16;
        for (size_t i = 0; i < addresses && 8 + 16 * (i + 1) <= size; i++) {
            nf_flow_add_address(w->f, NF_IPV6_ROUTING_HEADER_ADDRESSES, &w->f->routing_addresses,
                (struct sr_span){ header.data + 8 + 16 * i, 16 });
        }
    }
}

static void
read_fragment(struct walk *w)
{
    if (!enter(w, NF_LAYER_IPV6_FRAGMENT, 8)) {
        return;
    }
    by_protocol(w, sr_reader_u8(&w->r));
    (void)sr_reader_u8(&w->r);
    unsigned offset = sr_reader_be16(&w->r);
    set(w, NF_FRAGMENT_OFFSET, offset >> 3);
    set(w, NF_IP_FLAGS, offset & 1);
    set(w, NF_FRAGMENT_ID, sr_reader_be32(&w->r));
    if (offset >> 3 != 0) {
        w->next = DONE;
    }
}

static void
read_ports(struct walk *w, unsigned *ret_destination)
{
    set(w, NF_SRC_PORT, sr_reader_be16(&w->r));
    *ret_destination = sr_reader_be16(&w->r);
    set(w, NF_DST_PORT, *ret_destination);
}

static void
read_tcp(struct walk *w)
{
    unsigned port;

    w->next = DONE;
    if (sr_reader_left(&w->r) >= 4 && sr_reader_left(&w->r) < 20) {
        read_ports(w, &port); /* a section that ends within the header */
        return;
    }
    if (enter(w, NF_LAYER_TCP, 20)) {
        read_ports(w, &port);
        (void)sr_reader_be64(&w->r);
        (void)sr_reader_u8(&w->r);
        set(w, NF_TCP_FLAGS, sr_reader_u8(&w->r));
    }
}

/* Tunnels over UDP: Geneve (RFC 8926), VXLAN (RFC 7348), Teredo (RFC 4380). */
static void
read_udp(struct walk *w)
{
    unsigned port;

    w->next = DONE;
    if (!enter(w, NF_LAYER_UDP, 8)) {
        return;
    }
    read_ports(w, &port);
    (void)sr_reader_be32(&w->r);
    if (port == VXLAN_PORT && enter(w, NF_LAYER_CUSTOM, 8)) {
        (void)sr_reader_be64(&w->r);
        w->next = ETHERNET;
    } else if (port == GENEVE_PORT && sr_reader_left(&w->r) >= 8 &&
               enter(w, NF_LAYER_GENEVE, 8 + (size_t)(w->r.pos[0] & 0x3f) * 4)) {
        size_t options = (size_t)(sr_reader_u8(&w->r) & 0x3f) * 4;
        (void)sr_reader_u8(&w->r);
        by_etype(w, sr_reader_be16(&w->r));
        (void)sr_reader_take(&w->r, 4 + options);
    } else if (port == TEREDO_PORT && sr_reader_left(&w->r) >= 40 && w->r.pos[0] >> 4 == 6) {
        nf_flow_add_number(w->f, NF_LAYER_STACK, &w->f->layer_stack, NF_LAYER_TEREDO);
        nf_flow_add_number(w->f, NF_LAYER_SIZE, &w->f->layer_size, 0);
        by_etype(w, ETYPE_IPV6);
    }
}

static void
read_icmp(struct walk *w, enum nf_layer layer)
{
    w->next = DONE;
    if (enter(w, layer, 4)) {
        set(w, NF_ICMP_TYPE, sr_reader_u8(&w->r));
        set(w, NF_ICMP_CODE, sr_reader_u8(&w->r));
    }
}

/* RFC 2784 and RFC 2890: checksum, key and sequence number are there when their bit is. */
static void
read_gre(struct walk *w)
{
    size_t left = sr_reader_left(&w->r);
    unsigned flags = left > 0 ? w->r.pos[0] : 0;
    size_t size = 4 + ((flags & 0x80) != 0 ? 4U : 0U) + ((flags & 0x20) != 0 ? 4U : 0U) +
                  ((flags & 0x10) != 0 ? 4U : 0U);

    if (!enter(w, NF_LAYER_GRE, size)) {
        return;
    }
    (void)sr_reader_be16(&w->r);
    by_etype(w, sr_reader_be16(&w->r));
    (void)sr_reader_take(&w->r, size - 4);
}

static void
read_by_etype(struct walk *w)
{
    switch (w->etype) {
    case ETYPE_VLAN:
    case ETYPE_SERVICE_VLAN: read_vlan(w); return;
    case ETYPE_MPLS:
    case ETYPE_MPLS_MULTICAST: read_mpls(w); return;
    case ETYPE_IPV4: read_ipv4(w); return;
    case ETYPE_IPV6: read_ipv6(w); return;
    case ETYPE_TEB: read_ethernet(w); return;
    default: w->next = DONE; return;
    }
}

static void
read_by_protocol(struct walk *w)
{
    unsigned protocol = w->protocol;

    if (w->depth == 1 && protocol != PROTO_HOPOPT && protocol != PROTO_ROUTING &&
        protocol != PROTO_FRAGMENT && protocol != PROTO_DESTINATION && protocol != PROTO_AUTH) {
        set(w, NF_PROTO, protocol);
    }
    switch (protocol) {
    case PROTO_TCP: read_tcp(w); return;
    case PROTO_UDP: read_udp(w); return;
    case PROTO_ICMP: read_icmp(w, NF_LAYER_ICMP); return;
    case PROTO_ICMPV6: read_icmp(w, NF_LAYER_ICMPV6); return;
    case PROTO_GRE: read_gre(w); return;
    case PROTO_IPIP: read_ipv4(w); return;
    case PROTO_IPV6: read_ipv6(w); return;
    case PROTO_ROUTING: read_extension(w, NF_LAYER_IPV6_ROUTING, 8); return;
    case PROTO_FRAGMENT: read_fragment(w); return;
    case PROTO_HOPOPT:
    case PROTO_DESTINATION: read_extension(w, NF_LAYER_CUSTOM, 8); return;
    case PROTO_AUTH: read_extension(w, NF_LAYER_CUSTOM, 4); return;
    default: w->next = DONE; return;
    }
}

void
nf_packet_read(struct sr_span packet, bool is_frame, struct nf_flow *f)
{
    struct walk w = { .f = f, .r = sr_reader_init(packet), .next = is_frame ? ETHERNET : DONE };

    if (!is_frame && packet.len > 0) {
        unsigned version = packet.data[0] >> 4;
        by_etype(&w, version == 4 ? ETYPE_IPV4 : version == 6 ? ETYPE_IPV6 : 0);
    }
    for (unsigned i = 0; w.next != DONE && i < 2 * LAYERS_MAX; i++) {
        switch (w.next) {
        case DONE: return;
        case ETHERNET: read_ethernet(&w); break;
        case BY_ETYPE: read_by_etype(&w); break;
        case BY_PROTOCOL: read_by_protocol(&w); break;
        }
    }
}
