/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>

#include "shell/stream_budget.h"

static void
no_more_is_taken_than_there_is(void **state)
{
    struct stream_budget b = { .limit = 100 };

    (void)state;
    assert_true(stream_budget_take(&b, 60));
    assert_true(stream_budget_has(&b, 40));
    assert_false(stream_budget_has(&b, 41));
    assert_false(stream_budget_take(&b, 41));
    assert_int_equal(b.used, 60); /* what did not fit was not taken in part */
    assert_true(stream_budget_take(&b, 40));
    assert_true(stream_budget_take(&b, 0));
    assert_false(stream_budget_take(&b, 1));
    stream_budget_give(&b, 100);
    assert_true(stream_budget_take(&b, 100));
}

static void
what_was_taken_without_asking_is_given_back_before_there_is_room(void **state)
{
    struct stream_budget b = { .limit = 100 };

    (void)state;
    stream_budget_add(&b, 150);
    assert_false(stream_budget_has(&b, 0));
    assert_false(stream_budget_take(&b, UINT64_MAX)); /* nothing wraps round */
    stream_budget_give(&b, 60);
    assert_true(stream_budget_take(&b, 10));
    assert_false(stream_budget_take(&b, 1));
}

/* ---- Threads ---- */

#define THREADS 4
#define ROUNDS 20000

static struct stream_budget shared = { .limit = 1000 };
static _Atomic uint64_t over, taken;

static void *
take_and_give(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t bytes = 1 + i % 700;
        if (stream_budget_take(&shared, bytes)) {
            atomic_fetch_add(&over, atomic_load(&shared.used) > shared.limit);
            atomic_fetch_add(&taken, 1);
            stream_budget_give(&shared, bytes);
        }
    }
    return NULL;
}

static void
threads_together_take_no_more_either(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(over, 0);
    assert_true(taken > ROUNDS); /* one at a time always could */
    assert_int_equal(shared.used, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_is_taken_than_there_is),
        cmocka_unit_test(what_was_taken_without_asking_is_given_back_before_there_is_room),
        cmocka_unit_test(threads_together_take_no_more_either),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
