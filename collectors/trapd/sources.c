/* SPDX-License-Identifier: Apache-2.0 */
#include "sources.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sr/clock.h"
#include "sr/rate.h"

#include "sr/banned.h"

#define WAYS 8U /* places that an address can have */
#define SETS (SOURCES_MAX / WAYS)
#define LOCKS 64U /* each guards the sets whose number it divides to the same rest */

struct source {
    uint8_t address[16];
    bool is_v6;
    struct sr_rate rate; /* never refilled: the place is free */
};

struct sources {
    uint64_t seed; /* so that nobody can tell which addresses share a set */
    pthread_mutex_t locks[LOCKS];
    struct source places[SETS][WAYS];
};

struct sources *
sources_new(void)
{
    struct sources *t = calloc(1, sizeof(*t));

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
sources_free(struct sources *t)
{
    for (size_t i = 0; t != NULL && i < LOCKS; i++) {
        (void)pthread_mutex_destroy(&t->locks[i]);
    }
    free(t);
}

/* The finalizer of MurmurHash3: every bit of `x` changes half of the result. */
static uint64_t
mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static size_t
set_of(const struct sources *t, const struct sr_peer *peer)
{
    uint64_t halves[2];

    memcpy(halves, peer->address, sizeof(halves));
    return mix(mix(mix(t->seed ^ halves[0]) ^ halves[1]) + peer->is_v6) % SETS;
}

/* When it was last heard of. A clock that was set back must not make a place look new for ever. */
static uint64_t
heard(const struct source *s, uint64_t now_ns)
{
    return s->rate.last_ns <= now_ns ? s->rate.last_ns : 0;
}

/* The place of the address in its set, else the one that is free, or was used least lately. */
static struct source *
find(struct source places[WAYS], const struct sr_peer *peer, uint64_t now_ns)
{
    struct source *oldest = &places[0];

    for (size_t i = 0; i < WAYS; i++) {
        struct source *s = &places[i];
        if (s->rate.last_ns != 0 && s->is_v6 == peer->is_v6 &&
            memcmp(s->address, peer->address, sizeof(s->address)) == 0) {
            return s;
        }
        if (heard(s, now_ns) < heard(oldest, now_ns)) {
            oldest = s;
        }
    }
    *oldest = (struct source){ .is_v6 = peer->is_v6 };
    memcpy(oldest->address, peer->address, sizeof(oldest->address));
    return oldest;
}

bool
sources_admit(struct sources *t, const struct sr_peer *peer, uint64_t per_second, uint64_t now_ns)
{
    size_t set = set_of(t, peer);
    pthread_mutex_t *lock = &t->locks[set % LOCKS];

    (void)pthread_mutex_lock(lock);
    struct sr_rate *rate = &find(t->places[set], peer, now_ns)->rate;
    bool may = sr_rate_refill(rate, per_second, now_ns) > 0;
    if (may) {
        sr_rate_spend(rate, 1);
    }
    (void)pthread_mutex_unlock(lock);
    return may;
}
