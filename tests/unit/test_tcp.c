/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/clock.h"
#include "tcp_desk.h"
#include "wait.h"

static void
messages_of_many_connections_come_in_order(void **state)
{
    int fds[CLIENTS_MAX] = { 0 };

    (void)state;
    start_with(CLIENTS_MAX, 0);
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        fds[i] = connect_to();
    }
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < CLIENTS_MAX; i++) {
            send_messages(fds[i], round * 30, round * 30 + 30);
        }
    }
    wait_for_count(&listener.shown, CLIENTS_MAX * 300U);
    assert_int_equal(sr_counted(&listener.stats.connections), CLIENTS_MAX);
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        (void)close(fds[i]);
    }
    wait_for_count(&listener.closed, CLIENTS_MAX);
    stop_listener();
    assert_int_equal(atomic_load(&listener.messages), CLIENTS_MAX * 300U);
    assert_int_equal(atomic_load(&listener.broken), 0);
    assert_int_equal(sr_counted(&listener.stats.connections_accepted), CLIENTS_MAX);
}

static void
the_peer_is_the_sender_as_ipv4(void **state)
{
    char text[SR_PEER_TEXT_MAX];

    (void)state;
    start_with(4, 0);
    int fd = connect_to();
    send_messages(fd, 0, 1);
    wait_for_count(&listener.shown, 1);
    struct sockaddr_in own = { .sin_family = AF_INET };
    socklen_t len = sizeof(own);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    stop_listener();
    (void)sr_peer_text(&listener.peer, text);
    assert_string_equal(text, "127.0.0.1");
    assert_int_equal(listener.peer.port, ntohs(own.sin_port));
    (void)close(fd);
}

static void
without_room_nothing_is_read_and_nothing_lost(void **state)
{
    char message[FRAME_MAX];
    unsigned sent = 0;

    (void)state;
    start_with(4, 0);
    atomic_store(&listener.full, true);
    int fd = connect_to();
    struct timeval patience = { .tv_usec = 200000 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
    /* More than the sockets of both ends hold: at some point a message goes nowhere. */
    size_t len, done = 0;
    for (;; sent++) {
        len = write_message(message, sent);
        ssize_t took = send(fd, message, len, MSG_NOSIGNAL);
        if (took != (ssize_t)len) {
            done = took > 0 ? (size_t)took : 0;
            break;
        }
    }
    assert_int_equal(atomic_load(&listener.messages), 0);
    wait_for_count(&listener.asked, 2); /* it tries again of itself */
    atomic_store(&listener.full, false);
    patience.tv_usec = 0;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
    send_all(fd, message + done, len - done);
    sent++;
    send_messages(fd, sent, sent + 100);
    wait_for_count(&listener.shown, sent + 100);
    stop_listener();
    assert_int_equal(atomic_load(&listener.broken), 0);
    (void)close(fd);
}

static void
one_that_is_to_wait_keeps_nobody_else_from_room(void **state)
{
    (void)state;
    start_with(4, 0);
    atomic_store(&listener.held, 1);
    int held = connect_to();
    send_messages(held, 0, 30);
    wait_for_count(&listener.asked, 2); /* and again, by itself */
    int other = connect_to();
    send_messages(other, 0, 10);
    wait_for_count(&listener.shown, 10);
    /* Now both stand in the line, the other one behind and for room. */
    atomic_store(&listener.full, true);
    send_messages(other, 10, 20);
    wait_for_count(&listener.asked, atomic_load(&listener.asked) + 3);
    assert_int_equal(atomic_load(&listener.messages), 10);
    atomic_store(&listener.full, false);
    wait_for_count(&listener.shown, 20);
    atomic_store(&listener.held, 0);
    wait_for_count(&listener.shown, 50);
    (void)close(held);
    (void)close(other);
    stop_listener();
}

static void
those_that_wait_for_room_get_it_in_turn(void **state)
{
    int fds[CLIENTS_MAX] = { 0 };

    (void)state;
    start_with(CLIENTS_MAX, 0);
    atomic_store(&listener.full, true);
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        fds[i] = connect_to();
        send_messages(fds[i], 0, 50);
    }
    wait_for_count(&listener.asked, CLIENTS_MAX); /* each is paused */
    /* One goes away while it stands in the line: what it sent counts all the same. */
    (void)close(fds[3]);
    atomic_store(&listener.full, false);
    wait_for_count(&listener.shown, CLIENTS_MAX * 50U);
    wait_for_count(&listener.closed, 1);
    stop_listener();
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        if (i != 3) {
            (void)close(fds[i]);
        }
    }
}

static void
garbage_ends_the_connection_and_no_other(void **state)
{
    (void)state;
    start_with(4, 0);
    int bad = connect_to(), good = connect_to();
    send_messages(good, 0, 1);
    send_messages(bad, 0, 2);
    send_all(bad, "GET / HTTP/1.0\r\n", 16);
    wait_for_count(&listener.broken, 1);
    assert_true(is_closed_by_peer(bad));
    send_messages(good, 1, 3);
    wait_for_count(&listener.shown, 5);
    stop_listener();
    assert_string_equal(listener.reason, "garbage");
    assert_int_equal(listener.broken_len, 16);
    (void)close(bad);
    (void)close(good);
}

static void
a_client_that_dies_in_a_message_leaves_a_piece(void **state)
{
    struct linger reset = { .l_onoff = 1 };

    (void)state;
    start_with(4, 0);
    int fd = connect_to();
    send_messages(fd, 0, 1);
    send_all(fd, "m50abc", 6);
    wait_for_count(&listener.shown, 1);
    (void)close(fd);
    wait_for_count(&listener.broken, 1);
    assert_string_equal(listener.reason, "truncated");
    assert_int_equal(listener.broken_len, 6);
    /* The same with a reset instead of an end. */
    fd = connect_to();
    send_messages(fd, 0, 1);
    send_all(fd, "m50ab", 5);
    wait_for_count(&listener.shown, 2);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    (void)close(fd);
    wait_for_count(&listener.broken, 2);
    stop_listener();
}

/* What came before the reset is in the kernel, whoever asks for it when. */
static void
what_came_before_a_reset_counts_even_if_nobody_had_accepted_yet(void **state)
{
    struct linger reset = { .l_onoff = 1 };

    (void)state;
    int fd = open_listener();
    int client = connect_to();
    send_messages(client, 0, 20);
    await_received_by_kernel(client);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    (void)close(client);
    serve(fd, 4, 0);
    wait_for_count(&listener.closed, 1);
    stop_listener();
    assert_int_equal(atomic_load(&listener.messages), 20);
    assert_int_equal(sr_counted(&listener.stats.connections_accepted), 1);
}

static void
connections_over_the_limit_are_closed_and_counted(void **state)
{
    int fds[4];

    (void)state;
    start_with(2, 0);
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = connect_to();
    }
    assert_true(is_closed_by_peer(fds[2]));
    assert_true(is_closed_by_peer(fds[3]));
    send_messages(fds[0], 0, 5);
    send_messages(fds[1], 0, 5);
    wait_for_count(&listener.shown, 10);
    assert_int_equal(sr_counted(&listener.stats.connections_refused), 2);
    (void)close(fds[0]);
    wait_for_count(&listener.closed, 1);
    int again = connect_to(); /* there is a place again */
    send_messages(again, 0, 1);
    wait_for_count(&listener.shown, 11);
    stop_listener();
    assert_int_equal(sr_counted(&listener.stats.connections_accepted), 3);
    for (unsigned i = 1; i < 4; i++) {
        (void)close(fds[i]);
    }
    (void)close(again);
}

/* Nobody is turned away, and the rest of the process has descriptors left. */
static void
those_that_there_is_no_descriptor_for_wait_until_there_is_one(void **state)
{
    enum { CLIENTS = 24, GO = 8 };
    struct rlimit limit, few;
    int fds[CLIENTS];
    char byte;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = limit;
    few.rlim_cur = 100; /* half of them for connections, of which both ends are here */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    start_with(CLIENTS_MAX, 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to();
        send_messages(fds[i], 0, 1);
    }
    wait_for_count(&listener.stats.accepts_put_off, 1);
    uint64_t accepted = sr_counted(&listener.stats.connections_accepted);
    assert_true(accepted >= GO && accepted < CLIENTS);
    assert_int_equal(recv(fds[CLIENTS - 1], &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    send_messages(fds[0], 1, 5); /* those that are open go on */
    wait_for_count(&listener.shown, accepted + 4);
    int spare = dup(0);
    assert_true(spare >= 0);
    (void)close(spare);
    for (unsigned i = 0; i < GO; i++) {
        (void)close(fds[i]);
    }
    wait_for_count(&listener.shown, CLIENTS + 4);
    stop_listener();
    assert_int_equal(sr_counted(&listener.stats.connections_accepted), CLIENTS);
    assert_int_equal(sr_counted(&listener.stats.connections_refused), 0);
    for (unsigned i = GO; i < CLIENTS; i++) {
        (void)close(fds[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
the_process_gets_descriptors_for_its_connections(void **state)
{
    struct rlimit limit, low;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    sr_tcp_expect(200);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(low.rlim_cur > 200 || low.rlim_cur == low.rlim_max);
    sr_tcp_expect(UINT64_C(1) << 40); /* more than there can be */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(low.rlim_cur == low.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
without_memory_for_its_state_a_connection_is_refused(void **state)
{
    (void)state;
    listener.no_memory = true;
    start_with(2, 0);
    int fd = connect_to();
    assert_true(is_closed_by_peer(fd));
    wait_for_count(&listener.stats.connections_refused, 1);
    stop_listener();
    (void)close(fd);
}

static void
an_idle_connection_is_closed_with_its_piece(void **state)
{
    (void)state;
    start_with(2, 50 * SR_NS_PER_MS);
    int fd = connect_to();
    send_messages(fd, 0, 1);
    send_all(fd, "m10", 3);
    assert_true(is_closed_by_peer(fd));
    wait_for_count(&listener.closed, 1);
    stop_listener();
    assert_int_equal(atomic_load(&listener.messages), 1);
    assert_string_equal(listener.reason, "truncated");
    (void)close(fd);
}

static void
a_header_of_a_balancer_that_does_not_come_is_not_waited_for(void **state)
{
    (void)state;
    proxied = true;
    start_with(4, 0);
    int silent = connect_to(), slow = connect_to();
    send_all(slow, "PROXY TCP4 192", 14);
    assert_true(is_closed_by_peer(silent));
    assert_true(is_closed_by_peer(slow));
    int good = connect_to();
    send_all(good, "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n", 36);
    send_messages(good, 0, 1);
    wait_for_count(&listener.shown, 1);
    stop_listener();
    assert_int_equal(atomic_load(&listener.broken), 1); /* nothing is a dead letter of nobody */
    assert_string_equal(listener.reason, "proxy_header");
    assert_int_equal(listener.broken_len, 14);
    (void)close(silent);
    (void)close(slow);
    (void)close(good);
}

static void
a_connection_that_waits_for_room_is_not_idle(void **state)
{
    (void)state;
    start_with(2, 50 * SR_NS_PER_MS);
    atomic_store(&listener.full, true);
    int fd = connect_to();
    send_messages(fd, 0, 1);
    wait_for_count(&listener.ticks, 2); /* the clock that closes idle ones has gone round */
    assert_int_equal(atomic_load(&listener.closed), 0);
    atomic_store(&listener.full, false);
    wait_for_count(&listener.shown, 1);
    stop_listener();
    (void)close(fd);
}

static void
a_stop_reads_what_has_come(void **state)
{
    int fds[CLIENTS_MAX] = { 0 };

    (void)state;
    start_with(CLIENTS_MAX, 0);
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        fds[i] = connect_to(); /* perhaps not even accepted when it stops */
        send_messages(fds[i], 0, 200);
    }
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        await_received_by_kernel(fds[i]);
    }
    stop_listener();
    assert_int_equal(atomic_load(&listener.messages), CLIENTS_MAX * 200U);
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        (void)close(fds[i]);
    }
}

static void
a_stop_waits_for_room_and_goes_on_reading(void **state)
{
    (void)state;
    start_with(4, 0);
    atomic_store(&listener.full, true);
    int fd = connect_to();
    send_messages(fd, 0, 100);
    wait_for_count(&listener.asked, 1);
    send_messages(fd, 100, 2000); /* stays in the kernel: the connection is paused */
    await_received_by_kernel(fd);
    uint64_t asked = atomic_load(&listener.asked);
    sr_tcp_worker_stop(listener.worker);
    wait_for_count(&listener.asked, asked + 1);
    atomic_store(&listener.full, false);
    stop_listener();
    assert_int_equal(atomic_load(&listener.messages), 2000);
    assert_int_equal(atomic_load(&listener.dropped), 0);
    (void)close(fd);
}

/* Sends until the connection ends. */
static void *
send_without_end(void *arg)
{
    const int *fd = arg;
    char messages[256 * FRAME_MAX]; /* behind which the bytes that number them begin anew */
    size_t len = 0;

    for (unsigned i = 0; i < 256; i++) {
        len += write_message(messages + len, i);
    }
    while (send(*fd, messages, len, MSG_NOSIGNAL) > 0) {
    }
    return NULL;
}

static void
a_sender_that_never_ends_does_not_keep_a_stop(void **state)
{
    pthread_t sender;
    int size = 65536;
    int listening = open_listener();

    (void)state;
    assert_int_equal(setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    serve(listening, 4, 0);
    atomic_store(&listener.full, true);
    int fd = connect_to();
    assert_int_equal(pthread_create(&sender, NULL, send_without_end, &fd), 0);
    wait_for_count(&listener.asked, 1);
    sr_tcp_worker_stop(listener.worker);
    uint64_t asked = atomic_load(&listener.asked);
    wait_for_count(&listener.asked, asked + 1);
    atomic_store(&listener.full, false);
    stop_listener();
    assert_int_equal(pthread_join(sender, NULL), 0);
    /* What waited, and what the kernel had. */
    assert_in_range(atomic_load(&listener.bytes), 1, 1024 * 1024);
    (void)close(fd);
}

static void
what_never_gets_room_is_told_when_it_stops(void **state)
{
    (void)state;
    start_with(4, 0);
    atomic_store(&listener.full, true);
    int fd = connect_to();
    send_messages(fd, 0, 7);
    send_all(fd, "m99", 3);
    await_received_by_kernel(fd);
    wait_for_count(&listener.asked, 1);
    stop_listener();
    assert_int_equal(atomic_load(&listener.messages), 0);
    assert_int_equal(atomic_load(&listener.dropped), 7);
    assert_int_equal(atomic_load(&listener.broken), 1); /* the piece */
    (void)close(fd);
}

static void
only_listening_tcp_sockets_are_adopted(void **state)
{
    char error[256];
    struct sr_tcp_address address = { .host = "127.0.0.1" };
    int listening = sr_tcp_open(&address, error, sizeof(error));
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_true(sr_tcp_adopt(listening, false, error, sizeof(error)));
    assert_true(sr_tcp_is_stream(listening));
    assert_false(sr_tcp_is_stream(datagrams));
    assert_false(sr_tcp_adopt(plain, false, error, sizeof(error)));
    assert_non_null(strstr(error, "ListenStream="));
    assert_false(sr_tcp_adopt(datagrams, false, error, sizeof(error)));
    assert_false(sr_tcp_adopt(local, false, error, sizeof(error)));
    (void)close(listening);
    (void)close(plain);
    (void)close(datagrams);
    (void)close(local);
}

static void
a_port_that_is_taken_is_an_error_with_advice(void **state)
{
    char error[256];
    struct sr_tcp_address address = { .host = "127.0.0.1" };
    int first = sr_tcp_open(&address, error, sizeof(error));

    (void)state;
    assert_true(first >= 0);
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    assert_int_equal(getsockname(first, (struct sockaddr *)&at, &len), 0);
    address.port = ntohs(at.sin_port);
    assert_int_equal(sr_tcp_open(&address, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "another program listens there"));
    (void)close(first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_of_many_connections_come_in_order, tcp_desk_reset),
        cmocka_unit_test_setup(the_peer_is_the_sender_as_ipv4, tcp_desk_reset),
        cmocka_unit_test_setup(without_room_nothing_is_read_and_nothing_lost, tcp_desk_reset),
        cmocka_unit_test_setup(one_that_is_to_wait_keeps_nobody_else_from_room, tcp_desk_reset),
        cmocka_unit_test_setup(those_that_wait_for_room_get_it_in_turn, tcp_desk_reset),
        cmocka_unit_test_setup(garbage_ends_the_connection_and_no_other, tcp_desk_reset),
        cmocka_unit_test_setup(a_client_that_dies_in_a_message_leaves_a_piece, tcp_desk_reset),
        cmocka_unit_test_setup(
            what_came_before_a_reset_counts_even_if_nobody_had_accepted_yet, tcp_desk_reset),
        cmocka_unit_test_setup(connections_over_the_limit_are_closed_and_counted, tcp_desk_reset),
        cmocka_unit_test_setup(
            those_that_there_is_no_descriptor_for_wait_until_there_is_one, tcp_desk_reset),
        cmocka_unit_test(the_process_gets_descriptors_for_its_connections),
        cmocka_unit_test_setup(
            without_memory_for_its_state_a_connection_is_refused, tcp_desk_reset),
        cmocka_unit_test_setup(an_idle_connection_is_closed_with_its_piece, tcp_desk_reset),
        cmocka_unit_test_setup(
            a_header_of_a_balancer_that_does_not_come_is_not_waited_for, tcp_desk_reset),
        cmocka_unit_test_setup(a_connection_that_waits_for_room_is_not_idle, tcp_desk_reset),
        cmocka_unit_test_setup(a_stop_reads_what_has_come, tcp_desk_reset),
        cmocka_unit_test_setup(a_stop_waits_for_room_and_goes_on_reading, tcp_desk_reset),
        cmocka_unit_test_setup(a_sender_that_never_ends_does_not_keep_a_stop, tcp_desk_reset),
        cmocka_unit_test_setup(what_never_gets_room_is_told_when_it_stops, tcp_desk_reset),
        cmocka_unit_test_setup(only_listening_tcp_sockets_are_adopted, tcp_desk_reset),
        cmocka_unit_test_setup(a_port_that_is_taken_is_an_error_with_advice, tcp_desk_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
