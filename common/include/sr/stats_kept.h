/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_STATS_KEPT_H_INCLUDED
#define SR_STATS_KEPT_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

struct sr_counters_slot;
struct sr_counters_values;
struct sr_reasons;
struct sr_stats;
struct sr_worker_stats;

/*
 * Statistics as the values and names of a slot of counters (sr/counters.h). A table of reasons is
 * SR_REASONS_MAX values and as many names, at the same rows.
 */

/*
 * Writes a table from row `first` on into `values`, which is what sr_counters_begin() gave for
 * `slot`, and names the rows that are new. Rows without a reason stay as they are: 0. The slot's
 * thread, which is the one that counts.
 */
void sr_reasons_save(
    const struct sr_reasons *r, struct sr_counters_slot *slot, unsigned first, uint64_t *values);

/*
 * Adds a table that begins at row `first` to `r`. A reason that is not a word of a-z, 0-9 and _,
 * or that does not fit, counts as "other". Texts are kept in `s`. False, and nothing is added, when
 * the values or names end before the table. Before the threads start.
 */
bool sr_reasons_restore(struct sr_stats *s, struct sr_reasons *r,
    const struct sr_counters_values *kept, unsigned first);

/* How many values and names a worker's slot has. */
unsigned sr_worker_values(void);
unsigned sr_worker_names(void);

/* Writes all values of a worker from `values` on, and the names from row 0 on; see
 * sr_reasons_save(). Commit is the caller's. Once each receive batch: it must be cheap. */
void sr_worker_stats_save(
    const struct sr_worker_stats *w, struct sr_counters_slot *slot, uint64_t *values);

/*
 * Adds what a worker of the last process had, so that several can go into one. The socket's cookie
 * and kernel_seen cannot be added: they are taken into a worker that has none. False, and nothing
 * is added, when these are not the values of a worker: other tables than its own, no counters, or
 * more than this program knows. What an older version did not have stays as it is.
 * Before the threads start.
 */
bool sr_worker_stats_restore(
    struct sr_stats *s, struct sr_worker_stats *w, const struct sr_counters_values *kept);

#endif
