/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/mapping.h"

#include <stddef.h>

#include "sr/banned.h"

/* Which flavours and versions a row is for. */
enum {
    N9 = 1,  /* v9, native */
    N10 = 2, /* IPFIX, native */
    U9 = 4,  /* v9 as upstream has it */
    U10 = 8, /* IPFIX as upstream has it */
    N = N9 | N10,
    U = U9 | U10,
    ALL = N | U,
};

#define NUMBER(ID, WHERE, SLOT)                                                                    \
    {                                                                                              \
        ID, WHERE, NF_OP_NUMBER, NF_##SLOT, 0, 1, 8                                                \
    }
#define INSTEAD(ID, WHERE, SLOT, RANK)                                                             \
    {                                                                                              \
        ID, WHERE, NF_OP_NUMBER, NF_##SLOT, RANK, 1, 8                                             \
    }
#define IPV4(ID, WHERE, SLOT)                                                                      \
    {                                                                                              \
        ID, WHERE, NF_OP_BYTES, NF_##SLOT, 0, 4, 4                                                 \
    }
#define IPV6(ID, WHERE, SLOT)                                                                      \
    {                                                                                              \
        ID, WHERE, NF_OP_BYTES, NF_##SLOT, 0, 16, 16                                               \
    }
#define SPECIAL(ID, WHERE, SPECIAL, MIN, MAX)                                                      \
    {                                                                                              \
        ID, WHERE, NF_OP_SPECIAL, NF_SPECIAL_##SPECIAL, 0, MIN, MAX                                \
    }

/*
 * IANA's elements, of which v9 has those below 128 (RFC 3954 section 8) and in practice all; sorted
 * by id. Upstream lets the first of two addresses win, whatever it is: one slot for both.
 */
static const struct nf_mapping iana[] = {
    NUMBER(1, ALL, BYTES),
    NUMBER(2, ALL, PACKETS),
    NUMBER(4, ALL, PROTO),
    NUMBER(5, ALL, IP_TOS),
    NUMBER(6, N, TCP_FLAGS), /* upstream loses it: its library reads it as another type */
    NUMBER(7, ALL, SRC_PORT),
    IPV4(8, ALL, SRC_ADDR),
    NUMBER(9, ALL, SRC_NET),
    NUMBER(10, ALL, IN_IF),
    NUMBER(11, ALL, DST_PORT),
    IPV4(12, ALL, DST_ADDR),
    NUMBER(13, ALL, DST_NET),
    NUMBER(14, ALL, OUT_IF),
    IPV4(15, ALL, NEXT_HOP),
    NUMBER(16, ALL, SRC_AS),
    NUMBER(17, ALL, DST_AS),
    IPV4(18, N | U10, BGP_NEXT_HOP),
    NUMBER(21, ALL, LAST_SWITCHED),
    NUMBER(22, ALL, FIRST_SWITCHED),
    NUMBER(23, N, POST_BYTES),
    NUMBER(24, N, POST_PACKETS),
    IPV6(27, N, SRC_ADDR6),
    IPV6(27, U, SRC_ADDR),
    IPV6(28, N, DST_ADDR6),
    IPV6(28, U, DST_ADDR),
    NUMBER(29, ALL, SRC_NET6),
    NUMBER(30, ALL, DST_NET6),
    NUMBER(31, ALL, IPV6_FLOW_LABEL),
    SPECIAL(32, ALL, ICMP, 2, 2),
    NUMBER(34, N, SAMPLING_RATE),
    SPECIAL(47, N, MPLS_IP, 4, 4),
    NUMBER(48, N, SAMPLER_ID),
    INSTEAD(50, N, SAMPLING_RATE, 1),
    NUMBER(52, N | U10, IP_TTL),
    NUMBER(53, N | U10, MAXIMUM_TTL),
    NUMBER(54, N, FRAGMENT_ID),
    NUMBER(56, ALL, SRC_MAC),
    NUMBER(57, N | U9, POST_DST_MAC),
    NUMBER(58, N9 | U9, SRC_VLAN),
    NUMBER(58, N10 | U10, VLAN_ID),
    NUMBER(59, N9 | U9, DST_VLAN),
    INSTEAD(59, N10, DST_VLAN, 1),
    NUMBER(60, N, IP_VERSION),
    IPV6(62, N, NEXT_HOP6),
    IPV6(62, U, NEXT_HOP),
    IPV6(63, N, BGP_NEXT_HOP6),
    IPV6(63, U10, BGP_NEXT_HOP),
    SPECIAL(70, N, MPLS_LABEL, 3, 3),
    SPECIAL(71, N, MPLS_LABEL, 3, 3),
    SPECIAL(72, N, MPLS_LABEL, 3, 3),
    SPECIAL(73, N, MPLS_LABEL, 3, 3),
    SPECIAL(74, N, MPLS_LABEL, 3, 3),
    SPECIAL(75, N, MPLS_LABEL, 3, 3),
    SPECIAL(76, N, MPLS_LABEL, 3, 3),
    SPECIAL(77, N, MPLS_LABEL, 3, 3),
    SPECIAL(78, N, MPLS_LABEL, 3, 3),
    SPECIAL(79, N, MPLS_LABEL, 3, 3),
    NUMBER(80, ALL, DST_MAC),
    NUMBER(85, ALL, TOTAL_BYTES),
    NUMBER(86, ALL, TOTAL_PACKETS),
    NUMBER(88, N, FRAGMENT_OFFSET),
    NUMBER(89, N, FORWARDING_STATUS),
    NUMBER(103, N, FRAME_LENGTH),
    SPECIAL(104, N, FRAME, 1, NF_VARIABLE_LENGTH),
    NUMBER(128, N | U10, NEXT_HOP_AS),
    NUMBER(138, N, OBSERVATION_POINT_ID),
    NUMBER(139, N | U10, ICMP6),
    SPECIAL(140, N, MPLS_IP, 16, 16),
    NUMBER(150, N, START_SECONDS),
    NUMBER(151, N, END_SECONDS),
    NUMBER(152, N | U10, START_MILLISECONDS),
    NUMBER(153, N | U10, END_MILLISECONDS),
    NUMBER(154, N, START_MICROSECONDS),
    NUMBER(155, N, END_MICROSECONDS),
    NUMBER(156, N, START_NANOSECONDS),
    NUMBER(157, N, END_NANOSECONDS),
    NUMBER(158, N, START_DELTA_MICROSECONDS),
    NUMBER(159, N, END_DELTA_MICROSECONDS),
    NUMBER(160, N, INIT_MILLISECONDS),
    NUMBER(161, N, DURATION_MILLISECONDS),
    NUMBER(162, N, DURATION_MICROSECONDS),
    NUMBER(171, N, POST_TOTAL_BYTES),
    NUMBER(172, N, POST_TOTAL_PACKETS),
    NUMBER(176, N, ICMP_TYPE),
    NUMBER(177, N, ICMP_CODE),
    INSTEAD(178, N, ICMP_TYPE, 1),
    INSTEAD(179, N, ICMP_CODE, 1),
    INSTEAD(180, N, SRC_PORT, 1), /* of UDP, then of TCP */
    INSTEAD(181, N, DST_PORT, 1),
    INSTEAD(182, N, SRC_PORT, 2),
    INSTEAD(183, N, DST_PORT, 2),
    INSTEAD(192, N, IP_TTL, 1),
    SPECIAL(197, N, FRAGMENT_FLAGS, 1, 1),
    SPECIAL(200, N, MPLS_TTL, 1, 1),
    NUMBER(230, N, NAT_EVENT),
    NUMBER(231, ALL, INITIATOR_BYTES),
    NUMBER(232, ALL, RESPONDER_BYTES),
    NUMBER(233, ALL, FIREWALL_EVENT),
    INSTEAD(243, N9, VLAN_ID, 0),
    NUMBER(243, N10 | U10, SRC_VLAN),
    INSTEAD(252, N, IN_IF, 1), /* the physical interface */
    INSTEAD(253, N, OUT_IF, 1),
    INSTEAD(254, N9, DST_VLAN, 1),
    NUMBER(254, N10 | U10, DST_VLAN),
    NUMBER(256, N, ETYPE),
    SPECIAL(291, N | U10, BASIC_LIST, 1, NF_VARIABLE_LENGTH),
    SPECIAL(292, N, SUBTEMPLATE_LIST, 1, NF_VARIABLE_LENGTH),
    SPECIAL(293, N, SUBTEMPLATE_MULTI_LIST, 1, NF_VARIABLE_LENGTH),
    NUMBER(298, ALL, INITIATOR_PACKETS),
    NUMBER(299, ALL, RESPONDER_PACKETS),
    NUMBER(302, N, SELECTOR_ID),
    NUMBER(312, N, FRAME_LENGTH),
    SPECIAL(313, N, PACKET, 1, NF_VARIABLE_LENGTH),
    SPECIAL(315, N, FRAME, 1, NF_VARIABLE_LENGTH),
    NUMBER(322, N, OBSERVED_SECONDS),
    NUMBER(323, N, OBSERVED_MILLISECONDS),
    NUMBER(324, N, OBSERVED_MICROSECONDS),
    NUMBER(325, N, OBSERVED_NANOSECONDS),
    NUMBER(352, N, LAYER2_BYTES),
    SPECIAL(483, N | U10, COMMUNITY, 4, 4),
    SPECIAL(484, N | U10, BASIC_LIST, 1, NF_VARIABLE_LENGTH), /* of 483 */
    SPECIAL(485, N | U10, BASIC_LIST, 1, NF_VARIABLE_LENGTH),
    SPECIAL(494, N, SEGMENT, 16, 16),
    SPECIAL(496, N, BASIC_LIST, 1, NF_VARIABLE_LENGTH), /* of 494 */
    SPECIAL(497, N, SEGMENTS, 1, NF_VARIABLE_LENGTH),
    NUMBER(498, N, IPV6_ROUTING_HEADER_SEG_LEFT),
};

/* The other direction of a biflow, RFC 5103: deltas, totals, and what leaves. */
static const struct nf_mapping reverse[] = {
    NUMBER(1, ALL, REVERSE_BYTES),
    NUMBER(2, ALL, REVERSE_PACKETS),
    INSTEAD(23, ALL, REVERSE_BYTES, 2),
    INSTEAD(24, ALL, REVERSE_PACKETS, 2),
    INSTEAD(85, ALL, REVERSE_BYTES, 1),
    INSTEAD(86, ALL, REVERSE_PACKETS, 1),
};

/* The row of an id that is for `where`. */
static const struct nf_mapping *
find(const struct nf_mapping *rows, size_t count, uint16_t id, unsigned where)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < count && rows[low].id == id; low++) {
        if ((rows[low].where & where) != 0) {
            return &rows[low];
        }
    }
    return NULL;
}

const struct nf_mapping *
nf_mapping_find(uint8_t flavour, uint8_t version, uint32_t enterprise, uint16_t id)
{
    unsigned where = version == 9 ? N9 : N10;

    where = flavour == NF_UPSTREAM ? where * U9 : where;
    if (enterprise == 0) {
        return find(iana, sizeof(iana) / sizeof(iana[0]), id, where);
    }
    if (enterprise == NF_REVERSE_PEN) {
        return find(reverse, sizeof(reverse) / sizeof(reverse[0]), id, where);
    }
    return NULL;
}

bool
nf_slot_is_narrow(uint8_t slot)
{
    switch (slot) {
    case NF_SAMPLING_RATE:
    case NF_BYTES:
    case NF_PACKETS:
    case NF_SRC_MAC:
    case NF_DST_MAC:
    case NF_TIME_RECEIVED_NS:
    case NF_TIME_FLOW_START_NS:
    case NF_TIME_FLOW_END_NS:
    case NF_BYTES_IN:
    case NF_BYTES_OUT:
    case NF_PACKETS_IN:
    case NF_PACKETS_OUT: return false;
    case NF_SRC_NET6: /* these stand in for fields of 32 bits */
    case NF_DST_NET6:
    case NF_MAXIMUM_TTL: return true;
    default: return slot < NF_MESSAGE_SLOTS;
    }
}
