/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_FAIR_H_INCLUDED
#define SR_FAIR_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/peer.h"

/*
 * Which inputs are given up when there is soon no room for more. How full it is, is told in 32nds.
 * From the half on it is counted how much each source sends. In the last quarter inputs are shed,
 * the less severe first: debug (7) from 24 on, info (6) from 25, and so on up to emergencies (0)
 * from 31 on; but none of a source that sends less than half of what sources send on average. So
 * neither one that floods nor the sum of what does not matter takes the last room of the others.
 *
 * Pure; one thread uses it. The memory is fixed: of the sources that fall on one set those that
 * send most are known, and the others start again at nothing, which is to their favour.
 */
#define SR_FAIR_FULL 32U
#define SR_FAIR_PRESSED 16U  /* below it nothing is counted, and the table not touched */
#define SR_FAIR_SHEDDING 24U /* below it nothing is shed */
#define SR_FAIR_SETS 1024U
#define SR_FAIR_WAYS 4U

/* What was sent in this window of time and in the one before. */
struct sr_fair_sent {
    uint64_t window; /* its number */
    uint64_t now, before;
};

struct sr_fair_source {
    uint8_t address[16];
    bool is_v6;
    struct sr_fair_sent cost;
};

/* All zero at its beginning. */
struct sr_fair {
    uint64_t seed; /* random, so that nobody can tell which addresses share a set */
    struct sr_fair_sent cost;
    struct sr_fair_sent sources; /* that sent in them */
    struct sr_fair_source places[SR_FAIR_SETS][SR_FAIR_WAYS];
};

/*
 * True when an input is to be given up: of a severity (0 to 7) and `cost` bytes, of this source,
 * at `level` 32nds. Counts it in either case. Ports do not matter.
 */
bool sr_fair_sheds(struct sr_fair *f, unsigned level, unsigned severity, const struct sr_peer *peer,
    uint64_t cost, uint64_t now_ns);

/* The level of `used` of what can be used, of which `left` is left. */
unsigned sr_fair_level(uint64_t used, uint64_t left);

#endif
