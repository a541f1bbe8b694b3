/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_STATS_H_INCLUDED
#define SR_STATS_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sr_queue;
struct sr_text;

/*
 * Counters, and the ledger that they must satisfy. Each counter has one writing thread and may be
 * read from any: a plain store is enough, no locked instruction on the hot path.
 */

static inline void
sr_count(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

static inline uint64_t
sr_counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit((_Atomic uint64_t *)counter, memory_order_relaxed);
}

/* Counts by reason. Reasons are words with static storage; one more than fits counts as "other". */
#define SR_REASONS_MAX 32
struct sr_reasons {
    struct {
        const char *_Atomic reason;
        _Atomic uint64_t count;
    } items[SR_REASONS_MAX];
};

/* Counts `n` under `reason`; returns its row. */
size_t sr_reasons_count(struct sr_reasons *r, const char *reason, uint64_t n);
uint64_t sr_reasons_total(const struct sr_reasons *r);

/* What one receive thread counts. Datagrams unless said otherwise. */
struct sr_worker_stats {
    _Atomic uint64_t received;
    _Atomic uint64_t received_bytes;
    _Atomic uint64_t decoded;      /* became records that entered the queue */
    _Atomic uint64_t records;      /* those records */
    _Atomic uint64_t deadlettered; /* entered a dead-letter lane */
    _Atomic uint64_t parts;        /* of datagrams, that count as inputs of their own (sr/emit.h) */
    /* Records that were decoded and fill a batch: in no queue yet, and not in `records`. */
    _Atomic uint64_t batching;
    _Atomic uint64_t
        kernel_drops;         /* lost in the socket before they were received: not in `received` */
    _Atomic uint64_t batches; /* receive calls that returned something */
    /* Of streams: open now, ever accepted, closed at once because there were too many. */
    _Atomic uint64_t connections;
    _Atomic uint64_t connections_accepted;
    _Atomic uint64_t connections_refused;
    _Atomic uint64_t accepts_put_off;     /* times that those who connected had to wait */
    _Atomic uint64_t connections_cut_off; /* ended in a message for their part of a budget */
    struct sr_reasons tls_failures;       /* sessions that ended for a fault, by reason; not kept */
    struct sr_reasons undecodable;        /* every input that could not be decoded, by reason */
    struct sr_reasons dropped;  /* inputs that were received and went nowhere, by reason */
    struct sr_reasons consumed; /* datagrams that have no record of their own, by reason */
    /* Records found in the queue's directory that no counter knew. Of worker 0, set before the
     * threads start. */
    _Atomic uint64_t recovered;
    /* Records by reason: decoded, or found missing after a crash, and in no queue. */
    struct sr_reasons lost;
    /* Which socket is received from (SO_COOKIE; 0: none yet), and the kernel's count of its drops
     * as last seen: a process that is handed the same socket goes on from there. */
    _Atomic uint64_t socket_cookie;
    _Atomic uint64_t kernel_seen;
};

/* What the sink counts for one listener. Records. */
struct sr_delivery_stats {
    _Atomic uint64_t stored;      /* acknowledged by JetStream, or written */
    _Atomic uint64_t stored_dead; /* the same, as dead letters */
    _Atomic uint64_t moved;       /* refused for ever and queued again as dead letters */
    _Atomic uint64_t redelivered; /* messages sent again after a failure */
    struct sr_reasons dropped;    /* records given up, by reason */
};

/* What became of a listener's requests (sr/request.h), since the start of the process. */
struct sr_request_stats {
    _Atomic uint64_t waiting;    /* now: their answers wait for their records */
    _Atomic uint64_t answered;   /* once their records were kept */
    _Atomic uint64_t repeated;   /* came again and made no record */
    _Atomic uint64_t unsendable; /* answers that the kernel did not take */
    _Atomic uint64_t forgotten; /* waited, and were given up: for room, for time, or their record */
    _Atomic uint64_t known;     /* records that JetStream had already, under the same id */
};

struct sr_listener_stats {
    char name[96];               /* its address, as configured */
    bool has_streams;            /* set before the threads start */
    bool has_tls;                /* the same */
    _Atomic int64_t tls_expires; /* when its certificate does, seconds since 1970 UTC */
    unsigned worker_count;
    struct sr_worker_stats *workers;
    struct sr_delivery_stats delivery;
    bool has_requests; /* set before the threads start */
    struct sr_request_stats requests;
};

struct sr_stats {
    unsigned listener_count;
    struct sr_listener_stats *listeners;
    struct sr_text *texts; /* of sr_stats_keep_text() */
};

/* Returns owned counters at zero for `count` listeners of `workers` threads each; NULL without
 * memory. */
struct sr_stats *sr_stats_new(unsigned count, const unsigned *workers);
void sr_stats_free(struct sr_stats *s);

/*
 * A copy of `text` that lives as long as `s`, the same one for equal texts: a reason that came from
 * a file. Borrowed; NULL without memory. Not from two threads at once.
 */
const char *sr_stats_keep_text(struct sr_stats *s, const char *text);

/*
 * The two equations of a listener. They hold exactly when nothing is on the move:
 *   inputs   received + parts = decoded + consumed + deadlettered + dropped
 *   records  records + deadlettered + recovered = stored + stored_dead + queued + dropped_records
 * where dropped_records are those that the sink gave up and those that the workers lost.
 */
struct sr_ledger {
    uint64_t received, parts, decoded, consumed, deadlettered, dropped;
    uint64_t records, recovered, stored, stored_dead, queued, dropped_records;
    uint64_t kernel_drops;
    uint64_t batching; /* records that fill batches: decoded, and in no other number yet */
};

struct sr_ledger sr_ledger_take(
    const struct sr_stats *s, const struct sr_queue *q, unsigned listener);
bool sr_ledger_balanced(const struct sr_ledger *ledger);

/*
 * Logs the ledger of every listener at the end of a process, and what is lost with it: all that is
 * queued, or with `kept` the `unkept` records that the disk did not take. True when every number is
 * explained and nothing is lost.
 */
bool sr_ledgers_report(
    const struct sr_stats *s, const struct sr_queue *q, bool kept, uint64_t unkept);

#endif
