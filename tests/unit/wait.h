/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_WAIT_H_INCLUDED
#define TESTS_UNIT_WAIT_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "sr/stats.h"

#define WAIT_STEPS 3000U /* of a millisecond: far more than any of it takes */

static inline void
wait_a_moment(void)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* Waits until a counter of another thread reaches `value`; false when it never does. */
static inline bool
wait_for(const _Atomic uint64_t *counter, uint64_t value)
{
    for (unsigned i = 0; i < WAIT_STEPS && sr_counted(counter) < value; i++) {
        wait_a_moment();
    }
    return sr_counted(counter) == value;
}

#endif
