/* SPDX-License-Identifier: Apache-2.0 */
#include "load/schedule.h"

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)

/* Without a product that does not fit: the rate is below 2^34. */
static uint64_t
even_time(const struct schedule *s)
{
    return s->sent / s->rate * SECOND + s->sent % s->rate * SECOND / s->rate;
}

uint64_t
schedule_next(struct schedule *s)
{
    const uint64_t even = even_time(s);
    const uint64_t burst = (s->bursts + 1) * s->every_ns;

    if (s->of == 0 || even < burst) {
        s->sent++;
        return even;
    }
    s->left = s->left > 0 ? s->left - 1 : s->of - 1;
    s->bursts += s->left == 0;
    return burst;
}
