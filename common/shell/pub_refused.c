/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/pub_refused.h"

#include "sr/buf.h"
#include "sr/clock.h"
#include "sr/deadletter.h"
#include "sr/request.h"

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

/* How much of a record its dead letter may hold: a larger one would be refused in its turn. */
static size_t
cut_for(size_t max_payload, struct sr_span attributes)
{
    size_t headers = PUB_HEADER_BYTES + SR_DEADLETTER_OVERHEAD + attributes.len;
    size_t room = max_payload > headers ? max_payload - headers : 0;

    return room < SR_DEADLETTER_CUT ? room : SR_DEADLETTER_CUT;
}

bool
pub_refused_move(
    const struct sr_entry *e, enum sr_refusal refusal, struct sr_lane *dead, size_t max_payload)
{
    uint64_t now_ns = sr_clock_wall_ns();
    struct sr_span headers = e->attributes;
    uint8_t id[SR_REQUEST_ID_LEN];

    (void)sr_request_of(headers, id, &headers);
    size_t most = cut_for(max_payload, headers);
    struct sr_span cut = { e->body.data, e->body.len < most ? e->body.len : most };
    size_t max = headers.len + SR_DEADLETTER_OVERHEAD + cut.len;
    uint8_t *room = sr_lane_reserve(dead, max, now_ns);
    if (room == NULL) {
        return false;
    }
    struct sr_buf b = sr_buf_over(room, max);
    sr_buf_add(&b, headers.data, headers.len);
    size_t attributes =
        headers.len + sr_deadletter_write(&b, sr_refusal_reason(refusal), NULL, now_ns, cut);
    sr_lane_commit(dead, b.len, attributes, e->records);
    return true;
}
