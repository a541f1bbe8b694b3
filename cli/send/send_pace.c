/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_pace.h"

#include "sr/banned.h"

enum {
    BATCHES_PER_SECOND = 1000,
    MARGIN_MIN_NS = 5000,
    MARGIN_MAX_NS = 100000, /* of CPU for a message; sleeps that are worse are late */
    MARGIN_FALLS = 64,      /* by this part with each sleep */
};

#define NS_PER_SECOND 1000000000U

uint64_t
pace_due_ns(uint64_t rate, uint64_t index)
{
    return index / rate * NS_PER_SECOND + index % rate * NS_PER_SECOND / rate;
}

uint64_t
pace_scale_ns(uint64_t ns, double speed)
{
    double scaled = (double)ns / speed;

    /* A double holds 2^53 ns, 104 days, exactly; original speed needs no double. */
    if (speed >= 1.0 && speed <= 1.0) {
        return ns;
    }
    return scaled >= (double)(UINT64_MAX / 2) ? UINT64_MAX / 2 : (uint64_t)scaled;
}

size_t
pace_batch_size(uint64_t rate, size_t max)
{
    if (rate == 0 || rate / BATCHES_PER_SECOND >= max) {
        return max;
    }
    return rate < BATCHES_PER_SECOND ? 1 : (size_t)(rate / BATCHES_PER_SECOND);
}

uint64_t
pace_margin_ns(uint64_t margin_ns, uint64_t overslept_ns)
{
    uint64_t wanted = overslept_ns + overslept_ns / 4;
    uint64_t fallen = margin_ns - margin_ns / MARGIN_FALLS;

    wanted = wanted < fallen ? fallen : wanted;
    if (wanted < MARGIN_MIN_NS) {
        return MARGIN_MIN_NS;
    }
    return wanted > MARGIN_MAX_NS ? MARGIN_MAX_NS : wanted;
}
