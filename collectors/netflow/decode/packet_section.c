/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a sampled packet (elements 104, 313 and 315). Unlike sr_packet_walk() this reads as
 * far as the bytes go, for an exporter sends the first 64 or 128 bytes of a packet.
 */
#include "decode/record.h"

#include "sr/banned.h"

enum {
    ETYPE_MIN = 0x0600,
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
    uint64_t own;      /* nf_flow.present[0] of the record itself */
    unsigned depth;    /* of IP headers: the outermost one describes the flow */
};

/* A layer of `size` bytes begins at the reader; false when not even its first `least` are there. */
static bool
enter(struct walk *w, enum nf_layer layer, size_t least, size_t size)
{
    if (sr_reader_left(&w->r) < least ||
        (nf_flow_has(w->f, NF_LAYER_SIZE) && w->f->layer_size.count >= LAYERS_MAX)) {
        w->next = DONE;
        return false;
    }
    nf_flow_add_number(w->f, NF_LAYER_STACK, &w->f->layer_stack, layer);
    nf_flow_add_number(w->f, NF_LAYER_SIZE, &w->f->layer_size, (uint32_t)size);
    return true;
}

/* Goes past bytes of a header, at the end of which the section may have ended. */
static void
skip(struct walk *w, size_t size)
{
    if (sr_reader_left(&w->r) < size) {
        w->next = DONE;
    } else {
        (void)sr_reader_take(&w->r, size);
    }
}

/* Sets what the record has not set itself, of the outermost packet only. */
static void
set(struct walk *w, enum nf_slot slot, uint64_t value)
{
    if (w->depth <= 1 && !nf_flow_has(w->f, slot)) {
        nf_flow_set(w->f, slot, value);
    }
}

/* The record may have the address as one of either family, which is chosen of later. */
static void
set_address(struct walk *w, enum nf_slot slot, enum nf_slot slot6, size_t len)
{
    struct sr_span address = sr_reader_take(&w->r, len);

    if (w->depth <= 1 && !nf_flow_has(w->f, slot) && !nf_flow_has(w->f, slot6)) {
        nf_flow_set_bytes(w->f, slot, address);
    }
}

/* True when elements of a repeated field may be added. */
static bool
may_add(const struct walk *w, enum nf_slot slot)
{
    return w->depth <= 1 && (w->own >> slot & 1) == 0;
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
    if (!enter(w, NF_LAYER_ETHERNET, 14, 14)) {
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
}

static void
read_vlan(struct walk *w)
{
    if (!enter(w, NF_LAYER_DOT1Q, 4, 4)) {
        return;
    }
    unsigned vlan = sr_reader_be16(&w->r) & 0xfffU;
    by_etype(w, sr_reader_be16(&w->r));
    if (w->depth == 0) {
        set(w, NF_VLAN_ID, vlan);
        set(w, NF_SRC_VLAN, vlan);
    }
}

/* The version that the header at the reader says, 0: none is there. */
static unsigned
ip_version(const struct walk *w)
{
    return sr_reader_left(&w->r) > 0 ? w->r.pos[0] >> 4 : 0;
}

/* RFC 3032 section 2.1; behind the stack's bottom the first nibble tells the IP version. */
static void
read_mpls(struct walk *w)
{
    bool bottom = false;

    while (!bottom) {
        if (!enter(w, NF_LAYER_MPLS, 4, 4)) {
            return;
        }
        uint32_t entry = sr_reader_be32(&w->r);
        bottom = (entry >> 8 & 1) != 0;
        if (may_add(w, NF_MPLS_LABEL)) {
            nf_flow_add_number(w->f, NF_MPLS_LABEL, &w->f->mpls_label, entry >> 12);
        }
        if (may_add(w, NF_MPLS_TTL)) {
            nf_flow_add_number(w->f, NF_MPLS_TTL, &w->f->mpls_ttl, entry & 0xff);
        }
    }
    unsigned version = ip_version(w);
    if (version == 4 || version == 6) {
        by_etype(w, version == 4 ? ETYPE_IPV4 : ETYPE_IPV6);
    } else {
        w->next = DONE;
    }
}

static bool
has_counters(const struct nf_flow *f)
{
    uint64_t any = nf_flow_get(f, NF_BYTES) | nf_flow_get(f, NF_PACKETS);

    for (unsigned slot = NF_TOTAL_BYTES; slot <= NF_LAYER2_BYTES; slot++) {
        any |= nf_flow_get(f, (enum nf_slot)slot);
    }
    return any != 0;
}

/* One packet was seen: of the length that its IP header says, else of its frame's when known. */
static void
count_packet(struct walk *w, uint64_t ip_length)
{
    if (!has_counters(w->f)) {
        nf_flow_set(
            w->f, NF_BYTES, ip_length != 0 ? ip_length : nf_flow_get(w->f, NF_FRAME_LENGTH));
        nf_flow_set(w->f, NF_PACKETS, 1);
    }
}

static void
by_protocol(struct walk *w, unsigned protocol)
{
    w->next = BY_PROTOCOL;
    w->protocol = protocol;
}

static bool
is_extension(unsigned protocol)
{
    return protocol == PROTO_HOPOPT || protocol == PROTO_ROUTING || protocol == PROTO_FRAGMENT ||
           protocol == PROTO_DESTINATION || protocol == PROTO_AUTH;
}

/* The flow is one of the first protocol that is no extension header. */
static void
set_protocol(struct walk *w)
{
    if (w->depth == 1 && !is_extension(w->protocol)) {
        set(w, NF_PROTO, w->protocol);
    }
}

static void
read_ipv4(struct walk *w)
{
    size_t size = ip_version(w) == 4 ? (size_t)(w->r.pos[0] & 0xf) * 4 : 0;

    if (size < 20 || !enter(w, NF_LAYER_IPV4, 20, size)) {
        w->next = DONE;
        return;
    }
    w->depth++;
    (void)sr_reader_u8(&w->r);
    set(w, NF_IP_TOS, sr_reader_u8(&w->r));
    unsigned length = sr_reader_be16(&w->r);
    if (w->depth == 1) {
        count_packet(w, length);
    }
    set(w, NF_FRAGMENT_ID, sr_reader_be16(&w->r));
    unsigned fragment = sr_reader_be16(&w->r);
    set(w, NF_IP_FLAGS, fragment >> 13);
    set(w, NF_FRAGMENT_OFFSET, fragment & 0x1fffU);
    set(w, NF_IP_TTL, sr_reader_u8(&w->r));
    by_protocol(w, sr_reader_u8(&w->r));
    (void)sr_reader_be16(&w->r);
    set_address(w, NF_SRC_ADDR, NF_SRC_ADDR6, 4);
    set_address(w, NF_DST_ADDR, NF_DST_ADDR6, 4);
    set(w, NF_PROTO, w->protocol);
    set(w, NF_ETYPE, ETYPE_IPV4);
    skip(w, size - 20);
    if ((fragment & 0x1fff) != 0) {
        w->next = DONE; /* what follows is the middle of something */
    }
}

static void
read_ipv6(struct walk *w)
{
    if (ip_version(w) != 6 || !enter(w, NF_LAYER_IPV6, 40, 40)) {
        w->next = DONE;
        return;
    }
    w->depth++;
    uint32_t first = sr_reader_be32(&w->r);
    set(w, NF_IP_TOS, first >> 20 & 0xff);
    set(w, NF_IPV6_FLOW_LABEL, first & 0xfffff);
    unsigned length = sr_reader_be16(&w->r);
    if (w->depth == 1) {
        /* None is said of a jumbogram, RFC 2675. */
        bool frame = length == 0 && nf_flow_has(w->f, NF_FRAME_LENGTH);
        count_packet(w, frame ? 0 : length + 40U);
    }
    by_protocol(w, sr_reader_u8(&w->r));
    set(w, NF_IP_TTL, sr_reader_u8(&w->r));
    set_address(w, NF_SRC_ADDR, NF_SRC_ADDR6, 16);
    set_address(w, NF_DST_ADDR, NF_DST_ADDR6, 16);
    set(w, NF_ETYPE, ETYPE_IPV6);
}

/* RFC 8200 sections 4.3 and 4.6; RFC 4302 counts 4 bytes and two of them less. */
static void
read_extension(struct walk *w)
{
    bool auth = w->protocol == PROTO_AUTH;

    if (sr_reader_left(&w->r) < 2) {
        w->next = DONE;
        return;
    }
    size_t units = w->r.pos[1];
    by_protocol(w, w->r.pos[0]);
    set_protocol(w);
    skip(w, auth ? (units + 2) * 4 : (units + 1) * 8);
}

/* Types 0, 2 (RFC 6275) and 4 (RFC 8754) hold addresses behind 8 bytes; type 4 has options behind
 * them. Others squeeze them. */
static void
read_addresses(struct walk *w, struct sr_span header)
{
    unsigned type = header.data[2];
    size_t count = type == 4 ? header.data[4] + 1U : type == 0 || type == 2 ? header.len / 16 : 0;

    for (size_t i = 0; i < count && 8 + 16 * (i + 1) <= header.len; i++) {
        nf_flow_add_address(w->f, NF_IPV6_ROUTING_HEADER_ADDRESSES, &w->f->routing_addresses,
            (struct sr_span){ header.data + 8 + 16 * i, 16 });
    }
}

/* RFC 8200 section 4.4. */
static void
read_routing(struct walk *w)
{
    size_t left = sr_reader_left(&w->r);
    size_t size = left > 1 ? ((size_t)w->r.pos[1] + 1) * 8 : 8;

    if (!enter(w, NF_LAYER_IPV6_ROUTING, 8, size)) {
        return;
    }
    struct sr_span header = { w->r.pos, left < size ? left : size };
    by_protocol(w, header.data[0]);
    set_protocol(w);
    set(w, NF_IPV6_ROUTING_HEADER_SEG_LEFT, header.data[3]);
    if (may_add(w, NF_IPV6_ROUTING_HEADER_ADDRESSES)) {
        read_addresses(w, header);
    }
    skip(w, size);
}

static void
read_fragment(struct walk *w)
{
    if (!enter(w, NF_LAYER_IPV6_FRAGMENT, 8, 8)) {
        return;
    }
    by_protocol(w, sr_reader_u8(&w->r));
    set_protocol(w);
    (void)sr_reader_u8(&w->r);
    unsigned offset = sr_reader_be16(&w->r);
    set(w, NF_FRAGMENT_OFFSET, offset >> 3);
    set(w, NF_IP_FLAGS, offset & 1);
    set(w, NF_FRAGMENT_ID, sr_reader_be32(&w->r));
    if (offset >> 3 != 0) {
        w->next = DONE;
    }
}

static unsigned
read_ports(struct walk *w)
{
    set(w, NF_SRC_PORT, sr_reader_be16(&w->r));
    unsigned destination = sr_reader_be16(&w->r);
    set(w, NF_DST_PORT, destination);
    return destination;
}

/* Ports are read of a header that is cut, too. */
static void
read_tcp(struct walk *w)
{
    size_t left = sr_reader_left(&w->r);
    size_t size = left > 12 ? (size_t)(w->r.pos[12] >> 4) * 4 : 20;

    w->next = DONE;
    if (enter(w, NF_LAYER_TCP, 4, size < 20 ? 20 : size)) {
        (void)read_ports(w);
        (void)sr_reader_be64(&w->r);
        (void)sr_reader_u8(&w->r);
        set(w, NF_TCP_FLAGS, sr_reader_u8(&w->r)); /* 0 when it is not there */
    }
}

/* RFC 8926: the options' length is in 4 bytes. */
static void
read_geneve(struct walk *w)
{
    if (sr_reader_left(&w->r) < 8 || w->r.pos[0] >> 6 != 0) {
        return;
    }
    size_t options = (size_t)(w->r.pos[0] & 0x3f) * 4;
    if (enter(w, NF_LAYER_GENEVE, 8, 8 + options)) {
        (void)sr_reader_be16(&w->r);
        by_etype(w, sr_reader_be16(&w->r));
        skip(w, 4 + options);
    }
}

/* Tunnels over UDP: Geneve (RFC 8926), VXLAN (RFC 7348, its flag I must be set), Teredo (RFC 4380,
 * which has no header of its own). */
static void
read_udp(struct walk *w)
{
    w->next = DONE;
    if (!enter(w, NF_LAYER_UDP, 4, 8)) {
        return;
    }
    unsigned port = read_ports(w);
    (void)sr_reader_be32(&w->r);
    size_t left = w->r.failed ? 0 : sr_reader_left(&w->r);
    if (port == VXLAN_PORT && left >= 8 && (w->r.pos[0] & 0x08) != 0) {
        if (enter(w, NF_LAYER_CUSTOM, 8, 8)) {
            (void)sr_reader_be64(&w->r);
            w->next = ETHERNET;
        }
    } else if (port == GENEVE_PORT && left >= 8) {
        read_geneve(w);
    } else if (port == TEREDO_PORT && left >= 40 && ip_version(w) == 6) {
        if (enter(w, NF_LAYER_TEREDO, 0, 0)) {
            by_etype(w, ETYPE_IPV6);
        }
    }
}

static void
read_icmp(struct walk *w, enum nf_layer layer)
{
    w->next = DONE;
    if (enter(w, layer, 2, 8) && nf_flow_get(w->f, NF_ICMP6) == 0 &&
        !nf_flow_has(w->f, NF_ICMP_TYPE) && !nf_flow_has(w->f, NF_ICMP_CODE)) {
        set(w, NF_ICMP_TYPE, sr_reader_u8(&w->r));
        set(w, NF_ICMP_CODE, sr_reader_u8(&w->r));
    }
}

/*
 * RFC 2784 and RFC 2890: checksum, key and sequence number are there when their bit is. Other
 * versions (RFC 2637) and source routes (RFC 1701) are not gone into.
 */
static void
read_gre(struct walk *w)
{
    if (sr_reader_left(&w->r) < 4 || (w->r.pos[0] & 0x40) != 0 || (w->r.pos[1] & 7) != 0) {
        (void)enter(w, NF_LAYER_GRE, 4, 4);
        w->next = DONE;
        return;
    }
    unsigned flags = w->r.pos[0];
    size_t options = ((flags & 0x80) != 0 ? 4U : 0U) + ((flags & 0x20) != 0 ? 4U : 0U) +
                     ((flags & 0x10) != 0 ? 4U : 0U);
    if (enter(w, NF_LAYER_GRE, 4, 4 + options)) {
        (void)sr_reader_be16(&w->r);
        by_etype(w, sr_reader_be16(&w->r));
        skip(w, options);
    }
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
    set_protocol(w);
    switch (w->protocol) {
    case PROTO_TCP: read_tcp(w); return;
    case PROTO_UDP: read_udp(w); return;
    case PROTO_ICMP: read_icmp(w, NF_LAYER_ICMP); return;
    case PROTO_ICMPV6: read_icmp(w, NF_LAYER_ICMPV6); return;
    case PROTO_GRE: read_gre(w); return;
    case PROTO_IPIP: read_ipv4(w); return;
    case PROTO_IPV6: read_ipv6(w); return;
    case PROTO_ROUTING: read_routing(w); return;
    case PROTO_FRAGMENT: read_fragment(w); return;
    case PROTO_HOPOPT:
    case PROTO_DESTINATION:
    case PROTO_AUTH: read_extension(w); return;
    default: w->next = DONE; return;
    }
}

static void
go(struct walk *w)
{
    for (unsigned i = 0; w->next != DONE && i < 2 * LAYERS_MAX; i++) {
        switch (w->next) {
        case DONE: return;
        case ETHERNET: read_ethernet(w); break;
        case BY_ETYPE: read_by_etype(w); break;
        case BY_PROTOCOL: read_by_protocol(w); break;
        }
    }
}

void
nf_packet_read(struct sr_span packet, bool is_frame, struct nf_flow *f)
{
    struct walk w = {
        .f = f,
        .r = sr_reader_init(packet),
        .next = is_frame ? ETHERNET : DONE,
        .own = f->present[0],
    };

    /* A flow has one packet, of which a record may hold two sections. */
    if (nf_flow_has(f, NF_LAYER_STACK)) {
        return;
    }
    if (!is_frame) {
        unsigned version = ip_version(&w);
        by_etype(&w, version == 4 ? ETYPE_IPV4 : version == 6 ? ETYPE_IPV6 : 0);
    }
    go(&w);
    if (w.depth == 0) {
        /* What is not gone into: behind all tags; less is a length (IEEE 802.3 clause 3.2.6). */
        set(&w, NF_ETYPE, w.etype >= ETYPE_MIN ? w.etype : 0);
        count_packet(&w, 0);
    }
}
