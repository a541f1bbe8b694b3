/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_LIFE_H_INCLUDED
#define TESTS_UNIT_LIFE_H_INCLUDED

#include <stdbool.h>

#include "sr/conf_common.h"
#include "sr/queue.h"
#include "sr/sink.h"
#include "sr/stats.h"

struct durable;
struct pub_lanes;
struct sr_counters_slot;

/*
 * A daemon from start to end as runtime.c makes it, without its sockets and its threads but the
 * spooler's: whoever calls is the receiving threads and the publisher's.
 */
#define LIFE_LISTENERS 2U
#define LIFE_WORKERS_MAX 2U

struct life_sink {
    struct sr_sink base;
    struct pub_lanes *lanes;
};

struct life_worker {
    struct sr_lane *lane, *dead; /* dead: NULL but for worker 0 */
    struct sr_worker_stats *stats;
    struct sr_counters_slot *slot;
};

struct life {
    struct sr_conf_queue conf;
    struct durable *durable;
    struct sr_queue *queue;
    struct sr_stats *stats;
    struct life_sink sink;
    struct life_worker workers[LIFE_LISTENERS][LIFE_WORKERS_MAX];
    unsigned worker_count[LIFE_LISTENERS];
};

struct life_options {
    const char *dir;
    int durability;
    uint64_t memory, disk;
    unsigned workers[LIFE_LISTENERS];
    const char *subjects[LIFE_LISTENERS];
    uint64_t ack_timeout_ns;
};

/* Starts, with all that lies in the directory. */
void life_begin(struct life *l, const struct life_options *options);

/* A receive batch is over: as worker.c. Returns false when the disk took nothing of it. */
bool life_end_batch(struct life_worker *w);

/* Ends orderly. Returns the records that could not be written. Books can be looked at until
 * life_free(). */
uint64_t life_stop(struct life *l);
void life_free(struct life *l);

#endif
