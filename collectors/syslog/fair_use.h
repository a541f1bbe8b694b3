/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_FAIR_USE_H_INCLUDED
#define SYSLOG_FAIR_USE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "syslog.h"

#include "sr/access.h"
#include "sr/fair.h"
#include "sr/sources.h"
#include "sr/span.h"

/* What a listener takes of whom, by its configuration. */
struct fair_use {
    struct sr_access access;
    uint64_t rate_limit; /* messages a second of one source, 0: no limit */
    uint64_t burst;      /* of these */
    bool sheds;
};

/* False without memory. */
bool fair_use_init(struct fair_use *use, const struct syslog_listener *l);
void fair_use_done(struct fair_use *use);

/*
 * True when the source has sent no more than its rate; the message is counted then. Programs of
 * this host have no address to tell them apart, and no rate.
 */
bool fair_use_admits(const struct fair_use *use, struct sr_sources *sources,
    const struct sr_peer *peer, uint64_t now_ns);

/*
 * Why a datagram is not taken: a word of static storage; NULL: it is. `level` is of struct sr_emit.
 */
const char *fair_use_refusal(const struct fair_use *use, struct sr_sources *sources,
    struct sr_fair *fair, unsigned level, const struct sr_peer *peer, struct sr_span bytes,
    uint64_t now_ns);

#endif
