/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_LATENCY_H_INCLUDED
#define CLI_VERIFY_LATENCY_H_INCLUDED

#include <stdint.h>

/*
 * A histogram of times in ns: 128 buckets for each power of two, so that what is read from it is
 * off by less than 1 %, and of fixed size whatever is counted. Pure.
 */

#define LATENCY_BITS 7U
#define LATENCY_BUCKETS ((64U - LATENCY_BITS + 1U) << LATENCY_BITS)

/* All zero at its beginning. */
struct latency {
    uint64_t counts[LATENCY_BUCKETS];
    uint64_t total;
    uint64_t largest; /* exactly */
};

/* Counts one time. */
void latency_add(struct latency *l, uint64_t ns);

/*
 * The time that `permille` of 1,000 do not exceed, at least one of them: the middle of its bucket,
 * never more than the largest. 0 when nothing was counted.
 */
uint64_t latency_quantile(const struct latency *l, unsigned permille);

#endif
