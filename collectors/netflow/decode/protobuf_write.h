/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_PROTOBUF_WRITE_H_INCLUDED
#define NETFLOW_DECODE_PROTOBUF_WRITE_H_INCLUDED

/*
 * Writes FlowMessage field after field, in the order of tags and without asking whether a number is
 * there: one that is 0 takes no bytes, so that the next one is written over it. A branch that
 * depends on a number would cost more than ten fields, and numbers of traffic cannot be foreseen.
 * What is asked for is the same for most records of a template.
 *
 * It is compiled into each function that writes messages, for the instructions of its processor and
 * for where its values are. Only for protobuf.c and direct.c.
 */

#include <stdbool.h>
#include <string.h>

#include "decode/direct.h"
#include "decode/flow.h"
#include "decode/load.h"
#include "decode/output.h"
#include "decode/varint.h"

#define INLINE static inline __attribute__((always_inline))

/* Where the values are: all in a flow or, when there are sources, most of them in a record. */
struct nf_values {
    const struct nf_flow *flow;
    const struct nf_source *sources; /* NULL: all in the flow */
    const uint8_t *record;
    uint64_t fields; /* bits of the slots that may have a value */
    bool by_instructions;
};

enum wire { VARINT = 0, LENGTH = 2 };

/* ---- Keys ---- */

/* Tag and wire type as a varint. All tags are below 2^11 / 8. */
INLINE uint16_t
key_of(unsigned tag, enum wire wire)
{
    unsigned key = tag << 3 | (unsigned)wire;

    return (uint16_t)(key < 0x80 ? key : (key & 0x7f) | 0x80 | key >> 7 << 8);
}

INLINE unsigned
key_length(unsigned tag)
{
    return tag < 16 ? 1 : 2;
}

INLINE void
store_le(uint8_t *out, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(out, &word, sizeof(word));
}

INLINE uint8_t *
write_key(uint8_t *out, unsigned tag, enum wire wire)
{
    out[0] = (uint8_t)key_of(tag, wire);
    out[1] = (uint8_t)(key_of(tag, wire) >> 8); /* overwritten when the key has one byte */
    return out + key_length(tag);
}

/* ---- Numbers ---- */

/* By how many bits a number has: what a varint of it takes with its key, nothing for 0. */
#define SEVEN(x) x, x, x, x, x, x, x
static const uint8_t length_with_short_key[] = { 0, SEVEN(2), SEVEN(3), SEVEN(4), SEVEN(5),
    SEVEN(6) };
static const uint8_t length_with_long_key[] = { 0, SEVEN(3), SEVEN(4), SEVEN(5), SEVEN(6),
    SEVEN(7) };

/* And in which of its bytes the bit is set that says that more follow. */
static const uint64_t more_bits[] = { 0, SEVEN(0), SEVEN(0x80), SEVEN(0x8080), SEVEN(0x808080),
    SEVEN(0x80808080) };

/* Spreads groups of 7 bits over bytes. */
INLINE uint64_t
spread(uint64_t value, bool by_instructions)
{
#if defined(__x86_64__)
    if (by_instructions) {
        uint64_t result;
        __asm__("pdepq %2, %1, %0" : "=r"(result) : "r"(value), "rm"(UINT64_C(0x7f7f7f7f7f7f7f7f)));
        return result;
    }
#endif
    (void)by_instructions;
    return nf_varint_spread(value);
}

/* The field of a number of 32 bits; up to 8 bytes at `at` are written to. */
INLINE uint8_t *
write_narrow(uint8_t *at, unsigned tag, uint32_t value, bool by_instructions)
{
    unsigned bits = 63 - (unsigned)__builtin_clzll(UINT64_C(2) * value + 1);
    uint64_t varint = spread(value, by_instructions) | more_bits[bits];

    store_le(at, varint << 8 * key_length(tag) | key_of(tag, VARINT));
    return at + (tag < 16 ? length_with_short_key : length_with_long_key)[bits];
}

/* The same of 64 bits, of which few are ever used. */
INLINE uint8_t *
write_wide(uint8_t *at, unsigned tag, uint64_t value, bool by_instructions)
{
    if (value <= UINT32_MAX) {
        return write_narrow(at, tag, (uint32_t)value, by_instructions);
    }
    return nf_varint_write(write_key(at, tag, VARINT), value);
}

/* A time in ns since 1970: 9 bytes from 1972 to 2262. */
INLINE uint8_t *
write_time(uint8_t *at, unsigned tag, uint64_t value, bool by_instructions)
{
    if (value >> 56 == 0 || value >> 63 != 0) {
        return write_wide(at, tag, value, by_instructions);
    }
    at = write_key(at, tag, VARINT);
    store_le(at, spread(value & UINT64_MAX >> 8, by_instructions) | UINT64_C(0x8080808080808080));
    at[8] = (uint8_t)(value >> 56);
    return at + 9;
}

/* The number of a flow: 0 when there is none. */
INLINE uint64_t
made(const struct nf_values *v, enum nf_slot slot)
{
    uint64_t number = v->flow->number[slot];

    return v->sources != NULL ? number : number & (0 - (v->fields >> slot & 1));
}

/* The same of a number that a record may have as it is. */
INLINE uint64_t
number_of(const struct nf_values *v, enum nf_slot slot)
{
    if (v->sources == NULL) {
        return made(v, slot);
    }
    return nf_source_load(&v->sources[slot], v->record);
}

/* ---- Bytes and lists ---- */

/* Addresses have 4 or 16 bytes, names fewer than 32: the length is one byte. */
INLINE uint8_t *
write_bytes(uint8_t *at, unsigned tag, struct sr_span bytes)
{
    at = write_key(at, tag, LENGTH);
    *at++ = (uint8_t)bytes.len;
    if (bytes.len == 4) {
        memcpy(at, bytes.data, 4);
        return at + 4;
    }
    memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

INLINE bool
has(const struct nf_values *v, enum nf_slot slot)
{
    return (v->fields >> slot & 1) != 0;
}

INLINE uint8_t *
write_address(uint8_t *at, unsigned tag, const struct nf_values *v, enum nf_slot slot)
{
    if (!has(v, slot)) {
        return at;
    }
    if (v->sources == NULL) {
        return write_bytes(at, tag, v->flow->bytes[slot]);
    }
    return write_bytes(at, tag, nf_source_bytes(&v->sources[slot], v->record));
}

/* The name of the protocol, copied with what lies behind it: that is one move, of no matter what
 * length. */
INLINE uint8_t *
write_name(uint8_t *at, unsigned tag, const struct nf_values *v)
{
    struct sr_span name = v->flow->bytes[NF_PROTOCOL_NAME];

    if (!has(v, NF_PROTOCOL_NAME)) {
        return at;
    }
    at = write_key(at, tag, LENGTH);
    *at++ = (uint8_t)name.len;
    memcpy(at, name.data, NF_PROTOCOL_NAME_ROOM);
    return at + name.len;
}

/* Packed, proto3's default. At most NF_LIST_MAX elements of 5 bytes: the length is one byte. */
INLINE uint8_t *
write_packed(uint8_t *at, unsigned tag, const struct nf_values *v, enum nf_slot slot,
    const struct nf_numbers *list)
{
    if (!has(v, slot)) {
        return at;
    }
    uint8_t *length = write_key(at, tag, LENGTH);
    at = length + 1;
    for (unsigned i = 0; i < list->count; i++) {
        at = nf_varint_write(at, list->items[i]);
    }
    *length = (uint8_t)(at - length - 1);
    return at;
}

INLINE uint8_t *
write_addresses(uint8_t *at, unsigned tag, const struct nf_values *v, enum nf_slot slot,
    const struct nf_addresses *list)
{
    for (unsigned i = 0; has(v, slot) && i < list->count; i++) {
        at = write_bytes(at, tag, list->items[i]);
    }
    return at;
}

INLINE uint8_t *
write_part(uint8_t *at, const struct nf_part *part)
{
    memcpy(at, part->bytes, sizeof(part->bytes));
    return at + part->len;
}

/* ---- The message ---- */

/* The slots from `first` up to and with `last`. */
INLINE bool
has_any(const struct nf_values *v, enum nf_slot first, enum nf_slot last)
{
    return (v->fields & ((UINT64_C(2) << last) - (UINT64_C(1) << first))) != 0;
}

#define NARROW(TAG, SLOT)                                                                          \
    at = write_narrow(at, TAG, (uint32_t)number_of(v, SLOT), v->by_instructions)
#define WIDE(TAG, SLOT) at = write_wide(at, TAG, number_of(v, SLOT), v->by_instructions)
#define MADE(TAG, SLOT) at = write_wide(at, TAG, made(v, SLOT), v->by_instructions)
#define TIME(TAG, SLOT) at = write_time(at, TAG, made(v, SLOT), v->by_instructions)

INLINE uint8_t *
write_what_all_have(uint8_t *at, const struct nf_values *v)
{
    at = write_part(at, &v->flow->shared.type);
    MADE(3, NF_SAMPLING_RATE);
    at = write_part(at, &v->flow->shared.sequence);
    at = write_address(at, 6, v, NF_SRC_ADDR);
    at = write_address(at, 7, v, NF_DST_ADDR);
    WIDE(9, NF_BYTES);
    WIDE(10, NF_PACKETS);
    at = write_part(at, &v->flow->shared.sampler);
    at = write_address(at, 12, v, NF_NEXT_HOP);
    if (has(v, NF_NEXT_HOP_AS)) {
        NARROW(13, NF_NEXT_HOP_AS);
    }
    if (has_any(v, NF_SRC_AS, NF_DST_NET)) {
        NARROW(14, NF_SRC_AS);
        NARROW(15, NF_DST_AS);
        NARROW(16, NF_SRC_NET);
        NARROW(17, NF_DST_NET);
    }
    NARROW(18, NF_IN_IF);
    NARROW(19, NF_OUT_IF);
    NARROW(20, NF_PROTO);
    NARROW(21, NF_SRC_PORT);
    NARROW(22, NF_DST_PORT);
    NARROW(23, NF_IP_TOS);
    return at;
}

/* What some have; which is the same for most flows of a template. */
INLINE uint8_t *
write_headers(uint8_t *at, const struct nf_values *v)
{
    if (has_any(v, NF_FORWARDING_STATUS, NF_IP_TTL)) {
        NARROW(24, NF_FORWARDING_STATUS);
        NARROW(25, NF_IP_TTL);
    }
    NARROW(26, NF_TCP_FLAGS);
    if (has_any(v, NF_SRC_MAC, NF_VLAN_ID)) {
        WIDE(27, NF_SRC_MAC);
        WIDE(28, NF_DST_MAC);
        NARROW(29, NF_VLAN_ID);
    }
    MADE(30, NF_ETYPE);
    if (has_any(v, NF_ICMP_TYPE, NF_IP_FLAGS)) {
        NARROW(31, NF_ICMP_TYPE);
        NARROW(32, NF_ICMP_CODE);
        NARROW(33, NF_SRC_VLAN);
        NARROW(34, NF_DST_VLAN);
        NARROW(35, NF_FRAGMENT_ID);
        NARROW(36, NF_FRAGMENT_OFFSET);
        NARROW(37, NF_IPV6_FLOW_LABEL);
        NARROW(38, NF_IP_FLAGS);
    }
    if (has(v, NF_OBSERVATION_DOMAIN_ID)) {
        MADE(70, NF_OBSERVATION_DOMAIN_ID);
    }
    if (has(v, NF_OBSERVATION_POINT_ID)) {
        NARROW(71, NF_OBSERVATION_POINT_ID);
    }
    return at;
}

INLINE uint8_t *
write_labels_and_routes(uint8_t *at, const struct nf_values *v)
{
    at = write_packed(at, 80, v, NF_MPLS_TTL, &v->flow->mpls_ttl);
    at = write_packed(at, 81, v, NF_MPLS_LABEL, &v->flow->mpls_label);
    at = write_addresses(at, 82, v, NF_MPLS_IP, &v->flow->mpls_ip);
    at = write_address(at, 100, v, NF_BGP_NEXT_HOP);
    return write_packed(at, 101, v, NF_BGP_COMMUNITIES, &v->flow->bgp_communities);
}

INLINE uint8_t *
write_layers(uint8_t *at, const struct nf_values *v)
{
    at = write_packed(at, 103, v, NF_LAYER_STACK, &v->flow->layer_stack);
    at = write_packed(at, 104, v, NF_LAYER_SIZE, &v->flow->layer_size);
    at = write_addresses(at, 105, v, NF_IPV6_ROUTING_HEADER_ADDRESSES, &v->flow->routing_addresses);
    NARROW(106, NF_IPV6_ROUTING_HEADER_SEG_LEFT);
    return at;
}

/* Each of these is rare but the path of systems, which all of IPFIX has. */
INLINE uint8_t *
write_lists(uint8_t *at, const struct nf_values *v)
{
    if (has_any(v, NF_MPLS_TTL, NF_BGP_COMMUNITIES)) {
        at = write_labels_and_routes(at, v);
    }
    at = write_packed(at, 102, v, NF_AS_PATH, &v->flow->as_path);
    if (has_any(v, NF_LAYER_STACK, NF_IPV6_ROUTING_HEADER_SEG_LEFT)) {
        at = write_layers(at, v);
    }
    return at;
}

INLINE uint8_t *
write_times_and_directions(uint8_t *at, const struct nf_values *v)
{
    at = write_part(at, &v->flow->shared.received);
    TIME(111, NF_TIME_FLOW_START_NS);
    TIME(112, NF_TIME_FLOW_END_NS);
    if (has(v, NF_BYTES_IN)) {
        WIDE(113, NF_BYTES_IN);
    }
    WIDE(114, NF_BYTES_OUT);
    if (has(v, NF_PACKETS_IN)) {
        WIDE(115, NF_PACKETS_IN);
    }
    WIDE(116, NF_PACKETS_OUT);
    return at;
}

INLINE size_t
write_message(uint8_t *out, const struct nf_values *v)
{
    uint8_t *at = write_what_all_have(out, v);

    at = write_headers(at, v);
    at = write_lists(at, v);
    at = write_name(at, 107, v);
    at = write_times_and_directions(at, v);
    return (size_t)(at - out);
}

#undef NARROW
#undef WIDE
#undef MADE
#undef TIME

#endif
