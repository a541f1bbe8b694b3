/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_reasons.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

enum {
    TYPE = 1,
    SAMPLING_RATE = 3,
    BYTES = 9,
    PACKETS = 10,
    SRC_ADDR = 6,
    DST_ADDR = 7,
    NEXT_HOP = 12,
    BGP_NEXT_HOP = 100,
    START = 111,
    END = 112,
};

/* The value of an element in the record, as hexadecimal digits; NULL: it has none. */
static const char *
element(const struct flow_difference *d, const char *id)
{
    size_t i;
    const json_t *pair;

    json_array_foreach (json_object_get(d->raw, "fields"), i, pair) {
        if (strcmp(json_string_value(json_array_get(pair, 0)), id) == 0) {
            return json_string_value(json_array_get(pair, 1));
        }
    }
    return NULL;
}

__attribute__((unused)) static bool
has(const struct flow_difference *d, const char *id)
{
    return element(d, id) != NULL;
}

__attribute__((unused)) static bool
has_number(const struct flow_difference *d, const char *id)
{
    const char *text = element(d, id);

    return text != NULL && strspn(text, "0") < strlen(text);
}

__attribute__((unused)) static uint64_t
native_number(const struct flow_difference *d)
{
    return d->native->fields[d->tag].number;
}

__attribute__((unused)) static uint64_t
upstream_number(const struct flow_difference *d)
{
    return d->upstream->fields[d->tag].number;
}

static bool
is_absent_upstream(const struct flow_difference *d)
{
    static const struct flow_field absent;

    return memcmp(&d->upstream->fields[d->tag], &absent, sizeof(absent)) == 0;
}

__attribute__((unused)) static bool
is_type(const struct flow_difference *d, unsigned type)
{
    return d->native->fields[TYPE].number == type;
}

const struct flow_reason flow_reasons[] = {
    { "sampling rate", { SAMPLING_RATE }, is_absent_upstream, { 0, 0 } },
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
