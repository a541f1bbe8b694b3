/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/rate.h"

#include "sr/banned.h"

#define BILLION UINT64_C(1000000000)

uint64_t
sr_rate_refill_to(struct sr_rate *rate, uint64_t per_second, uint64_t burst, uint64_t now_ns)
{
    uint64_t full = burst * BILLION; /* at most 10^18: fits */
    uint64_t since = now_ns > rate->last_ns ? now_ns - rate->last_ns : 0;

    if (rate->last_ns == 0 || since > full / per_second) {
        rate->credit = full;
    } else {
        rate->credit += since * per_second;                       /* at most `full` more */
        rate->credit = rate->credit > full ? full : rate->credit; /* a reload may have lowered it */
    }
    rate->last_ns = now_ns;
    return rate->credit / BILLION;
}

uint64_t
sr_rate_refill(struct sr_rate *rate, uint64_t per_second, uint64_t now_ns)
{
    return sr_rate_refill_to(rate, per_second, per_second, now_ns);
}

void
sr_rate_spend(struct sr_rate *rate, uint64_t units)
{
    uint64_t cost = units * BILLION;

    rate->credit -= cost < rate->credit ? cost : rate->credit;
}
