/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/rate.h"

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)
#define START (1000 * SECOND)

/* Takes all that may pass. */
static uint64_t
drain(struct sr_rate *r, uint64_t per_second, uint64_t now_ns)
{
    uint64_t units = sr_rate_refill(r, per_second, now_ns);

    sr_rate_spend(r, units);
    return units;
}

static void
a_new_bucket_holds_one_second(void **state)
{
    struct sr_rate r = { 0 };

    (void)state;
    assert_int_equal(drain(&r, 500, START), 500);
    assert_int_equal(drain(&r, 500, START), 0);
}

static void
it_fills_at_its_rate_and_no_further(void **state)
{
    struct sr_rate r = { 0 };

    (void)state;
    (void)drain(&r, 500, START);
    assert_int_equal(drain(&r, 500, START + SECOND / 10), 50);
    assert_int_equal(drain(&r, 500, START + 3600 * SECOND), 500);
}

static void
refilling_often_loses_no_part_of_a_unit(void **state)
{
    struct sr_rate r = { 0 };
    uint64_t sum = 0;

    (void)state;
    (void)drain(&r, 7, START);
    for (uint64_t i = 1; i <= 100000; i++) {
        sum += drain(&r, 7, START + i * 100000); /* every 100 us for 10 s */
    }
    assert_int_equal(sum, 70);
}

static void
what_is_not_used_stays(void **state)
{
    struct sr_rate r = { 0 };

    (void)state;
    assert_int_equal(sr_rate_refill(&r, 10, START), 10);
    sr_rate_spend(&r, 4);
    assert_int_equal(sr_rate_refill(&r, 10, START), 6);
    assert_int_equal(sr_rate_refill(&r, 10, START + SECOND / 5), 8);
}

static void
time_that_goes_back_gives_nothing_and_does_not_stop_the_bucket(void **state)
{
    struct sr_rate r = { 0 };

    (void)state;
    (void)drain(&r, 10, START);
    assert_int_equal(drain(&r, 10, START - 500 * SECOND), 0);
    assert_int_equal(drain(&r, 10, START - 500 * SECOND + SECOND / 2), 5);
}

static void
the_greatest_rate_does_not_overflow(void **state)
{
    struct sr_rate r = { 0 };

    (void)state;
    assert_int_equal(drain(&r, SR_RATE_MAX, START), SR_RATE_MAX);
    assert_int_equal(drain(&r, SR_RATE_MAX, START + SECOND - 1), SR_RATE_MAX - 1);
}

static void
a_lower_rate_holds_at_once(void **state)
{
    struct sr_rate r = { 0 };

    (void)state;
    assert_int_equal(sr_rate_refill(&r, 1000, START), 1000);
    assert_int_equal(sr_rate_refill(&r, 10, START + 1), 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_bucket_holds_one_second),
        cmocka_unit_test(it_fills_at_its_rate_and_no_further),
        cmocka_unit_test(refilling_often_loses_no_part_of_a_unit),
        cmocka_unit_test(what_is_not_used_stays),
        cmocka_unit_test(time_that_goes_back_gives_nothing_and_does_not_stop_the_bucket),
        cmocka_unit_test(the_greatest_rate_does_not_overflow),
        cmocka_unit_test(a_lower_rate_holds_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
