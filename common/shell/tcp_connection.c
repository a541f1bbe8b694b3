/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes go from the socket to feed(), which takes the header of a balancer off them, from there
 * through TLS (tcp_tls.c), if the listener has it, to the framer (shell/stream.h) and message by
 * message to the handler.
 *
 * A connection for whose next message there is no room is paused: it is not read, and stands in a
 * line, from which the worker's timer calls tcp_connection_retry_line().
 */
#include "shell/tcp_worker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "sr/clock.h"

#include "sr/banned.h"

/* ---- What a stream calls ---- */

static enum sr_frame_state
on_frame(void *arg, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    struct tcp_connection *c = arg;
    const struct sr_tcp_handler *h = &c->worker->handler;

    return h->frame(h->arg, c->user, bytes, last, ret_frame);
}

static bool
on_message(void *arg, struct sr_span message, size_t used)
{
    struct tcp_connection *c = arg;
    const struct sr_tcp_handler *h = &c->worker->handler;

    c->worker->messages++;
    enum sr_tcp_word word =
        h->message(h->arg, c->user, &c->peer, message, used, c->worker->giving_up);
    c->later = word == SR_TCP_LATER;
    return word == SR_TCP_TAKEN;
}

static void
on_broken(void *arg, struct sr_span bytes, const char *reason)
{
    struct tcp_connection *c = arg;
    const struct sr_tcp_handler *h = &c->worker->handler;

    h->broken(h->arg, c->user, &c->peer, bytes, reason);
}

static struct sr_stream_user
user_of(struct tcp_connection *c)
{
    return (struct sr_stream_user){
        .arg = c, .frame = on_frame, .message = on_message, .broken = on_broken
    };
}

/* ---- The end of a connection ---- */

void
tcp_connection_on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void
leave_line(struct tcp_connection *c)
{
    struct sr_tcp_worker *w = c->worker;
    struct tcp_connection *before = NULL;

    for (struct tcp_connection *at = w->line; at != NULL && at != c; at = at->behind) {
        before = at;
    }
    if (before != NULL) {
        before->behind = c->behind;
    } else {
        w->line = c->behind;
    }
    if (w->line_end == c) {
        w->line_end = before;
    }
    c->behind = NULL;
    c->paused = false;
    w->full -= c->full;
    c->full = false;
}

/* Nothing of it waits any more. */
static void
close_connection(struct tcp_connection *c)
{
    struct sr_tcp_worker *w = c->worker;

    if (c->paused) {
        leave_line(c);
    }
    if (c->tls != NULL) {
        tcp_tls_end(c);
    }
    if (c->open && w->handler.tick != NULL) {
        tcp_batch_enter(w);
        w->handler.tick(w->handler.arg, c->user, true);
    }
    if (c->open) {
        w->handler.close(w->handler.arg, c->user);
    }
    free(c->head);
    sr_stream_clear(&c->stream);
    tcp_room_settle(c);
    tcp_accept_leave(c);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        w->first = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    w->count--;
    tcp_accept_give_place(w);
    atomic_store_explicit(&w->stats->connections, w->count, memory_order_relaxed);
    uv_close(&c->handle.any, tcp_connection_on_closed);
}

/* ---- Reading ---- */

/* All connections of a thread share what they read into: each is done with it before the next. */
static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct tcp_connection *c = handle->data;

    (void)suggested;
    *buf = uv_buf_init((char *)c->worker->buffer, tcp_room_take(c) ? TCP_READ_SIZE : 0);
}

void
tcp_connection_pause(struct tcp_connection *c)
{
    struct sr_tcp_worker *w = c->worker;

    (void)uv_read_stop(&c->handle.stream);
    c->paused = true;
    if (w->line_end != NULL) {
        w->line_end->behind = c;
    } else {
        w->line = c;
    }
    w->line_end = c;
    tcp_room_settle(c);
    tcp_retry_start(w);
}

/* Does what the state of its stream asks for. */
static void
go_by(struct tcp_connection *c, enum sr_stream_state state)
{
    switch (state) {
    case SR_STREAM_OPEN:
        if (c->ended) {
            close_connection(c);
        }
        break;
    case SR_STREAM_FULL:
        c->full = !c->later;
        c->worker->full += c->full;
        tcp_connection_pause(c);
        break;
    case SR_STREAM_BROKEN: close_connection(c); break;
    }
}

/* What has come before the header of a balancer was whole, or was none. */
static void
break_head(struct tcp_connection *c)
{
    on_broken(c, (struct sr_span){ c->head->bytes, c->head->len }, "proxy_header");
}

/*
 * The header of a balancer, which is in front of everything; *bytes become those behind it. False:
 * it is none, or whom it names is refused.
 */
static bool
take_head(struct tcp_connection *c, struct sr_span *bytes)
{
    struct sr_proxy proxy;

    switch (proxy_head_take(c->head, bytes, &proxy)) {
    case SR_PROXY_MORE: return true;
    case SR_PROXY_BAD: break_head(c); break;
    case SR_PROXY_HEADER:
        free(c->head);
        c->head = NULL;
        return tcp_accept_proxied(c, &proxy);
    }
    return false;
}

enum sr_stream_state
tcp_connection_hand_on(struct tcp_connection *c, struct sr_span bytes)
{
    struct sr_stream_user user = user_of(c);
    size_t waited = c->stream.len;
    enum sr_stream_state state = sr_stream_feed(&c->stream, bytes, &user);

    if (c->stream.len < waited + bytes.len) { /* who sends a byte at a time is idle all the same */
        c->heard_ns = sr_clock_monotonic_ns();
    }
    return state;
}

static enum sr_stream_state
feed(struct tcp_connection *c, struct sr_span bytes)
{
    if (c->head != NULL && !take_head(c, &bytes)) {
        return SR_STREAM_BROKEN;
    }
    return c->tls != NULL ? tcp_tls_feed(c, bytes) : tcp_connection_hand_on(c, bytes);
}

/* True when more may be read of it. */
static bool
receive(struct tcp_connection *c, struct sr_span bytes)
{
    tcp_batch_enter(c->worker);
    enum sr_stream_state state = feed(c, bytes);
    if (state != SR_STREAM_BROKEN && tcp_tls_is_over(c)) {
        (void)uv_read_stop(&c->handle.stream);
        tcp_connection_end(c);
        return false;
    }
    go_by(c, state);
    return state == SR_STREAM_OPEN;
}

void
tcp_connection_end(struct tcp_connection *c)
{
    struct sr_stream_user user = user_of(c);

    tcp_batch_enter(c->worker);
    c->ended = true;
    if (c->head != NULL && c->head->len > 0) {
        break_head(c);
    }
    go_by(c, sr_stream_end(&c->stream, &user));
}

static void
on_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buf)
{
    struct tcp_connection *c = handle->data;

    if (len > 0) {
        (void)receive(c, (struct sr_span){ (const uint8_t *)buf->base, (size_t)len });
    } else if (len == UV_ENOBUFS) { /* of on_alloc() */
        tcp_room_make(c);
        return;
    } else if (len < 0) {
        (void)uv_read_stop(handle);
        tcp_connection_end(c);
    }
    tcp_room_settle(c);
}

void
tcp_connection_start(struct tcp_connection *c)
{
    (void)uv_read_start(&c->handle.stream, on_alloc, on_read);
}

/* Bytes that the kernel has of a connection. */
static size_t
unread_of(int fd)
{
    int bytes = 0;

    return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void
tcp_connection_drain(struct tcp_connection *c)
{
    int fd = -1;

    (void)uv_read_stop(&c->handle.stream);
    (void)uv_fileno(&c->handle.any, &fd);
    if (!c->draining) {
        c->draining = true;
        c->unread = unread_of(fd);
    }
    while (c->unread > 0 && !c->paused) {
        if (!tcp_room_take(c) && !c->worker->giving_up) {
            tcp_connection_pause(c);
            break;
        }
        size_t size = c->unread < TCP_READ_SIZE ? c->unread : TCP_READ_SIZE;
        ssize_t len = recv(fd, c->worker->buffer, size, MSG_DONTWAIT);

        if (len <= 0) {
            break;
        }
        c->unread -= (size_t)len;
        bool is_open = receive(c, (struct sr_span){ c->worker->buffer, (size_t)len });
        tcp_room_settle(c);
        if (!is_open) {
            return;
        }
    }
    if (!c->paused) {
        tcp_connection_end(c);
    }
}

/* False: it still waits. */
static bool
retry(struct tcp_connection *c)
{
    struct sr_stream_user user = user_of(c);

    tcp_batch_enter(c->worker);
    enum sr_stream_state state =
        c->ended ? sr_stream_end(&c->stream, &user) : sr_stream_go_on(&c->stream, &user);
    if (state == SR_STREAM_FULL) {
        return false;
    }
    leave_line(c);
    c->heard_ns = sr_clock_monotonic_ns();
    if (state != SR_STREAM_OPEN || c->ended) {
        go_by(c, state);
    } else if (c->worker->stopping) {
        tcp_connection_drain(c);
    } else {
        tcp_connection_start(c);
    }
    tcp_room_settle(c);
    return true;
}

void
tcp_connection_retry_line(struct sr_tcp_worker *w)
{
    struct tcp_connection *last = w->line_end; /* behind it are those who come back: next time */
    struct tcp_connection *next;

    for (struct tcp_connection *c = w->line; c != NULL; c = next) {
        next = c != last ? c->behind : NULL;
        if (!retry(c) && !c->later) {
            return;
        }
    }
}

void
tcp_connection_give_up(struct tcp_connection *c)
{
    struct sr_stream_user user = user_of(c);

    if (c->paused) {
        leave_line(c);
    }
    enum sr_stream_state state = sr_stream_go_on(&c->stream, &user);
    if (state == SR_STREAM_BROKEN) {
        close_connection(c);
    } else if (c->ended) {
        tcp_connection_end(c);
    } else {
        tcp_connection_drain(c);
    }
}
