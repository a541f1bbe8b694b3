/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_load.h"

#include <string.h>

#include "sr/banned.h"

#define UPTIME_MS 3600000U

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
    unsigned records;
    size_t record;
    size_t header;
    uint16_t template_set;
} layouts[LOAD_KINDS] = {
    [LOAD_V5] = { "v5", NULL, 30, 48, 24, 0 },
    [LOAD_V9] = { "v9", v9_fields, 24, 55, 20, 0 },
    [LOAD_IPFIX] = { "ipfix", ipfix_fields, 20, 70, 16, 2 },
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
    case 152: return UINT64_C(1795348800000) - 60000 - r % 60000;
    case 153: return UINT64_C(1795348800000) - r % 60000;
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

/* The header but for what load_stamp() puts there. `units` is what version 5 and 9 count. */
static uint8_t *
put_header(enum load_kind kind, uint8_t *out, unsigned units, size_t length)
{
    switch (kind) {
    case LOAD_V5:
        out = put(put(out, 5, 2), units, 2);
        out = put(put(put(out, UPTIME_MS, 4), 0, 8), 0, 4);
        return put(out, 0, 4);
    case LOAD_V9:
        out = put(put(out, 9, 2), units, 2);
        return put(put(put(out, UPTIME_MS, 4), 0, 8), 1, 4);
    case LOAD_IPFIX: return put(put(put(put(out, 10, 2), length, 2), 0, 8), 1, 4);
    case LOAD_KINDS: break;
    }
    return out;
}

const char *
load_name(enum load_kind kind)
{
    return layouts[kind].name;
}

unsigned
load_records(enum load_kind kind)
{
    return layouts[kind].records;
}

size_t
load_data(enum load_kind kind, uint32_t seed, uint16_t id, uint8_t *out)
{
    const struct layout *l = &layouts[kind];
    const size_t body = l->records * l->record;
    const size_t length = l->header + body + (l->fields != NULL ? 4 : 0);
    uint32_t state = seed * 2654435761U + 1;
    uint8_t *at = put_header(kind, out, l->records, length);

    if (l->fields != NULL) {
        at = put(put(at, id, 2), body + 4, 2);
    }
    for (unsigned i = 0; i < l->records; i++) {
        if (l->fields == NULL) {
            at = put_v5_record(at, &state);
            continue;
        }
        for (unsigned f = 0; f < FIELDS; f++) {
            at = put(at, value_of(l->fields[f].id, &state), l->fields[f].length);
        }
    }
    return length;
}

size_t
load_templates(enum load_kind kind, unsigned count, uint8_t *out)
{
    const struct layout *l = &layouts[kind];
    const size_t set = 4 + count * (size_t)LOAD_TEMPLATE_MAX;

    if (l->fields == NULL) {
        return 0;
    }
    uint8_t *at = put_header(kind, out, count, l->header + set);
    at = put(put(at, l->template_set, 2), set, 2);
    for (unsigned i = 0; i < count; i++) {
        at = put(put(at, LOAD_FIRST_TEMPLATE + i, 2), FIELDS, 2);
        for (unsigned f = 0; f < FIELDS; f++) {
            at = put(put(at, l->fields[f].id, 2), l->fields[f].length, 2);
        }
    }
    return l->header + set;
}

void
load_stamp(enum load_kind kind, uint8_t *datagram, uint32_t sequence, uint32_t seconds)
{
    switch (kind) {
    case LOAD_V5: (void)put(put(put(datagram + 8, seconds, 4), 0, 4), sequence, 4); break;
    case LOAD_V9: (void)put(put(datagram + 8, seconds, 4), sequence, 4); break;
    case LOAD_IPFIX: (void)put(put(datagram + 4, seconds, 4), sequence, 4); break;
    case LOAD_KINDS: break;
    }
}

uint32_t
load_units(enum load_kind kind, unsigned records)
{
    return kind == LOAD_V9 ? 1 : records;
}
