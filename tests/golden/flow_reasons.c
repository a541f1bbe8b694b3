/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_reasons.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

/* Fields of FlowMessage by their tags. */
enum {
    TYPE = 1,
    SAMPLING_RATE = 3,
    SRC_ADDR = 6,
    DST_ADDR = 7,
    IN_IF = 18,
    OUT_IF = 19,
    PROTO = 20,
    FORWARDING_STATUS = 24,
    TCP_FLAGS = 26,
    DST_MAC = 28,
    VLAN_ID = 29,
    ETYPE = 30,
    ICMP_TYPE = 31,
    ICMP_CODE = 32,
    OBSERVATION_DOMAIN_ID = 70,
    OBSERVATION_POINT_ID = 71,
    MPLS_LABEL = 81,
    MPLS_IP = 82,
    BGP_NEXT_HOP = 100,
    START = 111,
    END = 112,
};

enum { V5 = 2, V9 = 3, IPFIX = 4 };

/* The value of an element in the record, as hexadecimal digits; NULL: it has none. */
static const char *
element(const struct flow_difference *d, const char *id)
{
    size_t i;
    const json_t *pair;

    json_array_foreach(json_object_get(d->raw, "fields"), i, pair)
    {
        if (strcmp(json_string_value(json_array_get(pair, 0)), id) == 0) {
            return json_string_value(json_array_get(pair, 1));
        }
    }
    return NULL;
}

static bool
has(const struct flow_difference *d, const char *id)
{
    return element(d, id) != NULL;
}

/* An element of that id is there and is not 0. */
static bool
has_some(const struct flow_difference *d, const char *id)
{
    const char *text = element(d, id);

    return text != NULL && strspn(text, "0") < strlen(text);
}

static bool
is_type(const struct flow_difference *d, unsigned type)
{
    return d->native->fields[TYPE].number == type;
}

/* Upstream has nothing there. */
static bool
is_new(const struct flow_difference *d)
{
    return d->upstream->fields[d->tag].number == 0 && d->upstream->fields[d->tag].count == 0;
}

/* ---- Reasons ---- */

static bool
is_forwarding_status(const struct flow_difference *d)
{
    return is_new(d) && has_some(d, "89");
}

static bool
is_tcp_flags(const struct flow_difference *d)
{
    return is_new(d) && !is_type(d, V5) && has_some(d, "6");
}

static bool
is_v9_domain(const struct flow_difference *d)
{
    return is_new(d) && is_type(d, V9);
}

/* Where a record has addresses of both kinds, upstream takes the first and here it is "::". */
static bool
is_address_of_zeros(const struct flow_difference *d)
{
    static const uint8_t zeros[16];
    const struct flow_field *upstream = &d->upstream->fields[d->tag];

    return upstream->count == 16 && memcmp(upstream->bytes, zeros, 16) == 0 &&
           has_some(d, d->tag == SRC_ADDR ? "8" : "12");
}

static bool
is_physical_interface(const struct flow_difference *d)
{
    return is_new(d) && has_some(d, d->tag == IN_IF ? "252" : "253");
}

static bool
is_post_mac(const struct flow_difference *d)
{
    return is_new(d) && is_type(d, IPFIX) && !has(d, "80") && has_some(d, "57");
}

static bool
is_dot1q_vlan(const struct flow_difference *d)
{
    return is_new(d) && is_type(d, V9) && has_some(d, "243");
}

/* RFC 3954 has no element for it in v6, and Cisco's exporters use the port: type * 256 + code. */
static bool
is_icmp_in_port(const struct flow_difference *d)
{
    const uint64_t proto = d->native->fields[PROTO].number;

    return is_new(d) && (proto == 1 || proto == 58) && !has_some(d, "32") && !has_some(d, "139") &&
           has_some(d, "11");
}

static bool
is_observation_point(const struct flow_difference *d)
{
    return is_new(d) && has_some(d, "138");
}

static bool
is_label(const struct flow_difference *d)
{
    static const char *const ids[] = { "70", "71", "72", "73", "74", "75", "76", "77", "78", "79" };

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (has_some(d, ids[i])) {
            return is_new(d);
        }
    }
    return false;
}

static bool
is_label_address(const struct flow_difference *d)
{
    return is_new(d) && (has_some(d, "47") || has_some(d, "140"));
}

static bool
is_v9_bgp_next_hop(const struct flow_difference *d)
{
    return is_new(d) && is_type(d, V9) && (has(d, "18") || has(d, "63"));
}

/* Before 2001-09-09: consumers take such times for milliseconds. */
static bool
is_clock_not_set(const struct flow_difference *d)
{
    return !is_new(d) && d->upstream->fields[d->tag].number < UINT64_C(1000000000000000000);
}

static bool
is_wrapped_uptime(const struct flow_difference *d)
{
    return !is_new(d) && (has(d, "first") || (is_type(d, V9) && has(d, "22")));
}

static bool
is_uptime_in_ipfix(const struct flow_difference *d)
{
    return !is_new(d) && is_type(d, IPFIX) && has(d, "22") && !has(d, "152");
}

static bool
is_milliseconds_in_v9(const struct flow_difference *d)
{
    return is_new(d) && is_type(d, V9) && has(d, d->tag == START ? "152" : "153");
}

static bool
is_other_time(const struct flow_difference *d)
{
    static const char *const starts[] = { "150", "154", "156", "158" };
    static const char *const ends[] = { "151", "155", "157", "159" };
    const char *const *ids = d->tag == START ? starts : ends;

    return is_new(d) &&
           (has_some(d, ids[0]) || has_some(d, ids[1]) || has_some(d, ids[2]) || has(d, ids[3]));
}

const struct flow_reason flow_reasons[] = {
    { "sampling_rate: of the header, of options or of the record", { SAMPLING_RATE }, is_new,
        { 63, 1196 } },
    { "etype: from the addresses", { ETYPE }, is_new, { 560, 1351 } },
    { "forwarding_status: 89", { FORWARDING_STATUS }, is_forwarding_status, { 39, 1297 } },
    { "tcp_flags: 6, which upstream loses but in v5", { TCP_FLAGS }, is_tcp_flags, { 86, 171 } },
    { "observation_domain_id: of v9, too", { OBSERVATION_DOMAIN_ID }, is_v9_domain, { 95, 79 } },
    { "observation_point_id: 138", { OBSERVATION_POINT_ID }, is_observation_point, { 3, 0 } },
    { "addresses: not the one of zeros, where there are two", { SRC_ADDR, DST_ADDR },
        is_address_of_zeros, { 2, 768 } },
    { "interfaces: 252, 253 where there is no 10, 14", { IN_IF, OUT_IF }, is_physical_interface,
        { 0, 8 } },
    { "dst_mac: 57 in IPFIX, too", { DST_MAC }, is_post_mac, { 22, 0 } },
    { "vlan_id: 243 in v9", { VLAN_ID }, is_dot1q_vlan, { 13, 0 } },
    { "ICMP: in the destination port", { ICMP_TYPE, ICMP_CODE }, is_icmp_in_port, { 2, 26 } },
    { "mpls_label: 70 to 79", { MPLS_LABEL }, is_label, { 1, 581 } },
    { "mpls_ip: 47, 140", { MPLS_IP }, is_label_address, { 0, 67 } },
    { "bgp_next_hop: 18, 63 in v9, too", { BGP_NEXT_HOP }, is_v9_bgp_next_hop, { 21, 34 } },
    { "times: the exporter's clock is not set", { START, END }, is_clock_not_set, { 26, 0 } },
    { "times: an uptime that wrapped", { START, END }, is_wrapped_uptime, { 2, 0 } },
    { "times: uptimes in IPFIX count from the start of the exporter", { START, END },
        is_uptime_in_ipfix, { 134, 2364 } },
    { "times: 152, 153 in v9, too", { START, END }, is_milliseconds_in_v9, { 66, 0 } },
    { "times: 150, 151, 154 to 159", { START, END }, is_other_time, { 8, 8 } },
};

const unsigned flow_reason_count = sizeof(flow_reasons) / sizeof(flow_reasons[0]);

int
flow_reason_find(const struct flow_difference *d)
{
    for (unsigned i = 0; i < flow_reason_count; i++) {
        const struct flow_reason *reason = &flow_reasons[i];
        for (unsigned t = 0; t < sizeof(reason->tags) / sizeof(reason->tags[0]); t++) {
            if (reason->tags[t] == d->tag && d->tag != 0 && reason->holds(d)) {
                return (int)i;
            }
        }
    }
    return -1;
}
