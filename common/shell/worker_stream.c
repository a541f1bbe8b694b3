/* SPDX-License-Identifier: Apache-2.0 */
/* A worker whose inputs come over connections: what sr/tcp.h calls, for the program's hooks. */
#include "shell/worker.h"

#include "sr/banned.h"

static void
on_batch_begin(void *arg, uint64_t now_ns)
{
    sr_worker_begin(arg, now_ns);
}

static bool
on_allows(void *arg, const struct sr_peer *peer)
{
    const struct sr_worker *w = arg;

    return w->snapshots->program->connection_allowed(w->snapshot->state, w->listener, peer);
}

static bool
on_open(void *arg, const struct sr_peer *peer, const char *tls_peer, void **ret_connection)
{
    const struct sr_worker *w = arg;
    const struct sr_program *program = w->snapshots->program;

    if (program->connection_new == NULL) {
        *ret_connection = NULL;
        return true;
    }
    void *connection =
        program->connection_new(w->state, w->snapshot->state, w->listener, peer, tls_peer);
    if (connection == NULL) {
        return false;
    }
    *ret_connection = connection;
    return true;
}

static void
on_close(void *arg, void *connection)
{
    const struct sr_worker *w = arg;

    if (connection != NULL) {
        w->snapshots->program->connection_free(w->state, connection);
    }
}

static enum sr_frame_state
on_frame(void *arg, void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    const struct sr_worker *w = arg;

    return w->snapshots->program->frame(connection, bytes, last, ret_frame);
}

static enum sr_tcp_word
on_message(void *arg, void *connection, const struct sr_peer *peer, struct sr_span message,
    size_t used, bool must)
{
    struct sr_worker *w = arg;

    w->deadletters = 0;
    w->peer = peer;
    enum sr_verdict verdict = w->snapshots->program->stream_message(w->state, w->snapshot->state,
        w->listener, w->scratch, connection, w->now_ns, peer, message, must, &w->emit);
    if ((verdict == SR_FULL || verdict == SR_LATER) && !must) {
        sr_count(&w->stats->parts, w->deadletters); /* these will not come again */
        return verdict == SR_FULL ? SR_TCP_FULL : SR_TCP_LATER;
    }
    sr_count(&w->stats->received, 1);
    sr_count(&w->stats->received_bytes, used);
    sr_worker_settle(w, verdict);
    return SR_TCP_TAKEN;
}

/* What ends a connection is one input, whatever the sender meant it to be. */
static void
on_broken(void *arg, void *connection, const struct sr_peer *peer, struct sr_span bytes,
    const char *reason)
{
    struct sr_worker *w = arg;

    (void)connection;
    sr_count(&w->stats->received, 1);
    sr_count(&w->stats->received_bytes, bytes.len);
    w->emit.deadletter(w, reason, peer, w->now_ns, bytes);
}

static void
on_tick(void *arg, void *connection, bool last)
{
    struct sr_worker *w = arg;

    w->deadletters = 0;
    w->peer = NULL;
    w->snapshots->program->connection_tick(w->state, w->snapshot->state, w->listener, w->scratch,
        connection, w->now_ns, last, &w->emit);
    sr_count(&w->stats->parts, w->deadletters);
}

static void
on_finish(void *arg)
{
    struct sr_worker *w = arg;

    batch_close(&w->batch);
}

bool
sr_worker_set_streams(
    struct sr_worker *w, const struct sr_conf_listener *l, struct stream_budget *buffers)
{
    w->stream_options.connections = (unsigned)l->connections;
    w->stream_options.per_source = (unsigned)l->connections_per_source;
    w->stream_options.idle_ns = l->idle_timeout;
    w->stream_options.buffers = buffers;
    w->stream_options.proxied = l->proxy_protocol != 0;
    w->stream_options.balancers = &w->balancers;
    return sr_access_init(&w->balancers, &l->balancers, NULL);
}

bool
sr_worker_start_streams(struct sr_worker *w)
{
    const struct sr_program *program = w->snapshots->program;
    struct sr_tcp_handler handler = {
        .arg = w,
        .name = w->name,
        .batch_begin = on_batch_begin,
        .batch_end = sr_worker_batch_end,
        .due = w->batching.records > 1 && w->linger_ns > 0 ? sr_worker_due : NULL,
        .allows = program->connection_allowed != NULL ? on_allows : NULL,
        .open = on_open,
        .close = on_close,
        .frame = on_frame,
        .message = on_message,
        .broken = on_broken,
        .tick = program->connection_tick != NULL ? on_tick : NULL,
        .finish = on_finish,
    };

    w->stream_options.message_max = program->stream_message_max;
    w->acceptor = sr_tcp_worker_start(w->at.fd, &handler, &w->stream_options, w->stats);
    return w->acceptor != NULL;
}
