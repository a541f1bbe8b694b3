/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_BACKOFF_H_INCLUDED
#define SR_BACKOFF_H_INCLUDED

#include <stdint.h>

/*
 * How long to wait before the next try after `step` earlier waits: `min_ns` doubled at each step,
 * `max_ns` at most, of which the first half is certain and the second is left to `random`, 64 even
 * bits. Collectors that lost the same server at the same moment so come back spread over half of
 * the wait, and none of them at once ("equal jitter"; RFC 5321 section 4.5.4.1 and RFC 6298 section
 * 5.5 have the doubling). `min_ns` is not 0.
 */
uint64_t sr_backoff_ns(uint64_t min_ns, uint64_t max_ns, unsigned step, uint64_t random);

#endif
