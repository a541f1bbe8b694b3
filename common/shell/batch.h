/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_BATCH_H_INCLUDED
#define SHELL_BATCH_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/queue.h"
#include "sr/stats.h"

/*
 * Many records as one entry of a lane, which is one message: the batch is written where the entry
 * will be, and the lane learns of it when it is closed. Each record has a newline behind it, or its
 * length as a varint (as protobuf has it) before it. The message's headers are
 *
 *     Content-Type: TYPE
 *     Sr-Records: N
 */
struct batch_options {
    const char *content_type; /* borrowed */
    bool delimited;           /* a length before each record, else a newline behind it */
    uint32_t records;         /* that close a batch; 0 or 1: there are no batches */
    size_t bytes;             /* of records that close a batch */
};

/* The one thread's that writes the lane. Zero-initialised: no batches. */
struct batch {
    struct batch_options options;
    struct sr_lane *lane;          /* borrowed */
    struct sr_worker_stats *stats; /* borrowed: `records` and `batching` are counted there */
    uint64_t due_ns;               /* the owner's: 0 when a batch is begun */
    uint8_t *entry;                /* of the open batch, reserved in the lane; NULL: none is open */
    size_t capacity;               /* bytes that its records may have */
    size_t len;                    /* bytes that they have */
    uint32_t records;
    unsigned digits; /* of the number of records, as it will probably be */
    size_t prefix;   /* bytes before the record that is being written */
};

void batch_init(struct batch *b, struct sr_lane *lane, struct sr_worker_stats *stats,
    const struct batch_options *options);

/*
 * Room for a record of at most `max` bytes, as sr_lane_reserve() gives it. Closes the open batch
 * when the record may not fit. A record larger than a batch is one of its own.
 */
uint8_t *batch_reserve(struct batch *b, size_t max, uint64_t now_ns);

/* The first `len` bytes of the last reserve are `records` records; closes a batch that is full. */
void batch_commit(struct batch *b, size_t len, uint32_t records);

/* Hands the open batch to its lane, where sr_lane_flush() shows it. Without one: nothing. */
void batch_close(struct batch *b);

#endif
