/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/rfc3164.h"
#include "tz_load.h"
#include "zones.h"

#include "sr/banned.h"

static struct tz_db db;
static struct syslog_scratch scratch;
static uint8_t memory[SYSLOG_RECORD_MAX];
static char record[1024];

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(memory) ? memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    (void)records;
    assert_true(len < sizeof(record));
    memcpy(record, memory, len);
    record[len] = '\0';
}

static const struct sr_emit emit = { .reserve = reserve, .commit = commit };

static struct sr_peer
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct sr_peer){ .address = { a, b, c, d } };
}

/* The time, in seconds, that a line of a format has when it comes from `peer` at `now`. */
static double
time_of(const struct syslog_listener *l, enum syslog_format format, const struct sr_peer *peer,
    uint64_t now, const char *line)
{
    char error[256] = "";
    struct syslog_decode cfg = {
        .format = format, .zones = &db.table, .scratch = &scratch, .partition = span_of("p")
    };

    if (!zones_make(l, 0, &cfg, error, sizeof(error))) {
        fail_msg("%s", error);
    }
    assert_int_equal(
        sr_syslog_datagram(&cfg, now * 1000000000, peer, span_of(line), &emit), SR_DECODED);
    zones_done(&cfg);
    const char *at = strstr(record, "\"timestamp\":");
    assert_non_null(at);
    return strtod(at + strlen("\"timestamp\":"), NULL);
}

#define NOON UINT64_C(1795348800) /* 2026-11-22T12:00:00Z */

static const char *items[] = { "192.0.2.0/24=Europe/Berlin", "0.0.0.0/0=Asia/Tokyo",
    "192.0.2.128/25=America/New_York", "2001:db8::/32=UTC", "192.0.2.200=Asia/Kolkata",
    "198.51.100.0/24=local" };

static const struct syslog_listener mapped = {
    .timezone = "Pacific/Auckland",
    .timezones = { sizeof(items) / sizeof(items[0]), items },
};

static void
the_narrowest_network_of_a_sender_says_its_zone(void **state)
{
    static const struct {
        struct sr_peer peer;
        int64_t ahead; /* seconds east of Greenwich in November */
    } rows[] = {
        { { .address = { 192, 0, 2, 1 } }, 3600 },
        { { .address = { 192, 0, 2, 129 } }, -5 * 3600 },
        { { .address = { 192, 0, 2, 200 } }, 19800 },
        { { .address = { 203, 0, 113, 1 } }, 9 * 3600 },
        { { .address = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .is_v6 = true }, 0 },
        { { .address = { 0x20, 1, 0xd, 0xb9, [15] = 1 }, .is_v6 = true }, 13 * 3600 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int format = SYSLOG_RFC3164; format <= SYSLOG_SMART; format++) {
            if (format == SYSLOG_RFC5424) {
                continue; /* its dates have a zone */
            }
            double at = time_of(&mapped, (enum syslog_format)format, &rows[i].peer, NOON,
                "<34>Nov 22 12:00:00 h a: text");
            assert_true(at == (double)((int64_t)NOON - rows[i].ahead));
        }
    }
}

static void
a_zone_that_the_line_names_counts_before_the_map(void **state)
{
    struct sr_peer berlin = v4(192, 0, 2, 1);

    (void)state;
    assert_true(time_of(&mapped, SYSLOG_SMART, &berlin, NOON, "<34>Nov 22 12:00:00 UTC h a: b") ==
                (double)NOON);
    assert_true(time_of(&mapped, SYSLOG_SMART, &berlin, NOON, "<34>2026-11-22T12:00:00Z h a: b") ==
                (double)NOON);
    assert_true(time_of(&mapped, SYSLOG_RFC3164, &berlin, NOON,
                    "<34>Nov 22 12:00:00 Asia/Tokyo h a b") == (double)(NOON - 9 * 3600));
}

static void
a_sender_without_an_address_is_in_the_listeners_zone(void **state)
{
    (void)state;
    assert_true(time_of(&mapped, SYSLOG_SMART, NULL, NOON, "<34>Nov 22 12:00:00 h a: text") ==
                (double)(NOON - 13 * 3600));
    assert_non_null(strstr(record, "\"host\":\"h\""));
    assert_null(strstr(record, "_remote_addr"));
    struct sr_peer local = { .is_local = true };
    for (int format = SYSLOG_RFC3164; format <= SYSLOG_SMART; format += SYSLOG_SMART) {
        assert_true(time_of(&mapped, (enum syslog_format)format, &local, NOON,
                        "<34>Nov 22 12:00:00 h a: text") == (double)(NOON - 13 * 3600));
    }
    (void)time_of(&mapped, SYSLOG_SMART, NULL, NOON, "text");
    assert_non_null(strstr(record, "\"host\":\"unknown\""));
}

static void
the_year_rolls_over_when_it_does_in_the_senders_zone(void **state)
{
    struct sr_peer berlin = v4(192, 0, 2, 1);
    struct sr_peer new_york = v4(192, 0, 2, 129);

    (void)state;
    /* 2026-12-31T23:30:00Z: the year is new in Berlin, and old in New York five hours more. */
    assert_true(time_of(&mapped, SYSLOG_SMART, &berlin, 1798759800,
                    "<34>Jan  1 00:30:00 h a: text") == 1798759800.0);
    assert_true(time_of(&mapped, SYSLOG_SMART, &new_york, 1798767000,
                    "<34>Dec 31 20:30:00 h a: text") == 1798767000.0);
    /* read a day later */
    assert_true(time_of(&mapped, SYSLOG_SMART, &new_york, 1798767000 + 86400,
                    "<34>Dec 31 20:30:00 h a: text") == 1798767000.0);
}

static void
a_leap_day_is_where_the_sender_is(void **state)
{
    static const char *at_auckland[] = { "192.0.2.0/24=Pacific/Auckland" };
    const struct syslog_listener l = { .timezone = "UTC", .timezones = { 1, at_auckland } };
    struct sr_peer peer = v4(192, 0, 2, 1);

    (void)state;
    /* 2028-02-28T12:00:00Z is the 29th there, thirteen hours ahead; 2027 has none */
    assert_true(
        time_of(&l, SYSLOG_SMART, &peer, 1835352000, "<34>Feb 29 01:00:00 h a: b") == 1835352000.0);
    assert_true(time_of(&l, SYSLOG_RFC3164, &peer, 1835352000, "<34>Feb 29 01:00:00 h a b") ==
                1835352000.0);
    assert_true(
        time_of(&l, SYSLOG_SMART, &peer, NOON, "<34>Feb 29 01:00:00 h a: b") == 1709121600.0);
}

static void
says(const char *item, const char *other, const char *want)
{
    const char *texts[] = { item, other };
    const struct sr_conf_strings strings = { other != NULL ? 2 : 1, texts };
    char text[256];
    const char *said = zones_check(&strings, text, sizeof(text));

    if (want == NULL) {
        assert_null(said);
    } else {
        assert_non_null(said);
        assert_string_equal(said, want);
    }
}

static void
an_item_that_is_none_is_refused_with_what_to_write(void **state)
{
    (void)state;
    says("192.0.2.0/24=Europe/Berlin", "192.0.2.0/25=UTC", NULL);
    says("192.0.2.0/24=UTC", "198.51.100.0/24=UTC", NULL);
    says("192.0.2.0/24", NULL,
        "`192.0.2.0/24` has no network and `=`; write NETWORK=ZONE, such as "
        "192.0.2.0/24=Europe/Berlin");
    says("=UTC", NULL,
        "`=UTC` has no network and `=`; write NETWORK=ZONE, such as "
        "192.0.2.0/24=Europe/Berlin");
    says("192.0.2.0/24=Mars/Olympus", NULL,
        "`Mars/Olympus` is not a time zone; write a name such as Europe/Berlin, UTC or local");
    says("192.0.2.0/24=", NULL,
        "`` is not a time zone; write a name such as Europe/Berlin, UTC or local");
    says("192.0.2.7=UTC", "::ffff:192.0.2.7=local",
        "`::ffff:192.0.2.7=local` is the network of `192.0.2.7=UTC`; remove one");

    const char *wrong = "192.0.2.1/24=UTC"; /* bits behind the prefix */
    const struct sr_conf_strings strings = { 1, &wrong };
    char text[256];
    assert_non_null(zones_check(&strings, text, sizeof(text)));
}

static int
setup(void **state)
{
    char where[256];

    (void)state;
    return tz_load(TZ_SYSTEM_DIR, &db, where, sizeof(where)) == TZ_LOAD_OK ? 0 : 1;
}

static int
teardown(void **state)
{
    (void)state;
    tz_db_free(&db);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_narrowest_network_of_a_sender_says_its_zone),
        cmocka_unit_test(a_zone_that_the_line_names_counts_before_the_map),
        cmocka_unit_test(a_sender_without_an_address_is_in_the_listeners_zone),
        cmocka_unit_test(the_year_rolls_over_when_it_does_in_the_senders_zone),
        cmocka_unit_test(a_leap_day_is_where_the_sender_is),
        cmocka_unit_test(an_item_that_is_none_is_refused_with_what_to_write),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
