/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/fair.h"

#include <stddef.h>
#include <string.h>

#include "sr/hash.h"

#include "sr/banned.h"

#define WINDOW_SHIFT 32U                    /* nanoseconds: 4.3 s */
#define EMERGENCIES (SR_FAIR_SHEDDING + 7U) /* the level from which these are shed */

/* Goes over to the window of now. */
static void
roll(struct sr_fair_sent *s, uint64_t window)
{
    if (s->window != window) {
        s->before = s->window + 1 == window ? s->now : 0;
        s->now = 0;
        s->window = window;
    }
}

/* The place of the address in its set, else that of the one which sent least, made its own. */
static struct sr_fair_source *
find(struct sr_fair *f, const struct sr_peer *peer, uint64_t window)
{
    struct sr_fair_source *set =
        f->places[sr_hash_address(f->seed, peer->address, peer->is_v6) % SR_FAIR_SETS];
    struct sr_fair_source *least = &set[0];

    for (size_t i = 0; i < SR_FAIR_WAYS; i++) {
        struct sr_fair_source *s = &set[i];
        roll(&s->cost, window);
        if (s->is_v6 == peer->is_v6 && memcmp(s->address, peer->address, sizeof(s->address)) == 0) {
            return s;
        }
        if (s->cost.now + s->cost.before < least->cost.now + least->cost.before) {
            least = s;
        }
    }
    *least = (struct sr_fair_source){ .is_v6 = peer->is_v6, .cost.window = window };
    memcpy(least->address, peer->address, sizeof(least->address));
    return least;
}

/* True when it sends half of what sources send on average, or more. */
static bool
count(struct sr_fair *f, const struct sr_peer *peer, uint64_t cost, uint64_t window)
{
    roll(&f->cost, window);
    roll(&f->sources, window);
    struct sr_fair_source *s = find(f, peer, window);
    f->sources.now += s->cost.now == 0 ? 1 : 0;
    f->cost.now += cost;
    s->cost.now += cost;
    uint64_t sources = f->sources.now > f->sources.before ? f->sources.now : f->sources.before;
    if (sources == 0) { /* it was counted in a window to which a clock has come back */
        sources = f->sources.now = 1;
    }
    return s->cost.now + s->cost.before >= (f->cost.now + f->cost.before) / sources / 2;
}

bool
sr_fair_sheds(struct sr_fair *f, unsigned level, unsigned severity, const struct sr_peer *peer,
    uint64_t cost, uint64_t now_ns)
{
    if (level < SR_FAIR_PRESSED) {
        return false;
    }
    return count(f, peer, cost, now_ns >> WINDOW_SHIFT) && level + severity >= EMERGENCIES;
}

unsigned
sr_fair_level(uint64_t used, uint64_t left)
{
    uint64_t all = used + left;

    return all > 0 ? (unsigned)(used * SR_FAIR_FULL / all) : SR_FAIR_FULL;
}
