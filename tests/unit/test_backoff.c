/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/backoff.h"

#define MS 1000000ULL

/* xorshift64, Marsaglia 2003. */
static uint64_t
roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

static void
each_step_doubles_the_wait_until_its_maximum(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 100; step++) {
        uint64_t most = step < 7 ? (100 * MS) << step : 10000 * MS;
        assert_int_equal(sr_backoff_ns(100 * MS, 10000 * MS, step, 0), most / 2);
        /* The largest remainder gives the whole. */
        assert_int_equal(sr_backoff_ns(100 * MS, 10000 * MS, step, most / 2), most);
    }
    assert_int_equal(sr_backoff_ns(100 * MS, 10000 * MS, UINT32_MAX, 0), 5000 * MS);
    assert_int_equal(sr_backoff_ns(100 * MS, 50 * MS, 3, 0), 25 * MS);
    assert_int_equal(sr_backoff_ns(1, UINT64_MAX, UINT32_MAX, 0), UINT64_MAX / 2);
}

static void
many_that_wait_at_once_come_back_evenly_over_the_second_half(void **state)
{
    enum { WAITS = 20000, TENTHS = 10 };
    unsigned counts[TENTHS] = { 0 };
    uint64_t dice = 88172645463325252ULL;

    (void)state;
    for (unsigned i = 0; i < WAITS; i++) {
        uint64_t delay = sr_backoff_ns(100 * MS, 10000 * MS, 4, roll(&dice));
        assert_in_range(delay, 800 * MS, 1600 * MS);
        unsigned tenth = (unsigned)((delay - 800 * MS) * TENTHS / (800 * MS));
        counts[tenth < TENTHS ? tenth : TENTHS - 1]++;
    }
    for (unsigned i = 0; i < TENTHS; i++) {
        /* 2,000 are expected; six standard deviations of 42 on both sides. */
        assert_in_range(counts[i], 1746, 2254);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_doubles_the_wait_until_its_maximum),
        cmocka_unit_test(many_that_wait_at_once_come_back_evenly_over_the_second_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
