/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_TRAFFIC_H_INCLUDED
#define CLI_LOAD_TRAFFIC_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/generate.h"
#include "load/mark.h"
#include "load/profile.h"
#include "trouble.h"

/* The messages of a profile, of whatever kind. */
struct traffic;

struct traffic_plan {
    enum traffic_kind kind;
    const struct profile *profile; /* borrowed until traffic_close() */
    size_t size;                   /* of all messages, instead of what the profile says; 0: that */
    const char *format;            /* the only one, likewise; NULL: those of the profile */
    size_t longest;                /* what one message may have on its way */
    bool is_stream;                /* over connections */
    uint32_t sources, run;
    uint64_t start_ns;    /* by the wall clock */
    int32_t utc_offset_s; /* of dates that name no zone */
};

/* Prepares messages. Returns false with `trouble`: the plan cannot be. */
bool traffic_open(
    const struct traffic_plan *plan, struct traffic **ret_traffic, struct trouble *trouble);

/* The longest message. */
size_t traffic_room(const struct traffic *t);

/* Records that a message has at most. */
uint32_t traffic_records(const struct traffic *t);

/* Writes the next message, sent at `wall_ns`, into `out`. False when OpenSSL fails. */
bool traffic_next(struct traffic *t, uint64_t wall_ns, uint8_t *out, struct generated *ret);

/* NULL is allowed. */
void traffic_close(struct traffic *t);

#endif
