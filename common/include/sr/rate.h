/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_RATE_H_INCLUDED
#define SR_RATE_H_INCLUDED

#include <stdint.h>

/* A rate may be this many units a second at most. */
#define SR_RATE_MAX UINT64_C(1000000000)

/* A token bucket. All zero at its beginning, when it is full. The owner locks. */
struct sr_rate {
    uint64_t credit;  /* billionths of a unit, so that no part of one is lost between refills */
    uint64_t last_ns; /* when it was last refilled; 0: never */
};

/*
 * Adds what has come since the last call and returns how many units may pass now: `burst` when it
 * is full. `per_second` and `burst` are 1 to SR_RATE_MAX. Time that goes back adds nothing and
 * starts anew from there.
 */
uint64_t sr_rate_refill_to(
    struct sr_rate *rate, uint64_t per_second, uint64_t burst, uint64_t now_ns);

/* The same with a burst of one second: who kept still for so long may send its worth at once. */
uint64_t sr_rate_refill(struct sr_rate *rate, uint64_t per_second, uint64_t now_ns);

/* `units` have passed, at most what sr_rate_refill() or sr_rate_refill_to() returned. */
void sr_rate_spend(struct sr_rate *rate, uint64_t units);

#endif
