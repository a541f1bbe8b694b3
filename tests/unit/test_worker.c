/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/worker.h"
#include "sr/clock.h"
#include "sr/queue.h"
#include "sr/stats.h"
#include "wait.h"

/* What the program of these tests shares between its threads. */
struct shared {
    _Atomic unsigned level; /* that a datagram was told */
    _Atomic uint64_t ticks;
    _Atomic uint64_t last_ticks;
    bool after_the_last; /* something was called behind tick(last) */
};

static struct shared shared;
static struct sr_conf_common config;
static struct sr_snapshots snapshots;
static struct sr_queue *queue;
static struct sr_stats *stats;
static struct sr_worker worker;
static struct sr_worker_stats *counts;
static int sender;

/* ---- A program that does what a datagram says ---- */

static void *
open_snapshot(const void *conf, const struct sr_form_options *form, char *error, size_t error_size)
{
    (void)conf;
    (void)form;
    (void)error;
    (void)error_size;
    return malloc(1);
}

static void *
new_scratch(void)
{
    return malloc(1);
}

static void
put_record(const struct sr_emit *emit, uint32_t records)
{
    uint8_t *room = emit->reserve(emit->arg, 8);

    assert_non_null(room);
    memcpy(room, "{\"a\":1}", 7);
    emit->commit(emit->arg, 7, records);
}

/* A request whose id is all `letter`. */
static enum sr_verdict
put_request(const struct sr_emit *emit, uint8_t letter)
{
    struct sr_request request = { .answer = span_of("answer") };

    memset(request.id, letter, sizeof(request.id));
    if (emit->repeated(emit->arg, &request)) {
        emit->consumed(emit->arg, "duplicates");
        return SR_CONSUMED;
    }
    uint8_t *room = emit->reserve_request(emit->arg, 8);
    assert_non_null(room);
    memcpy(room, "{\"b\":2}", 7);
    emit->commit_request(emit->arg, 7, &request);
    return SR_DECODED;
}

static enum sr_verdict
do_as_told(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    struct shared *s = state;
    enum sr_verdict verdict = SR_DEADLETTER;

    (void)snapshot;
    (void)listener;
    (void)scratch;
    s->after_the_last = s->after_the_last || sr_counted(&s->last_ticks) > 0;
    assert_null(emit->explain);
    for (size_t i = 0; i < bytes.len; i++) {
        switch (bytes.data[i]) {
        case 'r':
            put_record(emit, 1);
            verdict = SR_DECODED;
            break;
        case 'c':
            emit->consumed(emit->arg, "templates");
            verdict = SR_CONSUMED;
            break;
        case 'n':
            emit->refused(emit->arg, "not_allowed");
            verdict = SR_REFUSED;
            break;
        case 'l':
            emit->lost(emit->arg, "too_large", 2);
            verdict = SR_DECODED;
            break;
        case 'q':
            emit->lost(emit->arg, NULL, 3);
            verdict = SR_DECODED;
            break;
        case 'd': emit->deadletter(emit->arg, "bad_set", peer, now_ns, bytes); break;
        case 'f': verdict = SR_FULL; break;
        case 'v':
            atomic_store(&s->level, emit->level);
            emit->refused(emit->arg, "shed");
            verdict = SR_REFUSED;
            break;
        case 'A':
        case 'B': verdict = put_request(emit, bytes.data[i]); break;
        case 'a':
            emit->answer(emit->arg, span_of("at once"));
            emit->consumed(emit->arg, "discovery");
            verdict = SR_CONSUMED;
            break;
        default: break;
        }
    }
    return verdict;
}

static void
tick(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    bool last, const struct sr_emit *emit)
{
    struct shared *s = state;
    struct sr_peer peer = { .address = { 192, 0, 2, 1 } };

    (void)snapshot;
    (void)listener;
    (void)scratch;
    s->after_the_last = s->after_the_last || sr_counted(&s->last_ticks) > 0;
    if (!last) {
        put_record(emit, 1);
        sr_count(&s->ticks, 1);
        return;
    }
    sr_count(&s->last_ticks, 1);
    put_record(emit, 4);
    emit->deadletter(emit->arg, "waited_too_long", &peer, now_ns, span_of("x"));
    emit->deadletter(emit->arg, "waited_too_long", &peer, now_ns, span_of("y"));
}

static struct sr_program program = {
    .name = "test",
    .open = open_snapshot,
    .close = free,
    .scratch_new = new_scratch,
    .scratch_free = free,
    .datagram = do_as_told,
};

/* ---- One worker on a socket of the loopback ---- */

static int
open_socket(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    sender = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || sender < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0 ||
        connect(sender, (struct sockaddr *)&at, len) != 0) {
        return -1;
    }
    return fd;
}

static int
set_up(void **state)
{
    struct sr_queue_options options = { .memory = 1U << 20, .listeners = 1, .run_id = 1 };
    struct sr_lane_options records = { .subject = "x" };
    struct sr_lane_options dead = { .subject = "x.deadletter", .dead = true };
    unsigned workers[] = { 1 };
    char error[64];

    (void)state;
    memset(&shared, 0, sizeof(shared));
    program.tick = NULL;
    queue = sr_queue_new(&options);
    stats = sr_stats_new(1, workers);
    counts = &stats->listeners[0].workers[0];
    sr_snapshots_init(&snapshots, &program);
    worker = (struct sr_worker){
        .snapshots = &snapshots,
        .state = &shared,
        .name = "test",
        .stats = counts,
        .lane = sr_queue_add_lane(queue, &records),
        .dead = sr_queue_add_lane(queue, &dead),
        .scratch = new_scratch(),
        .at = { .fd = open_socket() },
    };
    return worker.at.fd >= 0 &&
                   sr_snapshot_install(&snapshots, &config, false, error, sizeof(error))
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    sr_snapshots_done(&snapshots);
    sr_queue_free(queue);
    sr_stats_free(stats);
    return close(sender);
}

static void
stop(void)
{
    sr_worker_stop(&worker);
    sr_worker_done(&worker);
}

/* Runs one worker over these datagrams. */
static struct sr_ledger
run_over(const char *const *datagrams, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(datagrams[i]);
        assert_int_equal(send(sender, datagrams[i], len, 0), len);
    }
    assert_true(sr_worker_start(&worker));
    assert_true(wait_for(&counts->received, count));
    stop();
    return sr_ledger_take(stats, queue, 0);
}

/* Makes messages of several records. */
static void
batch(uint64_t linger_ns)
{
    worker.batching = (struct batch_options){
        .content_type = "application/x-ndjson", .records = 100, .bytes = 65536
    };
    worker.linger_ns = linger_ns;
}

/* Waits for the next message. */
static struct sr_entry
await_entry(void)
{
    struct sr_entry e;

    for (unsigned i = 0; i < WAIT_STEPS; i++) {
        if (sr_lane_next(worker.lane, &e)) {
            return e;
        }
        wait_a_moment();
    }
    fail_msg("no message");
    return e;
}

/* Lets the worker answer requests when they are received. */
static struct sr_request_stats *
answer(void)
{
    worker.answers = answers_new(&stats->listeners[0].requests);
    assert_non_null(worker.answers);
    worker.socket = answers_add_socket(worker.answers, worker.at.fd);
    worker.answer_when = SR_ANSWER_RECEIVED;
    return &stats->listeners[0].requests;
}

/* The next datagram that the sender has got. */
static void
assert_answered(const char *expected)
{
    struct timeval patience = { .tv_sec = 10 };
    char text[32] = "";

    assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(recv(sender, text, sizeof(text) - 1, 0), strlen(expected));
    assert_string_equal(text, expected);
}

static uint64_t
count_of(const struct sr_reasons *r, const char *reason)
{
    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        const char *known = r->items[i].reason;
        if (known != NULL && strcmp(known, reason) == 0) {
            return sr_counted(&r->items[i].count);
        }
    }
    return 0;
}

static void
every_verdict_has_its_place_in_the_ledger(void **state)
{
    static const char *const datagrams[] = { "r", "rr", "c", "n", "d", "f" };

    (void)state;
    struct sr_ledger l = run_over(datagrams, 6);
    assert_int_equal(l.received, 6);
    assert_int_equal(l.decoded, 2);
    assert_int_equal(l.records, 3);
    assert_int_equal(l.consumed, 1);
    assert_int_equal(l.deadlettered, 1);
    assert_int_equal(l.dropped, 2);
    assert_int_equal(l.parts, 0);
    assert_int_equal(count_of(&counts->consumed, "templates"), 1);
    assert_int_equal(count_of(&counts->dropped, "not_allowed"), 1);
    assert_int_equal(count_of(&counts->dropped, "queue_full"), 1);
    assert_true(sr_ledger_balanced(&l));
}

static void
a_datagram_is_told_how_full_the_queue_is(void **state)
{
    static const char *const asking[] = { "v" };
    unsigned level = 0;

    (void)state;
    while (level < 26) {
        assert_non_null(sr_lane_reserve(worker.lane, 8000, 1));
        sr_lane_commit(worker.lane, 8000, 0, 1);
        sr_count(&counts->records, 1);
        level = sr_lane_level(worker.lane);
    }
    struct sr_ledger l = run_over(asking, 1);
    assert_int_equal(atomic_load(&shared.level), level);
    assert_int_equal(l.dropped, 1);
    assert_true(sr_ledger_balanced(&l));
}

static void
records_that_are_lost_are_counted_as_records_and_as_lost(void **state)
{
    static const char *const datagrams[] = { "l", "rq" };

    (void)state;
    struct sr_ledger l = run_over(datagrams, 2);
    assert_int_equal(l.decoded, 2);
    assert_int_equal(l.records, 2 + 1 + 3);
    assert_int_equal(l.dropped_records, 5);
    assert_int_equal(count_of(&counts->lost, "too_large"), 2);
    assert_int_equal(count_of(&counts->lost, "queue_full"), 3);
    assert_true(sr_ledger_balanced(&l));
}

static void
dead_letters_beyond_the_datagram_itself_are_parts(void **state)
{
    static const char *const datagrams[] = { "d", "ddd", "rd", "dc" };

    (void)state;
    struct sr_ledger l = run_over(datagrams, 4);
    assert_int_equal(l.deadlettered, 1 + 3 + 1 + 1);
    assert_int_equal(l.parts, 0 + 2 + 1 + 1);
    assert_int_equal(l.decoded, 1);
    assert_int_equal(l.consumed, 1);
    assert_true(sr_ledger_balanced(&l));
}

static void
parts_are_inputs_too_when_dead_letters_are_not_published(void **state)
{
    static const char *const datagrams[] = { "ddd", "rd" };

    (void)state;
    worker.dead = NULL;
    struct sr_ledger l = run_over(datagrams, 2);
    assert_int_equal(l.deadlettered, 0);
    assert_int_equal(l.dropped, 4);
    assert_int_equal(l.parts, 3);
    assert_true(sr_ledger_balanced(&l));
}

static void
what_a_tick_emits_is_in_the_queue_without_a_datagram(void **state)
{
    struct sr_entry entry;

    (void)state;
    program.tick = tick;
    assert_true(sr_worker_start(&worker));
    assert_true(wait_for(&shared.ticks, 1));
    for (unsigned i = 0; i < WAIT_STEPS && sr_lane_queued(worker.lane) == 0; i++) {
        wait_a_moment();
    }
    assert_true(sr_lane_next(worker.lane, &entry)); /* flushed, though nothing was received */
    stop();
    struct sr_ledger l = sr_ledger_take(stats, queue, 0);
    assert_int_equal(l.received, 0);
    assert_true(sr_ledger_balanced(&l));
}

static void
the_last_tick_comes_behind_the_last_datagram_and_its_dead_letters_are_parts(void **state)
{
    static const char *const datagrams[] = { "r", "r", "r" };

    (void)state;
    program.tick = tick;
    struct sr_ledger l = run_over(datagrams, 3);
    assert_int_equal(sr_counted(&shared.last_ticks), 1);
    assert_false(shared.after_the_last);
    assert_int_equal(l.deadlettered, 2);
    assert_int_equal(l.parts, 2);
    assert_int_equal(l.records, 3 + sr_counted(&shared.ticks) + 4);
    assert_int_equal(l.queued, l.records + 2); /* the worker's last flush is behind it */
    assert_true(sr_ledger_balanced(&l));
}

static void
what_is_received_at_once_is_one_message(void **state)
{
    static const char *const datagrams[] = { "r", "rrd", "c", "r" };

    (void)state;
    batch(0);
    struct sr_ledger l = run_over(datagrams, 4);
    struct sr_entry e = await_entry();
    assert_int_equal(e.records, 4);
    assert_int_equal(e.body.len, 4 * 8);
    assert_memory_equal(e.body.data, "{\"a\":1}\n{\"a\":1}\n", 16);
    assert_false(sr_lane_next(worker.lane, &e));
    assert_int_equal(l.records, 4);
    assert_int_equal(l.decoded, 3);
    assert_int_equal(l.deadlettered, 1);
    assert_true(sr_ledger_balanced(&l));
}

static void
a_record_waits_for_others_no_longer_than_it_may(void **state)
{
    (void)state;
    batch(20 * SR_NS_PER_MS);
    assert_true(sr_worker_start(&worker));
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(send(sender, "rr", 2, 0), 2);
        struct sr_entry e = await_entry(); /* which nothing else sends */
        assert_int_equal(e.records, 2);
        sr_lane_settle(worker.lane, e.segment, e.index, e.records);
    }
    stop();
    assert_int_equal(sr_counted(&counts->records), 6);
}

static void
records_of_several_receives_are_one_message_that_a_stop_ends(void **state)
{
    (void)state;
    batch(10 * SR_NS_PER_SECOND);
    program.tick = tick; /* whose record is in the batch too */
    assert_true(sr_worker_start(&worker));
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(send(sender, "r", 1, 0), 1);
        assert_true(wait_for(&counts->batches, i));
    }
    struct sr_ledger l = sr_ledger_take(stats, queue, 0);
    assert_int_equal(l.decoded, 3);
    assert_int_equal(l.records, 0);
    assert_true(sr_ledger_balanced(&l));
    stop();
    struct sr_entry e = await_entry();
    assert_int_equal(e.records, 3 + sr_counted(&shared.ticks) + 4);
    assert_false(sr_lane_next(worker.lane, &e));
    l = sr_ledger_take(stats, queue, 0);
    assert_int_equal(l.records, 3 + sr_counted(&shared.ticks) + 4);
    assert_true(sr_ledger_balanced(&l));
}

static void
a_request_is_a_message_of_its_own_with_its_id_and_is_answered(void **state)
{
    static const char *const datagrams[] = { "r", "A", "A", "B" };
    struct sr_request_stats *requests = answer();
    uint8_t id[SR_REQUEST_ID_LEN];
    struct sr_span rest;

    (void)state;
    batch(0); /* its message is no batch, and what came before it goes before it */
    struct sr_ledger l = run_over(datagrams, 4);
    assert_int_equal(l.records, 3);
    assert_int_equal(l.consumed, 1);
    assert_true(sr_ledger_balanced(&l));
    assert_false(sr_request_of(await_entry().attributes, id, &rest));
    for (unsigned letter = 'A'; letter <= 'B'; letter++) {
        struct sr_entry e = await_entry();
        assert_true(sr_request_of(e.attributes, id, &rest));
        assert_int_equal(id[0], letter);
        assert_int_equal(id[SR_REQUEST_ID_LEN - 1], letter);
        assert_int_equal(rest.len, 0);
        assert_int_equal(e.body.len, 7);
        assert_memory_equal(e.body.data, "{\"b\":2}", 7);
        assert_answered("answer");
    }
    assert_int_equal(sr_counted(&requests->answered), 2);
    assert_int_equal(sr_counted(&requests->repeated), 1);
    answers_free(worker.answers);
}

static void
a_request_that_waits_for_its_record_to_be_stored_is_not_answered_before(void **state)
{
    static const char *const datagrams[] = { "A", "a" };
    struct sr_request_stats *requests = answer();
    uint8_t id[SR_REQUEST_ID_LEN];

    (void)state;
    worker.answer_when = SR_ANSWER_STORED;
    (void)run_over(datagrams, 2);
    assert_answered("at once"); /* which is of the second: nothing came before */
    assert_int_equal(sr_counted(&requests->waiting), 1);
    memset(id, 'A', sizeof(id));
    answers_send(worker.answers, id, false);
    assert_answered("answer");
    answers_free(worker.answers);
}

static void
requests_of_a_batch_that_is_not_kept_are_not_answered(void **state)
{
    struct sr_request_stats *requests = answer();
    struct sr_request request = { .answer = span_of("answer") };
    struct sr_udp_way way = { .peer = { .sin6_family = AF_UNSPEC } };

    (void)state;
    answers_add(worker.answers, &request, &way, worker.socket, 1);
    memcpy(worker.requests[worker.request_count++], request.id, sizeof(request.id));
    sr_worker_end_requests(&worker, false);
    assert_true(worker.hurries); /* it comes again soon */
    assert_int_equal(worker.request_count, 0);
    sr_worker_end_requests(&worker, true);
    assert_false(worker.hurries);
    assert_int_equal(sr_counted(&requests->answered), 0);
    assert_int_equal(sr_counted(&requests->waiting), 0);
    answers_free(worker.answers);
    sr_worker_done(&worker);
}

#define worked(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        worked(every_verdict_has_its_place_in_the_ledger),
        worked(a_datagram_is_told_how_full_the_queue_is),
        worked(records_that_are_lost_are_counted_as_records_and_as_lost),
        worked(dead_letters_beyond_the_datagram_itself_are_parts),
        worked(parts_are_inputs_too_when_dead_letters_are_not_published),
        worked(what_a_tick_emits_is_in_the_queue_without_a_datagram),
        worked(what_is_received_at_once_is_one_message),
        worked(a_record_waits_for_others_no_longer_than_it_may),
        worked(records_of_several_receives_are_one_message_that_a_stop_ends),
        worked(the_last_tick_comes_behind_the_last_datagram_and_its_dead_letters_are_parts),
        worked(a_request_is_a_message_of_its_own_with_its_id_and_is_answered),
        worked(a_request_that_waits_for_its_record_to_be_stored_is_not_answered_before),
        worked(requests_of_a_batch_that_is_not_kept_are_not_answered),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
