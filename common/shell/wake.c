/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/wake.h"

#include <errno.h>
#include <time.h>

#include "sr/clock.h"

#include "sr/banned.h"

void
sr_wake_init(struct sr_wake *w)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&w->mutex, NULL);
    (void)pthread_cond_init(&w->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    atomic_init(&w->epoch, 0);
    atomic_init(&w->sleeping, false);
}

void
sr_wake_done(struct sr_wake *w)
{
    (void)pthread_cond_destroy(&w->cond);
    (void)pthread_mutex_destroy(&w->mutex);
}

void
sr_wake_signal(struct sr_wake *w)
{
    /* Both sides are sequentially consistent: either this sees `sleeping`, or the sleeper, which
     * sets it first, sees the new epoch. */
    atomic_fetch_add(&w->epoch, 1);
    if (!atomic_load(&w->sleeping)) {
        return;
    }
    (void)pthread_mutex_lock(&w->mutex);
    (void)pthread_cond_signal(&w->cond);
    (void)pthread_mutex_unlock(&w->mutex);
}

uint64_t
sr_wake_epoch(struct sr_wake *w)
{
    return atomic_load(&w->epoch);
}

void
sr_wake_sleep(struct sr_wake *w, uint64_t epoch, uint64_t deadline_ns)
{
    struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / SR_NS_PER_SECOND),
        .tv_nsec = (long)(deadline_ns % SR_NS_PER_SECOND),
    };

    (void)pthread_mutex_lock(&w->mutex);
    atomic_store(&w->sleeping, true);
    while (atomic_load(&w->epoch) == epoch) {
        if (pthread_cond_timedwait(&w->cond, &w->mutex, &until) == ETIMEDOUT) {
            break;
        }
    }
    atomic_store(&w->sleeping, false);
    (void)pthread_mutex_unlock(&w->mutex);
}
