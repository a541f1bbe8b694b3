/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "decode/pri.h"
#include "decode/rfc3164.h"

#include "sr/banned.h"

#define NOW (UINT64_C(1795348800) * 1000000000) /* 2026-11-22T12:00:00Z */
#define HEAD "<34>1 2003-10-11T22:14:15.003Z h a p m "
#define TAIL ",\"timestamp\":1065910455.003,\"version\":\"1.1\"}"

/* A queue that counts, and can be full. */
struct queue {
    uint8_t memory[SYSLOG_RECORD_MAX];
    size_t reserved[4];
    unsigned reserves;
    unsigned room_for; /* reserves that succeed */
    unsigned commits;
    size_t len;
    unsigned deadletters;
    const char *reason;
    struct sr_span raw;
};

static struct queue queue = { .room_for = 4 };
static struct syslog_scratch scratch;

static uint8_t *
reserve(void *arg, size_t max)
{
    struct queue *q = arg;

    assert_true(q->reserves < 4 && max <= sizeof(q->memory));
    q->reserved[q->reserves++] = max;
    return q->reserves <= q->room_for ? q->memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    struct queue *q = arg;

    assert_int_equal(records, 1);
    assert_true(len <= q->reserved[q->reserves - 1]);
    q->commits++;
    q->len = len;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    struct queue *q = arg;

    assert_int_equal(peer->port, 514);
    assert_true(now_ns == NOW);
    q->deadletters++;
    q->reason = reason;
    q->raw = raw;
}

static const struct sr_emit emit = {
    .arg = &queue,
    .reserve = reserve,
    .commit = commit,
    .deadletter = deadletter,
};

static const struct sr_peer v4 = { .address = { 192, 0, 2, 9 }, .port = 514 };
static const struct sr_peer v6 = {
    .address = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .port = 514, .is_v6 = true
};

/* What the configuration adds to every record of a test, and whose bytes they have. */
static struct syslog_extras extras;
static bool native;

static enum sr_verdict
feed(enum syslog_format format, const struct sr_peer *peer, struct sr_span bytes)
{
    const struct syslog_decode cfg = {
        .format = format,
        .partition = span_of("default"),
        .extras = extras,
        .local = RFC3164_UTC,
        .upstream = !native,
        .own_host = span_of("here"),
        .scratch = &scratch,
    };

    queue.reserves = queue.commits = queue.deadletters = 0;
    queue.len = 0;
    return sr_syslog_datagram(&cfg, NOW, peer, bytes, &emit);
}

static void
gives(enum syslog_format format, const char *in, const char *want)
{
    assert_int_equal(feed(format, &v4, span_of(in)), SR_DECODED);
    assert_int_equal(queue.commits, 1);
    assert_int_equal(queue.deadletters, 0);
    queue.memory[queue.len] = '\0';
    assert_string_equal((const char *)queue.memory, want);
}

static void
is_lost(enum syslog_format format, struct sr_span in, const char *reason)
{
    assert_int_equal(feed(format, &v4, in), SR_DEADLETTER);
    assert_int_equal(queue.commits, 0);
    assert_int_equal(queue.deadletters, 1);
    assert_string_equal(queue.reason, reason);
    assert_ptr_equal(queue.raw.data, in.data);
    assert_int_equal(queue.raw.len, in.len);
}

static void
a_message_without_structured_data_has_upstreams_keys(void **state)
{
    (void)state;
    gives(SYSLOG_RFC5424, "<34>1 2003-10-11T22:14:15.003Z host su - - - hello",
        "{\"_remote_addr\":\"default:192.0.2.9\",\"application_name\":\"su\",\"full_message\":"
        "\"<34>1 2003-10-11T22:14:15.003Z host su - - - hello\",\"host\":\"host\",\"level\":2,"
        "\"process_id\":\"-\",\"short_message\":\"hello\"" TAIL);
}

static void
year_and_words_come_from_the_call(void **state)
{
    (void)state;
    gives(SYSLOG_RFC3164, "Nov 22 11:59:59 h  a \xe3\x80\x80 \"b\"\t\n",
        "{\"_remote_addr\":\"default:192.0.2.9\",\"full_message\":\"Nov 22 11:59:59 h  a "
        "\xe3\x80\x80 \\\"b\\\"\",\"host\":\"h\",\"short_message\":\"a \\\"b\\\"\","
        "\"timestamp\":1795348799.0,\"version\":\"1.1\"}");
    gives(SYSLOG_RFC3164, "<0>: Nov 22 11:59:59: a  b",
        "{\"_remote_addr\":\"default:192.0.2.9\",\"full_message\":\"<0>: Nov 22 11:59:59: a  b\","
        "\"host\":\"unknown\",\"level\":0,\"short_message\":\"a  b\","
        "\"timestamp\":1795348799.0,\"version\":\"1.1\"}");
}

static void
parameters_are_sorted_and_unescaped(void **state)
{
    (void)state;
    gives(SYSLOG_RFC5424, HEAD "[x z=\"\\\"\\\\\\]\\n\" X=\"1\" s=\"\"] ",
        "{\"_X\":\"1\",\"_remote_addr\":\"default:192.0.2.9\",\"_s\":\"\","
        "\"_z\":\"\\\"\\\\]\\\\n\",\"application_name\":\"a\",\"full_message\":\"" HEAD
        "[x z=\\\"\\\\\\\"\\\\\\\\\\\\]\\\\n\\\" X=\\\"1\\\" s=\\\"\\\"]\",\"host\":\"h\","
        "\"level\":2,\"process_id\":\"p\",\"sd_id\":\"x\",\"short_message\":\"-\"" TAIL);
}

static void
upstreams_parameter_replaces_the_address_but_not_its_partition(void **state)
{
    (void)state;
    gives(SYSLOG_RFC5424, HEAD "[x remote_addr=\"6.6.6.6\" remote_add=\"a\" remote_addrs=\"s\"] m",
        "{\"_remote_add\":\"a\",\"_remote_addr\":\"default:6.6.6.6\",\"_remote_addrs\":\"s\","
        "\"application_name\":\"a\",\"full_message\":\"" HEAD
        "[x remote_addr=\\\"6.6.6.6\\\" remote_add=\\\"a\\\" remote_addrs=\\\"s\\\"] m\","
        "\"host\":\"h\",\"level\":2,\"process_id\":\"p\",\"sd_id\":\"x\","
        "\"short_message\":\"m\"" TAIL);
}

/* With names around ours, and such as begin with the same eight bytes. */
static void
keys_with_an_underscore_are_sorted(void **state)
{
    static const char *const names[] = { "z", "remote_z", "remote_addrs", "remote_addr", "remote_a",
        "remote", "not_utf9", "not_utf8x", "not_utf8", "not_utf", "m", "dialects", "dialect",
        "dialec", "dialecs", "b", "A" };
    const size_t count = sizeof(names) / sizeof(names[0]);
    char line[1024];

    (void)state;
    native = true;
    for (size_t n = 0; n <= count * count; n++) { /* each two of them, and all */
        int len = snprintf(line, sizeof(line), "<34>1 2026-11-22T11:59:59Z h a p i [x");
        for (size_t i = 0; i < count; i++) {
            if (n == count * count || i == n / count || i == n % count) {
                len +=
                    snprintf(line + len, sizeof(line) - (size_t)len, " %s=\"v%zu\"", names[i], i);
            }
        }
        (void)snprintf(line + len, sizeof(line) - (size_t)len, "] m");
        assert_int_equal(feed(SYSLOG_SMART, &v4, span_of(line)), SR_DECODED);
        queue.memory[queue.len] = '\0';
        char before[64] = "", name[64];
        unsigned keys = 0;
        for (const char *at = (const char *)queue.memory; (at = strstr(at, "\"_")) != NULL;
             keys++) {
            assert_int_equal(sscanf(at, "\"%63[^\"]", name), 1);
            if (strcmp(before, name) >= 0) {
                fail_msg("%s stands before %s in %s", before, name, queue.memory);
            }
            memcpy(before, name, sizeof(before));
            at += strlen(name);
        }
        assert_true(keys >= 3);
    }
    native = false;
}

static void
no_parameter_takes_the_place_of_a_key_that_is_ours(void **state)
{
    (void)state;
    native = true;
    gives(SYSLOG_RFC5424,
        HEAD "[x a=\"1\" remote_addr=\"6.6.6.6\" tls_peer=\"root\" sd_tls_peer=\"a\"] m",
        "{\"_a\":\"1\",\"_remote_addr\":\"default:192.0.2.9\",\"_sd_remote_addr\":\"6.6.6.6\","
        "\"_sd_sd_tls_peer\":\"a\",\"_sd_tls_peer\":\"root\",\"application_name\":\"a\","
        "\"full_message\":\"" HEAD
        "[x a=\\\"1\\\" remote_addr=\\\"6.6.6.6\\\" tls_peer=\\\"root\\\" "
        "sd_tls_peer=\\\"a\\\"] m\",\"host\":\"h\","
        "\"level\":2,\"process_id\":\"p\",\"sd_id\":\"x\",\"short_message\":\"m\"" TAIL);
    native = false;
}

#define EXTRA(name, value)                                                                         \
    {                                                                                              \
        { (const uint8_t *)(name), sizeof(name) - 1 },                                             \
        {                                                                                          \
            (const uint8_t *)(value), sizeof(value) - 1                                            \
        }                                                                                          \
    }

static void
keys_of_the_configuration_stand_in_the_order_of_all(void **state)
{
    static const struct syslog_extra items[] = { EXTRA("", "nothing"), EXTRA("A", "\"1\""),
        EXTRA("_", "2"), EXTRA("_a", "3"), EXTRA("_remote", "4"), EXTRA("_zz", "5"),
        EXTRA("facility", "6"), EXTRA("full", "7"), EXTRA("x-header1", "8\n") };

    (void)state;
    extras = (struct syslog_extras){ items, sizeof(items) / sizeof(items[0]), 200 };
    gives(SYSLOG_RFC5424, HEAD "[x b=\"p\" z=\"q\"] m",
        "{\"\":\"nothing\",\"A\":\"\\\"1\\\"\",\"_\":\"2\",\"_a\":\"3\",\"_b\":\"p\","
        "\"_remote\":\"4\",\"_remote_addr\":\"default:192.0.2.9\",\"_z\":\"q\",\"_zz\":\"5\","
        "\"application_name\":\"a\",\"facility\":\"6\",\"full\":\"7\",\"full_message\":\"" HEAD
        "[x b=\\\"p\\\" z=\\\"q\\\"] m\",\"host\":\"h\",\"level\":2,\"process_id\":\"p\","
        "\"sd_id\":\"x\",\"short_message\":\"m\",\"timestamp\":1065910455.003,"
        "\"version\":\"1.1\",\"x-header1\":\"8\\n\"}");
    assert_int_equal(queue.reserves, 1);
    assert_int_equal(queue.reserved[0], 1024 + 200 + 3 * strlen(HEAD "[x b=\"p\" z=\"q\"] m"));
    extras = (struct syslog_extras){ .count = 0 };
}

static void
keys_of_the_configuration_take_the_place_of_others(void **state)
{
    static const struct syslog_extra items[] = { EXTRA("_b", "1"), EXTRA("_remote_addr", "here"),
        EXTRA("application_name", "2"), EXTRA("full_message", "3"), EXTRA("host", "4"),
        EXTRA("level", "5"), EXTRA("process_id", "6"), EXTRA("sd_id", "7"),
        EXTRA("short_message", "8"), EXTRA("timestamp", "9"), EXTRA("version", "10") };

    (void)state;
    extras = (struct syslog_extras){ items, sizeof(items) / sizeof(items[0]), 0 };
    const char *want = "{\"_b\":\"1\",\"_remote_addr\":\"default:here\",\"application_name\":\"2\","
                       "\"full_message\":\"3\",\"host\":\"4\",\"level\":\"5\",\"process_id\":\"6\","
                       "\"sd_id\":\"7\",\"short_message\":\"8\",\"timestamp\":\"9\","
                       "\"version\":\"10\"}";
    gives(SYSLOG_RFC5424, HEAD "[x b=\"p\" remote_addr=\"6.6.6.6\"] m", want);
    gives(SYSLOG_RFC3164, "Nov 22 11:59:59 h a b", want); /* they are also where no others are */
    extras = (struct syslog_extras){ .count = 0 };
}

static void
ipv6_addresses_stand_without_brackets(void **state)
{
    static const char want[] = "{\"_remote_addr\":\"default:2001:db8::1\",";

    (void)state;
    assert_int_equal(feed(SYSLOG_RFC5424, &v6, span_of(HEAD "- m")), SR_DECODED);
    assert_memory_equal(queue.memory, want, sizeof(want) - 1);
}

static void
a_program_of_this_host_has_its_name_and_no_address(void **state)
{
    static const struct sr_peer local = { .is_local = true };

    (void)state;
    assert_int_equal(
        feed(SYSLOG_SMART, &local, span_of("<13>Nov 22 11:59:59 app[7]: m")), SR_DECODED);
    queue.memory[queue.len] = '\0';
    assert_non_null(strstr((char *)queue.memory, "\"host\":\"here\""));
    assert_null(strstr((char *)queue.memory, "_remote_addr"));
    assert_int_equal(feed(SYSLOG_SMART, &local, span_of(HEAD "- m")), SR_DECODED);
    queue.memory[queue.len] = '\0';
    assert_non_null(strstr((char *)queue.memory, "\"host\":\"h\"")); /* it says another */
}

static void
what_cannot_be_decoded_is_a_dead_letter_with_its_reason(void **state)
{
    static const uint8_t nothing[1];

    (void)state;
    is_lost(SYSLOG_RFC3164, (struct sr_span){ nothing, 0 }, "empty");
    is_lost(SYSLOG_RFC3164, span_of("Nov 22 11:59:59 h caf\xe9"), "not_utf8");
    is_lost(SYSLOG_RFC3164, span_of("<999>Nov 22 11:59:59 h m"), "bad_priority");
    is_lost(SYSLOG_RFC3164, span_of("hello"), "no_header");
    is_lost(SYSLOG_RFC3164, span_of("Nov 31 11:59:59 h m"), "bad_timestamp");
    is_lost(SYSLOG_RFC5424, span_of("<1>2 2003-10-11T22:14:15Z h a p m -"), "bad_version");
    is_lost(SYSLOG_RFC5424, span_of(HEAD "[x"), "bad_structured_data");
    is_lost(SYSLOG_RFC5424, span_of("Nov 22 11:59:59 h m"), "bad_priority");
}

static void
a_full_queue_leaves_no_trace(void **state)
{
    const struct sr_emit full = { .arg = &queue, .reserve = reserve };
    const struct syslog_decode cfg = { .scratch = &scratch, .local = RFC3164_UTC };

    (void)state;
    queue.reserves = 0;
    queue.room_for = 0;
    /* Neither commit nor deadletter may be called: they are null. */
    assert_int_equal(sr_syslog_datagram(&cfg, NOW, &v4, span_of("hello"), &full), SR_FULL);
    assert_int_equal(queue.reserves, 1);
    queue.room_for = 4;
}

/* HEAD, "- " and `count` bytes that need six each in JSON. */
static struct sr_span
controls(size_t count)
{
    uint8_t *text = malloc(sizeof(HEAD) + 1 + count);

    assert_non_null(text);
    memcpy(text, HEAD "- ", sizeof(HEAD) + 1);
    memset(text + sizeof(HEAD) + 1, 1, count);
    return (struct sr_span){ text, sizeof(HEAD) + 1 + count };
}

static void
text_of_many_escapes_is_given_more_room_once(void **state)
{
    struct sr_span text = controls(40000);

    (void)state;
    assert_int_equal(feed(SYSLOG_RFC5424, &v4, text), SR_DECODED);
    assert_int_equal(queue.reserves, 2);
    assert_int_equal(queue.reserved[0], 1024 + 3 * text.len);
    assert_int_equal(queue.reserved[1], SYSLOG_RECORD_MAX);
    assert_true(queue.len > 480000);
    queue.room_for = 1;
    assert_int_equal(feed(SYSLOG_RFC5424, &v4, text), SR_FULL);
    assert_int_equal(queue.commits + queue.deadletters, 0);
    queue.room_for = 4;
    free((void *)(uintptr_t)text.data);
}

static void
a_record_above_the_cap_is_a_dead_letter(void **state)
{
    struct sr_span text = controls(45000);

    (void)state;
    is_lost(SYSLOG_RFC5424, text, "too_large");
    free((void *)(uintptr_t)text.data);
    text = controls(2 * SYSLOG_RECORD_MAX); /* a frame from a stream: asks for the cap at once */
    is_lost(SYSLOG_RFC5424, text, "too_large");
    assert_int_equal(queue.reserves, 1);
    free((void *)(uintptr_t)text.data);
}

static void
every_error_has_a_word_and_a_sentence(void **state)
{
    (void)state;
    for (int err = SYSLOG_OK; err <= SYSLOG_ELARGE; err++) {
        const char *reason = syslog_reason((enum syslog_err)err);
        assert_int_equal(strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(reason));
        assert_non_null(strchr(syslog_strerror((enum syslog_err)err), ' '));
        for (int other = SYSLOG_OK; other < err; other++) {
            assert_string_not_equal(reason, syslog_reason((enum syslog_err)other));
        }
    }
}

static void
a_severity_is_told_before_anything_else_is_read(void **state)
{
    static const struct {
        const char *text;
        unsigned severity;
    } cases[] = {
        { "<0>", 0 },
        { "<13>x", 5 },
        { "<15>x", 7 },
        { "<191>1 2026-11-22T12:00:00Z", 7 },
        { "<190>", 6 },
        { "<8>x", 0 },
        { "<007>x", 7 },
        { "", 5 },
        { "<", 5 },
        { "<1", 5 },
        { "<>", 5 },
        { "<7x>", 5 },
        { "<1234>x", 5 },
        { "<256>x", 5 },
        { "<0000>x", 5 },
        { " <0>x", 5 },
        { "x<0>", 5 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].text);
        uint8_t *exact = malloc(len + (len == 0)); /* so that reading on is found */
        assert_non_null(exact);
        memcpy(exact, cases[i].text, len);
        assert_int_equal(pri_severity((struct sr_span){ exact, len }), cases[i].severity);
        free(exact);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_without_structured_data_has_upstreams_keys),
        cmocka_unit_test(year_and_words_come_from_the_call),
        cmocka_unit_test(parameters_are_sorted_and_unescaped),
        cmocka_unit_test(upstreams_parameter_replaces_the_address_but_not_its_partition),
        cmocka_unit_test(keys_with_an_underscore_are_sorted),
        cmocka_unit_test(no_parameter_takes_the_place_of_a_key_that_is_ours),
        cmocka_unit_test(keys_of_the_configuration_stand_in_the_order_of_all),
        cmocka_unit_test(keys_of_the_configuration_take_the_place_of_others),
        cmocka_unit_test(ipv6_addresses_stand_without_brackets),
        cmocka_unit_test(a_program_of_this_host_has_its_name_and_no_address),
        cmocka_unit_test(what_cannot_be_decoded_is_a_dead_letter_with_its_reason),
        cmocka_unit_test(a_full_queue_leaves_no_trace),
        cmocka_unit_test(text_of_many_escapes_is_given_more_room_once),
        cmocka_unit_test(a_record_above_the_cap_is_a_dead_letter),
        cmocka_unit_test(every_error_has_a_word_and_a_sentence),
        cmocka_unit_test(a_severity_is_told_before_anything_else_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
