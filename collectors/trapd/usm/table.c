/* SPDX-License-Identifier: Apache-2.0 */
#include "usm/table.h"

#include <stdlib.h>
#include <string.h>

#include "decode/v3.h"

#include "sr/banned.h"

#define NONE USM_TABLE_NONE

struct slot {
    uint32_t owner;
    uint32_t hash;
    uint32_t next;         /* of its bucket */
    uint32_t newer, older; /* by when it was asked for */
    uint8_t len;
    uint8_t engine_id[V3_ENGINE_ID_MAX];
};

struct usm_table {
    struct slot *slots;
    uint32_t *buckets; /* the first slot of each */
    uint32_t max, count;
    uint32_t mask;
    uint32_t newest, oldest;
};

struct usm_table *
usm_table_new(uint32_t max)
{
    struct usm_table *table;
    uint32_t buckets = 1;

    if (max == 0 || max > USM_TABLE_MAX || (table = calloc(1, sizeof(*table))) == NULL) {
        return NULL;
    }
    while (buckets < max) {
        buckets *= 2;
    }
    table->max = max;
    table->mask = buckets - 1;
    table->slots = calloc(max, sizeof(*table->slots));
    table->buckets = malloc(buckets * sizeof(*table->buckets));
    if (table->slots == NULL || table->buckets == NULL) {
        usm_table_free(table);
        return NULL;
    }
    usm_table_clear(table);
    return table;
}

void
usm_table_free(struct usm_table *table)
{
    if (table != NULL) {
        free(table->slots);
        free(table->buckets);
        free(table);
    }
}

void
usm_table_clear(struct usm_table *table)
{
    memset(table->buckets, 0xff, ((size_t)table->mask + 1) * sizeof(*table->buckets));
    table->count = 0;
    table->newest = NONE;
    table->oldest = NONE;
}

uint32_t
usm_table_count(const struct usm_table *table)
{
    return table->count;
}

struct sr_span
usm_table_engine(const struct usm_table *table, uint32_t slot)
{
    return (struct sr_span){ table->slots[slot].engine_id, table->slots[slot].len };
}

/* FNV-1a. Nobody without a key gets an id into the table, so nobody can fill one bucket. */
static uint32_t
hash_of(uint32_t owner, struct sr_span engine_id)
{
    uint32_t hash = (2166136261U ^ owner) * 16777619U;

    for (size_t i = 0; i < engine_id.len; i++) {
        hash = (hash ^ engine_id.data[i]) * 16777619U;
    }
    return hash ^ hash >> 15;
}

static void
unlink_slot(struct usm_table *table, uint32_t i)
{
    struct slot *slot = &table->slots[i];

    if (slot->newer == NONE) {
        table->newest = slot->older;
    } else {
        table->slots[slot->newer].older = slot->older;
    }
    if (slot->older == NONE) {
        table->oldest = slot->newer;
    } else {
        table->slots[slot->older].newer = slot->newer;
    }
}

static void
link_newest(struct usm_table *table, uint32_t i)
{
    struct slot *slot = &table->slots[i];

    slot->newer = NONE;
    slot->older = table->newest;
    if (table->newest == NONE) {
        table->oldest = i;
    } else {
        table->slots[table->newest].newer = i;
    }
    table->newest = i;
}

static bool
is_of(const struct slot *slot, uint32_t owner, struct sr_span engine_id)
{
    return slot->owner == owner && slot->len == engine_id.len &&
           (engine_id.len == 0 || memcmp(slot->engine_id, engine_id.data, engine_id.len) == 0);
}

uint32_t
usm_table_find(struct usm_table *table, uint32_t owner, struct sr_span engine_id)
{
    uint32_t i = table->buckets[hash_of(owner, engine_id) & table->mask];

    while (i != NONE && !is_of(&table->slots[i], owner, engine_id)) {
        i = table->slots[i].next;
    }
    if (i != NONE && i != table->newest) {
        unlink_slot(table, i);
        link_newest(table, i);
    }
    return i;
}

static uint32_t
give_up_oldest(struct usm_table *table)
{
    uint32_t oldest = table->oldest;
    const struct slot *slot = &table->slots[oldest];
    uint32_t *at = &table->buckets[slot->hash & table->mask];

    while (*at != oldest) {
        at = &table->slots[*at].next;
    }
    *at = slot->next;
    unlink_slot(table, oldest);
    return oldest;
}

uint32_t
usm_table_add(struct usm_table *table, uint32_t owner, struct sr_span engine_id, bool *ret_is_taken)
{
    bool is_taken = table->count == table->max;
    uint32_t i = is_taken ? give_up_oldest(table) : table->count++;
    struct slot *slot = &table->slots[i];

    slot->owner = owner;
    slot->hash = hash_of(owner, engine_id);
    slot->len = (uint8_t)engine_id.len;
    if (engine_id.len > 0) {
        memcpy(slot->engine_id, engine_id.data, engine_id.len);
    }
    slot->next = table->buckets[slot->hash & table->mask];
    table->buckets[slot->hash & table->mask] = i;
    link_newest(table, i);
    *ret_is_taken = is_taken;
    return i;
}
