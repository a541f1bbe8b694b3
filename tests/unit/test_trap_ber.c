/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/ber.h"

static struct sr_span
span(const void *data, size_t len)
{
    return (struct sr_span){ data, len };
}
#define BYTES(text) span(text, sizeof(text) - 1)

static void
an_element_is_taken_with_any_form_of_its_length(void **state)
{
    static const struct {
        struct sr_span bytes;
        size_t length;
    } elements[] = { { { (const uint8_t *)"\x04\0rest", 6 }, 0 },
        { { (const uint8_t *)"\x04\x02okrest", 8 }, 2 },
        { { (const uint8_t *)"\x04\x81\x02okrest", 9 }, 2 },
        { { (const uint8_t *)"\x04\x88\0\0\0\0\0\0\0\x02okrest", 16 }, 2 } };

    (void)state;
    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        struct sr_span left = elements[i].bytes, content = { NULL, 0 };
        uint8_t type = 0;
        assert_true(ber_take(&left, &type, &content));
        assert_int_equal(type, BER_OCTET_STRING);
        assert_int_equal(content.len, elements[i].length);
        assert_int_equal(left.len, 4);
        assert_memory_equal(left.data, "rest", 4);
        left = elements[i].bytes;
        assert_false(ber_take_type(&left, BER_NULL, &content));
        assert_int_equal(left.len, elements[i].bytes.len);
    }
}

static void
no_prefix_of_an_element_is_one(void **state)
{
    static const uint8_t element[] = "\x30\x82\0\x04"
                                     "abcd";

    (void)state;
    for (size_t len = 0; len < sizeof(element) - 1; len++) {
        uint8_t *exact = malloc(len + (len == 0));
        assert_non_null(exact);
        memcpy(exact, element, len);
        struct sr_span left = { exact, len }, content;
        uint8_t type;
        assert_false(ber_take(&left, &type, &content));
        assert_ptr_equal(left.data, exact);
        free(exact);
    }
}

static void
lengths_that_snmp_does_not_have_are_refused(void **state)
{
    struct sr_span bad[] = { BYTES("\x04\x80zz\0\0"), BYTES("\x04\xff\1z"),
        BYTES("\x04\x84\xff\xff\xff\xff"), BYTES("\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff"),
        BYTES("\x04\x89\1\0\0\0\0\0\0\0\1z"), BYTES("\x1f\x81\1z") };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sr_span content;
        uint8_t type;
        assert_false(ber_take(&bad[i], &type, &content));
    }
}

static void
numbers_are_what_their_bytes_say(void **state)
{
    int64_t s;
    uint64_t u;

    (void)state;
    assert_true(ber_signed(BYTES("\x05"), &s) && s == 5);
    assert_true(ber_signed(BYTES("\xfb"), &s) && s == -5);
    assert_true(ber_signed(BYTES("\0\0\0\x05"), &s) && s == 5);
    assert_true(ber_signed(BYTES("\x80\0\0\0\0\0\0\0"), &s) && s == INT64_MIN);
    assert_true(ber_signed(BYTES("\xff\x7f"), &s) && s == -129);
    assert_false(ber_signed(BYTES(""), &s));
    assert_false(ber_signed(BYTES("\0\0\0\0\0\0\0\0\1"), &s));
    assert_true(ber_unsigned(BYTES("\xff\xff\xff\xff"), &u) && u == UINT32_MAX);
    assert_true(ber_unsigned(BYTES("\0\xff\xff\xff\xff\xff\xff\xff\xff"), &u) && u == UINT64_MAX);
    assert_false(ber_unsigned(BYTES("\1\0\0\0\0\0\0\0\0"), &u));
    assert_false(ber_unsigned(BYTES(""), &u));
}

static void
object_identifiers_have_at_most_128_arcs_of_32_bits(void **state)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    uint8_t many[BER_SUB_IDS_MAX + 1];
    unsigned count;

    (void)state;
    assert_true(ber_arcs(BYTES("\x2b\6\1"), arcs, &count));
    assert_int_equal(count, 4);
    assert_true(arcs[0] == 1 && arcs[1] == 3 && arcs[2] == 6 && arcs[3] == 1);
    assert_true(ber_arcs(BYTES("\x88\x37\3"), arcs, &count));
    assert_true(count == 3 && arcs[0] == 2 && arcs[1] == 999 && arcs[2] == 3);
    assert_true(ber_arcs(BYTES(""), arcs, &count));
    assert_int_equal(count, 0);
    assert_true(ber_arcs(BYTES("\x2b\x80\1"), arcs, &count) && arcs[2] == 1);
    assert_true(ber_arcs(BYTES("\x2b\x8f\xff\xff\xff\x7f"), arcs, &count));
    assert_int_equal(arcs[2], UINT32_MAX);
    assert_false(ber_arcs(BYTES("\x2b\x90\x80\x80\x80\0"), arcs, &count));
    assert_false(ber_arcs(BYTES("\x2b\x81"), arcs, &count));
    memset(many, 1, sizeof(many));
    assert_true(ber_arcs(span(many, BER_SUB_IDS_MAX - 1), arcs, &count));
    assert_int_equal(count, BER_SUB_IDS_MAX);
    assert_false(ber_arcs(span(many, BER_SUB_IDS_MAX), arcs, &count));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_is_taken_with_any_form_of_its_length),
        cmocka_unit_test(no_prefix_of_an_element_is_one),
        cmocka_unit_test(lengths_that_snmp_does_not_have_are_refused),
        cmocka_unit_test(numbers_are_what_their_bytes_say),
        cmocka_unit_test(object_identifiers_have_at_most_128_arcs_of_32_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
