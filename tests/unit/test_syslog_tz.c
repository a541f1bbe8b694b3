/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "decode/time.h"
#include "decode/tz.h"
#include "decode/tzif.h"
#include "tz_load.h"

#include "sr/banned.h"

static struct tz_db db;
static struct tzif zone;
static char scratch_dir[] = "/tmp/test_syslog_tz.XXXXXX";

static int64_t
wall(int32_t year, uint8_t month, uint8_t day, uint8_t hour, uint8_t minute)
{
    struct syslog_civil c = { year, month, day, hour, minute, 0 };

    return syslog_civil_seconds(&c);
}

/* Seconds east of Greenwich that `name` uses for a time on its clock. */
static int
east(const char *name, int64_t local)
{
    uint16_t index;

    if (!tz_find(&db.table, span_of(name), &index)) {
        fail_msg("%s is unknown", name);
    }
    return (int)(local - tz_to_utc(&db.table, index, local));
}

static void
names_are_found_exactly(void **state)
{
    static const char *const known[] = { "UTC", "EST", "Cuba", "Europe/Berlin",
        "America/Argentina/Buenos_Aires", "Etc/GMT+12", "GMT0" };
    static const char *const unknown[] = { "", "utc", "U", "UTC ", "Europe", "Europe/berlin",
        "localhost", "Factory", "posixrules", "posix/UTC", "right/UTC", "zone.tab",
        "America/Argentina/Buenos_Aires_and_then_some" };
    uint16_t index;

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(tz_find(&db.table, span_of(known[i]), &index));
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_false(tz_find(&db.table, span_of(unknown[i]), &index));
    }
    assert_false(tz_find(NULL, span_of("UTC"), &index));
    for (size_t i = 1; i < db.table.name_count; i++) {
        assert_true(strcmp(db.table.text + db.table.names[i - 1].text,
                        db.table.text + db.table.names[i].text) < 0);
    }
}

static void
a_time_that_is_shown_twice_is_the_first_one(void **state)
{
    (void)state;
    assert_int_equal(east("Europe/Berlin", wall(2026, 10, 25, 1, 59)), 7200);
    assert_int_equal(east("Europe/Berlin", wall(2026, 10, 25, 2, 30)), 7200);
    assert_int_equal(east("Europe/Berlin", wall(2026, 10, 25, 3, 0)), 3600);
    assert_int_equal(east("America/New_York", wall(2026, 11, 1, 1, 30)), -4 * 3600);
}

static void
a_time_that_is_never_shown_keeps_the_offset_from_before(void **state)
{
    (void)state;
    assert_int_equal(east("Europe/Berlin", wall(2026, 3, 29, 1, 59)), 3600);
    assert_int_equal(east("Europe/Berlin", wall(2026, 3, 29, 2, 30)), 3600);
    assert_int_equal(east("Europe/Berlin", wall(2026, 3, 29, 3, 0)), 7200);
}

static void
rules_go_on_beyond_the_compiled_years(void **state)
{
    (void)state;
    assert_int_equal(east("Europe/Berlin", wall(2099, 7, 1, 0, 0)), 7200);
    assert_int_equal(east("Europe/Berlin", wall(2100, 12, 1, 0, 0)), 3600);
    assert_int_equal(east("Australia/Sydney", wall(2060, 1, 1, 0, 0)), 11 * 3600);
    assert_int_equal(east("Australia/Sydney", wall(2060, 7, 1, 0, 0)), 10 * 3600);
    assert_int_equal(east("Asia/Tokyo", wall(2090, 7, 1, 0, 0)), 9 * 3600);
}

/* What libc makes of the same files, for every zone and instants of two centuries. */
static void
every_zone_agrees_with_libc(void **state)
{
    uint64_t seed = 88172645463325252u;

    (void)state;
    for (size_t i = 0; i < db.table.name_count; i++) {
        const struct tz_name *name = &db.table.names[i];
        assert_int_equal(setenv("TZ", db.table.text + name->text, 1), 0);
        tzset();
        for (int n = 0; n < 60; n++) {
            struct tm tm;
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            time_t utc = (time_t)(seed % 6300000000u) - 2200000000; /* 1900 to 2099 */
            assert_non_null(localtime_r(&utc, &tm));
            int64_t local = utc + tm.tm_gmtoff;
            int64_t ours = tz_to_utc(&db.table, name->zone, local);
            if (ours == utc) {
                continue;
            }
            /* Only a time shown twice may differ: ours is the earlier, with the same face. */
            time_t earlier = (time_t)ours;
            assert_non_null(localtime_r(&earlier, &tm));
            if (earlier > utc || earlier + tm.tm_gmtoff != local) {
                fail_msg("%s at %lld: %lld", db.table.text + name->text, (long long)utc,
                    (long long)ours);
            }
        }
    }
    unsetenv("TZ");
    tzset();
}

static void
equal_zones_share_their_changes(void **state)
{
    uint16_t one;
    uint16_t other;

    (void)state;
    assert_true(tz_find(&db.table, span_of("UTC"), &one));
    assert_true(tz_find(&db.table, span_of("Etc/Zulu"), &other));
    assert_int_equal(one, other);
    assert_true(db.zone_count < db.table.name_count);
    print_message(
        "%zu names, %zu zones, %zu bytes\n", db.table.name_count, db.zone_count, db.bytes);
    assert_true(db.bytes < 1024 * 1024);
}

/* A TZif file of version 2 with an empty old block. Ends with its footer. */
static size_t
make_tzif(uint8_t *out, const char *footer, const int64_t *times, size_t count)
{
    size_t n = 0;

    for (int block = 0; block < 2; block++) {
        memcpy(out + n, "TZif2", 5);
        memset(out + n + 5, 0, 39);
        if (block == 1) {
            out[n + 35] = (uint8_t)count;
            out[n + 39] = 2; /* types */
        }
        n += 44;
    }
    for (size_t i = 0; i < count; i++) {
        for (int shift = 56; shift >= 0; shift -= 8) {
            out[n++] = (uint8_t)((uint64_t)times[i] >> shift);
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[n++] = (uint8_t)((i + 1) % 2);
    }
    memcpy(out + n, "\0\0\x0e\x10\0\0\0\0\x1c\x20\1\0", 12); /* 3,600 and 7,200 */
    n += 12;
    memcpy(out + n, footer, strlen(footer));
    return n + strlen(footer);
}

static enum tzif_err
parse_footer(const char *footer)
{
    uint8_t file[256];
    int64_t at = 0;
    size_t len = make_tzif(file, footer, &at, 1);

    return tzif_parse((struct sr_span){ file, len }, 2100, &zone);
}

static void
footers_are_read_as_posix_says(void **state)
{
    (void)state;
    assert_int_equal(parse_footer("\nCET-1CEST,M3.5.0,M10.5.0/3\n"), TZIF_OK);
    /* From the last change, in 1970, to 2100: two a year, but the one of spring 1970 is no change.
     */
    assert_int_equal(zone.before, 3600);
    assert_int_equal(zone.change[zone.count - 1].at, wall(2100, 10, 31, 1, 0));
    assert_int_equal(zone.change[zone.count - 1].offset, 3600);
    assert_int_equal(zone.change[zone.count - 2].at, wall(2100, 3, 28, 1, 0));
    assert_int_equal(parse_footer("\n<-03>3<-02>,M3.5.0/-2,M10.5.0/-1\n"), TZIF_OK);
    assert_int_equal(zone.change[zone.count - 2].at, wall(2100, 3, 28, 1, 0));
    assert_int_equal(zone.change[zone.count - 2].offset, -7200);
    assert_int_equal(parse_footer("\nAAA0BBB-2:30:15,J60/0,300/0\n"), TZIF_OK);
    assert_int_equal(zone.change[zone.count - 2].at, wall(2100, 3, 1, 0, 0));
    assert_int_equal(zone.change[zone.count - 2].offset, 9015);
    assert_int_equal(zone.change[zone.count - 1].at, wall(2100, 10, 28, 0, 0) - 9015);
    assert_int_equal(zone.change[zone.count - 4].at, wall(2099, 3, 1, 0, 0));
    assert_int_equal(zone.change[5].at, wall(1972, 3, 1, 0, 0)); /* 29 February is not counted */
    assert_int_equal(parse_footer("\nUTC0\n"), TZIF_OK);
    assert_int_equal(zone.count, 1);
    assert_int_equal(parse_footer("\n\n"), TZIF_OK);
}

static void
malformed_zone_files_are_refused(void **state)
{
    static const char *const bad[] = { "", "\n", "UTC0\n", "\n1\n", "\nUTC\n", "\nUTC0",
        "\n<UTC0\n", "\nUTC0DST\n", "\nUTC0DST,M3.5.0\n", "\nUTC0DST,M13.5.0,M1.1.1\n",
        "\nUTC0DST,M3.6.0,M1.1.1\n", "\nUTC0DST,M3.5.7,M1.1.1\n", "\nUTC0DST,J0,J1\n",
        "\nUTC0DST,366,1\n", "\nUTC168\n", "\nUTC0:60\n", "\nUTC0DST,M3.5.0,M10.5.0x\n" };
    static const int64_t unordered[] = { 5, 5 };
    uint8_t file[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse_footer(bad[i]) != TZIF_ERULE) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    size_t len = make_tzif(file, "\nUTC0\n", unordered, 2);
    assert_int_equal(tzif_parse((struct sr_span){ file, len }, 2100, &zone), TZIF_EORDER);
    len = make_tzif(file, "\nUTC0\n", unordered, 1);
    file[44 + 44 + 8] = 2; /* a type that is not there */
    assert_int_equal(tzif_parse((struct sr_span){ file, len }, 2100, &zone), TZIF_ETYPE);
    file[4] = 0;
    assert_int_equal(tzif_parse((struct sr_span){ file, len }, 2100, &zone), TZIF_EMAGIC);
    assert_int_equal(tzif_parse(span_of("# a table"), 2100, &zone), TZIF_EMAGIC);
}

static void
no_prefix_of_a_zone_file_is_read_past_its_end(void **state)
{
    static const int64_t times[] = { -100, 0, 100 };
    uint8_t file[256];
    size_t full = make_tzif(file, "\n<CET>-1CEST,M3.5.0,J200/3:4:5\n", times, 3);

    (void)state;
    for (size_t len = 0; len < full; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, file, len);
        assert_int_not_equal(tzif_parse((struct sr_span){ exact, len }, 2100, &zone), TZIF_OK);
        free(exact);
    }
    assert_int_equal(tzif_parse((struct sr_span){ file, full }, 2100, &zone), TZIF_OK);
}

static void
write_file(const char *name, const void *data, size_t len)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", scratch_dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void
remove_file(const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", scratch_dir, name);
    assert_int_equal(unlink(path), 0);
}

static void
a_bad_database_is_an_error_with_its_path(void **state)
{
    struct tz_db none = { .bytes = 0 };
    char where[256];
    char want[256];

    (void)state;
    assert_int_equal(tz_load("/nonexistent", &none, where, sizeof(where)), TZ_LOAD_EDIR);
    assert_int_equal(errno, ENOENT);
    assert_string_equal(where, "/nonexistent");
    assert_int_equal(tz_load(scratch_dir, &none, where, sizeof(where)), TZ_LOAD_ENONE);
    assert_string_equal(where, scratch_dir);
    write_file("Broken", "TZif2 and no more", 17);
    assert_int_equal(tz_load(scratch_dir, &none, where, sizeof(where)), TZ_LOAD_EFORMAT);
    (void)snprintf(want, sizeof(want), "%s/Broken", scratch_dir);
    assert_string_equal(where, want);
    remove_file("Broken");
    assert_null(none.table.names);
    tz_db_free(&none);
}

static void
zones_without_changes_make_a_table_too(void **state)
{
    struct tz_db small = { .bytes = 0 };
    uint8_t file[256];
    char where[256];
    uint16_t one;
    uint16_t other;

    (void)state;
    size_t len = make_tzif(file, "\nCET-1\n", NULL, 0);
    write_file("One", file, len);
    write_file("Other", file, len);
    write_file("zone.tab", "# no zone\n", 10);
    assert_int_equal(tz_load(scratch_dir, &small, where, sizeof(where)), TZ_LOAD_OK);
    assert_int_equal(small.table.name_count, 2);
    assert_int_equal(small.zone_count, 1);
    assert_true(tz_find(&small.table, span_of("One"), &one));
    assert_true(tz_find(&small.table, span_of("Other"), &other));
    assert_int_equal(one, other);
    assert_int_equal(tz_to_utc(&small.table, one, 0), -3600);
    tz_db_free(&small);
    remove_file("One");
    remove_file("Other");
    remove_file("zone.tab");
}

static void
the_local_zone_is_found_as_upstream_finds_it(void **state)
{
    char name[32] = "untouched";
    char link[256];

    (void)state;
    unsetenv("TZ");
    assert_false(tz_local_name(scratch_dir, name, sizeof(name)));
    assert_string_equal(name, "untouched");
    (void)snprintf(link, sizeof(link), "%s/localtime", scratch_dir);
    assert_int_equal(symlink("/usr/share/zoneinfo/Asia/Tokyo", link), 0);
    assert_true(tz_local_name(scratch_dir, name, sizeof(name)));
    assert_string_equal(name, "Asia/Tokyo");
    write_file("timezone", "\n", 1);
    assert_true(tz_local_name(scratch_dir, name, sizeof(name)));
    assert_string_equal(name, "Asia/Tokyo");
    write_file("timezone", " Europe/Berlin \nx\n", 18);
    assert_true(tz_local_name(scratch_dir, name, sizeof(name)));
    assert_string_equal(name, "Europe/Berlin");
    setenv("TZ", " ", 1);
    assert_true(tz_local_name(scratch_dir, name, sizeof(name)));
    assert_string_equal(name, "Europe/Berlin");
    setenv("TZ", "UTC", 1);
    assert_true(tz_local_name(scratch_dir, name, sizeof(name)));
    assert_string_equal(name, "UTC");
    unsetenv("TZ");
    remove_file("timezone");
    remove_file("localtime");
}

static int
set_up(void **state)
{
    char where[256];

    (void)state;
    enum tz_load_err err = tz_load(TZ_SYSTEM_DIR, &db, where, sizeof(where));
    if (err != TZ_LOAD_OK) {
        print_error("%s: %s\n", where, tz_load_strerror(err));
        return -1;
    }
    return mkdtemp(scratch_dir) != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    tz_db_free(&db);
    return rmdir(scratch_dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_exactly),
        cmocka_unit_test(a_time_that_is_shown_twice_is_the_first_one),
        cmocka_unit_test(a_time_that_is_never_shown_keeps_the_offset_from_before),
        cmocka_unit_test(rules_go_on_beyond_the_compiled_years),
        cmocka_unit_test(every_zone_agrees_with_libc),
        cmocka_unit_test(equal_zones_share_their_changes),
        cmocka_unit_test(footers_are_read_as_posix_says),
        cmocka_unit_test(malformed_zone_files_are_refused),
        cmocka_unit_test(no_prefix_of_a_zone_file_is_read_past_its_end),
        cmocka_unit_test(a_bad_database_is_an_error_with_its_path),
        cmocka_unit_test(zones_without_changes_make_a_table_too),
        cmocka_unit_test(the_local_zone_is_found_as_upstream_finds_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
