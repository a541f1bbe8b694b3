/* SPDX-License-Identifier: Apache-2.0 */
#include "load/netflow_write.h"

#include <string.h>

#include "sr/banned.h"

#define UPTIME_MS 3600000U

/* The export that times of records are written for, before netflow_mark() moves them. */
#define WRITTEN_MS UINT64_C(1795348800000)

#define SET_HEADER 4U /* RFC 3954 section 5.2, RFC 7011 section 3.3.2 */
#define OPTIONS_SCOPE 4U
#define OPTIONS_RECORD 10U

struct field {
    uint16_t id, length;
};

#define FIELDS 20

/* What a Cisco router exports of IPv4, one direction. */
static const struct field v9_fields[FIELDS] = { { 8, 4 }, { 12, 4 }, { 15, 4 }, { 10, 4 },
    { 14, 4 }, { 2, 4 }, { 1, 4 }, { 22, 4 }, { 21, 4 }, { 7, 2 }, { 11, 2 }, { 6, 1 }, { 4, 1 },
    { 5, 1 }, { 16, 4 }, { 17, 4 }, { 9, 1 }, { 13, 1 }, { 61, 1 }, { 48, 1 } };

static const struct field ipfix_fields[FIELDS] = { { 8, 4 }, { 12, 4 }, { 15, 4 }, { 10, 4 },
    { 14, 4 }, { 2, 4 }, { 1, 8 }, { 152, 8 }, { 153, 8 }, { 7, 2 }, { 11, 2 }, { 6, 1 }, { 4, 1 },
    { 5, 1 }, { 16, 4 }, { 17, 4 }, { 9, 1 }, { 13, 1 }, { 234, 4 }, { 61, 1 } };

static const struct layout {
    const char *name;
    const struct field *fields; /* NULL: v5 */
    unsigned records;           /* of a full datagram */
    size_t record;
    size_t header;
    uint16_t template_set;
    size_t port;   /* where the source port is in a record; the addresses are its begin */
    size_t times;  /* where two absolute times are, 0: nowhere */
    size_t domain; /* where it is in the header */
} layouts[NETFLOW_FORMATS] = {
    [NETFLOW_V5] = { "v5", NULL, 30, 48, 24, 0, 32, 0, 20 },
    [NETFLOW_V9] = { "v9", v9_fields, 24, 55, 20, 0, 36, 0, 16 },
    [NETFLOW_IPFIX] = { "ipfix", ipfix_fields, 20, 70, 16, 2, 48, 32, 12 },
};

static uint8_t *
put(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8) {
        out[i] = (uint8_t)value;
    }
    return out + bytes;
}

/* A number that looks random: xorshift32. */
static uint32_t
draw(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint64_t
value_of(uint16_t id, uint32_t *state)
{
    uint32_t r = draw(state);

    switch (id) {
    case 8:
    case 12:
    case 15: return 0x0A000000U | (r & 0xFFFF);
    case 10:
    case 14: return r % 48 + 1;
    case 2: return r % 1000 + 1;
    case 1: return r % 1000000 + 64;
    case 22: return UPTIME_MS - 60000 - r % 60000;
    case 21: return UPTIME_MS - r % 60000;
    case 152: return WRITTEN_MS - 60000 - r % 60000;
    case 153: return WRITTEN_MS - r % 60000;
    case 4: return (r & 1) != 0 ? 6 : 17;
    case 9:
    case 13: return 24;
    case 16:
    case 17: return 64512 + r % 512;
    case 48: return 1;
    case 61: return 0;
    default: return r;
    }
}

static uint8_t *
put_v5_record(uint8_t *out, uint32_t *state)
{
    static const struct field fields[] = { { 8, 4 }, { 12, 4 }, { 15, 4 }, { 10, 2 }, { 14, 2 },
        { 2, 4 }, { 1, 4 }, { 22, 4 }, { 21, 4 }, { 7, 2 }, { 11, 2 }, { 61, 1 }, { 6, 1 },
        { 4, 1 }, { 5, 1 }, { 16, 2 }, { 17, 2 }, { 9, 1 }, { 13, 1 }, { 61, 2 } };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        out = put(out, value_of(fields[i].id, state), fields[i].length);
    }
    return out;
}

/* The header but for what netflow_stamp() puts there. `units` is what version 5 and 9 count. */
static uint8_t *
put_header(enum netflow_format kind, uint8_t *out, unsigned units, size_t length)
{
    switch (kind) {
    case NETFLOW_V5:
        out = put(put(out, 5, 2), units, 2);
        out = put(put(put(out, UPTIME_MS, 4), 0, 8), 0, 4);
        return put(out, 0, 4);
    case NETFLOW_V9:
        out = put(put(out, 9, 2), units, 2);
        return put(put(put(out, UPTIME_MS, 4), 0, 8), 1, 4);
    case NETFLOW_IPFIX: return put(put(put(put(out, 10, 2), length, 2), 0, 8), 1, 4);
    case NETFLOW_FORMATS: break;
    }
    return out;
}

const char *
netflow_format_name(enum netflow_format kind)
{
    return layouts[kind].name;
}

unsigned
netflow_full_records(enum netflow_format kind)
{
    return layouts[kind].records;
}

/* Bytes in front of the first record. */
static size_t
before_records(const struct layout *l)
{
    return l->header + (l->fields != NULL ? SET_HEADER : 0);
}

unsigned
netflow_fitting_records(enum netflow_format format, size_t bytes)
{
    const struct layout *l = &layouts[format];
    const size_t before = before_records(l);
    size_t fit = bytes > before ? (bytes - before) / l->record : 0;

    while (fit > 0 && netflow_data_length(format, (unsigned)fit) > bytes) {
        fit--; /* the padding does not fit */
    }
    if (l->fields == NULL && fit > l->records) {
        return l->records; /* v5 has 30 at most */
    }
    return (unsigned)fit;
}

size_t
netflow_data_length(enum netflow_format format, unsigned records)
{
    const struct layout *l = &layouts[format];

    /* Sets end at whole words: RFC 3954 section 5.3; RFC 7011 section 3.3.1 allows it. */
    return (before_records(l) + records * l->record + 3) / 4 * 4;
}

size_t
netflow_write_data(
    enum netflow_format format, unsigned records, uint32_t seed, uint16_t id, uint8_t *out)
{
    const struct layout *l = &layouts[format];
    const size_t length = netflow_data_length(format, records);
    uint32_t state = seed * 2654435761U + 1;
    uint8_t *at = put_header(format, out, records, length);

    if (l->fields != NULL) {
        at = put(put(at, id, 2), length - l->header, 2);
    }
    for (unsigned i = 0; i < records; i++) {
        if (l->fields == NULL) {
            at = put_v5_record(at, &state);
            continue;
        }
        for (unsigned f = 0; f < FIELDS; f++) {
            at = put(at, value_of(l->fields[f].id, &state), l->fields[f].length);
        }
    }
    memset(at, 0, length - (size_t)(at - out));
    return length;
}

size_t
netflow_write_templates(enum netflow_format kind, unsigned count, uint8_t *out)
{
    const struct layout *l = &layouts[kind];
    const size_t set = 4 + count * (size_t)NETFLOW_TEMPLATE_MAX;

    if (l->fields == NULL) {
        return 0;
    }
    uint8_t *at = put_header(kind, out, count, l->header + set);
    at = put(put(at, l->template_set, 2), set, 2);
    for (unsigned i = 0; i < count; i++) {
        at = put(put(at, NETFLOW_FIRST_TEMPLATE + i, 2), FIELDS, 2);
        for (unsigned f = 0; f < FIELDS; f++) {
            at = put(put(at, l->fields[f].id, 2), l->fields[f].length, 2);
        }
    }
    return l->header + set;
}

/* samplerId, samplerMode and samplerRandomInterval of the IANA registry. */
static uint8_t *
put_sampler_fields(uint8_t *out)
{
    return put(put(put(put(put(put(out, 48, 2), 1, 2), 49, 2), 1, 2), 50, 2), 4, 2);
}

size_t
netflow_write_options(enum netflow_format format, uint32_t sampling, uint8_t *out)
{
    const struct layout *l = &layouts[format];
    const size_t scope = OPTIONS_SCOPE, fields = 3 * OPTIONS_SCOPE;
    const size_t data = (SET_HEADER + OPTIONS_RECORD + 3) / 4 * 4;
    const size_t template = (SET_HEADER + 6 + scope + fields + 3) / 4 * 4;
    const size_t length = l->header + template + data;

    if (l->fields == NULL) {
        return 0;
    }
    memset(out, 0, length); /* also the padding */
    uint8_t *at = put_header(format, out, 2, length);
    at = put(put(at, l->template_set + 1U, 2), template, 2);
    at = put(at, NETFLOW_OPTIONS_TEMPLATE, 2);
    if (format == NETFLOW_V9) {
        at = put(put(at, scope, 2), fields, 2);
        at = put(put(at, 1, 2), 4, 2); /* System */
    } else {
        at = put(put(at, 4, 2), 1, 2);   /* fields, of which the scope */
        at = put(put(at, 144, 2), 4, 2); /* exportingProcessId */
    }
    (void)put_sampler_fields(at);
    at = out + l->header + template;
    at = put(put(at, NETFLOW_OPTIONS_TEMPLATE, 2), data, 2);
    (void)put(put(put(put(at, 1, 4), 1, 1), 2, 1), sampling, 4); /* random */
    return length;
}

void
netflow_set_sampling(enum netflow_format format, uint8_t *datagram, uint32_t sampling)
{
    if (format == NETFLOW_V5) {
        (void)put(datagram + 22, 1U << 14 | (sampling & NETFLOW_SAMPLING_MAX), 2);
    }
}

void
netflow_set_domain(enum netflow_format format, uint8_t *datagram, uint32_t domain)
{
    (void)put(datagram + layouts[format].domain, domain, format == NETFLOW_V5 ? 2 : 4);
}

static void
move_time(uint8_t *at, uint64_t by_ms)
{
    struct sr_reader r = sr_reader_init((struct sr_span){ at, 8 });

    (void)put(at, sr_reader_be64(&r) + by_ms, 8);
}

void
netflow_mark(enum netflow_format format, uint8_t *datagram, unsigned records,
    const struct mark *first, uint64_t wall_ms)
{
    const struct layout *l = &layouts[format];
    uint8_t *at = datagram + before_records(l);
    uint64_t sequence = first->sequence;

    for (unsigned i = 0; i < records; i++, at += l->record, sequence++) {
        (void)put(put(at, 10U << 24 | first->run, 4), sequence, 4);
        (void)put(at + l->port, sequence >> 32, 2);
        if (l->times > 0) {
            move_time(at + l->times, wall_ms - WRITTEN_MS);
            move_time(at + l->times + 8, wall_ms - WRITTEN_MS);
        }
    }
}

void
netflow_stamp(enum netflow_format kind, uint8_t *datagram, uint32_t sequence, uint32_t seconds)
{
    switch (kind) {
    case NETFLOW_V5: (void)put(put(put(datagram + 8, seconds, 4), 0, 4), sequence, 4); break;
    case NETFLOW_V9: (void)put(put(datagram + 8, seconds, 4), sequence, 4); break;
    case NETFLOW_IPFIX: (void)put(put(datagram + 4, seconds, 4), sequence, 4); break;
    case NETFLOW_FORMATS: break;
    }
}

uint32_t
netflow_units(enum netflow_format kind, unsigned records)
{
    return kind == NETFLOW_V9 ? 1 : records;
}
