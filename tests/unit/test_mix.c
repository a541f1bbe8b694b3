/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "load/mix.h"

static struct mix mix;

static void
each_kind_has_as_many_turns_as_its_weight(void **state)
{
    static const uint64_t weights[] = { 5, 0, 1, 3 };
    unsigned turns[4] = { 0 };

    (void)state;
    assert_true(mix_init(&mix, weights, 4));
    for (uint64_t i = 0; i < 90; i++) {
        turns[mix_pick(&mix, i)]++;
    }
    assert_int_equal(turns[0], 50);
    assert_int_equal(turns[1], 0);
    assert_int_equal(turns[2], 10);
    assert_int_equal(turns[3], 30);
}

static void
turns_of_a_kind_are_spread_evenly(void **state)
{
    static const uint64_t weights[] = { 2, 1, 1 };

    (void)state;
    assert_true(mix_init(&mix, weights, 3));
    for (uint64_t i = 0; i < 40; i++) {
        assert_true(
            mix_pick(&mix, i) != 0 || mix_pick(&mix, i + 1) != 0 || mix_pick(&mix, i + 2) != 0);
    }
}

static void
one_kind_has_all_turns(void **state)
{
    static const uint64_t weights[] = { 1000 };

    (void)state;
    assert_true(mix_init(&mix, weights, 1));
    assert_int_equal(mix_pick(&mix, UINT64_MAX), 0);
}

static void
weights_that_are_none_or_too_large_are_refused(void **state)
{
    static const uint64_t none[] = { 0, 0 }, most[] = { 1024 }, more[] = { 1024, 1 };
    static const uint64_t huge[] = { 2, UINT64_MAX };

    (void)state;
    assert_false(mix_init(&mix, none, 2));
    assert_false(mix_init(&mix, none, 0));
    assert_true(mix_init(&mix, most, 1));
    assert_false(mix_init(&mix, more, 2));
    assert_false(mix_init(&mix, huge, 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_as_many_turns_as_its_weight),
        cmocka_unit_test(turns_of_a_kind_are_spread_evenly),
        cmocka_unit_test(one_kind_has_all_turns),
        cmocka_unit_test(weights_that_are_none_or_too_large_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
