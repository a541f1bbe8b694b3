/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_METRICS_H_INCLUDED
#define SR_METRICS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sr/queue.h"
#include "sr/sink.h"
#include "sr/stats.h"

struct stream_budget;

/* What the HTTP endpoint shows. Everything is borrowed and read from the server's own thread. */
struct sr_metrics_view {
    const char *program;
    const char *version;
    struct sr_stats *stats;
    struct sr_queue *queue;
    struct sr_sink *sink;
    const struct stream_budget *buffers; /* shell/stream_budget.h */
    void *arg;
    /* Whether all threads are alive; `why` says which is not. */
    bool (*healthy)(void *arg, char *why, size_t why_size);
    /* Whether records are accepted; `why` says what stands in the way. */
    bool (*ready)(void *arg, char *why, size_t why_size);
    /* Writes families of the program's own behind those of /metrics; may be NULL. */
    void (*more)(void *more_arg, FILE *out);
    void *more_arg;
};

struct sr_metrics;

/* Writes a text in quotes, escaped as labels want it and as JSON does. */
void sr_metrics_put_quoted(FILE *f, const char *value);

/*
 * Serves GET /metrics (Prometheus text), /healthz, /readyz and /ledger (JSON) on `listen`
 * ("ADDRESS:PORT"). Returns an owned server, or NULL with the reason and what to do in `error`.
 */
struct sr_metrics *sr_metrics_start(
    const char *listen, const struct sr_metrics_view *view, char *error, size_t error_size);

/* Stops serving. NULL is fine. */
void sr_metrics_stop(struct sr_metrics *m);

#endif
