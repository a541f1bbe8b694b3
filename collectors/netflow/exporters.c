/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters.h"

#include <stdlib.h>
#include <string.h>

#include "sr/clock.h"

#include "sr/banned.h"

#define HAND_STEPS 16U    /* exporters that are looked at to find one that may go */
#define HELD_STEPS 64U    /* and of those that are held, which is some for each thread */
#define PRESSURE_STEPS 4U /* exporters that go for one new one while memory is short */

#define LINE 64U /* bytes of a line of most processors' caches */
#define EXPORTER_SIZE ((sizeof(struct exporter) + LINE - 1) / LINE * LINE)

/* A list with the exporter that the clock's hand comes to next in front. */
struct list {
    struct exporter *first, *last;
    size_t count;
};

struct exporters {
    size_t max;
    uint64_t memory;
    uint64_t seed; /* secret, so that nobody can choose addresses of one bucket */
    _Atomic uint64_t memory_used;

    /* Finding reads; making and evicting writes. */
    pthread_rwlock_t lock;
    size_t mask; /* buckets - 1 */
    struct exporter **buckets;
    struct exporter **slots; /* `max` of them, NULL: free */
    size_t *free_slots;      /* a stack of what is free below `slots_used` */
    size_t free_count, slots_used;
    struct list plain, kept;
    uint64_t evicted;
    struct ledger gone; /* of exporters that were freed */
};

/* ---- Memory ---- */

static bool
account(struct exporters *t, uint64_t size)
{
    if (atomic_fetch_add(&t->memory_used, size) + size > t->memory) {
        (void)atomic_fetch_sub(&t->memory_used, size);
        return false;
    }
    return true;
}

static void *
take(void *arg, size_t size)
{
    struct exporter *e = arg;

    if (size > e->table->memory / EXPORTERS_MEMORY_PART - e->memory_used ||
        !account(e->table, size)) {
        return NULL;
    }
    void *memory = malloc(size);
    if (memory == NULL) {
        (void)atomic_fetch_sub(&e->table->memory_used, size);
        return NULL;
    }
    e->memory_used += size;
    return memory;
}

static void
give(void *arg, void *memory, size_t size)
{
    struct exporter *e = arg;

    if (memory != NULL) {
        e->memory_used -= size;
        (void)atomic_fetch_sub(&e->table->memory_used, size);
        free(memory);
    }
}

/* ---- One exporter ---- */

static struct exporter *
new_exporter(struct exporters *t)
{
    if (!account(t, EXPORTER_SIZE)) {
        return NULL;
    }
    struct exporter *e = aligned_alloc(LINE, EXPORTER_SIZE);
    if (e == NULL) {
        (void)atomic_fetch_sub(&t->memory_used, EXPORTER_SIZE);
        return NULL;
    }
    memset(e, 0, sizeof(*e));
    e->table = t;
    e->memory = (struct nf_memory){ .arg = e, .take = take, .give = give };
    e->holds = 1;
    (void)pthread_mutex_init(&e->lock, NULL);
    return e;
}

static void
free_exporter(struct exporter *e)
{
    nf_exporter_free(e->state);
    (void)pthread_mutex_destroy(&e->lock);
    (void)atomic_fetch_sub(&e->table->memory_used, EXPORTER_SIZE);
    free(e);
}

bool
exporter_is(const struct exporter *e, const struct sr_peer *peer)
{
    return e->peer.is_v6 == peer->is_v6 &&
           memcmp(e->peer.address, peer->address, peer->is_v6 ? 16 : 4) == 0;
}

/* Multiplications whose upper bits come back down, as in splitmix64: every bit counts. */
static uint64_t
mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t
hash_of(const struct exporters *t, const struct sr_peer *peer)
{
    uint64_t halves[2] = { 0 };

    memcpy(halves, peer->address, peer->is_v6 ? 16 : 4);
    return mix(mix(halves[0] + t->seed) + halves[1]);
}

/* ---- The table, under its lock ---- */

static void
list_add(struct list *l, struct exporter *e)
{
    e->before = l->last;
    e->after = NULL;
    *(l->last != NULL ? &l->last->after : &l->first) = e;
    l->last = e;
    l->count++;
}

static void
list_remove(struct list *l, struct exporter *e)
{
    *(e->before != NULL ? &e->before->after : &l->first) = e->after;
    *(e->after != NULL ? &e->after->before : &l->last) = e->before;
    l->count--;
}

static struct list *
list_of(struct exporters *t, const struct exporter *e)
{
    return e->in_kept ? &t->kept : &t->plain;
}

static struct exporter *
look_up(const struct exporters *t, const struct sr_peer *peer, uint64_t hash)
{
    struct exporter *e = t->buckets[hash & t->mask];

    while (e != NULL && !exporter_is(e, peer)) {
        e = e->chain;
    }
    return e;
}

/* There is a free slot. */
static void
insert(struct exporters *t, struct exporter *e)
{
    e->hash = hash_of(t, &e->peer);
    e->chain = t->buckets[e->hash & t->mask];
    t->buckets[e->hash & t->mask] = e;
    e->slot = t->free_count > 0 ? t->free_slots[--t->free_count] : t->slots_used++;
    t->slots[e->slot] = e;
    e->in_kept = atomic_load(&e->is_kept);
    list_add(list_of(t, e), e);
}

/* Takes it out. Its counts go to those that are gone, so that no sum ever shrinks. */
static void
take_out(struct exporters *t, struct exporter *e)
{
    struct exporter **link = &t->buckets[e->hash & t->mask];

    while (*link != e) {
        link = &(*link)->chain;
    }
    *link = e->chain;
    t->slots[e->slot] = NULL;
    t->free_slots[t->free_count++] = e->slot;
    list_remove(list_of(t, e), e);
    ledger_move(&t->gone, nf_exporter_ledger(e->state));
    e->chain = NULL;
}

static size_t
count_of(const struct exporters *t)
{
    return t->plain.count + t->kept.count;
}

/*
 * The clock: goes round, gives who was used since the last time another round, and takes the first
 * who was not. After some steps it takes who it came to first: the time is bounded. NULL when all
 * that it saw are held.
 */
static struct exporter *
find_victim(struct list *l)
{
    struct exporter *oldest = NULL;
    size_t held = 0;

    for (size_t i = 0; i < HAND_STEPS + held && i < l->count; i++) {
        struct exporter *e = l->first;
        list_remove(l, e);
        list_add(l, e);
        /* Whoever let it go last has done all it did before we see no hold. */
        if (atomic_load_explicit(&e->holds, memory_order_acquire) > 0) {
            held += held < HELD_STEPS ? 1 : 0;
            continue;
        }
        if (!atomic_exchange_explicit(&e->was_used, false, memory_order_relaxed)) {
            return e;
        }
        oldest = oldest != NULL ? oldest : e;
    }
    return oldest;
}

/* Evicts one in favour of another; false when none can go. */
static bool
evict_one(struct exporters *t, bool plain_first, struct exporter **evicted)
{
    struct exporter *e = find_victim(plain_first ? &t->plain : &t->kept);

    if (e == NULL) {
        e = find_victim(plain_first ? &t->kept : &t->plain);
    }
    if (e == NULL) {
        return false;
    }
    take_out(t, e);
    t->evicted++;
    e->chain = *evicted;
    *evicted = e;
    return true;
}

/* Room for one more in the table. */
static bool
make_place(struct exporters *t, struct exporter **evicted)
{
    return count_of(t) < t->max ||
           evict_one(t, t->plain.count * EXPORTERS_PLAIN_PART >= t->max, evicted);
}

/* The same, and some memory that those who are there can still take. */
static bool
make_room(struct exporters *t, struct exporter **evicted)
{
    uint64_t mark = t->memory - t->memory / EXPORTERS_MEMORY_PART;
    uint64_t used = atomic_load(&t->memory_used);

    for (size_t i = 0; i < PRESSURE_STEPS && used > mark; i++) {
        if (!evict_one(t, t->plain.count > 0, evicted)) {
            break;
        }
        uint64_t size = EXPORTER_SIZE + (*evicted)->memory_used; /* given back when it is buried */
        used -= size < used ? size : used;
    }
    return make_place(t, evicted);
}

static void
note_use(struct exporter *e)
{
    if (!atomic_load_explicit(&e->was_used, memory_order_relaxed)) {
        atomic_store_explicit(&e->was_used, true, memory_order_relaxed);
    }
}

/* ---- Using it ---- */

struct exporters *
exporters_new(size_t max, uint64_t memory)
{
    struct exporters *t = calloc(1, sizeof(*t));
    size_t buckets = 64;

    while (buckets < max) {
        buckets *= 2;
    }
    if (t == NULL) {
        return NULL;
    }
    t->max = max;
    t->memory = memory;
    t->mask = buckets - 1;
    t->seed = sr_clock_random_u64();
    t->buckets = calloc(buckets, sizeof(struct exporter *)); /* pages come when they are used */
    t->slots = calloc(max, sizeof(struct exporter *));
    t->free_slots = calloc(max, sizeof(*t->free_slots));
    (void)pthread_rwlock_init(&t->lock, NULL);
    if (t->buckets == NULL || t->slots == NULL || t->free_slots == NULL) {
        exporters_free(t);
        return NULL;
    }
    return t;
}

void
exporters_free(struct exporters *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; t->slots != NULL && i < t->slots_used; i++) {
        if (t->slots[i] != NULL) {
            free_exporter(t->slots[i]);
        }
    }
    (void)pthread_rwlock_destroy(&t->lock);
    free(t->buckets);
    free(t->slots);
    free(t->free_slots);
    free(t);
}

struct exporter *
exporters_find(struct exporters *t, const struct sr_peer *peer)
{
    (void)pthread_rwlock_rdlock(&t->lock);
    struct exporter *e = look_up(t, peer, hash_of(t, peer));
    if (e != NULL) {
        (void)atomic_fetch_add_explicit(&e->holds, 1, memory_order_relaxed);
        note_use(e);
    }
    (void)pthread_rwlock_unlock(&t->lock);
    return e;
}

/* A new exporter in the table, held; under the lock. */
static struct exporter *
add_new(struct exporters *t, const struct sr_peer *peer)
{
    struct exporter *e = new_exporter(t);

    if (e == NULL) {
        return NULL;
    }
    e->peer.is_v6 = peer->is_v6;
    memcpy(e->peer.address, peer->address, peer->is_v6 ? 16 : 4);
    e->state = nf_exporter_new(&e->memory, &e->peer);
    if (e->state == NULL) {
        free_exporter(e);
        return NULL;
    }
    e->told_nothing = nf_exporter_generation(e->state);
    insert(t, e);
    return e;
}

struct exporter *
exporters_hold(
    struct exporters *t, const struct sr_peer *peer, bool *ret_new, struct exporter **ret_evicted)
{
    struct exporter *e = exporters_find(t, peer);

    *ret_new = false;
    *ret_evicted = NULL;
    if (e != NULL) {
        return e;
    }
    (void)pthread_rwlock_wrlock(&t->lock);
    e = look_up(t, peer, hash_of(t, peer)); /* another thread may have made it meanwhile */
    if (e != NULL) {
        (void)atomic_fetch_add_explicit(&e->holds, 1, memory_order_relaxed);
    } else if (make_room(t, ret_evicted)) {
        e = add_new(t, peer);
        *ret_new = e != NULL;
    }
    (void)pthread_rwlock_unlock(&t->lock);
    return e;
}

struct exporter *
exporters_bury(struct exporter *evicted)
{
    struct exporters *t = evicted->table;
    struct exporter *next = evicted->chain;

    (void)pthread_rwlock_wrlock(&t->lock);
    ledger_move(&t->gone, nf_exporter_ledger(evicted->state));
    (void)pthread_rwlock_unlock(&t->lock);
    free_exporter(evicted);
    return next;
}

struct exporter *
exporters_load(
    struct exporters *t, const struct nf_config *config, struct sr_span *saved, uint64_t now_ns)
{
    struct exporter *e = new_exporter(t);
    struct exporter *evicted = NULL;

    if (e == NULL) {
        return NULL;
    }
    e->state = nf_exporter_load(&e->memory, config, saved, now_ns);
    if (e->state == NULL) {
        free_exporter(e);
        return NULL;
    }
    e->peer = *nf_exporter_peer(e->state);
    e->has_told = true;
    e->is_kept = !nf_exporter_is_plain(e->state);
    (void)pthread_rwlock_wrlock(&t->lock);
    struct exporter *old = look_up(t, &e->peer, hash_of(t, &e->peer));
    if (old != NULL) {
        take_out(t, old);
        old->chain = NULL;
        evicted = old;
    }
    bool room = make_place(t, &evicted); /* its memory it has */
    if (room) {
        insert(t, e);
    }
    (void)pthread_rwlock_unlock(&t->lock);
    while (evicted != NULL) {
        evicted = exporters_bury(evicted);
    }
    if (!room) {
        free_exporter(e);
        e = NULL;
    }
    return e;
}

void
exporters_lock(struct exporter *e)
{
    (void)pthread_mutex_lock(&e->lock);
}

void
exporters_unlock(struct exporter *e)
{
    struct exporters *t = e->table;
    bool waiting = nf_pending_count(e->state) > 0;

    e->has_told = e->has_told || nf_exporter_generation(e->state) != e->told_nothing;
    bool kept = e->has_told && !nf_exporter_is_plain(e->state);
    bool moves = kept != atomic_load_explicit(&e->is_kept, memory_order_relaxed);
    if (moves) {
        atomic_store(&e->is_kept, kept);
    }
    if (waiting != atomic_load_explicit(&e->has_waiting, memory_order_relaxed)) {
        atomic_store(&e->has_waiting, waiting);
    }
    (void)pthread_mutex_unlock(&e->lock);
    if (moves) {
        (void)pthread_rwlock_wrlock(&t->lock);
        list_remove(list_of(t, e), e);
        e->in_kept = atomic_load(&e->is_kept); /* what holds by now */
        list_add(list_of(t, e), e);
        (void)pthread_rwlock_unlock(&t->lock);
    }
}

void
exporters_release(struct exporter *e)
{
    if (e != NULL) {
        (void)atomic_fetch_sub_explicit(&e->holds, 1, memory_order_release);
    }
}

size_t
exporters_next(
    struct exporters *t, size_t *cursor, bool waiting_only, struct exporter **ret_held, size_t max)
{
    size_t count = 0;

    (void)pthread_rwlock_rdlock(&t->lock);
    for (; *cursor < t->slots_used && count < max; ++*cursor) {
        struct exporter *e = t->slots[*cursor];
        if (e != NULL && (!waiting_only || atomic_load(&e->has_waiting))) {
            (void)atomic_fetch_add_explicit(&e->holds, 1, memory_order_relaxed);
            ret_held[count++] = e;
        }
    }
    (void)pthread_rwlock_unlock(&t->lock);
    return count;
}

/* ---- Reports ---- */

void
exporters_forget_gone(struct exporters *t)
{
    (void)pthread_rwlock_wrlock(&t->lock);
    t->gone = (struct ledger){ 0 };
    t->evicted = 0;
    (void)pthread_rwlock_unlock(&t->lock);
}

void
exporters_status(struct exporters *t, struct exporters_status *ret_status)
{
    (void)pthread_rwlock_rdlock(&t->lock);
    *ret_status = (struct exporters_status){
        .count = count_of(t),
        .kept = t->kept.count,
        .memory = atomic_load(&t->memory_used),
        .evicted = t->evicted,
    };
    (void)pthread_rwlock_unlock(&t->lock);
}

static uint64_t
records_of(const struct exporters_row *row)
{
    return row->ledger.counts[LEDGER_INDEX(records)];
}

/* Restores the order of a heap with the fewest records on top, from `i` down. */
static void
sink_down(struct exporters_row *rows, size_t count, size_t i)
{
    for (;;) {
        size_t least = 2 * i + 1;
        if (least >= count) {
            return;
        }
        if (least + 1 < count && records_of(&rows[least + 1]) < records_of(&rows[least])) {
            least++;
        }
        if (records_of(&rows[i]) <= records_of(&rows[least])) {
            return;
        }
        struct exporters_row row = rows[i];
        rows[i] = rows[least];
        rows[least] = row;
        i = least;
    }
}

static int
compare_rows(const void *a, const void *b)
{
    uint64_t x = records_of(a), y = records_of(b);

    return x > y ? -1 : x < y;
}

size_t
exporters_report(
    struct exporters *t, struct exporters_row *rows, size_t max, struct ledger *ret_total)
{
    size_t count = 0;

    (void)pthread_rwlock_rdlock(&t->lock);
    *ret_total = t->gone;
    for (size_t i = 0; i < t->slots_used; i++) {
        const struct exporter *e = t->slots[i];
        if (e == NULL) {
            continue;
        }
        struct exporters_row row = { .peer = e->peer };
        ledger_add(&row.ledger, nf_exporter_ledger(e->state));
        ledger_plus(ret_total, &row.ledger);
        if (count < max) {
            rows[count++] = row;
            for (size_t j = count == max ? max / 2 : 0; j-- > 0;) {
                sink_down(rows, count, j); /* once, when it is full */
            }
        } else if (max > 0 && records_of(&row) > records_of(&rows[0])) {
            rows[0] = row;
            sink_down(rows, count, 0);
        }
    }
    (void)pthread_rwlock_unlock(&t->lock);
    if (count > 0) {
        qsort(rows, count, sizeof(*rows), compare_rows);
    }
    return count;
}
