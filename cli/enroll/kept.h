/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_KEPT_H_INCLUDED
#define CLI_ENROLL_KEPT_H_INCLUDED

#include <stdbool.h>

#include "enroll/generation.h"
#include "enroll/record.h"
#include "trouble.h"

/*
 * What is kept of an enrolment that was taken back: the bundle (generation_keep_bundle()) and, in a
 * file beside it, the record, which says whom to ask for renewals. Both root only.
 */

/* Keeps both. */
bool kept_write(struct generations *g, const char *root, struct sr_span raw,
    const struct record *record, struct trouble *trouble);

/*
 * Reads the bundle, owned (place_free()), and the record when it is of this bundle; else the record
 * is as it was. trouble->error is ENOENT when nothing is kept.
 */
bool kept_read(struct generations *g, const char *root, struct place_content *ret_raw,
    struct record *ret_record, struct trouble *trouble);

/* Removes both when they are of the collector of that name; *ret_dropped tells. */
bool kept_drop(struct generations *g, const char *root, const char *name, bool *ret_dropped,
    struct trouble *trouble);

/* The record goes; the bundle goes by itself with the generation that it becomes. */
void kept_forget(const char *root);

#endif
