/* SPDX-License-Identifier: Apache-2.0 */
/* Reads flowpb.FlowMessage back, for those who show what was published. */
#include <stddef.h>

#include "decode/output.h"

#include "sr/banned.h"

#define VARINT_MAX 10U /* bytes of one of 64 bits */
#define TAG_MAX 116U

enum wire { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };
enum kind { NONE = 0, NUMBER, BYTES, NUMBERS, ADDRESSES };

struct field {
    uint8_t kind; /* enum kind */
    uint8_t slot;
    uint16_t list; /* of repeated fields: offset in struct nf_flow */
};

#define LIST(slot, kind, member)                                                                   \
    {                                                                                              \
        kind, slot, offsetof(struct nf_flow, member)                                               \
    }

/* By tag. */
static const struct field fields[TAG_MAX + 1] = {
    [1] = { NUMBER, NF_TYPE, 0 },
    [3] = { NUMBER, NF_SAMPLING_RATE, 0 },
    [4] = { NUMBER, NF_SEQUENCE_NUM, 0 },
    [6] = { BYTES, NF_SRC_ADDR, 0 },
    [7] = { BYTES, NF_DST_ADDR, 0 },
    [9] = { NUMBER, NF_BYTES, 0 },
    [10] = { NUMBER, NF_PACKETS, 0 },
    [11] = { BYTES, NF_SAMPLER_ADDRESS, 0 },
    [12] = { BYTES, NF_NEXT_HOP, 0 },
    [13] = { NUMBER, NF_NEXT_HOP_AS, 0 },
    [14] = { NUMBER, NF_SRC_AS, 0 },
    [15] = { NUMBER, NF_DST_AS, 0 },
    [16] = { NUMBER, NF_SRC_NET, 0 },
    [17] = { NUMBER, NF_DST_NET, 0 },
    [18] = { NUMBER, NF_IN_IF, 0 },
    [19] = { NUMBER, NF_OUT_IF, 0 },
    [20] = { NUMBER, NF_PROTO, 0 },
    [21] = { NUMBER, NF_SRC_PORT, 0 },
    [22] = { NUMBER, NF_DST_PORT, 0 },
    [23] = { NUMBER, NF_IP_TOS, 0 },
    [24] = { NUMBER, NF_FORWARDING_STATUS, 0 },
    [25] = { NUMBER, NF_IP_TTL, 0 },
    [26] = { NUMBER, NF_TCP_FLAGS, 0 },
    [27] = { NUMBER, NF_SRC_MAC, 0 },
    [28] = { NUMBER, NF_DST_MAC, 0 },
    [29] = { NUMBER, NF_VLAN_ID, 0 },
    [30] = { NUMBER, NF_ETYPE, 0 },
    [31] = { NUMBER, NF_ICMP_TYPE, 0 },
    [32] = { NUMBER, NF_ICMP_CODE, 0 },
    [33] = { NUMBER, NF_SRC_VLAN, 0 },
    [34] = { NUMBER, NF_DST_VLAN, 0 },
    [35] = { NUMBER, NF_FRAGMENT_ID, 0 },
    [36] = { NUMBER, NF_FRAGMENT_OFFSET, 0 },
    [37] = { NUMBER, NF_IPV6_FLOW_LABEL, 0 },
    [38] = { NUMBER, NF_IP_FLAGS, 0 },
    [70] = { NUMBER, NF_OBSERVATION_DOMAIN_ID, 0 },
    [71] = { NUMBER, NF_OBSERVATION_POINT_ID, 0 },
    [80] = LIST(NF_MPLS_TTL, NUMBERS, mpls_ttl),
    [81] = LIST(NF_MPLS_LABEL, NUMBERS, mpls_label),
    [82] = LIST(NF_MPLS_IP, ADDRESSES, mpls_ip),
    [100] = { BYTES, NF_BGP_NEXT_HOP, 0 },
    [101] = LIST(NF_BGP_COMMUNITIES, NUMBERS, bgp_communities),
    [102] = LIST(NF_AS_PATH, NUMBERS, as_path),
    [103] = LIST(NF_LAYER_STACK, NUMBERS, layer_stack),
    [104] = LIST(NF_LAYER_SIZE, NUMBERS, layer_size),
    [105] = LIST(NF_IPV6_ROUTING_HEADER_ADDRESSES, ADDRESSES, routing_addresses),
    [106] = { NUMBER, NF_IPV6_ROUTING_HEADER_SEG_LEFT, 0 },
    [107] = { BYTES, NF_PROTOCOL_NAME, 0 },
    [110] = { NUMBER, NF_TIME_RECEIVED_NS, 0 },
    [111] = { NUMBER, NF_TIME_FLOW_START_NS, 0 },
    [112] = { NUMBER, NF_TIME_FLOW_END_NS, 0 },
    [113] = { NUMBER, NF_BYTES_IN, 0 },
    [114] = { NUMBER, NF_BYTES_OUT, 0 },
    [115] = { NUMBER, NF_PACKETS_IN, 0 },
    [116] = { NUMBER, NF_PACKETS_OUT, 0 },
};

static uint64_t
read_varint(struct sr_reader *r)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < VARINT_MAX; i++) {
        uint8_t byte = sr_reader_u8(r);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            return value;
        }
    }
    r->failed = true;
    return 0;
}

static struct sr_span
read_bytes(struct sr_reader *r)
{
    uint64_t len = read_varint(r);

    return sr_reader_take(r, len <= sr_reader_left(r) ? (size_t)len : SIZE_MAX);
}

static void
add_number(struct nf_flow *f, const struct field *field, uint64_t value)
{
    struct nf_numbers *list = (void *)((char *)f + field->list);

    if (!nf_flow_has(f, (enum nf_slot)field->slot)) {
        list->count = 0;
    }
    if (list->count < NF_LIST_MAX) {
        list->items[list->count++] = (uint32_t)value;
    }
    f->present[0] |= UINT64_C(1) << field->slot;
}

static void
add_address(struct nf_flow *f, const struct field *field, struct sr_span address)
{
    struct nf_addresses *list = (void *)((char *)f + field->list);

    if (!nf_flow_has(f, (enum nf_slot)field->slot)) {
        list->count = 0;
    }
    if (list->count < NF_LIST_MAX) {
        list->items[list->count++] = address;
    }
    f->present[0] |= UINT64_C(1) << field->slot;
}

/* Numbers in one field (packed), as proto3 writes repeated ones. */
static void
add_packed(struct sr_reader *r, struct nf_flow *f, const struct field *field)
{
    struct sr_reader numbers = sr_reader_init(read_bytes(r));

    while (sr_reader_left(&numbers) > 0 && !numbers.failed) {
        uint64_t value = read_varint(&numbers);
        if (!numbers.failed) {
            add_number(f, field, value);
        }
    }
    r->failed = r->failed || numbers.failed;
}

static void
skip_field(struct sr_reader *r, unsigned wire)
{
    switch (wire) {
    case VARINT: (void)read_varint(r); break;
    case FIXED64: (void)sr_reader_take(r, 8); break;
    case LENGTH: (void)read_bytes(r); break;
    case FIXED32: (void)sr_reader_take(r, 4); break;
    default: r->failed = true; break; /* groups, which proto3 has not */
    }
}

static void
read_field(struct sr_reader *r, struct nf_flow *f, const struct field *field, unsigned wire)
{
    if (field->kind == NUMBER && wire == VARINT) {
        nf_flow_set(f, (enum nf_slot)field->slot, read_varint(r));
    } else if (field->kind == BYTES && wire == LENGTH) {
        nf_flow_set_bytes(f, (enum nf_slot)field->slot, read_bytes(r));
    } else if (field->kind == NUMBERS && wire == VARINT) {
        add_number(f, field, read_varint(r));
    } else if (field->kind == NUMBERS && wire == LENGTH) {
        add_packed(r, f, field);
    } else if (field->kind == ADDRESSES && wire == LENGTH) {
        add_address(f, field, read_bytes(r));
    } else {
        skip_field(r, wire);
    }
}

bool
nf_protobuf_read(struct sr_span message, struct nf_flow *ret_flow)
{
    struct sr_reader r = sr_reader_init(message);

    ret_flow->present[0] = 0;
    ret_flow->present[1] = 0;
    while (sr_reader_left(&r) > 0 && !r.failed) {
        uint64_t key = read_varint(&r);
        uint64_t tag = key >> 3;
        if (!r.failed) {
            read_field(&r, ret_flow, &fields[tag <= TAG_MAX ? tag : 0], (unsigned)(key & 7));
        }
    }
    return !r.failed;
}
