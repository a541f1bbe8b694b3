/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_WORKER_H_INCLUDED
#define SHELL_WORKER_H_INCLUDED

#include "shell/answers.h"
#include "shell/batch.h"
#include "shell/listener_socket.h"
#include "shell/snapshot.h"
#include "shell/tap.h"
#include "sr/access.h"
#include "sr/conf_common.h"
#include "sr/counters.h"
#include "sr/emit.h"
#include "sr/log.h"
#include "sr/queue.h"
#include "sr/runtime.h"
#include "sr/stats.h"
#include "sr/tcp.h"
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
    struct batch_options batching; /* what goes through `lane` */
    uint64_t linger_ns; /* how long a batch may stay open; 0: not beyond what was received */
    struct sr_counters_slot *slot; /* its counters are kept there, NULL: nowhere; borrowed */
    struct tap *tap;               /* gets a copy of what is queued; NULL: nothing does; borrowed */
    struct answers *answers;       /* of the listener; NULL: nobody is answered; borrowed */
    enum sr_answer_when answer_when;
    int socket;                /* its own, in `answers` */
    struct listener_socket at; /* its `fd` until the receiver takes it; -1: none */
    struct sr_udp_worker *receiver;
    struct sr_tcp_worker *acceptor; /* instead of `receiver`, when `at` is of streams */
    struct sr_tcp_options stream_options;
    struct sr_access balancers; /* of those */

    /* The thread's own. */
    struct sr_snapshot *snapshot; /* held */
    uint64_t generation;          /* of `snapshot` */
    uint64_t now_ns;              /* of this batch, wall clock */
    unsigned backlog;             /* of the socket, before this batch, in 32nds */
    const struct sr_peer *peer;   /* of this input; NULL: of none */
    uint64_t deadletters;         /* of this datagram or tick, kept or not */
    struct sr_emit emit;
    struct batch batch;
    const struct msghdr *message; /* of this datagram */
    uint8_t *request_room;        /* of the last reserve_request() */
    unsigned request_count;       /* in this batch: each datagram is one at most */
    bool hurries;                 /* the last batch had requests */
    uint8_t requests[SR_UDP_SLOTS][SR_REQUEST_ID_LEN];
    struct sr_log_limit undecodable[SR_REASONS_MAX]; /* by row of stats->undecodable */
    struct sr_log_limit dropping[SR_REASONS_MAX];    /* by row of stats->dropped */
    struct sr_log_limit losing[SR_REASONS_MAX];      /* by row of stats->lost */
};

/* Starts to receive on the socket, whose descriptor it takes. All fields above `the thread's own`
 * are set. */
bool sr_worker_start(struct sr_worker *w);

/* Receives what the kernel still holds, then ends. Waits for none. */
void sr_worker_stop(struct sr_worker *w);

/* Waits for the end of a started worker and frees what it holds; closes the socket of another. */
void sr_worker_done(struct sr_worker *w);

/* Monotonic nanoseconds of the last round of a started worker. From any thread. */
uint64_t sr_worker_heartbeat(const struct sr_worker *w);

/* ---- Between worker.c and its parts, on the worker's thread ---- */

/* Adds to w->emit what takes requests, if its listener answers any. */
void sr_worker_serve_requests(struct sr_worker *w);

/*
 * Behind the flush of a batch: its requests can be answered once they are received, and are
 * forgotten unless they were `kept`.
 */
void sr_worker_end_requests(struct sr_worker *w, bool kept);

bool sr_worker_start_streams(struct sr_worker *w);

/*
 * Takes from the configuration what concerns connections; their pieces of messages are in
 * `buffers`, which is borrowed. False without memory.
 */
bool sr_worker_set_streams(
    struct sr_worker *w, const struct sr_conf_listener *l, struct stream_budget *buffers);

/* Before the first input of a batch: takes the newest snapshot. */
void sr_worker_begin(struct sr_worker *w, uint64_t now_ns);

/* Counts what became of one input, and its parts: w->deadletters since it began. */
void sr_worker_settle(struct sr_worker *w, enum sr_verdict verdict);

/* Behind the last input of a batch (`arg` is the worker): keeps, counts and shows it. */
void sr_worker_batch_end(void *arg);

/* When a batch of records must be closed, monotonic; UINT64_MAX: there is none. */
uint64_t sr_worker_due(void *arg);

#endif
