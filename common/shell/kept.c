/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/kept.h"

#include <string.h>

#include "sr/banned.h"

static const char *const more_reasons[] = {
    [KEPT_DROP_PATIENCE - SR_REFUSAL_COUNT] = "deadletter_refused",
    [KEPT_DROP_DAMAGED - SR_REFUSAL_COUNT] = "damaged",
    [KEPT_DROP_DISK_FULL - SR_REFUSAL_COUNT] = "disk_full",
    [KEPT_DROP_DISK_READ_ONLY - SR_REFUSAL_COUNT] = "disk_read_only",
    [KEPT_DROP_DISK_ERROR - SR_REFUSAL_COUNT] = "disk_error",
};

const char *
kept_drop_reason(unsigned drop)
{
    return drop < SR_REFUSAL_COUNT ? sr_refusal_reason((enum sr_refusal)drop)
                                   : more_reasons[drop - SR_REFUSAL_COUNT];
}

unsigned
kept_disk_drop(const char *reason)
{
    for (unsigned i = KEPT_DROP_DISK_FULL; i < KEPT_DROPS; i++) {
        if (strcmp(kept_drop_reason(i), reason) == 0) {
            return i;
        }
    }
    return KEPT_DROP_DISK_ERROR;
}

uint64_t
kept_listener_key(const char *listener_name)
{
    struct sr_span name = { (const uint8_t *)listener_name, strlen(listener_name) };

    return sr_lane_key_of(name, 0, false, false, (struct sr_span){ NULL, 0 });
}

void
kept_lane_write(uint64_t *out, const struct kept_lane *lane)
{
    *out++ = lane->key;
    *out++ = lane->listener;
    *out++ = lane->dead;
    *out++ = lane->settled.segment;
    *out++ = lane->settled.offset;
    *out++ = lane->settled.entries;
    *out++ = lane->settled.records;
    *out++ = lane->settled.lost;
    *out++ = lane->written.segment;
    *out++ = lane->written.offset;
    *out++ = lane->written.entries;
    *out++ = lane->written.records;
    *out++ = lane->outcome.stored;
    *out++ = lane->outcome.moved;
    *out++ = lane->outcome.redelivered;
    memcpy(out, lane->outcome.dropped, sizeof(lane->outcome.dropped));
}

void
kept_lane_read(const uint64_t *in, struct kept_lane *ret_lane)
{
    struct kept_lane lane = {
        .key = in[0],
        .listener = in[1],
        .dead = in[2] != 0,
        .settled = { in[3], in[4], in[5], in[6], in[7] },
        .written = { in[8], in[9], in[10], in[11], 0 },
        .outcome = { .stored = in[12], .moved = in[13], .redelivered = in[14] },
    };

    memcpy(lane.outcome.dropped, in + 15, sizeof(lane.outcome.dropped));
    *ret_lane = lane;
}

void
kept_position_write(uint64_t *out, const struct sr_lane *lane)
{
    struct sr_lane_position at = { .segment = 0 };

    if (lane != NULL) {
        sr_lane_written(lane, &at);
    }
    out[0] = lane != NULL ? sr_lane_key(lane) : 0;
    out[1] = at.segment;
    out[2] = at.offset;
    out[3] = at.entries;
    out[4] = at.records;
}

void
kept_position_read(const uint64_t *in, uint64_t *ret_key, struct sr_lane_position *ret_written)
{
    *ret_key = in[0];
    *ret_written = (struct sr_lane_position){ in[1], in[2], in[3], in[4], 0 };
}

void
kept_outcome_sum(struct kept_outcome *sum, const struct kept_outcome *more)
{
    sum->stored += more->stored;
    sum->moved += more->moved;
    sum->redelivered += more->redelivered;
    for (unsigned i = 0; i < KEPT_DROPS; i++) {
        sum->dropped[i] += more->dropped[i];
    }
}

void
kept_outcome_add(struct sr_delivery_stats *d, const struct kept_lane *lane)
{
    const struct kept_outcome *o = &lane->outcome;

    sr_count(lane->dead ? &d->stored_dead : &d->stored, o->stored);
    sr_count(&d->moved, o->moved);
    sr_count(&d->redelivered, o->redelivered);
    for (unsigned i = 0; i < KEPT_DROPS; i++) {
        if (o->dropped[i] > 0) {
            sr_reasons_count(&d->dropped, kept_drop_reason(i), o->dropped[i]);
        }
    }
}
