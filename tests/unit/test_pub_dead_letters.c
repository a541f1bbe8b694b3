/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_bench.h"

#include "shell/pub_lanes.h"
#include "sr/clock.h"
#include "sr/deadletter.h"

#define SECOND SR_NS_PER_SECOND
#define LONGEST_BACKOFF_NS (15 * SECOND)

static const struct bench_options one_lane = { .subjects = { "logs.syslog" } };
static const struct bench_options one_lane_counting = {
    .subjects = { "logs.syslog" },
    .no_dead_letters = true,
};

static struct bench b;

static void
what_can_never_be_stored_becomes_a_dead_letter_of_4_kib(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 7, 1, 10000);
    bench_fill(&b, 0, 8, 2, 100);
    bench_run(&b);
    bench_refuse(&b, 0, SR_REFUSAL_TOO_LARGE);
    assert_int_equal(pub_lanes_in_flight(b.lanes), 2); /* the others are not disturbed */
    assert_false(pub_lanes_troubled(b.lanes));
    bench_run(&b);
    assert_int_equal(b.sent_count, 4);
    assert_string_equal(b.sent[3].subject, "logs.syslog.deadletter");
    assert_string_equal(b.sent[3].reason, "too_large");
    assert_int_equal(b.sent[3].value, 7);
    assert_int_equal(b.sent[3].len, SR_DEADLETTER_CUT);
    bench_store(&b, 1, 4);
    assert_int_equal(sr_counted(&bench_delivery(&b)->moved), 1);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 2);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored_dead), 1);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_dead_letter_of_a_request_has_an_id_of_its_own(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    bench_put_request(&b, 0, 7, 0x4a);
    bench_run(&b);
    bench_refuse(&b, 0, SR_REFUSAL_TOO_LARGE);
    bench_run(&b);
    assert_string_equal(b.sent[1].subject, "logs.syslog.deadletter");
    assert_string_equal(b.sent[1].request, "");
    assert_int_equal(b.sent[1].value, 7);
    bench_store(&b, 1, 2);
    assert_int_equal(b.told, 0); /* nobody is answered for a dead letter */
    bench_assert_balanced(&b);
    bench_close(&b);
}

/* Queues a message of `records` records and `len` bytes. */
static void
put_batch(uint32_t value, uint32_t records, size_t len)
{
    static const char head[] = "Content-Type: application/x-ndjson\r\nSr-Records: 40\r\n";
    size_t head_len = sizeof(head) - 1;
    uint8_t *room = sr_lane_reserve(b.lane[0], head_len + len, 1);

    assert_non_null(room);
    memset(room, (int)value, head_len + len);
    memcpy(room, head, head_len);
    memcpy(room + head_len, &value, sizeof(value));
    sr_lane_commit(b.lane[0], head_len + len, head_len, records);
    sr_count(&b.stats->listeners[0].workers[0].records, records);
    sr_count(&b.stats->listeners[0].workers[0].decoded, 1);
    sr_count(&b.stats->listeners[0].workers[0].received, 1);
    sr_lane_flush(b.lane[0]);
}

static void
a_batch_counts_with_all_its_records_whatever_becomes_of_it(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    b.max_payload = 32768;
    put_batch(1, 40, 10000); /* refused for good */
    put_batch(2, 40, 40000); /* larger than the server takes */
    put_batch(3, 40, 10000);
    bench_run(&b);
    assert_int_equal(b.sent_count, 2);
    bench_refuse(&b, 0, SR_REFUSAL_TOO_LARGE);
    bench_store(&b, 1, 2);
    bench_drain(&b);
    assert_int_equal(sr_counted(&bench_delivery(&b)->moved), 80);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 40);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored_dead), 80);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_dead_letter_of_a_batch_says_how_many_records_it_had(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    put_batch(1, 40, 10000);
    bench_run(&b);
    assert_string_equal(b.sent[0].records, "40");
    bench_refuse(&b, 0, SR_REFUSAL_TOO_LARGE);
    bench_run(&b);
    assert_int_equal(b.sent_count, 2);
    assert_string_equal(b.sent[1].reason, "too_large");
    assert_string_equal(b.sent[1].records, "40");
    assert_int_equal(b.sent[1].len, SR_DEADLETTER_CUT);
    assert_int_equal(b.sent[1].value, 1);
    bench_close(&b);
}

static void
a_batch_that_is_sent_again_counts_once(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    put_batch(1, 40, 100);
    bench_run(&b);
    pub_lanes_disconnected(b.lanes, b.now_ns);
    bench_run(&b);
    assert_int_equal(b.sent_count, 2);
    assert_string_equal(b.sent[0].id, b.sent[1].id);
    bench_store(&b, 1, 2);
    assert_int_equal(sr_counted(&bench_delivery(&b)->redelivered), 1); /* messages */
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 40);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
the_records_of_a_batch_without_a_dead_letter_are_dropped_by_reason(void **state)
{
    (void)state;
    bench_open(&b, &one_lane_counting);
    put_batch(1, 40, 100);
    bench_run(&b);
    bench_refuse(&b, 0, SR_REFUSAL_TOO_LARGE);
    assert_int_equal(bench_dropped(&b, "too_large"), 40);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
several_refused_for_good_in_one_window_leave_the_rest_alone(void **state)
{
    static const size_t refused[] = { 9, 3, 0, 4 };

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 10, 100);
    bench_run(&b);
    for (size_t i = 0; i < 4; i++) {
        bench_refuse(&b, refused[i], SR_REFUSAL_TOO_LARGE);
    }
    assert_int_equal(pub_lanes_in_flight(b.lanes), 6);
    bench_run(&b);
    assert_int_equal(b.sent_count, 11); /* the others wait until what came before is settled */
    bench_store(&b, 0, 10);
    bench_run(&b);
    assert_int_equal(b.sent_count, 14); /* four dead letters and nothing twice */
    bench_store(&b, 10, 14);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 6);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored_dead), 4);
    assert_int_equal(sr_counted(&bench_delivery(&b)->redelivered), 0);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
a_refusal_for_good_while_the_lane_settles_or_probes_skips_nothing(void **state)
{
    static const uint32_t again[] = { 0, 3 };

    (void)state;
    bench_open(&b, &one_lane);
    bench_fill(&b, 0, 0, 4, 100);
    bench_run(&b);
    bench_refuse(&b, 0, SR_REFUSAL_STREAM_FULL);
    bench_refuse(&b, 1, SR_REFUSAL_TOO_LARGE);
    bench_refuse(&b, 2, SR_REFUSAL_STREAM_FULL);
    bench_refuse(&b, 3, SR_REFUSAL_STREAM_FULL);
    bench_run(&b);
    assert_int_equal(b.sent_count, 4); /* 1 waits for 0 */
    bench_wait(&b, 250 * SR_NS_PER_MS);
    assert_int_equal(b.sent_count, 5);
    bench_store(&b, 4, 5);
    bench_run(&b); /* 2 and 3 again, and the dead letter of 1 */
    assert_int_equal(b.sent_count, 8);
    size_t letter = b.sent[5].reason[0] != '\0' ? 5 : 7;
    size_t second = letter == 5 ? 6 : 5;
    bench_store(&b, letter, letter + 1);
    bench_refuse(&b, second, SR_REFUSAL_TOO_LARGE);
    bench_run(&b);
    assert_string_equal(b.sent[8].reason, "too_large");
    bench_store(&b, second + 1, second + 2);
    bench_store(&b, 8, 9);
    assert_int_equal(b.sent[4].value, again[0]);
    assert_int_equal(b.sent[second + 1].value, again[1]);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), 2);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored_dead), 2);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
what_is_larger_than_the_server_takes_is_never_sent(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    b.max_payload = 8192;
    bench_fill(&b, 0, 0, 1, 100);
    bench_fill(&b, 0, 1, 1, 8192);
    bench_fill(&b, 0, 2, 1, 100);
    bench_run(&b);
    assert_int_equal(b.sent_count, 2);
    assert_int_equal(b.sent[1].value, 2);
    bench_store(&b, 0, 2);
    bench_run(&b);
    assert_int_equal(b.sent_count, 3);
    assert_int_equal(b.sent[2].value, 1);
    assert_string_equal(b.sent[2].reason, "too_large");
    bench_store(&b, 2, 3);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
without_dead_letters_a_refused_record_is_counted(void **state)
{
    (void)state;
    bench_open(&b, &one_lane_counting);
    bench_fill(&b, 0, 0, 3, 100);
    bench_run(&b);
    bench_refuse(&b, 1, SR_REFUSAL_TOO_LARGE);
    bench_store(&b, 0, 3);
    bench_run(&b);
    assert_int_equal(bench_dropped(&b, "too_large"), 1);
    assert_int_equal(sr_counted(&bench_delivery(&b)->moved), 0);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

/* Refuses every message on the dead-letter subject that has been sent since `from`. */
static size_t
refuse_dead_letters(size_t from)
{
    for (; from < b.sent_count; from++) {
        if (strcmp(b.sent[from].subject, "logs.syslog.deadletter") == 0) {
            bench_refuse(&b, from, SR_REFUSAL_NO_STREAM);
        } else {
            bench_store(&b, from, from + 1);
        }
    }
    return from;
}

/* Lets a dead letter be refused for `ns`, while records go on. */
static void
let_a_dead_letter_be_refused_for(uint64_t ns)
{
    uint64_t end;
    uint32_t value = 1000;

    bench_fill(&b, 0, 1, 1, 5000);
    bench_run(&b);
    bench_refuse(&b, 0, SR_REFUSAL_TOO_LARGE);
    bench_run(&b);
    size_t done = refuse_dead_letters(1);
    for (end = b.now_ns + ns; b.now_ns < end;) {
        assert_true(bench_put(&b, 0, value++, 100));
        bench_wait(&b, SECOND);
        done = refuse_dead_letters(done);
    }
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored), value - 1000);
}

static void
dead_letters_refused_for_30_s_are_dropped_and_records_go_on(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    let_a_dead_letter_be_refused_for(29 * SECOND);
    assert_int_equal(bench_dropped(&b, "deadletter_refused"), 0);
    assert_int_equal(bench_queued(&b), 1);
    bench_close(&b);
    bench_open(&b, &one_lane);
    let_a_dead_letter_be_refused_for(62 * SECOND);
    assert_int_equal(bench_dropped(&b, "deadletter_refused"), 1);
    assert_int_equal(bench_queued(&b), 0);
    bench_assert_balanced(&b);
    bench_close(&b);
}

static void
time_without_a_connection_is_no_refusal_of_a_dead_letter(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    let_a_dead_letter_be_refused_for(5 * SECOND);
    pub_lanes_disconnected(b.lanes, b.now_ns);
    bench_wait(&b, 3600 * SECOND);
    assert_int_equal(bench_dropped(&b, "deadletter_refused"), 0);
    assert_string_equal(b.sent[b.sent_count - 1].reason, "too_large");
    bench_store(&b, b.sent_count - 1, b.sent_count);
    assert_int_equal(sr_counted(&bench_delivery(&b)->stored_dead), 1);
    assert_int_equal(bench_queued(&b), 0);
    bench_close(&b);
}

static void
a_dead_letter_that_came_while_the_lane_waited_is_tried_before_it_is_dropped(void **state)
{
    (void)state;
    bench_open(&b, &one_lane);
    let_a_dead_letter_be_refused_for(90 * SECOND);
    assert_int_equal(bench_queued(&b), 0);
    /* A second one is refused, a third comes while the lane waits; then the stream is mended. */
    b.max_payload = 4900;
    bench_fill(&b, 0, 2, 1, 5000);
    bench_run(&b);
    bench_run(&b);
    bench_refuse(&b, b.sent_count - 1, SR_REFUSAL_NO_STREAM);
    bench_fill(&b, 0, 3, 1, 5000);
    bench_run(&b);
    size_t before = b.sent_count;
    bench_wait(&b, LONGEST_BACKOFF_NS);
    assert_true(b.sent_count > before);
    assert_int_equal(b.sent[b.sent_count - 1].value, 3);
    bench_store(&b, before, b.sent_count);
    bench_drain(&b);
    assert_true(sr_counted(&bench_delivery(&b)->stored_dead) >= 1);
    bench_assert_balanced(&b);
    bench_close(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_never_be_stored_becomes_a_dead_letter_of_4_kib),
        cmocka_unit_test(a_dead_letter_of_a_request_has_an_id_of_its_own),
        cmocka_unit_test(a_batch_counts_with_all_its_records_whatever_becomes_of_it),
        cmocka_unit_test(a_dead_letter_of_a_batch_says_how_many_records_it_had),
        cmocka_unit_test(a_batch_that_is_sent_again_counts_once),
        cmocka_unit_test(the_records_of_a_batch_without_a_dead_letter_are_dropped_by_reason),
        cmocka_unit_test(several_refused_for_good_in_one_window_leave_the_rest_alone),
        cmocka_unit_test(a_refusal_for_good_while_the_lane_settles_or_probes_skips_nothing),
        cmocka_unit_test(what_is_larger_than_the_server_takes_is_never_sent),
        cmocka_unit_test(without_dead_letters_a_refused_record_is_counted),
        cmocka_unit_test(dead_letters_refused_for_30_s_are_dropped_and_records_go_on),
        cmocka_unit_test(time_without_a_connection_is_no_refusal_of_a_dead_letter),
        cmocka_unit_test(
            a_dead_letter_that_came_while_the_lane_waited_is_tried_before_it_is_dropped),
    };
    return cmocka_run_group_tests_name("pub_dead_letters", tests, bench_be_quiet, NULL);
}
