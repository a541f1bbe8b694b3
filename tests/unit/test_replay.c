/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pcap_file.h"

#include "replay/replay_load.h"
#include "replay/replay_options.h"
#include "replay/replay_sources.h"
#include "replay/replay_times.h"
#include "send/send.h"
#include "sr/capture.h"

enum { PACKETS = 300, PAYLOAD = 40000 };

/* PACKETS raw IPv4 datagrams of PAYLOAD bytes, which begin with their number. */
static void
write_large_capture(struct pcap_file *file)
{
    static char hex[2 * (28 + PAYLOAD) + 1];

    pcap_file_start(file, 101);
    for (unsigned i = 0; i < PACKETS; i++) {
        int at = snprintf(hex, sizeof(hex),
            "4500%04x00010000401100%02xc0000201c000020204010202%04x0000%08x", 28 + PAYLOAD, 0,
            8 + PAYLOAD, i);

        memset(hex + at, '5', sizeof(hex) - (size_t)at - 1);
        pcap_file_add(file, i, hex);
    }
    pcap_file_add(file, PACKETS,
        "4500002800010000400600"
        "00c0000201c0000202");
    pcap_file_finish(file);
}

static void
assert_is_numbered(struct sr_span payload, unsigned number)
{
    struct sr_reader rd = sr_reader_init(payload);

    assert_int_equal(payload.len, PAYLOAD);
    assert_int_equal(sr_reader_be32(&rd), number);
    assert_int_equal(payload.data[PAYLOAD - 1], 0x55);
}

static void
take_one_pass(struct replay_source *source)
{
    struct replay_message messages[SEND_BATCH_MAX];
    unsigned number = 0;
    size_t count;

    while ((count = replay_source_take(source, messages, SEND_BATCH_MAX, UINT64_MAX)) > 0) {
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(messages[i].time_ns, number * UINT64_C(1000000000));
            assert_is_numbered(messages[i].bytes, number++);
        }
    }
    assert_int_equal(number, PACKETS);
    assert_string_equal(replay_source_message(source), "");
}

static void
a_capture_larger_than_memory_comes_in_pieces_and_is_repeated(void **state)
{
    static const size_t limits[] = { 100000, 1 << 20, 64 << 20 };
    char message[SR_CAPTURE_MESSAGE_MAX];
    struct pcap_file file;

    (void)state;
    write_large_capture(&file);
    char *const paths[] = { file.path };
    for (size_t i = 0; i < 6; i++) {
        struct replay_load load = {
            .paths = paths, .path_count = 1, .memory_max = limits[i % 3], .needs_sources = i >= 3
        };
        struct replay_source *source;

        assert_true(replay_source_open(&load, &source, message));
        assert_int_equal(replay_source_count(source), i >= 2 ? PACKETS : 0);
        take_one_pass(source);
        assert_true(replay_source_rewind(source));
        take_one_pass(source);
        assert_int_equal(replay_source_skipped(source)->by_reason[SR_PACKET_ETCP], 1);
        replay_source_close(source);
    }
    pcap_file_remove(&file);
}

static void
standard_input_larger_than_memory_cannot_be_repeated(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX];
    int saved = dup(STDIN_FILENO);
    char input[] = "-";
    char *const paths[] = { input };
    struct replay_load load = { .paths = paths, .path_count = 1, .memory_max = 1 << 20 };
    struct replay_source *source;
    struct pcap_file file;
    int fd;

    (void)state;
    write_large_capture(&file);
    fd = open(file.path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    assert_true(replay_source_open(&load, &source, message));
    take_one_pass(source);
    assert_false(replay_source_rewind(source));
    assert_non_null(strstr(replay_source_message(source), "cannot be repeated"));
    replay_source_close(source);
    (void)dup2(saved, STDIN_FILENO);
    close(saved);
    close(fd);
    pcap_file_remove(&file);
}

/* Captures of GiB of which nothing is wanted are read for minutes. */
static void
a_signal_ends_reading(void **state)
{
    static volatile sig_atomic_t stop;
    char message[SR_CAPTURE_MESSAGE_MAX] = "";
    struct replay_message messages[SEND_BATCH_MAX];
    struct replay_source *source;
    struct pcap_file file;
    unsigned number = 0;
    size_t count;

    (void)state;
    stop = 0;
    write_large_capture(&file);
    char *const paths[] = { file.path };
    struct replay_load load = {
        .paths = paths, .path_count = 1, .memory_max = 1 << 20, .stop = &stop
    };

    assert_true(replay_source_open(&load, &source, message));
    stop = 1;
    while ((count = replay_source_take(source, messages, SEND_BATCH_MAX, UINT64_MAX)) > 0) {
        number += (unsigned)count;
    }
    assert_in_range(number, 1, PACKETS - 1);
    assert_string_equal(replay_source_message(source), "");
    replay_source_close(source);
    pcap_file_remove(&file);
}

/* ---- Times, senders and ports of several captures ---- */

/* A datagram of one byte from 192.0.2.HOST, port SOURCE, to PORT. */
static void
add_datagram(struct pcap_file *file, uint32_t second, unsigned host, unsigned source, unsigned port)
{
    char hex[64];

    (void)snprintf(hex, sizeof(hex),
        "4500001d0001000040110000c00002%02xc63364010%03x%04x00090000%02x", host, source, port,
        second & 0xff);
    pcap_file_add(file, second, hex);
}

static void
files_follow_each_other_and_times_never_go_back(void **state)
{
    static const uint64_t due[] = { 0, 5, 5, 7, 7, 10 };
    char message[SR_CAPTURE_MESSAGE_MAX] = "";
    struct replay_message messages[8];
    struct replay_source *source;
    struct pcap_file first;
    struct pcap_file second;

    (void)state;
    pcap_file_start(&first, 101);
    add_datagram(&first, 100, 1, 1, 514);
    add_datagram(&first, 105, 1, 2, 162);
    add_datagram(&first, 103, 2, 1, 514);
    add_datagram(&first, 107, 1, 1, 514);
    pcap_file_finish(&first);
    pcap_file_start(&second, 101);
    add_datagram(&second, 20, 1, 2, 2055);
    add_datagram(&second, 23, 2, 1, 514);
    pcap_file_finish(&second);
    char *const paths[] = { first.path, second.path };
    struct replay_load load = { .paths = paths, .path_count = 2, .memory_max = 1 << 20 };

    assert_true(replay_source_open(&load, &source, message));
    assert_int_equal(replay_source_count(source), 6);
    assert_int_equal(replay_source_take(source, messages, 8, UINT64_MAX), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(messages[i].time_ns, due[i] * 1000000000);
    }
    assert_int_equal(messages[1].port, 162);
    assert_int_equal(messages[4].port, 2055);
    assert_int_equal(messages[0].source, 0);
    assert_int_equal(messages[1].source, 1);
    assert_int_equal(messages[2].source, 2);
    assert_int_equal(messages[4].source, 1);
    assert_int_equal(replay_sources_count(replay_source_sources(source)), 3);
    replay_source_close(source);
    pcap_file_remove(&first);
    pcap_file_remove(&second);
}

/* When messages that were captured at these seconds are due, in seconds. */
static void
expect_due(const uint32_t *captured, const uint64_t *due, size_t count)
{
    char message[SR_CAPTURE_MESSAGE_MAX] = "";
    struct replay_message messages[8];
    struct replay_source *source;
    struct pcap_file file;

    pcap_file_start(&file, 101);
    for (size_t i = 0; i < count; i++) {
        add_datagram(&file, captured[i], 1, 1, 514);
    }
    pcap_file_finish(&file);
    char *const paths[] = { file.path };
    struct replay_load load = { .paths = paths, .path_count = 1, .memory_max = 1 << 20 };

    assert_true(replay_source_open(&load, &source, message));
    assert_int_equal(replay_source_take(source, messages, 8, UINT64_MAX), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(messages[i].time_ns, due[i] * 1000000000);
    }
    replay_source_close(source);
    pcap_file_remove(&file);
}

static void
a_clock_that_was_set_makes_no_pause_of_years(void **state)
{
    static const uint32_t captured[] = { 0, 2, 1700000000, 1700000003, 1 };
    static const uint64_t due[] = { 0, 2, 2, 5, 5 };

    (void)state;
    expect_due(captured, due, 5);
}

/* As by NTP, or behind the last packet of another capture that was appended. */
static void
a_clock_set_back_by_an_hour_makes_no_flood_of_an_hour(void **state)
{
    static const uint32_t captured[] = { 10000, 10002, 6402, 6401, 6405, 6465, 6400, 6403 };
    static const uint64_t due[] = { 0, 2, 2, 2, 5, 65, 65, 68 };

    (void)state;
    expect_due(captured, due, 8);
}

/* As of two interfaces, or of captures that were merged by the order of packets. */
static void
two_clocks_that_take_turns_do_not_add_up(void **state)
{
    static const uint32_t captured[] = { 100, 7300, 101, 7301, 102, 7302, 7303, 105 };
    static const uint64_t due[] = { 0, 7200, 7200, 7201, 7201, 7202, 7203, 7204 };

    (void)state;
    expect_due(captured, due, 8);
}

/* One packet with a wrong time, by fault or on purpose, must not make a flood of all behind it. */
static void
a_time_far_ahead_does_not_take_the_pauses_from_what_follows(void **state)
{
    static const uint32_t captured[] = { 1700000000, 2100000000, 1700000001, 1700000004 };
    static const uint64_t due[] = { 0, 0, 1, 4 };

    (void)state;
    expect_due(captured, due, 4);
}

static void
whatever_clocks_say_times_never_go_back_nor_leap_more_than_a_year(void **state)
{
    static const uint64_t bases[] = { 0, 1, UINT64_C(1700000000000000000), UINT64_MAX / 2,
        UINT64_MAX - 1000 };
    const uint64_t year_ns = 366 * UINT64_C(86400000000000);
    struct replay_times times = { .line_count = 0 };
    uint64_t random = 88172645463325252; /* xorshift64, Marsaglia 2003 */
    uint64_t last_ns = 0;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        /* Steps of any size from one of a few clocks. */
        uint64_t captured_ns = bases[random % 5] + (random >> 8 >> (i % 56));
        uint64_t ns = replay_times_next(&times, captured_ns);

        assert_true(ns >= last_ns && ns - last_ns <= year_ns);
        last_ns = ns;
        if (i % 1000 == 999) {
            replay_times_begin_file(&times);
        }
    }
    assert_true(last_ns > 0);
}

static void
only_messages_of_nearly_the_same_time_are_taken_at_once(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX] = "";
    struct replay_message messages[8];
    struct replay_source *source;
    struct pcap_file file;

    (void)state;
    pcap_file_start(&file, 101);
    add_datagram(&file, 10, 1, 1, 514);
    add_datagram(&file, 10, 1, 1, 514);
    add_datagram(&file, 11, 1, 1, 514);
    pcap_file_finish(&file);
    char *const paths[] = { file.path };
    struct replay_load load = { .paths = paths, .path_count = 1, .memory_max = 1 << 20 };

    assert_true(replay_source_open(&load, &source, message));
    assert_true(replay_source_peek(source, messages));
    assert_int_equal(replay_source_take(source, messages, 8, 1000000), 2);
    assert_int_equal(replay_source_take(source, messages, 8, 1000000), 1);
    assert_int_equal(replay_source_take(source, messages, 8, 1000000), 0);
    assert_false(replay_source_peek(source, messages));
    replay_source_close(source);
    pcap_file_remove(&file);
}

static struct sr_peer
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (struct sr_peer){ .address = { a, b, c, d }, .port = port };
}

static void
senders_that_find_no_room_share_a_number(void **state)
{
    struct replay_sources *sources = replay_sources_new(false, 2);
    struct sr_peer peers[] = { v4(10, 0, 0, 1, 1), v4(10, 0, 0, 1, 2), v4(10, 0, 0, 1, 3) };

    (void)state;
    assert_int_equal(replay_sources_number(sources, &peers[0]), 0);
    assert_int_equal(replay_sources_number(sources, &peers[1]), 1);
    assert_false(replay_sources_is_full(sources));
    assert_in_range(replay_sources_number(sources, &peers[2]), 0, 1);
    assert_int_equal(
        replay_sources_number(sources, &peers[2]), replay_sources_number(sources, &peers[2]));
    assert_true(replay_sources_is_full(sources));
    assert_int_equal(replay_sources_number(sources, &peers[1]), 1);
    replay_sources_free(sources);
}

static void
each_sender_gets_a_loopback_address_that_no_other_has(void **state)
{
    struct replay_sources *sources = replay_sources_new(true, 8);
    struct sr_peer v6 = { .address = { 0x20, 1, 0xd, 0xb8 }, .is_v6 = true };
    struct sr_peer peers[] = { v4(10, 1, 2, 3, 1), v4(10, 1, 2, 3, 2), v4(11, 1, 2, 3, 1), v6,
        v4(10, 0, 0, 0, 1), v4(10, 255, 255, 255, 1), v4(10, 0, 0, 1, 9) };
    static const uint8_t expected[][4] = { { 127, 1, 2, 3 }, { 127, 254, 0, 1 }, { 127, 254, 0, 2 },
        { 127, 254, 0, 3 }, { 127, 254, 0, 4 }, { 127, 0, 0, 1 } };
    struct sr_peer *loopback;

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        (void)replay_sources_number(sources, &peers[i]);
    }
    assert_int_equal(replay_sources_count(sources), 6); /* ports make no sender here */
    loopback = replay_sources_loopback(sources);
    for (size_t i = 0; i < 6; i++) {
        assert_false(loopback[i].is_v6);
        assert_memory_equal(loopback[i].address, expected[i], 4);
    }
    free(loopback);
    replay_sources_free(sources);
}

static void
a_port_map_says_each_port_once(void **state)
{
    static const char *const wrong[] = { "", "2055", "2055:", ":1", "1:2,", ",1:2", "1:2,,3:4",
        "0:1", "1:0", "65536:1", "1:65536", "1:2 ,3:4", "1:2,1:3", "1:99999999999999999999", "a:b",
        "1:2:3" };
    char many[PORT_MAP_MAX * 16 + 32] = "";
    struct port_map map = { .count = 7 };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(port_map_parse(wrong[i], &map));
    }
    assert_int_equal(map.count, 7);
    assert_true(port_map_parse("2055:12055,162:10162,65535:1", &map));
    assert_int_equal(port_map_find(&map, 2055), 12055);
    assert_int_equal(port_map_find(&map, 162), 10162);
    assert_int_equal(port_map_find(&map, 65535), 1);
    assert_int_equal(port_map_find(&map, 514), 0);
    for (unsigned i = 1; i <= PORT_MAP_MAX; i++) {
        size_t used = strlen(many);

        (void)snprintf(many + used, sizeof(many) - used, "%s%u:%u", i > 1 ? "," : "", i, i);
    }
    assert_true(port_map_parse(many, &map));
    (void)snprintf(many + strlen(many), 8, ",999:1");
    assert_false(port_map_parse(many, &map));
}

static struct sr_span
text(const char *bytes, size_t len)
{
    return (struct sr_span){ (const uint8_t *)bytes, len };
}

static void
framing_is_chosen_by_the_first_message(void **state)
{
    (void)state;
    assert_int_equal(replay_framing(SEND_TCP, text("<13>x", 5)), SEND_NEWLINES);
    assert_int_equal(replay_framing(SEND_TLS, text("<13>x", 5)), SEND_OCTETS);
    assert_int_equal(replay_framing(SEND_TCP, text("\0\x0a\0\x06xy", 6)), SEND_AS_IT_IS);
    assert_int_equal(replay_framing(SEND_TCP, text("\0\x0a\0\x07xy", 6)), SEND_NEWLINES);
    assert_int_equal(replay_framing(SEND_TCP, text("\0\x0a", 2)), SEND_NEWLINES);
    assert_int_equal(replay_framing(SEND_TLS, text(NULL, 0)), SEND_OCTETS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_capture_larger_than_memory_comes_in_pieces_and_is_repeated),
        cmocka_unit_test(standard_input_larger_than_memory_cannot_be_repeated),
        cmocka_unit_test(a_signal_ends_reading),
        cmocka_unit_test(files_follow_each_other_and_times_never_go_back),
        cmocka_unit_test(a_clock_that_was_set_makes_no_pause_of_years),
        cmocka_unit_test(a_clock_set_back_by_an_hour_makes_no_flood_of_an_hour),
        cmocka_unit_test(two_clocks_that_take_turns_do_not_add_up),
        cmocka_unit_test(a_time_far_ahead_does_not_take_the_pauses_from_what_follows),
        cmocka_unit_test(whatever_clocks_say_times_never_go_back_nor_leap_more_than_a_year),
        cmocka_unit_test(only_messages_of_nearly_the_same_time_are_taken_at_once),
        cmocka_unit_test(senders_that_find_no_room_share_a_number),
        cmocka_unit_test(each_sender_gets_a_loopback_address_that_no_other_has),
        cmocka_unit_test(a_port_map_says_each_port_once),
        cmocka_unit_test(framing_is_chosen_by_the_first_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
