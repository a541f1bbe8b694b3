/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "load/schedule.h"

#define SECOND UINT64_C(1000000000)

static void
even_times_are_exact_after_any_number(void **state)
{
    struct schedule s = { .rate = 3 };

    (void)state;
    assert_int_equal(schedule_next(&s), 0);
    assert_int_equal(schedule_next(&s), 333333333);
    assert_int_equal(schedule_next(&s), 666666666);
    assert_int_equal(schedule_next(&s), SECOND);
    s = (struct schedule){ .rate = 100000000, .sent = UINT64_C(100000000000000001) };
    assert_int_equal(schedule_next(&s), 1000000000 * SECOND + 10);
}

static void
a_burst_comes_all_at_once_beside_the_rate(void **state)
{
    struct schedule s = { .rate = 10, .every_ns = SECOND, .of = 5 };
    unsigned at_once = 0, all = 0;
    uint64_t time, before = 0;

    (void)state;
    while ((time = schedule_next(&s)) < 3 * SECOND) {
        assert_true(time >= before);
        before = time;
        at_once += time == SECOND;
        all++;
    }
    assert_int_equal(at_once, 6);
    assert_int_equal(all, 30 + 2 * 5);
}

static void
a_burst_of_one_does_not_end_the_rate(void **state)
{
    struct schedule s = { .rate = 1000, .every_ns = SECOND / 2, .of = 1 };
    unsigned all = 0;

    (void)state;
    while (schedule_next(&s) < 10 * SECOND) {
        all++;
    }
    assert_int_equal(all, 10000 + 19);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_times_are_exact_after_any_number),
        cmocka_unit_test(a_burst_comes_all_at_once_beside_the_rate),
        cmocka_unit_test(a_burst_of_one_does_not_end_the_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
