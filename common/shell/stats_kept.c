/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/stats_kept.h"

#include <stddef.h>
#include <string.h>

#include "sr/counters.h"
#include "sr/stats.h"

#include "sr/banned.h"

/*
 * A worker's values: the tables of the first version, the socket, single counters, then the tables
 * that came later. Each of these blocks only ever grows by another block behind the last one, so
 * that the values of an older version are a beginning of these, and so are its names, which are
 * those of all tables in turn.
 */
enum { FIRST_TABLES = 3, FIRST_COUNTERS = 8 }; /* of the first version */

static const size_t tables[] = {
    offsetof(struct sr_worker_stats, undecodable),
    offsetof(struct sr_worker_stats, dropped),
    offsetof(struct sr_worker_stats, lost),
    offsetof(struct sr_worker_stats, consumed),
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))
#define FIRST_ROWS ((unsigned)FIRST_TABLES * SR_REASONS_MAX)
#define TABLE_ROWS (TABLES * SR_REASONS_MAX)

static const size_t counters[] = {
    offsetof(struct sr_worker_stats, received),
    offsetof(struct sr_worker_stats, received_bytes),
    offsetof(struct sr_worker_stats, decoded),
    offsetof(struct sr_worker_stats, records),
    offsetof(struct sr_worker_stats, deadlettered),
    offsetof(struct sr_worker_stats, kernel_drops),
    offsetof(struct sr_worker_stats, batches),
    offsetof(struct sr_worker_stats, recovered),
    offsetof(struct sr_worker_stats, parts),
    offsetof(struct sr_worker_stats, batching),
    offsetof(struct sr_worker_stats, connections_accepted),
    offsetof(struct sr_worker_stats, connections_refused),
    offsetof(struct sr_worker_stats, accepts_put_off),
    offsetof(struct sr_worker_stats, connections_cut_off),
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

enum {
    AT_COOKIE = FIRST_ROWS,
    AT_KERNEL_SEEN,
    AT_COUNTERS,
    AT_LATER_TABLES = AT_COUNTERS + COUNTERS,
    VALUES = AT_LATER_TABLES + TABLE_ROWS - FIRST_ROWS,
};

/* How many more values than names stand before the rows of a table. */
static unsigned
shift_of(unsigned table)
{
    return table < FIRST_TABLES ? 0 : AT_LATER_TABLES - FIRST_ROWS;
}

/* ---- Tables ---- */

void
sr_reasons_save(
    const struct sr_reasons *r, struct sr_counters_slot *slot, unsigned first, uint64_t *values)
{
    for (unsigned i = 0; i < SR_REASONS_MAX; i++) {
        const char *reason =
            atomic_load_explicit((const char *_Atomic *)&r->items[i].reason, memory_order_relaxed);
        if (reason == NULL) {
            /* Rows fill from the first on; only the last one ("other") may be taken before. */
            i = i < SR_REASONS_MAX - 1 ? SR_REASONS_MAX - 2 : i;
            continue;
        }
        if (!sr_counters_is_named(slot, first + i)) {
            sr_counters_name(slot, first + i, reason);
        }
        values[first + i] = sr_counted(&r->items[i].count);
    }
}

static bool
is_word(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

bool
sr_reasons_restore(
    struct sr_stats *s, struct sr_reasons *r, const struct sr_counters_values *kept, unsigned first)
{
    if (kept->count < SR_REASONS_MAX || kept->count - SR_REASONS_MAX < first ||
        kept->name_count < SR_REASONS_MAX || kept->name_count - SR_REASONS_MAX < first) {
        return false;
    }
    for (unsigned i = first; i < first + SR_REASONS_MAX; i++) {
        if (kept->values[i] == 0) {
            continue;
        }
        const char *reason = is_word(kept->names[i]) ? sr_stats_keep_text(s, kept->names[i]) : NULL;
        sr_reasons_count(r, reason != NULL ? reason : "other", kept->values[i]);
    }
    return true;
}

/* ---- Workers ---- */

unsigned
sr_worker_values(void)
{
    return VALUES;
}

unsigned
sr_worker_names(void)
{
    return TABLE_ROWS;
}

void
sr_worker_stats_save(
    const struct sr_worker_stats *w, struct sr_counters_slot *slot, uint64_t *values)
{
    const char *base = (const char *)w;

    for (unsigned i = 0; i < TABLES; i++) {
        sr_reasons_save(
            (const void *)(base + tables[i]), slot, i * SR_REASONS_MAX, values + shift_of(i));
    }
    for (unsigned i = 0; i < COUNTERS; i++) {
        values[AT_COUNTERS + i] = sr_counted((const void *)(base + counters[i]));
    }
    values[AT_COOKIE] = sr_counted(&w->socket_cookie);
    values[AT_KERNEL_SEEN] = sr_counted(&w->kernel_seen);
}

/* A worker's values, of this version or of the first one, which had its last counters one by one.
 */
static bool
are_a_workers(const struct sr_counters_values *kept)
{
    return (kept->name_count == TABLE_ROWS && kept->count == VALUES) ||
           (kept->name_count == FIRST_ROWS && kept->count > AT_COUNTERS &&
               kept->count <= AT_COUNTERS + FIRST_COUNTERS);
}

static void
restore_tables(struct sr_stats *s, struct sr_worker_stats *w, const struct sr_counters_values *kept)
{
    char *base = (char *)w;

    for (unsigned i = 0; i < TABLES && i * SR_REASONS_MAX < kept->name_count; i++) {
        struct sr_counters_values shifted = *kept;
        shifted.values += shift_of(i);
        shifted.count -= shift_of(i);
        (void)sr_reasons_restore(s, (void *)(base + tables[i]), &shifted, i * SR_REASONS_MAX);
    }
}

bool
sr_worker_stats_restore(
    struct sr_stats *s, struct sr_worker_stats *w, const struct sr_counters_values *kept)
{
    char *base = (char *)w;

    if (!are_a_workers(kept)) {
        return false;
    }
    restore_tables(s, w, kept);
    for (unsigned i = 0; i < COUNTERS && AT_COUNTERS + i < kept->count; i++) {
        sr_count((void *)(base + counters[i]), kept->values[AT_COUNTERS + i]);
    }
    if (sr_counted(&w->socket_cookie) == 0) {
        sr_count(&w->socket_cookie, kept->values[AT_COOKIE]);
        atomic_store_explicit(&w->kernel_seen, kept->values[AT_KERNEL_SEEN], memory_order_relaxed);
    }
    return true;
}
