/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SOURCES_H_INCLUDED
#define SR_SOURCES_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/peer.h"

/*
 * How much each source of one listener has sent of late, by address, shared by its receiving
 * threads: a token bucket each. The memory is fixed: SR_SOURCES_MAX addresses. A new one takes the
 * place of that which may send most. So whoever invents addresses takes nothing away from others,
 * and gets no new bucket for one that is empty: for that he would have to empty those of others
 * first, which takes what he wants to gain.
 */
#define SR_SOURCES_MAX 16384U

struct sr_sources;

/* Returns an owned table, or NULL without memory. */
struct sr_sources *sr_sources_new(void);
void sr_sources_free(struct sr_sources *t); /* NULL is fine */

/*
 * True when the source may send one input more, of `per_second` with a burst of `burst` (both 1 to
 * SR_RATE_MAX); it then has. Ports do not matter.
 */
bool sr_sources_admit(struct sr_sources *t, const struct sr_peer *peer, uint64_t per_second,
    uint64_t burst, uint64_t now_ns);

/* Of a report: how often a source that has a place now was told to wait since it has it. */
struct sr_sources_row {
    struct sr_peer peer;
    uint64_t refused;
};

/* The `max` sources that were refused most, most first. Returns how many rows; any thread. */
size_t sr_sources_top(struct sr_sources *t, struct sr_sources_row *rows, size_t max);

#endif
