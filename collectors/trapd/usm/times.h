/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_TIMES_H_INCLUDED
#define TRAPD_USM_TIMES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/v3.h"
#include "sr/span.h"

/*
 * The time window of RFC 3414 section 3.2 step 7 b, for engines that are authoritative themselves,
 * as senders of traps are. Ask it only about messages whose MAC was right: it remembers what they
 * say. A bounded number of engines, of which the ones that were silent the longest are forgotten:
 * their next message is believed, like the first one of an engine. From any thread.
 */
struct usm_times;

enum usm_time_policy {
    USM_TIME_STRICT = 0, /* as the RFC says */
    USM_TIME_RELEARN,    /* believes a message outside of the window, too, and goes on from there */
    USM_TIME_OFF,        /* does not look */
};

extern const char *const usm_time_policy_names[]; /* as configured; ended by NULL */

/* Room for `max` engines, 1 to USM_TABLE_MAX. Returns owned; NULL without memory. */
struct usm_times *usm_times_new(enum usm_time_policy policy, uint32_t max);
void usm_times_free(struct usm_times *times);

/* False for a message that is refused. `now_ns` is the wall clock, which outlives the process. */
bool usm_times_check(struct usm_times *times, struct sr_span engine_id, uint32_t boots,
    uint32_t time, uint64_t now_ns);

struct usm_times_counts {
    uint32_t engines;   /* remembered now */
    uint64_t forgotten; /* to make room */
    uint64_t relearned; /* believed though outside of the window */
};
struct usm_times_counts usm_times_counts(struct usm_times *times);

/* ---- To be kept ---- */

/* The latest that an engine said, and when: our notion of its clock. */
struct usm_clock {
    uint8_t engine_id[V3_ENGINE_ID_MAX];
    uint8_t len; /* of the id */
    uint32_t boots, time;
    uint64_t heard_ns;
};

/*
 * True when a clock has become another one since it was copied: an engine is new, has started
 * again, or its clock goes differently. That time passes changes nothing. Once: the next call is
 * false until there is more, or usm_times_set_changed().
 */
bool usm_times_take_changed(struct usm_times *times);
void usm_times_set_changed(struct usm_times *times);

/*
 * Copies up to `max` clocks into `out`, from `*cursor` on, which begins with 0. Returns how many; 0
 * at the end. What comes and goes between two calls may be missed.
 */
uint32_t usm_times_copy(
    struct usm_times *times, uint32_t *cursor, struct usm_clock *out, uint32_t max);

/* Knows a clock as it was copied, unless a later one of the engine is known already. */
void usm_times_learn(struct usm_times *times, const struct usm_clock *clock);

#endif
