/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "sr/sources.h"

#include "sr/banned.h"

#define SECOND_NS UINT64_C(1000000000)
#define NOW_NS (UINT64_C(1700000000) * SECOND_NS)
#define RATE 10U

static struct sr_peer
source(uint32_t number, bool is_v6)
{
    struct sr_peer peer = { .is_v6 = is_v6, .port = (uint16_t)number };

    memcpy(peer.address, &number, sizeof(number));
    return peer;
}

static unsigned
admitted(struct sr_sources *t, struct sr_peer peer, unsigned tries, uint64_t now_ns)
{
    unsigned count = 0;

    for (unsigned i = 0; i < tries; i++) {
        peer.port++;
        count += sr_sources_admit(t, &peer, RATE, RATE, now_ns);
    }
    return count;
}

static void
a_source_sends_a_seconds_worth_and_then_at_its_rate(void **state)
{
    struct sr_sources *t = sr_sources_new();

    (void)state;
    assert_non_null(t);
    assert_int_equal(admitted(t, source(1, false), 100, NOW_NS), 10);
    assert_int_equal(admitted(t, source(1, false), 100, NOW_NS + SECOND_NS / 2), 5);
    assert_int_equal(admitted(t, source(1, false), 100, NOW_NS + 10 * SECOND_NS), 10);
    sr_sources_free(t);
}

static void
a_source_takes_nothing_from_another(void **state)
{
    struct sr_sources *t = sr_sources_new();

    (void)state;
    assert_non_null(t);
    assert_int_equal(admitted(t, source(1, false), 100, NOW_NS), 10);
    assert_int_equal(admitted(t, source(2, false), 100, NOW_NS), 10);
    assert_int_equal(admitted(t, source(1, true), 100, NOW_NS), 10);
    sr_sources_free(t);
}

static void
more_sources_than_there_are_places_for_are_all_heard(void **state)
{
    struct sr_sources *t = sr_sources_new();

    (void)state;
    assert_non_null(t);
    for (uint32_t i = 0; i < 3 * SR_SOURCES_MAX; i++) {
        assert_int_equal(admitted(t, source(i, false), 1, NOW_NS + i), 1);
    }
    sr_sources_free(t);
}

static void
a_source_that_goes_on_sending_keeps_its_place(void **state)
{
    struct sr_sources *t = sr_sources_new();
    struct sr_peer busy = source(UINT32_MAX, false);

    (void)state;
    assert_non_null(t);
    /* The others are of a time that has not come yet: the clock was set back. */
    for (uint32_t i = 0; i < 3 * SR_SOURCES_MAX; i++) {
        (void)admitted(t, source(i, false), 1, NOW_NS + 60 * SECOND_NS + i);
    }
    assert_int_equal(admitted(t, busy, 100, NOW_NS), 10);
    for (uint32_t i = 0; i < 3 * SR_SOURCES_MAX; i++) {
        (void)admitted(t, source(i, false), 1, NOW_NS + i);
        assert_int_equal(admitted(t, busy, 1, NOW_NS + i), 0);
    }
    sr_sources_free(t);
}

/* Who is over his rate does not get a new bucket by sending from addresses that are not his. */
static void
addresses_that_are_invented_empty_no_place(void **state)
{
    struct sr_sources *t = sr_sources_new();
    struct sr_peer greedy = source(UINT32_MAX, false);

    (void)state;
    assert_non_null(t);
    assert_int_equal(admitted(t, greedy, 100, NOW_NS), 10);
    for (uint32_t i = 0; i < 20 * SR_SOURCES_MAX; i++) {
        (void)admitted(t, source(i, false), 1, NOW_NS + 1);
    }
    assert_int_equal(admitted(t, greedy, 100, NOW_NS + 2), 0);
    sr_sources_free(t);
}

static void
a_burst_may_be_longer_or_shorter_than_a_second(void **state)
{
    static const struct {
        uint64_t burst, waited_ns;
        unsigned first, then;
    } cases[] = {
        { 1, SECOND_NS, 1, 1 },
        { 3, SECOND_NS / 5, 3, 2 },
        { 40, SECOND_NS, 40, 10 },
        { 40, 4 * SECOND_NS, 40, 40 },
        { 40, 3600 * SECOND_NS, 40, 40 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sr_sources *t = sr_sources_new();
        const struct sr_peer peer = source(1, true);
        unsigned first = 0, then = 0;
        assert_non_null(t);
        for (unsigned j = 0; j < 100; j++) {
            first += sr_sources_admit(t, &peer, RATE, cases[i].burst, NOW_NS);
        }
        for (unsigned j = 0; j < 100; j++) {
            then += sr_sources_admit(t, &peer, RATE, cases[i].burst, NOW_NS + cases[i].waited_ns);
        }
        assert_int_equal(first, cases[i].first);
        assert_int_equal(then, cases[i].then);
        sr_sources_free(t);
    }
}

static void
those_refused_most_are_told_first(void **state)
{
    struct sr_sources *t = sr_sources_new();
    struct sr_sources_row rows[3];

    (void)state;
    assert_non_null(t);
    assert_int_equal(sr_sources_top(t, rows, 3), 0);
    for (uint32_t i = 1; i <= 50; i++) {
        (void)admitted(t, source(i, false), i, NOW_NS); /* ten of them pass */
    }
    assert_int_equal(sr_sources_top(t, rows, 3), 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct sr_peer want = source(50 - i, false);
        assert_memory_equal(rows[i].peer.address, want.address, sizeof(want.address));
        assert_int_equal(rows[i].refused, 40 - i);
    }
    sr_sources_free(t);
}

#define THREADS 4

static void *
send_from_one_address(void *table)
{
    uintptr_t count = 0;

    for (unsigned i = 0; i < 1000; i++) {
        count += admitted(table, source(i % 2, false), 1, NOW_NS);
    }
    return (void *)count;
}

static void
threads_that_share_a_source_share_its_rate(void **state)
{
    struct sr_sources *t = sr_sources_new();
    pthread_t threads[THREADS];
    uintptr_t sum = 0;
    void *count;

    (void)state;
    assert_non_null(t);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_from_one_address, t), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &count), 0);
        sum += (uintptr_t)count;
    }
    assert_int_equal(sum, 2 * RATE);
    sr_sources_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_sends_a_seconds_worth_and_then_at_its_rate),
        cmocka_unit_test(a_source_takes_nothing_from_another),
        cmocka_unit_test(more_sources_than_there_are_places_for_are_all_heard),
        cmocka_unit_test(a_source_that_goes_on_sending_keeps_its_place),
        cmocka_unit_test(addresses_that_are_invented_empty_no_place),
        cmocka_unit_test(a_burst_may_be_longer_or_shorter_than_a_second),
        cmocka_unit_test(those_refused_most_are_told_first),
        cmocka_unit_test(threads_that_share_a_source_share_its_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
