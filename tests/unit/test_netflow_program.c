/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "folder.h"
#include "netflow.h"

#include "sr/conf.h"
#include "sr/log.h"

#include "sr/banned.h"

#define SECOND_NS UINT64_C(1000000000)
#define NOW_NS (UINT64_C(1700000000) * SECOND_NS)

/* The collector as the runtime drives it, with one thread. */
struct bench {
    char dir[64];
    void *config, *state, *snapshot, *scratch;
    struct sr_emit emit;
    uint32_t records, lost;
    uint32_t room; /* records that there is room for; 0: any number */
    unsigned deadletters, refused, consumed;
    char reason[32]; /* the last one */
};

/* ---- Emitting ---- */

static uint8_t *
on_reserve(void *arg, size_t max)
{
    static uint8_t room[65536];
    const struct bench *b = arg;

    return max <= sizeof(room) && (b->room == 0 || b->records < b->room) ? room : NULL;
}

static void
on_commit(void *arg, size_t len, uint32_t records)
{
    struct bench *b = arg;

    assert_true(len > 0);
    b->records += records;
}

static void
note_reason(struct bench *b, const char *reason)
{
    (void)snprintf(b->reason, sizeof(b->reason), "%s", reason);
}

static void
on_deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    struct bench *b = arg;

    (void)peer;
    (void)now_ns;
    (void)raw;
    b->deadletters++;
    note_reason(b, reason);
}

static void
on_refused(void *arg, const char *reason)
{
    struct bench *b = arg;

    b->refused++;
    note_reason(b, reason);
}

static void
on_consumed(void *arg, const char *reason)
{
    struct bench *b = arg;

    b->consumed++;
    note_reason(b, reason);
}

static void
on_lost(void *arg, const char *reason, uint32_t records)
{
    struct bench *b = arg;

    b->lost += records;
    note_reason(b, reason);
}

/* ---- The bench ---- */

static void *
load(const struct bench *b, const char *listener)
{
    struct sr_conf_problems *problems = sr_conf_problems_new();
    struct sr_conf_source source = { 0 };
    char text[1024];

    (void)snprintf(text, sizeof(text), "{\"state_file\": \"%s/templates\", \"listeners\": [{%s}]}",
        b->dir, listener);
    void *config = sr_conf_load_text(&netflow_schema, &source, span_of(text), problems);
    if (config == NULL) {
        fail_msg("%s: %s", text, sr_conf_problems_text(problems, 0));
    }
    sr_conf_problems_free(problems);
    return config;
}

static void
configure(struct bench *b, const char *listener)
{
    static const struct sr_form_options wire = { .form = SR_FORM_WIRE };
    char error[256];

    if (b->snapshot != NULL) {
        netflow_program.close(b->snapshot);
    }
    void *config = load(b, listener);
    b->snapshot = netflow_program.open(config, &wire, error, sizeof(error));
    assert_non_null(b->snapshot);
    if (b->config == NULL) {
        b->config = config; /* the state borrows the first */
    } else {
        sr_conf_free(config);
    }
}

static void
start(struct bench *b, const char *listener)
{
    char error[256];

    configure(b, listener);
    b->state = netflow_program.state_new(b->config, true, error, sizeof(error));
    b->scratch = netflow_program.scratch_new();
    assert_non_null(b->state);
    assert_non_null(b->scratch);
}

/* As a kill does: what is not written is gone. */
static void
stop(struct bench *b)
{
    netflow_program.scratch_free(b->scratch);
    netflow_program.close(b->snapshot);
    netflow_program.state_free(b->state);
    sr_conf_free(b->config);
    b->config = b->state = b->snapshot = b->scratch = NULL;
}

static void
restart(struct bench *b, const char *listener)
{
    stop(b);
    start(b, listener);
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/sr-netflow-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    b->emit = (struct sr_emit){
        .arg = b,
        .reserve = on_reserve,
        .commit = on_commit,
        .deadletter = on_deadletter,
        .consumed = on_consumed,
        .refused = on_refused,
        .lost = on_lost,
    };
    sr_log_set_level(SR_LOG_ERROR);
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;

    stop(b);
    assert_int_equal(folder_remove(b->dir), 0);
    free(b);
    return 0;
}

/* ---- Datagrams ---- */

struct datagram {
    uint8_t bytes[1500];
    size_t len;
};

static void
put(struct datagram *d, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;) {
        d->bytes[d->len++] = (uint8_t)(value >> 8 * i);
    }
}

static struct datagram
v5(unsigned count, uint32_t octets)
{
    struct datagram d = { .len = 0 };

    put(&d, 5, 2);
    put(&d, count, 2);
    put(&d, 1000, 4);
    put(&d, NOW_NS / SECOND_NS, 4);
    put(&d, 0, 4);
    put(&d, 0, 4);
    put(&d, 0, 4);
    for (unsigned i = 0; i < count; i++) {
        d.len += 16;
        put(&d, octets, 4);
        put(&d, octets, 4);
        d.len += 24;
    }
    return d;
}

static struct datagram
v9(uint32_t sequence)
{
    struct datagram d = { .len = 0 };

    put(&d, 9, 2);
    put(&d, 1, 2);
    put(&d, 1000, 4);
    put(&d, NOW_NS / SECOND_NS, 4);
    put(&d, sequence, 4);
    put(&d, 7, 4);
    return d;
}

static struct datagram
template_of(uint32_t sequence, unsigned id, unsigned fields)
{
    struct datagram d = v9(sequence);

    put(&d, 0, 2);
    put(&d, 8 + 4 * fields, 2);
    put(&d, id, 2);
    put(&d, fields, 2);
    for (unsigned i = 0; i < fields; i++) {
        put(&d, i % 2 == 0 ? 1 : 2, 2); /* octets, packets */
        put(&d, 4, 2);
    }
    return d;
}

/* Twelve bytes of records: three of a template with one field, one of one with three. */
static struct datagram
data_of(uint32_t sequence, unsigned id)
{
    struct datagram d = v9(sequence);

    put(&d, id, 2);
    put(&d, 4 + 12, 2);
    put(&d, 5, 4);
    put(&d, 5, 4);
    put(&d, 5, 4);
    return d;
}

static enum sr_verdict
take_at(struct bench *b, uint8_t host, struct datagram d, uint64_t now_ns)
{
    struct sr_peer peer = { .address = { 192, 0, 2, host }, .port = 2055 };

    return netflow_program.datagram(b->state, b->snapshot, 0, b->scratch, now_ns, &peer,
        (struct sr_span){ d.bytes, d.len }, &b->emit);
}

static enum sr_verdict
take(struct bench *b, uint8_t host, struct datagram d)
{
    return take_at(b, host, d, NOW_NS);
}

/* ---- Messages of a connection ---- */

static const struct sr_peer sender = { .address = { 192, 0, 2, 1 }, .port = 40000 };

/* A template of one field, and three records of it. */
static struct datagram
ipfix(uint32_t sequence)
{
    struct datagram d = { .len = 0 };

    put(&d, 10, 2);
    put(&d, 16 + 12 + 16, 2);
    put(&d, NOW_NS / SECOND_NS, 4);
    put(&d, sequence, 4);
    put(&d, 7, 4);
    put(&d, 2, 2);
    put(&d, 12, 2);
    put(&d, 256, 2);
    put(&d, 1, 2);
    put(&d, 1, 2);
    put(&d, 4, 2);
    put(&d, 256, 2);
    put(&d, 16, 2);
    put(&d, 5, 4);
    put(&d, 5, 4);
    put(&d, 5, 4);
    return d;
}

static enum sr_verdict
take_message(struct bench *b, void *connection, struct datagram d, bool must)
{
    return netflow_program.stream_message(b->state, b->snapshot, 0, b->scratch, connection, NOW_NS,
        &sender, (struct sr_span){ d.bytes, d.len }, must, &b->emit);
}

/* The value of one line of the metrics; 0 when there is none. */
static unsigned long
metric(struct bench *b, const char *name, const char *exporter)
{
    char *text = NULL;
    size_t len = 0;
    char line[256];
    FILE *f = open_memstream(&text, &len);

    assert_non_null(f);
    netflow_program.metrics(b->state, f);
    (void)fclose(f);
    (void)snprintf(line, sizeof(line),
        "\nserviceradar_netflow_%s{listener=\"udp://0.0.0.0:2055\"%s%s%s} ", name,
        exporter != NULL ? ",exporter=\"" : "", exporter != NULL ? exporter : "",
        exporter != NULL ? "\"" : "");
    const char *at = strstr(text, line);
    unsigned long value = at != NULL ? strtoul(at + strlen(line), NULL, 10) : 0;
    free(text);
    return value;
}

/* ---- Tests ---- */

static void
who_is_not_allowed_is_refused_and_no_exporter(void **state)
{
    struct bench *b = *state;

    start(b, "\"allow\": [\"192.0.2.0/31\", \"2001:db8::/32\"]");
    assert_int_equal(take(b, 1, v5(1, 9)), SR_DECODED);
    assert_int_equal(take(b, 2, v5(1, 9)), SR_REFUSED);
    assert_string_equal(b->reason, "not_allowed");
    assert_int_equal(b->refused, 1);
    assert_int_equal(metric(b, "exporters", NULL), 1);
}

static void
a_reload_counts_for_the_exporter_of_the_datagram_before(void **state)
{
    struct bench *b = *state;

    start(b, "");
    assert_int_equal(take(b, 1, v5(1, 9)), SR_DECODED);
    configure(b, "\"allow\": \"192.0.2.2\"");
    assert_int_equal(take(b, 1, v5(1, 9)), SR_REFUSED);
    assert_int_equal(take(b, 2, v5(1, 9)), SR_DECODED);
    configure(b, "");
    assert_int_equal(take(b, 1, v5(1, 9)), SR_DECODED);
}

static void
what_is_no_flow_makes_no_exporter_but_a_dead_letter(void **state)
{
    struct bench *b = *state;
    struct datagram junk = { .bytes = "hello", .len = 5 };

    start(b, "");
    assert_int_equal(take(b, 1, junk), SR_DEADLETTER);
    assert_string_equal(b->reason, "unknown_version");
    struct datagram cut = v5(1, 9);
    cut.len = 23;
    assert_int_equal(take(b, 1, cut), SR_DEADLETTER);
    assert_string_equal(b->reason, "header_truncated");
    assert_int_equal(metric(b, "exporters", NULL), 0);
    assert_int_equal(take(b, 1, v5(1, 9)), SR_DECODED);
    assert_int_equal(take(b, 1, junk), SR_DEADLETTER);
    assert_int_equal(b->deadletters, 3);
}

static void
a_rate_limit_is_of_one_exporter_and_one_second(void **state)
{
    struct bench *b = *state;

    start(b, "\"rate_limit\": 20");
    assert_int_equal(take(b, 1, v5(15, 9)), SR_DECODED);
    assert_int_equal(take(b, 1, v5(15, 9)), SR_DECODED);
    assert_int_equal(b->records, 20);
    assert_int_equal(b->lost, 10);
    assert_string_equal(b->reason, "rate_limit");
    assert_int_equal(take(b, 2, v5(15, 9)), SR_DECODED);
    assert_int_equal(b->records, 35);
    assert_int_equal(take_at(b, 1, v5(15, 9), NOW_NS + SECOND_NS / 2), SR_DECODED);
    assert_int_equal(b->records, 45);
    assert_int_equal(metric(b, "exporter_records_rate_limited_total", "192.0.2.1"), 15);
    assert_int_equal(metric(b, "records_total", NULL), 60);
    configure(b, "\"rate_limit\": 0");
    assert_int_equal(take_at(b, 1, v5(15, 9), NOW_NS + SECOND_NS / 2), SR_DECODED);
    assert_int_equal(b->records, 60);
}

static void
records_without_counters_go_as_compat_says_unless_told_otherwise(void **state)
{
    struct bench *b = *state;

    start(b, "");
    (void)take(b, 1, v5(1, 0));
    assert_int_equal(b->records, 1);
    configure(b, "\"compat\": \"upstream\"");
    (void)take(b, 1, v5(1, 0));
    assert_int_equal(b->records, 1);
    assert_string_equal(b->reason, "zero_counters");
    configure(b, "\"compat\": \"upstream\", \"drop_zero_counters\": false");
    (void)take(b, 1, v5(1, 0));
    assert_int_equal(b->records, 2);
    configure(b, "\"drop_zero_counters\": true");
    (void)take(b, 1, v5(1, 0));
    assert_int_equal(b->records, 2);
}

static void
sets_that_wait_are_let_go_when_their_time_is_over(void **state)
{
    struct bench *b = *state;

    start(b, "\"pending_ttl\": \"10s\"");
    assert_int_equal(take(b, 1, data_of(1, 256)), SR_CONSUMED);
    assert_string_equal(b->reason, "waiting");
    netflow_program.tick(
        b->state, b->snapshot, 0, b->scratch, NOW_NS + 5 * SECOND_NS, false, &b->emit);
    assert_int_equal(b->deadletters, 0);
    netflow_program.tick(
        b->state, b->snapshot, 0, b->scratch, NOW_NS + 12 * SECOND_NS, false, &b->emit);
    assert_int_equal(b->deadletters, 1);
    assert_string_equal(b->reason, "template_missing");
    assert_int_equal(take(b, 1, data_of(2, 256)), SR_CONSUMED);
    netflow_program.tick(b->state, b->snapshot, 0, b->scratch, NOW_NS, true, &b->emit);
    assert_int_equal(b->deadletters, 2);
    assert_int_equal(metric(b, "sets_expired_total", NULL), 2);
}

static void
what_was_learned_survives_a_kill(void **state)
{
    struct bench *b = *state;

    start(b, "");
    assert_int_equal(take(b, 1, template_of(10, 256, 1)), SR_CONSUMED);
    assert_int_equal(take(b, 2, template_of(10, 256, 3)), SR_CONSUMED);
    restart(b, "");
    assert_int_equal(take(b, 1, data_of(500, 256)), SR_DECODED);
    assert_int_equal(b->records, 3);
    assert_int_equal(take(b, 2, data_of(500, 256)), SR_DECODED);
    assert_int_equal(b->records, 4);
    /* The counts are of this run, and the time between is not taken for loss. */
    assert_int_equal(metric(b, "datagrams_total", NULL), 2);
    assert_int_equal(metric(b, "templates_total", NULL), 0);
    assert_int_equal(metric(b, "missing_total", NULL), 0);
    assert_int_equal(metric(b, "exporters_evicted_total", NULL), 0);
}

static void
the_layout_that_was_learned_last_survives(void **state)
{
    struct bench *b = *state;

    start(b, "");
    (void)take(b, 1, template_of(10, 256, 1));
    netflow_program.maintain(b->state, true); /* written anew with the first */
    (void)take(b, 1, template_of(11, 256, 3));
    restart(b, "");
    assert_int_equal(take(b, 1, data_of(500, 256)), SR_DECODED);
    assert_int_equal(b->records, 1);
    netflow_program.maintain(b->state, true);
    restart(b, "");
    assert_int_equal(take(b, 1, data_of(501, 256)), SR_DECODED);
    assert_int_equal(b->records, 2);
}

static void
what_says_nothing_new_is_not_written(void **state)
{
    struct bench *b = *state;
    char path[128];

    start(b, "");
    (void)take(b, 1, template_of(1, 256, 3));
    netflow_program.maintain(b->state, true);
    (void)snprintf(path, sizeof(path), "%s/templates", b->dir);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long before = ftell(f);
    for (uint32_t i = 2; i < 100; i++) {
        (void)take(b, 1, template_of(i, 256, 3));
        (void)take(b, 1, data_of(i, 256));
        (void)take(b, 1, v5(1, 9));
    }
    netflow_program.maintain(b->state, false);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    assert_int_equal(ftell(f), before);
    (void)fclose(f);
}

static void
templates_of_a_listener_that_is_gone_are_forgotten(void **state)
{
    struct bench *b = *state;

    start(b, "\"listen\": \"udp://0.0.0.0:9995\"");
    (void)take(b, 1, template_of(1, 256, 3));
    restart(b, "");
    assert_int_equal(take(b, 1, data_of(2, 256)), SR_CONSUMED);
    assert_string_equal(b->reason, "waiting");
}

static void
exporters_beyond_a_bound_share_one_line(void **state)
{
    struct bench *b = *state;

    start(b, "");
    for (unsigned i = 0; i < 250; i++) {
        (void)take(b, (uint8_t)i, v5(1 + i % 10, 9));
    }
    assert_int_equal(metric(b, "records_total", NULL), 25 * 55);
    assert_int_equal(metric(b, "exporter_records_total", "192.0.2.9"), 10);
    assert_int_equal(metric(b, "exporter_datagrams_total", "other"), 50);
    assert_int_equal(metric(b, "exporter_records_total", "other"), 25 * (1 + 2));
}

static void
what_waits_at_an_exporter_that_has_to_go_is_a_dead_letter(void **state)
{
    struct bench *b = *state;

    start(b, "\"max_exporters\": 100");
    for (unsigned i = 0; i < 150; i++) {
        assert_int_equal(take(b, (uint8_t)i, data_of(1, 256)), SR_CONSUMED);
    }
    assert_int_equal(b->deadletters, 50);
    assert_int_equal(metric(b, "sets_expired_total", NULL), 50);
    assert_int_equal(metric(b, "exporters_evicted_total", NULL), 50);
    assert_int_equal(metric(b, "datagrams_total", NULL), 150);
}

static void
a_message_is_not_gone_on_with_behind_one_that_was_refused(void **state)
{
    struct bench *b = *state;

    start(b, "");
    void *connection = netflow_program.connection_new(b->state, b->snapshot, 0, &sender, NULL);
    assert_non_null(connection);
    b->room = 2;
    assert_int_equal(take_message(b, connection, ipfix(0), false), SR_FULL);
    assert_int_equal(b->records, 2);
    configure(b, "\"allow\": [\"198.51.100.1\"]");
    assert_int_equal(take_message(b, connection, ipfix(0), false), SR_REFUSED);
    configure(b, "");
    b->room = 0;
    assert_int_equal(take_message(b, connection, ipfix(3), false), SR_DECODED);
    assert_int_equal(b->records, 2 + 3);
    netflow_program.connection_free(b->state, connection);
}

/* When it stops, nothing comes again. */
static void
a_message_is_not_gone_on_with_behind_one_that_was_dropped(void **state)
{
    struct bench *b = *state;

    start(b, "");
    void *connection = netflow_program.connection_new(b->state, b->snapshot, 0, &sender, NULL);
    assert_non_null(connection);
    b->room = 2;
    assert_int_equal(take_message(b, connection, ipfix(0), true), SR_FULL);
    b->room = 0;
    assert_int_equal(take_message(b, connection, ipfix(3), true), SR_DECODED);
    assert_int_equal(b->records, 2 + 3);
    netflow_program.connection_free(b->state, connection);
}

static void
what_connections_keep_shows_in_the_memory_of_exporters(void **state)
{
    struct bench *b = *state;

    start(b, "");
    unsigned long without = metric(b, "exporter_memory_bytes", NULL);
    void *connection = netflow_program.connection_new(b->state, b->snapshot, 0, &sender, NULL);
    assert_non_null(connection);
    assert_int_equal(take_message(b, connection, ipfix(0), false), SR_DECODED);
    assert_true(metric(b, "exporter_memory_bytes", NULL) > without);
    netflow_program.connection_free(b->state, connection);
    assert_int_equal(metric(b, "exporter_memory_bytes", NULL), without);
}

/* What exporters may take, they may take again. */
static void
templates_that_fill_the_memory_survive_a_restart(void **state)
{
    struct bench *b = *state;
    unsigned hosts = 100;

    start(b, "\"exporter_memory\": \"1MiB\"");
    for (unsigned i = 0; i < hosts; i++) {
        (void)take(b, (uint8_t)i, template_of(1, 256, 3));
    }
    /* They learn more, while nobody new comes. */
    for (unsigned id = 257; metric(b, "exporter_memory_bytes", NULL) < 15 << 16; id++) {
        for (unsigned i = 0; i < hosts; i++) {
            (void)take(b, (uint8_t)i, template_of(id, id, 100));
        }
    }
    assert_int_equal(metric(b, "exporters_with_templates", NULL), hosts);
    restart(b, "\"exporter_memory\": \"1MiB\""); /* after a kill */
    assert_int_equal(metric(b, "exporters_with_templates", NULL), hosts);
    netflow_program.maintain(b->state, true);
    restart(b, "\"exporter_memory\": \"1MiB\""); /* after a stop */
    assert_int_equal(metric(b, "exporters_with_templates", NULL), hosts);
}

static void
a_rate_limit_is_of_all_connections_of_an_address(void **state)
{
    struct bench *b = *state;
    void *connections[2];

    start(b, "\"rate_limit\": 4");
    for (unsigned i = 0; i < 2; i++) {
        connections[i] = netflow_program.connection_new(b->state, b->snapshot, 0, &sender, NULL);
        assert_non_null(connections[i]);
        assert_int_equal(take_message(b, connections[i], ipfix(0), false), SR_DECODED);
    }
    assert_int_equal(b->records, 4);
    assert_int_equal(b->lost, 2);
    for (unsigned i = 0; i < 2; i++) {
        netflow_program.connection_free(b->state, connections[i]);
    }
}

static void
a_template_that_is_sent_again_survives_a_kill(void **state)
{
    struct bench *b = *state;
    uint64_t minute = 60 * SECOND_NS;

    start(b, "\"template_ttl\": \"10m\"");
    for (uint32_t i = 0; i < 55; i += 5) {
        (void)take_at(b, 1, template_of(i, 256, 3), NOW_NS + i * minute);
    }
    restart(b, "\"template_ttl\": \"10m\"");
    assert_int_equal(take_at(b, 1, data_of(55, 256), NOW_NS + 54 * minute), SR_DECODED);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_not_allowed_is_refused_and_no_exporter),
        TEST(a_reload_counts_for_the_exporter_of_the_datagram_before),
        TEST(what_is_no_flow_makes_no_exporter_but_a_dead_letter),
        TEST(a_rate_limit_is_of_one_exporter_and_one_second),
        TEST(records_without_counters_go_as_compat_says_unless_told_otherwise),
        TEST(sets_that_wait_are_let_go_when_their_time_is_over),
        TEST(what_was_learned_survives_a_kill),
        TEST(the_layout_that_was_learned_last_survives),
        TEST(what_says_nothing_new_is_not_written),
        TEST(templates_of_a_listener_that_is_gone_are_forgotten),
        TEST(exporters_beyond_a_bound_share_one_line),
        TEST(what_waits_at_an_exporter_that_has_to_go_is_a_dead_letter),
        TEST(a_message_is_not_gone_on_with_behind_one_that_was_refused),
        TEST(a_message_is_not_gone_on_with_behind_one_that_was_dropped),
        TEST(templates_that_fill_the_memory_survive_a_restart),
        TEST(a_rate_limit_is_of_all_connections_of_an_address),
        TEST(a_template_that_is_sent_again_survives_a_kill),
        TEST(what_connections_keep_shows_in_the_memory_of_exporters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
