/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_INDEX_H_INCLUDED
#define NETFLOW_DECODE_INDEX_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/memory.h"

/*
 * Finding things by a number, and keeping them in the order of their use. Both are made of a node
 * that is the first member of the thing; neither owns the thing.
 */
struct nf_node {
    uint64_t key;
    struct nf_node *newer, *older;
};

/* ---- Order of use: a list. All zero: empty. ---- */

struct nf_order {
    struct nf_node *newest, *oldest;
};

void nf_order_add(struct nf_order *o, struct nf_node *node); /* as the newest */
void nf_order_remove(struct nf_order *o, struct nf_node *node);

/* Makes a node the newest. */
static inline void
nf_order_touch(struct nf_order *o, struct nf_node *node)
{
    if (o->newest != node) {
        nf_order_remove(o, node);
        nf_order_add(o, node);
    }
}

/*
 * ---- By key: a hash table with open addressing. All zero: empty. ----
 *
 * Keys come from exporters: `salt`, which must be the same for all calls with one index, is what
 * they do not know, so that they cannot choose keys that all meet in one place.
 */

struct nf_index {
    struct nf_node **slots; /* a power of two of them; NULL: no node */
    uint32_t capacity, count;
};

/* A number that each bit of the key and of the salt has a part in. */
uint32_t nf_index_hash(uint64_t salt, uint64_t key);

/* The slot of a key, NULL when there is none. The caller may put another node of the same key
 * there. Valid until the next insert or remove. */
struct nf_node **nf_index_find(const struct nf_index *index, uint64_t salt, uint64_t key);

/* Makes room for one more. False without memory: then nothing has changed. */
bool nf_index_reserve(struct nf_index *index, uint64_t salt, const struct nf_memory *memory);

/* There must be room, and no node of that key. */
void nf_index_insert(struct nf_index *index, uint64_t salt, struct nf_node *node);

/* Frees a slot that nf_index_find() returned, or that is not NULL. Nodes behind may move to it and
 * to others behind it, cyclically, never before it. */
void nf_index_remove(struct nf_index *index, uint64_t salt, struct nf_node **slot);

/* Gives the table back; the nodes are the caller's. */
void nf_index_free(struct nf_index *index, const struct nf_memory *memory);

#endif
