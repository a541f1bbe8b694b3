/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded lines of syslog, made new: the decoder reads the same of them, but for the time. */
#include "../unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "decode/rfc3164.h"
#include "decode/smart.h"
#include "replay/rewrite_parts.h"

#define NOW_S 1795348923 /* 2026-11-22T12:02:03Z */
#define NOW_NS (NOW_S * UINT64_C(1000000000) + 500000000)

static const struct smart_dates dates = { .local = RFC3164_UTC, .now = { .sec = NOW_S } };
static const struct sr_peer peer = { .address = { 192, 0, 2, 9 }, .port = 514 };
static uint8_t out[REWRITE_ROOM];

struct counts {
    unsigned lines, dated, renewed;
    unsigned changed; /* without a date in the header: one in the text was taken for it */
};

static void
same(const char *line, const char *what, struct sr_span a, struct sr_span b)
{
    if (a.len != b.len || (a.len > 0 && memcmp(a.data, b.data, a.len) != 0)) {
        print_error("%s\n%s was `%.*s`, became `%.*s`\n", line, what, (int)a.len,
            (const char *)a.data, (int)b.len, (const char *)b.data);
        fail();
    }
}

/* Whether the header has a date that the decoder is sure of. */
static bool
is_dated(const struct syslog_record *r)
{
    return r->reading.time == SYSLOG_FROM_HEADER;
}

static void
check_line(const char *line, size_t len, struct counts *counts)
{
    static struct syslog_scratch scratch, scratch_after;
    struct syslog_record before = { 0 }, after = { 0 };
    struct sr_span bytes = { (const uint8_t *)line, len }, got;

    if (smart_decode(bytes, &dates, &peer, &scratch, &before) != SYSLOG_OK ||
        before.reading.is_repaired) {
        return;
    }
    assert_int_equal(rewrite_syslog(bytes, NOW_NS, 0, NULL, out, &got), REWRITE_OK);
    assert_int_equal(smart_decode(got, &dates, &peer, &scratch_after, &after), SYSLOG_OK);
    counts->lines++;
    if (!is_dated(&before)) {
        counts->changed += got.len != len || memcmp(got.data, line, len) != 0;
        return;
    }
    assert_int_equal(after.reading.dialect, before.reading.dialect);
    assert_int_equal(after.has_pri, before.has_pri);
    assert_int_equal(after.facility, before.facility);
    assert_int_equal(after.severity, before.severity);
    same(line, "host", before.host, after.host);
    same(line, "app", before.app, after.app);
    same(line, "procid", before.procid, after.procid);
    same(line, "msgid", before.msgid, after.msgid);
    same(line, "sd", before.sd, after.sd);
    same(line, "msg", before.msg, after.msg);
    counts->dated++;
    counts->renewed += after.time.sec == NOW_S;
}

static void
check_value(const json_t *value, struct counts *counts)
{
    if (json_is_string(value) && json_string_length(value) > 0) {
        check_line(json_string_value(value), json_string_length(value), counts);
    }
}

static void
check_file(const char *folder, const char *name, struct counts *counts)
{
    static char text[1 << 20];
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s.jsonl", folder, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(text, sizeof(text), f) != NULL) {
        json_t *row = json_loads(text, 0, NULL);
        size_t i;
        const json_t *item;
        check_value(json_object_get(row, "in"), counts);
        json_array_foreach(json_object_get(row, "messages"), i, item)
        {
            check_value(item, counts);
        }
        json_decref(row);
    }
    (void)fclose(f);
}

/* Nearly all dates of headers are found, and few are taken for one that are of the text. */
static void
check_files(const char *folder, const char *const *names)
{
    struct counts counts = { 0 };

    for (; *names != NULL; names++) {
        check_file(folder, *names, &counts);
    }
    print_message("%u lines, %u with a date, %u made new; %u others changed\n", counts.lines,
        counts.dated, counts.renewed, counts.changed);
    assert_true(counts.dated > 10);
    assert_true(counts.renewed * 100 >= counts.dated * 97);
    assert_true(counts.changed * 100 <= counts.lines * 5);
}

static void
lines_of_the_tree_keep_all_but_their_date(void **state)
{
    static const char *const names[] = { "flowgger_upstream", "fluent-bit", "go-syslog_rfc3164",
        NULL };

    (void)state;
    check_files(SR_SOURCE_DIR "/tests/golden/syslog", names);
}

static void
lines_of_the_corpus_keep_all_but_their_date(void **state)
{
    static const char *const names[] = { "axosyslog_vendor", "elastic_cisco", "go-syslog_rfc5424",
        "graylog_codec", "liblognorm_fields", "loghub_Linux", "loghub_OpenSSH", "logstash_spec",
        "rsyslog_testbench", "sc4s_vendor_messages", "syslog-ng_syslogformat", "telegraf_syslog",
        "vector_vrl", NULL };
    const char *corpus = getenv("SR_CORPUS");
    char folder[4096];

    (void)state;
    if (corpus == NULL) {
        print_message("skipped: SR_CORPUS is not set\n");
        skip();
    }
    (void)snprintf(folder, sizeof(folder), "%s/syslog", corpus);
    check_files(folder, names);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_the_tree_keep_all_but_their_date),
        cmocka_unit_test(lines_of_the_corpus_keep_all_but_their_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
