/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_ROOTED_H_INCLUDED
#define ENROLL_ROOTED_H_INCLUDED

#include <stdbool.h>

#include "enroll/place.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * Single files beneath a root ("" is the host), by paths relative to it, without following links
 * (place.h). What is written here is no part of a generation: it outlives a run only for the next.
 * Functions say in `trouble` why they return false.
 */

/* Reads a file: free it with place_free(). trouble->error is ENOENT when there is none. */
bool rooted_read(
    const char *root, const char *path, struct place_content *ret_content, struct trouble *trouble);

/* Replaces a file whole, for its owner only (mode 0600), synced. Its folder must be there. */
bool rooted_write(
    const char *root, const char *path, struct sr_span content, struct trouble *trouble);

/* Removes a file. One that is not there is fine. */
bool rooted_remove(const char *root, const char *path, struct trouble *trouble);

#endif
