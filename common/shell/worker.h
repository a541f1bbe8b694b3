/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_WORKER_H_INCLUDED
#define SHELL_WORKER_H_INCLUDED

#include "shell/snapshot.h"
#include "sr/counters.h"
#include "sr/emit.h"
#include "sr/log.h"
#include "sr/queue.h"
#include "sr/stats.h"
#include "sr/udp.h"

/* One receiving thread of a listener: its socket, its decoder's memory and its two lanes. */
struct sr_worker {
    struct sr_snapshots *snapshots;
    void *state; /* the program's, NULL: it has none; borrowed */
    unsigned listener;
    const char *name; /* of the listener, for the log; borrowed */
    struct sr_worker_stats *stats;
    struct sr_lane *lane;
    struct sr_lane *dead; /* NULL: what cannot be decoded is counted only */
    void *scratch;
    struct sr_counters_slot *slot; /* its counters are kept there, NULL: nowhere; borrowed */
    int fd;                        /* until the receiver takes it; -1: none */
    struct sr_udp_worker *receiver;

    /* The thread's own. */
    struct sr_snapshot *snapshot; /* held */
    uint64_t generation;          /* of `snapshot` */
    uint64_t now_ns;              /* of this batch, wall clock */
    uint64_t deadletters;         /* of this datagram or tick, kept or not */
    struct sr_emit emit;
    struct sr_log_limit undecodable[SR_REASONS_MAX]; /* by row of stats->undecodable */
    struct sr_log_limit dropping[SR_REASONS_MAX];    /* by row of stats->dropped */
    struct sr_log_limit losing[SR_REASONS_MAX];      /* by row of stats->lost */
};

/* Starts to receive on w->fd, which it takes. All fields above `the thread's own` are set. */
bool sr_worker_start(struct sr_worker *w);

/* Receives what the kernel still holds, then ends. Waits for none. */
void sr_worker_stop(struct sr_worker *w);

/* Waits for the end of a started worker and frees what it holds; closes `fd` of another. */
void sr_worker_done(struct sr_worker *w);

#endif
