/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/load.h"
#include "decode/output.h"
#include "decode/record.h"
#include "sr/stats.h"

#include "sr/banned.h"

#define BIT(SLOT) (UINT64_C(1) << ((SLOT)&63))

enum { PROTO_ICMP = 1, PROTO_ICMPV6 = 58, ETYPE_IPV4 = 0x0800, ETYPE_IPV6 = 0x86dd };

/* Gathered values that are rare; most records have none of them and are done sooner. */
#define ADDRESSES6                                                                                 \
    (BIT(NF_SRC_ADDR6) | BIT(NF_DST_ADDR6) | BIT(NF_NEXT_HOP6) | BIT(NF_BGP_NEXT_HOP6))
#define STAND_INS                                                                                  \
    (BIT(NF_SRC_NET6) | BIT(NF_DST_NET6) | BIT(NF_POST_DST_MAC) | BIT(NF_ICMP6) |                  \
        BIT(NF_MAXIMUM_TTL))
#define COUNTERS                                                                                   \
    (BIT(NF_TOTAL_BYTES) | BIT(NF_TOTAL_PACKETS) | BIT(NF_POST_BYTES) | BIT(NF_POST_PACKETS) |     \
        BIT(NF_POST_TOTAL_BYTES) | BIT(NF_POST_TOTAL_PACKETS) | BIT(NF_INITIATOR_BYTES) |          \
        BIT(NF_RESPONDER_BYTES) | BIT(NF_INITIATOR_PACKETS) | BIT(NF_RESPONDER_PACKETS) |          \
        BIT(NF_LAYER2_BYTES) | BIT(NF_REVERSE_BYTES) | BIT(NF_REVERSE_PACKETS))

/* A flow that has any of these is not empty: of some only the answer has bytes. */
#define COUNTED (BIT(NF_BYTES) | BIT(NF_PACKETS) | BIT(NF_BYTES_IN) | BIT(NF_PACKETS_IN))

/* ---- Context ---- */

uint64_t
nf_sampling_override(const struct nf_config *config, const struct sr_peer *peer)
{
    for (size_t i = 0; i < config->override_count; i++) {
        if (sr_network_has(&config->overrides[i].network, peer)) {
            return config->overrides[i].rate;
        }
    }
    return 0;
}

static enum nf_type
flow_type(uint16_t version)
{
    return version == 10 ? NF_TYPE_IPFIX : version == 9 ? NF_TYPE_V9 : NF_TYPE_V5;
}

void
nf_context_init(struct nf_context *c, const struct nf_config *config, struct nf_exporter *exporter,
    const struct nf_header *header, struct nf_flow *f)
{
    const struct sr_peer *peer = nf_exporter_peer(exporter);

    *c = (struct nf_context){
        .config = config,
        .exporter = exporter,
        .header = header,
        .ledger = nf_exporter_ledger(exporter),
        .export_ms = header->export_ns / 1000000,
        .sampling_rate = nf_sampling_override(config, peer),
    };
    c->is_rate_overridden = c->sampling_rate != 0;
    f->present[0] = 0;
    f->present[1] = 0;
    nf_flow_set(f, NF_TYPE, flow_type(header->version));
    nf_flow_set(f, NF_SEQUENCE_NUM, header->sequence);
    nf_flow_set_bytes(
        f, NF_SAMPLER_ADDRESS, (struct sr_span){ peer->address, peer->is_v6 ? 16 : 4 });
    nf_flow_set(f, NF_TIME_RECEIVED_NS, header->received_ns);
    if (header->version == 10 || (header->version == 9 && config->flavour == NF_NATIVE)) {
        nf_flow_set(f, NF_OBSERVATION_DOMAIN_ID, header->domain);
    }
    c->base = f->present[0];
    nf_protobuf_prepare(f);
}

void
nf_context_set(struct nf_context *c, struct nf_domain *domain, const struct nf_template *template)
{
    c->domain = domain;
    c->template = template;
    if (!c->is_rate_overridden && c->config->flavour == NF_NATIVE) {
        c->sampling_rate = nf_sampling_rate(domain, false, false, 0);
    }
}

/* ---- Fields that have several sources ---- */

static bool
is_empty(const struct nf_flow *f, enum nf_slot slot)
{
    return !nf_flow_has(f, slot) || nf_is_zero(f->bytes[slot]);
}

/* Many exporters send both addresses and fill one: the IP version tells which, else what is in
 * them. One of two may be the unspecified address. */
static bool
is_of_v6(const struct nf_flow *f)
{
    uint64_t version = nf_flow_get(f, NF_IP_VERSION);

    if (version == 4 || version == 6) {
        return version == 6;
    }
    return is_empty(f, NF_SRC_ADDR) && is_empty(f, NF_DST_ADDR) &&
           !(is_empty(f, NF_SRC_ADDR6) && is_empty(f, NF_DST_ADDR6));
}

static void
choose(struct nf_flow *f, enum nf_slot slot, enum nf_slot slot6, bool v6)
{
    if (nf_flow_has(f, slot6) && (v6 || !nf_flow_has(f, slot))) {
        nf_flow_set_bytes(f, slot, f->bytes[slot6]);
    }
}

/* A next hop may be of the other family than the flow: RFC 4798, RFC 8950. */
static void
choose_next_hop(struct nf_flow *f, enum nf_slot slot, enum nf_slot slot6, bool v6)
{
    bool empty = is_empty(f, slot);

    choose(f, slot, slot6, empty == is_empty(f, slot6) ? v6 : empty);
}

static void
finish_addresses(struct nf_flow *f)
{
    bool v6 = is_of_v6(f);

    choose(f, NF_SRC_ADDR, NF_SRC_ADDR6, v6);
    choose(f, NF_DST_ADDR, NF_DST_ADDR6, v6);
    choose_next_hop(f, NF_NEXT_HOP, NF_NEXT_HOP6, v6);
    choose_next_hop(f, NF_BGP_NEXT_HOP, NF_BGP_NEXT_HOP6, v6);
}

static void
finish_etype(struct nf_flow *f)
{
    size_t len = nf_flow_has(f, NF_SRC_ADDR)   ? f->bytes[NF_SRC_ADDR].len
                 : nf_flow_has(f, NF_DST_ADDR) ? f->bytes[NF_DST_ADDR].len
                                               : 0;

    if (len != 0 && !nf_flow_has(f, NF_ETYPE)) {
        nf_flow_set(f, NF_ETYPE, len == 4 ? ETYPE_IPV4 : ETYPE_IPV6);
    }
}

/* Sets a field that is 0 so far. */
static void
stand_in(struct nf_flow *f, enum nf_slot slot, enum nf_slot other)
{
    if (!nf_flow_has(f, slot)) {
        nf_flow_set(f, slot, nf_flow_get(f, other));
    }
}

static void
finish_stand_ins(struct nf_flow *f)
{
    stand_in(f, NF_SRC_NET, NF_SRC_NET6);
    stand_in(f, NF_DST_NET, NF_DST_NET6);
    stand_in(f, NF_IP_TTL, NF_MAXIMUM_TTL);
    stand_in(f, NF_DST_MAC, NF_POST_DST_MAC);
    if (nf_flow_has(f, NF_ICMP6) && !nf_flow_has(f, NF_ICMP_TYPE) &&
        !nf_flow_has(f, NF_ICMP_CODE)) {
        nf_flow_set(f, NF_ICMP_TYPE, f->number[NF_ICMP6] >> 8 & 0xff);
        nf_flow_set(f, NF_ICMP_CODE, f->number[NF_ICMP6] & 0xff);
    }
}

/*
 * Deltas, else totals, else what left, else a firewall's counts of both directions (NSEL: deltas
 * since the last event, so that updates and teardowns add up), else octets of layer 2. Firewalls
 * that send totals beside these count both directions in them.
 */
static void
finish_counters(struct nf_flow *f)
{
    if (nf_flow_has(f, NF_FIREWALL_EVENT)) {
        stand_in(f, NF_BYTES, NF_INITIATOR_BYTES);
        stand_in(f, NF_PACKETS, NF_INITIATOR_PACKETS);
    }
    stand_in(f, NF_BYTES, NF_TOTAL_BYTES);
    stand_in(f, NF_PACKETS, NF_TOTAL_PACKETS);
    stand_in(f, NF_BYTES, NF_POST_BYTES);
    stand_in(f, NF_PACKETS, NF_POST_PACKETS);
    stand_in(f, NF_BYTES, NF_POST_TOTAL_BYTES);
    stand_in(f, NF_PACKETS, NF_POST_TOTAL_PACKETS);
    stand_in(f, NF_BYTES, NF_INITIATOR_BYTES);
    stand_in(f, NF_PACKETS, NF_INITIATOR_PACKETS);
    stand_in(f, NF_BYTES, NF_LAYER2_BYTES);
    stand_in(f, NF_BYTES_IN, NF_RESPONDER_BYTES);
    stand_in(f, NF_PACKETS_IN, NF_RESPONDER_PACKETS);
    stand_in(f, NF_BYTES_IN, NF_REVERSE_BYTES);
    stand_in(f, NF_PACKETS_IN, NF_REVERSE_PACKETS);
}

/* Exporters without elements for it put type and code of ICMP where ports have the destination. */
static void
finish_icmp(const struct nf_context *c, struct nf_flow *f)
{
    uint64_t proto = nf_flow_get(f, NF_PROTO);

    if ((proto == PROTO_ICMP || proto == PROTO_ICMPV6) &&
        !(c->template != NULL && c->template->has_icmp) && !nf_flow_has(f, NF_ICMP_TYPE) &&
        !nf_flow_has(f, NF_ICMP_CODE) && !nf_flow_has(f, NF_SRC_PORT)) {
        uint64_t port = nf_flow_get(f, NF_DST_PORT);
        nf_flow_set(f, NF_ICMP_TYPE, port >> 8 & 0xff);
        nf_flow_set(f, NF_ICMP_CODE, port & 0xff);
    }
}

uint64_t
nf_flow_rate(const struct nf_context *c, const struct nf_flow *f, uint64_t own)
{
    bool selector = !nf_flow_has(f, NF_SAMPLER_ID);

    if (c->is_rate_overridden) {
        return c->sampling_rate;
    }
    if (own != 0) {
        return own;
    }
    if (c->domain != NULL && (f->present[1] & (BIT(NF_SAMPLER_ID) | BIT(NF_SELECTOR_ID))) != 0) {
        return nf_sampling_rate(
            c->domain, true, selector, f->number[selector ? NF_SELECTOR_ID : NF_SAMPLER_ID]);
    }
    return c->sampling_rate;
}

void
nf_flow_set_path(struct nf_flow *f, uint32_t source, uint32_t next_hop, uint32_t destination)
{
    const uint32_t systems[] = { source, next_hop, destination };
    struct nf_numbers *path = &f->as_path;
    uint32_t last = 0;

    path->count = 0;
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
        if (systems[i] != 0 && systems[i] != last) {
            path->items[path->count++] = last = systems[i];
        }
    }
    f->present[0] |= (uint64_t)(path->count != 0) << NF_AS_PATH;
}

static void
finish_path(struct nf_flow *f)
{
    nf_flow_set_path(f, (uint32_t)nf_flow_get(f, NF_SRC_AS),
        (uint32_t)nf_flow_get(f, NF_NEXT_HOP_AS), (uint32_t)nf_flow_get(f, NF_DST_AS));
}

static uint64_t
clamp(const struct nf_context *c, uint64_t value, uint64_t max)
{
    if (value > max) {
        sr_count(&c->ledger->clamped, 1);
        return max;
    }
    return value;
}

/* Consumers keep AS numbers and TCP flags in signed columns of 32 bits, counters in 64: one that
 * does not fit costs them all rows of its batch. */
static void
finish_clamp(const struct nf_context *c, struct nf_flow *f)
{
    static const uint8_t narrow[] = { NF_SRC_AS, NF_DST_AS, NF_NEXT_HOP_AS, NF_TCP_FLAGS };
    static const uint8_t wide[] = { NF_BYTES, NF_PACKETS, NF_BYTES_IN, NF_PACKETS_IN };

    for (size_t i = 0; i < sizeof(narrow); i++) {
        f->number[narrow[i]] = clamp(c, nf_flow_get(f, narrow[i]), INT32_MAX);
    }
    for (size_t i = 0; i < sizeof(wide); i++) {
        f->number[wide[i]] = clamp(c, nf_flow_get(f, wide[i]), INT64_MAX);
    }
}

static void
finish_protocol(struct nf_flow *f)
{
    if (nf_flow_has(f, NF_PROTO)) {
        if (f->number[NF_PROTO] <= UINT8_MAX) {
            nf_flow_set_bytes(f, NF_PROTOCOL_NAME, nf_protocol_name((uint8_t)f->number[NF_PROTO]));
        }
    }
}

/* A field that is the same number as another one. */
static void
copy(struct nf_flow *f, enum nf_slot to, enum nf_slot from)
{
    f->number[to] = f->number[from];
    f->present[0] |= (uint64_t)nf_flow_has(f, from) << to;
}

static void
set_times(struct nf_flow *f, struct nf_times times)
{
    nf_flow_set(f, NF_TIME_FLOW_START_NS, times.start);
    nf_flow_set(f, NF_TIME_FLOW_END_NS, times.end);
}

static void
finish_native(const struct nf_context *c, struct nf_flow *f)
{
    if ((f->present[1] & ADDRESSES6) != 0) {
        finish_addresses(f);
    }
    finish_etype(f);
    finish_icmp(c, f);
    nf_flow_set(f, NF_SAMPLING_RATE, nf_flow_rate(c, f, nf_flow_get(f, NF_SAMPLING_RATE)));
    set_times(f, nf_flow_times(c, f));
}

bool
nf_flow_finish(const struct nf_context *c, struct nf_flow *f)
{
    bool upstream = c->config->flavour == NF_UPSTREAM;

    if ((f->present[1] & STAND_INS) != 0) {
        finish_stand_ins(f);
    }
    if ((f->present[1] & COUNTERS) != 0) {
        finish_counters(f);
    }
    if (upstream) {
        set_times(f, nf_flow_times_upstream(c, f));
    } else {
        finish_native(c, f);
    }
    finish_protocol(f);
    if (c->config->clamp_int32) {
        finish_clamp(c, f);
    }
    copy(f, NF_BYTES_OUT, NF_BYTES);
    copy(f, NF_PACKETS_OUT, NF_PACKETS);
    if (c->header->version == 10) {
        finish_path(f);
    }
    return !c->config->drop_zero_counters || (f->present[0] & COUNTED) != 0;
}
