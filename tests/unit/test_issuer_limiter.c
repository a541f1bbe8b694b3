/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "issuer/limiter.h"

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)
#define START (1000 * SECOND)

static bool
take(struct limiter *l, const char *key, uint64_t now_ns)
{
    unsigned wait_s = 0;
    bool ok = limiter_take(l, span_of(key), now_ns, &wait_s);

    assert_true(ok ? wait_s == 0 : wait_s >= 1);
    return ok;
}

static unsigned
taken(struct limiter *l, const char *key, uint64_t now_ns)
{
    unsigned count = 0;

    while (take(l, key, now_ns)) {
        count++;
    }
    return count;
}

static void
a_minutes_worth_may_come_at_once_and_no_more(void **state)
{
    struct limiter *l = limiter_new(64, 30);

    (void)state;
    assert_int_equal(taken(l, "a", START), 30);
    assert_int_equal(taken(l, "a", START + SECOND), 0);
    assert_int_equal(taken(l, "a", START + 3600 * SECOND), 30);
    limiter_free(l);
}

static void
one_does_not_use_up_what_is_anothers(void **state)
{
    struct limiter *l = limiter_new(64, 3);

    (void)state;
    assert_int_equal(taken(l, "a", START), 3);
    assert_int_equal(taken(l, "b", START), 3);
    assert_int_equal(taken(l, "", START), 3);
    assert_int_equal(taken(l, "a", START), 0);
    limiter_free(l);
}

static void
who_waits_as_long_as_told_may_again(void **state)
{
    struct limiter *l = limiter_new(64, 7);
    unsigned wait_s = 0;

    (void)state;
    (void)taken(l, "a", START);
    assert_false(limiter_take(l, span_of("a"), START, &wait_s));
    assert_int_equal(wait_s, 9); /* 60 / 7, and up */
    assert_false(take(l, "a", START + (wait_s - 1) * SECOND));
    assert_true(take(l, "a", START + wait_s * SECOND));
    limiter_free(l);
}

static void
a_full_table_forgets_who_was_quiet_for_longest(void **state)
{
    struct limiter *l = limiter_new(8, 1); /* one set */
    char key[16];

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        (void)snprintf(key, sizeof(key), "%u", i);
        assert_true(take(l, key, START + i * SECOND));
    }
    assert_false(take(l, "8", START + 9 * SECOND));
    assert_false(take(l, "1", START + 9 * SECOND));
    assert_true(take(l, "0", START + 9 * SECOND)); /* forgotten, so new */
    limiter_free(l);
}

static void
keys_that_differ_only_behind_the_limit_are_one(void **state)
{
    char a[LIMITER_KEY_MAX + 2], b[LIMITER_KEY_MAX + 2];
    struct limiter *l = limiter_new(64, 1);

    (void)state;
    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    a[LIMITER_KEY_MAX] = 'a';
    a[LIMITER_KEY_MAX + 1] = b[LIMITER_KEY_MAX + 1] = '\0';
    assert_true(take(l, a, START));
    assert_false(take(l, b, START));
    limiter_free(l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minutes_worth_may_come_at_once_and_no_more),
        cmocka_unit_test(one_does_not_use_up_what_is_anothers),
        cmocka_unit_test(who_waits_as_long_as_told_may_again),
        cmocka_unit_test(a_full_table_forgets_who_was_quiet_for_longest),
        cmocka_unit_test(keys_that_differ_only_behind_the_limit_are_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
