/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CLOCK_H_INCLUDED
#define SR_CLOCK_H_INCLUDED

#include <stdint.h>

#define SR_NS_PER_SECOND 1000000000ULL
#define SR_NS_PER_MS 1000000ULL

/* Wall-clock time, nanoseconds since 1970 UTC. */
uint64_t sr_clock_wall_ns(void);

/* Time that never jumps, nanoseconds since an arbitrary start: for deadlines and rates. */
uint64_t sr_clock_monotonic_ns(void);

/* How far the clocks of this host's zone are ahead of UTC now, in seconds; west is negative. */
int32_t sr_clock_utc_offset_s(void);

/* 64 bits from the kernel's random generator. Aborts when there is none. */
uint64_t sr_clock_random_u64(void);

#endif
