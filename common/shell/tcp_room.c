/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of connections: what a read may need is taken from the budget that all listeners share
 * before it, and what it did not need is given back behind it. Where there is no room, whoever has
 * held the piece of a message for longest must go; those that wait for room in the queue hold whole
 * messages and may stay. While there are such, nobody goes: a piece would have to wait as they do.
 */
#include "shell/tcp_worker.h"

#include "sr/banned.h"

#define GROWTH (TCP_READ_SIZE + 16U * 1024U) /* a read, and a record of TLS that it completes */

/* ---- Those that hold a piece, the oldest first ---- */

static void
leave_holders(struct tcp_connection *c)
{
    struct sr_tcp_worker *w = c->worker;

    if (!c->holds) {
        return;
    }
    *(c->older != NULL ? &c->older->newer : &w->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &w->newest) = c->older;
    c->older = c->newer = NULL;
    c->holds = false;
}

static void
enter_holders(struct tcp_connection *c)
{
    struct sr_tcp_worker *w = c->worker;

    c->older = w->newest;
    *(c->older != NULL ? &c->older->newer : &w->oldest) = c;
    w->newest = c;
    c->holds = true;
    c->held_heard_ns = c->heard_ns;
}

/* ---- Its part of the budget ---- */

bool
tcp_room_take(struct tcp_connection *c)
{
    struct stream_budget *b = c->worker->options.buffers;
    size_t need = sr_stream_need(&c->stream, GROWTH);

    if (b == NULL) {
        return true;
    }
    if (!stream_budget_take(b, need)) {
        return false;
    }
    c->taken += need;
    return true;
}

void
tcp_room_settle(struct tcp_connection *c)
{
    struct stream_budget *b = c->worker->options.buffers;
    size_t size = c->stream.size;

    if (b != NULL && size < c->taken) {
        stream_budget_give(b, c->taken - size);
    } else if (b != NULL && size > c->taken) {
        stream_budget_add(b, size - c->taken);
    }
    c->taken = size;
    if (c->stream.len == 0 || c->paused) {
        leave_holders(c);
    } else if (!c->holds || c->held_heard_ns != c->heard_ns) { /* another message's piece */
        leave_holders(c);
        enter_holders(c);
    }
}

/* ---- Without room ---- */

static void
end_oldest(struct sr_tcp_worker *w)
{
    struct tcp_connection *c = w->oldest;
    char source[SR_PEER_TEXT_MAX];
    uint64_t more;

    sr_count(&w->stats->connections_cut_off, 1);
    if (sr_log_allowed(&w->cutting, &more)) {
        (void)sr_peer_text(&c->peer, source);
        sr_log(SR_LOG_WARNING,
            "a connection is ended in its message: stream_buffers is used up listener=%s "
            "source=%s bytes=%zu more_since_last_line=%llu advice=\"raise stream_buffers, or lower "
            "message_max or connections\"",
            w->handler.name, source, c->stream.len, (unsigned long long)more);
    }
    leave_holders(c);
    c->stream.cut_by = "buffers_full";
    (void)uv_read_stop(&c->handle.stream);
    tcp_connection_end(c); /* closes it, or its piece waits for room in the queue */
}

void
tcp_room_make(struct tcp_connection *c)
{
    struct sr_tcp_worker *w = c->worker;
    struct stream_budget *b = w->options.buffers;

    while (!c->ended && !stream_budget_has(b, sr_stream_need(&c->stream, GROWTH))) {
        if (w->oldest == NULL || w->full > 0) {
            atomic_store_explicit(&b->wanted, true, memory_order_relaxed);
            tcp_connection_pause(c);
            return;
        }
        end_oldest(w);
    }
}

void
tcp_room_help(struct sr_tcp_worker *w)
{
    struct stream_budget *b = w->options.buffers;

    if (b == NULL || !atomic_load_explicit(&b->wanted, memory_order_relaxed)) {
        return;
    }
    while (w->oldest != NULL && w->full == 0 && !stream_budget_has(b, GROWTH)) {
        end_oldest(w);
    }
    if (stream_budget_has(b, GROWTH)) {
        atomic_store_explicit(&b->wanted, false, memory_order_relaxed);
    }
}
