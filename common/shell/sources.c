/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/sources.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sr/clock.h"
#include "sr/hash.h"
#include "sr/rate.h"

#include "sr/banned.h"

#define WAYS 8U /* places that an address can have */
#define SETS (SR_SOURCES_MAX / WAYS)
#define LOCKS 64U /* each guards the sets whose number it divides to the same rest */

struct source {
    uint8_t address[16];
    bool is_v6;
    struct sr_rate rate; /* never refilled: the place is free */
    uint64_t refused;
};

struct sr_sources {
    uint64_t seed; /* so that nobody can tell which addresses share a set */
    pthread_mutex_t locks[LOCKS];
    struct source places[SETS][WAYS];
};

struct sr_sources *
sr_sources_new(void)
{
    struct sr_sources *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return NULL;
    }
    t->seed = sr_clock_random_u64();
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&t->locks[i], NULL);
    }
    return t;
}

void
sr_sources_free(struct sr_sources *t)
{
    for (size_t i = 0; t != NULL && i < LOCKS; i++) {
        (void)pthread_mutex_destroy(&t->locks[i]);
    }
    free(t);
}

static size_t
set_of(const struct sr_sources *t, const struct sr_peer *peer)
{
    return sr_hash_address(t->seed, peer->address, peer->is_v6) % SETS;
}

/* What an input is asked for: the same for all sources of a call. */
struct asked {
    const struct sr_peer *peer;
    uint64_t per_second, burst, now_ns;
};

static bool
is_of(const struct source *s, const struct sr_peer *peer)
{
    return s->rate.last_ns != 0 && s->is_v6 == peer->is_v6 &&
           memcmp(s->address, peer->address, sizeof(s->address)) == 0;
}

/* What it may send now. Who was heard of in times to come is as good as new: a clock was set back.
 */
static uint64_t
credit(const struct source *s, const struct asked *a)
{
    struct sr_rate rate = s->rate;

    if (rate.last_ns > a->now_ns) {
        rate.last_ns = 0;
    }
    (void)sr_rate_refill_to(&rate, a->per_second, a->burst, a->now_ns);
    return rate.credit;
}

/* The place that goes first. */
static struct source *
spare(struct source places[WAYS], const struct asked *a)
{
    struct source *best = &places[0];
    uint64_t most = 0;

    for (size_t i = 0; i < WAYS; i++) {
        struct source *s = &places[i];
        uint64_t may = credit(s, a);
        if (may > most) {
            best = s;
            most = may;
        }
    }
    return best;
}

/* The place of the address in its set, made where there is none. */
static struct source *
find(struct source places[WAYS], const struct asked *a)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (is_of(&places[i], a->peer)) {
            return &places[i];
        }
    }
    struct source *s = spare(places, a);
    *s = (struct source){ .is_v6 = a->peer->is_v6 };
    memcpy(s->address, a->peer->address, sizeof(s->address));
    return s;
}

bool
sr_sources_admit(struct sr_sources *t, const struct sr_peer *peer, uint64_t per_second,
    uint64_t burst, uint64_t now_ns)
{
    const struct asked asked = { peer, per_second, burst, now_ns };
    size_t set = set_of(t, peer);
    pthread_mutex_t *lock = &t->locks[set % LOCKS];

    (void)pthread_mutex_lock(lock);
    struct source *s = find(t->places[set], &asked);
    bool may = sr_rate_refill_to(&s->rate, per_second, burst, now_ns) > 0;
    if (may) {
        sr_rate_spend(&s->rate, 1);
    } else {
        s->refused++;
    }
    (void)pthread_mutex_unlock(lock);
    return may;
}

/* Puts a source among those found so far, which are sorted. Returns how many there are then. */
static size_t
rank(struct sr_sources_row *rows, size_t count, size_t max, const struct source *s)
{
    size_t at = count;

    while (at > 0 && rows[at - 1].refused < s->refused) {
        at--;
    }
    if (at == max) {
        return count;
    }
    size_t behind = (count < max ? count : max - 1) - at;
    memmove(&rows[at + 1], &rows[at], behind * sizeof(rows[0]));
    rows[at] = (struct sr_sources_row){ .peer.is_v6 = s->is_v6, .refused = s->refused };
    memcpy(rows[at].peer.address, s->address, sizeof(s->address));
    return count < max ? count + 1 : max;
}

size_t
sr_sources_top(struct sr_sources *t, struct sr_sources_row *rows, size_t max)
{
    size_t count = 0;

    for (size_t set = 0; set < SETS; set++) {
        (void)pthread_mutex_lock(&t->locks[set % LOCKS]);
        for (size_t i = 0; i < WAYS; i++) {
            if (t->places[set][i].refused > 0) {
                count = rank(rows, count, max, &t->places[set][i]);
            }
        }
        (void)pthread_mutex_unlock(&t->locks[set % LOCKS]);
    }
    return count;
}
