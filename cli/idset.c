/* SPDX-License-Identifier: Apache-2.0 */
#include "idset.h"

#include <stdlib.h>

#include "sr/banned.h"

/* FNV-1a, then the finisher of MurmurHash3, since ids that count up differ only in a few bits. */
static uint64_t
hash(const char *text)
{
    uint64_t h = 14695981039346656037ULL;

    for (; *text != '\0'; text++) {
        h = (h ^ (uint8_t)*text) * 1099511628211ULL;
    }
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return h ^ h >> 33;
}

void
idset_add(struct idset *set, const char *text)
{
    if (set->count == set->cap) {
        size_t cap = set->cap == 0 ? 1024 : set->cap * 2;
        uint64_t *grown =
            cap > SIZE_MAX / sizeof(*grown) ? NULL : realloc(set->hashes, cap * sizeof(*grown));
        if (grown == NULL) {
            set->failed = true;
            return;
        }
        set->hashes = grown;
        set->cap = cap;
    }
    set->hashes[set->count++] = hash(text);
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

size_t
idset_distinct(struct idset *set)
{
    size_t distinct = 0;

    if (set->count > 0) {
        qsort(set->hashes, set->count, sizeof(*set->hashes), compare);
    }
    for (size_t i = 0; i < set->count; i++) {
        distinct += i == 0 || set->hashes[i] != set->hashes[i - 1];
    }
    return distinct;
}

void
idset_done(struct idset *set)
{
    free(set->hashes);
    *set = (struct idset){ .hashes = NULL };
}
