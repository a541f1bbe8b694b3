/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/rfc3164.h"

#include "sr/banned.h"

/* Two zones, made by hand: UTC+3 all year, and one that goes from +1 to +2 on 2026-03-29. */
static const char names_text[] = "Europe/Berlin\0Test/East";
static const struct tz_name names[] = { { 0, 13, 1 }, { 14, 9, 0 } };
static const struct tz_zone zone_list[] = { { 0, 0, 3 * 3600 }, { 0, 2, 3600 } };
/* 2026-03-29T03:00 and 2026-10-25T03:00 on the clock */
static const int64_t local[] = { 1774753200, 1792897200 };
static const int32_t offset[] = { 7200, 3600 };
static uint16_t slots[4];
static const struct tz_table zones = { names, 2, names_text, zone_list, local, offset, slots, 3,
    13 };

static struct rfc3164_dates dates = { .zones = &zones, .local = RFC3164_UTC, .year = 2026 };
static struct syslog_scratch scratch;
static struct syslog_record rec;

static enum syslog_err
decode(const char *text)
{
    rec = (struct syslog_record){ 0 };
    return rfc3164_decode(span_of(text), &dates, &scratch, &rec);
}

static void
same(struct sr_span got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static void
a_plain_message_is_taken_apart(void **state)
{
    (void)state;
    assert_int_equal(decode("<34>Oct 11 22:14:15 mymachine su:  root  failed\n"), SYSLOG_OK);
    assert_true(rec.has_pri && rec.has_msg && rec.msg_is_words);
    assert_false(rec.has_app || rec.has_sd);
    assert_int_equal(rec.facility, 4);
    assert_int_equal(rec.severity, 2);
    assert_int_equal(rec.time.sec, 1791756855);
    same(rec.host, "mymachine");
    same(rec.msg, "su:  root  failed");
    same(rec.full, "<34>Oct 11 22:14:15 mymachine su:  root  failed");
    assert_int_equal(decode("Oct 11 22:14:15 mymachine"), SYSLOG_OK);
    assert_false(rec.has_pri);
    assert_true(rec.has_msg);
    assert_int_equal(rec.msg.len, 0);
}

static void
dates_come_in_three_forms(void **state)
{
    (void)state;
    assert_int_equal(decode("2020 Aug 6 11:15:24 h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1596712524);
    assert_int_equal(decode("+2020 Aug 06 11:15:24 h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1596712524);
    assert_int_equal(decode("2020-08-06T11:15:24.5+02:00 h two words"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1596705324);
    assert_int_equal(rec.time.nsec, 500000000);
    same(rec.host, "h");
    same(rec.msg, "two words");
    assert_int_equal(decode("2024 Feb 29 00:00:00 h m"), SYSLOG_OK);
}

static void
what_upstream_loses_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum syslog_err want;
    } cases[] = {
        { "", SYSLOG_EEMPTY },
        { " \n", SYSLOG_EEMPTY },
        { "<34 Oct 11 22:14:15 h m", SYSLOG_EPRIORITY },
        { "<>Oct 11 22:14:15 h m", SYSLOG_EPRIORITY },
        { "<999>Oct 11 22:14:15 h m", SYSLOG_EPRIORITY },
        { "<3a>Oct 11 22:14:15 h m", SYSLOG_EPRIORITY },
        { "hello", SYSLOG_EHEADER },
        { "Oct 11 22:14:15", SYSLOG_EHEADER },
        { "2020 Oct 11 22:14:15", SYSLOG_EHEADER },
        { "Oct 11 22:14:15 Test/East", SYSLOG_EHEADER }, /* upstream panics */
        { "oct 11 22:14:15 h m", SYSLOG_ETIME },
        { "Oct 011 22:14:15 h m", SYSLOG_ETIME },
        { "Oct 0 22:14:15 h m", SYSLOG_ETIME },
        { "Oct 32 22:14:15 h m", SYSLOG_ETIME },
        { "Feb 29 22:14:15 h m", SYSLOG_ETIME }, /* not in 2026 */
        { "Oct 11 2:14:15 h m", SYSLOG_ETIME },
        { "Oct 11 24:14:15 h m", SYSLOG_ETIME },
        { "Oct 11 22:14:60 h m", SYSLOG_ETIME },
        { "Oct 11 22:14:15.123 h m", SYSLOG_ETIME },
        { "Oct 11 2020 22:14:15 h m", SYSLOG_ETIME },
        { "20 Oct 11 22:14:15 h m", SYSLOG_ETIME },
        { "*Oct 11 22:14:15 h m", SYSLOG_ETIME },
        { "<34>1 2003-10-11T22:14:15Z h a p m x", SYSLOG_ESD },
        { "<34>1 - h a p m -", SYSLOG_ETIME },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum syslog_err got = decode(cases[i].text);
        if (got != cases[i].want) {
            fail_msg("%s: %s", cases[i].text, syslog_strerror(got));
        }
        assert_null(rec.full.data); /* nothing is written on an error */
    }
}

static void
priorities_are_as_lenient_as_upstreams(void **state)
{
    (void)state;
    assert_int_equal(decode("<<+00255>Oct 11 22:14:15 h m"), SYSLOG_OK);
    assert_int_equal(rec.facility, 31);
    assert_int_equal(rec.severity, 7);
    assert_int_equal(decode("<6> Oct 11 22:14:15 h m"), SYSLOG_OK);
    same(rec.host, "h");
}

static void
a_zone_name_after_the_date_is_not_the_host(void **state)
{
    (void)state;
    assert_int_equal(decode("Oct 11 22:14:15 Test/East h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1791756855 - 3 * 3600);
    same(rec.host, "h");
    assert_int_equal(decode("2026 Oct 11 22:14:15 Europe/Berlin h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1791756855 - 7200);
    same(rec.host, "h");
    assert_int_equal(decode("Oct 11 22:14:15 test/east h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1791756855);
    same(rec.host, "test/east");
    assert_int_equal(decode("Oct 11 22:14:15 Test/Eas h m"), SYSLOG_OK);
    same(rec.host, "Test/Eas");
    /* An RFC 3339 time says its offset itself. */
    assert_int_equal(decode("2026-10-11T22:14:15Z Test/East h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1791756855);
    same(rec.host, "Test/East");
}

static void
the_default_zone_is_for_dates_without_one(void **state)
{
    (void)state;
    dates.local = 1;
    assert_int_equal(decode("Oct 11 22:14:15 h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1791756855 - 7200);
    assert_int_equal(decode("Oct 11 22:14:15 Test/East h m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1791756855 - 3 * 3600);
    assert_int_equal(decode("h: Jan 11 22:14:15: m"), SYSLOG_OK);
    assert_int_equal(rec.time.sec, 1768169655 - 3600);
    dates.local = RFC3164_UTC;
}

static void
without_a_table_no_name_is_a_zone(void **state)
{
    (void)state;
    dates.zones = NULL;
    assert_int_equal(decode("Oct 11 22:14:15 Test/East h m"), SYSLOG_OK);
    same(rec.host, "Test/East");
    dates.zones = &zones;
}

static void
host_date_and_message_may_be_separated_by_colons(void **state)
{
    (void)state;
    assert_int_equal(decode("<13>sw 1: 2020 Aug 6 11:15:24 Test/East x: a:  b: c \n"), SYSLOG_OK);
    same(rec.host, "sw 1");
    assert_int_equal(rec.time.sec, 1596712524 - 3 * 3600);
    same(rec.msg, "a:  b: c \n"); /* only full_message is trimmed */
    assert_false(rec.msg_is_words);
    assert_int_equal(decode(": Aug 6 11:15:24: "), SYSLOG_OK);
    assert_int_equal(rec.host.len, 0);
    assert_int_equal(rec.msg.len, 0);
    assert_true(rec.has_msg);
    assert_int_equal(
        decode("h: Aug 6 11:15:24 m"), SYSLOG_ETIME); /* one colon, and "h:" is no date */
}

static void
an_rfc5424_line_is_taken_too(void **state)
{
    (void)state;
    assert_int_equal(decode("<34>1 2003-10-11T22:14:15.003Z h a p m [x y=\"z\"] t"), SYSLOG_OK);
    assert_true(rec.has_app && rec.has_sd);
    same(rec.app, "a");
    assert_int_equal(rec.param_count, 1);
}

static void
no_prefix_of_a_message_is_read_past_its_end(void **state)
{
    static const char *const texts[] = {
        "<34>2026 Oct 11 22:14:15 Europe/Berlin h\xc3\xa4 \xe3\x80\x80su: root\xe2\x80\x83",
        "<13>sw 1: 2020 Aug 6 11:15:24 Test/East x: a:  b: c \n",
        "<34>1 2003-10-11T22:14:15.003Z h a p m [x y=\"z\"] t",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            uint8_t *exact = malloc(len > 0 ? len : 1);
            assert_non_null(exact);
            memcpy(exact, texts[i], len);
            (void)rfc3164_decode((struct sr_span){ exact, len }, &dates, &scratch, &rec);
            free(exact);
        }
    }
}

static int
fill_slots(void **state)
{
    (void)state;
    memset(slots, 0xff, sizeof(slots));
    for (uint16_t i = 0; i < 2; i++) {
        size_t at = tz_hash(span_of(names_text + names[i].text)) & 3;
        while (slots[at] != TZ_EMPTY_SLOT) {
            at = (at + 1) & 3;
        }
        slots[at] = i;
    }
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_message_is_taken_apart),
        cmocka_unit_test(dates_come_in_three_forms),
        cmocka_unit_test(what_upstream_loses_is_refused),
        cmocka_unit_test(priorities_are_as_lenient_as_upstreams),
        cmocka_unit_test(a_zone_name_after_the_date_is_not_the_host),
        cmocka_unit_test(the_default_zone_is_for_dates_without_one),
        cmocka_unit_test(without_a_table_no_name_is_a_zone),
        cmocka_unit_test(host_date_and_message_may_be_separated_by_colons),
        cmocka_unit_test(an_rfc5424_line_is_taken_too),
        cmocka_unit_test(no_prefix_of_a_message_is_read_past_its_end),
    };
    return cmocka_run_group_tests(tests, fill_slots, NULL);
}
