/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_TIME_H_INCLUDED
#define TRAPD_USM_TIME_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * The time window of RFC 3414 section 3.2 step 7 b, for engines that are authoritative themselves,
 * as senders of traps are. Ask it only about messages whose MAC was right: it remembers what they
 * say. A bounded number of engines, of which the ones that were silent the longest are forgotten:
 * their next message is believed, like the first one of an engine. One thread.
 */
struct usm_times;

enum usm_time_policy {
    USM_TIME_STRICT = 0, /* as the RFC says */
    USM_TIME_RELEARN,    /* believes a message outside of the window, too, and goes on from there */
    USM_TIME_OFF,        /* does not look */
};

extern const char *const usm_time_policy_names[]; /* as configured; ended by NULL */

#define USM_TIME_WINDOW 150U /* seconds */

/* Room for `max` engines, 1 to USM_TABLE_MAX. Returns owned; NULL without memory. */
struct usm_times *usm_times_new(enum usm_time_policy policy, uint32_t max);
void usm_times_free(struct usm_times *times);

/* False for a message that is refused. `now_ns` counts on; the engine's clock is measured by it. */
bool usm_times_check(struct usm_times *times, struct sr_span engine_id, uint32_t boots,
    uint32_t time, uint64_t now_ns);

struct usm_times_counts {
    uint32_t engines;   /* remembered now */
    uint64_t forgotten; /* to make room */
    uint64_t relearned; /* believed though outside of the window */
};
struct usm_times_counts usm_times_counts(const struct usm_times *times);

#endif
