/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/rfc3339.h"
#include "decode/time.h"

#include "sr/banned.h"

static void
is_instant(const char *text, int64_t sec, uint32_t nsec)
{
    struct syslog_time t = { 0, 0 };

    if (!rfc3339_parse(span_of(text), &t)) {
        fail_msg("%s is refused", text);
    }
    assert_int_equal(t.sec, sec);
    assert_int_equal(t.nsec, nsec);
}

static void
days_are_counted_through_leap_years_and_centuries(void **state)
{
    static const struct {
        struct syslog_civil civil;
        int64_t seconds;
    } cases[] = {
        { { 1970, 1, 1, 0, 0, 0 }, 0 },
        { { 1969, 12, 31, 23, 59, 59 }, -1 },
        { { 2000, 2, 29, 12, 0, 0 }, 951825600 },
        { { 2000, 3, 1, 0, 0, 0 }, 951868800 },
        { { 2026, 11, 22, 12, 0, 0 }, 1795348800 },
        { { 2038, 1, 19, 3, 14, 8 }, 2147483648 },
        { { 1900, 3, 1, 0, 0, 0 }, -2203891200 },
        { { 9999, 12, 31, 23, 59, 59 }, 253402300799 },
        { { 0, 1, 1, 0, 0, 0 }, -62167219200 },
        { { -400, 3, 1, 0, 0, 0 }, -62162035200 - 12622780800 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(syslog_civil_valid(&cases[i].civil));
        assert_int_equal(syslog_civil_seconds(&cases[i].civil), cases[i].seconds);
        assert_int_equal(syslog_year_of(cases[i].seconds), cases[i].civil.year);
    }
}

static void
every_day_follows_the_one_before(void **state)
{
    int64_t expected = -62167219200; /* 0000-01-01 */

    (void)state;
    for (int32_t year = 0; year < 2400; year++) {
        for (uint8_t month = 1; month <= 12; month++) {
            struct syslog_civil c = { .year = year, .month = month, .day = 1 };
            for (; syslog_civil_valid(&c); c.day++) {
                assert_int_equal(syslog_civil_seconds(&c), expected);
                expected += 86400;
            }
            assert_in_range(c.day, 29, 32);
        }
        assert_int_equal(syslog_year_of(expected - 1), year);
        assert_int_equal(syslog_year_of(expected), year + 1);
    }
}

static void
dates_and_times_that_do_not_exist_are_invalid(void **state)
{
    static const struct syslog_civil cases[] = { { 2026, 2, 29, 0, 0, 0 }, { 1900, 2, 29, 0, 0, 0 },
        { 2026, 0, 1, 0, 0, 0 }, { 2026, 13, 1, 0, 0, 0 }, { 2026, 4, 31, 0, 0, 0 },
        { 2026, 1, 0, 0, 0, 0 }, { 2026, 1, 1, 24, 0, 0 }, { 2026, 1, 1, 0, 60, 0 },
        { 2026, 1, 1, 0, 0, 60 } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(syslog_civil_valid(&cases[i]));
    }
}

static void
rfc3339_is_read_with_fraction_and_offset(void **state)
{
    (void)state;
    is_instant("2003-10-11T22:14:15.003Z", 1065910455, 3000000);
    is_instant("2003-10-11t22:14:15z", 1065910455, 0);
    is_instant("2003-08-24T05:14:15.000003-07:00", 1061727255, 3000);
    is_instant("1970-01-01T00:00:00+23:59", -86340, 0);
    is_instant("1969-12-31T23:59:59.5-00:00", -1, 500000000);
    is_instant("2026-11-22T12:00:00.1234567899999Z", 1795348800, 123456789);
    is_instant("0000-01-01T00:00:00Z", -62167219200, 0);
}

static void
second_60_counts_only_where_a_leap_second_can_be(void **state)
{
    struct syslog_time t;

    (void)state;
    is_instant("1990-12-31T23:59:60Z", 662687999, 999999999);
    is_instant("1990-12-31T15:59:60.123-08:00", 662687999, 999999999);
    is_instant("2026-02-28T23:59:60Z", 1772323199, 999999999);
    assert_false(rfc3339_parse(span_of("1990-12-30T23:59:60Z"), &t));
    assert_false(rfc3339_parse(span_of("1990-12-31T23:59:60+01:00"), &t));
    assert_false(rfc3339_parse(span_of("1990-12-31T22:59:60Z"), &t));
    assert_false(rfc3339_parse(span_of("1990-12-31T23:59:61Z"), &t));
}

static void
any_byte_may_stand_between_date_and_time(void **state)
{
    (void)state;
    is_instant("2003-10-11_22:14:15Z", 1065910455, 0);
    is_instant("2003-10-11-22:14:15.5Z", 1065910455, 500000000);
    is_instant("2003-10-11t22:14:15Z", 1065910455, 0);
}

static void
anything_else_is_not_rfc3339(void **state)
{
    static const char *const bad[] = { "", "-", "2003-10-11", "2003-10-11T22:14:15",
        "2003-10-11T22:14Z", "2003-10-1122:14:15Z", "2003-10-11T22:14:15.Z",
        "2003-10-11T22:14:15,5Z", "2003-10-11T22:14:15.5", "2003-10-11T22:14:15Z ",
        "2003-10-11T22:14:15Zx", "2003-10-11T22:14:15+0100", "2003-10-11T22:14:15+01",
        "2003-10-11T22:14:15+24:00", "2003-10-11T22:14:15+01:60", "2003-10-11T22:14:15~01:00",
        "2003-13-11T22:14:15Z", "2003-00-11T22:14:15Z", "2003-10-32T22:14:15Z",
        "2003-02-29T22:14:15Z", "2003-10-11T24:14:15Z", "2003-10-11T22:60:15Z",
        "2003-1-11T22:14:15Z", "+003-10-11T22:14:15Z", "02003-10-11T22:14:15Z" };
    struct syslog_time t = { 1, 2 };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (rfc3339_parse(span_of(bad[i]), &t)) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    assert_int_equal(t.sec, 1);
}

static void
no_prefix_of_an_rfc3339_time_is_read_past_its_end(void **state)
{
    static const char text[] = "2003-08-24T05:14:15.000003-07:00";
    struct syslog_time t;

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, text, len);
        assert_false(rfc3339_parse((struct sr_span){ exact, len }, &t));
        free(exact);
    }
}

static void
instants_become_doubles_as_in_rust(void **state)
{
    (void)state;
    assert_true(syslog_time_double((struct syslog_time){ 1065910455, 3000000 }) == 1065910455.003);
    assert_true(syslog_time_double((struct syslog_time){ -1, 500000000 }) == -0.5);
    assert_true(syslog_time_double((struct syslog_time){ 0, 0 }) == 0.0);
    /* The largest instant of each way to compute it, and of RFC 3339. */
    assert_true(syslog_time_double((struct syslog_time){ 8999999999, 0 }) == 8999999999.0);
    assert_true(syslog_time_double((struct syslog_time){ 9000000000, 0 }) == 9000000000.0);
    assert_true(syslog_time_double((struct syslog_time){ -62167219200, 0 }) == -62167219200.0);
    assert_true(
        syslog_time_double((struct syslog_time){ 253402300799, 500000000 }) == 253402300799.5);
    assert_true(
        syslog_time_double((struct syslog_time){ -62167219200, 250000000 }) == -62167219199.75);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_counted_through_leap_years_and_centuries),
        cmocka_unit_test(every_day_follows_the_one_before),
        cmocka_unit_test(dates_and_times_that_do_not_exist_are_invalid),
        cmocka_unit_test(rfc3339_is_read_with_fraction_and_offset),
        cmocka_unit_test(second_60_counts_only_where_a_leap_second_can_be),
        cmocka_unit_test(any_byte_may_stand_between_date_and_time),
        cmocka_unit_test(anything_else_is_not_rfc3339),
        cmocka_unit_test(no_prefix_of_an_rfc3339_time_is_read_past_its_end),
        cmocka_unit_test(instants_become_doubles_as_in_rust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
