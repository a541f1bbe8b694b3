/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_QUEUE_SEGMENTS_H_INCLUDED
#define SHELL_QUEUE_SEGMENTS_H_INCLUDED

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/queue.h"
#include "sr/segment.h"
#include "sr/share.h"
#include "sr/wake.h"

/*
 * What the queue, its spooler and its recovery know of each other: only these three include it.
 *
 * Memory order. The writer fills entries and then stores `committed` (release); the reader loads
 * it (acquire) and reads below it only. A full segment is sealed by storing `next` (release) after
 * its last `committed`. Everything else in a segment belongs to one side, or to whoever holds the
 * queue's mutex, as marked. The mutex is taken for whole segments, never for an entry.
 */

#define SR_QUEUE_SPARES 8U /* free blocks of memory kept mapped */

struct sr_segment {
    struct sr_segment *_Atomic next; /* also under the mutex */
    _Atomic size_t committed;        /* the reader may read below this offset */
    struct sr_lane *lane;
    uint64_t run_id, number, first_ns;
    size_t start;            /* offset of the first entry */
    bool recovered;          /* an earlier process wrote it */
    uint64_t settled_before; /* records of it that earlier processes settled or found lost */

    /* The writer's, until it stores `next`; then they stay as they are. */
    size_t written; /* end of the last entry */
    uint32_t entries;
    uint64_t records;
    struct sr_segment *following; /* opened after it, not yet shown */
    int fd;                       /* SR_QUEUE_ALWAYS: its file; -1: not open */
    size_t appended;              /* bytes in that file */
    uint32_t appended_entries;    /* entries in those */

    /* The reader's. */
    bool entered;            /* pinned by it */
    size_t prefix_offset;    /* everything before it is settled */
    uint32_t prefix_count;   /* entries before prefix_offset */
    uint64_t prefix_records; /* in those */
    uint64_t advanced;       /* records that this process added to the prefix */
    uint64_t lost;           /* records found damaged, counted */

    /* Under the mutex. `data` and `settled` stay while the writer writes or the reader reads. */
    struct sr_segment *previous;
    uint8_t *data;      /* NULL: only on disk */
    size_t size;        /* bytes of the block at `data` */
    uint64_t *settled;  /* one bit an entry, for those settled out of order; the reader's */
    size_t memory_held; /* bytes taken of the share of memory */
    size_t disk_held;
    bool pinned;    /* stays in memory: the reader needs it, now or next */
    bool busy;      /* the spooler is at it without the mutex */
    bool closed;    /* the reader is done with it; whoever is busy with it frees it */
    bool has_file;  /* there is one, perhaps not with everything */
    bool complete;  /* its file has everything */
    bool sealed;    /* its file says so */
    bool unsynced;  /* its file has what the disk may not have */
    bool damaged;   /* its file is set aside and not removed */
    uint64_t found; /* records found damaged, not counted yet; the reader's once it entered */
    struct sr_segment *chain;
};

struct sr_lane {
    struct sr_queue *queue;
    char subject[SR_SEGMENT_TEXT_MAX + 1];
    char content_type[SR_SEGMENT_TEXT_MAX + 1];
    char listener_name[SR_SEGMENT_TEXT_MAX + 1];
    unsigned listener, worker;
    bool dead, by_sink, left;
    uint64_t key;

    /* The writer's. */
    struct sr_segment *tail;
    struct sr_segment *shown; /* the tail as of the last flush, with how far it had come */
    size_t shown_written;
    uint32_t shown_entries;
    uint64_t shown_records;
    uint64_t unflushed_records;
    unsigned level; /* of sr_lane_level(), as last seen */
    _Atomic uint64_t committed_records;

    /* The reader's. */
    _Atomic uint64_t settled_records;
    struct sr_segment *head;   /* under the mutex too */
    struct sr_segment *cursor; /* where next() reads */
    size_t cursor_offset;
    uint32_t cursor_index;
    uint64_t ahead; /* records settled that are not in the head's prefix */

    /* Under the mutex. */
    struct sr_segment *last;      /* the newest that is linked */
    struct sr_segment *wanted;    /* the reader waits for it, or soon will */
    struct sr_lane_position kept; /* of the reader, as the sink has kept it */
    struct sr_lane_position told; /* of that, what is in the segment's file */
    bool told_sealed;             /* with the word that it is sealed */
    struct sr_segment *gone;      /* closed, their files to be removed once that is kept */
};

struct sr_queue {
    struct sr_queue_options options;
    size_t segment_size;
    struct sr_wake wake;
    struct sr_wake *spooler; /* NULL: none sleeps there */
    struct sr_lane **lanes;
    size_t lane_count;
    _Atomic uint64_t next_number;
    _Atomic int disk_error; /* errno why nothing goes to disk now */
    _Atomic uint64_t disk_failures, damaged;

    pthread_mutex_t mutex; /* guards all below, and what is marked so above */
    struct sr_share memory, disk;
    uint8_t *spares[SR_QUEUE_SPARES]; /* blocks of segment_size */
    unsigned spare_count;
    struct sr_segment *spare_segments; /* without memory, in a chain */
    unsigned spare_segment_count;
    struct sr_segment *removable; /* their files may be removed now */
};

/* Everything that is committed is shown: an undo comes back to here. */
void sr_lane_remember_shown(struct sr_lane *lane);

/*
 * A segment with room for an entry of `max` bytes that has its shares, or NULL. `spent` is a
 * segment that holds nothing any more and will be given back: its shares pay first. NULL: none.
 */
struct sr_segment *sr_segment_open(
    struct sr_lane *lane, size_t max, uint64_t now_ns, struct sr_segment *spent);

/* The reader is done with the lane's head: takes it off the lane. */
void sr_segment_close(struct sr_segment *s);

/* Takes a segment back that the reader never saw, and its file. */
void sr_segment_discard(struct sr_segment *s);

/*
 * Memory for `size` bytes with the bits of their entries behind. Under the mutex. NULL: there is
 * none.
 */
uint8_t *sr_queue_take_block(struct sr_queue *q, size_t size);
/* Gives a segment's memory and its share back. Under the mutex. */
void sr_segment_drop_memory(struct sr_segment *s);
/* Its bits in the block. */
uint64_t *sr_segment_bits(uint8_t *block, size_t size);

/* The errno of a write that failed (0: one that did not): for the status, and for reserve. */
void sr_queue_disk_failed(struct sr_queue *q, int error);

/* See sr_lane_level(). Under the mutex. */
unsigned sr_queue_level(const struct sr_queue *q, unsigned listener);

/* True when segments should leave memory, of lanes of dead letters if `dead`. Under the mutex. */
bool sr_queue_is_short(const struct sr_queue *q, bool dead);

/* Writes a segment's progress into its file. Returns 0 or an errno. */
int sr_segment_tell(
    int fd, const struct sr_segment *s, bool sealed, const struct sr_lane_position *settled);

#endif
