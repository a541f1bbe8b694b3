/* SPDX-License-Identifier: Apache-2.0 */
#include "usm/times.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "usm/engine.h"
#include "usm/table.h"

#include "sr/banned.h"

#define SECOND_NS 1000000000U

/* Seconds that a clock may go wrong by before it is written down again: far less than the window */
#define DRIFT_MAX 5

const char *const usm_time_policy_names[] = { "strict", "relearn", "off", NULL };

struct clock {
    uint32_t boots, time;
    uint64_t heard_ns;
    /* As it was copied: of these boots, at this time of ours, was its time 0. */
    uint32_t copied_boots;
    int64_t copied_zero;
};

struct usm_times {
    enum usm_time_policy policy;
    pthread_mutex_t mutex; /* guards what follows */
    struct usm_table *table;
    struct clock *clocks; /* by slot of the table */
    bool changed;
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
    (void)pthread_mutex_init(&times->mutex, NULL);
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
        (void)pthread_mutex_destroy(&times->mutex);
        free(times);
    }
}

/* ---- Messages ---- */

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

    return boots != USM_BOOTS_MAX && boots == clock->boots &&
           time + (uint64_t)USM_TIME_WINDOW >= clock->time + elapsed;
}

static int64_t
zero_of(const struct clock *clock)
{
    return (int64_t)(clock->heard_ns / SECOND_NS) - clock->time;
}

/* Moves the clock to what its engine said now. */
static void
set_clock(
    struct usm_times *times, struct clock *clock, uint32_t boots, uint32_t time, uint64_t now_ns)
{
    clock->boots = boots;
    clock->time = time;
    clock->heard_ns = now_ns;
    int64_t drift = zero_of(clock) - clock->copied_zero;
    if (boots != clock->copied_boots || drift > DRIFT_MAX || drift < -DRIFT_MAX) {
        times->changed = true;
    }
}

/* The clock of an engine that was not heard before. */
static struct clock *
add_clock(struct usm_times *times, struct sr_span engine_id)
{
    bool is_taken;
    uint32_t slot = usm_table_add(times->table, 0, engine_id, &is_taken);

    times->forgotten += is_taken;
    times->changed = true;
    times->clocks[slot] = (struct clock){ .boots = 0 };
    return &times->clocks[slot];
}

static bool
check(struct usm_times *times, struct sr_span engine_id, uint32_t boots, uint32_t time,
    uint64_t now_ns)
{
    uint32_t slot = usm_table_find(times->table, 0, engine_id);
    struct clock *clock;

    if (slot == USM_TABLE_NONE) {
        clock = add_clock(times, engine_id);
        set_clock(times, clock, boots, time, now_ns);
    } else {
        clock = &times->clocks[slot];
    }
    if (is_later(clock, boots, time)) {
        set_clock(times, clock, boots, time, now_ns);
    }
    if (is_in_window(clock, boots, time, now_ns)) {
        return true;
    }
    if (times->policy == USM_TIME_STRICT) {
        return false;
    }
    set_clock(times, clock, boots, time, now_ns);
    times->relearned++;
    return true;
}

bool
usm_times_check(struct usm_times *times, struct sr_span engine_id, uint32_t boots, uint32_t time,
    uint64_t now_ns)
{
    if (times->policy == USM_TIME_OFF) {
        return true;
    }
    (void)pthread_mutex_lock(&times->mutex);
    bool is_taken = check(times, engine_id, boots, time, now_ns);
    (void)pthread_mutex_unlock(&times->mutex);
    return is_taken;
}

struct usm_times_counts
usm_times_counts(struct usm_times *times)
{
    (void)pthread_mutex_lock(&times->mutex);
    struct usm_times_counts counts = { .engines = usm_table_count(times->table),
        .forgotten = times->forgotten,
        .relearned = times->relearned };
    (void)pthread_mutex_unlock(&times->mutex);
    return counts;
}

/* ---- To be kept ---- */

bool
usm_times_take_changed(struct usm_times *times)
{
    (void)pthread_mutex_lock(&times->mutex);
    bool changed = times->changed;
    times->changed = false;
    (void)pthread_mutex_unlock(&times->mutex);
    return changed;
}

void
usm_times_set_changed(struct usm_times *times)
{
    (void)pthread_mutex_lock(&times->mutex);
    times->changed = true;
    (void)pthread_mutex_unlock(&times->mutex);
}

uint32_t
usm_times_copy(struct usm_times *times, uint32_t *cursor, struct usm_clock *out, uint32_t max)
{
    uint32_t count = 0;

    (void)pthread_mutex_lock(&times->mutex);
    for (; count < max && *cursor < usm_table_count(times->table); count++, (*cursor)++) {
        struct sr_span id = usm_table_engine(times->table, *cursor);
        struct clock *clock = &times->clocks[*cursor];
        clock->copied_boots = clock->boots;
        clock->copied_zero = zero_of(clock);
        out[count] = (struct usm_clock){ .len = (uint8_t)id.len,
            .boots = clock->boots,
            .time = clock->time,
            .heard_ns = clock->heard_ns };
        memcpy(out[count].engine_id, id.data, id.len);
    }
    (void)pthread_mutex_unlock(&times->mutex);
    return count;
}

void
usm_times_learn(struct usm_times *times, const struct usm_clock *known)
{
    const struct sr_span id = { known->engine_id, known->len };

    if (times->policy == USM_TIME_OFF) {
        return;
    }
    (void)pthread_mutex_lock(&times->mutex);
    bool changed = times->changed;
    uint32_t slot = usm_table_find(times->table, 0, id);
    bool is_new = slot == USM_TABLE_NONE;
    struct clock *clock = is_new ? add_clock(times, id) : &times->clocks[slot];
    if (is_new || is_later(clock, known->boots, known->time)) {
        clock->boots = clock->copied_boots = known->boots;
        clock->time = known->time;
        clock->heard_ns = known->heard_ns;
        clock->copied_zero = zero_of(clock);
    }
    times->changed = changed;
    (void)pthread_mutex_unlock(&times->mutex);
}
