/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_KEPT_H_INCLUDED
#define SHELL_KEPT_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/ack.h"
#include "sr/counters.h"
#include "sr/queue.h"
#include "sr/stats.h"

/*
 * What the threads keep in their slots of the counters (sr/counters.h), so that the next process
 * goes on where this one was killed. A receiving thread's slot has its counters and where its two
 * lanes are written; the sink's slot has for each lane what became of its records and where it is
 * settled. Values of one slot are of one moment, so the ledger of the next process balances.
 */

/* Reasons that a sink gives records up for: the refusals, and then these. */
enum {
    KEPT_DROP_PATIENCE = SR_REFUSAL_COUNT, /* dead letters refused for too long */
    KEPT_DROP_DAMAGED,                     /* found damaged on disk */
    KEPT_DROP_DISK_FULL,
    KEPT_DROP_DISK_READ_ONLY,
    KEPT_DROP_DISK_ERROR,
    KEPT_DROPS,
};

/* The word of a reason, static; and the reason of a word of the disk's (sr_spool_reason()). */
const char *kept_drop_reason(unsigned drop);
unsigned kept_disk_drop(const char *reason);

/* What became of a lane's records. */
struct kept_outcome {
    uint64_t stored, moved, redelivered;
    uint64_t dropped[KEPT_DROPS];
};

/* One lane in the sink's slot. */
struct kept_lane {
    uint64_t key;      /* sr_lane_key() */
    uint64_t listener; /* kept_listener_key() */
    bool dead;
    struct sr_lane_position settled;
    struct sr_lane_position written; /* of the lanes that the sink's thread writes */
    struct kept_outcome outcome;
};

enum {
    KEPT_LANE_VALUES = 3 + 5 + 4 + 3 + KEPT_DROPS,
    KEPT_POSITION_VALUES = 5, /* key and position of one lane in a receiving thread's slot */
};

uint64_t kept_listener_key(const char *listener_name);

/* KEPT_LANE_VALUES values of a lane, and back. */
void kept_lane_write(uint64_t *out, const struct kept_lane *lane);
void kept_lane_read(const uint64_t *in, struct kept_lane *ret_lane);

/* KEPT_POSITION_VALUES values of where a lane is written (NULL: there is no such lane), and back.
 */
void kept_position_write(uint64_t *out, const struct sr_lane *lane);
void kept_position_read(
    const uint64_t *in, uint64_t *ret_key, struct sr_lane_position *ret_written);

/* Adds `more` to an outcome. */
void kept_outcome_sum(struct kept_outcome *sum, const struct kept_outcome *more);

/* Adds an outcome to a listener's counters. */
void kept_outcome_add(struct sr_delivery_stats *d, const struct kept_lane *lane);

#endif
