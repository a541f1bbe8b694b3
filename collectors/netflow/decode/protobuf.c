/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/output.h"
#include "decode/varint.h"

#include "sr/banned.h"

enum kind { NUMBER = 0, BYTES, NUMBERS, ADDRESSES };

/* How the field of a slot is written. */
struct field {
    uint8_t kind;
    uint8_t key_len;
    uint8_t key[2]; /* tag and wire type, as a varint */
    uint32_t list;  /* offset in struct nf_flow of a repeated field's elements */
};

/* Wire types: 0 is a varint, 2 has a length. Repeated numbers are packed, proto3's default. */
#define LOW(TAG, WIRE, KIND, LIST)                                                                 \
    {                                                                                              \
        KIND, 1, { (TAG) << 3 | (WIRE), 0 }, LIST                                                  \
    }
#define HIGH(TAG, WIRE, KIND, LIST)                                                                \
    {                                                                                              \
        KIND, 2, { ((TAG) << 3 & 0x7f) | 0x80 | (WIRE), (TAG) >> 4 }, LIST                         \
    }
#define OF(LIST) offsetof(struct nf_flow, LIST)

static const struct field fields[NF_MESSAGE_SLOTS] = {
    [NF_TYPE] = LOW(1, 0, NUMBER, 0),
    [NF_SAMPLING_RATE] = LOW(3, 0, NUMBER, 0),
    [NF_SEQUENCE_NUM] = LOW(4, 0, NUMBER, 0),
    [NF_SRC_ADDR] = LOW(6, 2, BYTES, 0),
    [NF_DST_ADDR] = LOW(7, 2, BYTES, 0),
    [NF_BYTES] = LOW(9, 0, NUMBER, 0),
    [NF_PACKETS] = LOW(10, 0, NUMBER, 0),
    [NF_SAMPLER_ADDRESS] = LOW(11, 2, BYTES, 0),
    [NF_NEXT_HOP] = LOW(12, 2, BYTES, 0),
    [NF_NEXT_HOP_AS] = LOW(13, 0, NUMBER, 0),
    [NF_SRC_AS] = LOW(14, 0, NUMBER, 0),
    [NF_DST_AS] = LOW(15, 0, NUMBER, 0),
    [NF_SRC_NET] = HIGH(16, 0, NUMBER, 0),
    [NF_DST_NET] = HIGH(17, 0, NUMBER, 0),
    [NF_IN_IF] = HIGH(18, 0, NUMBER, 0),
    [NF_OUT_IF] = HIGH(19, 0, NUMBER, 0),
    [NF_PROTO] = HIGH(20, 0, NUMBER, 0),
    [NF_SRC_PORT] = HIGH(21, 0, NUMBER, 0),
    [NF_DST_PORT] = HIGH(22, 0, NUMBER, 0),
    [NF_IP_TOS] = HIGH(23, 0, NUMBER, 0),
    [NF_FORWARDING_STATUS] = HIGH(24, 0, NUMBER, 0),
    [NF_IP_TTL] = HIGH(25, 0, NUMBER, 0),
    [NF_TCP_FLAGS] = HIGH(26, 0, NUMBER, 0),
    [NF_SRC_MAC] = HIGH(27, 0, NUMBER, 0),
    [NF_DST_MAC] = HIGH(28, 0, NUMBER, 0),
    [NF_VLAN_ID] = HIGH(29, 0, NUMBER, 0),
    [NF_ETYPE] = HIGH(30, 0, NUMBER, 0),
    [NF_ICMP_TYPE] = HIGH(31, 0, NUMBER, 0),
    [NF_ICMP_CODE] = HIGH(32, 0, NUMBER, 0),
    [NF_SRC_VLAN] = HIGH(33, 0, NUMBER, 0),
    [NF_DST_VLAN] = HIGH(34, 0, NUMBER, 0),
    [NF_FRAGMENT_ID] = HIGH(35, 0, NUMBER, 0),
    [NF_FRAGMENT_OFFSET] = HIGH(36, 0, NUMBER, 0),
    [NF_IPV6_FLOW_LABEL] = HIGH(37, 0, NUMBER, 0),
    [NF_IP_FLAGS] = HIGH(38, 0, NUMBER, 0),
    [NF_OBSERVATION_DOMAIN_ID] = HIGH(70, 0, NUMBER, 0),
    [NF_OBSERVATION_POINT_ID] = HIGH(71, 0, NUMBER, 0),
    [NF_MPLS_TTL] = HIGH(80, 2, NUMBERS, OF(mpls_ttl)),
    [NF_MPLS_LABEL] = HIGH(81, 2, NUMBERS, OF(mpls_label)),
    [NF_MPLS_IP] = HIGH(82, 2, ADDRESSES, OF(mpls_ip)),
    [NF_BGP_NEXT_HOP] = HIGH(100, 2, BYTES, 0),
    [NF_BGP_COMMUNITIES] = HIGH(101, 2, NUMBERS, OF(bgp_communities)),
    [NF_AS_PATH] = HIGH(102, 2, NUMBERS, OF(as_path)),
    [NF_LAYER_STACK] = HIGH(103, 2, NUMBERS, OF(layer_stack)),
    [NF_LAYER_SIZE] = HIGH(104, 2, NUMBERS, OF(layer_size)),
    [NF_IPV6_ROUTING_HEADER_ADDRESSES] = HIGH(105, 2, ADDRESSES, OF(routing_addresses)),
    [NF_IPV6_ROUTING_HEADER_SEG_LEFT] = HIGH(106, 0, NUMBER, 0),
    [NF_PROTOCOL_NAME] = HIGH(107, 2, BYTES, 0),
    [NF_TIME_RECEIVED_NS] = HIGH(110, 0, NUMBER, 0),
    [NF_TIME_FLOW_START_NS] = HIGH(111, 0, NUMBER, 0),
    [NF_TIME_FLOW_END_NS] = HIGH(112, 0, NUMBER, 0),
    [NF_BYTES_IN] = HIGH(113, 0, NUMBER, 0),
    [NF_BYTES_OUT] = HIGH(114, 0, NUMBER, 0),
    [NF_PACKETS_IN] = HIGH(115, 0, NUMBER, 0),
    [NF_PACKETS_OUT] = HIGH(116, 0, NUMBER, 0),
};

static inline uint8_t *
write_key(uint8_t *out, const struct field *field)
{
    memcpy(out, field->key, 2); /* overwritten when the key has one byte */
    return out + field->key_len;
}

/* Addresses have 4 or 16 bytes, names fewer than 32: the length is one byte. */
static inline uint8_t *
write_bytes(uint8_t *out, struct sr_span bytes)
{
    *out++ = (uint8_t)bytes.len;
    if (bytes.len == 4) {
        memcpy(out, bytes.data, 4);
        return out + 4;
    }
    memcpy(out, bytes.data, bytes.len);
    return out + bytes.len;
}

/* At most NF_LIST_MAX elements of 5 bytes: the length is one byte. */
static uint8_t *
write_packed(uint8_t *out, const struct nf_numbers *list)
{
    uint8_t *at = out + 1;

    for (unsigned i = 0; i < list->count; i++) {
        at = nf_varint_write(at, list->items[i]);
    }
    *out = (uint8_t)(at - out - 1);
    return at;
}

static uint8_t *
write_addresses(uint8_t *out, const struct field *field, const struct nf_addresses *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        out = write_bytes(write_key(out, field), list->items[i]);
    }
    return out;
}

/* The fields of `slots` (bits), which all hold numbers. */
static inline uint8_t *
write_numbers(uint8_t *at, const struct nf_flow *f, uint64_t slots)
{
    while (slots != 0) {
        unsigned slot = (unsigned)__builtin_ctzll(slots);
        slots &= slots - 1;
        at = nf_varint_write(write_key(at, &fields[slot]), f->number[slot]);
    }
    return at;
}

/* A field that holds bytes, when it is there. */
static inline uint8_t *
write_one(uint8_t *at, const struct nf_flow *f, enum nf_slot slot)
{
    return nf_flow_has(f, slot) ? write_bytes(write_key(at, &fields[slot]), f->bytes[slot]) : at;
}

/* The name of the protocol, copied with what lies behind it: that is one move, of no matter what
 * length. */
static inline uint8_t *
write_name(uint8_t *at, const struct nf_flow *f)
{
    struct sr_span name = f->bytes[NF_PROTOCOL_NAME];

    if (!nf_flow_has(f, NF_PROTOCOL_NAME)) {
        return at;
    }
    at = write_key(at, &fields[NF_PROTOCOL_NAME]);
    *at++ = (uint8_t)name.len;
    memcpy(at, name.data, NF_PROTOCOL_NAME_ROOM);
    return at + name.len;
}

/* The fields of `slots` (bits) of any kind. */
static uint8_t *
write_any(uint8_t *at, const struct nf_flow *f, uint64_t slots)
{
    while (slots != 0) {
        unsigned slot = (unsigned)__builtin_ctzll(slots);
        const struct field *field = &fields[slot];
        const void *list = (const char *)f + field->list;
        slots &= slots - 1;
        switch ((enum kind)field->kind) {
        case NUMBER: at = nf_varint_write(write_key(at, field), f->number[slot]); break;
        case BYTES: at = write_bytes(write_key(at, field), f->bytes[slot]); break;
        case NUMBERS: at = write_packed(write_key(at, field), list); break;
        case ADDRESSES: at = write_addresses(at, field, list); break;
        }
    }
    return at;
}

/* The slots from `first` up to and with `last`. */
#define RANGE(FIRST, LAST) ((UINT64_C(2) << (LAST)) - (UINT64_C(1) << (FIRST)))

static inline uint8_t *
write_part(uint8_t *at, const struct nf_part *part)
{
    memcpy(at, part->bytes, sizeof(part->bytes));
    return at + part->len;
}

static void
make_part(struct nf_part *part, const struct nf_flow *f, uint64_t slots)
{
    uint8_t room[NF_PROTOBUF_MAX];

    part->len = (uint8_t)(write_any(room, f, f->present[0] & slots) - room);
    memcpy(part->bytes, room, sizeof(part->bytes));
}

void
nf_protobuf_prepare(struct nf_flow *f)
{
    make_part(&f->shared.type, f, RANGE(NF_TYPE, NF_TYPE));
    make_part(&f->shared.sequence, f, RANGE(NF_SEQUENCE_NUM, NF_SEQUENCE_NUM));
    make_part(&f->shared.sampler, f, RANGE(NF_SAMPLER_ADDRESS, NF_SAMPLER_ADDRESS));
    make_part(&f->shared.received, f, RANGE(NF_TIME_RECEIVED_NS, NF_TIME_RECEIVED_NS));
}

/*
 * In the order of tags, as runs of numbers with bytes between them: a choice by kind at each field
 * would cost as much as the field.
 */
size_t
nf_protobuf_write(uint8_t *out, const struct nf_flow *f)
{
    uint64_t present = f->present[0];
    uint8_t *at = write_part(out, &f->shared.type);

    at = write_numbers(at, f, present & RANGE(NF_SAMPLING_RATE, NF_SAMPLING_RATE));
    at = write_part(at, &f->shared.sequence);
    at = write_one(at, f, NF_SRC_ADDR);
    at = write_one(at, f, NF_DST_ADDR);
    at = write_numbers(at, f, present & RANGE(NF_BYTES, NF_PACKETS));
    at = write_part(at, &f->shared.sampler);
    at = write_one(at, f, NF_NEXT_HOP);
    at = write_numbers(at, f, present & RANGE(NF_NEXT_HOP_AS, NF_OBSERVATION_POINT_ID));
    if ((present & RANGE(NF_MPLS_TTL, NF_IPV6_ROUTING_HEADER_SEG_LEFT)) != 0) {
        at = write_any(at, f, present & RANGE(NF_MPLS_TTL, NF_IPV6_ROUTING_HEADER_SEG_LEFT));
    }
    at = write_name(at, f);
    at = write_part(at, &f->shared.received);
    at = write_numbers(at, f, present & RANGE(NF_TIME_FLOW_START_NS, NF_PACKETS_OUT));
    return (size_t)(at - out);
}
