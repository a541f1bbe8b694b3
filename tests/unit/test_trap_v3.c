/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/v3.h"

#include "sr/banned.h"

/* clang-format off */
static const uint8_t sample[] = {
    0x30, 0x44, 0x02, 1, 3,                               /* version, at 4 */
    0x30, 0x0d,
    0x02, 1, 1,                                           /* id, at 9 */
    0x02, 2, 0x05, 0xdc,                                  /* greatest size, at 12 */
    0x04, 1, 7,                                           /* flags, at 16 */
    0x02, 1, 3,                                           /* model, at 19 */
    0x04, 0x2a, 0x30, 0x28,
    0x04, 5, 0x80, 0, 0, 0, 1,                            /* engine */
    0x02, 1, 2,                                           /* boots, at 33 */
    0x02, 1, 3,                                           /* time, at 36 */
    0x04, 1, 'u',                                         /* user */
    0x04, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,      /* MAC, at 42 */
    0x04, 8, 8, 7, 6, 5, 4, 3, 2, 1,                      /* salt, at 56 */
    0x04, 4, 0xde, 0xad, 0xbe, 0xef,                      /* what is encrypted, at 66 */
};
static const uint8_t scoped_sample[] = {
    0x30, 0x0b,
    0x04, 2, 0x80, 1,                                     /* engine, at 4 */
    0x04, 1, 'c',                                         /* context, at 8 */
    0xa7, 2, 5, 0,                                        /* PDU, at 9 */
    0, 0, 0,                                              /* padding */
};
/* clang-format on */

#define SCOPED_LEN (sizeof(scoped_sample) - 3)

static enum v3_err
read_of(const uint8_t *bytes, size_t len, struct v3_message *ret_message)
{
    return v3_read((struct sr_span){ bytes, len }, ret_message);
}

static void
expect_part(struct sr_span part, size_t at, size_t len)
{
    assert_ptr_equal(part.data, sample + at);
    assert_int_equal(part.len, len);
}

static void
a_head_is_read_into_its_fields(void **state)
{
    struct v3_message message;

    (void)state;
    assert_int_equal(read_of(sample, sizeof(sample), &message), V3_OK);
    assert_int_equal(message.id, 1);
    assert_int_equal(message.max_size, 1500);
    assert_int_equal(message.level, TRAP_PRIV);
    assert_true(message.is_reportable);
    assert_int_equal(message.boots, 2);
    assert_int_equal(message.time, 3);
    expect_part(message.whole, 0, sizeof(sample));
    expect_part(message.engine_id, 26, 5);
    expect_part(message.user, 39, 1);
    expect_part(message.mac, 42, 12);
    expect_part(message.salt, 56, 8);
    expect_part(message.scoped, 66, 4);
}

static void
what_follows_a_message_is_not_of_it(void **state)
{
    uint8_t longer[sizeof(sample) + 3] = { 0 };
    struct v3_message message;

    (void)state;
    memcpy(longer, sample, sizeof(sample));
    assert_int_equal(read_of(longer, sizeof(longer), &message), V3_OK);
    assert_int_equal(message.whole.len, sizeof(sample));
    assert_int_equal(message.scoped.len, 4);
}

static void
flags_say_the_level_and_reserved_ones_nothing(void **state)
{
    static const struct {
        uint8_t flags;
        enum trap_level level;
        bool is_reportable;
    } expected[] = { { 0, TRAP_NO_AUTH, false }, { 4, TRAP_NO_AUTH, true }, { 1, TRAP_AUTH, false },
        { 3, TRAP_PRIV, false }, { 0xf9, TRAP_AUTH, false }, { 0xff, TRAP_PRIV, true } };
    uint8_t bytes[sizeof(sample)];

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct v3_message message;
        memcpy(bytes, sample, sizeof(sample));
        bytes[16] = expected[i].flags;
        assert_int_equal(read_of(bytes, sizeof(bytes), &message), V3_OK);
        assert_int_equal(message.level, expected[i].level);
        assert_int_equal(message.is_reportable, expected[i].is_reportable);
        assert_int_equal(message.scoped.len, expected[i].level == TRAP_PRIV ? 4 : 6);
    }
}

static void
a_head_with_a_field_that_is_wrong_is_not_read(void **state)
{
    static const struct {
        uint8_t at, value;
        enum v3_err err;
    } edits[] = {
        { 4, 2, V3_MALFORMED },       /* version */
        { 9, 0x80, V3_MALFORMED },    /* id below 0 */
        { 12, 0x01, V3_MALFORMED },   /* size 476, below 484 */
        { 12, 0x85, V3_MALFORMED },   /* size below 0 */
        { 16, 2, V3_MALFORMED },      /* privacy without authentication */
        { 19, 2, V3_SECURITY_MODEL }, /* v2c's */
        { 19, 0, V3_MALFORMED },      /* any, which no message is */
        { 33, 0x80, V3_MALFORMED },   /* boots below 0 */
        { 36, 0xff, V3_MALFORMED },   /* time below 0 */
        { 1, 0x45, V3_MALFORMED },    /* lengths: one too long or too short */
        { 6, 0x0e, V3_MALFORMED }, { 6, 0x0c, V3_MALFORMED }, { 15, 0, V3_MALFORMED },
        { 15, 2, V3_MALFORMED }, { 21, 0x2b, V3_MALFORMED }, { 21, 0x29, V3_MALFORMED },
        { 23, 0x29, V3_MALFORMED }, { 23, 0x27, V3_MALFORMED }, { 25, 33, V3_MALFORMED },
        { 38, 33, V3_MALFORMED }, { 41, 13, V3_MALFORMED }, { 55, 9, V3_MALFORMED },
        { 65, 5, V3_MALFORMED }, { 65, 0x80, V3_MALFORMED }, /* indefinite */
    };
    uint8_t bytes[sizeof(sample)];
    struct v3_message message;

    (void)state;
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        memcpy(bytes, sample, sizeof(sample));
        bytes[edits[i].at] = edits[i].value;
        assert_int_equal(read_of(bytes, sizeof(bytes), &message), edits[i].err);
    }
}

static void
a_field_of_another_type_is_not_read(void **state)
{
    static const uint8_t types[] = { 0, 2, 5, 7, 10, 14, 17, 20, 22, 24, 31, 34, 37, 40, 54, 64 };
    uint8_t bytes[sizeof(sample)];
    struct v3_message message;

    (void)state;
    for (size_t i = 0; i < sizeof(types); i++) {
        memcpy(bytes, sample, sizeof(sample));
        bytes[types[i]] ^= 1;
        assert_int_equal(read_of(bytes, sizeof(bytes), &message), V3_MALFORMED);
    }
}

static void
no_prefix_of_a_message_is_read_past_its_end(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(sample); len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        struct v3_message message;
        assert_non_null(exact);
        memcpy(exact, sample, len);
        assert_int_equal(read_of(exact, len, &message), V3_MALFORMED);
        free(exact);
    }
}

static void
a_scoped_pdu_is_read_without_what_follows_it(void **state)
{
    const struct sr_span scoped = { scoped_sample, sizeof(scoped_sample) };
    struct sr_span engine_id, name, pdu;

    (void)state;
    assert_true(v3_scoped_read(scoped, &engine_id, &name, &pdu));
    assert_ptr_equal(engine_id.data, scoped_sample + 4);
    assert_int_equal(engine_id.len, 2);
    assert_ptr_equal(name.data, scoped_sample + 8);
    assert_int_equal(name.len, 1);
    assert_ptr_equal(pdu.data, scoped_sample + 9);
    assert_int_equal(pdu.len, 4);
}

static void
no_prefix_of_a_scoped_pdu_is_read_past_its_end(void **state)
{
    struct sr_span engine_id, name, pdu;

    (void)state;
    for (size_t len = 0; len < SCOPED_LEN; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, scoped_sample, len);
        assert_false(v3_scoped_read((struct sr_span){ exact, len }, &engine_id, &name, &pdu));
        free(exact);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_into_its_fields),
        cmocka_unit_test(what_follows_a_message_is_not_of_it),
        cmocka_unit_test(flags_say_the_level_and_reserved_ones_nothing),
        cmocka_unit_test(a_head_with_a_field_that_is_wrong_is_not_read),
        cmocka_unit_test(a_field_of_another_type_is_not_read),
        cmocka_unit_test(no_prefix_of_a_message_is_read_past_its_end),
        cmocka_unit_test(a_scoped_pdu_is_read_without_what_follows_it),
        cmocka_unit_test(no_prefix_of_a_scoped_pdu_is_read_past_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
