/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/clock.h"
#include "sr/log.h"
#include "sr/udp.h"
#include "wait.h"

#define LARGEST 65507U /* payload of the largest IPv4 datagram: 65535 - 20 - 8 */
#define KEPT_MAX 64U

/* What a worker's handler keeps. Read by the test when the counter says so, or after a join. */
struct receiver {
    struct sr_worker_stats stats;
    struct sr_udp_worker *worker;
    _Atomic uint64_t seen; /* datagrams */
    size_t lengths[KEPT_MAX];
    char peers[KEPT_MAX][SR_PEER_TEXT_MAX];
    uint16_t ports[KEPT_MAX];
    uint8_t first_byte[KEPT_MAX], last_byte[KEPT_MAX];
    uint64_t now_ns;
    unsigned begun, ended;
    bool in_batch, truncated;
    _Atomic uint64_t ticks, last_ticks;
    bool tick_in_batch;
    _Atomic uint64_t want_ns; /* what due() says; 0: none */
    _Atomic uint64_t dues;    /* batch_end() calls behind that time */
    _Atomic bool held;        /* it is busy with a datagram until this is over */
    unsigned most_backlog;
    struct { /* the counters at the last end */
        uint64_t received, bytes, batches, kernel_drops, kernel_seen;
    } last;
};

static struct receiver receivers[2];

static void
on_begin(void *arg, uint64_t now_ns)
{
    struct receiver *r = arg;

    r->begun++;
    r->in_batch = true;
    r->now_ns = now_ns;
}

static void
on_backlog(void *arg, unsigned level)
{
    struct receiver *r = arg;

    if (r->in_batch) {
        abort(); /* it is told before */
    }
    r->most_backlog = level > r->most_backlog ? level : r->most_backlog;
}

static void
on_datagram(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct msghdr *message)
{
    struct receiver *r = arg;
    size_t i = (size_t)sr_counted(&r->seen) % KEPT_MAX;

    if (now_ns != r->now_ns || !r->in_batch) {
        abort(); /* outside of a batch */
    }
    while (atomic_load(&r->held)) {
        wait_a_moment();
    }
    r->lengths[i] = bytes.len;
    r->ports[i] = peer->port;
    r->truncated = r->truncated || (message->msg_flags & MSG_TRUNC) != 0;
    (void)sr_peer_text(peer, r->peers[i]);
    r->first_byte[i] = bytes.len > 0 ? bytes.data[0] : 0;
    r->last_byte[i] = bytes.len > 0 ? bytes.data[bytes.len - 1] : 0;
    atomic_store(&r->seen, sr_counted(&r->seen) + 1);
}

static void
on_end(void *arg)
{
    struct receiver *r = arg;

    r->ended++;
    if (!r->in_batch && atomic_load(&r->want_ns) != 0) {
        if (sr_clock_monotonic_ns() >= atomic_load(&r->want_ns)) {
            atomic_store(&r->want_ns, 0);
            sr_count(&r->dues, 1);
        }
    }
    r->in_batch = false;
    r->last.received = sr_counted(&r->stats.received);
    r->last.bytes = sr_counted(&r->stats.received_bytes);
    r->last.batches = sr_counted(&r->stats.batches);
    r->last.kernel_drops = sr_counted(&r->stats.kernel_drops);
    r->last.kernel_seen = sr_counted(&r->stats.kernel_seen);
}

static void
on_tick(void *arg, uint64_t now_ns, bool last)
{
    struct receiver *r = arg;

    (void)now_ns;
    r->tick_in_batch = r->tick_in_batch || r->in_batch;
    sr_count(last ? &r->last_ticks : &r->ticks, 1);
}

static uint64_t
on_due(void *arg)
{
    const struct receiver *r = arg;
    uint64_t want_ns = atomic_load(&r->want_ns);

    return want_ns != 0 ? want_ns : UINT64_MAX;
}

static int
reset(void **state)
{
    (void)state;
    memset(receivers, 0, sizeof(receivers));
    return 0;
}

/* A port that was free a moment ago. */
static unsigned
free_port(void)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)close(fd);
    return ntohs(at.sin6_port);
}

static int
open_on(const char *host, unsigned port, bool shared)
{
    struct sr_udp_address address = {
        .host = host,
        .port = port,
        .receive_buffer = 1U << 20,
        .shared = shared,
    };
    char error[256] = "";
    int fd = sr_udp_open(&address, error, sizeof(error));

    if (fd < 0) {
        fail_msg("%s", error);
    }
    return fd;
}

static void
start_worker(struct receiver *r, int fd)
{
    struct sr_udp_handler handler = {
        .arg = r,
        .name = "test",
        .backlog = on_backlog,
        .batch_begin = on_begin,
        .datagram = on_datagram,
        .batch_end = on_end,
        .tick = on_tick,
        .due = on_due,
    };

    r->worker = sr_udp_worker_start(fd, &handler, &r->stats, NULL);
    assert_non_null(r->worker);
}

static void
stop_worker(struct receiver *r)
{
    sr_udp_worker_stop(r->worker);
    sr_udp_worker_join(r->worker);
}

/* A socket that sends to 127.0.0.1 or ::1; its own port is told. */
static int
connect_to(int family, unsigned port, uint16_t *ret_port)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_storage own;
    socklen_t len = sizeof(own);
    int fd = socket(family, SOCK_DGRAM, 0);

    memset(&own, 0, sizeof(own));
    v6.sin6_port = v4.sin_port = htons((uint16_t)port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
                                       : connect(fd, (struct sockaddr *)&v6, sizeof(v6)),
        0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    *ret_port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&own)->sin_port
                                        : ((struct sockaddr_in6 *)&own)->sin6_port);
    return fd;
}

static void
send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void
datagrams_arrive_with_the_address_of_their_sender(void **state)
{
    unsigned port = free_port();
    uint16_t port4, port6;

    (void)state;
    start_worker(&receivers[0], open_on("::", port, false));
    int fd4 = connect_to(AF_INET, port, &port4);
    send_text(fd4, "four");
    assert_true(wait_for(&receivers[0].seen, 1));
    int fd6 = connect_to(AF_INET6, port, &port6);
    send_text(fd6, "sixsix");
    assert_true(wait_for(&receivers[0].seen, 2));
    stop_worker(&receivers[0]);
    assert_string_equal(receivers[0].peers[0], "127.0.0.1"); /* not ::ffff:127.0.0.1 */
    assert_int_equal(receivers[0].ports[0], port4);
    assert_int_equal(receivers[0].lengths[0], 4);
    assert_string_equal(receivers[0].peers[1], "::1");
    assert_int_equal(receivers[0].ports[1], port6);
    assert_int_equal(receivers[0].lengths[1], 6);
    assert_int_equal(sr_counted(&receivers[0].stats.received), 2);
    assert_int_equal(sr_counted(&receivers[0].stats.received_bytes), 10);
    assert_true(sr_clock_wall_ns() - receivers[0].now_ns < 60 * SR_NS_PER_SECOND);
    (void)close(fd4);
    (void)close(fd6);
}

static void
no_host_and_a_star_are_every_address(void **state)
{
    static const char *const hosts[] = { "", "*" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        unsigned port = free_port();
        uint16_t own;
        start_worker(&receivers[i], open_on(hosts[i], port, false));
        int fd4 = connect_to(AF_INET, port, &own);
        int fd6 = connect_to(AF_INET6, port, &own);
        send_text(fd4, "a");
        send_text(fd6, "b");
        assert_true(wait_for(&receivers[i].seen, 2));
        stop_worker(&receivers[i]);
        (void)close(fd4);
        (void)close(fd6);
    }
}

static void
an_ipv4_socket_gives_ipv4_addresses(void **state)
{
    unsigned port = free_port();
    uint16_t own;

    (void)state;
    start_worker(&receivers[0], open_on("127.0.0.1", port, false));
    int fd = connect_to(AF_INET, port, &own);
    send_text(fd, "x");
    assert_true(wait_for(&receivers[0].seen, 1));
    stop_worker(&receivers[0]);
    assert_string_equal(receivers[0].peers[0], "127.0.0.1");
    assert_int_equal(receivers[0].ports[0], own);
    (void)close(fd);
}

static void
empty_and_the_largest_datagrams_are_whole(void **state)
{
    static uint8_t large[LARGEST];
    unsigned port = free_port();
    uint16_t own;

    (void)state;
    large[0] = 1;
    large[LARGEST - 1] = 2;
    start_worker(&receivers[0], open_on("127.0.0.1", port, false));
    int fd = connect_to(AF_INET, port, &own);
    assert_int_equal(send(fd, "", 0, 0), 0);
    assert_int_equal(send(fd, large, LARGEST, 0), LARGEST);
    send_text(fd, "after");
    assert_true(wait_for(&receivers[0].seen, 3));
    stop_worker(&receivers[0]);
    assert_int_equal(receivers[0].lengths[0], 0);
    assert_int_equal(receivers[0].lengths[1], LARGEST);
    assert_int_equal(receivers[0].first_byte[1], 1);
    assert_int_equal(receivers[0].last_byte[1], 2);
    assert_int_equal(receivers[0].lengths[2], 5); /* not 65507: slots do not keep lengths */
    assert_false(receivers[0].truncated);
    (void)close(fd);
}

static void
what_waits_comes_in_batches(void **state)
{
    unsigned port = free_port();
    uint16_t own;
    int listening = open_on("127.0.0.1", port, false);
    int fd = connect_to(AF_INET, port, &own);

    (void)state;
    for (int i = 0; i < 200; i++) { /* before anybody receives */
        send_text(fd, "x");
    }
    start_worker(&receivers[0], listening);
    assert_true(wait_for(&receivers[0].stats.received, 200));
    stop_worker(&receivers[0]);
    assert_int_equal(receivers[0].seen, 200);
    assert_true(sr_counted(&receivers[0].stats.batches) <= 10);
    assert_int_equal(receivers[0].begun, sr_counted(&receivers[0].stats.batches));
    assert_int_equal(receivers[0].ended, receivers[0].begun);
    (void)close(fd);
}

static void
a_stop_receives_what_the_kernel_holds(void **state)
{
    unsigned port = free_port();
    uint16_t own;
    int listening = open_on("127.0.0.1", port, false);
    int fd = connect_to(AF_INET, port, &own);

    (void)state;
    for (int i = 0; i < 300; i++) {
        send_text(fd, "x");
    }
    start_worker(&receivers[0], listening);
    stop_worker(&receivers[0]); /* at once */
    assert_int_equal(receivers[0].seen, 300);
    assert_int_equal(sr_counted(&receivers[0].last_ticks), 1);
    assert_int_equal(sr_counted(&receivers[0].stats.received), 300);
    (void)close(fd);
}

static void
a_batch_is_ended_when_it_is_due_without_another_one(void **state)
{
    unsigned port = free_port();
    uint16_t own;

    (void)state;
    start_worker(&receivers[0], open_on("127.0.0.1", port, false));
    int fd = connect_to(AF_INET, port, &own);
    for (unsigned i = 1; i <= 3; i++) {
        atomic_store(&receivers[0].want_ns, sr_clock_monotonic_ns() + 5 * SR_NS_PER_MS);
        send_text(fd, "x"); /* behind which due() is asked */
        assert_true(wait_for(&receivers[0].dues, i));
    }
    stop_worker(&receivers[0]);
    (void)close(fd);
}

static void
a_worker_without_datagrams_ticks(void **state)
{
    (void)state;
    start_worker(&receivers[0], open_on("127.0.0.1", free_port(), false));
    assert_true(wait_for(&receivers[0].ticks, 2));
    stop_worker(&receivers[0]);
    assert_false(receivers[0].tick_in_batch);
    assert_int_equal(sr_counted(&receivers[0].last_ticks), 1);
}

static void
what_the_kernel_drops_is_counted(void **state)
{
    struct sr_udp_address address = { .host = "127.0.0.1", .receive_buffer = 4096 };
    char error[256];
    static uint8_t bytes[1000];
    uint16_t own;

    (void)state;
    address.port = free_port();
    int listening = sr_udp_open(&address, error, sizeof(error));
    int fd = connect_to(AF_INET, address.port, &own);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    }
    start_worker(&receivers[0], listening);
    stop_worker(&receivers[0]);
    assert_true(sr_counted(&receivers[0].stats.kernel_drops) > 0);
    assert_int_equal(
        sr_counted(&receivers[0].stats.received) + sr_counted(&receivers[0].stats.kernel_drops),
        200);
    (void)close(fd);
}

/* Sends so many while the receiver is busy, which then takes what the kernel held. */
static unsigned
backlog_of(unsigned count)
{
    struct sr_udp_address address = { .host = "127.0.0.1", .receive_buffer = 65536 };
    struct receiver *r = &receivers[0];
    char error[256];
    uint16_t own;

    address.port = free_port();
    int listening = sr_udp_open(&address, error, sizeof(error));
    int fd = connect_to(AF_INET, address.port, &own);
    atomic_store(&r->held, true);
    start_worker(r, listening);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(send(fd, "x", 1, 0), 1);
    }
    atomic_store(&r->held, false);
    stop_worker(r);
    assert_int_equal(sr_counted(&r->stats.received) + sr_counted(&r->stats.kernel_drops), count);
    (void)close(fd);
    return r->most_backlog;
}

static void
a_burst_that_the_buffer_holds_is_no_backlog(void **state)
{
    (void)state;
    assert_int_equal(backlog_of(100), 0);
    assert_int_equal(sr_counted(&receivers[0].stats.kernel_drops), 0);
}

static void
a_buffer_that_was_too_small_is_told_how_full_it_is(void **state)
{
    (void)state;
    assert_in_range(backlog_of(2000), 8, 32);
    assert_true(sr_counted(&receivers[0].stats.kernel_drops) > 0);
}

static void
a_batch_is_counted_when_its_end_is_told(void **state)
{
    unsigned port = free_port();
    uint16_t own;
    int listening = open_on("127.0.0.1", port, false);
    int fd = connect_to(AF_INET, port, &own);

    (void)state;
    for (int i = 0; i < 10; i++) {
        send_text(fd, "xy");
    }
    start_worker(&receivers[0], listening);
    stop_worker(&receivers[0]);
    assert_int_equal(receivers[0].last.received, 10);
    assert_int_equal(receivers[0].last.bytes, 20);
    assert_int_equal(receivers[0].last.batches, receivers[0].begun);
    (void)close(fd);
}

/* A socket with room for a few datagrams only. */
static int
open_small(unsigned port)
{
    struct sr_udp_address address = { .host = "127.0.0.1", .port = port, .receive_buffer = 4096 };
    char error[256];
    int fd = sr_udp_open(&address, error, sizeof(error));

    assert_true(fd >= 0);
    return fd;
}

static void
overfill(unsigned port)
{
    static const uint8_t bytes[1000];
    uint16_t own;
    int fd = connect_to(AF_INET, port, &own);

    for (int i = 0; i < 200; i++) {
        assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    }
    (void)close(fd);
}

static uint64_t
arrived(const struct receiver *r)
{
    return sr_counted(&r->stats.received) + sr_counted(&r->stats.kernel_drops);
}

static void
drops_between_batches_are_told_by_an_end_of_their_own(void **state)
{
    unsigned port = free_port();
    int listening = open_small(port);

    (void)state;
    overfill(port);
    start_worker(&receivers[0], listening);
    stop_worker(&receivers[0]);
    assert_true(receivers[0].last.kernel_drops > 0);
    assert_int_equal(receivers[0].last.kernel_drops, sr_counted(&receivers[0].stats.kernel_drops));
    assert_int_equal(receivers[0].last.kernel_seen, receivers[0].last.kernel_drops);
    assert_true(receivers[0].ended > receivers[0].begun);
}

static void
the_drops_of_a_held_socket_are_counted_once_over_restarts(void **state)
{
    unsigned port = free_port();
    int held = open_small(port);
    struct receiver *first = &receivers[0], *second = &receivers[1];

    (void)state;
    overfill(port); /* before anybody listens */
    start_worker(first, dup(held));
    stop_worker(first);
    assert_int_equal(arrived(first), 200);
    overfill(port); /* in the gap */
    second->stats.socket_cookie = sr_counted(&first->stats.socket_cookie);
    second->stats.kernel_seen = sr_counted(&first->stats.kernel_seen);
    start_worker(second, dup(held));
    stop_worker(second);
    assert_true(sr_counted(&second->stats.kernel_drops) > 0);
    assert_int_equal(arrived(second), 200);
    (void)close(held);
}

static void
all_drops_of_another_socket_are_counted(void **state)
{
    /* Another cookie; the same cookie of another boot, whose socket had dropped more. */
    static const uint64_t seen[] = { 1, 1000000 };
    unsigned port = free_port();
    int listening = open_small(port);
    uint64_t cookie;
    socklen_t len = sizeof(cookie);

    (void)state;
    assert_int_equal(getsockopt(listening, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
    overfill(port);
    for (size_t i = 0; i < 2; i++) {
        receivers[i].stats.socket_cookie = i == 0 ? cookie + 1 : cookie;
        receivers[i].stats.kernel_seen = seen[i];
        start_worker(&receivers[i], dup(listening));
        stop_worker(&receivers[i]);
        assert_int_equal(sr_counted(&receivers[i].stats.kernel_drops) +
                             sr_counted(&receivers[0].stats.received), /* only the first had any */
            200);
        assert_int_equal(sr_counted(&receivers[i].stats.socket_cookie), cookie);
    }
    (void)close(listening);
}

static void
a_socket_that_was_handed_over_is_received_from(void **state)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    int handed = socket(AF_INET, SOCK_DGRAM, 0); /* blocks, as those of systemd may */
    char error[256] = "";
    int given = 0;
    socklen_t given_len = sizeof(given);
    uint16_t own;

    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(handed, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(handed, (struct sockaddr *)&at, &len), 0);
    int fd = connect_to(AF_INET, ntohs(at.sin_port), &own);
    send_text(fd, "before");
    assert_true(sr_udp_adopt(handed, false, 65536, error, sizeof(error)));
    assert_int_equal(getsockopt(handed, SOL_SOCKET, SO_RCVBUF, &given, &given_len), 0);
    assert_int_equal(given, 2 * 65536); /* twice what is asked, socket(7) */
    assert_true((fcntl(handed, F_GETFL) & O_NONBLOCK) != 0);
    start_worker(&receivers[0], handed);
    send_text(fd, "after!");
    assert_true(wait_for(&receivers[0].seen, 2));
    stop_worker(&receivers[0]);
    (void)close(fd);
}

static void
only_udp_sockets_are_taken_over(void **state)
{
    int wrong[] = {
        socket(AF_INET, SOCK_STREAM, 0),
        socket(AF_UNIX, SOCK_DGRAM, 0),
        socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE),
        open("/dev/null", O_RDWR),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char error[256] = "";
        assert_false(sr_udp_adopt(wrong[i], false, 65536, error, sizeof(error)));
        assert_non_null(strstr(error, "not a UDP socket; "));
        (void)close(wrong[i]);
    }
}

static void
a_port_in_use_and_a_bad_host_are_explained(void **state)
{
    struct sr_udp_address address = { .host = "127.0.0.1", .receive_buffer = 65536 };
    char error[256] = "";

    (void)state;
    address.port = free_port();
    int fd = open_on("127.0.0.1", address.port, false);
    assert_int_equal(sr_udp_open(&address, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "127.0.0.1 port"));
    assert_non_null(strstr(error, "another program listens there"));
    (void)close(fd);
    address.host = "192.0.2.1"; /* TEST-NET-1, RFC 5737: nobody has it */
    assert_int_equal(sr_udp_open(&address, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "does not have that address"));
    address.host = "not an address";
    assert_int_equal(sr_udp_open(&address, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "not an address is not an address"));
}

static void
two_workers_share_a_port_and_lose_nothing(void **state)
{
    unsigned port = free_port();
    int fds[64];
    uint16_t own;

    (void)state;
    start_worker(&receivers[0], open_on("127.0.0.1", port, true));
    start_worker(&receivers[1], open_on("127.0.0.1", port, true));
    for (size_t i = 0; i < 64; i++) { /* the kernel spreads senders, not datagrams */
        fds[i] = connect_to(AF_INET, port, &own);
        for (int j = 0; j < 10; j++) {
            send_text(fds[i], "x");
        }
    }
    stop_worker(&receivers[0]);
    stop_worker(&receivers[1]);
    assert_int_equal(receivers[0].seen + receivers[1].seen, 640);
    assert_true(receivers[0].seen > 0 && receivers[1].seen > 0);
    for (size_t i = 0; i < 64; i++) {
        (void)close(fds[i]);
    }
}

static void
an_idle_worker_shows_that_it_is_alive(void **state)
{
    (void)state;
    start_worker(&receivers[0], open_on("127.0.0.1", free_port(), false));
    uint64_t before = sr_udp_worker_heartbeat(receivers[0].worker);
    uint64_t deadline = sr_clock_monotonic_ns() + 20 * SR_NS_PER_SECOND;
    while (sr_udp_worker_heartbeat(receivers[0].worker) < before + SR_NS_PER_SECOND / 2 &&
           sr_clock_monotonic_ns() < deadline) {
        wait_a_moment();
    }
    assert_true(sr_udp_worker_heartbeat(receivers[0].worker) > before);
    stop_worker(&receivers[0]);
}

#define fresh(test) cmocka_unit_test_setup(test, reset)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(datagrams_arrive_with_the_address_of_their_sender),
        fresh(no_host_and_a_star_are_every_address),
        fresh(an_ipv4_socket_gives_ipv4_addresses),
        fresh(empty_and_the_largest_datagrams_are_whole),
        fresh(what_waits_comes_in_batches),
        fresh(a_stop_receives_what_the_kernel_holds),
        fresh(a_worker_without_datagrams_ticks),
        fresh(a_batch_is_ended_when_it_is_due_without_another_one),
        fresh(what_the_kernel_drops_is_counted),
        fresh(a_burst_that_the_buffer_holds_is_no_backlog),
        fresh(a_buffer_that_was_too_small_is_told_how_full_it_is),
        fresh(a_batch_is_counted_when_its_end_is_told),
        fresh(drops_between_batches_are_told_by_an_end_of_their_own),
        fresh(the_drops_of_a_held_socket_are_counted_once_over_restarts),
        fresh(all_drops_of_another_socket_are_counted),
        fresh(a_socket_that_was_handed_over_is_received_from),
        fresh(only_udp_sockets_are_taken_over),
        fresh(a_port_in_use_and_a_bad_host_are_explained),
        fresh(two_workers_share_a_port_and_lose_nothing),
        fresh(an_idle_worker_shows_that_it_is_alive),
    };
    sr_log_set_level(SR_LOG_ERROR); /* small receive buffers are reported as warnings */
    return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
