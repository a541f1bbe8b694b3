/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "decode/rfc3164.h"
#include "decode/rfc5424.h"
#include "decode/smart.h"
#include "load/generate_syslog.h"
#include "load/mark.h"

#define NOW UINT64_C(1795348803) /* 2026-11-22T12:00:03Z */
#define NOW_NS (NOW * 1000000000 + 123456789)
#define RUN 0xABCDEFU

static const struct sr_peer peer = { .address = { 192, 0, 2, 9 }, .port = 514 };
static struct smart_dates dates = { .local = RFC3164_UTC, .now = { .sec = NOW } };
static struct syslog_scratch scratch;
static struct syslog_record rec;

static const char *const apps[] = { "app", "sshd", "nginx" };
static const uint8_t severities[] = { 0, 3, 6, 7 };

/* A load of one kind. */
static struct syslog_load
load_of(enum syslog_style style, size_t size, size_t size_max)
{
    return (struct syslog_load){
        .kinds = { { style, 1, size, size_max } },
        .kind_count = 1,
        .sources = 2,
        .run = RUN,
        .hosts = 1000,
        .host_prefix = "edge-",
        .apps = apps,
        .app_count = 3,
        .severities = severities,
        .severity_count = 4,
    };
}

/* A generator with its memory, and room for what it writes of exactly that size. */
struct desk {
    struct syslog_generator g;
    void *memory;
    uint8_t *out;
    struct generated made;
};

static void
open_desk(struct desk *d, const struct syslog_load *load)
{
    d->memory = malloc(syslog_generator_memory(load));
    d->out = malloc(syslog_generator_room(load));
    assert_non_null(d->memory);
    assert_non_null(d->out);
    assert_true(syslog_generator_init(&d->g, load, d->memory));
}

static void
close_desk(struct desk *d)
{
    free(d->memory);
    free(d->out);
}

static struct sr_span
next(struct desk *d)
{
    syslog_generate(&d->g, NOW_NS, d->out, &d->made);
    return (struct sr_span){ d->out, d->made.len };
}

static void
expect_text(struct sr_span got, const char *want)
{
    if (got.len != strlen(want) || memcmp(got.data, want, got.len) != 0) {
        print_error("want `%s`, got `%.*s`\n", want, (int)got.len, (const char *)got.data);
        fail();
    }
}

/* What the collector reads, whatever the size. */
static void
expect_record(const struct desk *d, struct sr_span line, enum syslog_dialect dialect)
{
    struct mark mark;
    char host[16];

    (void)snprintf(host, sizeof(host), "edge-%05u", (unsigned)(d->made.sequence % 1000));
    rec = (struct syslog_record){ 0 };
    assert_int_equal(smart_decode(line, &dates, &peer, &scratch, &rec), SYSLOG_OK);
    if (rec.reading.dialect != dialect) {
        print_error("%.*s: %s\n", (int)line.len, (const char *)line.data,
            syslog_dialect_word(rec.reading.dialect));
    }
    assert_int_equal(rec.reading.dialect, dialect);
    assert_int_equal(rec.time.sec, NOW);
    assert_true(rec.has_pri);
    assert_true(rec.severity < 8 && (1 << rec.severity & 0xC9) != 0);
    expect_text(rec.host, host);
    assert_true(mark_read_text(line, &mark));
    assert_int_equal(mark.run, RUN);
    assert_int_equal(mark.sequence, d->made.sequence);
    assert_true(line.data[line.len - 1] != ' ');
}

static const enum syslog_dialect dialects[STYLE_COUNT] = {
    [STYLE_RFC5424] = SYSLOG_IETF,
    [STYLE_RFC3164] = SYSLOG_BSD,
    [STYLE_CISCO] = SYSLOG_CISCO,
    [STYLE_CEF] = SYSLOG_CEF,
    [STYLE_JSON] = SYSLOG_JSON,
};

static void
messages_of_each_style_are_of_their_size_and_understood(void **state)
{
    static const size_t more[] = { 0, 1, 2, 3, 17, 100, 150, 151, 1000, 20000 };

    (void)state;
    for (int style = 0; style < STYLE_COUNT; style++) {
        for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
            struct syslog_load load = load_of((enum syslog_style)style, 0, 0);
            const size_t size = syslog_least(&load, (enum syslog_style)style) + more[i];
            struct desk d;
            load.kinds[0].size = load.kinds[0].size_max = size;
            open_desk(&d, &load);
            for (unsigned k = 0; k < 50; k++) {
                struct sr_span line = next(&d);
                assert_int_equal(line.len, size);
                assert_int_equal(d.made.sequence, k);
                assert_int_equal(d.made.records, 1);
                assert_int_equal(d.made.source, k % 2);
                expect_record(&d, line, dialects[style]);
            }
            close_desk(&d);
        }
    }
}

static void
the_strict_decoders_take_what_is_meant_for_them(void **state)
{
    const struct syslog_load new = load_of(STYLE_RFC5424, 256, 256);
    const struct syslog_load old = load_of(STYLE_RFC3164, 256, 256);
    const struct rfc3164_dates strict = { .local = RFC3164_UTC, .year = 2026 };
    struct desk d;

    (void)state;
    open_desk(&d, &new);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(rfc5424_decode(next(&d), &scratch, &rec), SYSLOG_OK);
        assert_int_equal(rec.time.sec, NOW);
        assert_int_equal(rec.time.nsec, 123456000);
    }
    close_desk(&d);
    open_desk(&d, &old);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(rfc3164_decode(next(&d), &strict, &scratch, &rec), SYSLOG_OK);
        assert_int_equal(rec.time.sec, NOW);
    }
    close_desk(&d);
}

static void
sizes_go_from_the_smallest_to_the_largest(void **state)
{
    const struct syslog_load load = load_of(STYLE_RFC5424, 200, SYSLOG_SIZE_MAX);
    size_t smallest = SIZE_MAX, largest = 0;
    struct desk d;

    (void)state;
    open_desk(&d, &load);
    for (unsigned i = 0; i < 200; i++) {
        size_t len = next(&d).len;
        smallest = len < smallest ? len : smallest;
        largest = len > largest ? len : largest;
    }
    assert_int_equal(smallest, 200);
    assert_int_equal(largest, SYSLOG_SIZE_MAX);
    close_desk(&d);
}

static void
time_goes_on_from_message_to_message(void **state)
{
    static const uint64_t times[] = { UINT64_C(1767225599999999000), UINT64_C(1767225600000000000),
        UINT64_C(1772323200000001000) };
    static const char *const new[] = { "2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00.000000Z",
        "2026-03-01T00:00:00.000001Z" };
    static const char *const old[] = { "Dec 31 23:59:59", "Jan  1 00:00:00", "Mar  1 00:00:00" };
    const struct syslog_load loads[] = { load_of(STYLE_RFC5424, 256, 0),
        load_of(STYLE_RFC3164, 256, 0) };

    (void)state;
    for (size_t kind = 0; kind < 2; kind++) {
        struct desk d;
        open_desk(&d, &loads[kind]);
        for (size_t i = 0; i < 3; i++) {
            const char *want = kind == 0 ? new[i] : old[i];
            syslog_generate(&d.g, times[i], d.out, &d.made);
            assert_non_null(memmem(d.out, d.made.len, want, strlen(want)));
        }
        close_desk(&d);
    }
}

static void
kinds_come_by_their_weights(void **state)
{
    struct syslog_load load = load_of(STYLE_RFC5424, 200, 200);
    unsigned large = 0;
    struct desk d;

    (void)state;
    load.kinds[1] = (struct syslog_kind){ STYLE_JSON, 3, 900, 900 };
    load.kind_count = 2;
    open_desk(&d, &load);
    for (unsigned i = 0; i < 400; i++) {
        large += next(&d).len == 900;
    }
    assert_int_equal(large, 300);
    close_desk(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_each_style_are_of_their_size_and_understood),
        cmocka_unit_test(the_strict_decoders_take_what_is_meant_for_them),
        cmocka_unit_test(sizes_go_from_the_smallest_to_the_largest),
        cmocka_unit_test(time_goes_on_from_message_to_message),
        cmocka_unit_test(kinds_come_by_their_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
