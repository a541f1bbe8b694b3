/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a killed receiver had in its hand. The kernel's part is tried on the kernel: a child
 * receives and is killed at random moments, the parent keeps the socket and counts.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sr/clock.h"
#include "sr/log.h"
#include "sr/udp.h"

#define ROUNDS 200U
#define SENT_MAX 600U
#define BYTES_EACH 1280U  /* what one small datagram takes of the receive buffer */
#define WORK_NS 2000U     /* of the child, for each datagram */
#define MOMENT_NS 300000U /* about what a batch takes it */

/* What outlives the child, as the daemon's file of counters does. */
static struct shared {
    struct sr_udp_hand hand;
    _Atomic uint64_t holds; /* index of the copy that holds */
    struct {
        uint64_t received, batches;
    } copies[2];
} * shared;

static struct sr_worker_stats child_stats;

/* ---- The child ---- */

static void
on_begin(void *arg, uint64_t now_ns)
{
    (void)arg;
    (void)now_ns;
}

static void
on_datagram(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct msghdr *message)
{
    uint64_t end = sr_clock_monotonic_ns() + WORK_NS;

    (void)arg;
    (void)now_ns;
    (void)peer;
    (void)bytes;
    (void)message;
    while (sr_clock_monotonic_ns() < end) {
    }
}

static void
on_end(void *arg)
{
    uint64_t next = 1 - atomic_load(&shared->holds);

    (void)arg;
    shared->copies[next].received = sr_counted(&child_stats.received);
    shared->copies[next].batches = sr_counted(&child_stats.batches);
    atomic_store(&shared->holds, next);
}

static void
receive_until_killed(int fd)
{
    struct sr_udp_handler handler = {
        .name = "test",
        .batch_begin = on_begin,
        .datagram = on_datagram,
        .batch_end = on_end,
    };

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    if (sr_udp_worker_start(fd, &handler, &child_stats, &shared->hand) == NULL) {
        _exit(1);
    }
    for (;;) {
        (void)pause();
    }
}

/* ---- The parent ---- */

static int receiving, sending;
static unsigned sends; /* in a round, so that the buffer has room for all */

static int
open_sockets(void **state)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    char error[256];
    int room = 0;
    socklen_t room_len = sizeof(room);

    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiving = socket(AF_INET, SOCK_DGRAM, 0);
    sending = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(receiving, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(receiving, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(connect(sending, (struct sockaddr *)&at, len), 0);
    assert_true(sr_udp_adopt(receiving, false, SENT_MAX * BYTES_EACH, error, sizeof(error)));
    assert_int_equal(getsockopt(receiving, SOL_SOCKET, SO_RCVBUF, &room, &room_len), 0);
    sends = (unsigned)room / BYTES_EACH < SENT_MAX ? (unsigned)room / BYTES_EACH : SENT_MAX;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? -1 : 0;
}

static int
close_sockets(void **state)
{
    (void)state;
    (void)close(receiving);
    (void)close(sending);
    return munmap(shared, sizeof(*shared));
}

static uint64_t
drain(void)
{
    char byte;
    uint64_t count = 0;

    while (recv(receiving, &byte, sizeof(byte), MSG_DONTWAIT) >= 0) {
        count++;
    }
    return count;
}

static uint32_t
kernel_drops(void)
{
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(info);

    assert_int_equal(getsockopt(receiving, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
    return info[SK_MEMINFO_DROPS];
}

static uint64_t
committed(void)
{
    return shared->copies[atomic_load(&shared->holds)].received;
}

/*
 * Sends to the child and kills it somewhere in a batch after a random one. Returns how many it
 * sent.
 */
static unsigned
send_and_kill(pid_t child, unsigned *seed)
{
    unsigned sent = 0, half = sends / 2;
    unsigned batch = (unsigned)rand_r(seed) % half;
    uint64_t moment = (unsigned)rand_r(seed) % MOMENT_NS;
    uint64_t deadline = sr_clock_monotonic_ns() + 20 * SR_NS_PER_SECOND;

    while (sent < half) {
        sent += (unsigned)(send(sending, "datagram", 8, 0) == 8);
    }
    while (committed() <= batch && sr_clock_monotonic_ns() < deadline) {
        (void)sched_yield();
    }
    bool received = committed() > batch;
    uint64_t end = sr_clock_monotonic_ns() + moment;
    while (sr_clock_monotonic_ns() < end) {
        sent += sent < sends && send(sending, "datagram", 8, 0) == 8;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(received);
    return sent;
}

static void
what_a_kill_takes_away_is_known_to_the_datagram(void **state)
{
    unsigned seed = 1, with_some = 0;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        memset(shared, 0, sizeof(*shared));
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            receive_until_killed(receiving);
        }
        unsigned sent = send_and_kill(child, &seed);
        uint64_t holds = atomic_load(&shared->holds);
        unsigned lost = sr_udp_hand_count(&shared->hand, shared->copies[holds].batches);
        uint64_t left = drain();
        assert_int_equal(kernel_drops(), 0);
        if (left + shared->copies[holds].received + lost != sent) {
            fail_msg("round %u: sent %u, in the socket %llu, counted %llu, in the hand %u", round,
                sent, (unsigned long long)left, (unsigned long long)shared->copies[holds].received,
                lost);
        }
        with_some += lost > 0;
    }
    assert_true(with_some > 0); /* else the rounds have tried nothing */
}

static void
a_hand_counts_only_for_the_batch_after_the_last_one_done(void **state)
{
    static struct sr_udp_hand hand;

    (void)state;
    for (unsigned i = 0; i < SR_UDP_SLOTS; i++) {
        hand.messages[i].msg_len = i < 5 ? i : UINT32_MAX; /* one is empty */
    }
    atomic_store(&hand.batch, 8);
    assert_int_equal(sr_udp_hand_count(&hand, 7), 5);
    assert_int_equal(sr_udp_hand_count(&hand, 8), 0); /* counted */
    assert_int_equal(sr_udp_hand_count(&hand, 6), 0); /* cannot be */
    assert_int_equal(sr_udp_hand_count(&hand, 0), 0);
    for (unsigned i = 0; i < SR_UDP_SLOTS; i++) {
        hand.messages[i].msg_len = 65507;
    }
    assert_int_equal(sr_udp_hand_count(&hand, 7), SR_UDP_SLOTS);
}

static void
a_hand_that_no_worker_left_counts_nothing(void **state)
{
    static struct sr_udp_hand hand;

    (void)state;
    assert_int_equal(sr_udp_hand_count(&hand, 0), 0);
    assert_int_equal(sr_udp_hand_count(&hand, UINT64_MAX), 0);
    atomic_store(&hand.batch, 1);
    for (unsigned i = 0; i < SR_UDP_SLOTS; i++) {
        hand.messages[i].msg_len = UINT32_MAX;
    }
    assert_int_equal(sr_udp_hand_count(&hand, 0), 0);
    hand.messages[1].msg_len = 10; /* a hole before it: the kernel leaves none */
    assert_int_equal(sr_udp_hand_count(&hand, 0), 0);
    hand.messages[0].msg_len = 70000; /* longer than any datagram */
    hand.messages[1].msg_len = UINT32_MAX;
    assert_int_equal(sr_udp_hand_count(&hand, 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_a_kill_takes_away_is_known_to_the_datagram, open_sockets, close_sockets),
        cmocka_unit_test(a_hand_counts_only_for_the_batch_after_the_last_one_done),
        cmocka_unit_test(a_hand_that_no_worker_left_counts_nothing),
    };
    sr_log_set_level(SR_LOG_ERROR); /* a small receive buffer is reported as a warning */
    return cmocka_run_group_tests_name("udp_hand", tests, NULL, NULL);
}
