/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/ber.h"
#include "decode/identifier.h"
#include "decode/message.h"

#include "sr/banned.h"

#define TEXT_MAX (11 * (size_t)BER_SUB_IDS_MAX)
#define TRIES 50000U

static uint32_t state = 1;

static uint32_t
next_random(void)
{
    state = state * 1664525U + 1013904223U;
    return state >> 8;
}

/* What the arcs are in decimal; the length of it, or -1 when they cannot be read. */
static int
expected(struct sr_span content, char *text)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;
    int len = 0;

    if (!ber_arcs(content, arcs, &count)) {
        return -1;
    }
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        len += snprintf(
            text + len, TEXT_MAX + 1 - (size_t)len, i == 0 ? "%u" : ".%u", (unsigned)arcs[i]);
    }
    return len;
}

/* Written into exactly so much room, with bytes behind it that must stay. */
static void
expect_in(struct sr_span content, const char *text, int len, size_t room)
{
    uint8_t *memory = malloc(room + 1);
    struct sr_buf b = sr_buf_over(memory, room);

    assert_non_null(memory);
    memory[room] = 0xee;
    assert_int_equal(trap_identifier_write(&b, content), len >= 0);
    assert_int_equal(b.overflow, len >= 0 && (size_t)len > room);
    if (len < 0) {
        assert_int_equal(b.len, 0);
    } else if (!b.overflow) {
        assert_int_equal(b.len, len);
        assert_memory_equal(b.data, text, b.len);
    }
    assert_int_equal(memory[room], 0xee);
    free(memory);
}

/* The same of arcs. */
static void
expect_arcs_in(struct sr_span content, const char *text, size_t len, size_t room)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;
    uint8_t *memory = malloc(room + 1);
    struct sr_buf b = sr_buf_over(memory, room);

    assert_non_null(memory);
    memory[room] = 0xee;
    assert_true(ber_arcs(content, arcs, &count));
    trap_arcs_write(&b, arcs, count);
    assert_int_equal(b.overflow, len > room);
    if (!b.overflow) {
        assert_int_equal(b.len, len);
        assert_memory_equal(b.data, text, b.len);
    }
    assert_int_equal(memory[room], 0xee);
    free(memory);
}

static void
expect(struct sr_span content)
{
    char text[TEXT_MAX + 1];
    int len = expected(content, text);
    size_t needed = len > 0 ? (size_t)len : 0;

    assert_int_equal(ber_is_identifier(content), len >= 0);
    expect_in(content, text, len, 4 * content.len + 64);
    expect_in(content, text, len, needed);
    expect_in(content, text, len, needed + next_random() % 16);
    if (needed > 0) {
        expect_in(content, text, len, needed - 1);
    }
    if (len >= 0) {
        expect_arcs_in(content, text, needed, 8 * (size_t)content.len + 16);
        expect_arcs_in(content, text, needed, needed + next_random() % 16);
        expect_arcs_in(content, text, needed, needed - (needed > 0));
    }
}

static void
identifiers_are_written_as_their_arcs(void **state_)
{
    static const char *const identifiers[] = { "", "\x2b", "\x2b\x06\x01\x7f", "\x27", "\x28",
        "\x4f", "\x50", "\x7f", "\x88\x37\x03", "\x8f\xff\xff\xff\x7f", "\x90\x80\x80\x80\x01",
        "\x81", "\x2b\x81", "\x2b\x80\x01", "\x2b\x8f\xff\xff\xff\x7f",
        "\x2b\x80\x80\x80\x80\x80\x80\x01", "\x80\x80\x2b\x06" };

    (void)state_;
    for (size_t i = 0; i < sizeof(identifiers) / sizeof(identifiers[0]); i++) {
        expect((struct sr_span){ (const uint8_t *)identifiers[i], strlen(identifiers[i]) });
    }
}

static void
any_bytes_are_written_or_refused_as_ber_arcs_reads_them(void **state_)
{
    uint8_t bytes[200];

    (void)state_;
    for (unsigned i = 0; i < TRIES; i++) {
        size_t len = next_random() % (i % 8 == 0 ? sizeof(bytes) : 20);
        unsigned large = next_random() % 4; /* of four bytes so many may go on */
        for (size_t k = 0; k < len; k++) {
            bytes[k] = (uint8_t)(next_random() & (next_random() % 4 < large ? 0xff : 0x7f));
        }
        expect((struct sr_span){ bytes, len });
    }
}

/* What trap_varbind_next() must find, by elements only. */
static bool
take_varbind(struct sr_span *left, struct trap_varbind *ret_varbind)
{
    struct sr_span content;
    uint8_t type;

    return ber_take_any(left, &type, &content) && type == BER_SEQUENCE &&
           ber_take_any(&content, &type, &ret_varbind->name) && type == BER_OBJECT_IDENTIFIER &&
           ber_take_any(&content, &ret_varbind->type, &ret_varbind->value);
}

static void
damaged_varbinds_are_read_as_their_elements_are(void **state_)
{
    static const uint8_t whole[] = { 0x30, 9, 6, 3, 0x2b, 6, 1, 4, 2, 'o', 'k', 0x30, 0 };
    unsigned found = 0;

    (void)state_;
    for (unsigned i = 0; i < TRIES; i++) {
        size_t len = i % 2 == 0 ? sizeof(whole) : next_random() % sizeof(whole);
        uint8_t *bytes = malloc(len + (len == 0));
        assert_non_null(bytes);
        memcpy(bytes, whole, len);
        for (uint32_t damage = next_random() % 4; damage > 0 && len > 0; damage--) {
            bytes[next_random() % len] = (uint8_t)(next_random() % (i % 3 == 0 ? 256 : 16));
        }
        struct sr_span left = { bytes, len }, other = left;
        struct trap_varbind varbind, wanted;
        bool is_one = take_varbind(&other, &wanted);
        assert_int_equal(trap_varbind_next(&left, &varbind), is_one);
        if (is_one) {
            found++;
            assert_ptr_equal(left.data, other.data);
            assert_int_equal(left.len, other.len);
            assert_int_equal(varbind.type, wanted.type);
            assert_ptr_equal(varbind.name.data, wanted.name.data);
            assert_int_equal(varbind.name.len, wanted.name.len);
            assert_ptr_equal(varbind.value.data, wanted.value.data);
            assert_int_equal(varbind.value.len, wanted.value.len);
        }
        free(bytes);
    }
    assert_in_range(found, TRIES / 20, TRIES - TRIES / 20);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_written_as_their_arcs),
        cmocka_unit_test(any_bytes_are_written_or_refused_as_ber_arcs_reads_them),
        cmocka_unit_test(damaged_varbinds_are_read_as_their_elements_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
