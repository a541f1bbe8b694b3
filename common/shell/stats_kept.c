/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/stats_kept.h"

#include <stddef.h>
#include <string.h>

#include "sr/counters.h"
#include "sr/stats.h"

#include "sr/banned.h"

/*
 * A worker's values: the tables, the socket, then single counters. Counters are only ever added at
 * the end, so that the values of an older version are a beginning of these.
 */
static const size_t tables[] = {
    offsetof(struct sr_worker_stats, undecodable),
    offsetof(struct sr_worker_stats, dropped),
    offsetof(struct sr_worker_stats, lost),
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))
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
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

enum { AT_COOKIE = TABLE_ROWS, AT_KERNEL_SEEN, AT_COUNTERS, VALUES = AT_COUNTERS + COUNTERS };

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
        sr_reasons_save((const void *)(base + tables[i]), slot, i * SR_REASONS_MAX, values);
    }
    for (unsigned i = 0; i < COUNTERS; i++) {
        values[AT_COUNTERS + i] = sr_counted((const void *)(base + counters[i]));
    }
    values[AT_COOKIE] = sr_counted(&w->socket_cookie);
    values[AT_KERNEL_SEEN] = sr_counted(&w->kernel_seen);
}

bool
sr_worker_stats_restore(
    struct sr_stats *s, struct sr_worker_stats *w, const struct sr_counters_values *kept)
{
    char *base = (char *)w;

    if (kept->count <= AT_COUNTERS || kept->count > VALUES || kept->name_count != TABLE_ROWS) {
        return false;
    }
    for (unsigned i = 0; i < TABLES; i++) {
        (void)sr_reasons_restore(s, (void *)(base + tables[i]), kept, i * SR_REASONS_MAX);
    }
    for (unsigned i = 0; i < kept->count - AT_COUNTERS; i++) {
        sr_count((void *)(base + counters[i]), kept->values[AT_COUNTERS + i]);
    }
    if (sr_counted(&w->socket_cookie) == 0) {
        sr_count(&w->socket_cookie, kept->values[AT_COOKIE]);
        atomic_store_explicit(&w->kernel_seen, kept->values[AT_KERNEL_SEEN], memory_order_relaxed);
    }
    return true;
}
