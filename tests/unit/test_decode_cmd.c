/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "pcap_file.h"

#include "sr/decode_cmd.h"

#define UDP_OK "0401 0202 000a 0000 6f6b"
#define IPV4_OK "4500 001e 0001 0000 40 11 0000 c0000201 c0000202" UDP_OK
#define IPV4_BAD "4500 001f 0001 0000 40 11 0000 c0000203 c0000202 0401 0202 000b 0000 626164"
#define IPV4_BIG "4500 001f 0001 0000 40 11 0000 c0000204 c0000202 0401 0202 000b 0000 626967"
#define IPV4_WORD(HEX) "4500 001f 0001 0000 40 11 0000 c0000205 c0000202 0401 0202 000b 0000 " HEX
#define IPV6_OK                                                                                    \
    "60000000 000a 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002" UDP_OK
#define IPV4_FRAGMENT "4500 001e 0001 2000 40 11 0000 c0000201 c0000202" UDP_OK
#define IPV4_TCP                                                                                   \
    "4500 0028 0001 0000 40 06 0000 c0000201 c0000202 0401 0202 00000000 00000000 5002 0000 "      \
    "0000 0000"

/*
 * A collector of words: "ok" is a record, "bad" a dead letter, "big" finds no room, "use" is
 * consumed, "no!" refused, "two" is explained and loses two records for a reason and three for
 * want of room.
 */
static bool
is_word(struct sr_span bytes, const char *word)
{
    return bytes.len == strlen(word) && memcmp(bytes.data, word, bytes.len) == 0;
}

static enum sr_verdict
decode_word(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct sr_emit *emit)
{
    char text[128];
    int len;
    uint8_t *out;

    (void)arg;
    if (is_word(bytes, "bad")) {
        emit->deadletter(emit->arg, "bad_word", peer, now_ns, bytes);
        return SR_DEADLETTER;
    }
    if (is_word(bytes, "use")) {
        emit->consumed(emit->arg, "templates");
        return SR_CONSUMED;
    }
    if (is_word(bytes, "no!")) {
        emit->refused(emit->arg, "not_allowed");
        return SR_REFUSED;
    }
    if (is_word(bytes, "two")) {
        if (emit->explain != NULL) {
            emit->explain(emit->arg, span_of("{\"template\":256}"));
        }
        emit->lost(emit->arg, "sampled_out", 2);
        emit->lost(emit->arg, NULL, 3);
        return SR_DECODED;
    }
    out = emit->reserve(emit->arg, bytes.len == 3 ? SIZE_MAX : sizeof(text));
    if (out == NULL) {
        return SR_FULL;
    }
    len = snprintf(text, sizeof(text), "{\"word\":\"%.*s\",\"time\":%" PRIu64 ",\"port\":%u}",
        (int)bytes.len, (const char *)bytes.data, now_ns, peer->port);
    memcpy(out, text, (size_t)len);
    emit->commit(emit->arg, (size_t)len, 1);
    return SR_DECODED;
}

static void
finish_with_a_leftover(void *arg, uint64_t now_ns, const struct sr_emit *emit)
{
    struct sr_peer peer = { .address = { 192, 0, 2, 9 } };

    (void)arg;
    emit->deadletter(emit->arg, "waiting", &peer, now_ns, span_of("x"));
}

struct result {
    char *out;
    char *err;
    int code;
};

static struct result
decode_with(const char *path, const struct sr_decoder *decoder)
{
    struct result result;
    size_t out_len;
    size_t err_len;
    FILE *out = open_memstream(&result.out, &out_len);
    FILE *err = open_memstream(&result.err, &err_len);

    assert_non_null(out);
    assert_non_null(err);
    result.code = sr_decode_run(path, decoder, out, err);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(err), 0);
    return result;
}

static struct result
decode(const char *path, void (*finish)(void *, uint64_t, const struct sr_emit *))
{
    struct sr_decoder decoder = { .datagram = decode_word, .finish = finish };

    return decode_with(path, &decoder);
}

static void
result_free(struct result *result)
{
    free(result->out);
    free(result->err);
}

#define RECORD_OK "{\"word\":\"ok\",\"time\":7250000000,\"port\":1025}\n"

static void
each_link_type_gives_the_same_lines(void **state)
{
    static const struct {
        uint32_t link_type;
        const char *before_v4;
        const char *before_v6;
    } links[] = {
        { 1, "ffffffffffff 020000000001 0800", "ffffffffffff 020000000001 86dd" },
        { 101, "", "" },
        { 113, "0000 0001 0006 0200000000010000 0800", "0000 0001 0006 0200000000010000 86dd" },
        { 276, "0800 0000 00000002 0001 00 06 0200000000010000",
            "86dd 0000 00000002 0001 00 06 0200000000010000" },
        { 0, "02000000", "1e000000" },
        { 108, "00000002", "0000001e" },
    };
    static const char *const v4[] = { IPV4_OK, IPV4_BAD, IPV4_FRAGMENT, IPV4_TCP, IPV4_BIG };

    (void)state;
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        struct pcap_file file;
        struct result result;
        char hex[512];

        pcap_file_start(&file, links[i].link_type);
        for (size_t k = 0; k < sizeof(v4) / sizeof(v4[0]); k++) {
            (void)snprintf(hex, sizeof(hex), "%s%s", links[i].before_v4, v4[k]);
            pcap_file_add(&file, 7, hex);
        }
        (void)snprintf(hex, sizeof(hex), "%s%s", links[i].before_v6, IPV6_OK);
        pcap_file_add(&file, 7, hex);
        pcap_file_finish(&file);
        result = decode(file.path, NULL);
        assert_string_equal(result.out, RECORD_OK
            "{\"error\":\"bad_word\",\"raw\":\"626164\",\"source\":\"192.0.2.3\"}\n"
            "{\"error\":\"fragment\",\"raw\":\"4500001e0001200040110000c0000201c0000202"
            "04010202000a00006f6b\",\"source\":\"192.0.2.1\"}\n"
            "{\"error\":\"tcp\",\"raw\":\"450000280001000040060000c0000201c0000202"
            "0401020200000000000000005002000000000000\",\"source\":\"192.0.2.1\"}\n"
            "{\"error\":\"too_large\",\"raw\":\"626967\",\"source\":\"192.0.2.4\"}\n" RECORD_OK);
        assert_string_equal(result.err,
            "{\"packets\":6,\"datagrams\":4,\"records\":2,\"errors\":"
            "{\"bad_word\":1,\"fragment\":1,\"tcp\":1,\"too_large\":1}}\n");
        assert_int_equal(result.code, 0);
        result_free(&result);
        pcap_file_remove(&file);
    }
}

static void
a_frame_without_ip_is_printed_whole_and_without_source(void **state)
{
    struct pcap_file file;
    struct result result;

    (void)state;
    pcap_file_start(&file, 1);
    pcap_file_add(&file, 7, "ffffffffffff 020000000001 0806 0001");
    pcap_file_finish(&file);
    result = decode(file.path, NULL);
    assert_string_equal(result.out,
        "{\"error\":\"not_ip\",\"raw\":\"ffffffffffff02000000000108060001\",\"source\":\"\"}\n");
    result_free(&result);
    pcap_file_remove(&file);
}

static void
what_waits_at_the_end_is_printed_last(void **state)
{
    struct pcap_file file;
    struct result result;

    (void)state;
    pcap_file_start(&file, 101);
    pcap_file_add(&file, 7, IPV4_OK);
    pcap_file_finish(&file);
    result = decode(file.path, finish_with_a_leftover);
    assert_string_equal(
        result.out, RECORD_OK "{\"error\":\"waiting\",\"raw\":\"78\",\"source\":\"192.0.2.9\"}\n");
    assert_string_equal(
        result.err, "{\"packets\":1,\"datagrams\":1,\"records\":1,\"errors\":{\"waiting\":1}}\n");
    result_free(&result);
    pcap_file_remove(&file);
}

/* A capture of "use", "no!", "two", "use". */
static void
make_words(struct pcap_file *file)
{
    static const char *const packets[] = { IPV4_WORD("757365"), IPV4_WORD("6e6f21"),
        IPV4_WORD("74776f"), IPV4_WORD("757365") };

    pcap_file_start(file, 101);
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        pcap_file_add(file, 7, packets[i]);
    }
    pcap_file_finish(file);
}

static void
what_is_consumed_or_lost_is_counted_and_what_is_refused_has_a_line(void **state)
{
    struct pcap_file file;

    (void)state;
    make_words(&file);
    struct result result = decode(file.path, NULL);
    assert_string_equal(
        result.out, "{\"error\":\"not_allowed\",\"raw\":\"6e6f21\",\"source\":\"192.0.2.5\"}\n");
    assert_string_equal(result.err,
        "{\"packets\":4,\"datagrams\":4,\"records\":0,\"errors\":{\"not_allowed\":1},"
        "\"consumed\":{\"templates\":2},\"lost\":{\"sampled_out\":2,\"too_large\":3}}\n");
    result_free(&result);
    pcap_file_remove(&file);
}

static void
explanations_are_lines_of_their_own_for_who_asks(void **state)
{
    struct sr_decoder decoder = { .datagram = decode_word, .explain = true };
    struct pcap_file file;

    (void)state;
    make_words(&file);
    struct result result = decode_with(file.path, &decoder);
    assert_string_equal(result.out,
        "{\"error\":\"not_allowed\",\"raw\":\"6e6f21\",\"source\":\"192.0.2.5\"}\n"
        "{\"explain\":{\"template\":256}}\n");
    result_free(&result);
    pcap_file_remove(&file);
}

static void
output_larger_than_the_buffer_arrives_whole_and_in_order(void **state)
{
    enum { PACKETS = 20000 };
    struct pcap_file file;
    struct result result;
    const char *at;

    (void)state;
    pcap_file_start(&file, 101);
    for (uint32_t i = 0; i < PACKETS; i++) {
        pcap_file_add(&file, i, IPV4_OK);
    }
    pcap_file_finish(&file);
    result = decode(file.path, NULL);
    at = result.out;
    for (uint32_t i = 0; i < PACKETS; i++) {
        char line[128];
        int len =
            snprintf(line, sizeof(line), "{\"word\":\"ok\",\"time\":%" PRIu64 ",\"port\":1025}\n",
                (uint64_t)i * 1000000000U + 250000000U);

        assert_int_equal(strncmp(at, line, (size_t)len), 0);
        at += len;
    }
    assert_string_equal(at, "");
    result_free(&result);
    pcap_file_remove(&file);
}

static void
a_cut_capture_gives_what_it_has_and_fails(void **state)
{
    struct pcap_file file;
    struct result result;

    (void)state;
    pcap_file_start(&file, 101);
    pcap_file_add(&file, 7, IPV4_OK);
    pcap_file_add_raw(&file, "00000000 0000");
    pcap_file_finish(&file);
    result = decode(file.path, NULL);
    assert_int_equal(result.code, 1);
    assert_string_equal(result.out, RECORD_OK);
    assert_non_null(strstr(result.err, "; 1 packets read before\n{\"packets\":1,"));
    result_free(&result);
    pcap_file_remove(&file);
}

static void
a_missing_capture_fails_with_its_name(void **state)
{
    struct result result = decode("/nonexistent.pcap", NULL);

    (void)state;
    assert_int_equal(result.code, 1);
    assert_string_equal(result.err, "cannot read /nonexistent.pcap: No such file or directory\n");
    result_free(&result);
}

static void
a_full_disk_fails_with_a_message(void **state)
{
    struct sr_decoder decoder = { .datagram = decode_word };
    struct pcap_file file;
    char *text;
    size_t len;
    FILE *out = fopen("/dev/full", "wb");
    FILE *err = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    assert_non_null(err);
    pcap_file_start(&file, 101);
    pcap_file_add(&file, 7, IPV4_OK);
    pcap_file_finish(&file);
    assert_int_equal(sr_decode_run(file.path, &decoder, out, err), 1);
    fclose(out);
    fclose(err);
    assert_non_null(strstr(text, "cannot write the records: No space left on device\n"));
    free(text);
    pcap_file_remove(&file);
}

static void
a_closed_pipe_fails_with_a_message(void **state)
{
    struct sr_decoder decoder = { .datagram = decode_word };
    struct pcap_file file;
    char *text;
    size_t len;
    int ends[2];
    FILE *err = open_memstream(&text, &len);
    FILE *out;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    out = fdopen(ends[1], "wb");
    assert_non_null(out);
    assert_non_null(err);
    pcap_file_start(&file, 101);
    pcap_file_add(&file, 7, IPV4_OK);
    pcap_file_finish(&file);
    assert_int_equal(sr_decode_run(file.path, &decoder, out, err), 1);
    fclose(err);
    assert_non_null(strstr(text, "cannot write the records: Broken pipe\n"));
    free(text);
    pcap_file_remove(&file);
    fclose(out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_link_type_gives_the_same_lines),
        cmocka_unit_test(a_frame_without_ip_is_printed_whole_and_without_source),
        cmocka_unit_test(what_waits_at_the_end_is_printed_last),
        cmocka_unit_test(what_is_consumed_or_lost_is_counted_and_what_is_refused_has_a_line),
        cmocka_unit_test(explanations_are_lines_of_their_own_for_who_asks),
        cmocka_unit_test(output_larger_than_the_buffer_arrives_whole_and_in_order),
        cmocka_unit_test(a_cut_capture_gives_what_it_has_and_fails),
        cmocka_unit_test(a_missing_capture_fails_with_its_name),
        cmocka_unit_test(a_full_disk_fails_with_a_message),
        cmocka_unit_test(a_closed_pipe_fails_with_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
