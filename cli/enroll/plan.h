/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_PLAN_H_INCLUDED
#define ENROLL_PLAN_H_INCLUDED

#include <stdbool.h>

#include "enroll/generation.h"
#include "enroll/history.h"
#include "enroll/place.h"
#include "enroll/swap.h"
#include "trouble.h"

/* A swap that is about to be made: what it does and what it needs for it. */
struct plan {
    struct manifest manifest;
    enum generation_change changes[MANIFEST_FILES_MAX];
    struct sr_span after[MANIFEST_FILES_MAX];        /* borrowed from the set or from `read` */
    struct place_content before[MANIFEST_FILES_MAX]; /* owned */
    struct place_content read[MANIFEST_FILES_MAX];   /* owned: contents of a rollback */
};

/* Whether a set is well-formed: paths, modes, no path twice. Looks at nothing on the disk. */
bool plan_check_set(const struct generation_set *set, struct trouble *trouble);

/*
 * What putting the set in place means now. s->state of -1: there are no generations. Returns owned
 * memory, plan_free() it, or NULL.
 */
struct plan *plan_apply(const struct swap *s, const struct generation_set *set,
    const struct generation_options *options, struct trouble *trouble);

/* What going back from the newest generation means now. NULL also when there is none. */
struct plan *plan_rollback(
    const struct swap *s, const struct generation_options *options, struct trouble *trouble);

/* Whether all is as asked for already. */
bool plan_is_nothing(const struct plan *plan);

/* Writes what the plan says about each file; `number` and `changed` are the caller's to set. */
void plan_report(const struct plan *plan, struct generation_report *report);

/*
 * Whether the plan can be carried out: folders can be written to, nobody else's file is in the way,
 * there is space on each disk, and for `bundle` bytes more in the folder of the state.
 */
bool plan_preflight(
    const struct swap *s, const struct plan *plan, size_t bundle, struct trouble *trouble);

/* Wipes what was read and frees. NULL is fine. */
void plan_free(struct plan *plan);

#endif
