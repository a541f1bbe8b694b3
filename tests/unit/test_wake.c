/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>

#include "sr/clock.h"
#include "sr/wake.h"

#define FAR_AWAY UINT64_MAX
#define ROUNDS 20000U

static void
a_signal_before_the_sleep_is_not_lost(void **state)
{
    struct sr_wake w;

    (void)state;
    sr_wake_init(&w);
    uint64_t epoch = sr_wake_epoch(&w);
    sr_wake_signal(&w);
    sr_wake_sleep(&w, epoch, FAR_AWAY); /* would never return */
    sr_wake_done(&w);
}

static void
a_sleep_ends_at_its_deadline_and_not_before(void **state)
{
    struct sr_wake w;
    uint64_t deadline = sr_clock_monotonic_ns() + 20 * SR_NS_PER_MS;

    (void)state;
    sr_wake_init(&w);
    sr_wake_sleep(&w, sr_wake_epoch(&w), deadline);
    assert_true(sr_clock_monotonic_ns() >= deadline);
    sr_wake_done(&w);
}

static void
a_deadline_that_is_past_does_not_sleep(void **state)
{
    struct sr_wake w;

    (void)state;
    sr_wake_init(&w);
    sr_wake_sleep(&w, sr_wake_epoch(&w), 0);
    sr_wake_sleep(&w, sr_wake_epoch(&w), 1);
    sr_wake_done(&w);
}

static void
a_signal_of_the_past_does_not_end_a_new_sleep(void **state)
{
    struct sr_wake w;
    uint64_t deadline = sr_clock_monotonic_ns() + 20 * SR_NS_PER_MS;

    (void)state;
    sr_wake_init(&w);
    sr_wake_signal(&w);
    sr_wake_sleep(&w, sr_wake_epoch(&w), deadline);
    assert_true(sr_clock_monotonic_ns() >= deadline);
    sr_wake_done(&w);
}

/* Two threads hand a number back and forth: a lost signal would stop them for ever. */
struct game {
    struct sr_wake to_partner, to_us;
    _Atomic uint32_t asked, answered;
};

static void *
answer_all(void *arg)
{
    struct game *g = arg;

    for (uint32_t done = 0; done < ROUNDS;) {
        uint64_t epoch = sr_wake_epoch(&g->to_partner);
        if (atomic_load(&g->asked) == done) {
            sr_wake_sleep(&g->to_partner, epoch, FAR_AWAY);
            continue;
        }
        atomic_store(&g->answered, ++done);
        sr_wake_signal(&g->to_us);
    }
    return NULL;
}

static void
no_signal_is_lost_between_two_threads(void **state)
{
    static struct game g;
    pthread_t partner;

    (void)state;
    sr_wake_init(&g.to_partner);
    sr_wake_init(&g.to_us);
    assert_int_equal(pthread_create(&partner, NULL, answer_all, &g), 0);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        atomic_store(&g.asked, i);
        sr_wake_signal(&g.to_partner);
        for (;;) {
            uint64_t epoch = sr_wake_epoch(&g.to_us);
            if (atomic_load(&g.answered) == i) {
                break;
            }
            sr_wake_sleep(&g.to_us, epoch, FAR_AWAY);
        }
    }
    assert_int_equal(pthread_join(partner, NULL), 0);
    sr_wake_done(&g.to_partner);
    sr_wake_done(&g.to_us);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_before_the_sleep_is_not_lost),
        cmocka_unit_test(a_sleep_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(a_deadline_that_is_past_does_not_sleep),
        cmocka_unit_test(a_signal_of_the_past_does_not_end_a_new_sleep),
        cmocka_unit_test(no_signal_is_lost_between_two_threads),
    };
    return cmocka_run_group_tests_name("wake", tests, NULL, NULL);
}
