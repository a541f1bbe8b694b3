/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_desk.h"

#include "unit.h"

#include <stdlib.h>

#include "netflow_build.h"

#define FIELDS_MAX 64U
#define HEADER_LENGTH 20U /* of a message and a set, which stand before its records */

struct desk desk;

void
desk_open(struct desk *d, uint16_t version, enum nf_flavour flavour)
{
    *d = (struct desk){ .is_published = false };
    if (version == 9) {
        bench_open_v9(&d->bench);
    } else {
        bench_open(&d->bench);
    }
    d->bench.config.flavour = flavour;
    d->bench.config.skew_ns = 3600 * SECOND;
    d->header = (struct nf_header){
        .version = version,
        .port = 2055,
        .domain = 7,
        .sequence = 11,
        .received_ns = DESK_RECEIVED,
        .export_ns = DESK_EXPORT,
        .uptime_ms = version == 10 ? 0 : DESK_UPTIME_MS,
    };
}

void
desk_close(struct desk *d)
{
    free(d->templates);
    free(d->memory);
    bench_close(&d->bench);
}

int
desk_begin(void **state)
{
    (void)state;
    desk_open(&desk, 10, NF_NATIVE);
    return 0;
}

int
desk_begin_v9(void **state)
{
    (void)state;
    desk_open(&desk, 9, NF_NATIVE);
    return 0;
}

int
desk_begin_upstream(void **state)
{
    (void)state;
    desk_open(&desk, 10, NF_UPSTREAM);
    return 0;
}

int
desk_begin_upstream_v9(void **state)
{
    (void)state;
    desk_open(&desk, 9, NF_UPSTREAM);
    return 0;
}

int
desk_end(void **state)
{
    (void)state;
    desk_close(&desk);
    return 0;
}

/* One element of a record's text, which moves past it. */
static bool
next_field(const char **text, struct build *m, struct nf_field *ret_field)
{
    static struct build value;
    char *end;
    struct nf_field field = { .enterprise = 0 };
    char hex[1024];
    size_t len = 0;

    while (**text == ' ') {
        (*text)++;
    }
    if (**text == '\0') {
        return false;
    }
    field.id = (uint16_t)strtoul(*text, &end, 10);
    if (*end == '.') {
        field.enterprise = field.id;
        field.id = (uint16_t)strtoul(end + 1, &end, 10);
    }
    bool is_variable = *end == '~';
    assert_true(is_variable || *end == '=');
    for (end++; *end != ' ' && *end != '\0'; end++) {
        assert_true(len < sizeof(hex) - 1);
        hex[len++] = *end;
    }
    hex[len] = '\0';
    *text = end;
    value.len = 0;
    build_hex(&value, hex);
    field.length = is_variable ? NF_VARIABLE_LENGTH : (uint16_t)value.len;
    if (is_variable) {
        build_variable(m, value.bytes, value.len);
    } else {
        build_bytes(m, value.bytes, value.len);
    }
    *ret_field = field;
    return true;
}

static void
read_it(struct desk *d, const struct build *m, const struct nf_field *fields, uint16_t count)
{
    struct nf_position positions[FIELDS_MAX];
    struct sr_span record;

    free(d->templates);
    free(d->memory);
    d->templates = build_compiled((uint8_t)d->header.version, false, 0, fields, count,
        (enum nf_flavour)d->bench.config.flavour);
    d->memory = malloc(HEADER_LENGTH + m->len);
    assert_non_null(d->memory);
    memset(d->memory, 0xEE, HEADER_LENGTH);
    memcpy(d->memory + HEADER_LENGTH, m->bytes, m->len);
    struct sr_span records = { d->memory + HEADER_LENGTH, m->len };
    /* What a record does not set is not to be seen. */
    memset(&d->flow, 0xA5, sizeof(d->flow));
    nf_context_init(&d->context, &d->bench.config, d->bench.e, &d->header, &d->flow);
    nf_context_set(&d->context, d->bench.d, d->templates);
    if (d->header.version == 10 && d->bench.config.flavour == NF_NATIVE) {
        nf_estimate_start(&d->context, records, positions);
    }
    assert_true(nf_record_next(d->templates, &records, &record, positions));
    assert_int_equal(records.len, 0);
    nf_record_read(&d->context, record, d->templates->variable ? positions : NULL, &d->flow);
    d->is_published = nf_flow_finish(&d->context, &d->flow);
}

void
desk_read(struct desk *d, const char *record)
{
    static struct build m;
    struct nf_field fields[FIELDS_MAX];
    uint16_t count = 0;

    m.len = 0;
    while (count < FIELDS_MAX && next_field(&record, &m, &fields[count])) {
        count++;
    }
    read_it(d, &m, fields, count);
}

void
desk_read_packet(
    struct desk *d, const char *record, uint16_t id, bool is_variable, struct sr_span packet)
{
    static struct build m;
    struct nf_field fields[FIELDS_MAX];
    uint16_t count = 0;

    m.len = 0;
    while (count < FIELDS_MAX - 1 && next_field(&record, &m, &fields[count])) {
        count++;
    }
    fields[count++] = (struct nf_field){ .id = id,
        .length = is_variable ? NF_VARIABLE_LENGTH : (uint16_t)packet.len };
    if (is_variable) {
        build_variable(&m, packet.data, packet.len);
    } else {
        build_bytes(&m, packet.data, packet.len);
    }
    read_it(d, &m, fields, count);
}

uint64_t
desk_number(const struct desk *d, enum nf_slot slot)
{
    return nf_flow_get(&d->flow, slot);
}

void
desk_expect_bytes(const struct desk *d, enum nf_slot slot, const char *hex)
{
    static struct build expected;

    expected.len = 0;
    build_hex(&expected, hex);
    assert_int_equal(nf_flow_has(&d->flow, slot), expected.len > 0);
    if (expected.len > 0) {
        assert_int_equal(d->flow.bytes[slot].len, expected.len);
        assert_memory_equal(d->flow.bytes[slot].data, expected.bytes, expected.len);
    }
}

void
desk_expect_numbers(const struct nf_numbers *list, const uint32_t *expected, size_t count)
{
    assert_non_null(list);
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list->items[i], expected[i]);
    }
}

uint64_t
desk_clamped(struct desk *d)
{
    return nf_exporter_ledger(d->bench.e)->clamped;
}

uint64_t
desk_skewed(struct desk *d)
{
    return nf_exporter_ledger(d->bench.e)->skewed;
}

uint64_t
desk_structured(struct desk *d)
{
    return nf_exporter_ledger(d->bench.e)->structured;
}
