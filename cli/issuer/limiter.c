/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/limiter.h"

#include <stdlib.h>
#include <string.h>

#include "sr/clock.h"
#include "sr/rate.h"

#include "sr/banned.h"

#define SET_PLACES 8 /* looked at for one key */
#define SECONDS 60   /* sr_rate counts by the second: its clock here goes this much slower */
#define BILLION UINT64_C(1000000000)

struct place {
    struct sr_rate rate; /* last_ns 0: the place is free */
    size_t key_len;
    uint8_t key[LIMITER_KEY_MAX];
};

struct limiter {
    unsigned per_minute;
    uint64_t seed; /* random, so that nobody chooses whose place is taken */
    size_t sets;
    struct place places[];
};

struct limiter *
limiter_new(size_t places, unsigned per_minute)
{
    size_t sets = places / SET_PLACES > 0 ? places / SET_PLACES : 1;
    struct limiter *l = calloc(1, sizeof(*l) + sets * SET_PLACES * sizeof(l->places[0]));

    if (l != NULL) {
        l->per_minute = per_minute;
        l->seed = sr_clock_random_u64();
        l->sets = sets;
    }
    return l;
}

void
limiter_free(struct limiter *limiter)
{
    free(limiter);
}

/* FNV-1a from a random start, with the end of splitmix64, as its low bits alone mix too little. */
static uint64_t
hash(uint64_t seed, const uint8_t *key, size_t len)
{
    uint64_t h = seed;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ key[i]) * UINT64_C(0x100000001b3);
    }
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

/* The place of a key: its own, or a free one, or that which was longest unused. */
static struct place *
find(struct limiter *l, const uint8_t *key, size_t len)
{
    struct place *set = &l->places[hash(l->seed, key, len) % l->sets * SET_PLACES];
    struct place *oldest = set;

    for (struct place *p = set; p < set + SET_PLACES; p++) {
        if (p->rate.last_ns != 0 && p->key_len == len && memcmp(p->key, key, len) == 0) {
            return p;
        }
        if (p->rate.last_ns < oldest->rate.last_ns) {
            oldest = p;
        }
    }
    memset(oldest, 0, sizeof(*oldest));
    memcpy(oldest->key, key, len);
    oldest->key_len = len;
    return oldest;
}

/* Seconds until a bucket that has less than one unit has one. */
static unsigned
wait_s(const struct limiter *l, const struct sr_rate *rate)
{
    uint64_t slow_ns = (BILLION - rate->credit) / l->per_minute + 1;

    return (unsigned)((slow_ns * SECONDS + BILLION - 1) / BILLION);
}

bool
limiter_take(struct limiter *limiter, struct sr_span key, uint64_t now_ns, unsigned *ret_wait_s)
{
    size_t len = key.len < LIMITER_KEY_MAX ? key.len : LIMITER_KEY_MAX;
    struct place *p = find(limiter, key.data, len);

    if (sr_rate_refill(&p->rate, limiter->per_minute, now_ns / SECONDS) == 0) {
        *ret_wait_s = wait_s(limiter, &p->rate);
        return false;
    }
    sr_rate_spend(&p->rate, 1);
    return true;
}
