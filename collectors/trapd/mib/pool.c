/* SPDX-License-Identifier: Apache-2.0 */
#include "mib/pool.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define POOL_MAX ((size_t)1 << 31)
#define FIRST_SLOTS 1024
#define FIRST_BYTES 4096

struct mib_pool_slot {
    uint32_t hash;
    uint32_t offset;
    uint32_t size; /* 0: free */
};

/* FNV-1a. */
static uint32_t
hash_of(const uint8_t *bytes, size_t size)
{
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    }
    return hash;
}

/* The slot of the record, or the free one where it belongs. */
static struct mib_pool_slot *
find_slot(const struct mib_pool *pool, const void *record, size_t size, uint32_t hash)
{
    size_t mask = pool->slot_count - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct mib_pool_slot *slot = &pool->slots[i];
        if (slot->size == 0 || (slot->hash == hash && slot->size == size &&
                                   memcmp(pool->bytes + slot->offset, record, size) == 0)) {
            return slot;
        }
    }
}

static bool
grow_slots(struct mib_pool *pool)
{
    size_t count = pool->slot_count > 0 ? pool->slot_count * 2 : FIRST_SLOTS;
    struct mib_pool_slot *slots = calloc(count, sizeof(*slots));

    if (slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < pool->slot_count; i++) {
        size_t to = pool->slots[i].hash & (count - 1);
        while (slots[to].size != 0) {
            to = (to + 1) & (count - 1);
        }
        if (pool->slots[i].size != 0) {
            slots[to] = pool->slots[i];
        }
    }
    free(pool->slots);
    pool->slots = slots;
    pool->slot_count = count;
    return true;
}

static bool
grow_bytes(struct mib_pool *pool, size_t size)
{
    size_t cap = pool->cap > 0 ? pool->cap : FIRST_BYTES;

    if (size > POOL_MAX - pool->len) {
        return false;
    }
    while (cap < pool->len + size) {
        cap *= 2;
    }
    uint8_t *bytes = realloc(pool->bytes, cap);
    if (bytes == NULL) {
        return false;
    }
    pool->bytes = bytes;
    pool->cap = cap;
    return true;
}

bool
mib_pool_add(struct mib_pool *pool, const void *record, size_t size, uint32_t *ret_offset)
{
    uint32_t hash = hash_of(record, size);

    if (pool->used * 2 >= pool->slot_count && !grow_slots(pool)) {
        return false;
    }
    struct mib_pool_slot *slot = find_slot(pool, record, size, hash);
    if (slot->size == 0) {
        if (size > pool->cap - pool->len && !grow_bytes(pool, size)) {
            return false;
        }
        memcpy(pool->bytes + pool->len, record, size);
        *slot = (struct mib_pool_slot){ hash, (uint32_t)pool->len, (uint32_t)size };
        pool->len += size;
        pool->used++;
    }
    *ret_offset = slot->offset;
    return true;
}

void
mib_pool_done(struct mib_pool *pool)
{
    free(pool->bytes);
    free(pool->slots);
    *pool = (struct mib_pool){ 0 };
}
