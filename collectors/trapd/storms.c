/* SPDX-License-Identifier: Apache-2.0 */
#include "storms.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sr/clock.h"
#include "sr/rate.h"

#include "sr/banned.h"

#define WAYS 8U /* places that a kind can have */
#define SETS (STORMS_MAX / WAYS)
#define LOCKS 64U /* each guards the sets whose number it divides to the same rest */

/* A clock may stand back by so much where another thread read it. */
#define SLACK_NS SR_NS_PER_SECOND

struct place {
    struct trap_kind kind;
    struct sr_rate rate;  /* in time that runs 1 s an interval; never refilled: the place is free */
    bool is_storm;        /* what comes is folded */
    uint64_t folded;      /* how many since one was published; the last of them is kept */
    uint64_t first_ns;    /* when the first of those came */
    uint64_t heard_ns;    /* when the last of all came */
    uint64_t reported_ns; /* when the storm began, or one of it was published last */
};

struct storms {
    uint64_t seed[2];
    _Atomic uint64_t folding, begun, published, too_large, no_place;
    pthread_mutex_t locks[LOCKS];
    struct place places[SETS][WAYS];
    struct trap_kept kept[SETS][WAYS]; /* of those with the same index, untouched without storms */
};

struct storms *
storms_new(void)
{
    struct storms *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return NULL;
    }
    t->seed[0] = sr_clock_random_u64();
    t->seed[1] = sr_clock_random_u64();
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&t->locks[i], NULL);
    }
    return t;
}

void
storms_free(struct storms *t)
{
    for (size_t i = 0; t != NULL && i < LOCKS; i++) {
        (void)pthread_mutex_destroy(&t->locks[i]);
    }
    free(t);
}

void
storms_count(struct storms *t, struct storms_counts *ret_counts)
{
    *ret_counts = (struct storms_counts){
        .folding = atomic_load(&t->folding),
        .begun = atomic_load(&t->begun),
        .published = atomic_load(&t->published),
        .too_large = atomic_load(&t->too_large),
        .no_place = atomic_load(&t->no_place),
    };
}

/* ---- Time ---- */

/* True when `length` has passed since `then`; also where the clock was set back. */
static bool
has_passed(uint64_t then, uint64_t length, uint64_t now_ns)
{
    return now_ns >= then ? now_ns - then >= length : then - now_ns > SLACK_NS;
}

/* Units of the bucket that are there, in time in which an interval is a second. */
static uint64_t
refill(struct place *p, const struct storm_options *o, uint64_t now_ns)
{
    uint64_t scaled = now_ns / (o->interval_ns / SR_NS_PER_MS) * (SR_NS_PER_SECOND / SR_NS_PER_MS);

    return sr_rate_refill(&p->rate, o->traps, scaled > 0 ? scaled : 1);
}

/* ---- Places ---- */

/* When it was last heard of. A clock that was set back must not make a place look new for ever. */
static uint64_t
heard(const struct place *p, uint64_t now_ns)
{
    return p->heard_ns <= now_ns + SLACK_NS ? p->heard_ns : 0;
}

/*
 * The place of the kind in its set, else the one that is free, or of which nothing is kept and
 * least was heard. NULL: there is none.
 */
static struct place *
find(struct place places[WAYS], const struct trap_kind *kind, uint64_t now_ns)
{
    struct place *oldest = NULL;

    for (size_t i = 0; i < WAYS; i++) {
        struct place *p = &places[i];
        if (p->rate.last_ns != 0 && memcmp(&p->kind, kind, sizeof(*kind)) == 0) {
            return p;
        }
        if (p->folded == 0 && (oldest == NULL || heard(p, now_ns) < heard(oldest, now_ns))) {
            oldest = p;
        }
    }
    if (oldest != NULL) {
        *oldest = (struct place){ .kind = *kind };
    }
    return oldest;
}

/* ---- Folding ---- */

/* True when the notification goes on; else it is to be folded. */
static bool
passes(struct storms *t, struct place *p, const struct storm_options *o, uint64_t now_ns)
{
    bool was_quiet = has_passed(p->heard_ns, o->quiet_ns, now_ns);

    if (p->heard_ns > now_ns + SLACK_NS) {
        p->rate.last_ns = 0; /* full, as nothing can be said of the time between */
    }
    bool may = refill(p, o, now_ns) > 0;

    p->heard_ns = now_ns;
    if (may) {
        sr_rate_spend(&p->rate, 1); /* in a storm too: what is left tells whether it goes on */
    }
    if (p->is_storm && p->folded == 0 && was_quiet) {
        p->is_storm = false;
    }
    if (p->is_storm || may) {
        return !p->is_storm;
    }
    p->is_storm = true;
    p->reported_ns = now_ns;
    atomic_fetch_add(&t->begun, 1);
    return false;
}

static enum trap_gate_word
fold(struct storms *t, struct place *p, struct trap_kept *kept, uint64_t now_ns,
    const struct sr_peer *peer, const struct trap_message *message)
{
    if (!trap_kept_put(kept, peer, now_ns, message)) {
        atomic_fetch_add(&t->too_large, 1);
        return TRAP_GATE_TOO_LARGE;
    }
    if (p->folded++ == 0) {
        p->first_ns = now_ns;
        atomic_fetch_add(&t->folding, 1);
    }
    return TRAP_GATE_FOLDED;
}

enum trap_gate_word
storms_admit(struct storms *t, const struct storm_options *options, uint64_t now_ns,
    const struct sr_peer *peer, const struct trap_message *message)
{
    enum trap_gate_word word = TRAP_GATE_PASSES;
    struct trap_kind kind;

    if (!trap_kind_of(t->seed, peer, message, &kind)) {
        return TRAP_GATE_PASSES;
    }
    size_t set = kind.hash[0] % SETS;
    pthread_mutex_t *lock = &t->locks[set % LOCKS];
    (void)pthread_mutex_lock(lock);
    struct place *p = find(t->places[set], &kind, now_ns);
    if (p == NULL) {
        atomic_fetch_add(&t->no_place, 1);
        word = TRAP_GATE_NO_PLACE;
    } else if (!passes(t, p, options, now_ns)) {
        word = fold(t, p, &t->kept[set][p - t->places[set]], now_ns, peer, message);
    }
    (void)pthread_mutex_unlock(lock);
    return word;
}

/* ---- The last of a storm ---- */

/* Whether its last message is to be published; `*ret_over`: the storm ends with it. */
static bool
is_due(struct place *p, const struct storm_options *o, uint64_t now_ns, bool *ret_over)
{
    if (o == NULL || has_passed(p->heard_ns, o->quiet_ns, now_ns)) {
        *ret_over = true;
        return true;
    }
    if (!has_passed(p->reported_ns, o->every_ns, now_ns)) {
        return false;
    }
    *ret_over = refill(p, o, now_ns) >= (o->traps + 1) / 2; /* fewer come than may */
    return true;
}

/* False: there is no room. */
static bool
publish_last(struct storms *t, struct place *p, const struct trap_kept *kept, uint64_t now_ns,
    storms_publish *publish, void *arg)
{
    struct trap_message message;

    trap_kept_get(kept, &message);
    message.folded = p->folded;
    message.folded_since_ns = p->first_ns;
    if (!publish(arg, &kept->peer, kept->received_ns, &message)) {
        return false;
    }
    p->folded = 0;
    p->reported_ns = now_ns;
    atomic_fetch_sub(&t->folding, 1);
    atomic_fetch_add(&t->published, 1);
    return true;
}

/* False: there is no room for more. */
static bool
tick_set(struct storms *t, size_t set, const struct storm_options *options, uint64_t now_ns,
    storms_publish *publish, void *arg)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct place *p = &t->places[set][i];
        bool is_over;
        if (p->folded == 0 || !is_due(p, options, now_ns, &is_over)) {
            continue;
        }
        if (!publish_last(t, p, &t->kept[set][i], now_ns, publish, arg)) {
            return false;
        }
        p->is_storm = !is_over;
    }
    return true;
}

void
storms_tick(struct storms *t, const struct storm_options *options, uint64_t now_ns,
    storms_publish *publish, void *arg)
{
    bool has_room = true;

    if (atomic_load(&t->folding) == 0) {
        return;
    }
    for (size_t set = 0; has_room && set < SETS; set++) {
        pthread_mutex_t *lock = &t->locks[set % LOCKS];
        (void)pthread_mutex_lock(lock);
        has_room = tick_set(t, set, options, now_ns, publish, arg);
        (void)pthread_mutex_unlock(lock);
    }
}
