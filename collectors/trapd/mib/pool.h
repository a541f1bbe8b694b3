/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_MIB_POOL_H_INCLUDED
#define TRAPD_MIB_POOL_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Records of bytes behind each other, each different one once. All zero bytes is an empty pool. */
struct mib_pool {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    struct mib_pool_slot *slots; /* a hash table; its size is a power of two */
    size_t slot_count;
    size_t used;
};

/*
 * Where the record is in the pool, after it was added if it was not there. `size` is at least 1.
 * False without memory or when the pool would pass 2^31 bytes.
 */
bool mib_pool_add(struct mib_pool *pool, const void *record, size_t size, uint32_t *ret_offset);

/* Frees the memory and empties the pool. */
void mib_pool_done(struct mib_pool *pool);

#endif
