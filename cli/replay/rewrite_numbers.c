/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/rewrite_numbers.h"

#include <pthread.h>
#include <stdlib.h>

#include "sr/hash.h"

#include "sr/banned.h"

#define PART_BITS 22U
#define PARTS 1024U /* 2^32 numbers */
#define SLOTS 2048U /* of the table of numberings: half of them stay empty */
#define NONE UINT32_MAX
#define STEP_MAX 65536U /* units of one message, where only the recorded numbers tell */

/* A message: its number within the part, and the datagram it was in. */
struct entry {
    uint32_t offset;
    uint32_t datagram;
};

/* Some of the numbers of one numbering; entries in the order of their numbers. */
struct part {
    uint32_t owner; /* index of a numbering, NONE: free */
    uint32_t count, room;
    struct entry *entries;
};

struct numbering {
    struct rewrite_numbering key;
    bool is_used;
    bool has_begun;
    bool is_unknown; /* how many units the last message held */
    uint32_t next;   /* from the start of the ring */
    uint32_t last_recorded;
    uint32_t last; /* the number of the last message */
};

struct rewrite_numbers {
    uint32_t first;
    uint32_t count; /* of numberings */
    struct numbering table[SLOTS];
    pthread_mutex_t lock; /* of what follows */
    struct part parts[PARTS];
};

struct rewrite_numbers *
rewrite_numbers_new(uint32_t first)
{
    struct rewrite_numbers *n = calloc(1, sizeof(*n));

    if (n == NULL) {
        return NULL;
    }
    n->first = first;
    (void)pthread_mutex_init(&n->lock, NULL);
    for (unsigned i = 0; i < PARTS; i++) {
        n->parts[i].owner = NONE;
    }
    return n;
}

void
rewrite_numbers_free(struct rewrite_numbers *n)
{
    if (n == NULL) {
        return;
    }
    for (unsigned i = 0; i < PARTS; i++) {
        free(n->parts[i].entries);
    }
    (void)pthread_mutex_destroy(&n->lock);
    free(n);
}

static bool
is_same(const struct rewrite_numbering *a, const struct rewrite_numbering *b)
{
    return a->source == b->source && a->domain == b->domain && a->version == b->version;
}

/* The numbering, which is made when it is new; NULL when there are too many. */
static struct numbering *
find_numbering(struct rewrite_numbers *n, const struct rewrite_numbering *of)
{
    uint64_t hash =
        sr_hash_mix(((uint64_t)of->source << 32 | of->domain) ^ (uint64_t)of->version << 56);
    size_t slot = (size_t)hash % SLOTS;

    while (n->table[slot].is_used && !is_same(&n->table[slot].key, of)) {
        slot = (slot + 1) % SLOTS;
    }
    struct numbering *found = &n->table[slot];
    if (!found->is_used) {
        if (n->count == REWRITE_NUMBERINGS_MAX) {
            return NULL;
        }
        n->count++;
        *found = (struct numbering){ .key = *of, .is_used = true };
    }
    return found;
}

static uint32_t
reverse(uint32_t index)
{
    uint32_t reversed = 0;

    for (uint32_t bit = 1; bit < PARTS; bit <<= 1) {
        reversed = reversed << 1 | ((index & bit) != 0);
    }
    return reversed;
}

/* A free part, far from those that are taken: each has room to grow into. NONE: there is none. */
static uint32_t
find_free(const struct rewrite_numbers *n)
{
    for (uint32_t i = 0; i < PARTS; i++) {
        if (n->parts[reverse(i)].owner == NONE) {
            return reverse(i);
        }
    }
    return NONE;
}

/* Makes the part of the next number this numbering's, or goes on in another one. */
static bool
own_part(struct rewrite_numbers *n, struct numbering *of)
{
    uint32_t owner = (uint32_t)(of - n->table);
    uint32_t part = of->next >> PART_BITS;

    if (of->has_begun && n->parts[part].owner == owner) {
        return true;
    }
    if (!of->has_begun || n->parts[part].owner != NONE) {
        part = find_free(n);
        if (part == NONE) {
            return false;
        }
        of->next = part << PART_BITS;
    }
    n->parts[part].owner = owner;
    return true;
}

bool
rewrite_numbers_next(struct rewrite_numbers *n, const struct rewrite_numbering *of,
    uint32_t recorded, uint32_t *ret_sequence)
{
    struct numbering *found = find_numbering(n, of);

    if (found == NULL) {
        return false;
    }
    uint32_t step = recorded - found->last_recorded;
    if (found->is_unknown && step < STEP_MAX && found->last + step > found->next) {
        found->next = found->last + step;
    }
    (void)pthread_mutex_lock(&n->lock);
    bool owned = own_part(n, found);
    (void)pthread_mutex_unlock(&n->lock);
    if (!owned) {
        return false;
    }
    found->has_begun = true;
    found->is_unknown = false;
    found->last_recorded = recorded;
    found->last = found->next;
    *ret_sequence = n->first + found->next;
    return true;
}

static bool
add_entry(struct part *p, uint32_t offset, uint32_t datagram)
{
    if (datagram == REWRITE_UNMARKED) {
        return true;
    }
    if (p->count > 0 && p->entries[p->count - 1].offset == offset) {
        return true; /* a message without units before it: what follows has its records */
    }
    if (p->count == p->room) {
        uint32_t room = p->room > 0 ? p->room * 2 : 64;
        struct entry *entries = realloc(p->entries, room * sizeof(*entries));
        if (entries == NULL) {
            return false;
        }
        p->entries = entries;
        p->room = room;
    }
    p->entries[p->count++] = (struct entry){ offset, datagram };
    return true;
}

bool
rewrite_numbers_take(struct rewrite_numbers *n, const struct rewrite_numbering *of, uint32_t units,
    bool is_unknown, uint32_t datagram)
{
    struct numbering *found = find_numbering(n, of);
    bool added = found != NULL && found->has_begun;

    if (added && (units > 0 || is_unknown)) {
        (void)pthread_mutex_lock(&n->lock);
        added = add_entry(&n->parts[found->last >> PART_BITS],
            found->last & ((UINT32_C(1) << PART_BITS) - 1), datagram);
        (void)pthread_mutex_unlock(&n->lock);
        found->next = found->last + units;
        found->is_unknown = is_unknown;
    }
    return added;
}

/* The last entry whose number is not larger, if it is the number itself. */
static const struct entry *
search(const struct part *p, uint32_t offset)
{
    uint32_t low = 0, high = p->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->entries[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < p->count && p->entries[low].offset == offset ? &p->entries[low] : NULL;
}

bool
rewrite_numbers_find(struct rewrite_numbers *n, uint32_t sequence, uint16_t version,
    uint32_t domain, uint32_t *ret_datagram)
{
    uint32_t at = sequence - n->first;
    bool found = false;

    (void)pthread_mutex_lock(&n->lock);
    const struct part *p = &n->parts[at >> PART_BITS];
    if (p->owner != NONE) {
        const struct rewrite_numbering *key = &n->table[p->owner].key;
        const struct entry *e = search(p, at & ((UINT32_C(1) << PART_BITS) - 1));
        if (e != NULL && key->version == version && (domain == 0 || key->domain == domain)) {
            *ret_datagram = e->datagram;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&n->lock);
    return found;
}
