/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "send/send.h"
#include "send/send_frame.h"
#include "send/send_given.h"
#include "send/send_pace.h"
#include "send/send_segments.h"
#include "send/send_show.h"
#include "send/send_stream.h"
#include "send/send_target.h"

/* ---- Targets ---- */

static void
a_target_is_a_scheme_a_host_and_a_port(void **state)
{
    struct send_target target;

    (void)state;
    assert_true(send_target_parse("udp://127.0.0.1:514", &target));
    assert_int_equal(target.scheme, SEND_UDP);
    assert_string_equal(target.host, "127.0.0.1");
    assert_int_equal(target.port, 514);
    assert_true(send_target_parse("tcp://[::1]:65535", &target));
    assert_int_equal(target.scheme, SEND_TCP);
    assert_string_equal(target.host, "::1");
    assert_int_equal(target.port, 65535);
    assert_true(send_target_parse("tls://collector.example:6514", &target));
    assert_int_equal(target.scheme, SEND_TLS);
}

static void
anything_else_is_no_target(void **state)
{
    static const char *const wrong[] = { "", "127.0.0.1:514", "udp://", "udp://host",
        "udp://host:", "udp://:514", "udp://host:0", "udp://host:65536",
        "udp://host:99999999999999999999", "udp://host:5x", "udp://host:-1", "udp://::1:514",
        "udp://[]:514", "http://host:80", "UDP://host:514" };
    char name[400] = "udp://";
    struct send_target target;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(send_target_parse(wrong[i], &target));
    }
    memset(name + 6, 'a', 256);
    memcpy(name + 6 + 256, ":1", 3);
    assert_false(send_target_parse(name, &target));
    memcpy(name + 6 + 255, ":1", 3);
    assert_true(send_target_parse(name, &target));
}

static bool
is_ours(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return send_address_is_ours((struct sockaddr *)&v4);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return send_address_is_ours((struct sockaddr *)&v6);
}

static void
loopback_is_this_host_and_documentation_addresses_are_not(void **state)
{
    (void)state;
    assert_true(is_ours("127.0.0.1"));
    assert_true(is_ours("127.255.0.7"));
    assert_true(is_ours("0.0.0.0"));
    assert_true(is_ours("::1"));
    assert_true(is_ours("::"));
    assert_true(is_ours("::ffff:127.0.0.1"));
    assert_false(is_ours("192.0.2.1"));
    assert_false(is_ours("128.0.0.1"));
    assert_false(is_ours("2001:db8::1"));
    assert_false(is_ours("::ffff:192.0.2.1"));
}

/* fe80::1 on one interface says nothing of who is fe80::1 on another one. */
static void
an_own_link_local_address_is_ours_on_its_link_only(void **state)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET };
    struct ifaddrs *list;

    (void)state;
    assert_int_equal(getifaddrs(&list), 0);
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET6) {
            memcpy(&v6, i->ifa_addr, sizeof(v6));
            if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) {
                break;
            }
            v6.sin6_family = AF_INET;
        }
    }
    freeifaddrs(list);
    if (v6.sin6_family != AF_INET6) {
        skip(); /* this host has none */
    }
    assert_true(send_address_is_ours((struct sockaddr *)&v6));
    v6.sin6_scope_id += 1000;
    assert_false(send_address_is_ours((struct sockaddr *)&v6));
}

static void
another_host_is_refused_unless_that_is_wanted(void **state)
{
    struct send_options options = { .to = "udp://192.0.2.1:514" };
    char message[SEND_MESSAGE_MAX];
    struct sender *s = NULL;

    (void)state;
    assert_int_equal(send_open(&options, &s, message), SEND_EFOREIGN);
    assert_non_null(strstr(message, "--i-know-what-i-am-doing"));
    assert_non_null(strstr(message, "192.0.2.1"));
    assert_null(s);
}

/* ---- Times ---- */

static void
due_times_have_no_error_that_adds_up(void **state)
{
    (void)state;
    assert_int_equal(pace_due_ns(3, 0), 0);
    assert_int_equal(pace_due_ns(3, 1), 333333333);
    assert_int_equal(pace_due_ns(3, 3), 1000000000);
    assert_int_equal(pace_due_ns(3, 3000000001), 1000000000333333333);
    assert_int_equal(pace_due_ns(PACE_RATE_MAX, PACE_RATE_MAX), 1000000000);
}

static void
a_speed_divides_the_original_time(void **state)
{
    (void)state;
    assert_int_equal(pace_scale_ns(UINT64_MAX, 1), UINT64_MAX);
    assert_int_equal(pace_scale_ns(1000, 10), 100);
    assert_int_equal(pace_scale_ns(1000, 0.1), 10000);
    assert_int_equal(pace_scale_ns(UINT64_MAX, 0.1), UINT64_MAX / 2); /* and no overflow */
}

static void
batches_are_small_enough_for_an_even_flow(void **state)
{
    (void)state;
    assert_int_equal(pace_batch_size(0, 64), 64);
    assert_int_equal(pace_batch_size(1, 64), 1);
    assert_int_equal(pace_batch_size(1999, 64), 1);
    assert_int_equal(pace_batch_size(10000, 64), 10);
    assert_int_equal(pace_batch_size(100000000, 64), 64);
}

static void
sleeps_end_earlier_at_once_and_later_by_and_by(void **state)
{
    uint64_t margin = pace_margin_ns(0, 0);
    uint64_t high;

    (void)state;
    assert_in_range(margin, 1000, 10000);
    high = pace_margin_ns(margin, 40000);
    assert_int_equal(high, 50000);
    margin = pace_margin_ns(high, 0);
    assert_in_range(margin, 45000, 49999);
    for (int i = 0; i < 1000; i++) {
        margin = pace_margin_ns(margin, 0);
    }
    assert_int_equal(margin, pace_margin_ns(0, 0));
    assert_in_range(pace_margin_ns(margin, 5000000), 50000, 200000); /* one stall burns no core */
}

/* ---- Pieces ---- */

static const uint8_t bytes[SEND_PIECE_MAX + 20];

static struct send_item
item(uint32_t source, uint16_t port, size_t len)
{
    return (struct send_item){ .bytes = { bytes, len }, .source = source, .port = port };
}

static void
datagrams_of_a_source_stand_together_in_their_order(void **state)
{
    struct send_item items[] = { item(1, 0, 1), item(0, 9, 2), item(1, 0, 3), item(0, 0, 4),
        item(0, 9, 5) };
    static const uint8_t expected[] = { 3, 1, 4, 0, 2 };
    uint8_t order[5];

    (void)state;
    send_order(items, 5, order);
    assert_memory_equal(order, expected, 5);
    assert_int_equal(send_same(items, order, 5), 1);
    assert_int_equal(send_same(items, order + 1, 4), 2);
    assert_int_equal(send_same(items, order + 3, 2), 2);
    assert_int_equal(send_same(items, order, 0), 0);
}

static size_t
cut(const struct send_item *items, size_t count, bool segment, struct send_piece *pieces)
{
    uint8_t order[SEND_BATCH_MAX];

    send_order(items, count, order);
    return send_cut(items, order, count, segment, pieces);
}

static void
a_piece_has_datagrams_of_one_size_and_a_shorter_last_one(void **state)
{
    struct send_item items[] = { item(0, 0, 100), item(0, 0, 100), item(0, 0, 50), item(0, 0, 100),
        item(0, 0, 120), item(0, 0, 120), item(0, 0, 0), item(0, 0, 0) };
    struct send_piece pieces[8];

    (void)state;
    assert_int_equal(cut(items, 8, true, pieces), 5);
    assert_int_equal(pieces[0].count, 3);
    assert_int_equal(pieces[0].size, 100);
    assert_int_equal(pieces[1].count, 1); /* a longer one follows */
    assert_int_equal(pieces[1].size, 0);
    assert_int_equal(pieces[2].first, 4);
    assert_int_equal(pieces[2].count, 2);
    assert_int_equal(pieces[3].count, 1); /* empty ones would be lost in a piece */
    assert_int_equal(pieces[4].count, 1);
    assert_int_equal(cut(items, 8, false, pieces), 8);
}

static void
a_piece_is_no_longer_than_the_kernel_takes(void **state)
{
    struct send_item items[SEND_BATCH_MAX];
    struct send_piece pieces[SEND_BATCH_MAX];
    size_t first;

    (void)state;
    for (size_t i = 0; i < SEND_BATCH_MAX; i++) {
        items[i] = item(0, 0, 1400);
    }
    assert_int_equal(cut(items, SEND_BATCH_MAX, true, pieces), 2);
    first = pieces[0].count;
    assert_true(first * 1400 <= SEND_PIECE_MAX && (first + 1) * 1400 > SEND_PIECE_MAX);
    assert_int_equal(first + pieces[1].count, SEND_BATCH_MAX);
    items[0] = item(0, 0, SEND_PIECE_MAX + 1);
    assert_int_equal(cut(items, 2, true, pieces), 2);
}

/* ---- Frames ---- */

static void
assert_frame(enum send_framing framing, const char *message, const char *frame)
{
    uint8_t out[64];
    struct sr_span span = { (const uint8_t *)message, strlen(message) };

    assert_int_equal(send_frame(framing, span, out), strlen(frame));
    assert_memory_equal(out, frame, strlen(frame));
}

static void
frames_are_those_of_rfc_6587(void **state)
{
    (void)state;
    assert_frame(SEND_NEWLINES, "one", "one\n");
    assert_frame(SEND_NEWLINES, "one\n", "one\n");
    assert_frame(SEND_NEWLINES, "", "\n");
    assert_frame(SEND_OCTETS, "one\n", "4 one\n");
    assert_frame(SEND_OCTETS, "ten bytes.", "10 ten bytes.");
    assert_frame(SEND_OCTETS, "", ""); /* there is no count of 0 */
    assert_frame(SEND_AS_IT_IS, "one", "one");
}

/* ---- Sockets ---- */

struct sink {
    int fd;
    char url[64];
};

static void
open_sink(struct sink *sink)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval limit = { .tv_sec = 5 };
    socklen_t len = sizeof(address);
    int buffer = 4 << 20;

    sink->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(sink->fd >= 0);
    (void)setsockopt(sink->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    (void)setsockopt(sink->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(bind(sink->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(sink->fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(sink->url, sizeof(sink->url), "udp://127.0.0.1:%u", ntohs(address.sin_port));
}

static struct sender *
open_sender(const struct send_options *options)
{
    char message[SEND_MESSAGE_MAX] = "";
    struct sender *s = NULL;

    if (send_open(options, &s, message) != SEND_OK) {
        fail_msg("%s", message);
    }
    send_start(s);
    return s;
}

/* Sends 64 numbered datagrams of equal size from `sources` sources. */
static void
send_numbers(struct sender *s, uint32_t sources)
{
    uint32_t numbers[SEND_BATCH_MAX];
    struct send_item items[SEND_BATCH_MAX];

    for (uint32_t i = 0; i < SEND_BATCH_MAX; i++) {
        numbers[i] = i;
        items[i] = (struct send_item){
            .bytes = { (const uint8_t *)&numbers[i], sizeof(numbers[i]) },
            .source = i % sources,
        };
    }
    assert_true(send_items(s, items, SEND_BATCH_MAX));
}

static void
a_flood_arrives_whole_and_in_order(void **state)
{
    struct send_options options = { .sources = 1, .flood = true };
    struct sink sink;
    struct sender *s;

    (void)state;
    open_sink(&sink);
    options.to = sink.url;
    s = open_sender(&options);
    send_numbers(s, 1);
    for (uint32_t i = 0; i < SEND_BATCH_MAX; i++) {
        uint32_t number[2] = { UINT32_MAX };

        /* Each is a datagram of its own, though the kernel was given one piece. */
        assert_int_equal(recv(sink.fd, number, sizeof(number), 0), sizeof(uint32_t));
        assert_int_equal(number[0], i);
    }
    assert_int_equal(send_totals(s)->sent, SEND_BATCH_MAX);
    assert_int_equal(send_totals(s)->bytes, SEND_BATCH_MAX * sizeof(uint32_t));
    send_close(s);
    close(sink.fd);
}

static void
each_source_has_a_socket_and_its_own_address(void **state)
{
    struct sr_peer addresses[4] = { { { 127, 1, 0, 1 }, 0, false, false },
        { { 127, 1, 0, 2 }, 0, false, false }, { { 127, 1, 0, 3 }, 0, false, false },
        { { 127, 1, 0, 4 }, 0, false, false } };
    struct send_options options = { .sources = 4, .flood = true, .addresses = addresses };
    struct sink sink;
    struct sender *s;

    (void)state;
    open_sink(&sink);
    options.to = sink.url;
    s = open_sender(&options);
    send_numbers(s, 4);
    for (uint32_t i = 0; i < SEND_BATCH_MAX; i++) {
        struct sockaddr_in from;
        socklen_t len = sizeof(from);
        uint32_t number = UINT32_MAX;

        assert_int_equal(
            recvfrom(sink.fd, &number, sizeof(number), 0, (struct sockaddr *)&from, &len), 4);
        assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f010001 + number % 4);
    }
    send_close(s);
    close(sink.fd);
}

static void
a_datagram_too_long_for_the_network_is_counted_and_left_out(void **state)
{
    struct send_options options = { .sources = 1, .flood = true };
    struct send_item items[] = { item(0, 0, 1), item(0, 0, SEND_PIECE_MAX + 1), item(0, 0, 2) };
    struct sink sink;
    struct sender *s;

    (void)state;
    open_sink(&sink);
    options.to = sink.url;
    s = open_sender(&options);
    assert_true(send_items(s, items, 3));
    assert_int_equal(send_totals(s)->sent, 2);
    assert_int_equal(send_totals(s)->bytes, 3);
    assert_int_equal(send_totals(s)->too_long, 1);
    send_close(s);
    close(sink.fd);
}

static void
what_a_signal_kept_from_being_sent_is_counted(void **state)
{
    static const volatile sig_atomic_t stop = 1;
    struct send_options options = { .sources = 1, .rate = 1, .stop = &stop };
    struct send_item items[] = { item(0, 0, 1), item(0, 0, 2) };
    struct sink sink;
    struct sender *s;

    (void)state;
    open_sink(&sink);
    options.to = sink.url;
    s = open_sender(&options);
    assert_false(send_items(s, items, 2));
    assert_int_equal(send_totals(s)->sent, 0);
    assert_int_equal(send_totals(s)->unsent, 2);
    send_close(s);
    close(sink.fd);
}

/* ---- Connections ---- */

static void
what_lies_behind_the_acknowledged_bytes_is_lost(void **state)
{
    struct given given = { 0 };
    struct given_sum lost;

    (void)state;
    for (uint64_t i = 1; i <= 10; i++) {
        given_add(&given, i * 100, (struct given_sum){ .messages = 2, .bytes = i });
    }
    lost = given_lose(&given, 799); /* the eighth is cut */
    assert_int_equal(lost.messages, 6);
    assert_int_equal(lost.bytes, 8 + 9 + 10);
    assert_int_equal(given_lose(&given, 0).messages, 0);
    given_add(&given, 100, (struct given_sum){ .messages = 1 });
    assert_int_equal(given_lose(&given, 100).messages, 0);
    given_free(&given);
}

/* There are 10,000 connections, for hours. */
static void
what_was_acknowledged_takes_no_memory(void **state)
{
    struct given given = { 0 };
    struct given_sum one = { .messages = 1, .bytes = 1 };
    struct given_sum lost;

    (void)state;
    for (uint64_t i = 1; i <= 100000; i++) {
        if (given_is_full(&given)) {
            given_make_room(&given, i - 100);
        }
        given_add(&given, i, one);
    }
    assert_int_equal(given.cap, GIVEN_MAX);
    assert_int_equal(given.all.messages, 100000);
    /* A receiver with a large window has more on its way, and all of it is known. */
    for (uint64_t i = 100001; i <= 102000; i++) {
        if (given_is_full(&given)) {
            given_make_room(&given, 100000);
        }
        given_add(&given, i, one);
    }
    assert_int_equal(given.cap, 2048);
    lost = given_lose(&given, 100500);
    assert_int_equal(lost.messages, 1500);
    given_free(&given);
}

/* It would keep us from sending, and from signals. */
static void
a_receiver_that_talks_without_end_is_not_listened_to(void **state)
{
    static const uint8_t talk[120000];
    struct stream stream = { .fd = -1 };
    uint8_t rest;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(send(ends[1], talk, sizeof(talk), 0), sizeof(talk));
    stream.fd = ends[0];
    assert_true(stream_look(&stream));
    assert_int_equal(recv(ends[0], &rest, 1, MSG_PEEK | MSG_DONTWAIT), 1);
    close(ends[1]);
    stream_close(&stream);
}

/* ---- The line of progress ---- */

static void
the_line_says_part_and_time_left_when_the_whole_is_known(void **state)
{
    struct send_totals totals = { .sent = 250, .refused = 3 };
    char line[160];

    (void)state;
    send_show_line(&totals, 1000, 125, 2, line, sizeof(line));
    assert_string_equal(line, "250 sent  125/s  3 refused  25 %  6 s left");
    send_show_line(&totals, 0, 125, 2, line, sizeof(line));
    assert_string_equal(line, "250 sent  125/s  3 refused");
    totals.lost = 750;
    send_show_line(&totals, 1000, 125, 2, line, sizeof(line));
    assert_string_equal(line, "250 sent  125/s  3 refused  750 lost  100 %");
    send_show_line(&totals, UINT64_MAX, 125, 3600, line, sizeof(line));
    assert_string_equal(line, "250 sent  125/s  3 refused  750 lost  0 %");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_a_scheme_a_host_and_a_port),
        cmocka_unit_test(anything_else_is_no_target),
        cmocka_unit_test(loopback_is_this_host_and_documentation_addresses_are_not),
        cmocka_unit_test(an_own_link_local_address_is_ours_on_its_link_only),
        cmocka_unit_test(another_host_is_refused_unless_that_is_wanted),
        cmocka_unit_test(due_times_have_no_error_that_adds_up),
        cmocka_unit_test(a_speed_divides_the_original_time),
        cmocka_unit_test(batches_are_small_enough_for_an_even_flow),
        cmocka_unit_test(sleeps_end_earlier_at_once_and_later_by_and_by),
        cmocka_unit_test(datagrams_of_a_source_stand_together_in_their_order),
        cmocka_unit_test(a_piece_has_datagrams_of_one_size_and_a_shorter_last_one),
        cmocka_unit_test(a_piece_is_no_longer_than_the_kernel_takes),
        cmocka_unit_test(frames_are_those_of_rfc_6587),
        cmocka_unit_test(a_flood_arrives_whole_and_in_order),
        cmocka_unit_test(each_source_has_a_socket_and_its_own_address),
        cmocka_unit_test(a_datagram_too_long_for_the_network_is_counted_and_left_out),
        cmocka_unit_test(what_a_signal_kept_from_being_sent_is_counted),
        cmocka_unit_test(what_lies_behind_the_acknowledged_bytes_is_lost),
        cmocka_unit_test(what_was_acknowledged_takes_no_memory),
        cmocka_unit_test(a_receiver_that_talks_without_end_is_not_listened_to),
        cmocka_unit_test(the_line_says_part_and_time_left_when_the_whole_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
