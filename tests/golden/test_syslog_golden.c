/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict mode against recorded output of upstream's own decoder: what it published comes out byte
 * for byte, and what it lost is handed over as a dead letter, whole and once.
 */
#include "../unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "decode/rfc3164.h"
#include "sr/buf.h"
#include "sr/json.h"
#include "tz_load.h"

#include "sr/banned.h"

#define LINE_MAX_LEN (1 << 20)

/* 2026-11-22T12:00:00Z: the day of the recording. */
static const uint64_t now_ns = UINT64_C(1795348800) * 1000000000;

static const struct sr_peer peer = { .address = { 192, 0, 2, 9 }, .port = 514 };

struct source {
    const char *name;
    const char *decoder;
    unsigned rows; /* in the recording; 0: not counted */
    unsigned published;
};

static const struct source shipped[] = {
    { "flowgger_upstream", "rfc3164", 12, 4 },
    { "flowgger_upstream", "rfc5424", 12, 0 },
    { "fluent-bit", "rfc3164", 2, 2 },
    { "go-syslog_rfc3164", "rfc3164", 6, 6 },
    { "go-syslog_rfc5424", "rfc3164", 314, 6 },
    { "go-syslog_rfc5424", "rfc5424", 314, 6 },
    { "logstash_spec", "rfc3164", 27, 21 },
    { "sc4s_vendor_messages", "rfc3164", 355, 253 },
};

/* Under licences that keep them out of this tree. */
static const struct source outside[] = {
    { "axosyslog_vendor", "rfc3164", 0, 0 },
    { "elastic_cisco", "rfc3164", 0, 0 },
    { "graylog_codec", "rfc3164", 0, 0 },
    { "issue_quirks", "rfc3164", 0, 0 },
    { "liblognorm_fields", "rfc3164", 0, 0 },
    { "loghub_Linux", "rfc3164", 0, 0 },
    { "loghub_Mac", "rfc3164", 0, 0 },
    { "loghub_OpenSSH", "rfc3164", 0, 0 },
    { "loghub_Thunderbird", "rfc3164", 0, 0 },
    { "ossec_rules_samples", "rfc3164", 0, 0 },
    { "rsyslog_testbench", "rfc3164", 0, 0 },
    { "syslog-ng_msgparse", "rfc3164", 0, 0 },
    { "syslog-ng_syslogformat", "rfc3164", 0, 0 },
    { "vector_vrl", "rfc3164", 0, 0 },
};

/* What came out of one datagram. */
struct sink {
    uint8_t memory[SYSLOG_RECORD_MAX];
    size_t len;
    unsigned commits;
    unsigned deadletters;
    bool raw_is_same;
    struct sr_span raw;
};

struct totals {
    unsigned rows;
    unsigned published;
    unsigned lost;
};

static struct sink sink;
static struct tz_db zones;
static struct syslog_scratch scratch;
static char line[LINE_MAX_LEN];
static char want[LINE_MAX_LEN];

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(sink.memory) ? sink.memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    sink.len = len;
    sink.commits += records;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *from, uint64_t when, struct sr_span raw)
{
    (void)arg;
    assert_true(strlen(reason) > 0);
    assert_ptr_equal(from, &peer);
    assert_true(when == now_ns);
    sink.deadletters++;
    sink.raw_is_same = raw.data == sink.raw.data && raw.len == sink.raw.len;
}

static int
base64_value(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

    return at != NULL ? (int)(at - alphabet) : -1;
}

/* Decodes `text` into memory that the caller frees. */
static uint8_t *
from_base64(const char *text, size_t *ret_len)
{
    uint8_t *out = malloc(strlen(text) + 1);
    unsigned bits = 0;
    uint32_t value = 0;

    assert_non_null(out);
    *ret_len = 0;
    for (; base64_value(*text) >= 0; text++) {
        value = value << 6 | (uint32_t)base64_value(*text);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[(*ret_len)++] = (uint8_t)(value >> bits);
        }
    }
    return out;
}

/* An exact copy of the input of a case, so that a read past its end is one past the memory's. */
static uint8_t *
input_of(const json_t *cases, const char *id, size_t *ret_len)
{
    const json_t *item = json_object_get(cases, id);
    const json_t *text = json_object_get(item, "in");
    const char *hash = strrchr(id, '#');

    if (item == NULL && hash != NULL) { /* one of several messages in a test */
        char test[512];
        (void)snprintf(test, sizeof(test), "%.*s", (int)(hash - id), id);
        item = json_object_get(cases, test);
        text =
            json_array_get(json_object_get(item, "messages"), (size_t)strtoul(hash + 1, NULL, 10));
    }
    const json_t *encoded = json_object_get(item, "in_b64");
    if (encoded != NULL) {
        return from_base64(json_string_value(encoded), ret_len);
    }
    if (!json_is_string(text)) {
        fail_msg("no input for %s", id);
    }
    *ret_len = json_string_length(text);
    uint8_t *exact = malloc(*ret_len > 0 ? *ret_len : 1);
    assert_non_null(exact);
    memcpy(exact, json_string_value(text), *ret_len);
    return exact;
}

/* Reads all cases of a source: an object of them by id. */
static json_t *
read_cases(const char *dir, const char *name)
{
    char path[4096];
    json_t *cases = json_object();

    (void)snprintf(path, sizeof(path), "%s/%s.jsonl", dir, name);
    FILE *f = fopen(path, "rb");
    if (f != NULL) {
        while (fgets(line, sizeof(line), f) != NULL) {
            json_t *item = json_loads(line, JSON_ALLOW_NUL, NULL);
            assert_non_null(item);
            json_object_set_new(cases, json_string_value(json_object_get(item, "id")), item);
        }
        fclose(f);
        return cases;
    }
    /* Plain text: the ids are NAME/LINE. */
    (void)snprintf(path, sizeof(path), "%s/%s.log", dir, name);
    f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot open %s", path);
    }
    for (unsigned n = 1; fgets(line, sizeof(line), f) != NULL; n++) {
        char id[512];
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(id, sizeof(id), "%s/%u", name, n);
        json_object_set_new(cases, id, json_pack("{s:s}", "in", line));
    }
    fclose(f);
    return cases;
}

/*
 * Copies the object behind `"gelf": ` as it is spelled, without the blanks between its tokens, and
 * with the partition that upstream's output adds to the address.
 */
static size_t
wanted_bytes(const char *row)
{
    static const char key[] = "\"gelf\": ";
    static const char address[] = "\"_remote_addr\":\"";
    const char *p = strstr(row, key);
    bool in_string = false;
    size_t n = 0;

    assert_non_null(p);
    for (p += sizeof(key) - 1; *p != '\0' && *p != '\n'; p++) {
        if (*p == '"') {
            in_string = !in_string;
        } else if (*p == ' ' && !in_string) {
            continue;
        } else if (*p == '\\') {
            want[n++] = *p++;
        }
        want[n++] = *p;
        if (!in_string || n < sizeof(address) - 1) {
            continue;
        }
        if (memcmp(want + n - (sizeof(address) - 1), address, sizeof(address) - 1) == 0) {
            memcpy(want + n, "default:", 8);
            n += 8;
        }
    }
    return n - 1; /* the brace that closes the row */
}

static void
check_row(const struct source *source, const json_t *cases, const char *row, struct totals *totals)
{
    struct syslog_decode cfg = {
        .format = strcmp(source->decoder, "rfc5424") == 0 ? SYSLOG_RFC5424 : SYSLOG_RFC3164,
        .partition = span_of("default"),
        .zones = &zones.table,
        .upstream = true,
        .scratch = &scratch,
    };
    const struct sr_emit emit = { .reserve = reserve, .commit = commit, .deadletter = deadletter };
    uint16_t utc;
    json_t *recorded = json_loads(row, JSON_ALLOW_NUL, NULL);
    const char *id = json_string_value(json_object_get(recorded, "id"));
    bool published = strcmp(json_string_value(json_object_get(recorded, "status")), "OK") == 0;

    assert_true(tz_find(&zones.table, span_of("UTC"), &utc));
    cfg.local = utc;
    uint8_t *input = input_of(cases, id, &sink.raw.len);
    sink.raw.data = input;
    sink.commits = 0;
    sink.deadletters = 0;
    enum sr_verdict verdict = sr_syslog_datagram(&cfg, now_ns, &peer, sink.raw, &emit);
    if (published) {
        size_t len = wanted_bytes(row);
        if (verdict != SR_DECODED || sink.commits != 1 || sink.deadletters != 0 ||
            len != sink.len || memcmp(sink.memory, want, len) != 0) {
            fail_msg("%s (%s)\nwant %.*s\ngot  %.*s", id, source->decoder, (int)len, want,
                (int)(sink.commits > 0 ? sink.len : 0), (const char *)sink.memory);
        }
        totals->published++;
    } else {
        if (verdict != SR_DEADLETTER || sink.commits != 0 || sink.deadletters != 1 ||
            !sink.raw_is_same) {
            fail_msg("%s (%s): upstream loses it, we made %.*s", id, source->decoder, (int)sink.len,
                (const char *)sink.memory);
        }
        totals->lost++;
    }
    totals->rows++;
    free(input);
    json_decref(recorded);
}

static void
check_source(
    const char *cases_dir, const char *rows_dir, const struct source *source, struct totals *totals)
{
    char path[4096];
    static char row[LINE_MAX_LEN];
    struct totals own = { 0, 0, 0 };
    json_t *cases = read_cases(cases_dir, source->name);

    (void)snprintf(path, sizeof(path), "%s/%s.%s.jsonl", rows_dir, source->name, source->decoder);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot open %s", path);
    }
    while (fgets(row, sizeof(row), f) != NULL) {
        check_row(source, cases, row, &own);
    }
    fclose(f);
    json_decref(cases);
    assert_true(own.rows > 0);
    if (source->rows != 0) {
        assert_int_equal(own.rows, source->rows);
        assert_int_equal(own.published, source->published);
    }
    totals->rows += own.rows;
    totals->published += own.published;
    totals->lost += own.lost;
}

static void
report(const struct totals *totals)
{
    print_message("%u rows: %u published identically, %u lost by upstream are dead letters\n",
        totals->rows, totals->published, totals->lost);
}

static void
shipped_cases_give_upstreams_bytes(void **state)
{
    static const char dir[] = SR_SOURCE_DIR "/tests/golden/syslog";
    struct totals totals = { 0, 0, 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
        check_source(dir, dir, &shipped[i], &totals);
    }
    report(&totals);
}

static void
outside_cases_give_upstreams_bytes(void **state)
{
    const char *corpus = getenv("SR_CORPUS");
    char cases_dir[2048];
    char rows_dir[2100];
    struct totals totals = { 0, 0, 0 };

    (void)state;
    if (corpus == NULL) {
        print_message(
            "skipped %zu sources: SR_CORPUS is not set\n", sizeof(outside) / sizeof(outside[0]));
        skip();
    }
    (void)snprintf(cases_dir, sizeof(cases_dir), "%s/syslog", corpus);
    (void)snprintf(rows_dir, sizeof(rows_dir), "%s/upstream_oracle", cases_dir);
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        check_source(cases_dir, rows_dir, &outside[i], &totals);
    }
    report(&totals);
}

static int
load_zones(void **state)
{
    char where[256];

    (void)state;
    enum tz_load_err err = tz_load(TZ_SYSTEM_DIR, &zones, where, sizeof(where));
    if (err != TZ_LOAD_OK) {
        print_error("%s: %s\n", where, tz_load_strerror(err));
    }
    return err == TZ_LOAD_OK ? 0 : -1;
}

static int
free_zones(void **state)
{
    (void)state;
    tz_db_free(&zones);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_cases_give_upstreams_bytes),
        cmocka_unit_test(outside_cases_give_upstreams_bytes),
    };
    return cmocka_run_group_tests(tests, load_zones, free_zones);
}
