/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_LIMITER_H_INCLUDED
#define CLI_ISSUER_LIMITER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * How often each of many may do something: a token bucket for each, in a table of fixed size. Who
 * kept still for a minute may use a minute's worth at once. When the table has no place for a new
 * one, that of the same set that was longest unused is forgotten.
 */
struct limiter;

#define LIMITER_KEY_MAX 40 /* bytes that tell one from another; more are not looked at */

/* A table of `places` (at least 8) with `per_minute` (1 to 10^6) each. Owned: limiter_free(). NULL
 * without memory. */
struct limiter *limiter_new(size_t places, unsigned per_minute);

/* NULL is allowed. */
void limiter_free(struct limiter *limiter);

/*
 * Whether `key` may at `now_ns` (monotonic, never 0), and counts it when so. When not,
 * *ret_wait_s is in how many seconds, at least 1, it may again.
 */
bool limiter_take(
    struct limiter *limiter, struct sr_span key, uint64_t now_ns, unsigned *ret_wait_s);

#endif
