/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_QUEUE_H_INCLUDED
#define SR_QUEUE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"
#include "sr/wake.h"

/*
 * The queue between the receivers and the sink: a set of lanes. A lane is a FIFO of segments with
 * one writer (a producer thread) and one reader (the sink's thread); it carries one subject. A
 * segment is a header and entries in one run of bytes, the same that go to disk. One entry is one
 * NATS message.
 *
 * Memory is shared out so that no listener starves another: half of `memory` is guaranteed in
 * equal shares per listener, half is common; dead-letter lanes hold at most 1/16 of it. Above
 * that, a lane that holds one segment always gets another.
 *
 * Nothing here blocks but the mutex around taking and giving back a whole segment.
 */
struct sr_queue;
struct sr_lane;
struct sr_segment;

#define SR_RECORD_MAX (512U * 1024U) /* bytes of one encoded record, design decision D9 */

struct sr_queue_options {
    uint64_t memory;    /* bytes of segments, at least 1 MiB */
    unsigned listeners; /* how many share it, at least 1 */
    uint64_t run_id;    /* 64 random bits, a part of every message id of this process */
};

struct sr_lane_options {
    unsigned listener;        /* whose share pays, below sr_queue_options.listeners */
    bool dead;                /* carries dead letters */
    const char *subject;      /* copied */
    const char *content_type; /* copied; NULL for none */
};

/* Returns an owned queue, or NULL without memory. */
struct sr_queue *sr_queue_new(const struct sr_queue_options *options);

/* Frees the queue with its lanes and all that they hold. NULL is fine. */
void sr_queue_free(struct sr_queue *q);

/*
 * Adds a lane; the queue owns it. Before any thread uses the queue. NULL without memory.
 */
struct sr_lane *sr_queue_add_lane(struct sr_queue *q, const struct sr_lane_options *options);

/* The lanes in the order they were added. */
size_t sr_queue_lane_count(const struct sr_queue *q);
struct sr_lane *sr_queue_lane(const struct sr_queue *q, size_t i);

uint64_t sr_queue_run_id(const struct sr_queue *q);

/* Bytes of segments in use, for display. From any thread. */
uint64_t sr_queue_memory_used(struct sr_queue *q);

/* Where the reader sleeps: writers signal it when they flush. */
struct sr_wake *sr_queue_wake(struct sr_queue *q);

const char *sr_lane_subject(const struct sr_lane *lane);
const char *sr_lane_content_type(const struct sr_lane *lane);
unsigned sr_lane_listener(const struct sr_lane *lane);
bool sr_lane_is_dead(const struct sr_lane *lane);

/* Records committed and not yet settled. From any thread; exact when both ends rest. */
uint64_t sr_lane_queued(const struct sr_lane *lane);

/* ---- The writer's side: one thread per lane ---- */

/*
 * Room for an entry of at most `max` bytes (at most SR_RECORD_MAX and its attributes), or NULL
 * when the lane's share is used up. A second reserve without a commit gives the same room again.
 * `now_ns` (wall clock) dates the segment that it may open.
 */
uint8_t *sr_lane_reserve(struct sr_lane *lane, size_t max, uint64_t now_ns);

/*
 * Makes the first `len` bytes of the last reserve an entry of `records` records. Its first
 * `attributes` bytes are header lines "Name: value\r\n" of the message and not its body.
 */
void sr_lane_commit(struct sr_lane *lane, size_t len, size_t attributes, uint32_t records);

/* Shows the entries committed so far to the reader and wakes it: once per receive batch. */
void sr_lane_flush(struct sr_lane *lane);

/* ---- The reader's side: one thread for all lanes ---- */

/* One message as it lies in its segment; borrowed until it is settled. */
struct sr_entry {
    struct sr_segment *segment;
    uint64_t segment_number; /* unique in this run */
    uint32_t index;          /* of the entry in its segment */
    uint32_t records;
    struct sr_span attributes;
    struct sr_span body;
};

/* The next entry that is neither settled nor returned since the last rewind; false: none now. */
bool sr_lane_next(struct sr_lane *lane, struct sr_entry *ret_entry);

/*
 * The entry `index` of `segment`, of `records` records, is done with. A segment is given back when
 * all its entries are, in order: `segment` may be gone when this returns.
 */
void sr_lane_settle(
    struct sr_lane *lane, struct sr_segment *segment, uint32_t index, uint32_t records);

/*
 * Reads an unsettled entry again, without moving what sr_lane_next() gives next. Walks the segment
 * from its oldest unsettled entry: for rare cases.
 */
void sr_segment_entry(struct sr_segment *segment, uint32_t index, struct sr_entry *ret_entry);

/* sr_lane_next() starts again at the oldest unsettled entry. */
void sr_lane_rewind(struct sr_lane *lane);

/* True when there is nothing between writer and reader: all that was flushed is settled. */
bool sr_lane_empty(const struct sr_lane *lane);

#endif
