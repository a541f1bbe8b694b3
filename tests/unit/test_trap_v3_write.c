/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/v3.h"
#include "decode/v3_write.h"

#include "sr/banned.h"

#define ROOM 1024

/* The report that snmptrapd 5.9.3 sent to who asked for its engine. */
static const char report_hex[] =
    "308183020103301102045ed76247020300ffe3040100020103042a3028041a80001f88047263762d696e666f726d5f"
    "76335f7368615f616573020101020102040004000400303f041a80001f88047263762d696e666f726d5f76335f7368"
    "615f6165730400a81f0204705b58d10201000201003011300f060a2b060106030f01010400410101";

static const uint8_t unknown_engines[] = { 0x2b, 6, 1, 6, 3, 15, 1, 1, 4, 0 };
static const char engine[] = "\x80\0\x1f\x88\4rcv-inform_v3_sha_aes";

static struct sr_span
engine_id(void)
{
    return (struct sr_span){ (const uint8_t *)engine, sizeof(engine) - 1 };
}

static size_t
from_hex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        const char pair[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return len;
}

/* The same report, by us. */
static size_t
write_report(uint8_t *room, size_t max)
{
    const struct v3_envelope envelope = {
        .id = 0x5ed76247, .max_size = 65507, .engine_id = engine_id(), .boots = 1, .time = 2
    };
    struct v3_draft draft = v3_draft_over(room, max);
    uint8_t *mac;

    v3_draft_counter(&draft, (struct sr_span){ unknown_engines, sizeof(unknown_engines) }, 1);
    v3_draft_pdu(&draft, TRAP_PDU_REPORT, 0x705b58d1, 0);
    v3_draft_scoped(&draft, engine_id(), (struct sr_span){ NULL, 0 });
    return v3_draft_finish(&draft, &envelope, &mac);
}

static void
a_report_has_the_bytes_that_snmptrapd_sends(void **state)
{
    uint8_t expected[ROOM], room[ROOM];
    size_t len = from_hex(report_hex, expected);

    (void)state;
    assert_int_equal(write_report(room, sizeof(room)), len);
    assert_memory_equal(room, expected, len);
}

static void
nothing_is_written_beyond_the_room_or_half(void **state)
{
    size_t len = strlen(report_hex) / 2;

    (void)state;
    for (size_t max = V3_PADDING_MAX + 1; max < len + 2 * V3_PADDING_MAX; max++) {
        uint8_t *exact = malloc(max);
        assert_non_null(exact);
        assert_int_equal(write_report(exact, max), max < len + V3_PADDING_MAX ? 0 : len);
        free(exact);
    }
}

/* The numbers of a PDU that was written with them. */
static void
expect_numbers(int64_t request_id, uint32_t counter)
{
    uint8_t room[ROOM];
    struct v3_draft draft = v3_draft_over(room, sizeof(room));
    struct trap_message message = { .version = TRAP_V3 };
    struct trap_varbind varbind;
    uint64_t found;

    v3_draft_counter(&draft, (struct sr_span){ unknown_engines, sizeof(unknown_engines) }, counter);
    v3_draft_pdu(&draft, TRAP_PDU_RESPONSE, request_id, 5);
    assert_int_equal(trap_pdu_read(v3_draft_span(&draft), &message), TRAP_OK);
    assert_int_equal(message.pdu, TRAP_PDU_RESPONSE);
    assert_true(message.request_id == request_id);
    assert_int_equal(message.error_status, 5);
    assert_int_equal(message.error_index, 0);
    assert_true(trap_varbind_next(&message.varbinds, &varbind));
    assert_int_equal(varbind.type, BER_COUNTER32);
    assert_true(ber_unsigned(varbind.value, &found));
    assert_true(found == counter);
    assert_true(
        varbind.value.len == 1 || varbind.value.data[0] != 0 || varbind.value.data[1] > 127);
}

static void
numbers_of_every_length_and_sign_are_read_as_they_were_written(void **state)
{
    (void)state;
    expect_numbers(0, 0);
    for (unsigned bit = 0; bit < 63; bit++) {
        int64_t number = INT64_C(1) << bit;
        expect_numbers(number, (uint32_t)number);
        expect_numbers(number - 1, (uint32_t)(number - 1));
        expect_numbers(-number, (uint32_t)-number);
        expect_numbers(-number - 1, UINT32_MAX);
    }
    expect_numbers(INT64_MAX, 1);
    expect_numbers(INT64_MIN, 1);
}

static void
a_message_of_any_level_is_read_with_the_parts_it_was_written_with(void **state)
{
    static const enum trap_level levels[] = { TRAP_NO_AUTH, TRAP_AUTH, TRAP_PRIV };
    static const size_t lengths[] = { 0, 1, 100, 115, 127, 128, 200, 255, 256, 700 };
    static uint8_t name[ROOM];
    uint8_t room[2 * ROOM], *mac;

    (void)state;
    for (size_t i = 0; i < 3 * sizeof(lengths) / sizeof(lengths[0]); i++) {
        const struct v3_envelope e = { .id = INT32_MAX,
            .max_size = 484,
            .level = levels[i % 3],
            .is_reportable = i % 2 == 0,
            .engine_id = engine_id(),
            .boots = 0x80,
            .time = INT32_MAX,
            .user = span_of("joe"),
            .mac_len = 24,
            .salt = span_of("12345678") };
        struct v3_draft draft = v3_draft_over(room, sizeof(room));
        struct v3_message read;
        struct sr_span of, context, pdu;
        v3_draft_pdu(&draft, TRAP_PDU_INFORM, 7, 0);
        v3_draft_scoped(&draft, engine_id(), (struct sr_span){ name, lengths[i / 3] });
        size_t scoped = v3_draft_span(&draft).len;
        v3_draft_pad(&draft);
        size_t padded = v3_draft_span(&draft).len;
        assert_true(padded % V3_PADDING_MAX == 0 && padded - scoped < V3_PADDING_MAX);
        size_t len = v3_draft_finish(&draft, &e, &mac);
        assert_int_equal(v3_read((struct sr_span){ room, len }, &read), V3_OK);
        assert_int_equal(read.whole.len, len);
        assert_int_equal(read.id, e.id);
        assert_int_equal(read.max_size, e.max_size);
        assert_int_equal(read.level, e.level);
        assert_int_equal(read.is_reportable, e.is_reportable);
        assert_int_equal(read.boots, e.boots);
        assert_int_equal(read.time, e.time);
        assert_int_equal(read.user.len, 3);
        assert_ptr_equal(read.mac.data, mac);
        assert_int_equal(read.mac.len, 24);
        assert_int_equal(read.salt.len, 8);
        assert_int_equal(read.scoped.len, padded);
        assert_true(v3_scoped_read(read.scoped, &of, &context, &pdu));
        assert_int_equal(of.len, engine_id().len);
        assert_int_equal(context.len, lengths[i / 3]);
    }
}

/* ---- Looking at the PDU ---- */

static void
a_pdu_in_clear_is_seen_with_its_request_id(void **state)
{
    uint8_t room[ROOM];
    size_t len = write_report(room, sizeof(room));
    struct v3_message message;
    enum trap_pdu type;
    int64_t request_id;

    (void)state;
    assert_int_equal(v3_read((struct sr_span){ room, len }, &message), V3_OK);
    assert_true(v3_peek(&message, &type, &request_id));
    assert_int_equal(type, TRAP_PDU_REPORT);
    assert_int_equal(request_id, 0x705b58d1);
    message.level = TRAP_PRIV;
    assert_false(v3_peek(&message, &type, &request_id));
}

/* There are devices that put one into a message of v3. */
static void
a_trap_of_v1_is_seen_though_it_has_no_request_id(void **state)
{
    const struct v3_message message = {
        .level = TRAP_AUTH,
        .scoped = { (const uint8_t *)"\x30\x08\4\0\4\0\xa4\2\6\0", 10 },
    };
    enum trap_pdu type;
    int64_t request_id;

    (void)state;
    assert_true(v3_peek(&message, &type, &request_id));
    assert_int_equal(type, TRAP_PDU_TRAP_V1);
    assert_int_equal(request_id, 0);
}

static void
no_prefix_of_a_scoped_pdu_is_looked_at_past_its_end(void **state)
{
    uint8_t room[ROOM];
    size_t len = write_report(room, sizeof(room));
    struct v3_message message;
    enum trap_pdu type;
    int64_t request_id;

    (void)state;
    assert_int_equal(v3_read((struct sr_span){ room, len }, &message), V3_OK);
    for (size_t cut = 0; cut < message.scoped.len; cut++) {
        uint8_t *exact = malloc(cut > 0 ? cut : 1);
        assert_non_null(exact);
        memcpy(exact, message.scoped.data, cut);
        struct v3_message shorter = message;
        shorter.scoped = (struct sr_span){ exact, cut };
        assert_false(v3_peek(&shorter, &type, &request_id));
        free(exact);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_the_bytes_that_snmptrapd_sends),
        cmocka_unit_test(nothing_is_written_beyond_the_room_or_half),
        cmocka_unit_test(numbers_of_every_length_and_sign_are_read_as_they_were_written),
        cmocka_unit_test(a_message_of_any_level_is_read_with_the_parts_it_was_written_with),
        cmocka_unit_test(a_pdu_in_clear_is_seen_with_its_request_id),
        cmocka_unit_test(a_trap_of_v1_is_seen_though_it_has_no_request_id),
        cmocka_unit_test(no_prefix_of_a_scoped_pdu_is_looked_at_past_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
