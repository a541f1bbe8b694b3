/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_UNPROVEN_H_INCLUDED
#define CLI_ENROLL_UNPROVEN_H_INCLUDED

#include <stdbool.h>

#include "enroll/generation.h"
#include "trouble.h"

/*
 * A generation that is in place but not proven yet. Its mark is written before it is put in place
 * and removed when it is proven or taken back, so that what a process leaves that ends in between
 * is taken back by the next one.
 */

/* Marks whatever generation comes after the newest as unproven. */
bool unproven_begin(struct generations *g, const char *root, struct trouble *trouble);

/* Removes the mark. */
bool unproven_end(const char *root, struct trouble *trouble);

/* Whether there is a mark. */
bool unproven_is(const char *root);

/*
 * Takes back the generation that is marked, if there is one, with the copies that it made of files
 * that an operator had changed, and removes the mark; *ret_undone tells. False: it is there
 * and cannot be taken back. `time` is in seconds since 1970.
 */
bool unproven_undo(struct generations *g, const char *root, uint64_t time, bool *ret_undone,
    struct trouble *trouble);

#endif
