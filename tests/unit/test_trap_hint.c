/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/hint.h"

#include "sr/banned.h"

#define BYTES(text) ((struct sr_span){ (const uint8_t *)(text), sizeof(text) - 1 })

/* Both from memory of their exact size; NULL: the hint does not go with the value. */
static void
octets_read(const char *hint, struct sr_span value, const char *want)
{
    size_t hint_len = strlen(hint);
    uint8_t *exact_hint = malloc(hint_len + (hint_len == 0));
    uint8_t *exact = malloc(value.len + (value.len == 0));
    size_t room = want != NULL ? strlen(want) : 16;
    uint8_t *out = malloc(room + (room == 0));

    assert_true(exact_hint != NULL && exact != NULL && out != NULL);
    memcpy(exact_hint, hint, hint_len);
    if (value.len > 0) {
        memcpy(exact, value.data, value.len);
    }
    struct sr_buf b = sr_buf_over(out, room);
    bool fits = trap_hint_octets(
        &b, (struct sr_span){ exact_hint, hint_len }, (struct sr_span){ exact, value.len });
    assert_int_equal(fits, want != NULL);
    assert_false(b.overflow);
    assert_int_equal(b.len, want != NULL ? room : 0);
    if (want != NULL) {
        assert_memory_equal(out, want, room);
    }
    free(exact_hint);
    free(exact);
    free(out);
}

static void
integer_reads(const char *hint, int64_t value, const char *want)
{
    uint8_t out[80];
    struct sr_buf b = sr_buf_over(out, want != NULL ? strlen(want) : sizeof(out));

    assert_int_equal(trap_hint_integer(&b, span_of(hint), value), want != NULL);
    assert_false(b.overflow);
    assert_int_equal(b.len, want != NULL ? strlen(want) : 0);
    if (want != NULL) {
        assert_memory_equal(out, want, b.len);
    }
}

static void
octets_are_shown_as_rfc_2579_says(void **state)
{
    (void)state;
    octets_read("1x:", BYTES("\x00\x1b\x44\x11\x3a\xb7"), "00:1b:44:11:3a:b7");
    octets_read("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", BYTES("\x07\xea\x0b\x16\x10\x26\x11\x05+\x02\x1e"),
        "2026-11-22,16:38:17.5,+2:30");
    octets_read("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", BYTES("\x07\xea\x0b\x16\x10\x26\x11\x05"),
        "2026-11-22,16:38:17.5");
    octets_read("255a", BYTES("Gi0/1 \"up\""), "Gi0/1 \\\"up\\\"");
    octets_read("255t", BYTES("Gr\xc3\xbc\xc3\x9f"), "Gr\xc3\xbc\xc3\x9f");
    octets_read("1d.1d.1d.1d", BYTES("\x0a\x00\xff\x01"), "10.0.255.1");
    octets_read("1o ", BYTES("\x08\x00\xff"), "10 0 377");
    octets_read("4x", BYTES("\x12\x34\x56\x78\x9a"), "123456789a");
    octets_read("8d", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615");
    octets_read("1x:", BYTES(""), "");
}

static void
a_value_may_end_early_and_the_last_part_is_repeated(void **state)
{
    (void)state;
    octets_read("1d.1d.1d.1d/2d", BYTES("\x0a\x00\x00\x01"), "10.0.0.1");
    octets_read("1d.1d.1d.1d/2d", BYTES("\x0a\x00\x00\x01\x00\xa1"), "10.0.0.1/161");
    octets_read("1d-1x:", BYTES("\x07\x01\x02\x03"), "7-01:02:03");
    octets_read("4d,", BYTES("\x00\x00\x01\x00\x02"), "256,2");
}

static void
a_part_without_octets_shows_its_separator(void **state)
{
    (void)state;
    octets_read(
        "0a[2x:2x:2x]0a:2d", BYTES("\xfe\x80\x00\x00\x00\x01\x00\xa1"), "[fe80:0000:0001]:161");
}

static void
a_repeat_count_is_taken_from_the_value(void **state)
{
    (void)state;
    octets_read("*1x:/1x:", BYTES("\x02\x11\x12\x21"), "11:12/21");
    octets_read("*1d./1d,", BYTES("\x00\x05\x06"), "/5,6");
    octets_read("*1d.", BYTES("\xff\x01\x02"), "1.2");
    octets_read("*1d.", BYTES("\x01\x05\x01\x06"), "5.6");
    octets_read("*1d.", BYTES("\x03"), "");
    octets_read("*1d.", BYTES(""), "");
    octets_read("1x*1x:", BYTES("\x01"), "01");
}

static void
a_malformed_hint_shows_nothing(void **state)
{
    static const char *const hints[] = { "", "x", "1", "*", "*x", "1z", "1x::", "1x:*", "1x:1",
        "99999x", "18446744073709551617x", "1x\x01", "1x\xc3", "*0a:", "*0a:1x", "*1x:\x01", "d-2",
        "1x:2", "2d-1q" };

    (void)state;
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        octets_read(hints[i], BYTES("\x01\x02"), NULL);
    }
    /* A last part of no octets never ends. */
    octets_read("1x0a:", BYTES("\x01\x02"), NULL);
    octets_read("1x0a:", BYTES("\x01"), "01");
}

static void
a_value_that_the_hint_cannot_show_is_left_alone(void **state)
{
    (void)state;
    octets_read("255a", BYTES("\x00\x01"), NULL);
    octets_read("255t", BYTES("\xff\xfe"), NULL);
    octets_read("1t", BYTES("\xc3\xbc"), NULL);
    octets_read("9d", BYTES("123456789"), NULL);
    octets_read("255o", BYTES("123456789"), NULL);
    octets_read("1x255a", BYTES("\x01text\x7f"), NULL);
}

static void
numbers_are_shown_as_rfc_2579_says(void **state)
{
    (void)state;
    integer_reads("d", -5, "-5");
    integer_reads("d-2", 1234, "12.34");
    integer_reads("d-2", 5, "0.05");
    integer_reads("d-2", -5, "-0.05");
    integer_reads("d-0", 7, "7");
    integer_reads("d-20", 1, "0.00000000000000000001");
    integer_reads("x", 255, "ff");
    integer_reads("x", -16, "-10");
    integer_reads("o", 8, "10");
    integer_reads("b", 5, "101");
    integer_reads(
        "b", INT64_MIN, "-1000000000000000000000000000000000000000000000000000000000000000");
    integer_reads("d", INT64_MIN, "-9223372036854775808");
    integer_reads("x", 0, "0");
}

static void
other_hints_show_no_number(void **state)
{
    static const char *const hints[] = { "", "d-", "d2", "d-2x", "d-21", "xx", "a", "1x:", "t",
        "-2", "d--2", "d-99999999999999999999999" };

    (void)state;
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        integer_reads(hints[i], 1, NULL);
    }
}

static void
text_without_control_characters_is_printable(void **state)
{
    (void)state;
    assert_true(trap_hint_printable(BYTES("")));
    assert_true(trap_hint_printable(BYTES("a\tb\r\n\xc3\xbc")));
    assert_false(trap_hint_printable(BYTES("a\0")));
    assert_false(trap_hint_printable(BYTES("\x1b[0m")));
    assert_false(trap_hint_printable(BYTES("\x7f")));
    assert_false(trap_hint_printable(BYTES("\xc3")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_are_shown_as_rfc_2579_says),
        cmocka_unit_test(a_value_may_end_early_and_the_last_part_is_repeated),
        cmocka_unit_test(a_part_without_octets_shows_its_separator),
        cmocka_unit_test(a_repeat_count_is_taken_from_the_value),
        cmocka_unit_test(a_malformed_hint_shows_nothing),
        cmocka_unit_test(a_value_that_the_hint_cannot_show_is_left_alone),
        cmocka_unit_test(numbers_are_shown_as_rfc_2579_says),
        cmocka_unit_test(other_hints_show_no_number),
        cmocka_unit_test(text_without_control_characters_is_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
