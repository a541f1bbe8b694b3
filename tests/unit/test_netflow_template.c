/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: as they are read, checked and compiled (RFC 3954 section 5, RFC 7011 section 3.4). */
#include "unit.h"

#include <stdlib.h>

#include "decode/mapping.h"
#include "decode/template.h"
#include "netflow_build.h"

static struct build text;

/* A template set without its header, from hexadecimal digits. */
static struct sr_span
set_of(const char *hex)
{
    text.len = 0;
    build_hex(&text, hex);
    return (struct sr_span){ text.bytes, text.len };
}

static enum nf_template_err
next(const char *hex, uint8_t version, bool options, struct nf_template_record *ret_record)
{
    struct sr_span set = set_of(hex);

    return nf_template_next(&set, version, options, ret_record);
}

/* ---- Reading ---- */

static void
fields_of_v9_have_no_enterprise(void **state)
{
    struct sr_span set = set_of("0100 0002 8001 0004 0008 0004"
                                "0101 0001 0001 0008");
    struct nf_template_record record;

    (void)state;
    assert_int_equal(nf_template_next(&set, 9, false, &record), NF_TEMPLATE_OK);
    assert_int_equal(record.id, 256);
    assert_int_equal(record.field_count, 2);
    assert_int_equal(record.scope_count, 0);
    assert_int_equal(record.fields.len, 8);
    assert_int_equal(nf_template_next(&set, 9, false, &record), NF_TEMPLATE_OK);
    assert_int_equal(record.id, 257);
    assert_int_equal(nf_template_next(&set, 9, false, &record), NF_TEMPLATE_END);
}

static void
fields_of_ipfix_may_have_an_enterprise(void **state)
{
    struct sr_span set = set_of("0100 0002 8001 0004 00007279 0008 0004"
                                "0101 0001 0001 0008");
    struct nf_template_record record;

    (void)state;
    assert_int_equal(nf_template_next(&set, 10, false, &record), NF_TEMPLATE_OK);
    assert_int_equal(record.fields.len, 12);
    struct nf_template *t = malloc(nf_template_size(&record));
    assert_non_null(t);
    nf_template_compile(t, &record, NF_NATIVE);
    assert_int_equal(nf_template_field(t, 0).enterprise, NF_REVERSE_PEN);
    assert_int_equal(nf_template_field(t, 0).id, 1);
    assert_int_equal(nf_template_field(t, 1).enterprise, 0);
    free(t);
    assert_int_equal(nf_template_next(&set, 10, false, &record), NF_TEMPLATE_OK);
    assert_int_equal(record.id, 257);
    assert_int_equal(nf_template_next(&set, 10, false, &record), NF_TEMPLATE_END);
}

static void
options_templates_count_bytes_in_v9_and_fields_in_ipfix(void **state)
{
    struct nf_template_record record;

    (void)state;
    assert_int_equal(
        next("0100 0004 0008 0001 0004 0030 0001 0022 0004", 9, true, &record), NF_TEMPLATE_OK);
    assert_int_equal(record.scope_count, 1);
    assert_int_equal(record.field_count, 3);
    assert_int_equal(record.fields.len, 12);
    assert_int_equal(
        next("0100 0003 0001 0095 0004 0030 0001 0022 0004", 10, true, &record), NF_TEMPLATE_OK);
    assert_int_equal(record.scope_count, 1);
    assert_int_equal(record.field_count, 3);
}

static void
withdrawals_are_of_ipfix_and_may_be_of_all(void **state)
{
    struct sr_span set = set_of("0100 0000 0002 0000 0101 0001 0001 0004");
    struct nf_template_record record;

    (void)state;
    assert_int_equal(nf_template_next(&set, 10, false, &record), NF_TEMPLATE_OK);
    assert_true(record.withdrawal);
    assert_int_equal(record.id, 256);
    assert_int_equal(nf_template_next(&set, 10, false, &record), NF_TEMPLATE_OK);
    assert_true(record.withdrawal);
    assert_int_equal(record.id, 2);
    assert_int_equal(nf_template_next(&set, 10, false, &record), NF_TEMPLATE_OK);
    assert_false(record.withdrawal);
    /* An options template is withdrawn without a count of scope fields. */
    set = set_of("0100 0000 0003 0000");
    assert_int_equal(nf_template_next(&set, 10, true, &record), NF_TEMPLATE_OK);
    assert_true(record.withdrawal);
    assert_int_equal(nf_template_next(&set, 10, true, &record), NF_TEMPLATE_OK);
    assert_int_equal(record.id, 3);
    assert_int_equal(next("0100 0000 0000", 9, false, &record), NF_TEMPLATE_OK);
    assert_false(record.withdrawal);
}

static void
padding_ends_a_set(void **state)
{
    static const char *const padded[] = { "0100 0001 0001 0004", "0100 0001 0001 0004 00",
        "0100 0001 0001 0004 0000", "0100 0001 0001 0004 000000", "0100 0001 0001 0004 00000000",
        "0100 0001 0001 0004 0000000000000000", "0100 0001 0001 0004 ffffff" };
    struct nf_template_record record;

    (void)state;
    for (size_t i = 0; i < sizeof(padded) / sizeof(padded[0]); i++) {
        for (uint8_t version = 9; version <= 10; version++) {
            struct sr_span set = set_of(padded[i]);
            assert_int_equal(nf_template_next(&set, version, false, &record), NF_TEMPLATE_OK);
            assert_int_equal(nf_template_next(&set, version, false, &record), NF_TEMPLATE_END);
        }
    }
}

static void
ids_below_256_are_refused(void **state)
{
    static const char *const low[] = { "00ff 0001 0001 0004", "0001 0000", "0000 0001 0001 0004",
        "0002 0001 0001 0004", "0004 0000 0001 0004" };
    struct nf_template_record record;

    (void)state;
    for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
        assert_int_equal(next(low[i], 10, false, &record), NF_TEMPLATE_ID);
    }
    assert_int_equal(next("0002 0000 0001 0001", 9, false, &record), NF_TEMPLATE_ID);
}

static void
no_prefix_of_a_set_is_read_past_its_end(void **state)
{
    static const struct {
        uint8_t version;
        bool options;
        const char *hex;
    } sets[] = {
        { 9, false, "0100 0002 0001 0004 0002 0004 0101 0001 0008 0004" },
        { 9, true, "0100 0004 0008 0001 0004 0030 0001 0022 0004" },
        { 10, false, "0100 0002 8001 0004 00007279 0002 0004 0101 0001 8008 ffff 00000009" },
        { 10, true, "0100 0003 0001 0095 0004 8030 0001 00000009 0022 0004" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        size_t whole = set_of(sets[i].hex).len;
        for (size_t len = 0; len <= whole; len++) {
            uint8_t *exact = malloc(len > 0 ? len : 1);
            struct sr_span set = { exact, len };
            struct nf_template_record record;
            enum nf_template_err err;
            assert_non_null(exact);
            memcpy(exact, text.bytes, len);
            while ((err = nf_template_next(&set, sets[i].version, sets[i].options, &record)) ==
                   NF_TEMPLATE_OK) {
                assert_int_equal(nf_template_check(&record, 100), NF_TEMPLATE_OK);
            }
            assert_true(err == NF_TEMPLATE_END || (err == NF_TEMPLATE_TRUNCATED && len < whole));
            free(exact);
        }
    }
}

/* ---- Checking ---- */

static enum nf_template_err
check(uint8_t version, bool options, unsigned max_fields, const char *hex)
{
    struct nf_template_record record;

    assert_int_equal(next(hex, version, options, &record), NF_TEMPLATE_OK);
    return nf_template_check(&record, max_fields);
}

static void
templates_without_bytes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(9, false, 9, "0100 0000 0001 0004"), NF_TEMPLATE_EMPTY);
    assert_int_equal(check(10, false, 9, "0100 0002 0001 0000 0002 0000"), NF_TEMPLATE_EMPTY);
    assert_int_equal(check(10, false, 9, "0100 0001 0052 ffff"), NF_TEMPLATE_OK);
    assert_int_equal(check(9, true, 9, "0100 0000 0000 0000"), NF_TEMPLATE_EMPTY);
}

static void
more_fields_than_allowed_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(9, false, 2, "0100 0002 0001 0004 0002 0004"), NF_TEMPLATE_OK);
    assert_int_equal(check(9, false, 1, "0100 0002 0001 0004 0002 0004"), NF_TEMPLATE_FIELDS);
}

static void
records_longer_than_a_message_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(10, false, 9, "0100 0001 0001 fffe"), NF_TEMPLATE_OK);
    assert_int_equal(check(10, false, 9, "0100 0002 0001 fffe 0002 0001"), NF_TEMPLATE_OK);
    assert_int_equal(check(10, false, 9, "0100 0002 0001 fffe 0002 0002"), NF_TEMPLATE_LENGTH);
    assert_int_equal(
        check(10, false, 9, "0100 0003 0001 fffe 0002 0001 0052 ffff"), NF_TEMPLATE_LENGTH);
}

static void
more_scope_fields_than_fields_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(10, true, 9, "0100 0001 0002 0001 0004"), NF_TEMPLATE_SCOPE);
    assert_int_equal(check(10, true, 9, "0100 0001 0001 0001 0004"), NF_TEMPLATE_OK);
    /* Some exporters have none, and still tell something. */
    assert_int_equal(check(10, true, 9, "0100 0001 0000 0022 0004"), NF_TEMPLATE_OK);
    assert_int_equal(check(9, true, 9, "0100 0000 0004 0022 0004"), NF_TEMPLATE_OK);
}

/* ---- Compiling ---- */

static struct nf_template *
compiled(uint8_t version, const struct nf_field *fields, uint16_t count)
{
    return build_compiled(version, false, 0, fields, count, NF_NATIVE);
}

/* The operation on a field, NULL: none. */
static const struct nf_op *
op_of(const struct nf_template *t, unsigned field)
{
    const struct nf_op *ops = nf_template_ops(t);

    for (unsigned i = 0; i < t->op_count; i++) {
        if (ops[i].field == field) {
            return &ops[i];
        }
    }
    return NULL;
}

static void
a_stand_in_counts_only_without_the_element_itself(void **state)
{
    static const struct nf_field both[] = { { 0, 252, 4 }, { 0, 10, 2 }, { 0, 182, 2 },
        { 0, 180, 2 } };
    struct nf_template *t;

    (void)state;
    t = compiled(10, both, 2);
    assert_null(op_of(t, 0));
    assert_int_equal(op_of(t, 1)->slot, NF_IN_IF);
    assert_int_equal(op_of(t, 1)->offset, 4);
    free(t);
    t = compiled(10, both, 1);
    assert_int_equal(op_of(t, 0)->slot, NF_IN_IF);
    free(t);
    t = compiled(10, both, 4);
    assert_null(op_of(t, 2));
    assert_int_equal(op_of(t, 3)->slot, NF_SRC_PORT);
    free(t);
}

static void
of_repeated_elements_the_first_counts(void **state)
{
    static const struct nf_field fields[] = { { 0, 1, 4 }, { 0, 1, 8 }, { 0, 8, 4 }, { 0, 8, 4 } };
    struct nf_template *t = compiled(10, fields, 4);

    (void)state;
    assert_int_equal(t->op_count, 2);
    assert_non_null(op_of(t, 0));
    assert_non_null(op_of(t, 2));
    assert_int_equal(op_of(t, 2)->offset, 12);
    free(t);
}

static void
lengths_that_do_not_fit_leave_the_element_alone(void **state)
{
    static const struct nf_field fields[] = { { 0, 1, 9 }, { 0, 8, 3 }, { 0, 27, 4 }, { 0, 7, 0 },
        { 0, 32, 1 }, { 0, 4, NF_VARIABLE_LENGTH }, { 0, 12, 4 }, { 0, 1, 3 } };
    struct nf_template *t = compiled(10, fields, 8);

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_null(op_of(t, i));
    }
    assert_int_equal(op_of(t, 6)->slot, NF_DST_ADDR);
    /* RFC 7011 section 6.2: fewer bytes than the type has. */
    assert_int_equal(op_of(t, 7)->slot, NF_BYTES);
    assert_int_equal(t->record_length, 9 + 3 + 4 + 0 + 1 + 1 + 4 + 3);
    assert_true(t->variable);
    free(t);
}

static void
scope_fields_are_no_fields_of_a_flow(void **state)
{
    static const struct nf_field fields[] = { { 0, 1, 4 }, { 0, 2, 4 } };
    struct nf_template *t = build_compiled(9, true, 1, fields, 2, NF_NATIVE);

    (void)state;
    assert_null(op_of(t, 0));
    assert_int_equal(op_of(t, 1)->slot, NF_PACKETS);
    free(t);
}

static void
elements_of_other_enterprises_go_nowhere(void **state)
{
    static const struct nf_field fields[] = { { 9, 1, 4 }, { NF_REVERSE_PEN, 1, 4 },
        { NF_REVERSE_PEN, 8, 4 } };
    struct nf_template *t = compiled(10, fields, 3);

    (void)state;
    assert_int_equal(t->op_count, 1);
    assert_int_equal(op_of(t, 1)->slot, NF_REVERSE_BYTES);
    free(t);
}

static void
operations_are_sorted_and_packets_come_last(void **state)
{
    static const struct nf_field fields[] = { { 0, 315, NF_VARIABLE_LENGTH }, { 0, 8, 4 },
        { 0, 70, 3 }, { 0, 4, 1 }, { 0, 128, 8 }, { 0, 71, 3 }, { 0, 1, 8 } };
    static const uint16_t order[] = { 3, 6, 4, 1, 2, 5, 0 };
    struct nf_template *t = compiled(10, fields, 7);

    (void)state;
    assert_int_equal(t->op_count, 7);
    assert_int_equal(t->number_count, 2);
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(nf_template_ops(t)[i].field, order[i]);
    }
    assert_int_equal(op_of(t, 4)->kind, NF_OP_NARROW);
    free(t);
}

static void
specials_and_packets_keep_the_order_of_their_fields(void **state)
{
    static const struct nf_field fields[] = { { .id = 313, .length = 20 },
        { .id = 70, .length = 3 }, { .id = 315, .length = 20 }, { .id = 71, .length = 3 },
        { .id = 104, .length = 20 }, { .id = 72, .length = 3 }, { .id = 1, .length = 4 } };
    static const uint16_t order[] = { 6, 1, 3, 5, 0, 2, 4 };

    (void)state;
    struct nf_template *t = build_compiled(10, false, 0, fields, 7, NF_NATIVE);
    assert_int_equal(t->op_count, 7);
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(nf_template_ops(t)[i].field, order[i]);
    }
    free(t);
}

static void
fields_of_32_bits_are_narrow_and_counters_and_times_are_not(void **state)
{
    static const uint8_t wide[] = { NF_SAMPLING_RATE, NF_BYTES, NF_PACKETS, NF_BYTES_IN,
        NF_BYTES_OUT, NF_PACKETS_IN, NF_PACKETS_OUT, NF_TIME_RECEIVED_NS, NF_TIME_FLOW_START_NS,
        NF_TIME_FLOW_END_NS, NF_SRC_MAC, NF_DST_MAC, NF_TOTAL_BYTES, NF_START_MILLISECONDS,
        NF_START_NANOSECONDS, NF_INITIATOR_BYTES, NF_POST_DST_MAC };
    static const uint8_t narrow[] = { NF_SRC_AS, NF_IN_IF, NF_OBSERVATION_POINT_ID, NF_PROTO,
        NF_IPV6_ROUTING_HEADER_SEG_LEFT, NF_SRC_NET6, NF_DST_NET6, NF_MAXIMUM_TTL };

    (void)state;
    for (size_t i = 0; i < sizeof(wide); i++) {
        assert_false(nf_slot_is_narrow(wide[i]));
    }
    for (size_t i = 0; i < sizeof(narrow); i++) {
        assert_true(nf_slot_is_narrow(narrow[i]));
    }
}

static void
no_id_finds_the_row_of_another(void **state)
{
    (void)state;
    for (unsigned id = 0; id <= UINT16_MAX; id++) {
        for (uint8_t version = 9; version <= 10; version++) {
            const struct nf_mapping *native = nf_mapping_find(NF_NATIVE, version, 0, (uint16_t)id);
            const struct nf_mapping *other = nf_mapping_find(NF_UPSTREAM, version, 0, (uint16_t)id);
            assert_true(native == NULL || native->id == id);
            assert_true(other == NULL || other->id == id);
            assert_true(native == NULL || native->rank < NF_MAPPING_RANKS);
            /* All that upstream has is in the native flavour, too. */
            assert_true(native != NULL || other == NULL);
        }
    }
}

static void
a_template_equals_the_record_it_was_made_of_and_no_other(void **state)
{
    struct nf_template_record record, other;
    static struct build again;
    static const char whole[] = "0100 0002 8001 0004 00007279 0008 0004";
    static const char *const others[] = { "0101 0002 8001 0004 00007279 0008 0004",
        "0100 0002 8001 0004 00007278 0008 0004", "0100 0002 0001 0004 0008 0004",
        "0100 0002 8001 0008 00007279 0008 0004", "0100 0001 8001 0004 00007279" };

    (void)state;
    assert_int_equal(next(whole, 10, false, &record), NF_TEMPLATE_OK);
    struct nf_template *t = malloc(nf_template_size(&record));
    assert_non_null(t);
    nf_template_compile(t, &record, NF_NATIVE);
    assert_true(nf_template_equals(t, &record));
    again.len = nf_template_write_fields(t, again.bytes);
    assert_int_equal(again.len, record.fields.len);
    assert_memory_equal(again.bytes, record.fields.data, again.len);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(next(others[i], 10, false, &other), NF_TEMPLATE_OK);
        assert_false(nf_template_equals(t, &other));
    }
    free(t);
}

/* ---- Records ---- */

static void
records_are_taken_off_until_what_is_left_is_none(void **state)
{
    static const struct nf_field fields[] = { { 0, 4, 1 }, { 0, 82, NF_VARIABLE_LENGTH },
        { 0, 7, 2 } };
    struct nf_template *t = compiled(10, fields, 3);
    struct sr_span records = set_of("06 00 0050 11 02 6162 0035 06 ff0001 63 0016 06 03 61"),
                   record;
    struct nf_position p[3];

    (void)state;
    assert_true(nf_record_next(t, &records, &record, p));
    assert_int_equal(record.len, 4);
    assert_int_equal(p[1].length, 0);
    assert_int_equal(p[2].offset, 2);
    assert_true(nf_record_next(t, &records, &record, p));
    assert_int_equal(record.len, 6);
    assert_int_equal(p[1].offset, 2);
    assert_int_equal(p[1].length, 2);
    assert_true(nf_record_next(t, &records, &record, p));
    assert_int_equal(p[1].offset, 4);
    assert_int_equal(p[1].length, 1);
    assert_false(nf_record_next(t, &records, &record, p));
    assert_int_equal(records.len, 3);
    assert_false(nf_record_next(t, &records, &record, NULL));
    free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_v9_have_no_enterprise),
        cmocka_unit_test(fields_of_ipfix_may_have_an_enterprise),
        cmocka_unit_test(options_templates_count_bytes_in_v9_and_fields_in_ipfix),
        cmocka_unit_test(withdrawals_are_of_ipfix_and_may_be_of_all),
        cmocka_unit_test(padding_ends_a_set),
        cmocka_unit_test(ids_below_256_are_refused),
        cmocka_unit_test(no_prefix_of_a_set_is_read_past_its_end),
        cmocka_unit_test(templates_without_bytes_are_refused),
        cmocka_unit_test(more_fields_than_allowed_are_refused),
        cmocka_unit_test(records_longer_than_a_message_are_refused),
        cmocka_unit_test(more_scope_fields_than_fields_are_refused),
        cmocka_unit_test(a_stand_in_counts_only_without_the_element_itself),
        cmocka_unit_test(of_repeated_elements_the_first_counts),
        cmocka_unit_test(lengths_that_do_not_fit_leave_the_element_alone),
        cmocka_unit_test(scope_fields_are_no_fields_of_a_flow),
        cmocka_unit_test(elements_of_other_enterprises_go_nowhere),
        cmocka_unit_test(operations_are_sorted_and_packets_come_last),
        cmocka_unit_test(specials_and_packets_keep_the_order_of_their_fields),
        cmocka_unit_test(fields_of_32_bits_are_narrow_and_counters_and_times_are_not),
        cmocka_unit_test(no_id_finds_the_row_of_another),
        cmocka_unit_test(a_template_equals_the_record_it_was_made_of_and_no_other),
        cmocka_unit_test(records_are_taken_off_until_what_is_left_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
