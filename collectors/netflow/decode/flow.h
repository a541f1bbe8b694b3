/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_FLOW_H_INCLUDED
#define NETFLOW_DECODE_FLOW_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * One flow on its way from a record to a message. The slots below NF_MESSAGE_SLOTS are the fields
 * of flowpb.FlowMessage in the order of their tags; those from NF_GATHERED on are values of the
 * record that a field is made of later (nf_flow_finish()), and never leave the flow.
 */
enum nf_slot {
    NF_TYPE = 0,
    NF_SAMPLING_RATE,
    NF_SEQUENCE_NUM,
    NF_SRC_ADDR,
    NF_DST_ADDR,
    NF_BYTES,
    NF_PACKETS,
    NF_SAMPLER_ADDRESS,
    NF_NEXT_HOP,
    NF_NEXT_HOP_AS,
    NF_SRC_AS,
    NF_DST_AS,
    NF_SRC_NET,
    NF_DST_NET,
    NF_IN_IF,
    NF_OUT_IF,
    NF_PROTO,
    NF_SRC_PORT,
    NF_DST_PORT,
    NF_IP_TOS,
    NF_FORWARDING_STATUS,
    NF_IP_TTL,
    NF_TCP_FLAGS,
    NF_SRC_MAC,
    NF_DST_MAC,
    NF_VLAN_ID,
    NF_ETYPE,
    NF_ICMP_TYPE,
    NF_ICMP_CODE,
    NF_SRC_VLAN,
    NF_DST_VLAN,
    NF_FRAGMENT_ID,
    NF_FRAGMENT_OFFSET,
    NF_IPV6_FLOW_LABEL,
    NF_IP_FLAGS,
    NF_OBSERVATION_DOMAIN_ID,
    NF_OBSERVATION_POINT_ID,
    NF_MPLS_TTL,
    NF_MPLS_LABEL,
    NF_MPLS_IP,
    NF_BGP_NEXT_HOP,
    NF_BGP_COMMUNITIES,
    NF_AS_PATH,
    NF_LAYER_STACK,
    NF_LAYER_SIZE,
    NF_IPV6_ROUTING_HEADER_ADDRESSES,
    NF_IPV6_ROUTING_HEADER_SEG_LEFT,
    NF_PROTOCOL_NAME,
    NF_TIME_RECEIVED_NS,
    NF_TIME_FLOW_START_NS,
    NF_TIME_FLOW_END_NS,
    NF_BYTES_IN,
    NF_BYTES_OUT,
    NF_PACKETS_IN,
    NF_PACKETS_OUT,
    NF_MESSAGE_SLOTS,

    NF_GATHERED = 64,
    NF_FIRST_SWITCHED = NF_GATHERED, /* 22, milliseconds of the exporter's uptime */
    NF_LAST_SWITCHED,                /* 21 */
    NF_START_SECONDS,                /* 150 to 161 */
    NF_END_SECONDS,
    NF_START_MILLISECONDS,
    NF_END_MILLISECONDS,
    NF_START_MICROSECONDS, /* NTP format, RFC 7011 section 6.1.9 */
    NF_END_MICROSECONDS,
    NF_START_NANOSECONDS, /* NTP format */
    NF_END_NANOSECONDS,
    NF_START_DELTA_MICROSECONDS, /* before the export time */
    NF_END_DELTA_MICROSECONDS,
    NF_INIT_MILLISECONDS, /* 160, when the exporter started */
    NF_DURATION_MILLISECONDS,
    NF_DURATION_MICROSECONDS,
    NF_OBSERVED_SECONDS, /* 322 to 325 */
    NF_OBSERVED_MILLISECONDS,
    NF_OBSERVED_MICROSECONDS,
    NF_OBSERVED_NANOSECONDS,
    NF_TOTAL_BYTES, /* 85 */
    NF_TOTAL_PACKETS,
    NF_POST_BYTES, /* 23 */
    NF_POST_PACKETS,
    NF_POST_TOTAL_BYTES, /* 171 */
    NF_POST_TOTAL_PACKETS,
    NF_INITIATOR_BYTES, /* 231 */
    NF_RESPONDER_BYTES,
    NF_INITIATOR_PACKETS,
    NF_RESPONDER_PACKETS,
    NF_LAYER2_BYTES,  /* 352 */
    NF_REVERSE_BYTES, /* RFC 5103 */
    NF_REVERSE_PACKETS,
    NF_SAMPLER_ID,  /* 48 */
    NF_SELECTOR_ID, /* 302 */
    NF_IP_VERSION,  /* 60 */
    NF_FIREWALL_EVENT,
    NF_NAT_EVENT,
    NF_FRAME_LENGTH,  /* 312, 103: bytes of the packet of which a section was exported */
    NF_SRC_ADDR6,     /* bytes */
    NF_DST_ADDR6,     /* bytes */
    NF_NEXT_HOP6,     /* bytes */
    NF_BGP_NEXT_HOP6, /* bytes */
    NF_ICMP6,         /* 139, type and code */
    NF_POST_DST_MAC,  /* 57 */
    NF_SRC_NET6,      /* 29 */
    NF_DST_NET6,
    NF_MAXIMUM_TTL, /* 53 */
    NF_SLOTS,
};

enum nf_type { NF_TYPE_V5 = 2, NF_TYPE_V9 = 3, NF_TYPE_IPFIX = 4 };

/* flowpb.FlowMessage.LayerStack */
enum nf_layer {
    NF_LAYER_ETHERNET = 0,
    NF_LAYER_IPV4,
    NF_LAYER_IPV6,
    NF_LAYER_TCP,
    NF_LAYER_UDP,
    NF_LAYER_MPLS,
    NF_LAYER_DOT1Q,
    NF_LAYER_ICMP,
    NF_LAYER_ICMPV6,
    NF_LAYER_GRE,
    NF_LAYER_IPV6_ROUTING,
    NF_LAYER_IPV6_FRAGMENT,
    NF_LAYER_GENEVE,
    NF_LAYER_TEREDO,
    NF_LAYER_CUSTOM = 99,
};

#define NF_LIST_MAX 16U /* elements of a repeated field; more are not carried */

/* Elements of a repeated field. */
struct nf_numbers {
    unsigned count;
    uint32_t items[NF_LIST_MAX];
};

struct nf_addresses {
    unsigned count;
    struct sr_span items[NF_LIST_MAX]; /* borrowed from the record */
};

/* Fields of a message as they are written. */
struct nf_part {
    uint8_t len;
    uint8_t bytes[24]; /* of which `len` count */
};

/*
 * A value counts only when its bit of `present` is set: nothing else is cleared between records.
 * A bit below NF_MESSAGE_SLOTS says that the field has another value than its default, as on the
 * wire of proto3; one from NF_GATHERED on that the record had the element.
 */
struct nf_flow {
    uint64_t present[2];
    uint64_t number[NF_SLOTS];      /* of the slots that hold numbers */
    struct sr_span bytes[NF_SLOTS]; /* of the slots that hold bytes; borrowed from the datagram */
    /* Of the repeated fields. */
    struct nf_numbers mpls_ttl, mpls_label, bgp_communities, as_path, layer_stack, layer_size;
    struct nf_addresses mpls_ip, routing_addresses;
    /* What all flows of a message share, of nf_protobuf_prepare(). */
    struct {
        struct nf_part type, sequence, sampler, received;
    } shared;
};

static inline bool
nf_flow_has(const struct nf_flow *f, enum nf_slot slot)
{
    return (f->present[slot >> 6] >> (slot & 63) & 1) != 0;
}

/* A field of the message: 0, which is the default, is the same as none. */
static inline void
nf_flow_set(struct nf_flow *f, enum nf_slot slot, uint64_t value)
{
    f->number[slot] = value;
    f->present[0] = (f->present[0] & ~(UINT64_C(1) << slot)) | (uint64_t)(value != 0) << slot;
}

/* The number in a slot, 0 when there is none. */
static inline uint64_t
nf_flow_get(const struct nf_flow *f, enum nf_slot slot)
{
    return nf_flow_has(f, slot) ? f->number[slot] : 0;
}

/* Bytes of a slot: none is the same as empty. */
static inline void
nf_flow_set_bytes(struct nf_flow *f, enum nf_slot slot, struct sr_span bytes)
{
    f->bytes[slot] = bytes;
    f->present[slot >> 6] &= ~(UINT64_C(1) << (slot & 63));
    f->present[slot >> 6] |= (uint64_t)(bytes.len != 0) << (slot & 63);
}

#endif
