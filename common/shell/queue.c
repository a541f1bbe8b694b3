/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shell/queue_segments.h"
#include "sr/fair.h"
#include "sr/spool.h"

#include "sr/banned.h"

#define SEGMENT_MIN (16U * 1024U)
#define SEGMENTS_A_QUEUE 64U /* segments that `memory` is cut into, within the limits above */
#define PAGE 4096U
#define FNV_BASIS 14695981039346656037ULL
#define FNV_PRIME 1099511628211ULL

static size_t
round_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

size_t
sr_queue_segment_size(uint64_t memory)
{
    size_t size = round_up((size_t)(memory / SEGMENTS_A_QUEUE), PAGE);

    if (size < SEGMENT_MIN) {
        return SEGMENT_MIN;
    }
    return size < SR_QUEUE_SEGMENT_MAX ? size : SR_QUEUE_SEGMENT_MAX;
}

/* ---- Spare segments: receiving threads ask the allocator for none ---- */

/* A zeroed segment, or NULL without memory. Under the mutex. */
static struct sr_segment *
take_segment(struct sr_queue *q)
{
    struct sr_segment *s = q->spare_segments;

    if (s == NULL) {
        return calloc(1, sizeof(*s));
    }
    q->spare_segments = s->chain;
    q->spare_segment_count--;
    memset(s, 0, sizeof(*s));
    return s;
}

/* Under the mutex. */
static void
give_segment(struct sr_queue *q, struct sr_segment *s)
{
    if (q->spare_segment_count == SR_QUEUE_SPARES) {
        free(s);
        return;
    }
    s->chain = q->spare_segments;
    q->spare_segments = s;
    q->spare_segment_count++;
}

/* Without memory there are fewer. */
static void
make_spare_segments(struct sr_queue *q)
{
    for (unsigned i = 0; i < SR_QUEUE_SPARES; i++) {
        struct sr_segment *s = calloc(1, sizeof(*s));
        if (s != NULL) {
            give_segment(q, s);
        }
    }
}

/* ---- The queue ---- */

struct sr_queue *
sr_queue_new(const struct sr_queue_options *options)
{
    struct sr_queue *q = calloc(1, sizeof(*q));

    if (q == NULL) {
        return NULL;
    }
    q->options = *options;
    q->memory = (struct sr_share){ .total = options->memory, .listeners = options->listeners };
    q->disk = (struct sr_share){ .total = options->disk, .listeners = options->listeners };
    q->memory.listener_used = calloc(options->listeners, sizeof(uint64_t));
    q->disk.listener_used = calloc(options->listeners, sizeof(uint64_t));
    if (q->memory.listener_used == NULL || q->disk.listener_used == NULL) {
        free(q->memory.listener_used);
        free(q->disk.listener_used);
        free(q);
        return NULL;
    }
    q->segment_size = sr_queue_segment_size(options->memory);
    atomic_store(&q->next_number, options->first_number);
    sr_wake_init(&q->wake);
    (void)pthread_mutex_init(&q->mutex, NULL);
    make_spare_segments(q);
    return q;
}

static size_t
bits_size(size_t size)
{
    return (size / SR_SEGMENT_ENTRY_LEN / 64 + 1) * sizeof(uint64_t);
}

uint64_t *
sr_segment_bits(uint8_t *block, size_t size)
{
    return (uint64_t *)(void *)(block + size); /* a multiple of the page's size */
}

uint8_t *
sr_queue_take_block(struct sr_queue *q, size_t size)
{
    if (size == q->segment_size && q->spare_count > 0) {
        uint8_t *block = q->spares[--q->spare_count];
        memset(sr_segment_bits(block, size), 0, bits_size(size));
        return block;
    }
    uint8_t *block = mmap(
        NULL, size + bits_size(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block != MAP_FAILED ? block : NULL;
}

static void
give_block(struct sr_queue *q, uint8_t *block, size_t size)
{
    if (size == q->segment_size && q->spare_count < SR_QUEUE_SPARES) {
        q->spares[q->spare_count++] = block;
    } else {
        (void)munmap(block, size + bits_size(size));
    }
}

void
sr_segment_drop_memory(struct sr_segment *s)
{
    struct sr_queue *q = s->lane->queue;

    if (s->data != NULL) {
        give_block(q, s->data, s->size);
        s->data = NULL;
        s->settled = NULL;
    }
    sr_share_give(&q->memory, s->lane->listener, s->lane->dead, s->memory_held);
    s->memory_held = 0;
}

static void
free_chain(struct sr_segment *s)
{
    while (s != NULL) {
        struct sr_segment *next = atomic_load(&s->next);
        next = next != NULL ? next : s->following;
        if (s->data != NULL) {
            (void)munmap(s->data, s->size + bits_size(s->size));
        }
        if (s->fd >= 0) {
            (void)close(s->fd);
        }
        free(s);
        s = next;
    }
}

static void
free_files(struct sr_segment *s)
{
    while (s != NULL) {
        struct sr_segment *next = s->chain;
        free(s);
        s = next;
    }
}

void
sr_queue_free(struct sr_queue *q)
{
    if (q == NULL) {
        return;
    }
    for (size_t i = 0; i < q->lane_count; i++) {
        free_chain(q->lanes[i]->head);
        free_files(q->lanes[i]->gone);
        free(q->lanes[i]);
    }
    free_files(q->removable);
    free_files(q->spare_segments);
    free(q->lanes);
    while (q->spare_count > 0) {
        (void)munmap(q->spares[--q->spare_count], q->segment_size + bits_size(q->segment_size));
    }
    free(q->memory.listener_used);
    free(q->disk.listener_used);
    (void)pthread_mutex_destroy(&q->mutex);
    sr_wake_done(&q->wake);
    free(q);
}

bool
sr_queue_is_short(const struct sr_queue *q, bool dead)
{
    /* A quarter: the rest is for what comes while the disk is busy. Of dead letters' 1/16 half. */
    return q->memory.used > q->options.memory / 4 ||
           (dead && q->memory.dead_used > q->options.memory / 32);
}

/*
 * What spills may have both, and goes through memory: a disk that is slower than what comes in
 * shows there. What is always kept needs both.
 */
unsigned
sr_queue_level(const struct sr_queue *q, unsigned listener)
{
    uint64_t used = q->memory.listener_used[listener];
    uint64_t left = sr_share_left(&q->memory, listener);
    unsigned level = sr_fair_level(used, left), both = 0;

    if (q->options.durability == SR_QUEUE_SPILL && atomic_load(&q->disk_error) == 0) {
        both = sr_fair_level(
            used + q->disk.listener_used[listener], left + sr_share_left(&q->disk, listener));
    } else if (q->options.durability == SR_QUEUE_ALWAYS) {
        both = sr_fair_level(q->disk.listener_used[listener], sr_share_left(&q->disk, listener));
    }
    return both > level ? both : level;
}

void
sr_queue_disk_failed(struct sr_queue *q, int error)
{
    atomic_store(&q->disk_error, error);
    if (error != 0) {
        (void)atomic_fetch_add(&q->disk_failures, 1);
        if (q->spooler != NULL) {
            sr_wake_signal(q->spooler);
        }
    }
}

void
sr_queue_status(struct sr_queue *q, struct sr_queue_status *ret_status)
{
    struct sr_queue_status status = {
        .disk_error = atomic_load(&q->disk_error),
        .disk_failures = atomic_load(&q->disk_failures),
        .damaged = atomic_load(&q->damaged),
    };

    (void)pthread_mutex_lock(&q->mutex);
    status.memory_used = q->memory.used;
    status.disk_used = q->disk.used;
    (void)pthread_mutex_unlock(&q->mutex);
    *ret_status = status;
}

uint64_t
sr_queue_memory(const struct sr_queue *q)
{
    return q->options.memory;
}

int
sr_queue_durability(const struct sr_queue *q)
{
    return q->options.durability;
}

/* ---- Segments ---- */

/*
 * Dead letters whose one segment is full need another, or the full one is never sealed and spilled:
 * so much may be beyond their part.
 */
static bool
must_step(const struct sr_lane *lane)
{
    const struct sr_segment *before = lane->tail != NULL ? lane->tail->previous : NULL;

    return lane->queue->options.durability == SR_QUEUE_SPILL && lane->dead && lane->tail != NULL &&
           lane->shown == lane->tail && (before == NULL || before->data == NULL);
}

static bool
take(struct sr_share *share, const struct sr_lane *lane, size_t size)
{
    if (sr_share_take(share, lane->listener, lane->dead, size)) {
        return true;
    }
    if (!must_step(lane) || !sr_share_take(share, lane->listener, false, size)) {
        return false;
    }
    share->dead_used += size;
    return true;
}

/* Takes `size` bytes with those of `spent` (NULL: none) given back; all or nothing. */
static bool
take_instead(struct sr_share *share, const struct sr_lane *lane, size_t *held, size_t size)
{
    if (held != NULL) {
        sr_share_give(share, lane->listener, lane->dead, *held);
    }
    bool taken = take(share, lane, size);
    if (held != NULL && !taken) {
        sr_share_force(share, lane->listener, lane->dead, *held);
    } else if (held != NULL) {
        *held = 0;
    }
    return taken;
}

/* The shares of a new segment, of memory and, where each has a file, of disk. Under the mutex. */
static bool
take_shares(struct sr_queue *q, struct sr_lane *lane, struct sr_segment *fresh,
    struct sr_segment *spent, size_t size)
{
    size_t before = spent != NULL ? spent->memory_held : 0;

    if (lane->left) { /* its one segment never has a file */
        sr_share_force(&q->memory, lane->listener, lane->dead, size);
        fresh->memory_held = size;
        return true;
    }
    if (!take_instead(&q->memory, lane, spent != NULL ? &spent->memory_held : NULL, size)) {
        return false;
    }
    if (q->options.durability == SR_QUEUE_ALWAYS) {
        if (!take_instead(&q->disk, lane, spent != NULL ? &spent->disk_held : NULL, size)) {
            sr_share_give(&q->memory, lane->listener, lane->dead, size);
            sr_share_force(&q->memory, lane->listener, lane->dead, before);
            if (spent != NULL) {
                spent->memory_held = before;
            }
            return false;
        }
        fresh->disk_held = size;
    }
    fresh->memory_held = size;
    return true;
}

static void
give_shares(struct sr_segment *s)
{
    struct sr_queue *q = s->lane->queue;

    sr_segment_drop_memory(s);
    sr_share_give(&q->disk, s->lane->listener, s->lane->dead, s->disk_held);
    s->disk_held = 0;
}

static struct sr_segment_info
info_of(const struct sr_segment *s)
{
    const struct sr_lane *lane = s->lane;

    return (struct sr_segment_info){
        .run_id = s->run_id,
        .number = s->number,
        .first_ns = s->first_ns,
        .worker = lane->worker,
        .dead = lane->dead,
        .by_sink = lane->by_sink,
        .subject = { (const uint8_t *)lane->subject, strlen(lane->subject) },
        .content_type = { (const uint8_t *)lane->content_type, strlen(lane->content_type) },
        .listener = { (const uint8_t *)lane->listener_name, strlen(lane->listener_name) },
    };
}

/* A segment with its shares and its block; NULL: there is no room. Under the mutex. */
static struct sr_segment *
take_memory(struct sr_lane *lane, struct sr_segment *spent, size_t size)
{
    struct sr_queue *q = lane->queue;
    struct sr_segment *s = take_segment(q);

    if (s == NULL) {
        return NULL;
    }
    s->lane = lane;
    s->fd = -1;
    if (take_shares(q, lane, s, spent, size)) {
        s->data = sr_queue_take_block(q, size);
        if (s->data != NULL) {
            return s;
        }
        give_shares(s);
    }
    give_segment(q, s);
    return NULL;
}

struct sr_segment *
sr_segment_open(struct sr_lane *lane, size_t max, uint64_t now_ns, struct sr_segment *spent)
{
    struct sr_queue *q = lane->queue;
    size_t need = SR_SEGMENT_HEADER_MAX + sr_segment_entry_size(max);
    size_t size = need <= q->segment_size ? q->segment_size : round_up(need, PAGE);

    (void)pthread_mutex_lock(&q->mutex);
    struct sr_segment *s = take_memory(lane, spent, size);
    lane->level = sr_queue_level(q, lane->listener);
    (void)pthread_mutex_unlock(&q->mutex);
    if (s == NULL) {
        return NULL; /* `spent` may hold nothing now: it has nothing to hold it for */
    }
    s->size = size;
    s->settled = sr_segment_bits(s->data, size);
    s->run_id = q->options.run_id;
    s->number = atomic_fetch_add(&q->next_number, 1);
    s->first_ns = now_ns;
    struct sr_segment_info info = info_of(s);
    sr_segment_write_header(s->data, &info);
    s->start = sr_segment_header_len(&info);
    s->written = s->start;
    s->prefix_offset = s->start;
    atomic_store(&s->committed, s->start);
    return s;
}

void
sr_segment_close(struct sr_segment *s)
{
    struct sr_lane *lane = s->lane;
    struct sr_queue *q = lane->queue;

    (void)pthread_mutex_lock(&q->mutex);
    lane->head = atomic_load(&s->next);
    lane->head->previous = NULL;
    if (lane->wanted == s) {
        lane->wanted = NULL;
    }
    if (s->busy) {
        s->closed = true; /* the spooler goes on from here */
    } else if (s->has_file) {
        sr_segment_drop_memory(s);
        s->chain = lane->gone;
        lane->gone = s;
    } else {
        give_shares(s);
        give_segment(q, s);
    }
    (void)pthread_mutex_unlock(&q->mutex);
}

void
sr_segment_discard(struct sr_segment *s)
{
    struct sr_queue *q = s->lane->queue;

    if (s->fd >= 0) {
        (void)close(s->fd);
        (void)sr_spool_remove(q->options.spool, s->number);
    }
    (void)pthread_mutex_lock(&q->mutex);
    give_shares(s);
    give_segment(q, s);
    (void)pthread_mutex_unlock(&q->mutex);
}

int
sr_segment_tell(
    int fd, const struct sr_segment *s, bool sealed, const struct sr_lane_position *settled)
{
    uint8_t bytes[SR_SEGMENT_PROGRESS_LEN];
    struct sr_segment_progress progress = { .acked_entries = 0 };

    if (sealed) {
        progress.sealed_size = s->written;
        progress.sealed_entries = s->entries;
        progress.sealed_records = s->records;
    }
    if (settled->segment == s->number && settled->entries > 0) {
        progress.acked_entries = (uint32_t)settled->entries;
        progress.acked_offset = settled->offset;
        progress.acked_records = settled->records;
    }
    sr_segment_write_progress(bytes, &progress);
    return sr_spool_write(fd, (struct sr_span){ bytes, sizeof(bytes) }, SR_SEGMENT_PROGRESS_OFFSET);
}

/* ---- Lanes ---- */

static uint64_t
fnv(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * FNV_PRIME;
    }
    return hash;
}

uint64_t
sr_lane_key_of(
    struct sr_span listener, unsigned worker, bool dead, bool by_sink, struct sr_span subject)
{
    uint8_t rest[] = { 0, (uint8_t)(worker & 0xff), (uint8_t)(worker >> 8 & 0xff), dead, by_sink };
    uint64_t hash = fnv(FNV_BASIS, listener.data, listener.len);

    return fnv(fnv(hash, rest, sizeof(rest)), subject.data, subject.len);
}

static bool
copy_text(char out[SR_SEGMENT_TEXT_MAX + 1], const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len > SR_SEGMENT_TEXT_MAX) {
        return false;
    }
    if (len > 0) {
        memcpy(out, text, len);
    }
    return true;
}

void
sr_lane_remember_shown(struct sr_lane *lane)
{
    lane->shown = lane->tail;
    lane->shown_written = lane->tail->written;
    lane->shown_entries = lane->tail->entries;
    lane->shown_records = lane->tail->records;
}

static struct sr_lane *
new_lane(struct sr_queue *q, const struct sr_lane_options *options)
{
    struct sr_lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL) {
        return NULL;
    }
    lane->queue = q;
    lane->listener = options->listener;
    lane->worker = options->worker;
    lane->dead = options->dead;
    lane->by_sink = options->by_sink;
    lane->left = options->left;
    if (!copy_text(lane->subject, options->subject) ||
        !copy_text(lane->content_type, options->content_type) ||
        !copy_text(lane->listener_name, options->listener_name)) {
        free(lane);
        return NULL;
    }
    struct sr_span listener = { (const uint8_t *)lane->listener_name, strlen(lane->listener_name) };
    struct sr_span subject = { (const uint8_t *)lane->subject, strlen(lane->subject) };
    lane->key = sr_lane_key_of(listener, lane->worker, lane->dead, lane->by_sink, subject);
    lane->head = sr_segment_open(lane, 0, 0, NULL);
    if (lane->head == NULL) {
        free(lane);
        return NULL;
    }
    lane->tail = lane->last = lane->head;
    sr_lane_remember_shown(lane);
    sr_lane_rewind(lane);
    return lane;
}

struct sr_lane *
sr_queue_add_lane(struct sr_queue *q, const struct sr_lane_options *options)
{
    struct sr_lane **lanes = realloc(q->lanes, (q->lane_count + 1) * sizeof(struct sr_lane *));

    if (lanes == NULL) {
        return NULL;
    }
    q->lanes = lanes;
    struct sr_lane *lane = new_lane(q, options);
    if (lane != NULL) {
        q->lanes[q->lane_count++] = lane;
    }
    return lane;
}

size_t
sr_queue_lane_count(const struct sr_queue *q)
{
    return q->lane_count;
}

struct sr_lane *
sr_queue_lane(const struct sr_queue *q, size_t i)
{
    return q->lanes[i];
}

uint64_t
sr_queue_run_id(const struct sr_queue *q)
{
    return q->options.run_id;
}

struct sr_wake *
sr_queue_wake(struct sr_queue *q)
{
    return &q->wake;
}

const char *
sr_lane_subject(const struct sr_lane *lane)
{
    return lane->subject;
}

const char *
sr_lane_content_type(const struct sr_lane *lane)
{
    return lane->content_type;
}

unsigned
sr_lane_listener(const struct sr_lane *lane)
{
    return lane->listener;
}

const char *
sr_lane_listener_name(const struct sr_lane *lane)
{
    return lane->listener_name;
}

unsigned
sr_lane_worker(const struct sr_lane *lane)
{
    return lane->worker;
}

bool
sr_lane_is_dead(const struct sr_lane *lane)
{
    return lane->dead;
}

bool
sr_lane_is_by_sink(const struct sr_lane *lane)
{
    return lane->by_sink;
}

uint64_t
sr_lane_key(const struct sr_lane *lane)
{
    return lane->key;
}

uint64_t
sr_lane_queued(const struct sr_lane *lane)
{
    /* Settled first: read the other way round, a record could seem to leave before it came. */
    uint64_t settled = atomic_load(&lane->settled_records);
    return atomic_load(&lane->committed_records) - settled;
}

bool
sr_lane_empty(const struct sr_lane *lane)
{
    return sr_lane_queued(lane) == 0;
}
