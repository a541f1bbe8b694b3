/* SPDX-License-Identifier: Apache-2.0 */
#include "usm_time.h"

#include <stdlib.h>

#include "usm_table.h"

#include "sr/banned.h"

#define BOOTS_MAX                                                                                  \
    ((uint32_t)INT32_MAX) /* an engine there needs new keys: RFC 3414 section 2.2.2                \
                           */
#define SECOND_NS 1000000000U

const char *const usm_time_policy_names[] = { "strict", "relearn", "off", NULL };

/* The latest that an engine said, and when: our notion of its clock. */
struct clock {
    uint32_t boots, time;
    uint64_t heard_ns;
};

struct usm_times {
    enum usm_time_policy policy;
    struct usm_table *table;
    struct clock *clocks; /* by slot of the table */
    uint64_t forgotten, relearned;
};

struct usm_times *
usm_times_new(enum usm_time_policy policy, uint32_t max)
{
    struct usm_times *times = calloc(1, sizeof(*times));

    if (times == NULL) {
        return NULL;
    }
    times->policy = policy;
    times->table = usm_table_new(max);
    times->clocks = calloc(max, sizeof(*times->clocks));
    if (times->table == NULL || times->clocks == NULL) {
        usm_times_free(times);
        return NULL;
    }
    return times;
}

void
usm_times_free(struct usm_times *times)
{
    if (times != NULL) {
        usm_table_free(times->table);
        free(times->clocks);
        free(times);
    }
}

static bool
is_later(const struct clock *clock, uint32_t boots, uint32_t time)
{
    return boots > clock->boots || (boots == clock->boots && time > clock->time);
}

/* Called after a later message has moved the clock: what is left is too old, or in the window. */
static bool
is_in_window(const struct clock *clock, uint32_t boots, uint32_t time, uint64_t now_ns)
{
    uint64_t elapsed = now_ns > clock->heard_ns ? (now_ns - clock->heard_ns) / SECOND_NS : 0;

    return boots != BOOTS_MAX && boots == clock->boots &&
           time + (uint64_t)USM_TIME_WINDOW >= clock->time + elapsed;
}

bool
usm_times_check(struct usm_times *times, struct sr_span engine_id, uint32_t boots, uint32_t time,
    uint64_t now_ns)
{
    if (times->policy == USM_TIME_OFF) {
        return true;
    }
    const struct clock said = { .boots = boots, .time = time, .heard_ns = now_ns };
    uint32_t slot = usm_table_find(times->table, 0, engine_id);
    if (slot == USM_TABLE_NONE) {
        bool is_taken;
        slot = usm_table_add(times->table, 0, engine_id, &is_taken);
        times->forgotten += is_taken;
        times->clocks[slot] = said;
    }
    struct clock *clock = &times->clocks[slot];
    if (is_later(clock, boots, time)) {
        *clock = said;
    }
    if (is_in_window(clock, boots, time, now_ns)) {
        return true;
    }
    if (times->policy == USM_TIME_STRICT) {
        return false;
    }
    *clock = said;
    times->relearned++;
    return true;
}

struct usm_times_counts
usm_times_counts(const struct usm_times *times)
{
    return (struct usm_times_counts){ .engines = usm_table_count(times->table),
        .forgotten = times->forgotten,
        .relearned = times->relearned };
}
