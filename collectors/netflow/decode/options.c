/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/exporter_state.h"
#include "sr/banned.h"

/* What an options record can tell us. */
enum told_what {
    TOLD_INTERVAL = 0,            /* 34 samplingInterval */
    TOLD_SAMPLER,                 /* 48 samplerId */
    TOLD_RANDOM_INTERVAL,         /* 50 samplerRandomInterval */
    TOLD_SELECTOR,                /* 302 selectorId */
    TOLD_ALGORITHM,               /* 304 selectorAlgorithm, RFC 5477 section 8.2.1 */
    TOLD_PACKET_INTERVAL,         /* 305 samplingPacketInterval */
    TOLD_PACKET_SPACE,            /* 306 samplingPacketSpace */
    TOLD_SIZE,                    /* 309 samplingSize */
    TOLD_POPULATION,              /* 310 samplingPopulation */
    TOLD_PROBABILITY,             /* 311 samplingProbability */
    TOLD_START,                   /* 160 systemInitTimeMilliseconds */
    TOLD_INTERFACE,               /* 10, 14, or the scope */
    TOLD_INTERFACE_NAME,          /* 82 */
    TOLD_INTERFACE_DESCRIPTION,   /* 83 */
    TOLD_APPLICATION,             /* 95 */
    TOLD_APPLICATION_DESCRIPTION, /* 94 */
    TOLD_APPLICATION_NAME,        /* 96 */
    TOLD_INGRESS_VRF,             /* 234 */
    TOLD_EGRESS_VRF,              /* 235 */
    TOLD_VRF_NAME,                /* 236 */
    TOLD_NOTHING,
};

enum {
    SCOPE_INTERFACE = 2, /* RFC 3954 section 6.1 */
    SCOPE_LAST = 5,
    ALGORITHM_COUNT = 1, /* RFC 5477 section 8.2.1: systematic count-based */
    ALGORITHM_TIME = 2,
    ALGORITHM_RANDOM = 3, /* n out of N */
    ALGORITHM_PROBABILITY = 4,
    START_JITTER_MS = 100,
};

struct told {
    struct sr_span value[TOLD_NOTHING]; /* empty: not told */
};

static enum told_what
what_of(uint16_t id)
{
    switch (id) {
    case 10:
    case 14: return TOLD_INTERFACE;
    case 34: return TOLD_INTERVAL;
    case 48: return TOLD_SAMPLER;
    case 50: return TOLD_RANDOM_INTERVAL;
    case 82: return TOLD_INTERFACE_NAME;
    case 83: return TOLD_INTERFACE_DESCRIPTION;
    case 94: return TOLD_APPLICATION_DESCRIPTION;
    case 95: return TOLD_APPLICATION;
    case 96: return TOLD_APPLICATION_NAME;
    case 160: return TOLD_START;
    case 234: return TOLD_INGRESS_VRF;
    case 235: return TOLD_EGRESS_VRF;
    case 236: return TOLD_VRF_NAME;
    case 302: return TOLD_SELECTOR;
    case 304: return TOLD_ALGORITHM;
    case 305: return TOLD_PACKET_INTERVAL;
    case 306: return TOLD_PACKET_SPACE;
    case 309: return TOLD_SIZE;
    case 310: return TOLD_POPULATION;
    case 311: return TOLD_PROBABILITY;
    default: return TOLD_NOTHING;
    }
}

/* Scope fields of v9 have types of their own; those it does not define are elements, as exporters
 * that mean IPFIX write them. */
static enum told_what
what_of_field(const struct nf_template *t, unsigned index)
{
    struct nf_field f = nf_template_field(t, index);

    if (f.enterprise != 0) {
        return TOLD_NOTHING;
    }
    if (t->version == 9 && index < t->scope_count && f.id <= SCOPE_LAST) {
        return f.id == SCOPE_INTERFACE ? TOLD_INTERFACE : TOLD_NOTHING;
    }
    return what_of(f.id);
}

/* Of two equal elements the first one counts: it is the scope. */
static void
read_told(struct told *told, const struct nf_template *t, struct sr_span record,
    const struct nf_position *positions)
{
    memset(told, 0, sizeof(*told));
    for (unsigned i = 0; i < t->field_count; i++) {
        enum told_what what = what_of_field(t, i);
        if (what != TOLD_NOTHING && told->value[what].len == 0 &&
            (size_t)positions[i].offset + positions[i].length <= record.len) {
            told->value[what].data = record.data + positions[i].offset;
            told->value[what].len = positions[i].length;
        }
    }
}

/* A value of 1 to 8 bytes. */
static bool
number(const struct told *told, enum told_what what, uint64_t *ret_value)
{
    struct sr_span bytes = told->value[what];
    uint64_t value = 0;

    if (bytes.len == 0 || bytes.len > 8) {
        return false;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | bytes.data[i];
    }
    *ret_value = value;
    return true;
}

/* The number, 0 when it was not told. */
static uint64_t
number_or_zero(const struct told *told, enum told_what what)
{
    uint64_t value = 0;

    (void)number(told, what, &value);
    return value;
}

/* Of `all` packets `some` were taken: one in how many, 0 when that makes no sense. */
static uint64_t
one_in(uint64_t all, uint64_t some)
{
    return some > 0 && some <= all && all <= UINT32_MAX * UINT64_C(2) ? (all + some / 2) / some : 0;
}

/* 305 and 306: so many packets are taken, then so many are not. Who tells no space means one
 * packet in 305. */
static uint64_t
rate_by_count(const struct told *told)
{
    uint64_t interval = number_or_zero(told, TOLD_PACKET_INTERVAL);
    uint64_t space;

    if (!number(told, TOLD_PACKET_SPACE, &space)) {
        return interval;
    }
    if (interval > UINT32_MAX || space > UINT32_MAX) {
        return 0;
    }
    return one_in(interval + space, interval);
}

static uint64_t
rate_by_size(const struct told *told)
{
    return one_in(number_or_zero(told, TOLD_POPULATION), number_or_zero(told, TOLD_SIZE));
}

/* 311 is a float64 that may be sent as a float32, RFC 7011 section 6.2. */
static uint64_t
rate_by_probability(const struct told *told)
{
    uint64_t bits = number_or_zero(told, TOLD_PROBABILITY);
    double p = 0;

    if (told->value[TOLD_PROBABILITY].len == sizeof(float)) {
        uint32_t narrow = (uint32_t)bits;
        float f;
        memcpy(&f, &narrow, sizeof(f));
        p = (double)f;
    } else if (told->value[TOLD_PROBABILITY].len == sizeof(double)) {
        memcpy(&p, &bits, sizeof(p));
    }
    /* Also false for what is no number. */
    return p >= 1.0 / NF_RATE_MAX && p <= 1.0 ? (uint64_t)(1.0 / p + 0.5) : 0;
}

/* RFC 5477 section 8.2. Where the algorithm does not say which fields count, those that are there
 * do. IOS XR sends 305 beside 309 and 310, and its algorithm is the latter. */
static uint64_t
rate_of_selector(const struct told *told)
{
    uint64_t algorithm = number_or_zero(told, TOLD_ALGORITHM);
    uint64_t rate = 0;

    if (algorithm == ALGORITHM_TIME) {
        return 0;
    }
    if (algorithm == ALGORITHM_COUNT) {
        rate = rate_by_count(told);
    } else if (algorithm == ALGORITHM_PROBABILITY) {
        rate = rate_by_probability(told);
    }
    if (rate == 0) {
        rate = rate_by_size(told);
    }
    if (rate == 0) {
        rate = rate_by_count(told);
    }
    return rate != 0 ? rate : rate_by_probability(told);
}

static void
learn_rate(struct nf_exporter *e, struct nf_domain_state *s, const struct told *told)
{
    uint64_t rate = number_or_zero(told, TOLD_RANDOM_INTERVAL);
    uint64_t id;
    bool named = false;

    if (rate == 0) {
        rate = rate_of_selector(told);
    }
    if (rate == 0) {
        rate = number_or_zero(told, TOLD_INTERVAL);
    }
    if (rate == 0 || rate > NF_RATE_MAX) {
        return;
    }
    if (number(told, TOLD_SAMPLER, &id)) {
        (void)nf_rate_set(e, s, false, id, (uint32_t)rate);
        named = true;
    }
    if (number(told, TOLD_SELECTOR, &id)) {
        (void)nf_rate_set(e, s, true, id, (uint32_t)rate);
        named = true;
    }
    if (!named) {
        nf_default_rate_set(e, s, (uint32_t)rate);
    }
}

/* Text up to its first NUL: fields of fixed length are filled up with them. */
static struct sr_span
text(const struct told *told, enum told_what what)
{
    struct sr_span bytes = told->value[what];
    const uint8_t *end = bytes.len > 0 ? memchr(bytes.data, 0, bytes.len) : NULL;

    if (end != NULL) {
        bytes.len = (size_t)(end - bytes.data);
    }
    return bytes;
}

static void
learn_name(struct nf_exporter *e, struct nf_domain_state *s, enum nf_name_kind kind,
    const struct told *told, enum told_what what_id, enum told_what what_name)
{
    uint64_t id;

    if (number(told, what_id, &id)) {
        (void)nf_name_set(e, s, kind, id, text(told, what_name));
    }
}

static void
learn_application(struct nf_exporter *e, struct nf_domain_state *s, const struct told *told)
{
    struct sr_span name = text(told, TOLD_APPLICATION_NAME);
    uint64_t key;

    if (nf_application_key(told->value[TOLD_APPLICATION], &key)) {
        (void)nf_name_set(e, s, NF_NAME_APPLICATION, key,
            name.len > 0 ? name : text(told, TOLD_APPLICATION_DESCRIPTION));
    }
}

/* IOS XR computes its start from two clocks each time: it moves by a millisecond now and then. */
static void
learn_start(struct nf_exporter *e, struct nf_domain *d, uint64_t start_ms)
{
    uint64_t earlier = start_ms < d->told_start_ms ? start_ms : d->told_start_ms;
    uint64_t later = start_ms < d->told_start_ms ? d->told_start_ms : start_ms;

    if (later - earlier > START_JITTER_MS) {
        d->told_start_ms = start_ms;
        e->generation++;
    }
}

void
nf_options_learn(struct nf_exporter *e, struct nf_domain *d, const struct nf_config *config,
    const struct nf_template *t, struct sr_span record, const struct nf_position *positions)
{
    struct nf_domain_state *s = d->state;
    struct told told;
    uint64_t start;

    (void)config;
    read_told(&told, t, record, positions);
    learn_rate(e, s, &told);
    learn_name(e, s, NF_NAME_INTERFACE, &told, TOLD_INTERFACE, TOLD_INTERFACE_NAME);
    learn_name(
        e, s, NF_NAME_INTERFACE_DESCRIPTION, &told, TOLD_INTERFACE, TOLD_INTERFACE_DESCRIPTION);
    learn_application(e, s, &told);
    learn_name(e, s, NF_NAME_VRF, &told, TOLD_INGRESS_VRF, TOLD_VRF_NAME);
    learn_name(e, s, NF_NAME_VRF, &told, TOLD_EGRESS_VRF, TOLD_VRF_NAME);
    if (number(&told, TOLD_START, &start) && start != 0) {
        learn_start(e, d, start);
    }
}
