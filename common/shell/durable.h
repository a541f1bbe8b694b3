/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_DURABLE_H_INCLUDED
#define SHELL_DURABLE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/conf_common.h"
#include "sr/queue.h"
#include "sr/sink.h"
#include "sr/stats.h"

struct sr_counters_slot;

/*
 * The side of the daemon that survives it: the queue's directory, the counters in it, the spooler,
 * and what a start takes over from the process before. All calls are from the main thread.
 */
struct durable;

/*
 * Opens `conf->dir` and reads what lies there. NULL with `error` filled when it cannot be used.
 * `conf` is borrowed to the end.
 */
struct durable *durable_open(const struct sr_conf_queue *conf, char *error, size_t error_size);

/* What the queue's options need of it. */
struct sr_spool *durable_spool(const struct durable *d);
uint64_t durable_first_number(const struct durable *d);

/*
 * Adds lanes for found segments that no lane of `q` would write any more, in the books of their
 * listener or, when that is no more, of the first one. After all receiving threads have theirs,
 * before the sink, which writes dead letters if `dead_letters`, is made. False without memory.
 */
bool durable_add_lanes(
    struct durable *d, struct sr_queue *q, const struct sr_stats *stats, bool dead_letters);

/*
 * Takes over: counters go on where they were, found segments stand in their lanes before all new
 * ones, and what is missing is counted as lost. Then starts the spooler. After the sink is made,
 * before it starts. False with `error` filled.
 */
bool durable_start(struct durable *d, struct sr_queue *q, struct sr_stats *stats,
    struct sr_sink *sink, char *error, size_t error_size);

/*
 * What the receiving thread `worker` of a listener keeps its counters in; borrowed. Its raw bytes
 * are a struct sr_udp_hand.
 */
struct sr_counters_slot *durable_worker_slot(
    const struct durable *d, unsigned listener, unsigned worker);

/*
 * A receiving thread's commit, once each batch, between sr_lane_keep() and sr_lane_flush(): its
 * counters and where its two lanes (NULL: none) are written, of one moment.
 */
void durable_keep_worker(struct sr_counters_slot *slot, const struct sr_worker_stats *stats,
    const struct sr_lane *lane, const struct sr_lane *dead);

/*
 * Ends the spooler, after all other threads of the queue: what is left goes to disk. Returns the
 * records that could not be written.
 */
uint64_t durable_stop(struct durable *d);

/* Closes the directory. NULL is fine. */
void durable_free(struct durable *d);

/* Logs a warning when `dir` holds segments that a queue in memory does not send. */
void durable_warn_of_leftovers(const char *dir);

#endif
