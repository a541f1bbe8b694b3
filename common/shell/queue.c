/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sr/banned.h"

/*
 * Memory order. The writer fills entries and then stores `committed` (release); the reader loads
 * it (acquire) and reads below it only. A full segment is sealed by storing `next` (release) after
 * its last `committed`. Everything else in a segment belongs to one side, as marked.
 */

#define SEGMENT_MIN (16U * 1024U)
#define SEGMENT_MAX (256U * 1024U)
#define SEGMENTS_A_QUEUE 64U /* segments that `memory` is cut into, within the limits above */
#define SPARE_MAX 8U         /* free segments kept mapped; more are given back to the kernel */
#define PAGE 4096U
#define NAME_MAX_BYTES 256U
#define DEAD_SHARE 16U /* dead letters hold at most 1/16 of the memory */

/* The first bytes of a segment, in host order; subject and content type follow. */
struct segment_header {
    char magic[8];
    uint64_t run_id;
    uint64_t number;
    uint64_t first_ns; /* wall clock of the first receive */
    uint32_t header_len;
    uint16_t subject_len;
    uint16_t content_type_len;
};

struct entry_header {
    uint32_t length; /* attributes and body */
    uint32_t records;
    uint32_t attributes; /* bytes of header lines at the front */
};

struct sr_segment {
    struct sr_segment *_Atomic next;
    _Atomic size_t committed; /* the reader may read below this offset */
    uint8_t *data;            /* mapped, `size` bytes */
    size_t size;
    uint64_t number;
    size_t start;          /* offset of the first entry */
    size_t written;        /* writer: end of the last entry */
    size_t prefix_offset;  /* reader: everything before it is settled */
    uint32_t prefix_count; /* reader: entries before prefix_offset */
    uint64_t settled[];    /* reader: one bit an entry, for those settled out of order */
};

struct sr_lane {
    struct sr_queue *queue;
    char subject[NAME_MAX_BYTES];
    char content_type[NAME_MAX_BYTES];
    unsigned listener;
    bool dead;
    unsigned segments; /* that it holds; under sr_queue.mutex */

    struct sr_segment *tail;            /* writer */
    _Atomic uint64_t committed_records; /* writer */
    uint64_t unflushed_records;         /* writer */
    _Atomic uint64_t settled_records;   /* reader */
    struct sr_segment *head;            /* reader */
    struct sr_segment *cursor;          /* reader: where next() reads */
    size_t cursor_offset;
    uint32_t cursor_index;
};

struct sr_queue {
    struct sr_queue_options options;
    size_t segment_size;
    struct sr_wake wake;
    struct sr_lane **lanes;
    size_t lane_count;
    _Atomic uint64_t next_number;

    pthread_mutex_t mutex;   /* guards all below */
    uint64_t *listener_used; /* bytes, by listener */
    uint64_t common_used;    /* bytes above the listeners' guaranteed shares */
    uint64_t dead_used;
    uint64_t used;
    struct sr_segment *spare; /* chained by `next` */
    unsigned spare_count;
};

static size_t
round_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

struct sr_queue *
sr_queue_new(const struct sr_queue_options *options)
{
    struct sr_queue *q = calloc(1, sizeof(*q));

    if (q == NULL) {
        return NULL;
    }
    q->listener_used = calloc(options->listeners, sizeof(*q->listener_used));
    if (q->listener_used == NULL) {
        free(q);
        return NULL;
    }
    q->options = *options;
    q->segment_size = round_up((size_t)(options->memory / SEGMENTS_A_QUEUE), PAGE);
    if (q->segment_size < SEGMENT_MIN) {
        q->segment_size = SEGMENT_MIN;
    }
    if (q->segment_size > SEGMENT_MAX) {
        q->segment_size = SEGMENT_MAX;
    }
    sr_wake_init(&q->wake);
    (void)pthread_mutex_init(&q->mutex, NULL);
    return q;
}

static void
unmap_segment(struct sr_segment *s)
{
    (void)munmap(s->data, s->size);
    free(s);
}

static void
free_chain(struct sr_segment *s)
{
    while (s != NULL) {
        struct sr_segment *next = atomic_load(&s->next);
        unmap_segment(s);
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
        free(q->lanes[i]);
    }
    free(q->lanes);
    free_chain(q->spare);
    free(q->listener_used);
    (void)pthread_mutex_destroy(&q->mutex);
    sr_wake_done(&q->wake);
    free(q);
}

static uint64_t
above(uint64_t value, uint64_t limit)
{
    return value > limit ? value - limit : 0;
}

/*
 * Takes `size` bytes out of the lane's share; false when it has no more. Under the mutex. A second
 * segment is never refused: the first is given back only when there is one behind it, so a lane
 * whose share idle lanes hold would be full for ever.
 */
static bool
charge(struct sr_queue *q, struct sr_lane *lane, size_t size)
{
    uint64_t half = q->options.memory / 2;
    uint64_t share = half / q->options.listeners;
    uint64_t *used = &q->listener_used[lane->listener];
    uint64_t more_common = above(*used + size, share) - above(*used, share);
    bool second = lane->segments == 1;

    if (!second && lane->dead && q->dead_used + size > q->options.memory / DEAD_SHARE) {
        return false;
    }
    if (!second && more_common > 0 && q->common_used + more_common > q->options.memory - half) {
        return false;
    }
    *used += size;
    q->common_used += more_common;
    q->dead_used += lane->dead ? size : 0;
    q->used += size;
    lane->segments++;
    return true;
}

static void
refund(struct sr_queue *q, struct sr_lane *lane, size_t size)
{
    uint64_t share = q->options.memory / 2 / q->options.listeners;
    uint64_t *used = &q->listener_used[lane->listener];

    q->common_used -= above(*used, share) - above(*used - size, share);
    *used -= size;
    q->dead_used -= lane->dead ? size : 0;
    q->used -= size;
    lane->segments--;
}

static struct sr_segment *
map_segment(size_t size)
{
    size_t entries = size / sizeof(struct entry_header);
    size_t words = entries / 64 + 1;
    struct sr_segment *s = calloc(1, sizeof(*s) + words * sizeof(s->settled[0]));

    if (s == NULL) {
        return NULL;
    }
    s->data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s->data == MAP_FAILED) {
        free(s);
        return NULL;
    }
    s->size = size;
    return s;
}

/* A spare segment, emptied, or NULL. Under the mutex. */
static struct sr_segment *
take_spare(struct sr_queue *q)
{
    struct sr_segment *s = q->spare;

    if (s == NULL) {
        return NULL;
    }
    q->spare = atomic_load(&s->next);
    q->spare_count--;
    size_t words = s->size / sizeof(struct entry_header) / 64 + 1;
    memset(s->settled, 0, words * sizeof(s->settled[0]));
    s->prefix_count = 0;
    return s;
}

static void
write_header(const struct sr_lane *lane, struct sr_segment *s, uint64_t now_ns)
{
    struct segment_header header = {
        .magic = { 'S', 'R', 'S', 'E', 'G', 0, 0, 1 },
        .run_id = lane->queue->options.run_id,
        .number = s->number,
        .first_ns = now_ns,
        .subject_len = (uint16_t)strlen(lane->subject),
        .content_type_len = (uint16_t)strlen(lane->content_type),
    };
    header.header_len = (uint32_t)round_up(
        sizeof(header) + header.subject_len + header.content_type_len, sizeof(uint64_t));
    uint8_t *at = s->data + sizeof(header);

    memcpy(s->data, &header, sizeof(header));
    memcpy(at, lane->subject, header.subject_len);
    memcpy(at + header.subject_len, lane->content_type, header.content_type_len);
    s->start = header.header_len;
}

/* A segment with room for an entry of `max` bytes, charged to the lane, or NULL. */
static struct sr_segment *
open_segment(struct sr_lane *lane, size_t max, uint64_t now_ns)
{
    struct sr_queue *q = lane->queue;
    size_t need = sizeof(struct segment_header) + 2 * (size_t)NAME_MAX_BYTES +
                  sizeof(struct entry_header) + max;
    size_t size = need <= q->segment_size ? q->segment_size : round_up(need, PAGE);
    struct sr_segment *s = NULL;

    (void)pthread_mutex_lock(&q->mutex);
    bool charged = charge(q, lane, size);
    if (charged && size == q->segment_size) {
        s = take_spare(q);
    }
    (void)pthread_mutex_unlock(&q->mutex);
    if (!charged) {
        return NULL;
    }
    if (s == NULL) {
        s = map_segment(size);
    }
    if (s == NULL) {
        (void)pthread_mutex_lock(&q->mutex);
        refund(q, lane, size);
        (void)pthread_mutex_unlock(&q->mutex);
        return NULL;
    }
    s->number = atomic_fetch_add(&q->next_number, 1);
    write_header(lane, s, now_ns);
    s->written = s->start;
    s->prefix_offset = s->start;
    atomic_store(&s->committed, s->start);
    atomic_store(&s->next, NULL);
    return s;
}

static void
close_segment(struct sr_lane *lane, struct sr_segment *s)
{
    struct sr_queue *q = lane->queue;
    bool keep = false;

    (void)pthread_mutex_lock(&q->mutex);
    refund(q, lane, s->size);
    if (s->size == q->segment_size && q->spare_count < SPARE_MAX) {
        atomic_store(&s->next, q->spare);
        q->spare = s;
        q->spare_count++;
        keep = true;
    }
    (void)pthread_mutex_unlock(&q->mutex);
    if (!keep) {
        unmap_segment(s);
    }
}

struct sr_lane *
sr_queue_add_lane(struct sr_queue *q, const struct sr_lane_options *options)
{
    const char *content_type = options->content_type != NULL ? options->content_type : "";
    struct sr_lane **lanes = realloc(q->lanes, (q->lane_count + 1) * sizeof(struct sr_lane *));

    if (lanes == NULL) {
        return NULL;
    }
    q->lanes = lanes;
    struct sr_lane *lane = calloc(1, sizeof(*lane));
    if (lane == NULL || strlen(options->subject) >= NAME_MAX_BYTES ||
        strlen(content_type) >= NAME_MAX_BYTES) {
        free(lane);
        return NULL;
    }
    lane->queue = q;
    lane->listener = options->listener;
    lane->dead = options->dead;
    memcpy(lane->subject, options->subject, strlen(options->subject));
    memcpy(lane->content_type, content_type, strlen(content_type));
    lane->head = open_segment(lane, 0, 0);
    if (lane->head == NULL) {
        free(lane);
        return NULL;
    }
    lane->tail = lane->head;
    sr_lane_rewind(lane);
    q->lanes[q->lane_count++] = lane;
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

uint64_t
sr_queue_memory_used(struct sr_queue *q)
{
    (void)pthread_mutex_lock(&q->mutex);
    uint64_t used = q->used;
    (void)pthread_mutex_unlock(&q->mutex);
    return used;
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

bool
sr_lane_is_dead(const struct sr_lane *lane)
{
    return lane->dead;
}

uint64_t
sr_lane_queued(const struct sr_lane *lane)
{
    /* Settled first: read the other way round, a record could seem to leave before it came. */
    uint64_t settled = atomic_load(&lane->settled_records);
    return atomic_load(&lane->committed_records) - settled;
}

static size_t
entry_size(size_t length)
{
    return round_up(sizeof(struct entry_header) + length, sizeof(uint32_t));
}

uint8_t *
sr_lane_reserve(struct sr_lane *lane, size_t max, uint64_t now_ns)
{
    struct sr_segment *s = lane->tail;

    if (s->size - s->written < entry_size(max)) {
        struct sr_segment *fresh = open_segment(lane, max, now_ns);
        if (fresh == NULL) {
            return NULL;
        }
        sr_lane_flush(lane);
        atomic_store_explicit(&s->next, fresh, memory_order_release);
        lane->tail = s = fresh;
    }
    return s->data + s->written + sizeof(struct entry_header);
}

void
sr_lane_commit(struct sr_lane *lane, size_t len, size_t attributes, uint32_t records)
{
    struct sr_segment *s = lane->tail;
    struct entry_header header = {
        .length = (uint32_t)len,
        .records = records,
        .attributes = (uint32_t)attributes,
    };

    memcpy(s->data + s->written, &header, sizeof(header));
    s->written += entry_size(len);
    lane->unflushed_records += records;
}

void
sr_lane_flush(struct sr_lane *lane)
{
    struct sr_segment *s = lane->tail;

    if (lane->unflushed_records == 0) {
        return;
    }
    atomic_fetch_add(&lane->committed_records, lane->unflushed_records);
    lane->unflushed_records = 0;
    atomic_store_explicit(&s->committed, s->written, memory_order_release);
    sr_wake_signal(&lane->queue->wake);
}

static bool
is_settled(const struct sr_segment *s, uint32_t index)
{
    return index < s->prefix_count || (s->settled[index / 64] >> (index % 64) & 1) != 0;
}

static struct entry_header
read_entry(const struct sr_segment *s, size_t offset)
{
    struct entry_header header;

    memcpy(&header, s->data + offset, sizeof(header));
    return header;
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
    lane->cursor = next;
    lane->cursor_offset = next->start;
    lane->cursor_index = 0;
    return true;
}

static struct sr_entry
make_entry(struct sr_segment *s, size_t offset, uint32_t index, struct entry_header header)
{
    const uint8_t *bytes = s->data + offset + sizeof(header);

    return (struct sr_entry){
        .segment = s,
        .segment_number = s->number,
        .index = index,
        .records = header.records,
        .attributes = { bytes, header.attributes },
        .body = { bytes + header.attributes, header.length - header.attributes },
    };
}

void
sr_segment_entry(struct sr_segment *segment, uint32_t index, struct sr_entry *ret_entry)
{
    size_t offset = segment->prefix_offset;

    for (uint32_t i = segment->prefix_count; i < index; i++) {
        offset += entry_size(read_entry(segment, offset).length);
    }
    *ret_entry = make_entry(segment, offset, index, read_entry(segment, offset));
}

bool
sr_lane_next(struct sr_lane *lane, struct sr_entry *ret_entry)
{
    for (;;) {
        struct sr_segment *s = lane->cursor;
        size_t offset = lane->cursor_offset;
        if (offset >= atomic_load_explicit(&s->committed, memory_order_acquire)) {
            if (!next_segment(lane)) {
                return false;
            }
            continue;
        }
        struct entry_header header = read_entry(s, offset);
        uint32_t index = lane->cursor_index++;
        lane->cursor_offset += entry_size(header.length);
        if (is_settled(s, index)) {
            continue;
        }
        *ret_entry = make_entry(s, offset, index, header);
        return true;
    }
}

/* Gives back the segments at the head that are sealed and settled to their end. */
static void
collect(struct sr_lane *lane)
{
    for (;;) {
        struct sr_segment *s = lane->head;
        struct sr_segment *next = atomic_load_explicit(&s->next, memory_order_acquire);
        if (next == NULL ||
            s->prefix_offset < atomic_load_explicit(&s->committed, memory_order_acquire)) {
            return;
        }
        if (lane->cursor == s) {
            lane->cursor = next;
            lane->cursor_offset = next->start;
            lane->cursor_index = 0;
        }
        lane->head = next;
        close_segment(lane, s);
    }
}

void
sr_lane_settle(struct sr_lane *lane, struct sr_segment *segment, uint32_t index, uint32_t records)
{
    struct sr_segment *s = segment;

    s->settled[index / 64] |= (uint64_t)1 << (index % 64);
    size_t committed = atomic_load_explicit(&s->committed, memory_order_acquire);
    while (s->prefix_offset < committed &&
           (s->settled[s->prefix_count / 64] >> (s->prefix_count % 64) & 1) != 0) {
        s->prefix_offset += entry_size(read_entry(s, s->prefix_offset).length);
        s->prefix_count++;
    }
    atomic_fetch_add(&lane->settled_records, records);
    collect(lane);
}

void
sr_lane_rewind(struct sr_lane *lane)
{
    lane->cursor = lane->head;
    lane->cursor_offset = lane->head->prefix_offset;
    lane->cursor_index = lane->head->prefix_count;
}

bool
sr_lane_empty(const struct sr_lane *lane)
{
    return sr_lane_queued(lane) == 0;
}
