/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_LANE_BENCH_H_INCLUDED
#define TESTS_UNIT_LANE_BENCH_H_INCLUDED

#include "unit.h"

#include <stdbool.h>

#include "sr/ack.h"
#include "sr/queue.h"
#include "sr/stats.h"

struct pub_lanes;

/*
 * A queue, its counters and the publisher's lanes, with a list in place of the server: whatever is
 * sent is written down, answers are what the test says. Time is a number that the test moves.
 */
#define BENCH_LANES_MAX 4
#define BENCH_ACK_TIMEOUT_NS 5000000000ULL

struct bench_sent {
    char subject[64];
    char id[64];
    char reason[32];  /* Sr-Reason, "" for records */
    char records[16]; /* Sr-Records, "" without */
    char request[40]; /* Nats-Msg-Id of its attributes, "" without */
    uint64_t number;
    uint32_t value; /* the first four bytes of the body, which name the record */
    size_t len;     /* of the body */
};

struct bench {
    struct sr_queue *queue;
    struct sr_stats *stats;
    struct pub_lanes *lanes;
    struct sr_lane *lane[BENCH_LANES_MAX]; /* of records */
    size_t lane_count;
    uint64_t now_ns;
    size_t max_payload;
    struct bench_sent *sent; /* in the order of sending */
    size_t sent_count, sent_room;
    size_t sends_left; /* then the connection breaks */
    unsigned told;     /* of requests that are stored */
    uint8_t told_letter;
    bool told_known;
};

struct bench_options {
    const char *subjects[BENCH_LANES_MAX]; /* one lane each; NULL ends them */
    unsigned listeners;                    /* lanes are dealt out to them in turn; 0: 1 */
    uint64_t memory;                       /* 0: 16 MiB */
    bool no_dead_letters;
};

void bench_open(struct bench *b, const struct bench_options *options);
void bench_close(struct bench *b);

/* Queues and flushes a record of `len` bytes, at least 4; false when the lane is full. */
bool bench_put(struct bench *b, size_t lane, uint32_t value, size_t len);

/* Queues a record that is a request's, whose id is all `letter`. */
void bench_put_request(struct bench *b, size_t lane, uint32_t value, uint8_t letter);

/* Queues `count` records of `len` bytes with the values from `first` on. */
void bench_fill(struct bench *b, size_t lane, uint32_t first, uint32_t count, size_t len);

/* A tick and all that may be sent; a broken connection is told to the lanes. */
void bench_run(struct bench *b);

/* Moves time and runs. */
void bench_wait(struct bench *b, uint64_t ns);

/* Says that the messages sent from index `from` up to `to` are stored. */
void bench_store(struct bench *b, size_t from, size_t to);

/* Refuses one message. */
void bench_refuse(struct bench *b, size_t index, enum sr_refusal refusal);

/* Stores everything that is and will be sent until the queue is empty. */
void bench_drain(struct bench *b);

/* What lies in the queue, lane and dead-letter lanes together. */
uint64_t bench_queued(const struct bench *b);

/* The delivery counters of listener 0, and how many were dropped for a reason. */
const struct sr_delivery_stats *bench_delivery(const struct bench *b);
uint64_t bench_dropped(const struct bench *b, const char *reason);

/* The two sums of the ledger hold. */
void bench_assert_balanced(const struct bench *b);

/* A group's setup: leaves out the log lines about refusals. */
int bench_be_quiet(void **state);

#endif
