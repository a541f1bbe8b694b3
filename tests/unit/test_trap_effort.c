/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "decode/json.h"
#include "decode/view.h"
#include "mib/builder.h"

#include "sr/banned.h"

/* What a message may cost: TRAP_EFFORT. */

#define ROOM ((size_t)1 << 20)

static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };
static const char address[] = "\x2b\x06\x01\x04\x01\x09\x01"; /* shown by "1x:" */
static const char flags[] = "\x2b\x06\x01\x04\x01\x09\x02";   /* BITS */
static const char other[] = "\x2b\x06\x01\x04\x01\x08\x07";   /* no MIB names it */

static uint8_t *table_bytes;
static struct mib_table table;
static struct trap_config config = { .enrich = true, .mibs = { &table, NULL } };

static int
make_table(void **state)
{
    static const uint32_t arcs[2][8] = { { 1, 3, 6, 1, 4, 1, 9, 1 }, { 1, 3, 6, 1, 4, 1, 9, 2 } };
    static const struct mib_named_number labels[] = { { 0, "fan" }, { 1, "power" }, { 2, "door" },
        { 3, "heat" } };
    const struct mib_entry entries[] = {
        { .arcs = arcs[0],
            .arc_count = 8,
            .module = "X-MIB",
            .name = "xAddress",
            .hint = "1x:",
            .kind = MIB_OBJECT,
            .syntax = MIB_SYNTAX_OCTETS },
        { .arcs = arcs[1],
            .arc_count = 8,
            .module = "X-MIB",
            .name = "xFlags",
            .kind = MIB_OBJECT,
            .syntax = MIB_SYNTAX_BITS,
            .labels = labels,
            .label_count = 4 },
    };
    struct mib_builder *b = mib_builder_new();
    size_t len;

    (void)state;
    assert_non_null(b);
    for (size_t i = 0; i < 2; i++) {
        assert_true(mib_builder_add(b, &entries[i]));
    }
    assert_true(mib_builder_finish(b, &table_bytes, &len));
    mib_builder_free(b);
    assert_true(mib_table_open((struct sr_span){ table_bytes, len }, &table));
    return 0;
}

static int
free_table(void **state)
{
    (void)state;
    free(table_bytes);
    return 0;
}

static void
put_head(struct sr_buf *b, uint8_t type, size_t len)
{
    const uint8_t head[] = { type, 0x82, (uint8_t)(len >> 8), (uint8_t)len };

    sr_buf_add(b, head, sizeof(head));
}

/* The record of a trap that has the same varbind `count` times. Returns owned. */
static json_t *
record_of(const char *name, uint8_t type, struct sr_span value, unsigned count)
{
    static uint8_t bytes[ROOM], memory[ROOM];
    struct sr_buf list = sr_buf_over(bytes, sizeof(bytes)), b = sr_buf_over(memory, sizeof(memory));
    size_t name_len = strlen(name);

    for (unsigned i = 0; i < count; i++) {
        put_head(&list, BER_SEQUENCE, 8 + name_len + value.len);
        put_head(&list, BER_OBJECT_IDENTIFIER, name_len);
        sr_buf_add(&list, name, name_len);
        put_head(&list, type, value.len);
        sr_buf_add(&list, value.data, value.len);
    }
    struct trap_message message = { .version = TRAP_V2C,
        .pdu = TRAP_PDU_TRAP_V2,
        .varbinds = { bytes, list.len },
        .varbind_count = count };
    trap_json_write(&b, &config, &message, &peer, 1);
    assert_false(b.overflow);
    json_t *record =
        json_loadb((const char *)memory, b.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(record);
    assert_int_equal(json_array_size(json_object_get(record, "varbinds")), count);
    return record;
}

/* How many varbinds are looked at; all behind them are as they were sent, and counted. */
static size_t
named_in(const json_t *record, unsigned count)
{
    json_t *varbinds = json_object_get(record, "varbinds");
    json_t *attributes = json_object_get(record, "attributes");
    size_t named = 0;

    while (json_object_get(json_array_get(varbinds, named), "type") != NULL) {
        named++;
    }
    for (size_t i = named; i < count; i++) {
        assert_int_equal(json_object_size(json_array_get(varbinds, i)), 2);
    }
    assert_int_equal(
        json_integer_value(json_object_get(attributes, "snmp.varbinds_left_out")), count - named);
    return named;
}

static void
values_that_cost_more_leave_fewer_names(void **state)
{
    static const struct {
        const char *name;
        uint8_t type;
        struct sr_span value;
        size_t named; /* each but the last one is within TRAP_EFFORT */
    } cases[] = {
        { flags, BER_OCTET_STRING, { (const uint8_t *)"\xf0\0\0\0\0\0\0\0", 8 },
            (TRAP_EFFORT + 67) / 68 },
        { address, BER_OCTET_STRING, { (const uint8_t *)"aaaabbbbccccddddeeeeffffgggghhhh", 32 },
            (TRAP_EFFORT + 11) / 12 },
        { other, BER_OCTET_STRING, { (const uint8_t *)"aaaabbbbccccddddeeeeffffgggghhhh", 32 },
            TRAP_EFFORT / 4 },
        { other, BER_OBJECT_IDENTIFIER, { (const uint8_t *)"\x2b\x06", 2 }, TRAP_EFFORT / 8 },
        { other, BER_OPAQUE, { (const uint8_t *)"\x9f", 1 }, (TRAP_EFFORT + 5) / 6 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *record = record_of(cases[i].name, cases[i].type, cases[i].value, 700);
        assert_int_equal(named_in(record, 700), cases[i].named);
        json_decref(record);
    }
}

static void
a_value_that_is_too_long_for_its_hint_is_octets(void **state)
{
    static uint8_t octets[2049];

    (void)state;
    memset(octets, 0xab, sizeof(octets));
    for (size_t len = 2048; len <= 2049; len++) {
        json_t *record = record_of(address, BER_OCTET_STRING, (struct sr_span){ octets, len }, 1);
        json_t *attributes = json_object_get(record, "attributes");
        assert_int_equal(json_string_length(json_object_get(attributes, "X-MIB::xAddress")),
            len == 2048 ? 3 * len - 1 : 2 * len);
        json_decref(record);
    }
}

static void
a_body_has_no_more_than_was_looked_at(void **state)
{
    static uint8_t octets[2048];

    (void)state;
    memset(octets, 0xab, sizeof(octets));
    json_t *record =
        record_of(address, BER_OCTET_STRING, (struct sr_span){ octets, sizeof(octets) }, 30);
    const char *body = json_string_value(json_object_get(record, "body"));
    assert_int_equal(named_in(record, 30), 4); /* 516 each */
    assert_string_equal(body + strlen(body) - strlen(" and 26 more"), " and 26 more");
    json_decref(record);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_that_cost_more_leave_fewer_names),
        cmocka_unit_test(a_value_that_is_too_long_for_its_hint_is_octets),
        cmocka_unit_test(a_body_has_no_more_than_was_looked_at),
    };

    return cmocka_run_group_tests(tests, make_table, free_table);
}
