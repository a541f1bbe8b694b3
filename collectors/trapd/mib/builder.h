/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_MIB_BUILDER_H_INCLUDED
#define TRAPD_MIB_BUILDER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/mib.h"

/*
 * Makes a table of names (decode/mib_format.h). Identifiers are added in any order; the same ones
 * in the same order make the same bytes.
 */
struct mib_builder;

/* One number of an enumeration, or one bit of BITS. */
struct mib_named_number {
    int32_t number;
    const char *name;
};

/* What is to be said of an identifier. All is copied by mib_builder_add. */
struct mib_entry {
    const uint32_t *arcs;
    unsigned arc_count; /* 1 to MIB_ARCS_MAX */
    const char *module;
    const char *name; /* not empty */
    const char *hint; /* NULL: none */
    enum mib_kind kind;
    enum mib_syntax syntax;
    enum mib_severity severity;
    const struct mib_named_number *labels; /* in any order; of equal numbers the first counts */
    size_t label_count;
};

/* Returns owned, for mib_builder_free; NULL without memory. */
struct mib_builder *mib_builder_new(void);

/* Frees the builder; NULL is allowed. */
void mib_builder_free(struct mib_builder *b);

/*
 * Adds an identifier. One that is added more than once keeps what tells most of it: a notification
 * before an object before a node, and of equals the first. False without memory, or when the entry
 * is not as struct mib_entry wants it.
 */
bool mib_builder_add(struct mib_builder *b, const struct mib_entry *entry);

/*
 * Makes the table in memory owned by the caller: free() it. False without memory or when it would
 * be larger than offsets of 32 bits reach. The builder may only be freed after it.
 */
bool mib_builder_finish(struct mib_builder *b, uint8_t **ret_bytes, size_t *ret_len);

#endif
