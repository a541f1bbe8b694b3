/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/tz.h"

#include <string.h>

#include "sr/banned.h"

uint32_t
tz_hash(struct sr_span name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ name.data[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

bool
tz_find(const struct tz_table *table, struct sr_span name, uint16_t *ret_zone)
{
    if (table == NULL || name.len == 0 || name.len > table->longest) {
        return false;
    }
    for (size_t at = tz_hash(name) & table->slot_mask; table->slots[at] != TZ_EMPTY_SLOT;
         at = (at + 1) & table->slot_mask) {
        const struct tz_name *n = &table->names[table->slots[at]];
        if (n->len == name.len && memcmp(table->text + n->text, name.data, name.len) == 0) {
            *ret_zone = n->zone;
            return true;
        }
    }
    return false;
}

int64_t
tz_to_utc(const struct tz_table *table, uint16_t zone, int64_t local)
{
    const struct tz_zone *z = &table->zones[zone];
    const int64_t *starts = table->local + z->first;
    size_t low = 0; /* transitions before `low` have happened, from `high` on they have not */
    size_t high = z->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (starts[middle] <= local) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return local - (low == 0 ? z->before : table->offset[z->first + low - 1]);
}
