/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_RATE_H_INCLUDED
#define SR_RATE_H_INCLUDED

#include <stdint.h>

/* A rate may be this many units a second at most. */
#define SR_RATE_MAX UINT64_C(1000000000)

/*
 * A token bucket with a burst of one second: who kept still for a second may send a second's worth
 * at once. All zero at its beginning, when it is full. The owner locks.
 */
struct sr_rate {
    uint64_t credit;  /* billionths of a unit, so that no part of one is lost between refills */
    uint64_t last_ns; /* when it was last refilled; 0: never */
};

/*
 * Adds what has come since the last call and returns how many units may pass now. `per_second` is 1
 * to SR_RATE_MAX. Time that goes back adds nothing and starts anew from there.
 */
uint64_t sr_rate_refill(struct sr_rate *rate, uint64_t per_second, uint64_t now_ns);

/* `units` have passed, at most what sr_rate_refill() returned. */
void sr_rate_spend(struct sr_rate *rate, uint64_t units);

#endif
