/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/share.h"

#define LISTENERS 4U

static uint64_t used[LISTENERS];
static struct sr_share share;

static int
set_up(void **state)
{
    (void)state;
    memset(used, 0, sizeof(used));
    share = (struct sr_share){ .total = 1600, .listeners = LISTENERS, .listener_used = used };
    return 0;
}

/* Takes tens until there are no more; returns how much that was. */
static uint64_t
take_all(unsigned listener, bool dead)
{
    uint64_t sum = 0;

    while (sr_share_take(&share, listener, dead, 10)) {
        sum += 10;
    }
    return sum;
}

static void
one_listener_gets_its_share_and_all_that_is_common(void **state)
{
    (void)state;
    assert_int_equal(take_all(0, false), 200 + 800);
    assert_int_equal(share.used, 1000);
    assert_int_equal(share.common_used, 800);
}

static void
every_other_listener_still_gets_its_own(void **state)
{
    (void)state;
    (void)take_all(0, false);
    for (unsigned i = 1; i < LISTENERS; i++) {
        assert_int_equal(take_all(i, false), 200);
    }
    assert_int_equal(share.used, share.total);
}

static void
dead_letters_get_a_sixteenth_of_all_together(void **state)
{
    (void)state;
    assert_int_equal(take_all(0, true), 100);
    assert_int_equal(take_all(1, true), 0);
    assert_int_equal(take_all(1, false), 200 + 800);
}

static void
what_is_refused_is_not_taken(void **state)
{
    (void)state;
    assert_false(sr_share_take(&share, 0, false, 1001));
    assert_false(sr_share_take(&share, 0, true, 101));
    assert_int_equal(share.used + share.common_used + share.dead_used + used[0], 0);
    assert_true(sr_share_take(&share, 0, false, 1000)); /* across the border, to the byte */
    assert_int_equal(share.common_used, 800);
}

static void
force_takes_in_any_case_and_the_next_one_waits_for_it(void **state)
{
    (void)state;
    sr_share_force(&share, 0, true, 5000);
    assert_int_equal(share.used, 5000);
    assert_false(sr_share_take(&share, 0, false, 1));
    assert_false(sr_share_take(&share, 1, true, 1));
    assert_int_equal(take_all(1, false), 200);
    sr_share_give(&share, 0, true, 5000);
    assert_true(sr_share_take(&share, 1, true, 1));
}

static void
all_comes_back(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        sr_share_force(&share, 0, false, 700);
        sr_share_force(&share, 0, true, 60);
        sr_share_force(&share, 1, false, 90);
        sr_share_give(&share, order == 0 ? 0 : 1, false, order == 0 ? 700 : 90);
        sr_share_give(&share, 0, true, 60);
        sr_share_give(&share, order == 0 ? 1 : 0, false, order == 0 ? 90 : 700);
        assert_int_equal(share.used + share.common_used + share.dead_used, 0);
        assert_int_equal(used[0] + used[1], 0);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(one_listener_gets_its_share_and_all_that_is_common),
        TEST(every_other_listener_still_gets_its_own),
        TEST(dead_letters_get_a_sixteenth_of_all_together),
        TEST(what_is_refused_is_not_taken),
        TEST(force_takes_in_any_case_and_the_next_one_waits_for_it),
        TEST(all_comes_back),
    };
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
