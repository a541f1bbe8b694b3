/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/share.h"

#include "sr/banned.h"

static uint64_t
above(uint64_t value, uint64_t limit)
{
    return value > limit ? value - limit : 0;
}

static uint64_t
guaranteed(const struct sr_share *s)
{
    return s->total / 2 / s->listeners;
}

static uint64_t
more_common(const struct sr_share *s, unsigned listener, uint64_t size)
{
    uint64_t used = s->listener_used[listener];

    return above(used + size, guaranteed(s)) - above(used, guaranteed(s));
}

bool
sr_share_take(struct sr_share *s, unsigned listener, bool dead, uint64_t size)
{
    uint64_t more = more_common(s, listener, size);

    if (dead && s->dead_used + size > s->total / SR_SHARE_DEAD_PART) {
        return false;
    }
    if (more > 0 && s->common_used + more > s->total - s->total / 2) {
        return false;
    }
    sr_share_force(s, listener, dead, size);
    return true;
}

uint64_t
sr_share_left(const struct sr_share *s, unsigned listener)
{
    return above(guaranteed(s), s->listener_used[listener]) +
           above(s->total - s->total / 2, s->common_used);
}

void
sr_share_force(struct sr_share *s, unsigned listener, bool dead, uint64_t size)
{
    s->common_used += more_common(s, listener, size);
    s->listener_used[listener] += size;
    s->dead_used += dead ? size : 0;
    s->used += size;
}

void
sr_share_give(struct sr_share *s, unsigned listener, bool dead, uint64_t size)
{
    s->listener_used[listener] -= size;
    s->common_used -= more_common(s, listener, size);
    s->dead_used -= dead ? size : 0;
    s->used -= size;
}
