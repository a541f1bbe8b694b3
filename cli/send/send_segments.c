/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_segments.h"

#include "sr/banned.h"

static bool
is_same(const struct send_item *a, const struct send_item *b)
{
    return a->source == b->source && a->port == b->port;
}

static bool
is_before(const struct send_item *a, const struct send_item *b)
{
    return a->source != b->source ? a->source < b->source : a->port < b->port;
}

/* Sorting by insertion keeps the order of equals, and does nothing where one source sends. */
void
send_order(const struct send_item *items, size_t count, uint8_t *order)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;

        for (; at > 0 && is_before(&items[i], &items[order[at - 1]]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = (uint8_t)i;
    }
}

size_t
send_same(const struct send_item *items, const uint8_t *order, size_t count)
{
    size_t same = count > 0;

    while (same < count && is_same(&items[order[0]], &items[order[same]])) {
        same++;
    }
    return same;
}

/* How many datagrams from the first on make one piece. */
static size_t
piece_count(const struct send_item *items, const uint8_t *order, size_t count)
{
    size_t size = items[order[0]].bytes.len;
    size_t bytes = size;
    size_t n = 1;

    if (size == 0 || size > SEND_PIECE_MAX) {
        return 1;
    }
    while (n < count && n < SEND_SEGMENTS_MAX) {
        size_t len = items[order[n]].bytes.len;

        if (len == 0 || len > size || bytes + len > SEND_PIECE_MAX) {
            break;
        }
        bytes += len;
        n++;
        if (len < size) {
            break; /* a shorter one is the last */
        }
    }
    return n;
}

size_t
send_cut(const struct send_item *items, const uint8_t *order, size_t count, bool segment,
    struct send_piece *pieces)
{
    size_t n = 0;

    for (size_t at = 0; at < count;) {
        size_t take = segment ? piece_count(items, order + at, count - at) : 1;

        pieces[n++] = (struct send_piece){
            .first = (uint16_t)at,
            .count = (uint16_t)take,
            .size = take > 1 ? (uint16_t)items[order[at]].bytes.len : 0,
        };
        at += take;
    }
    return n;
}
