/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/backoff.h"

uint64_t
sr_backoff_ns(uint64_t min_ns, uint64_t max_ns, unsigned step, uint64_t random)
{
    uint64_t delay = min_ns;

    /* Doubling stops at the maximum, however often one has tried: a shift could run out of bits. */
    while (step > 0 && delay < max_ns) {
        delay = delay <= max_ns / 2 ? 2 * delay : max_ns;
        step--;
    }
    if (delay > max_ns) {
        delay = max_ns;
    }
    return delay / 2 + random % (delay / 2 + 1);
}
