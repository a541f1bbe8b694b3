/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/window.h"

#include <string.h>

static struct sr_inflight *
slot_of(struct sr_window *w, uint64_t number)
{
    return &w->slots[number % SR_WINDOW_MESSAGES];
}

void
sr_window_reset(struct sr_window *w, uint64_t first)
{
    memset(w, 0, sizeof(*w));
    w->head = first;
    w->next = first;
    w->narrowed_at = first;
    w->limit = SR_WINDOW_MESSAGES;
    w->bytes_limit = SR_WINDOW_BYTES;
    w->threshold = SR_WINDOW_MESSAGES_MIN;
}

bool
sr_window_has_room(const struct sr_window *w, size_t bytes)
{
    if (w->messages >= w->limit) {
        return false;
    }
    return w->messages == 0 || w->bytes + bytes <= w->bytes_limit;
}

struct sr_inflight *
sr_window_push(struct sr_window *w, size_t bytes)
{
    /* A message that waits for long keeps its slot: the numbers that fall on it are left out. */
    while (slot_of(w, w->next)->owner != NULL) {
        w->next++;
    }
    struct sr_inflight *m = slot_of(w, w->next);

    *m = (struct sr_inflight){ .number = w->next, .bytes = (uint32_t)bytes };
    w->next++;
    w->messages++;
    w->bytes += bytes;
    return m;
}

struct sr_inflight *
sr_window_find(struct sr_window *w, uint64_t number)
{
    if (number < w->head || number >= w->next) {
        return NULL;
    }
    struct sr_inflight *m = slot_of(w, number);
    return m->owner != NULL && m->number == number ? m : NULL;
}

void
sr_window_release(struct sr_window *w, struct sr_inflight *m)
{
    m->owner = NULL;
    w->messages--;
    w->bytes -= m->bytes;
    while (w->head < w->next && sr_window_find(w, w->head) == NULL) {
        w->head++;
    }
}

static uint32_t
half(uint32_t messages)
{
    return messages / 2 > SR_WINDOW_MESSAGES_MIN ? messages / 2 : SR_WINDOW_MESSAGES_MIN;
}

void
sr_window_narrow(struct sr_window *w, uint64_t number)
{
    if (number < w->narrowed_at) {
        return; /* sent before the limit was halved: that answered to it already */
    }
    w->narrowed_at = w->next;
    w->acknowledged = 0;
    w->limit = half(w->limit);
    w->threshold = w->limit;
}

void
sr_window_collapse(struct sr_window *w)
{
    w->narrowed_at = w->next;
    w->acknowledged = 0;
    w->limit = SR_WINDOW_MESSAGES_MIN;
    w->threshold = half(w->messages);
}

void
sr_window_widen(struct sr_window *w)
{
    if (w->limit < w->threshold) {
        w->limit++;
        return;
    }
    if (w->limit == SR_WINDOW_MESSAGES || ++w->acknowledged < w->limit) {
        return;
    }
    w->acknowledged = 0;
    w->limit += SR_WINDOW_MESSAGES_MIN;
    if (w->limit > SR_WINDOW_MESSAGES) {
        w->limit = SR_WINDOW_MESSAGES;
    }
}

struct sr_inflight *
sr_window_oldest(struct sr_window *w)
{
    return w->messages > 0 ? slot_of(w, w->head) : NULL;
}
