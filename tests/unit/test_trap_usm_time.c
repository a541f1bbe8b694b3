/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>

#include "usm/table.h"
#include "usm/times.h"

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)

static const uint64_t start = UINT64_C(1795348800) * SECOND;
static const struct sr_span engine = { (const uint8_t *)"\x80\0\0\0\1", 5 };

static struct usm_times *
times_of(enum usm_time_policy policy, uint32_t max)
{
    struct usm_times *times = usm_times_new(policy, max);

    assert_non_null(times);
    return times;
}

static bool
check(struct usm_times *times, uint32_t boots, uint32_t time, uint64_t seconds)
{
    return usm_times_check(times, engine, boots, time, start + seconds * SECOND);
}

static void
strict_takes_what_is_up_to_150_seconds_old(void **state)
{
    struct usm_times *times = times_of(USM_TIME_STRICT, 8);

    (void)state;
    assert_true(check(times, 3, 1000, 0));
    assert_true(check(times, 3, 850, 0));
    assert_false(check(times, 3, 849, 0));
    assert_true(check(times, 3, 1000, 150)); /* the engine's clock goes on between messages */
    assert_false(check(times, 3, 1000, 151));
    usm_times_free(times);
}

static void
strict_follows_a_clock_forward(void **state)
{
    struct usm_times *times = times_of(USM_TIME_STRICT, 8);

    (void)state;
    assert_true(check(times, 3, 1000, 0));
    assert_true(
        check(times, 3, 90000, 10)); /* RFC 3414 section 3.2 step 7 b 1: later is believed */
    assert_false(check(times, 3, 1010, 10));
    assert_true(check(times, 4, 0, 20)); /* the engine has started again */
    assert_false(check(times, 3, 90010, 20));
    usm_times_free(times);
}

static void
strict_refuses_an_engine_without_boots_left(void **state)
{
    struct usm_times *times = times_of(USM_TIME_STRICT, 8);

    (void)state;
    assert_false(check(times, INT32_MAX, 1, 0));
    usm_times_free(times);
}

static void
a_clock_of_ours_that_was_set_back_refuses_nobody(void **state)
{
    struct usm_times *times = times_of(USM_TIME_STRICT, 8);

    (void)state;
    assert_true(check(times, 3, 1000, 5000));
    assert_true(check(times, 3, 1000, 0));
    assert_true(check(times, 3, 1001, 0));
    usm_times_free(times);
}

static void
relearn_goes_on_from_an_engine_that_lost_its_boots(void **state)
{
    struct usm_times *times = times_of(USM_TIME_RELEARN, 8);

    (void)state;
    assert_true(check(times, 9, 1000, 0));
    assert_true(check(times, 0, 5, 1));
    assert_true(check(times, 0, 6, 2));
    assert_int_equal(usm_times_counts(times).relearned, 1);
    usm_times_free(times);
}

static void
off_looks_at_nothing_and_remembers_nothing(void **state)
{
    struct usm_times *times = times_of(USM_TIME_OFF, 8);

    (void)state;
    assert_true(check(times, 9, 1000, 0));
    assert_true(check(times, INT32_MAX, 5, 1));
    assert_true(check(times, 0, 5, 1));
    assert_int_equal(usm_times_counts(times).engines, 0);
    usm_times_free(times);
}

static void
engines_beyond_the_maximum_replace_the_one_that_was_silent_the_longest(void **state)
{
    struct usm_times *times = times_of(USM_TIME_STRICT, 2);
    uint8_t id[1];
    const struct sr_span span = { id, 1 };

    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        id[0] = i;
        assert_true(usm_times_check(times, span, 5, 1000, start));
        id[0] = 0; /* speaks all the time */
        assert_true(usm_times_check(times, span, 5, 1000, start));
    }
    assert_int_equal(usm_times_counts(times).engines, 2);
    assert_int_equal(usm_times_counts(times).forgotten, 1);
    assert_false(usm_times_check(times, span, 4, 1000, start));
    id[0] = 2;
    assert_false(usm_times_check(times, span, 4, 1000, start));
    id[0] = 1;
    assert_true(usm_times_check(times, span, 4, 1000, start));
    usm_times_free(times);
}

/* Two listeners keep what each has heard of one engine, in any order. */
static void
of_two_clocks_of_an_engine_that_were_kept_the_later_one_is_learned(void **state)
{
    static const struct usm_clock clocks[] = {
        { .engine_id = { 0x80, 0, 0, 0, 1 }, .len = 5, .boots = 4, .time = 9000 },
        { .engine_id = { 0x80, 0, 0, 0, 1 }, .len = 5, .boots = 5, .time = 1000 },
        { .engine_id = { 0x80, 0, 0, 0, 1 }, .len = 5, .boots = 5, .time = 2000 },
    };

    (void)state;
    for (size_t first = 0; first < 3; first++) {
        struct usm_times *times = times_of(USM_TIME_STRICT, 8);
        for (size_t i = 0; i < 3; i++) {
            struct usm_clock clock = clocks[(first + i) % 3];
            clock.heard_ns = start;
            usm_times_learn(times, &clock);
        }
        assert_false(check(times, 4, 9001, 1));
        assert_false(check(times, 5, 1001, 1));
        assert_true(check(times, 5, 2000, 1));
        assert_false(usm_times_take_changed(times));
        usm_times_free(times);
    }
}

/* ---- Shared by threads ---- */

enum { THREADS = 4, ENGINES = 64, ROUNDS = 500 };

struct hearing {
    struct usm_times *times;
    unsigned taken;
};

static void *
hear(void *arg)
{
    struct hearing *h = arg;
    uint8_t id[1];
    const struct sr_span span = { id, 1 };

    for (uint32_t round = 1; round <= ROUNDS; round++) {
        for (id[0] = 0; id[0] < ENGINES; id[0]++) {
            h->taken += usm_times_check(h->times, span, 5, round, start + round * SECOND);
        }
    }
    return NULL;
}

static void
threads_share_clocks_while_they_are_copied(void **state)
{
    struct usm_times *times = times_of(USM_TIME_STRICT, ENGINES);
    struct hearing hearings[THREADS];
    pthread_t threads[THREADS];
    struct usm_clock some[7];
    uint32_t cursor = 0, count, copied = 0;

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        hearings[i] = (struct hearing){ .times = times };
        assert_int_equal(pthread_create(&threads[i], NULL, hear, &hearings[i]), 0);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        cursor = 0;
        while (usm_times_copy(times, &cursor, some, 7) > 0) {
            assert_int_equal(some[0].boots, 5);
            assert_true(some[0].heard_ns == start + some[0].time * SECOND); /* of one moment */
        }
        (void)usm_times_take_changed(times);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_in_range(hearings[i].taken, 1, ENGINES * ROUNDS);
    }
    cursor = 0;
    while ((count = usm_times_copy(times, &cursor, some, 7)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(some[i].time, ROUNDS);
        }
        copied += count;
    }
    assert_int_equal(copied, ENGINES);
    usm_times_free(times);
}

static void
a_table_finds_every_slot_that_was_not_given_up(void **state)
{
    enum { ROOM = 100, ALL = 1000 };
    struct usm_table *table = usm_table_new(ROOM);
    unsigned id;
    const struct sr_span span = { (const uint8_t *)&id, sizeof(id) };
    bool is_taken;

    (void)state;
    assert_non_null(table);
    for (id = 0; id < ALL; id++) {
        assert_int_equal(usm_table_find(table, 7, span), USM_TABLE_NONE);
        assert_in_range(usm_table_add(table, 7, span, &is_taken), 0, ROOM - 1);
        assert_int_equal(is_taken, id >= ROOM);
        assert_int_equal(usm_table_find(table, 8, span), USM_TABLE_NONE);
    }
    assert_int_equal(usm_table_count(table), ROOM);
    for (id = 0; id < ALL; id++) {
        assert_int_equal(usm_table_find(table, 7, span) != USM_TABLE_NONE, id >= ALL - ROOM);
    }
    usm_table_clear(table);
    assert_int_equal(usm_table_count(table), 0);
    assert_int_equal(usm_table_find(table, 7, span), USM_TABLE_NONE);
    usm_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_takes_what_is_up_to_150_seconds_old),
        cmocka_unit_test(strict_follows_a_clock_forward),
        cmocka_unit_test(strict_refuses_an_engine_without_boots_left),
        cmocka_unit_test(a_clock_of_ours_that_was_set_back_refuses_nobody),
        cmocka_unit_test(relearn_goes_on_from_an_engine_that_lost_its_boots),
        cmocka_unit_test(off_looks_at_nothing_and_remembers_nothing),
        cmocka_unit_test(engines_beyond_the_maximum_replace_the_one_that_was_silent_the_longest),
        cmocka_unit_test(of_two_clocks_of_an_engine_that_were_kept_the_later_one_is_learned),
        cmocka_unit_test(threads_share_clocks_while_they_are_copied),
        cmocka_unit_test(a_table_finds_every_slot_that_was_not_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
