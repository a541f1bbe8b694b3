/* SPDX-License-Identifier: Apache-2.0 */
/* The two sides of a lane: its writer, who fills segments, and its reader, who settles entries. */
#include "sr/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/queue_segments.h"
#include "sr/fair.h"
#include "sr/spool.h"

#include "sr/banned.h"

/* ---- The writer's side ---- */

static bool
is_kept(const struct sr_queue *q)
{
    return q->options.durability == SR_QUEUE_ALWAYS;
}

uint8_t *
sr_lane_reserve(struct sr_lane *lane, size_t max, uint64_t now_ns)
{
    struct sr_segment *s = lane->tail;

    if (is_kept(lane->queue) && atomic_load(&lane->queue->disk_error) != 0) {
        return NULL;
    }
    if (s->size - s->written < sr_segment_entry_size(max)) {
        /* The reader gives a segment back only when there is a next one. Without this, a large
         * one that is all settled would keep the lane from ever opening another. */
        bool empty = lane->unflushed_records == 0 && sr_lane_empty(lane);
        struct sr_segment *fresh = sr_segment_open(lane, max, now_ns, empty ? s : NULL);
        if (fresh == NULL) {
            return NULL;
        }
        s->following = fresh;
        lane->tail = s = fresh;
    }
    return s->data + s->written + SR_SEGMENT_ENTRY_LEN;
}

unsigned
sr_lane_level(struct sr_lane *lane)
{
    struct sr_queue *q = lane->queue;

    if (lane->level >= SR_FAIR_PRESSED) {
        (void)pthread_mutex_lock(&q->mutex);
        lane->level = sr_queue_level(q, lane->listener);
        (void)pthread_mutex_unlock(&q->mutex);
    }
    return lane->level;
}

size_t
sr_lane_room(const struct sr_lane *lane)
{
    const struct sr_segment *s = lane->tail;
    size_t around = sr_segment_entry_size(1); /* head and most of the padding, for the one byte */
    size_t left = s->size - s->written;

    return left > around ? left - around : 0;
}

void
sr_lane_commit(struct sr_lane *lane, size_t len, size_t attributes, uint32_t records)
{
    struct sr_segment *s = lane->tail;

    s->written +=
        sr_segment_close_entry(s->data + s->written, (uint32_t)len, (uint32_t)attributes, records);
    s->entries++;
    s->records += records;
    lane->unflushed_records += records;
}

const char *
sr_lane_refusal(const struct sr_lane *lane)
{
    int error = is_kept(lane->queue) ? atomic_load(&lane->queue->disk_error) : 0;

    return error != 0 ? sr_spool_reason(error) : "queue_full";
}

/* Appends what a segment's file has not got; the first time its header too. */
static int
append(struct sr_segment *s)
{
    if (s->appended == s->written || s->entries == 0) {
        return 0;
    }
    if (s->fd < 0) {
        s->fd = sr_spool_create(s->lane->queue->options.spool, s->number);
        if (s->fd < 0) {
            return errno;
        }
    }
    size_t from = s->appended > s->start ? s->appended : s->start;
    sr_segment_sign(s->data, s->number, from, s->written, s->appended_entries);
    int error = sr_spool_write(
        s->fd, (struct sr_span){ s->data + s->appended, s->written - s->appended }, s->appended);
    if (error == 0) {
        s->appended = s->written;
        s->appended_entries = s->entries;
    }
    return error;
}

int
sr_lane_keep(struct sr_lane *lane)
{
    if (!is_kept(lane->queue) || lane->unflushed_records == 0) {
        return 0;
    }
    for (struct sr_segment *s = lane->shown; s != NULL; s = s->following) {
        int error = append(s);
        if (error != 0) {
            sr_queue_disk_failed(lane->queue, error);
            return error;
        }
    }
    return 0;
}

/*
 * What was appended and is undone must not look like entries after a restart. Where the file cannot
 * be cut, the kept position of the writer says the same.
 */
static void
forget_appended(struct sr_segment *s)
{
    if (s->entries > 0) {
        s->appended = s->written;
        s->appended_entries = s->entries;
        if (ftruncate(s->fd, (off_t)s->appended) != 0) {
            sr_queue_disk_failed(s->lane->queue, errno);
        }
        return;
    }
    s->appended = 0;
    s->appended_entries = 0;
    (void)close(s->fd);
    s->fd = -1;
    (void)sr_spool_remove(s->lane->queue->options.spool, s->number);
}

uint64_t
sr_lane_undo(struct sr_lane *lane)
{
    uint64_t undone = lane->unflushed_records;
    struct sr_segment *s = lane->shown;

    for (struct sr_segment *f = s->following; f != NULL;) {
        struct sr_segment *next = f->following;
        sr_segment_discard(f);
        f = next;
    }
    s->following = NULL;
    lane->tail = s;
    s->written = lane->shown_written;
    s->entries = lane->shown_entries;
    s->records = lane->shown_records;
    if (s->fd >= 0) {
        forget_appended(s);
    }
    lane->unflushed_records = 0;
    return undone;
}

void
sr_lane_written(const struct sr_lane *lane, struct sr_lane_position *ret_position)
{
    const struct sr_segment *s = lane->tail;

    *ret_position = (struct sr_lane_position){
        .segment = s->number,
        .offset = s->written,
        .entries = s->entries,
        .records = s->records,
    };
}

void
sr_lane_unflushed(const struct sr_lane *lane,
    void (*take)(void *arg, struct sr_span entries, uint64_t records), void *arg)
{
    for (const struct sr_segment *s = lane->shown; s != NULL; s = s->following) {
        size_t from = s == lane->shown ? lane->shown_written : s->start;
        uint64_t before = s == lane->shown ? lane->shown_records : 0;
        if (s->written > from) {
            take(arg, (struct sr_span){ s->data + from, s->written - from }, s->records - before);
        }
    }
}

uint64_t
sr_lane_unflushed_records(const struct sr_lane *lane)
{
    return lane->unflushed_records;
}

/* Links a full segment to the one after it: from now on the reader may go over to that. */
static void
seal(struct sr_lane *lane, struct sr_segment *s)
{
    static const struct sr_lane_position none;
    struct sr_queue *q = lane->queue;
    bool has_file = s->fd >= 0;
    bool sealed = has_file && sr_segment_tell(s->fd, s, true, &none) == 0;

    if (has_file) {
        (void)close(s->fd);
        s->fd = -1;
    }
    atomic_store_explicit(&s->committed, s->written, memory_order_release);
    (void)pthread_mutex_lock(&q->mutex);
    s->following->previous = s;
    lane->last = s->following;
    s->complete = has_file;
    s->sealed = sealed;
    atomic_store_explicit(&s->next, s->following, memory_order_release);
    bool high = sr_queue_is_short(q, lane->dead);
    (void)pthread_mutex_unlock(&q->mutex);
    if (high && q->spooler != NULL) {
        sr_wake_signal(q->spooler);
    }
}

/* Says that the tail has a file, once it has. */
static void
show_file(struct sr_segment *s)
{
    struct sr_queue *q = s->lane->queue;

    if (s->fd < 0) {
        return;
    }
    (void)pthread_mutex_lock(&q->mutex);
    s->has_file = true;
    s->unsynced = true;
    (void)pthread_mutex_unlock(&q->mutex);
}

void
sr_lane_flush(struct sr_lane *lane)
{
    if (lane->unflushed_records == 0) {
        return;
    }
    atomic_fetch_add(&lane->committed_records, lane->unflushed_records);
    lane->unflushed_records = 0;
    for (struct sr_segment *s = lane->shown; s != lane->tail;) {
        struct sr_segment *following = s->following;
        show_file(s);
        seal(lane, s); /* it may be gone now */
        s = following;
    }
    show_file(lane->tail);
    atomic_store_explicit(&lane->tail->committed, lane->tail->written, memory_order_release);
    sr_lane_remember_shown(lane);
    sr_wake_signal(&lane->queue->wake);
}

/* ---- The reader's side ---- */

/*
 * Goes into a segment: from then on it stays in memory until it is closed. False when it must be
 * read from disk first; the reader is woken then. The one after it is asked for in time.
 */
static bool
enter(struct sr_lane *lane, struct sr_segment *s)
{
    struct sr_queue *q = lane->queue;
    struct sr_segment *wanted = s;

    (void)pthread_mutex_lock(&q->mutex);
    if (s->data != NULL) {
        s->pinned = true;
        s->entered = true;
        wanted = atomic_load(&s->next);
    }
    bool wake = wanted != NULL && wanted->data == NULL && lane->wanted != wanted;
    if (wake) {
        lane->wanted = wanted;
    }
    (void)pthread_mutex_unlock(&q->mutex);
    if (wake && q->spooler != NULL) {
        sr_wake_signal(q->spooler);
    }
    return s->entered;
}

static void
set_cursor(struct sr_lane *lane, struct sr_segment *s)
{
    lane->cursor = s;
    lane->cursor_offset = s->prefix_offset;
    lane->cursor_index = s->prefix_count;
}

static bool
is_settled(const struct sr_segment *s, uint32_t index)
{
    return index < s->prefix_count || (s->settled[index / 64] >> (index % 64) & 1) != 0;
}

/* Gives back the segments at the head that are sealed and settled to their end. */
static void
collect(struct sr_lane *lane)
{
    for (;;) {
        struct sr_segment *s = lane->head;
        struct sr_segment *next = atomic_load_explicit(&s->next, memory_order_acquire);
        if (next == NULL || !s->entered || s->found > 0 ||
            s->prefix_offset < atomic_load_explicit(&s->committed, memory_order_acquire)) {
            return;
        }
        if (lane->cursor == s) {
            set_cursor(lane, next);
        }
        lane->ahead -= next->advanced;
        sr_segment_close(s);
    }
}

/* Moves the cursor to the segment after it; false when the writer has opened none yet. */
static bool
next_segment(struct sr_lane *lane)
{
    struct sr_segment *s = lane->cursor;
    struct sr_segment *next = atomic_load_explicit(&s->next, memory_order_acquire);

    /* `committed` is final once `next` is seen, so it is looked at again. */
    if (next == NULL ||
        lane->cursor_offset < atomic_load_explicit(&s->committed, memory_order_acquire)) {
        return next != NULL;
    }
    set_cursor(lane, next);
    collect(lane);
    return true;
}

static void
make_entry(struct sr_segment *s, uint32_t index, const struct sr_segment_entry *in,
    struct sr_entry *ret_entry)
{
    *ret_entry = (struct sr_entry){
        .segment = s,
        .run_id = s->run_id,
        .segment_number = s->number,
        .index = index,
        .recovered = s->recovered,
        .records = in->records,
        .attributes = in->attributes,
        .body = in->body,
    };
}

void
sr_segment_entry(struct sr_segment *segment, uint32_t index, struct sr_entry *ret_entry)
{
    size_t offset = segment->prefix_offset;
    struct sr_segment_entry entry;

    for (uint32_t i = segment->prefix_count;; i++) {
        sr_segment_get_entry(segment->data, offset, &entry);
        if (i == index) {
            break;
        }
        offset = entry.next;
    }
    make_entry(segment, index, &entry, ret_entry);
}

bool
sr_lane_next(struct sr_lane *lane, struct sr_entry *ret_entry)
{
    struct sr_segment_entry entry;

    for (;;) {
        struct sr_segment *s = lane->cursor;
        if (!s->entered && !enter(lane, s)) {
            return false;
        }
        size_t offset = lane->cursor_offset;
        if (offset >= atomic_load_explicit(&s->committed, memory_order_acquire)) {
            if (!next_segment(lane)) {
                return false;
            }
            continue;
        }
        sr_segment_get_entry(s->data, offset, &entry);
        uint32_t index = lane->cursor_index++;
        lane->cursor_offset = entry.next;
        if (is_settled(s, index)) {
            continue;
        }
        make_entry(s, index, &entry, ret_entry);
        return true;
    }
}

/* Adds to the settled prefix what follows it without a gap, from its first entry on. */
static void
advance(struct sr_lane *lane, struct sr_segment *s)
{
    size_t committed = atomic_load_explicit(&s->committed, memory_order_acquire);
    struct sr_segment_entry entry;

    do {
        sr_segment_get_entry(s->data, s->prefix_offset, &entry);
        s->prefix_offset = entry.next;
        s->prefix_records += entry.records;
        s->prefix_count++;
        s->advanced += entry.records;
        lane->ahead -= s == lane->head ? entry.records : 0;
    } while (s->prefix_offset < committed && is_settled(s, s->prefix_count));
}

void
sr_lane_settle(struct sr_lane *lane, struct sr_segment *segment, uint32_t index, uint32_t records)
{
    lane->ahead += records;
    if (index == segment->prefix_count) {
        advance(lane, segment);
    } else {
        segment->settled[index / 64] |= (uint64_t)1 << (index % 64);
    }
    atomic_fetch_add(&lane->settled_records, records);
    collect(lane);
}

uint64_t
sr_lane_settle_segment(struct sr_lane *lane)
{
    struct sr_segment *s = lane->head;
    bool is_full = atomic_load_explicit(&s->next, memory_order_acquire) != NULL;

    if (!is_full || s->recovered || lane->cursor != s || lane->cursor_offset != s->prefix_offset ||
        (!s->entered && !enter(lane, s))) {
        return 0;
    }
    /* What the writer counted holds once there is a next segment. */
    uint64_t records = s->records - s->prefix_records;
    s->prefix_offset = s->written;
    s->prefix_count = s->entries;
    s->prefix_records = s->records;
    s->advanced += records;
    set_cursor(lane, s);
    atomic_fetch_add(&lane->settled_records, records);
    collect(lane);
    return records;
}

void
sr_lane_rewind(struct sr_lane *lane)
{
    set_cursor(lane, lane->head);
}

uint64_t
sr_lane_take_lost(struct sr_lane *lane)
{
    uint64_t lost = 0;

    /* Only of the head, whose position tells that they are counted. */
    while (lane->head->entered && lane->head->found > 0) {
        struct sr_segment *s = lane->head;
        lost += s->found;
        s->lost += s->found;
        atomic_fetch_add(&lane->settled_records, s->found);
        s->found = 0;
        collect(lane);
    }
    return lost;
}

bool
sr_lane_is_oldest(struct sr_lane *lane, const struct sr_segment *segment, uint32_t index)
{
    collect(lane); /* its last segment may have been sealed since */
    return lane->head == segment && index == segment->prefix_count;
}

uint64_t
sr_lane_settled(const struct sr_lane *lane, struct sr_lane_position *ret_position)
{
    const struct sr_segment *s = lane->head;

    *ret_position = (struct sr_lane_position){
        .segment = s->number,
        .offset = s->prefix_offset,
        .entries = s->prefix_count,
        .records = s->prefix_records,
        .lost = s->lost,
    };
    return lane->ahead;
}

/* Files of segments before the position may go. Under the mutex. */
static bool
release_gone(struct sr_lane *lane, uint64_t before)
{
    struct sr_segment *keep = NULL;
    bool any = false;

    for (struct sr_segment *s = lane->gone; s != NULL;) {
        struct sr_segment *next = s->chain;
        struct sr_segment **list = s->number < before ? &lane->queue->removable : &keep;
        any = any || s->number < before;
        s->chain = *list;
        *list = s;
        s = next;
    }
    lane->gone = keep;
    return any;
}

void
sr_lane_kept(struct sr_lane *lane, const struct sr_lane_position *position)
{
    struct sr_queue *q = lane->queue;

    if (memcmp(position, &lane->kept, sizeof(*position)) == 0) {
        return;
    }
    (void)pthread_mutex_lock(&q->mutex);
    lane->kept = *position;
    bool any = release_gone(lane, position->segment);
    (void)pthread_mutex_unlock(&q->mutex);
    if (any && q->spooler != NULL) {
        sr_wake_signal(q->spooler);
    }
}
