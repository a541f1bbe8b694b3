/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/pub_refused.h"

#include "sr/banned.h"

bool
pub_refused_add(struct pub_refused *r, const struct sr_entry *e, enum sr_refusal refusal)
{
    if (r->count == PUB_REFUSED_MAX) {
        return false;
    }
    r->items[r->count].segment = e->segment;
    r->items[r->count].index = e->index;
    r->items[r->count++].refusal = refusal;
    return true;
}

bool
pub_refused_has(const struct pub_refused *r, const struct sr_entry *e)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (r->items[i].segment == e->segment && r->items[i].index == e->index) {
            return true;
        }
    }
    return false;
}

bool
pub_refused_take(struct pub_refused *r, struct sr_lane *lane, struct sr_entry *ret_entry,
    enum sr_refusal *ret_refusal)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (sr_lane_is_oldest(lane, r->items[i].segment, r->items[i].index)) {
            sr_segment_entry(r->items[i].segment, r->items[i].index, ret_entry);
            *ret_refusal = r->items[i].refusal;
            r->items[i] = r->items[--r->count];
            return true;
        }
    }
    return false;
}
