/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_SOURCES_H_INCLUDED
#define TRAPD_SOURCES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/peer.h"

/*
 * How much each source of one listener has sent of late, by address, shared by its receiving
 * threads. The memory is fixed: SOURCES_MAX addresses. When more of them send within a second, one
 * that was not heard of for longest begins anew with a full second's worth, so that whoever invents
 * addresses takes nothing away from others.
 */
#define SOURCES_MAX 16384U

struct sources;

/* Returns an owned table, or NULL without memory. */
struct sources *sources_new(void);
void sources_free(struct sources *t); /* NULL is fine */

/*
 * True when the source may send one datagram more, of `per_second` (1 to SR_RATE_MAX) with a burst
 * of one second; it then has. Ports do not matter.
 */
bool sources_admit(
    struct sources *t, const struct sr_peer *peer, uint64_t per_second, uint64_t now_ns);

#endif
