/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/latency.h"

#include "sr/banned.h"

/* Below 2^LATENCY_BITS each has a bucket of its own, above the first bits of a number choose it. */
static unsigned
bucket_of(uint64_t ns)
{
    if (ns >> LATENCY_BITS == 0) {
        return (unsigned)ns;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(ns) - LATENCY_BITS;
    return ((shift + 1) << LATENCY_BITS) + (unsigned)(ns >> shift) - (1U << LATENCY_BITS);
}

static uint64_t
middle_of(unsigned bucket)
{
    if (bucket >> LATENCY_BITS == 0) {
        return bucket;
    }
    unsigned shift = (bucket >> LATENCY_BITS) - 1;
    uint64_t first = (uint64_t)(1U << LATENCY_BITS | (bucket & ((1U << LATENCY_BITS) - 1)));
    return (first << shift) + (UINT64_C(1) << shift) / 2;
}

void
latency_add(struct latency *l, uint64_t ns)
{
    l->counts[bucket_of(ns)]++;
    l->total++;
    l->largest = ns > l->largest ? ns : l->largest;
}

uint64_t
latency_quantile(const struct latency *l, unsigned permille)
{
    /* Rounded up without overflow: of 10 the 999th of 1,000 is the largest. */
    uint64_t rank = l->total / 1000 * permille + (l->total % 1000 * permille + 999) / 1000;
    uint64_t seen = 0;

    rank = rank > 0 ? rank : 1;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += l->counts[i];
        if (seen >= rank) {
            uint64_t ns = middle_of(i);
            return ns < l->largest ? ns : l->largest;
        }
    }
    return 0;
}
