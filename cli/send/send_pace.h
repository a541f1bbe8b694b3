/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_PACE_H_INCLUDED
#define CLI_SEND_SEND_PACE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/* When messages go, as arithmetic: pure. */

/* The largest rate: due times stay within 64 bits, and no host sends more. */
#define PACE_RATE_MAX 100000000U

/*
 * When message number `index` is due at `rate` messages a second, in ns after the start. Counted
 * from the start, so that no error adds up.
 */
uint64_t pace_due_ns(uint64_t rate, uint64_t index);

/* `ns` of the original time at `speed` times that speed. */
uint64_t pace_scale_ns(uint64_t ns, double speed);

/* How many messages are to be given at once for an even flow: those of a millisecond. */
size_t pace_batch_size(uint64_t rate, size_t max);

/*
 * How long before its time a sleep should end, learnt from how much too long sleeps were: rises at
 * once with what was seen, falls slowly.
 */
uint64_t pace_margin_ns(uint64_t margin_ns, uint64_t overslept_ns);

#endif
