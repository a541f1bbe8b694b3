/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "shell/kept.h"

static void
a_lane_is_read_as_it_was_written(void **state)
{
    struct kept_lane in = {
        .key = 1,
        .listener = 2,
        .dead = true,
        .settled = { 3, 4, 5, 6, 7 },
        .written = { 8, 9, 10, 11, 0 },
        .outcome = { .stored = 12, .moved = 13, .redelivered = 14 },
    };
    struct kept_lane out;
    uint64_t values[KEPT_LANE_VALUES + 1];

    (void)state;
    for (unsigned i = 0; i < KEPT_DROPS; i++) {
        in.outcome.dropped[i] = 100 + i;
    }
    values[KEPT_LANE_VALUES] = 77;
    kept_lane_write(values, &in);
    assert_int_equal(values[KEPT_LANE_VALUES], 77);
    assert_int_equal(values[KEPT_LANE_VALUES - 1], 100 + KEPT_DROPS - 1); /* and not one less */
    kept_lane_read(values, &out);
    assert_memory_equal(&in.settled, &out.settled, sizeof(in.settled));
    assert_memory_equal(&in.written, &out.written, sizeof(in.written));
    assert_memory_equal(&in.outcome, &out.outcome, sizeof(in.outcome));
    assert_true(out.key == 1 && out.listener == 2 && out.dead);
}

static void
a_position_is_where_the_lane_is_written(void **state)
{
    struct sr_queue_options options = {
        .memory = 1U << 20, .listeners = 1, .run_id = 7, .first_number = 40
    };
    struct sr_lane_options lane_options = { .listener_name = "udp://x", .subject = "logs.x" };
    struct sr_queue *q = sr_queue_new(&options);
    struct sr_lane *lane = sr_queue_add_lane(q, &lane_options);
    uint64_t values[KEPT_POSITION_VALUES];
    struct sr_lane_position written, at;
    uint64_t key;

    (void)state;
    assert_non_null(lane);
    memset(sr_lane_reserve(lane, 50, 1), 0, 50);
    sr_lane_commit(lane, 50, 0, 3);
    kept_position_write(values, lane);
    kept_position_read(values, &key, &at);
    sr_lane_written(lane, &written);
    assert_true(key == sr_lane_key(lane));
    assert_memory_equal(&at, &written, sizeof(at));
    assert_true(at.segment == 40 && at.entries == 1 && at.records == 3);
    kept_position_write(values, NULL);
    kept_position_read(values, &key, &at);
    assert_true(key == 0 && at.segment == 0);
    sr_queue_free(q);
}

static void
every_reason_has_a_word_and_those_of_the_disk_are_found_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEPT_DROPS; i++) {
        const char *reason = kept_drop_reason(i);
        assert_non_null(reason);
        assert_true(reason[strspn(reason, "abcdefghijklmnopqrstuvwxyz_0123456789")] == '\0');
        for (unsigned j = 1; j < i; j++) {
            assert_string_not_equal(reason, kept_drop_reason(j));
        }
    }
    for (unsigned i = KEPT_DROP_DISK_FULL; i < KEPT_DROPS; i++) {
        assert_int_equal(kept_disk_drop(kept_drop_reason(i)), i);
    }
    assert_int_equal(kept_disk_drop("something"), KEPT_DROP_DISK_ERROR);
}

static void
outcomes_add_up_in_the_books(void **state)
{
    static const unsigned one = 1;
    struct sr_stats *stats = sr_stats_new(1, &one);
    struct sr_delivery_stats *d = &stats->listeners[0].delivery;
    struct kept_lane lane = { .outcome = { .stored = 5, .moved = 2, .redelivered = 3 } };
    struct kept_outcome more = { .stored = 10 };

    (void)state;
    lane.outcome.dropped[KEPT_DROP_DAMAGED] = 4;
    more.dropped[KEPT_DROP_DAMAGED] = 1;
    kept_outcome_sum(&lane.outcome, &more);
    kept_outcome_add(d, &lane);
    lane.dead = true;
    kept_outcome_add(d, &lane);
    assert_int_equal(sr_counted(&d->stored), 15);
    assert_int_equal(sr_counted(&d->stored_dead), 15);
    assert_int_equal(sr_counted(&d->moved), 4);
    assert_int_equal(sr_counted(&d->redelivered), 6);
    assert_int_equal(sr_reasons_total(&d->dropped), 10);
    assert_string_equal(d->dropped.items[0].reason, "damaged");
    sr_stats_free(stats);
}

static void
keys_tell_lanes_and_listeners_apart(void **state)
{
    struct sr_span name = span_of("udp://a:1"), other = span_of("udp://a:2");
    struct sr_span subject = span_of("logs.x");
    uint64_t keys[] = {
        sr_lane_key_of(name, 0, false, false, subject),
        sr_lane_key_of(name, 1, false, false, subject),
        sr_lane_key_of(name, 256, false, false, subject),
        sr_lane_key_of(name, 0, true, false, subject),
        sr_lane_key_of(name, 0, false, true, subject),
        sr_lane_key_of(name, 0, true, true, subject),
        sr_lane_key_of(other, 0, false, false, subject),
        sr_lane_key_of(name, 0, false, false, span_of("logs.y")),
        kept_listener_key("udp://a:1"),
        kept_listener_key("udp://a:2"),
        kept_listener_key(""),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(keys[i] != keys[j]);
        }
    }
    assert_true(keys[0] == sr_lane_key_of(name, 0, false, false, subject));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_is_read_as_it_was_written),
        cmocka_unit_test(a_position_is_where_the_lane_is_written),
        cmocka_unit_test(every_reason_has_a_word_and_those_of_the_disk_are_found_again),
        cmocka_unit_test(outcomes_add_up_in_the_books),
        cmocka_unit_test(keys_tell_lanes_and_listeners_apart),
    };
    return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
