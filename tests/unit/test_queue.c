/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "queue_memory.h"
#include "sr/queue.h"

#define MIB (1024U * 1024U)

static struct sr_queue *
new_queue(uint64_t memory, unsigned listeners)
{
    struct sr_queue_options options = { .memory = memory, .listeners = listeners, .run_id = 7 };
    struct sr_queue *q = sr_queue_new(&options);

    assert_non_null(q);
    return q;
}

static struct sr_lane *
new_lane(struct sr_queue *q, unsigned listener, bool dead)
{
    struct sr_lane_options options = { .listener = listener, .dead = dead, .subject = "logs.x" };
    struct sr_lane *lane = sr_queue_add_lane(q, &options);

    assert_non_null(lane);
    return lane;
}

/* Writes one entry of `len` bytes that starts with `value`; false when the lane is full. */
static bool
put(struct sr_lane *lane, uint32_t value, size_t len)
{
    uint8_t *room = sr_lane_reserve(lane, len, 1);

    if (room == NULL) {
        return false;
    }
    memset(room, 0, len);
    memcpy(room, &value, sizeof(value));
    sr_lane_commit(lane, len, 0, 1);
    return true;
}

static uint32_t
value_of(const struct sr_entry *e)
{
    uint32_t value;

    assert_true(e->body.len >= sizeof(value));
    memcpy(&value, e->body.data, sizeof(value));
    return value;
}

static void
entries_come_out_in_the_order_they_went_in(void **state)
{
    struct sr_queue *q = new_queue(8 * MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, false);
    struct sr_entry e;

    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(put(lane, i, 100 + i % 7));
    }
    sr_lane_flush(lane);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(sr_lane_next(lane, &e));
        assert_int_equal(value_of(&e), i);
        assert_int_equal(e.body.len, 100 + i % 7);
        sr_lane_settle(lane, e.segment, e.index, e.records);
    }
    assert_false(sr_lane_next(lane, &e));
    assert_true(sr_lane_empty(lane));
    sr_queue_free(q);
}

static void
what_is_not_flushed_is_not_seen(void **state)
{
    struct sr_queue *q = new_queue(MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, false);
    struct sr_entry e;

    (void)state;
    assert_true(put(lane, 1, 10));
    assert_false(sr_lane_next(lane, &e));
    assert_int_equal(sr_lane_queued(lane), 0);
    sr_lane_flush(lane);
    assert_int_equal(sr_lane_queued(lane), 1);
    assert_true(sr_lane_next(lane, &e));
    sr_queue_free(q);
}

static void
a_rewind_gives_again_what_is_not_settled_and_nothing_else(void **state)
{
    struct sr_queue *q = new_queue(MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, false);
    struct sr_entry e[6];

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(put(lane, i, 20));
    }
    sr_lane_flush(lane);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(sr_lane_next(lane, &e[i]));
    }
    sr_lane_settle(lane, e[0].segment, e[0].index, 1);
    sr_lane_settle(lane, e[3].segment, e[3].index, 1);
    sr_lane_rewind(lane);
    static const uint32_t left[] = { 1, 2, 4, 5 };
    for (size_t i = 0; i < 4; i++) {
        struct sr_entry again;
        assert_true(sr_lane_next(lane, &again));
        assert_int_equal(value_of(&again), left[i]);
        assert_int_equal(again.index, left[i]); /* the message id does not change */
        assert_true(again.segment_number == e[left[i]].segment_number);
    }
    assert_int_equal(sr_lane_queued(lane), 4);
    sr_queue_free(q);
}

static void
a_full_lane_says_so_and_takes_records_again_after_settling(void **state)
{
    struct sr_queue *q = new_queue(MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, false);
    struct sr_entry e;
    uint32_t accepted = 0;

    (void)state;
    while (put(lane, accepted, 1000)) {
        accepted++;
        assert_true(accepted < 2000);
    }
    sr_lane_flush(lane);
    assert_true(accepted > 900); /* 1 MiB of 1000-byte entries, less what segments waste */
    assert_true(queue_memory(q) <= MIB);
    for (uint32_t i = 0; i < accepted; i++) {
        assert_true(sr_lane_next(lane, &e));
        assert_int_equal(value_of(&e), i);
        sr_lane_settle(lane, e.segment, e.index, 1);
    }
    assert_true(put(lane, 0, 1000));
    sr_queue_free(q);
}

static void
one_listener_cannot_take_the_guaranteed_share_of_another(void **state)
{
    struct sr_queue *q = new_queue(4 * MIB, 2);
    struct sr_lane *greedy = new_lane(q, 0, false);
    struct sr_lane *modest = new_lane(q, 1, false);
    uint64_t bytes = 0;

    (void)state;
    while (put(greedy, 0, 1000)) {
    }
    while (put(modest, 0, 1000)) {
        bytes += 1000;
    }
    assert_true(bytes > 900000); /* a quarter of 4 MiB is its own, whatever the other does */
    sr_queue_free(q);
}

/* Writes into the lane until its level is that; returns how many entries. */
static unsigned
fill_to(struct sr_lane *lane, unsigned level)
{
    unsigned count = 0;

    while (sr_lane_level(lane) < level && put(lane, count, 4000)) {
        count++;
    }
    sr_lane_flush(lane);
    return count;
}

static void
a_level_tells_what_is_left_to_a_listener(void **state)
{
    struct sr_queue *q = new_queue(4 * MIB, 2);
    struct sr_lane *one = new_lane(q, 0, false), *two = new_lane(q, 1, false);
    struct sr_entry e;

    (void)state;
    assert_int_equal(sr_lane_level(one), 0);
    unsigned half = fill_to(one, 16), all = half + fill_to(one, UINT_MAX);
    assert_in_range(half * 100 / all, 47, 55); /* it goes by segments */
    assert_false(put(one, 0, 4000));
    (void)put(two, 0, 60000);            /* looks again */
    assert_true(sr_lane_level(two) < 8); /* what is its own is there */
    while (sr_lane_next(one, &e)) {
        sr_lane_settle(one, e.segment, e.index, e.records);
    }
    assert_true(sr_lane_level(one) < 3);
    sr_queue_free(q);
}

static void
dead_letters_hold_at_most_a_sixteenth(void **state)
{
    struct sr_queue *q = new_queue(4 * MIB, 1);
    struct sr_lane *dead = new_lane(q, 0, true);
    uint64_t bytes = 0;

    (void)state;
    while (put(dead, 0, 1000)) {
        bytes += 1000;
    }
    assert_true(bytes > 200000 && bytes <= 4 * MIB / 16);
    sr_queue_free(q);
}

/* Every lane holds a segment, also an idle one: four are the whole share of dead letters here. */
static void
a_lane_goes_on_when_idle_lanes_hold_the_whole_share(void **state)
{
    struct sr_queue *q = new_queue(MIB, 2);
    struct sr_lane *lanes[4];
    struct sr_entry e;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        lanes[i] = new_lane(q, i % 2, true);
    }
    for (uint32_t i = 0; i < 400; i++) {
        assert_true(put(lanes[i % 4], i, 1000));
        sr_lane_flush(lanes[i % 4]);
        assert_true(sr_lane_next(lanes[i % 4], &e));
        assert_int_equal(value_of(&e), i);
        sr_lane_settle(lanes[i % 4], e.segment, e.index, e.records);
    }
    assert_true(queue_memory(q) <= 8 * 16 * 1024);
    sr_queue_free(q);
}

static void
the_largest_record_fits_and_a_larger_segment_is_made_for_it(void **state)
{
    struct sr_queue *q = new_queue(64 * MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, false);
    struct sr_entry e;

    (void)state;
    assert_true(put(lane, 1, 10));
    assert_true(put(lane, 2, SR_RECORD_MAX));
    assert_true(put(lane, 3, 10));
    sr_lane_flush(lane);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(sr_lane_next(lane, &e));
        assert_int_equal(value_of(&e), i);
        sr_lane_settle(lane, e.segment, e.index, 1);
    }
    sr_queue_free(q);
}

/* Fills the lane with records of `len` bytes and settles them all; returns how many there were. */
static uint32_t
fill_and_settle(struct sr_lane *lane, size_t len)
{
    struct sr_entry e;
    uint32_t accepted = 0;

    while (put(lane, accepted, len)) {
        accepted++;
    }
    sr_lane_flush(lane);
    for (uint32_t i = 0; i < accepted; i++) {
        assert_true(sr_lane_next(lane, &e));
        assert_int_equal(value_of(&e), i);
        assert_int_equal(e.body.len, len);
        sr_lane_settle(lane, e.segment, e.index, 1);
    }
    return accepted;
}

static void
large_records_fill_the_memory_and_give_it_back(void **state)
{
    struct sr_queue *q = new_queue(8 * MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, false);
    uint64_t at_rest = queue_memory(q);

    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        uint32_t accepted = fill_and_settle(lane, SR_RECORD_MAX);
        assert_in_range(accepted, 14, 15); /* 16 of 512 KiB are 8 MiB, and headers are needed */
        assert_true(queue_memory(q) <= MIB);
    }
    /* The last large segment stays open until something does not fit into it. */
    assert_true(put(lane, 1, 100000));
    sr_lane_flush(lane);
    struct sr_entry e;
    assert_true(sr_lane_next(lane, &e));
    sr_lane_settle(lane, e.segment, e.index, 1);
    assert_int_equal(queue_memory(q), at_rest);
    sr_queue_free(q);
}

static void
an_empty_lane_takes_the_largest_record_again_and_again(void **state)
{
    struct sr_queue *q = new_queue(MIB, 2);
    struct sr_lane *lane = new_lane(q, 0, false);
    struct sr_entry e;

    (void)state;
    (void)new_lane(q, 1, false);
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(put(lane, i, SR_RECORD_MAX)); /* 768 KiB are the lane's: one at a time */
        assert_false(put(lane, i, SR_RECORD_MAX));
        assert_true(queue_memory(q) <= MIB);
        sr_lane_flush(lane);
        assert_true(sr_lane_next(lane, &e));
        assert_int_equal(value_of(&e), i);
        sr_lane_settle(lane, e.segment, e.index, 1);
    }
    sr_queue_free(q);
}

static void
shares_come_back_to_where_they_were(void **state)
{
    struct sr_queue *q = new_queue(4 * MIB, 2);
    struct sr_lane *lanes[] = { new_lane(q, 0, false), new_lane(q, 1, false),
        new_lane(q, 1, true) };
    uint32_t accepted[3];

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < 3; i++) {
            uint32_t now = fill_and_settle(lanes[i], 1000);
            if (round > 0) { /* the segment that is open may be anywhere full; one holds 63 */
                assert_in_range(now, accepted[i] - 126, accepted[i] + 126);
            } else {
                accepted[i] = now;
            }
        }
    }
    assert_in_range(accepted[0], 2800, 3100); /* its quarter and all of the common half */
    assert_in_range(accepted[2], 200, 262);
    sr_queue_free(q);
}

static void
attributes_are_kept_apart_from_the_body(void **state)
{
    struct sr_queue *q = new_queue(MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, true);
    struct sr_entry e;

    (void)state;
    uint8_t *room = sr_lane_reserve(lane, 64, 1);
    assert_non_null(room);
    memcpy(room, "Sr-Reason: x\r\nraw", 17);
    sr_lane_commit(lane, 17, 14, 1);
    sr_lane_flush(lane);
    assert_true(sr_lane_next(lane, &e));
    assert_int_equal(e.attributes.len, 14);
    assert_memory_equal(e.body.data, "raw", 3);
    assert_int_equal(e.body.len, 3);
    sr_queue_free(q);
}

#define RACE_RECORDS 200000U

static void *
write_many(void *arg)
{
    struct sr_lane *lane = arg;

    for (uint32_t i = 0; i < RACE_RECORDS;) {
        if (put(lane, i, 60)) {
            i++;
        }
        if (i % 64 == 0) {
            sr_lane_flush(lane);
        }
    }
    sr_lane_flush(lane);
    return NULL;
}

static void
writer_and_reader_in_two_threads_lose_nothing(void **state)
{
    struct sr_queue *q = new_queue(MIB, 1);
    struct sr_lane *lane = new_lane(q, 0, false);
    pthread_t writer;
    struct sr_entry e;

    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_many, lane), 0);
    for (uint32_t i = 0; i < RACE_RECORDS;) {
        uint64_t epoch = sr_wake_epoch(sr_queue_wake(q));
        if (!sr_lane_next(lane, &e)) {
            sr_wake_sleep(sr_queue_wake(q), epoch, UINT64_MAX / 2);
            continue;
        }
        assert_int_equal(value_of(&e), i);
        sr_lane_settle(lane, e.segment, e.index, 1);
        i++;
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_true(sr_lane_empty(lane));
    sr_queue_free(q);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_out_in_the_order_they_went_in),
        cmocka_unit_test(what_is_not_flushed_is_not_seen),
        cmocka_unit_test(a_rewind_gives_again_what_is_not_settled_and_nothing_else),
        cmocka_unit_test(a_full_lane_says_so_and_takes_records_again_after_settling),
        cmocka_unit_test(one_listener_cannot_take_the_guaranteed_share_of_another),
        cmocka_unit_test(a_level_tells_what_is_left_to_a_listener),
        cmocka_unit_test(dead_letters_hold_at_most_a_sixteenth),
        cmocka_unit_test(a_lane_goes_on_when_idle_lanes_hold_the_whole_share),
        cmocka_unit_test(the_largest_record_fits_and_a_larger_segment_is_made_for_it),
        cmocka_unit_test(large_records_fill_the_memory_and_give_it_back),
        cmocka_unit_test(an_empty_lane_takes_the_largest_record_again_and_again),
        cmocka_unit_test(shares_come_back_to_where_they_were),
        cmocka_unit_test(attributes_are_kept_apart_from_the_body),
        cmocka_unit_test(writer_and_reader_in_two_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
