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
 * segment is a header and entries in one run of bytes, the same in memory and on disk
 * (sr/segment.h). One entry is one NATS message.
 *
 * Memory is shared out so that no listener starves another, and so is the disk (sr/share.h).
 *
 * With a spool, segments go to files. SR_QUEUE_SPILL: in memory first, and to disk by the spooler's
 * thread when memory gets short, and at the end of the process. SR_QUEUE_ALWAYS: the writer appends
 * each batch to its file before the reader sees it, so that kill -9 loses none that was shown.
 *
 * Nothing here blocks but the mutex around whole segments and, with SR_QUEUE_ALWAYS, the disk.
 */
struct sr_queue;
struct sr_lane;
struct sr_segment;
struct sr_spool;

#define SR_RECORD_MAX (512U * 1024U) /* bytes of one encoded record, design decision D9 */

enum sr_queue_durability {
    SR_QUEUE_MEMORY = 0,
    SR_QUEUE_SPILL,
    SR_QUEUE_ALWAYS,
};

struct sr_queue_options {
    uint64_t memory;        /* bytes of segments, at least 1 MiB */
    unsigned listeners;     /* how many share it, at least 1 */
    uint64_t run_id;        /* 64 random bits, a part of every message id of this process */
    int durability;         /* enum sr_queue_durability */
    struct sr_spool *spool; /* borrowed; NULL with SR_QUEUE_MEMORY */
    uint64_t disk;          /* bytes of segments on disk */
    uint64_t first_number;  /* of segments: above all that lie in the spool */
};

struct sr_lane_options {
    unsigned listener;         /* whose share pays, below sr_queue_options.listeners */
    const char *listener_name; /* copied, NULL for "": finds a lane again after a restart */
    unsigned worker;           /* likewise */
    bool dead;                 /* carries dead letters */
    bool by_sink;              /* written by the sink's thread */
    bool left;                 /* written by none: for what is found on disk, whatever its share */
    const char *subject;       /* copied */
    const char *content_type;  /* copied; NULL for none */
};

/* Where a lane's writer or reader stands: what is kept of it across a restart. */
struct sr_lane_position {
    uint64_t segment; /* number */
    uint64_t offset;  /* bytes of it that are written, or settled */
    uint64_t entries; /* in those */
    uint64_t records; /* in those; not the lost ones */
    uint64_t lost;    /* records of the segment that were found damaged and counted so */
};

#define SR_QUEUE_SEGMENT_MAX (256U * 1024U)

/* Bytes of a segment in a queue of so much memory, at most SR_QUEUE_SEGMENT_MAX; large records get
 * more. */
size_t sr_queue_segment_size(uint64_t memory);

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

/* For display. From any thread. */
struct sr_queue_status {
    uint64_t memory_used;   /* bytes of segments in memory */
    uint64_t disk_used;     /* bytes of segments on disk */
    int disk_error;         /* errno why the disk takes nothing now; 0: it does */
    uint64_t disk_failures; /* writes that it refused */
    uint64_t damaged;       /* segments found damaged, since the start */
};

void sr_queue_status(struct sr_queue *q, struct sr_queue_status *ret_status);
int sr_queue_durability(const struct sr_queue *q);

/* sr_queue_options.memory. */
uint64_t sr_queue_memory(const struct sr_queue *q);

/* Where the reader sleeps: writers signal it when they flush. */
struct sr_wake *sr_queue_wake(struct sr_queue *q);

const char *sr_lane_subject(const struct sr_lane *lane);
const char *sr_lane_content_type(const struct sr_lane *lane);
unsigned sr_lane_listener(const struct sr_lane *lane);
const char *sr_lane_listener_name(const struct sr_lane *lane);
unsigned sr_lane_worker(const struct sr_lane *lane);
bool sr_lane_is_dead(const struct sr_lane *lane);
bool sr_lane_is_by_sink(const struct sr_lane *lane);

/*
 * The same number for the same listener, worker, role and subject in every process, and hardly for
 * any others: FNV-1a.
 */
uint64_t sr_lane_key(const struct sr_lane *lane);
uint64_t sr_lane_key_of(
    struct sr_span listener, unsigned worker, bool dead, bool by_sink, struct sr_span subject);

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
 * How full is what the lane's listener can have, memory and disk, in 32nds (sr/fair.h). Below
 * SR_FAIR_PRESSED as of the lane's last segment, which costs nothing to tell; above, as of now.
 */
unsigned sr_lane_level(struct sr_lane *lane);

/* A `max` that sr_lane_reserve() has room for without another segment: 4 bytes off the largest. */
size_t sr_lane_room(const struct sr_lane *lane);

/*
 * Makes the first `len` bytes of the last reserve an entry of `records` records. Its first
 * `attributes` bytes are header lines "Name: value\r\n" of the message and not its body.
 */
void sr_lane_commit(struct sr_lane *lane, size_t len, size_t attributes, uint32_t records);

/*
 * SR_QUEUE_ALWAYS: appends what was committed since the last flush to the lane's file; else does
 * nothing. Returns 0, or an errno: then sr_lane_undo() must follow. The reader sees nothing yet.
 */
int sr_lane_keep(struct sr_lane *lane);

/* Forgets what was committed since the last flush. Returns how many records those were. */
uint64_t sr_lane_undo(struct sr_lane *lane);

/* Where the writer stands with what is committed, the unflushed too. */
void sr_lane_written(const struct sr_lane *lane, struct sr_lane_position *ret_position);

/*
 * Calls `take` for what was committed since the last flush: entries as they lie in a segment
 * (sr/segment.h), which hold so many records. Borrowed: the reader may settle them once they are
 * flushed.
 */
void sr_lane_unflushed(const struct sr_lane *lane,
    void (*take)(void *arg, struct sr_span entries, uint64_t records), void *arg);

/* How many records that is. */
uint64_t sr_lane_unflushed_records(const struct sr_lane *lane);

/* Shows the entries committed so far to the reader and wakes it: once per receive batch. */
void sr_lane_flush(struct sr_lane *lane);

/* Why sr_lane_reserve() has no room: "queue_full", or "disk_full" and the like. Static. */
const char *sr_lane_refusal(const struct sr_lane *lane);

/* ---- The reader's side: one thread for all lanes ---- */

/* One message as it lies in its segment; borrowed until it is settled. */
struct sr_entry {
    struct sr_segment *segment;
    uint64_t run_id;         /* of the process that wrote it */
    uint64_t segment_number; /* unique in that run, and growing along the lane */
    uint32_t index;          /* of the entry in its segment */
    bool recovered;          /* an earlier process wrote it and may have sent it */
    uint32_t records;
    struct sr_span attributes;
    struct sr_span body;
};

/*
 * The next entry that is neither settled nor returned since the last rewind; false: none now, or
 * it lies on disk: the reader is woken when it has been read.
 */
bool sr_lane_next(struct sr_lane *lane, struct sr_entry *ret_entry);

/*
 * The entry `index` of `segment`, of `records` records, is done with. A segment is given back when
 * all its entries are, in order: `segment` may be gone when this returns.
 */
void sr_lane_settle(
    struct sr_lane *lane, struct sr_segment *segment, uint32_t index, uint32_t records);

/*
 * For a reader that does not look at entries: settles all that is left of the oldest segment, if
 * that is full and sr_lane_next() has given none of it that is not settled. Returns its records; 0
 * when it is not.
 */
uint64_t sr_lane_settle_segment(struct sr_lane *lane);

/*
 * Reads an unsettled entry again, without moving what sr_lane_next() gives next. Walks the segment
 * from its oldest unsettled entry: for rare cases.
 */
void sr_segment_entry(struct sr_segment *segment, uint32_t index, struct sr_entry *ret_entry);

/* sr_lane_next() starts again at the oldest unsettled entry. */
void sr_lane_rewind(struct sr_lane *lane);

/* True when there is nothing between writer and reader: all that was flushed is settled. */
bool sr_lane_empty(const struct sr_lane *lane);

/* Records that were found damaged on disk since the last call; they count as settled. */
uint64_t sr_lane_take_lost(struct sr_lane *lane);

/* True when the entry is the oldest that is not settled. */
bool sr_lane_is_oldest(struct sr_lane *lane, const struct sr_segment *segment, uint32_t index);

/*
 * Where the reader stands: everything before is settled, and the entry there is not. Returns the
 * records behind it that are settled already: who goes on from the position gets them again.
 */
uint64_t sr_lane_settled(const struct sr_lane *lane, struct sr_lane_position *ret_position);

/*
 * The sink has kept that the reader stands at `position`: files of segments before it are removed,
 * and its own says so within a second.
 */
void sr_lane_kept(struct sr_lane *lane, const struct sr_lane_position *position);

#endif
