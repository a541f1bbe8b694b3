/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_bench.h"

#include <stdio.h>
#include <unistd.h>

#include "shell/pub_lanes.h"
#include "sr/clock.h"
#include "sr/deadletter.h"
#include "sr/log.h"
#include "sr/window.h"

#define SECOND SR_NS_PER_SECOND
#define LONGEST_BACKOFF_NS (15 * SECOND)

static const struct bench_options one_lane = { .subjects = { "logs.syslog" } };

static const struct bench_options two_lanes = { .subjects = { "logs.syslog", "logs.other" } };

static struct bench b;

static void
assert_values(size_t from, const uint32_t *values, size_t count)
{
    assert_int_equal(b.sent_count - from, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(b.sent[from + i].value, values[i]);
    }
}

static void
records_flow_and_are_settled_in_order(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 100, 200);
    bench_run(&b);
    assert_int_equal(b.sent_count, 100);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(b.sent[i].value, i);
        assert_string_equal(b.sent[i].subject, "logs.syslog");
    }
    assert_string_equal(b.sent[7].id, "0000000000000abc-0-7");
    bench_store(&b, 0, 100);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 0);
    assert_int_equal(bench_queued(&b), 0);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 100);
    assert_int_equal(sr_counted(&bench_delivery(&b)->redelivered), 0);
    assert_true(pub_lanes_due_ns(b.lanes) == UINT64_MAX);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
what_is_in_flight_takes_at_most_a_quarter_of_a_small_queue(void **state)
{
    static const struct bench_options small = { .subjects = { "logs.syslog" }, .memory = 1U << 20 };

    (void)state;
    bench_open(&b, &small);
    bench_fill(&b, 0, 0, 500, 1000);
    bench_run(&b);
    assert_in_range(b.sent_count, 200, (1U << 18) / 1000);
    bench_store(&b, 0, b.sent_count);
    bench_run(&b);
    assert_true(b.sent_count > 400);
    bench_close(&b);
}

static void
a_refused_lane_settles_goes_back_and_probes_with_one_message(void **state)
{
    static const uint32_t again[] = { 0, 2, 4, 5 };

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 5, 100);
    bench_run(&b);
    bench_refuse(&b, 0, SR_REFUSAL_NO_STREAM);
    assert_true(bench_put(&b, 0, 5, 100));
    bench_run(&b);
    assert_int_equal(b.sent_count, 5); /* nothing new while the window settles */
    bench_store(&b, 1, 2);
    bench_refuse(&b, 2, SR_REFUSAL_NO_STREAM);
    bench_store(&b, 3, 4);
    assert_true(pub_lanes_troubled(b.lanes));
    bench_refuse(&b, 4, SR_REFUSAL_NO_STREAM);
    bench_run(&b);
    assert_int_equal(b.sent_count, 5); /* and none before the back-off is over */
    uint64_t due = pub_lanes_due_ns(b.lanes);
    assert_true(due >= b.now_ns + 125 * SR_NS_PER_MS && due <= b.now_ns + 250 * SR_NS_PER_MS);
    bench_wait(&b, due - b.now_ns - 1);
    assert_int_equal(b.sent_count, 5);
    bench_wait(&b, 1);
    assert_int_equal(b.sent_count, 6);
    bench_run(&b);
    assert_int_equal(b.sent_count, 6); /* one probe, however often it goes round */
    bench_store(&b, 5, 6);
    bench_run(&b);
    assert_values(5, again, 4);
    assert_string_equal(b.sent[5].id, b.sent[0].id);
    assert_string_equal(b.sent[6].id, b.sent[2].id);
    bench_store(&b, 6, b.sent_count);
    assert_int_equal(bench_queued(&b), 0);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 6);
    assert_int_equal(sr_counted(&bench_delivery(&b)->redelivered), 3);
    assert_int_equal(pub_lanes_refusals(b.lanes, SR_REFUSAL_NO_STREAM), 3);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
the_back_off_grows_to_its_limit_with_jitter_and_starts_anew_after_a_success(void **state)
{
    uint64_t longest = 0;

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 2, 100);
    bench_run(&b);
    bench_refuse(&b, 0, SR_REFUSAL_STREAM_FULL);
    bench_refuse(&b, 1, SR_REFUSAL_STREAM_FULL);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t most = (250 * SR_NS_PER_MS) << (i < 7 ? i : 7);
        most = most < LONGEST_BACKOFF_NS ? most : LONGEST_BACKOFF_NS;
        uint64_t delay = pub_lanes_due_ns(b.lanes) - b.now_ns;
        assert_true(delay >= most / 2 && delay <= most);
        longest = delay > longest ? delay : longest;
        bench_wait(&b, delay);
        assert_int_equal(b.sent_count, 3 + i);
        bench_refuse(&b, 2 + i, SR_REFUSAL_STREAM_FULL);
    }
    assert_true(longest > LONGEST_BACKOFF_NS / 2);
    bench_wait(&b, LONGEST_BACKOFF_NS);
    bench_store(&b, b.sent_count - 1, b.sent_count);
    bench_run(&b);
    bench_refuse(&b, b.sent_count - 1, SR_REFUSAL_STREAM_FULL);
    assert_true(pub_lanes_due_ns(b.lanes) <= b.now_ns + 250 * SR_NS_PER_MS);
    bench_close(&b);
}

static void
a_window_refused_as_too_many_is_sent_again_by_halves(void **state)
{
    enum { ALL = 3 * SR_WINDOW_MESSAGES };

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, ALL, 100);
    bench_run(&b);
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES);
    for (size_t i = 0; i < SR_WINDOW_MESSAGES; i++) {
        bench_refuse(&b, i, SR_REFUSAL_TOO_MANY);
    }
    bench_run(&b);
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES); /* not before the back-off is over */
    bench_wait(&b, pub_lanes_due_ns(b.lanes) - b.now_ns);
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES + 1); /* then one probe */
    bench_store(&b, SR_WINDOW_MESSAGES, SR_WINDOW_MESSAGES + 1);
    bench_run(&b);
    assert_int_equal(pub_lanes_in_flight(b.lanes), SR_WINDOW_MESSAGES / 2);
    assert_true(pub_lanes_blocked(b.lanes));
    assert_int_equal(b.sent[SR_WINDOW_MESSAGES + 1].value, 1);
    bench_store(&b, SR_WINDOW_MESSAGES + 1, b.sent_count);
    bench_drain(&b);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), ALL);
    assert_int_equal(pub_lanes_refusals(b.lanes, SR_REFUSAL_TOO_MANY), SR_WINDOW_MESSAGES);
    assert_int_equal(sr_counted(&bench_delivery(&b)->redelivered), SR_WINDOW_MESSAGES);
    bench_assert_balanced(&b);
    bench_close(&b);
}

/* Runs `work` and returns how many lines it logged. */
static unsigned
lines_logged(void (*work)(void))
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    unsigned lines = 0;

    assert_true(file != NULL && saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    sr_log_set_level(SR_LOG_INFO);
    work();
    sr_log_set_level(SR_LOG_ERROR);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    for (int c; (c = fgetc(file)) != EOF;) {
        lines += c == '\n' ? 1 : 0;
    }
    (void)fclose(file);
    return lines;
}

/* A stream at its limit takes a record whenever a consumer has freed its place. */
static void
go_through_waves_for_two_minutes(void)
{
    for (uint64_t end_ns = b.now_ns + 120 * SECOND; b.now_ns < end_ns;) {
        assert_true(bench_put(&b, 0, 0, 100));
        bench_run(&b);
        bench_refuse(&b, b.sent_count - 1, SR_REFUSAL_STREAM_FULL);
        bench_wait(&b, SECOND);
        bench_store(&b, b.sent_count - 1, b.sent_count);
    }
}

static void
refuse_for_two_minutes(void)
{
    assert_true(bench_put(&b, 0, 0, 100));
    for (uint64_t end_ns = b.now_ns + 120 * SECOND; b.now_ns < end_ns;) {
        bench_wait(&b, LONGEST_BACKOFF_NS);
        bench_refuse(&b, b.sent_count - 1, SR_REFUSAL_STREAM_FULL);
    }
}

static void
waves_of_refusals_are_logged_once_a_minute(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    assert_int_equal(lines_logged(go_through_waves_for_two_minutes), 4);
    assert_int_equal(lines_logged(refuse_for_two_minutes), 1); /* the last word is that they wait */
    bench_close(&b);
}

static void
disorder_is_at_most_one_window(void **state)
{
    const uint32_t count = 3 * SR_WINDOW_MESSAGES;

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, count, 100);
    bench_run(&b);
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES);
    bench_refuse(&b, 0, SR_REFUSAL_STREAM_FULL);
    bench_store(&b, 1, SR_WINDOW_MESSAGES);
    bench_run(&b);
    bench_wait(&b, SECOND);
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES + 1);
    assert_int_equal(b.sent[SR_WINDOW_MESSAGES].value, 0); /* before anything that is newer */
    bench_store(&b, SR_WINDOW_MESSAGES, SR_WINDOW_MESSAGES + 1);
    bench_run(&b);
    for (size_t i = SR_WINDOW_MESSAGES + 1; i < b.sent_count; i++) {
        assert_int_equal(b.sent[i].value, i - 1);
    }
    bench_close(&b);
}

static void
a_message_without_an_answer_is_sent_again_after_its_deadline(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 3, 100);
    bench_run(&b);
    bench_store(&b, 0, 1);
    bench_store(&b, 2, 3);
    assert_true(pub_lanes_due_ns(b.lanes) == b.now_ns + BENCH_ACK_TIMEOUT_NS);
    bench_wait(&b, BENCH_ACK_TIMEOUT_NS - 1);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 1);
    bench_wait(&b, 1);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 0);
    assert_int_equal(pub_lanes_refusals(b.lanes, SR_REFUSAL_TIMEOUT), 1);
    bench_wait(&b, SECOND);
    assert_int_equal(b.sent_count, 4);
    assert_int_equal(b.sent[3].value, 1);
    assert_string_equal(b.sent[3].id, b.sent[1].id);
    /* The first answer comes after all: the slot is another message's now. */
    pub_lanes_stored(b.lanes, b.sent[1].number, false);
    assert_int_equal(bench_queued(&b), 1);
    pub_lanes_stored(b.lanes, b.sent[3].number, true);
    assert_int_equal(bench_queued(&b), 0);
    assert_int_equal(pub_lanes_unexpected_duplicates(b.lanes), 0); /* it was sent before */
    bench_assert_balanced(&b);
    bench_close(&b);
}

/* As a stream without a leader does: it takes messages and answers none. */
static void
a_lane_without_answers_does_not_slow_its_neighbour(void **state)
{
    const uint32_t count = 3 * SR_WINDOW_MESSAGES;
    size_t answered;

    (void)state;
    bench_open(&b, &two_lanes);
    bench_fill(&b, 0, 0, 1, 100);
    bench_run(&b);
    assert_int_equal(b.sent_count, 1);
    answered = b.sent_count;
    bench_fill(&b, 1, 0, count, 100);
    for (unsigned i = 0; i < 4; i++) {
        bench_run(&b);
        bench_store(&b, answered, b.sent_count);
        answered = b.sent_count;
    }
    assert_int_equal(b.sent_count, 1 + count);
    assert_int_equal(sr_lane_queued(b.lane[1]), 0);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 1);
    assert_true(pub_lanes_due_ns(b.lanes) == b.now_ns + BENCH_ACK_TIMEOUT_NS);
    bench_wait(&b, BENCH_ACK_TIMEOUT_NS);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 0);
    bench_drain(&b);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_message_without_an_answer_holds_its_own_lane_to_one_window(void **state)
{
    const uint32_t count = 3 * SR_WINDOW_MESSAGES;

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, count, 100);
    bench_run(&b);
    for (unsigned i = 0; i < 4; i++) {
        bench_store(&b, 1, b.sent_count); /* all but the first */
        bench_run(&b);
    }
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES);
    bench_store(&b, 0, 1);
    bench_run(&b);
    assert_int_equal(b.sent_count, 2 * SR_WINDOW_MESSAGES);
    bench_drain(&b);
    bench_close(&b);
}

static void
an_answer_that_comes_twice_or_to_nothing_changes_nothing(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 2, 100);
    bench_run(&b);
    bench_store(&b, 0, 1);
    bench_store(&b, 0, 1);
    bench_refuse(&b, 0, SR_REFUSAL_NO_STREAM);
    bench_refuse(&b, 0, SR_REFUSAL_TOO_LARGE);
    pub_lanes_stored(b.lanes, 0, false);
    pub_lanes_stored(b.lanes, UINT64_MAX, false);
    pub_lanes_stored(b.lanes, b.sent[1].number + 1, false);
    pub_lanes_stored(b.lanes, b.sent[1].number + SR_WINDOW_MESSAGES, false);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 1);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 1);
    assert_false(pub_lanes_troubled(b.lanes));
    bench_store(&b, 1, 2);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_duplicate_of_what_was_never_sent_before_is_counted(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 1, 100);
    bench_run(&b);
    sr_log_set_level((enum sr_log_level)0);
    pub_lanes_stored(b.lanes, b.sent[0].number, true);
    sr_log_set_level(SR_LOG_ERROR);
    assert_int_equal(pub_lanes_unexpected_duplicates(b.lanes), 1);
    assert_int_equal(bench_queued(&b), 0);
    bench_close(&b);
}

static void
after_a_disconnect_everything_unacknowledged_goes_out_again_at_once(void **state)
{
    static const uint32_t again[] = { 1, 3 };

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 4, 100);
    bench_run(&b);
    bench_store(&b, 0, 1);
    bench_store(&b, 2, 3);
    pub_lanes_disconnected(b.lanes, b.now_ns);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 0);
    assert_int_equal(pub_lanes_refusals(b.lanes, SR_REFUSAL_DISCONNECTED), 2);
    bench_store(&b, 1, 2); /* an answer of the connection that is gone */
    assert_int_equal(bench_queued(&b), 2);
    bench_run(&b);
    assert_values(4, again, 2);
    assert_string_equal(b.sent[4].id, b.sent[1].id);
    bench_store(&b, 4, 6);
    assert_int_equal(sr_counted(&bench_delivery(&b)->redelivered), 2);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_send_that_fails_half_way_loses_nothing(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 10, 100);
    b.sends_left = 3;
    bench_run(&b);
    assert_int_equal(b.sent_count, 3);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 0);
    b.sends_left = SIZE_MAX;
    bench_run(&b);
    assert_int_equal(b.sent_count, 13);
    assert_int_equal(b.sent[3].value, 0);
    bench_store(&b, 3, 13);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_forbidden_subject_stops_its_lane_and_no_other(void **state)
{
    struct bench_options two = { .subjects = { "logs.syslog", "xlogs.syslog" } };

    (void)state;
    bench_open(&b, &two);
    bench_fill(&b, 0, 0, 3, 100);
    bench_fill(&b, 1, 10, 3, 100);
    bench_run(&b);
    assert_int_equal(b.sent_count, 6);
    pub_lanes_forbidden(b.lanes, b.now_ns, span_of("syslog"));
    pub_lanes_forbidden(b.lanes, b.now_ns, span_of(""));
    assert_int_equal(pub_lanes_in_flight(b.lanes), 6);
    pub_lanes_forbidden(b.lanes, b.now_ns, span_of("acme.logs.syslog"));
    assert_int_equal(pub_lanes_in_flight(b.lanes), 3);
    assert_int_equal(pub_lanes_refusals(b.lanes, SR_REFUSAL_PERMISSION), 1);
    assert_true(bench_put(&b, 0, 3, 100));
    assert_true(bench_put(&b, 1, 13, 100));
    bench_run(&b);
    assert_int_equal(b.sent_count, 7);
    assert_int_equal(b.sent[6].value, 13); /* the other one goes on */
    bench_wait(&b, 250 * SR_NS_PER_MS);
    assert_int_equal(b.sent_count, 8);
    assert_int_equal(b.sent[7].value, 0);
    bench_drain(&b);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
the_subject_as_it_stands_is_forbidden_too(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 3, 100);
    bench_run(&b);
    pub_lanes_forbidden(b.lanes, b.now_ns, span_of("logs.syslog"));
    assert_int_equal(pub_lanes_in_flight(b.lanes), 0);
    bench_close(&b);
}

static void
large_messages_of_one_lane_do_not_starve_small_ones_of_another(void **state)
{
    struct bench_options two = { .subjects = { "flows.raw", "logs.syslog" }, .memory = 64U << 20 };
    size_t small = 0;

    (void)state;
    bench_open(&b, &two);
    bench_fill(&b, 0, 0, 40, 500000);
    bench_fill(&b, 1, 1000, 600, 200);
    bench_run(&b);
    assert_true(pub_lanes_blocked(b.lanes));
    for (size_t i = 0; i < b.sent_count; i++) {
        small += b.sent[i].value >= 1000 ? 1 : 0;
    }
    assert_int_equal(small, 600);
    bench_drain(&b);
    bench_close(&b);
}

static void
turns_go_by_bytes_so_that_equal_lanes_share_the_window(void **state)
{
    struct bench_options two = { .subjects = { "a", "b" }, .memory = 64U << 20 };
    size_t bytes[2] = { 0, 0 };

    (void)state;
    bench_open(&b, &two);
    bench_fill(&b, 0, 0, 1000, 20000);
    bench_fill(&b, 1, 5000, 5000, 4000);
    bench_run(&b);
    assert_true(pub_lanes_blocked(b.lanes));
    for (size_t i = 0; i < b.sent_count; i++) {
        bytes[b.sent[i].value >= 5000] += b.sent[i].len;
    }
    /* A turn ends with the message that uses it up. */
    assert_true(bytes[0] * 3 > bytes[1] * 2 && bytes[1] * 3 > bytes[0] * 2);
    bench_close(&b);
}

static void
a_full_window_blocks_until_there_is_room(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, SR_WINDOW_MESSAGES + 10, 64);
    bench_run(&b);
    assert_true(pub_lanes_blocked(b.lanes));
    assert_int_equal(pub_lanes_in_flight(b.lanes), SR_WINDOW_MESSAGES);
    bench_store(&b, 5, 6); /* not the oldest: the ring does not move */
    bench_run(&b);
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES);
    bench_store(&b, 0, 5);
    bench_run(&b);
    assert_int_equal(b.sent_count, SR_WINDOW_MESSAGES + 6);
    assert_true(pub_lanes_blocked(b.lanes));
    bench_store(&b, 6, SR_WINDOW_MESSAGES);
    bench_run(&b);
    assert_false(pub_lanes_blocked(b.lanes));
    bench_drain(&b);
    bench_close(&b);
}

/* Fills the window so that the next record is taken from the queue and waits for room. */
static void
fill_the_window(void)
{
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, SR_WINDOW_MESSAGES + 5, 64);
    bench_run(&b);
    assert_true(pub_lanes_blocked(b.lanes));
}

static void
the_record_that_waits_for_room_is_not_sent_twice_after_a_failure(void **state)
{
    (void)state;
    fill_the_window();
    for (size_t i = 0; i < SR_WINDOW_MESSAGES; i++) {
        bench_refuse(&b, i, SR_REFUSAL_STREAM_FULL);
    }
    bench_drain(&b);
    assert_int_equal(b.sent_count, 2 * SR_WINDOW_MESSAGES + 5);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), SR_WINDOW_MESSAGES + 5);
    bench_assert_balanced(&b);
    bench_close(&b);
    fill_the_window();
    pub_lanes_disconnected(b.lanes, b.now_ns);
    bench_drain(&b);
    assert_int_equal(b.sent_count, 2 * SR_WINDOW_MESSAGES + 5);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_lane_without_a_stream_for_long_is_named_and_can_be_sent_at_once(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 1, 100);
    bench_run(&b);
    assert_null(pub_lanes_without_stream(b.lanes, b.now_ns, 0));
    bench_refuse(&b, 0, SR_REFUSAL_NO_STREAM);
    assert_null(pub_lanes_without_stream(b.lanes, b.now_ns + 30 * SECOND - 1, 30 * SECOND));
    assert_string_equal(
        pub_lanes_without_stream(b.lanes, b.now_ns + 30 * SECOND, 30 * SECOND), "logs.syslog");
    bench_run(&b);
    assert_int_equal(b.sent_count, 1);
    pub_lanes_retry_now(b.lanes, b.now_ns);
    bench_run(&b);
    assert_int_equal(b.sent_count, 2);
    bench_store(&b, 1, 2);
    assert_null(pub_lanes_without_stream(b.lanes, b.now_ns + 60 * SECOND, 30 * SECOND));
    bench_close(&b);
}

static void
timeouts_and_lost_connections_do_not_count_as_a_missing_stream(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 1, 100);
    for (unsigned i = 0; i < 10; i++) {
        bench_run(&b);
        bench_wait(&b, BENCH_ACK_TIMEOUT_NS);
        b.now_ns = pub_lanes_due_ns(b.lanes);
    }
    bench_run(&b);
    bench_refuse(&b, b.sent_count - 1, SR_REFUSAL_NO_STREAM);
    assert_null(pub_lanes_without_stream(b.lanes, b.now_ns, 30 * SECOND));
    pub_lanes_disconnected(b.lanes, b.now_ns + SECOND);
    assert_null(pub_lanes_without_stream(b.lanes, b.now_ns + 3600 * SECOND, 30 * SECOND));
    bench_close(&b);
}

static void
a_request_goes_out_with_its_id_and_is_told_when_it_is_stored(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_put_request(&b, 0, 1, 0x4a);
    bench_fill(&b, 0, 2, 1, 100);
    bench_run(&b);
    assert_string_equal(b.sent[0].request, "4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a");
    assert_string_equal(b.sent[1].request, "");
    assert_int_equal(b.told, 0);
    bench_store(&b, 1, 2); /* no request */
    assert_int_equal(b.told, 0);
    assert_int_equal(pub_lanes_requests_in_flight(b.lanes), 1);
    bench_store(&b, 0, 1);
    assert_int_equal(pub_lanes_requests_in_flight(b.lanes), 0);
    assert_int_equal(b.told, 1);
    assert_int_equal(b.told_letter, 0x4a);
    assert_false(b.told_known);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_request_that_the_stream_has_already_is_stored_and_no_wonder(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_put_request(&b, 0, 1, 0x4b);
    bench_run(&b);
    pub_lanes_stored(b.lanes, b.sent[0].number, true);
    assert_int_equal(b.told, 1);
    assert_true(b.told_known);
    assert_int_equal(pub_lanes_unexpected_duplicates(b.lanes), 0);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 1);
    bench_assert_balanced(&b);
    bench_close(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_flow_and_are_settled_in_order),
        cmocka_unit_test(what_is_in_flight_takes_at_most_a_quarter_of_a_small_queue),
        cmocka_unit_test(a_refused_lane_settles_goes_back_and_probes_with_one_message),
        cmocka_unit_test(a_window_refused_as_too_many_is_sent_again_by_halves),
        cmocka_unit_test(
            the_back_off_grows_to_its_limit_with_jitter_and_starts_anew_after_a_success),
        cmocka_unit_test(waves_of_refusals_are_logged_once_a_minute),
        cmocka_unit_test(disorder_is_at_most_one_window),
        cmocka_unit_test(a_message_without_an_answer_is_sent_again_after_its_deadline),
        cmocka_unit_test(a_lane_without_answers_does_not_slow_its_neighbour),
        cmocka_unit_test(a_message_without_an_answer_holds_its_own_lane_to_one_window),
        cmocka_unit_test(an_answer_that_comes_twice_or_to_nothing_changes_nothing),
        cmocka_unit_test(a_duplicate_of_what_was_never_sent_before_is_counted),
        cmocka_unit_test(after_a_disconnect_everything_unacknowledged_goes_out_again_at_once),
        cmocka_unit_test(a_send_that_fails_half_way_loses_nothing),
        cmocka_unit_test(a_forbidden_subject_stops_its_lane_and_no_other),
        cmocka_unit_test(the_subject_as_it_stands_is_forbidden_too),
        cmocka_unit_test(large_messages_of_one_lane_do_not_starve_small_ones_of_another),
        cmocka_unit_test(turns_go_by_bytes_so_that_equal_lanes_share_the_window),
        cmocka_unit_test(a_full_window_blocks_until_there_is_room),
        cmocka_unit_test(the_record_that_waits_for_room_is_not_sent_twice_after_a_failure),
        cmocka_unit_test(a_lane_without_a_stream_for_long_is_named_and_can_be_sent_at_once),
        cmocka_unit_test(timeouts_and_lost_connections_do_not_count_as_a_missing_stream),
        cmocka_unit_test(a_request_goes_out_with_its_id_and_is_told_when_it_is_stored),
        cmocka_unit_test(a_request_that_the_stream_has_already_is_stored_and_no_wonder),
    };
    return cmocka_run_group_tests_name("pub_lanes", tests, bench_be_quiet, NULL);
}
