/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/index.h"

#include <string.h>

#include "sr/banned.h"

enum { FIRST_CAPACITY = 8 };

void
nf_order_add(struct nf_order *o, struct nf_node *node)
{
    node->newer = NULL;
    node->older = o->newest;
    if (o->newest != NULL) {
        o->newest->newer = node;
    } else {
        o->oldest = node;
    }
    o->newest = node;
}

void
nf_order_remove(struct nf_order *o, struct nf_node *node)
{
    if (node->newer != NULL) {
        node->newer->older = node->older;
    } else {
        o->newest = node->older;
    }
    if (node->older != NULL) {
        node->older->newer = node->newer;
    } else {
        o->oldest = node->newer;
    }
}

/* The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): each bit of the key reaches all. */
uint32_t
nf_index_hash(uint64_t salt, uint64_t key)
{
    uint64_t h = key ^ salt;

    h = (h ^ (h >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(h ^ (h >> 31));
}

static uint32_t
home(const struct nf_index *index, uint64_t salt, uint64_t key)
{
    return nf_index_hash(salt, key) & (index->capacity - 1);
}

struct nf_node **
nf_index_find(const struct nf_index *index, uint64_t salt, uint64_t key)
{
    if (index->count == 0) {
        return NULL;
    }
    uint32_t i = home(index, salt, key);
    while (index->slots[i] != NULL) {
        if (index->slots[i]->key == key) {
            return &index->slots[i];
        }
        i = (i + 1) & (index->capacity - 1);
    }
    return NULL;
}

void
nf_index_insert(struct nf_index *index, uint64_t salt, struct nf_node *node)
{
    uint32_t i = home(index, salt, node->key);

    while (index->slots[i] != NULL) {
        i = (i + 1) & (index->capacity - 1);
    }
    index->slots[i] = node;
    index->count++;
}

bool
nf_index_reserve(struct nf_index *index, uint64_t salt, const struct nf_memory *memory)
{
    /* At most three quarters full: searches end at a free slot soon. */
    if ((index->count + 1) * UINT64_C(4) <= index->capacity * UINT64_C(3)) {
        return true;
    }
    struct nf_index larger = { 0 };
    larger.capacity = index->capacity > 0 ? index->capacity * 2 : FIRST_CAPACITY;
    size_t size = larger.capacity * sizeof(struct nf_node *);
    larger.slots = memory->take(memory->arg, size);
    if (larger.slots == NULL) {
        return false;
    }
    memset(larger.slots, 0, size);
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->slots[i] != NULL) {
            nf_index_insert(&larger, salt, index->slots[i]);
        }
    }
    nf_index_free(index, memory);
    *index = larger;
    return true;
}

void
nf_index_remove(struct nf_index *index, uint64_t salt, struct nf_node **slot)
{
    uint32_t mask = index->capacity - 1;
    uint32_t hole = (uint32_t)(slot - index->slots);

    index->slots[hole] = NULL;
    index->count--;
    /* What was pushed behind the hole moves up, so that no search ends before it. */
    for (uint32_t i = (hole + 1) & mask; index->slots[i] != NULL; i = (i + 1) & mask) {
        uint32_t from_home = (i - home(index, salt, index->slots[i]->key)) & mask;
        uint32_t from_hole = (i - hole) & mask;
        if (from_home >= from_hole) {
            index->slots[hole] = index->slots[i];
            index->slots[i] = NULL;
            hole = i;
        }
    }
}

void
nf_index_free(struct nf_index *index, const struct nf_memory *memory)
{
    if (index->slots != NULL) {
        memory->give(memory->arg, index->slots, index->capacity * sizeof(struct nf_node *));
    }
    *index = (struct nf_index){ 0 };
}
