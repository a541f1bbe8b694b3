/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded messages of syslog, made new. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "replay/rewrite_parts.h"

#define NOW_S 1795348923 /* 2026-11-22T12:02:03Z, a Sunday */
#define NOW_NS (NOW_S * UINT64_C(1000000000) + 123456789)
#define HOUR 3600

static uint8_t out[REWRITE_ROOM];

static struct sr_span
rewrite_at(const char *line, uint64_t wall_ns, int32_t offset_s, const struct mark *mark)
{
    static uint8_t *copy;
    struct sr_span bytes = { NULL, 0 };
    size_t len = strlen(line);

    free(copy);
    copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, line, len);
    assert_int_equal(
        rewrite_syslog((struct sr_span){ copy, len }, wall_ns, offset_s, mark, out, &bytes),
        REWRITE_OK);
    return bytes;
}

static void
becomes_at(uint64_t wall_ns, int32_t offset_s, const char *line, const char *want)
{
    struct sr_span got = rewrite_at(line, wall_ns, offset_s, NULL);

    if (got.len != strlen(want) || memcmp(got.data, want, got.len) != 0) {
        print_error(
            "%s\nwant `%s`, got `%.*s`\n", line, want, (int)got.len, (const char *)got.data);
        fail();
    }
}

static void
becomes(const char *line, const char *want)
{
    becomes_at(NOW_NS, 0, line, want);
}

static void
dates_of_rfc_5424_keep_their_fraction_and_zone(void **state)
{
    (void)state;
    becomes("<34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed",
        "<34>1 2026-11-22T12:02:03.123Z host su - ID47 - 'su root' failed");
    becomes("<165>1 2003-08-24T05:14:15.000003-07:00 h p 1 - - x",
        "<165>1 2026-11-22T05:02:03.123456-07:00 h p 1 - - x");
    becomes("<165>1 2003-08-24T05:14:15+05:30 h p 1 - - x",
        "<165>1 2026-11-22T17:32:03+05:30 h p 1 - - x");
    becomes("<165>1 2003-08-24T05:14:15.123456789012Z h p 1 - - x",
        "<165>1 2026-11-22T12:02:03.123456789000Z h p 1 - - x");
    becomes("<34>1 - host su - ID47 - no date", "<34>1 - host su - ID47 - no date");
}

static void
dates_of_rfc_3164_keep_how_the_day_is_written(void **state)
{
    /* 2026-12-05T01:02:03Z */
    uint64_t fifth = (NOW_S + 12 * 86400 + 13 * HOUR) * UINT64_C(1000000000);

    (void)state;
    becomes("<34>Oct 11 22:14:15 host su: x", "<34>Nov 22 12:02:03 host su: x");
    becomes("<34>Oct  1 22:14:15 host su: x", "<34>Nov 22 12:02:03 host su: x");
    becomes("<34>Oct 1 22:14:15.5 2003 host", "<34>Nov 22 12:02:03.1 2026 host");
    becomes_at(fifth, 0, "<34>Oct 11 22:14:15 host su: x", "<34>Dec  5 01:02:03 host su: x");
    becomes_at(fifth, 0, "<34>Oct  1 22:14:15 host su: x", "<34>Dec  5 01:02:03 host su: x");
    becomes_at(fifth, 0, "<34>Oct 01 22:14:15 host su: x", "<34>Dec 05 01:02:03 host su: x");
    becomes_at(fifth, 0, "<34>Oct 1 22:14:15 host su: x", "<34>Dec 5 01:02:03 host su: x");
}

static void
dates_with_years_weekdays_and_zones_stay_in_their_form(void **state)
{
    (void)state;
    becomes("<34>2003 Oct 11 22:14:15 host x", "<34>2026 Nov 22 12:02:03 host x");
    becomes("<34>Oct 11 2003 22:14:15 host x", "<34>Nov 22 2026 12:02:03 host x");
    becomes("<34>Sat Oct 11 22:14:15 2003 host x", "<34>Sun Nov 22 12:02:03 2026 host x");
    becomes("<34>OCT 11 22:14:15 host x", "<34>NOV 22 12:02:03 host x");
    becomes("<189>45: *Oct 11 22:14:15.123 CET: %SYS-5-CONFIG_I: x",
        "<189>45: *Nov 22 13:02:03.123 CET: %SYS-5-CONFIG_I: x");
    becomes("<189>host: Oct 11 22:14:15 EST: x", "<189>host: Nov 22 07:02:03 EST: x");
    becomes("<13>2003-10-11 22:14:15,003 host x", "<13>2026-11-22 12:02:03,123 host x");
    becomes("<134>1 1065910455.003 host flows x", "<134>1 1795348923.123 host flows x");
    becomes("<134>1065910455003 host", "<134>1795348923123 host");
}

static void
dates_without_a_zone_are_of_the_given_one(void **state)
{
    (void)state;
    becomes_at(NOW_NS, 2 * HOUR, "<34>Oct 11 22:14:15 host x", "<34>Nov 22 14:02:03 host x");
    becomes_at(
        NOW_NS, 2 * HOUR, "<34>2003-10-11T22:14:15 host x", "<34>2026-11-22T14:02:03 host x");
    becomes_at(NOW_NS, 2 * HOUR, "<34>2003-10-11T22:14:15Z host", "<34>2026-11-22T12:02:03Z host");
    becomes_at(NOW_NS, -13 * HOUR, "<34>Oct 11 22:14:15 host x", "<34>Nov 21 23:02:03 host x");
}

static void
dates_in_the_text_and_what_is_none_stay(void **state)
{
    static const char *const lines[] = {
        "<13>host app: this is a backup of 2003-10-11 22:14:15",
        "no priority at all",
        "<34>Oct 32 22:14:15 host",
        "<34>Oct 11 24:14:15 host",
        "<34>2003-13-11T22:14:15Z host",
        "<34>Oct 11 2003 03:05:48 AM host",
        "<6> CEF:0|A|rt=Nov 22 2026 03:05:50 UTC proto=tcp",
        "{\"at\":\"2018-10-16 09:59:13\"}",
        "<34>Oct",
        "<34>Oct 11 22:14",
        "<",
        "<34",
        "<34>",
        "<34>2003-10-11T22:14:1",
        "<34>99999999999 host",
        "<134>1065910455x host",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        becomes(lines[i], lines[i]);
    }
}

static void
the_mark_stands_behind_the_text_and_before_the_end_of_the_line(void **state)
{
    const struct mark mark = { .run = 0xabc, .sequence = 42 };
    struct mark found;
    struct sr_span got = rewrite_at("<13>x\r\n", NOW_NS, 0, &mark);

    (void)state;
    assert_int_equal(got.len, 5 + 1 + MARK_TEXT_LEN + 2);
    assert_memory_equal(got.data, "<13>x sr-load=", 14);
    assert_memory_equal(got.data + got.len - 2, "\r\n", 2);
    assert_true(mark_read_text(got, &found));
    assert_int_equal(found.run, mark.run);
    assert_int_equal(found.sequence, mark.sequence);
}

static void
what_has_no_room_for_a_mark_is_refused(void **state)
{
    static uint8_t longest[REWRITE_ROOM];
    const struct mark mark = { .run = 1 };
    struct sr_span bytes;

    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(
        rewrite_syslog((struct sr_span){ longest, sizeof(longest) }, NOW_NS, 0, &mark, out, &bytes),
        REWRITE_ELENGTH);
    assert_int_equal(
        rewrite_syslog((struct sr_span){ longest, sizeof(longest) }, NOW_NS, 0, NULL, out, &bytes),
        REWRITE_OK);
}

static void
empty_and_compressed_messages_cannot_be_changed(void **state)
{
    static const char *const lines[] = { "", "\n", "\x1f\x8b\x08", "\x78\x9c\x01" };
    struct sr_span bytes;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(
            rewrite_syslog(span_of(lines[i]), NOW_NS, 0, NULL, out, &bytes), REWRITE_EUNKNOWN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_of_rfc_5424_keep_their_fraction_and_zone),
        cmocka_unit_test(dates_of_rfc_3164_keep_how_the_day_is_written),
        cmocka_unit_test(dates_with_years_weekdays_and_zones_stay_in_their_form),
        cmocka_unit_test(dates_without_a_zone_are_of_the_given_one),
        cmocka_unit_test(dates_in_the_text_and_what_is_none_stay),
        cmocka_unit_test(the_mark_stands_behind_the_text_and_before_the_end_of_the_line),
        cmocka_unit_test(what_has_no_room_for_a_mark_is_refused),
        cmocka_unit_test(empty_and_compressed_messages_cannot_be_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
