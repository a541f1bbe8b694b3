/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <poll.h>

#include "issuer/account.h"
#include "issuer/operator.h"
#include "issuer/pushes.h"
#include "issuer_desk.h"

#include "sr/banned.h"

/* Nothing listens there: each push fails at once. */
static int
set_up(void **state)
{
    *state = pushes_new();
    desk_good(operator_set_urls(desk_store, "tls://127.0.0.1:1", NULL, &desk_trouble));
    return *state != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    pushes_free(*state);
    return 0;
}

static bool
is_ready(const struct pushes *p)
{
    struct pollfd ready = { .fd = pushes_fd(p), .events = POLLIN };

    return poll(&ready, 1, 0) == 1;
}

static void
nothing_to_push_is_nothing_to_wait_for(void **state)
{
    assert_int_equal(pushes_run(*state, desk_store), -1);
    assert_false(is_ready(*state));
}

static void
naming_an_account_wakes_the_one_who_pushes(void **state)
{
    pushes_add(*state, "acme");
    pushes_add(*state, "acme");
    assert_true(is_ready(*state));
    (void)pushes_run(*state, desk_store);
    assert_false(is_ready(*state));
}

static void
a_push_that_failed_is_tried_again_later_and_later(void **state)
{
    pushes_add(*state, "acme");
    assert_in_range(pushes_run(*state, desk_store), 1, 1001);
    /* It is not due; named anew, it is. */
    assert_in_range(pushes_run(*state, desk_store), 1, 1001);
    pushes_add(*state, "acme");
    assert_in_range(pushes_run(*state, desk_store), 1002, 2001);
}

static void
what_was_not_pushed_before_is_found(void **state)
{
    desk_good(pushes_find(*state, desk_store, &desk_trouble)); /* both were just made */
    assert_true(is_ready(*state));
    desk_good(
        store_run(desk_store, &desk_trouble, NULL, "UPDATE account SET pushed_s = signed_s", ""));
    (void)pushes_run(*state, desk_store);
    desk_good(pushes_find(*state, desk_store, &desk_trouble));
    assert_false(is_ready(*state));
}

static void
looking_for_more_does_not_hurry_what_failed(void **state)
{
    pushes_add(*state, "acme");
    pushes_add(*state, "globex");
    desk_good(store_run(desk_store, &desk_trouble, NULL, "UPDATE account SET pushed_s = 0", ""));
    (void)pushes_run(*state, desk_store);
    desk_good(pushes_find(*state, desk_store, &desk_trouble));
    assert_false(is_ready(*state));
    /* Another second would be that of a second failure. */
    assert_in_range(pushes_run(*state, desk_store), 1, 1001);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_to_push_is_nothing_to_wait_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            naming_an_account_wakes_the_one_who_pushes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_push_that_failed_is_tried_again_later_and_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_pushed_before_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            looking_for_more_does_not_hurry_what_failed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
