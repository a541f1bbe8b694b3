/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_IDSET_H_INCLUDED
#define CLI_IDSET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Counts how many of many texts differ, by 64-bit hashes: eight bytes a text, and one chance in
 * 37 million that two of a million different texts count as one.
 */
struct idset {
    uint64_t *hashes;
    size_t count;
    size_t cap;
    bool failed; /* memory ran out: the set is not whole */
};

/* Adds a text, or sets `failed`. An empty set is all zero bytes. */
void idset_add(struct idset *set, const char *text);

/* How many different texts were added. Sorts the set. */
size_t idset_distinct(struct idset *set);

/* Frees the memory and empties the set. */
void idset_done(struct idset *set);

#endif
