/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/clock.h"
#include "sr/tcp.h"
#include "wait.h"

#define CLIENTS_MAX 32U

/* Messages are a letter 'm', two digits of length and so many bytes; anything else is garbage. */
#define FRAME_MAX 102U

/* What a worker's handler keeps. Plain fields are the worker's until it is joined. */
struct listener {
    struct sr_worker_stats stats;
    struct sr_tcp_worker *worker;
    unsigned port;
    _Atomic bool full;     /* there is no room */
    _Atomic uint64_t held; /* the number of a connection that is to wait, from 1 on */
    _Atomic uint64_t asked, messages, bytes, broken, dropped, opened, closed, ticks, last_ticks;
    _Atomic uint64_t shown; /* messages at the last batch's end */
    _Atomic bool finished;
    bool in_batch, no_memory;
    uint64_t broken_len;
    char reason[32];
    struct sr_peer peer;
};

/* One connection: its messages must come in order. */
struct user {
    struct listener *listener;
    uint64_t number; /* in the order they came, from 1 on */
    unsigned next;   /* the first byte of the next message's text */
};

static struct listener listener;

static void
on_begin(void *arg, uint64_t now_ns)
{
    struct listener *l = arg;

    if (l->in_batch || now_ns == 0) {
        abort();
    }
    l->in_batch = true;
}

static void
on_end(void *arg)
{
    struct listener *l = arg;

    if (!l->in_batch) {
        abort();
    }
    l->in_batch = false;
    atomic_store(&l->shown, atomic_load(&l->messages));
}

static bool
on_open(void *arg, const struct sr_peer *peer, const char *tls_peer, void **ret_connection)
{
    struct listener *l = arg;
    struct user *u = l->no_memory ? NULL : calloc(1, sizeof(*u));

    if (u == NULL) {
        return false;
    }
    if (tls_peer != NULL) {
        abort(); /* nobody has proved anything */
    }
    u->listener = l;
    l->peer = *peer;
    u->number = atomic_fetch_add(&l->opened, 1) + 1;
    *ret_connection = u;
    return true;
}

static void
on_close(void *arg, void *connection)
{
    struct listener *l = arg;

    free(connection);
    atomic_fetch_add(&l->closed, 1);
}

static enum sr_frame_state
on_frame(void *arg, void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    (void)arg;
    (void)connection;
    (void)last;
    if (bytes.data[0] != 'm') {
        ret_frame->reason = "garbage";
        return SR_FRAME_BROKEN;
    }
    if (bytes.len < 3) {
        return SR_FRAME_MORE;
    }
    size_t len = (size_t)(bytes.data[1] - '0') * 10 + (size_t)(bytes.data[2] - '0');
    if (bytes.len < 3 + len) {
        return SR_FRAME_MORE;
    }
    ret_frame->used = 3 + len;
    ret_frame->message = (struct sr_span){ bytes.data + 3, len };
    return SR_FRAME_MESSAGE;
}

static enum sr_tcp_word
on_message(void *arg, void *connection, const struct sr_peer *peer, struct sr_span message,
    size_t used, bool must)
{
    struct listener *l = arg;
    struct user *u = connection;

    if (!l->in_batch || u->listener != l || peer->port == 0) {
        abort();
    }
    atomic_fetch_add(&l->asked, 1);
    if (atomic_load(&l->full)) {
        atomic_fetch_add(&l->dropped, must ? 1 : 0);
        return must ? SR_TCP_TAKEN : SR_TCP_FULL;
    }
    if (!must && u->number == atomic_load(&l->held)) {
        return SR_TCP_LATER;
    }
    if (message.len > 0 && message.data[0] != (uint8_t)u->next++) {
        abort(); /* out of order, or twice, or one is missing */
    }
    atomic_fetch_add(&l->bytes, used);
    atomic_fetch_add(&l->messages, 1);
    return SR_TCP_TAKEN;
}

static void
on_broken(void *arg, void *connection, const struct sr_peer *peer, struct sr_span bytes,
    const char *reason)
{
    struct listener *l = arg;

    (void)connection;
    (void)peer;
    l->broken_len = bytes.len;
    (void)snprintf(l->reason, sizeof(l->reason), "%s", reason);
    atomic_fetch_add(&l->broken, 1);
}

static void
on_tick(void *arg, void *connection, bool last)
{
    struct listener *l = arg;

    if (!l->in_batch || ((struct user *)connection)->listener != l) {
        abort();
    }
    atomic_fetch_add(last ? &l->last_ticks : &l->ticks, 1);
}

static void
on_finish(void *arg)
{
    struct listener *l = arg;

    if (!l->in_batch || atomic_load(&l->opened) != atomic_load(&l->closed)) {
        abort();
    }
    atomic_store(&l->finished, true);
}

static void
wait_for_count(const _Atomic uint64_t *counter, uint64_t least)
{
    for (unsigned i = 0; i < WAIT_STEPS && atomic_load(counter) < least; i++) {
        wait_a_moment();
    }
    assert_true(atomic_load(counter) >= least);
}

static unsigned
port_of(int fd)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
    socklen_t len = sizeof(at);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin6_port);
}

/* Listens on a port that the kernel chooses. */
static int
open_listener(void)
{
    struct sr_tcp_address address = { .host = "" };
    char error[256];
    int fd = sr_tcp_open(&address, error, sizeof(error));

    if (fd < 0) {
        fail_msg("%s", error);
    }
    listener.port = port_of(fd);
    return fd;
}

static void
serve(int fd, unsigned connections, uint64_t idle_ns)
{
    struct sr_tcp_handler handler = {
        .arg = &listener,
        .name = "test",
        .batch_begin = on_begin,
        .batch_end = on_end,
        .open = on_open,
        .close = on_close,
        .frame = on_frame,
        .message = on_message,
        .broken = on_broken,
        .tick = on_tick,
        .finish = on_finish,
    };
    struct sr_tcp_options options = {
        .connections = connections, .idle_ns = idle_ns, .message_max = FRAME_MAX
    };

    listener.worker = sr_tcp_worker_start(fd, &handler, &options, &listener.stats);
    assert_non_null(listener.worker);
}

static void
start_with(unsigned connections, uint64_t idle_ns)
{
    serve(open_listener(), connections, idle_ns);
}

static int
start(void **state)
{
    (void)state;
    memset(&listener, 0, sizeof(listener));
    return 0;
}

static void
stop(void)
{
    sr_tcp_worker_stop(listener.worker);
    sr_tcp_worker_join(listener.worker);
    assert_true(atomic_load(&listener.finished));
    assert_int_equal(atomic_load(&listener.shown), atomic_load(&listener.messages));
    assert_int_equal(sr_counted(&listener.stats.connections), 0);
    assert_int_equal(atomic_load(&listener.opened), atomic_load(&listener.closed));
    assert_int_equal(atomic_load(&listener.opened), atomic_load(&listener.last_ticks));
}

static int
connect_to(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)listener.port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    struct timeval patience = { .tv_sec = 10 }; /* a failure is not to hang */

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void
send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* What was sent may still be on its way: the sender's kernel holds pieces back (Nagle). */
static void
await_received_by_kernel(int fd)
{
    int on_its_way = 1;

    for (unsigned i = 0; i < WAIT_STEPS && on_its_way != 0; i++) {
        assert_int_equal(ioctl(fd, SIOCOUTQ, &on_its_way), 0);
        if (on_its_way != 0) {
            wait_a_moment();
        }
    }
    assert_int_equal(on_its_way, 0);
}

/* The message of a number, with the number's low byte first in its text; returns its length. */
static size_t
write_message(char *out, unsigned number)
{
    unsigned len = 1 + number % 90;

    (void)snprintf(out, 4, "m%02u", len);
    memset(out + 3, 'x', len);
    out[3] = (char)(uint8_t)number;
    return 3 + len;
}

static void
send_messages(int fd, unsigned from, unsigned to)
{
    char message[FRAME_MAX];

    for (unsigned i = from; i < to; i++) {
        send_all(fd, message, write_message(message, i));
    }
}

static bool
is_closed_by_peer(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);

    return got == 0 || (got < 0 && errno == ECONNRESET);
}

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
    stop();
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
    stop();
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
    stop();
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
    stop();
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
    stop();
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
    stop();
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
    stop();
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
    stop();
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
    stop();
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
    stop();
    assert_int_equal(sr_counted(&listener.stats.connections_accepted), CLIENTS);
    assert_int_equal(sr_counted(&listener.stats.connections_refused), 0);
    for (unsigned i = GO; i < CLIENTS; i++) {
        (void)close(fds[i]);
    }
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
    stop();
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
    stop();
    assert_int_equal(atomic_load(&listener.messages), 1);
    assert_string_equal(listener.reason, "truncated");
    (void)close(fd);
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
    stop();
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
    stop();
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
    stop();
    assert_int_equal(atomic_load(&listener.messages), 2000);
    assert_int_equal(atomic_load(&listener.dropped), 0);
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
    stop();
    assert_int_equal(atomic_load(&listener.messages), 0);
    assert_int_equal(atomic_load(&listener.dropped), 7);
    assert_int_equal(atomic_load(&listener.broken), 1); /* the piece */
    (void)close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_of_many_connections_come_in_order, start),
        cmocka_unit_test_setup(the_peer_is_the_sender_as_ipv4, start),
        cmocka_unit_test_setup(without_room_nothing_is_read_and_nothing_lost, start),
        cmocka_unit_test_setup(one_that_is_to_wait_keeps_nobody_else_from_room, start),
        cmocka_unit_test_setup(those_that_wait_for_room_get_it_in_turn, start),
        cmocka_unit_test_setup(garbage_ends_the_connection_and_no_other, start),
        cmocka_unit_test_setup(a_client_that_dies_in_a_message_leaves_a_piece, start),
        cmocka_unit_test_setup(
            what_came_before_a_reset_counts_even_if_nobody_had_accepted_yet, start),
        cmocka_unit_test_setup(connections_over_the_limit_are_closed_and_counted, start),
        cmocka_unit_test_setup(
            those_that_there_is_no_descriptor_for_wait_until_there_is_one, start),
        cmocka_unit_test_setup(without_memory_for_its_state_a_connection_is_refused, start),
        cmocka_unit_test_setup(an_idle_connection_is_closed_with_its_piece, start),
        cmocka_unit_test_setup(a_connection_that_waits_for_room_is_not_idle, start),
        cmocka_unit_test_setup(a_stop_reads_what_has_come, start),
        cmocka_unit_test_setup(a_stop_waits_for_room_and_goes_on_reading, start),
        cmocka_unit_test_setup(what_never_gets_room_is_told_when_it_stops, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
