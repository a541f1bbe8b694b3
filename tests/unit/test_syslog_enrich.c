/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "decode/enrich.h"
#include "decode/rfc3164.h"

#include "sr/banned.h"

#define NOW (UINT64_C(1795348800) * 1000000000 + 25) /* 2026-11-22T12:00:00.000000025Z */
#define HEAD "<34>1 2003-10-11T22:14:15.003Z h a p m "

static struct syslog_scratch scratch;
static uint8_t memory[SYSLOG_RECORD_MAX + 1];
static unsigned commits, deadletters;
static const char *reason;

/* How the next messages are decoded. */
static struct syslog_decode cfg;
static const struct sr_peer *from;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= SYSLOG_RECORD_MAX ? memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    assert_int_equal(records, 1);
    memory[len] = '\0';
    commits++;
}

static void
deadletter(
    void *arg, const char *why, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)peer;
    (void)now_ns;
    (void)raw;
    reason = why;
    deadletters++;
}

static const struct sr_peer peer = { .address = { 192, 0, 2, 9 }, .port = 10514 };

static int
setup(void **state)
{
    (void)state;
    cfg = (struct syslog_decode){
        .format = SYSLOG_SMART,
        .partition = span_of("default"),
        .local = RFC3164_UTC,
        .enrich = true,
        .origin = { .transport = span_of("udp") },
        .scratch = &scratch,
    };
    from = &peer;
    return 0;
}

static enum sr_verdict
feed_bytes(struct sr_span bytes)
{
    const struct sr_emit emit = { .reserve = reserve, .commit = commit, .deadletter = deadletter };

    commits = deadletters = 0;
    return sr_syslog_datagram(&cfg, NOW, from, bytes, &emit);
}

static void
gives(const char *line, const char *want)
{
    assert_int_equal(feed_bytes(span_of(line)), SR_DECODED);
    assert_string_equal((const char *)memory, want);
}

/* The record of `line` has this piece in it. */
static void
has(const char *line, const char *piece)
{
    assert_int_equal(feed_bytes(span_of(line)), SR_DECODED);
    if (strstr((const char *)memory, piece) == NULL) {
        print_error("%s\nnot %s\nin %s\n", line, piece, (const char *)memory);
        fail();
    }
}

static void
lacks(const char *piece)
{
    if (strstr((const char *)memory, piece) != NULL) {
        print_error("%s\nin %s\n", piece, (const char *)memory);
        fail();
    }
}

/* The example of docs/syslog.md. */
static void
a_record_has_what_the_platform_stores(void **state)
{
    (void)state;
    gives("<34>1 2003-10-11T22:14:15.003Z host su 77 ID47 "
          "[origin ip=\"192.0.2.1\" ip=\"192.0.2.129\"][meta sequenceId=\"7\"] hello",
        "{\"_dialect\":\"rfc5424\",\"_ip\":\"192.0.2.129\",\"_remote_addr\":"
        "\"default:192.0.2.9\",\"_sequenceId\":\"7\",\"application_name\":\"su\",\"attributes\":"
        "{\"dialect\":\"rfc5424\",\"facility\":4,\"facility_text\":\"auth\",\"msgid\":\"ID47\","
        "\"process_id\":\"77\",\"remote_addr\":\"default:192.0.2.9\",\"sd\":{\"meta\":"
        "{\"sequenceId\":\"7\"},\"origin\":{\"ip\":[\"192.0.2.1\",\"192.0.2.129\"]}},"
        "\"timestamp\":\"2003-10-11T22:14:15.003000000Z\",\"transport\":\"udp\"},"
        "\"full_message\":\"<34>1 2003-10-11T22:14:15.003Z host su 77 ID47 "
        "[origin ip=\\\"192.0.2.1\\\" ip=\\\"192.0.2.129\\\"][meta sequenceId=\\\"7\\\"] hello\","
        "\"host\":\"host\",\"level\":2,\"observed_timestamp\":\"2026-11-22T12:00:00.000000025Z\","
        "\"process_id\":\"77\",\"resource\":{\"host.name\":\"host\",\"source.address\":"
        "\"192.0.2.9\",\"source.port\":10514},\"sd_id\":\"meta\",\"service_name\":\"su\","
        "\"severity_number\":18,\"severity_text\":\"ERROR\",\"short_message\":\"hello\","
        "\"source\":\"syslog\",\"timestamp\":1065910455.003,\"version\":\"1.1\"}");
}

static void
without_enrich_the_bytes_stay(void **state)
{
    (void)state;
    cfg.enrich = false;
    cfg.origin.tls_peer = span_of("client-1");
    gives(HEAD "[x b=\"c\"] m",
        "{\"_b\":\"c\",\"_dialect\":\"rfc5424\",\"_remote_addr\":\"default:192.0.2.9\","
        "\"application_name\":\"a\",\"full_message\":\"" HEAD "[x b=\\\"c\\\"] m\",\"host\":\"h\","
        "\"level\":2,\"process_id\":\"p\",\"sd_id\":\"x\",\"short_message\":\"m\","
        "\"timestamp\":1065910455.003,\"version\":\"1.1\"}");
}

static void
a_number_of_cisco_and_its_mnemonic_are_kept(void **state)
{
    (void)state;
    has("<189>29: h: Oct 11 22:14:15: %SYS-5-CONFIG_I: a",
        "\"attributes\":{\"dialect\":\"cisco\",\"facility\":23,\"facility_text\":\"local7\","
        "\"msgid\":\"SYS-5-CONFIG_I\",\"remote_addr\":\"default:192.0.2.9\",\"sequence\":\"29\","
        "\"timestamp\":\"2026-10-11T22:14:15.000000000Z\",\"transport\":\"udp\"}");
}

static void
severities_are_those_of_opentelemetry(void **state)
{
    static const struct {
        unsigned number;
        const char *text;
    } want[8] = { { 21, "FATAL" }, { 19, "ERROR" }, { 18, "ERROR" }, { 17, "ERROR" },
        { 13, "WARN" }, { 10, "INFO" }, { 9, "INFO" }, { 5, "DEBUG" } };
    char line[32];
    char piece[96];

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        (void)snprintf(line, sizeof(line), "<%u>a: b", 8 + i);
        (void)snprintf(piece, sizeof(piece),
            "\"service_name\":\"a\",\"severity_number\":%u,\"severity_text\":\"%s\",",
            want[i].number, want[i].text);
        has(line, piece);
    }
    has("a: b", "\"service_name\":\"a\",\"short_message\"");
    lacks("severity");
    lacks("facility");
}

static void
what_is_nil_is_no_attribute(void **state)
{
    (void)state;
    cfg.format = SYSLOG_RFC5424;
    has("<34>1 2003-10-11T22:14:15Z h - - - - m", "\"service_name\":\"h\"");
    lacks("msgid");
    lacks("\"process_id\":\"-\",\"remote_addr\"");
    lacks("\"sd\"");
    has("<34>1 2003-10-11T22:14:15Z h - - - - m", "\"attributes\":{\"dialect\":\"rfc5424\",");
    cfg.format = SYSLOG_RFC3164;
    has("Nov 22 12:00:00 h a b c", "\"attributes\":{\"dialect\":\"rfc3164\",\"remote_addr\"");
    cfg.format = SYSLOG_SMART;
    has("<255>text", "\"attributes\":{\"dialect\":\"plain\",\"remote_addr\":");
    has("<34>t\xe9xt", "\"facility_text\":\"auth\",\"not_utf8\":true,\"remote_addr\":");
}

static void
the_way_that_it_came_is_said(void **state)
{
    (void)state;
    cfg.origin =
        (struct syslog_origin){ .transport = span_of("tls"), .tls_peer = span_of("cn\"1") };
    has("<34>1 - h - - - [x tls_peer=\"root\"] m",
        "\"_remote_addr\":\"default:192.0.2.9\",\"_sd_tls_peer\":\"root\",\"_tls_peer\":"
        "\"cn\\\"1\",");
    has("<34>text", "\"tls.peer\":\"cn\\\"1\",\"transport\":\"tls\"}");
    from = NULL; /* a Unix socket */
    cfg.origin = (struct syslog_origin){ .transport = span_of("unix") };
    has("<34>text", "\"timestamp\":\"2026-11-22T12:00:00.000000025Z\",\"transport\":\"unix\"}");
    lacks("remote_addr");
    lacks("tls_peer");
    lacks("source.address");
    /* A record that does not show the address as upstream's does not says it where that has no
     * keys. */
    from = &peer;
    cfg.no_address = true;
    has("<34>text", "\"remote_addr\":\"default:192.0.2.9\"");
    lacks("\"_remote_addr\"");
}

static void
all_elements_and_parameters_are_kept_and_no_key_is_twice(void **state)
{
    (void)state;
    has("<34>1 - h - - - [b z=\"1\" a=\"\\\"\" z=\"2\"][a@1 z=\"3\"][b a=\"4\"][c][d][d] m",
        "\"sd\":{\"a@1\":{\"z\":\"3\"},\"b\":{\"a\":[\"\\\"\",\"4\"],\"z\":[\"1\",\"2\"]},\"c\":{},"
        "\"d\":{}},");
    lacks("sd_cut");
    /* names of ours, and of those that stand in for them */
    has("<34>1 - h - - - [x dialect=\"1\" sd_dialect=\"2\" c=\"3\" e=\"4\" zz=\"5\" sd=\"6\"] m",
        "{\"_c\":\"3\",\"_dialect\":\"rfc5424\",\"_e\":\"4\",\"_remote_addr\":"
        "\"default:192.0.2.9\",\"_sd\":\"6\",\"_sd_dialect\":\"1\",\"_sd_sd_dialect\":\"2\","
        "\"_zz\":\"5\",\"attributes\":");
    has("<34>1 - h - - - [x sd_sd_not_utf8=\"3\" not_utf8=\"1\" sd_not_utf8=\"2\"] \xff",
        "\"_not_utf8\":true,\"_remote_addr\":\"default:192.0.2.9\",\"_sd_not_utf8\":\"1\","
        "\"_sd_sd_not_utf8\":\"2\",\"_sd_sd_sd_not_utf8\":\"3\",\"attributes\":");
    /* a listener that is to be upstream's and smart is smart */
    cfg.upstream = true;
    has("<34>1 - h - - - [x remote_addr=\"6\"] m", "\"_remote_addr\":\"default:192.0.2.9\"");
    has("<34>1 - h - - - [x remote_addr=\"6\"] m", "\"_sd_remote_addr\":\"6\"");
    /* the grammar of the strict format has more */
    cfg.format = SYSLOG_RFC5424;
    has(HEAD "[b  c=\"d\" ][a x=\"y\"] m", "\"sd\":{\"a\":{\"x\":\"y\"},\"b\":{\"c\":\"d\"}}");
}

static void
only_the_operator_sets_a_key_of_ours(void **state)
{
    static struct syslog_extra items[] = {
        { { (const uint8_t *)"_c", 2 }, { (const uint8_t *)"mine", 4 } },
        { { (const uint8_t *)"_dialect", 8 }, { (const uint8_t *)"mine", 4 } },
        { { (const uint8_t *)"attributes", 10 }, { (const uint8_t *)"mine", 4 } },
        { { (const uint8_t *)"severity_text", 13 }, { (const uint8_t *)"mine", 4 } },
    };

    (void)state;
    cfg.extras = (struct syslog_extras){ items, 4, 100 };
    has("<34>1 - h - - - [x c=\"1\" dialect=\"2\" attributes=\"3\" severity_text=\"4\"] m",
        "{\"_attributes\":\"3\",\"_c\":\"mine\",\"_dialect\":\"mine\",\"_remote_addr\":"
        "\"default:192.0.2.9\",\"_sd_dialect\":\"2\",\"_severity_text\":\"4\","
        "\"attributes\":\"mine\",");
    has("<34>text", "\"severity_number\":18,\"severity_text\":\"mine\",\"short_message\"");
}

/* `head`, then `count` times `each`, then `tail`. */
static struct sr_span
repeated(const char *head, const char *each, size_t count, const char *tail)
{
    size_t len = strlen(head) + count * strlen(each) + strlen(tail);
    uint8_t *text = malloc(len);
    size_t at = strlen(head);

    assert_non_null(text);
    memcpy(text, head, at);
    for (size_t i = 0; i < count; i++, at += strlen(each)) {
        memcpy(text + at, each, strlen(each));
    }
    memcpy(text + at, tail, strlen(tail));
    return (struct sr_span){ text, len };
}

static size_t
count_of(const char *piece)
{
    size_t n = 0;

    for (const char *p = (const char *)memory; (p = strstr(p, piece)) != NULL; p++) {
        n++;
    }
    return n;
}

static void
floods_of_parameters_are_bounded(void **state)
{
    (void)state;
    struct sr_span text = repeated("<34>1 - h - - - [x", " a=\"\"", 10000, "] m");
    assert_int_equal(feed_bytes(text), SR_DECODED); /* all of it is the message */
    assert_non_null(strstr((const char *)memory, "\"_dialect\":\"rfc5424_loose\""));
    assert_int_equal(count_of("\"_a\""), 0);
    free((void *)(uintptr_t)text.data);

    cfg.format = SYSLOG_RFC5424;
    text = repeated(HEAD "[x", " a=\"\"", 10000, "] m");
    assert_int_equal(feed_bytes(text), SR_DEADLETTER);
    assert_string_equal(reason, "too_many_params");
    free((void *)(uintptr_t)text.data);

    setup(NULL);
    text = repeated("<34>1 - h - - - [x", " a=\"\"", 4095, "] m");
    assert_int_equal(feed_bytes(text), SR_DECODED);
    assert_int_equal(count_of("\"a\":[\"\",\"\","), 1);
    assert_int_equal(count_of("sd_cut"), 0);
    free((void *)(uintptr_t)text.data);
    text = repeated("<34>1 - h - - - [x", " a=\"\"", 4096, "] m"); /* and the element is one */
    assert_int_equal(feed_bytes(text), SR_DECODED);
    assert_int_equal(count_of("\"sd\":{},\"sd_cut\":true"), 1);
    assert_int_equal(count_of("\"_a\":\"\""), 1);
    free((void *)(uintptr_t)text.data);
}

static void
floods_of_elements_and_long_values_are_bounded(void **state)
{
    (void)state;
    struct sr_span text = repeated("<34>1 - h - - - ", "[a]", 20000, " m");
    assert_int_equal(feed_bytes(text), SR_DECODED);
    assert_int_equal(count_of("\"sd\":{\"a\":{}},\"sd_cut\":true"), 1);
    free((void *)(uintptr_t)text.data);

    text = repeated("<34>1 - h - - - [x a=\"", "z", 65500, "\"] m");
    assert_int_equal(feed_bytes(text), SR_DECODED);
    free((void *)(uintptr_t)text.data);

    /* what is too long with more keys is a record without them */
    text = repeated("<34>1 - h - - - [x a=\"", "\x01", 24000, "\"] m");
    assert_int_equal(feed_bytes(text), SR_DECODED);
    assert_int_equal(count_of("attributes"), 1);
    free((void *)(uintptr_t)text.data);
    text = repeated("<34>1 - h - - - [x a=\"", "\x01", 40000, "\"] m");
    assert_int_equal(feed_bytes(text), SR_DECODED);
    assert_int_equal(count_of("attributes"), 0);
    assert_int_equal(count_of("\"_dialect\":\"rfc5424\""), 1);
    free((void *)(uintptr_t)text.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_record_has_what_the_platform_stores, setup),
        cmocka_unit_test_setup(without_enrich_the_bytes_stay, setup),
        cmocka_unit_test_setup(a_number_of_cisco_and_its_mnemonic_are_kept, setup),
        cmocka_unit_test_setup(severities_are_those_of_opentelemetry, setup),
        cmocka_unit_test_setup(what_is_nil_is_no_attribute, setup),
        cmocka_unit_test_setup(the_way_that_it_came_is_said, setup),
        cmocka_unit_test_setup(all_elements_and_parameters_are_kept_and_no_key_is_twice, setup),
        cmocka_unit_test_setup(only_the_operator_sets_a_key_of_ours, setup),
        cmocka_unit_test_setup(floods_of_parameters_are_bounded, setup),
        cmocka_unit_test_setup(floods_of_elements_and_long_values_are_bounded, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
