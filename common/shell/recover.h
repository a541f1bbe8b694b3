/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_RECOVER_H_INCLUDED
#define SHELL_RECOVER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shell/kept.h"
#include "sr/queue.h"
#include "sr/segment.h"
#include "sr/spool.h"

/*
 * The segments that an earlier process left: which of them hold records that are not settled, and
 * where in the new queue they belong.
 */

struct found_segment {
    uint64_t number;
    uint64_t size;               /* of the file */
    uint64_t key;                /* of its lane */
    uint64_t left_key;           /* of the lane that carries what that lane has left */
    size_t start;                /* of its first entry */
    struct sr_segment_info info; /* its texts point into `header` */
    struct sr_segment_progress progress;
    uint8_t *header;
};

/* Segments of a later version: from `first` to `last`, perhaps with others between. */
struct found_later {
    uint64_t count;
    uint64_t first, last;
};

struct found {
    struct found_segment *items; /* by number, growing */
    size_t count;
    uint64_t next_number; /* above all that are there, the unreadable too */
    struct found_later later;
    uint64_t strange; /* files that are no segments, or damaged ones: set aside */
};

/*
 * Reads the headers of all segments in the spool. Files that are no segments are set aside and
 * logged; those of a newer version stay, logged. Returns 0, or an errno with nothing to free.
 */
int found_read(struct sr_spool *spool, struct found *ret_found);
void found_free(struct found *found);

/*
 * Segments of a lane that no thread writes any more go to a lane of their own, which is the same in
 * each process that finds them: this is its worker, above those of all threads.
 */
unsigned found_left_worker(const struct sr_segment_info *info);

/* What the last process kept of a lane: where it was settled and where it was written. */
struct recover_positions {
    uint64_t key;
    struct sr_lane_position settled, written;
};

struct recover_options {
    struct sr_queue *queue; /* with all its lanes, before any thread uses it */
    struct sr_spool *spool;
    const struct recover_positions *positions; /* by no order */
    size_t position_count;
    struct found_later passed_over; /* by the process that kept the positions */
    bool exact;      /* positions are those of the very end of the process `run_id` */
    bool appended;   /* it was SR_QUEUE_ALWAYS: what was written was in its files */
    uint64_t run_id; /* of the process that kept them */
};

struct recover_result {
    uint64_t segments, records; /* that stand in the queue now */
    uint64_t torn;              /* segments whose end was cut off */
    uint64_t *damaged;          /* records, by listener: known to be missing; the caller's zeros */
};

/* Puts the found segments into their lanes. False without memory. */
bool recover_attach(const struct recover_options *options, const struct found *found,
    struct recover_result *result);

#endif
