/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of one listener. Bytes go from the socket to feed(), which takes the header of a
 * balancer off them, from there to the framer (shell/stream.h) and message by message to the
 * handler. TLS belongs between the header and the framer.
 *
 * A connection for whose next message there is no room is paused: it is not read, and stands in a
 * line. A timer lets the first in the line try again; those behind it do when it got through.
 */
#include "sr/tcp.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <uv.h>

#include "shell/proxy_head.h"
#include "shell/socket.h"
#include "shell/stream.h"
#include "shell/tcp_socket.h"
#include "sr/clock.h"
#include "sr/log.h"

#include "sr/banned.h"

#define BUCKETS 256U
#define READ_SIZE (64U * 1024U)
#define KEEPALIVE_S 60U
#define TICK_MS 500
#define RETRY_MS 50                          /* lanes do not say when they have room again */
#define STOP_WAIT_NS (2 * SR_NS_PER_SECOND)  /* for room, when stopping */
#define HEAD_WAIT_NS (10 * SR_NS_PER_SECOND) /* for the header of a balancer */
#define ADVICE_OPEN "see whom the listener allows, or how much memory there is"
#define ADVICE_SOURCE "raise the listener's connections_per_source"
#define DRAIN_READS 64U /* of each connection, when stopping */

struct connection {
    uv_tcp_t handle;
    struct sr_tcp_worker *worker;
    struct connection *prev, *next;
    struct connection *behind; /* in the line of those that are paused */
    struct connection *beside; /* of those whose sources share a bucket */
    struct proxy_head *head;   /* owned; NULL: it is behind it */
    struct sr_stream stream;
    struct sr_peer peer;
    void *user;        /* the handler's, if it is open */
    uint64_t heard_ns; /* monotonic: of the last whole message, or of the last pause's end */
    bool open;         /* to the handler */
    bool paused;
    bool ended; /* the peer sends no more */
};

struct sr_tcp_worker {
    struct sr_tcp_handler handler;
    struct sr_tcp_options options;
    struct sr_worker_stats *stats;
    pthread_t thread;
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_async_t stop;
    uv_timer_t tick;
    uv_timer_t retry;
    uv_timer_t due;
    uv_prepare_t round; /* ends the batch */
    bool in_batch;
    bool unaccepted;
    bool stopping, giving_up;
    uint64_t stop_deadline_ns;
    uint64_t next_tick_ns;
    struct connection *first;
    struct connection *line, *line_end; /* those that are paused */
    unsigned count;
    struct connection *buckets[BUCKETS]; /* by source */
    int descriptors;                     /* a connection has a lower one */
    struct sr_log_limit refusing, accepting;
    _Atomic uint64_t heartbeat_ns;
    uint8_t buffer[READ_SIZE]; /* what is read is consumed, or kept elsewhere, before the next */
};

/* ---- Batches ---- */

static void
enter_batch(struct sr_tcp_worker *w)
{
    if (!w->in_batch) {
        w->in_batch = true;
        w->handler.batch_begin(w->handler.arg, sr_clock_wall_ns());
    }
}

static void on_due(uv_timer_t *timer);

static void
leave_batch(struct sr_tcp_worker *w)
{
    if (!w->in_batch) {
        return;
    }
    w->in_batch = false;
    w->handler.batch_end(w->handler.arg);
    uint64_t due_ns = w->handler.due != NULL ? w->handler.due(w->handler.arg) : UINT64_MAX;
    if (due_ns != UINT64_MAX) {
        uint64_t now_ns = sr_clock_monotonic_ns();
        uint64_t ms = due_ns > now_ns ? (due_ns - now_ns) / SR_NS_PER_MS + 1 : 0;
        uv_update_time(&w->loop); /* a timer starts from there, and a round may have been long */
        (void)uv_timer_start(&w->due, on_due, ms, 0);
    }
}

static void
on_due(uv_timer_t *timer)
{
    enter_batch(timer->data); /* its end is what is due */
}

/* Before the loop waits: all that the last round brought is one batch. */
static void
on_round(uv_prepare_t *prepare)
{
    leave_batch(prepare->data);
}

/* ---- What a stream calls ---- */

static enum sr_frame_state
on_frame(void *arg, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    struct connection *c = arg;
    const struct sr_tcp_handler *h = &c->worker->handler;

    return h->frame(h->arg, c->user, bytes, last, ret_frame);
}

static bool
on_message(void *arg, struct sr_span message, size_t used)
{
    struct connection *c = arg;
    const struct sr_tcp_handler *h = &c->worker->handler;

    return h->message(h->arg, c->user, &c->peer, message, used, c->worker->giving_up);
}

static void
on_broken(void *arg, struct sr_span bytes, const char *reason)
{
    struct connection *c = arg;
    const struct sr_tcp_handler *h = &c->worker->handler;

    h->broken(h->arg, c->user, &c->peer, bytes, reason);
}

static struct sr_stream_user
user_of(struct connection *c)
{
    return (struct sr_stream_user){
        .arg = c, .frame = on_frame, .message = on_message, .broken = on_broken
    };
}

/* ---- Sources ---- */

static struct connection **
bucket_of(struct sr_tcp_worker *w, const struct sr_peer *peer)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < sizeof(peer->address); i++) {
        hash = (hash ^ peer->address[i]) * 16777619U;
    }
    return &w->buckets[hash % BUCKETS];
}

/* Connections of the same address, up to `most`. */
static unsigned
count_source(struct sr_tcp_worker *w, const struct sr_peer *peer, unsigned most)
{
    unsigned count = 0;

    for (struct connection *c = *bucket_of(w, peer); c != NULL && count < most; c = c->beside) {
        count += memcmp(c->peer.address, peer->address, sizeof(peer->address)) == 0;
    }
    return count;
}

static void
enter_bucket(struct connection *c)
{
    struct connection **bucket = bucket_of(c->worker, &c->peer);

    c->beside = *bucket;
    *bucket = c;
}

static void
leave_bucket(struct connection *c)
{
    struct connection **at = bucket_of(c->worker, &c->peer);

    while (*at != c) {
        at = &(*at)->beside;
    }
    *at = c->beside;
}

/* ---- Who connects ---- */

static void
tell_refused(struct sr_tcp_worker *w, const struct connection *c, const char *advice)
{
    char source[SR_PEER_TEXT_MAX];
    uint64_t more;

    sr_count(&w->stats->connections_refused, 1);
    if (sr_log_allowed(&w->refusing, &more)) {
        (void)sr_peer_text(&c->peer, source);
        sr_log(SR_LOG_WARNING,
            "a connection is refused listener=%s source=%s connections=%u "
            "more_since_last_line=%llu advice=\"%s\"",
            w->handler.name, source, w->count, (unsigned long long)more, advice);
    }
}

static bool
open_user(struct connection *c)
{
    const struct sr_tcp_handler *h = &c->worker->handler;

    c->open = h->open(h->arg, &c->peer, &c->user);
    return c->open;
}

/* True when there may be one more of its address. */
static bool
has_place(struct sr_tcp_worker *w, const struct sr_peer *peer)
{
    unsigned most = w->options.per_source;

    return most == 0 || count_source(w, peer, most) < most;
}

/* The header of a balancer has come: what it says of the source counts from now on. */
static bool
admit_source(struct connection *c, const struct sr_proxy *proxy)
{
    if (proxy->has_source) {
        leave_bucket(c);
        c->peer = proxy->source;
        bool has = has_place(c->worker, &c->peer);
        enter_bucket(c);
        if (!has) {
            tell_refused(c->worker, c, ADVICE_SOURCE);
            return false;
        }
    }
    if (!open_user(c)) {
        tell_refused(c->worker, c, ADVICE_OPEN);
        return false;
    }
    return true;
}

/* ---- The end of a connection ---- */

static void
on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void
leave_line(struct connection *c)
{
    struct sr_tcp_worker *w = c->worker;
    struct connection *before = NULL;

    for (struct connection *at = w->line; at != NULL && at != c; at = at->behind) {
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
}

/* Nothing of it waits any more. */
static void
close_connection(struct connection *c)
{
    struct sr_tcp_worker *w = c->worker;

    if (c->paused) {
        leave_line(c);
    }
    if (c->open && w->handler.tick != NULL) {
        enter_batch(w);
        w->handler.tick(w->handler.arg, c->user, true);
    }
    if (c->open) {
        w->handler.close(w->handler.arg, c->user);
    }
    free(c->head);
    sr_stream_clear(&c->stream);
    leave_bucket(c);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        w->first = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    w->count--;
    atomic_store_explicit(&w->stats->connections, w->count, memory_order_relaxed);
    uv_close((uv_handle_t *)&c->handle, on_closed);
}

/* ---- Reading ---- */

static void on_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buf);
static void on_retry(uv_timer_t *timer);

/* All connections of a thread share what they read into: each is done with it before the next. */
static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = handle->data;

    (void)suggested;
    *buf = uv_buf_init((char *)c->worker->buffer, READ_SIZE);
}

static void
pause_reading(struct connection *c)
{
    struct sr_tcp_worker *w = c->worker;

    (void)uv_read_stop((uv_stream_t *)&c->handle);
    c->paused = true;
    if (w->line_end != NULL) {
        w->line_end->behind = c;
    } else {
        w->line = c;
    }
    w->line_end = c;
    if (!uv_is_active((uv_handle_t *)&w->retry)) {
        (void)uv_timer_start(&w->retry, on_retry, RETRY_MS, RETRY_MS);
    }
}

/* Does what the state of its stream asks for. */
static void
go_by(struct connection *c, enum sr_stream_state state)
{
    switch (state) {
    case SR_STREAM_OPEN:
        if (c->ended) {
            close_connection(c);
        }
        break;
    case SR_STREAM_FULL: pause_reading(c); break;
    case SR_STREAM_BROKEN: close_connection(c); break;
    }
}

/* What has come before the header of a balancer was whole, or was none. */
static void
break_head(struct connection *c)
{
    on_broken(c, (struct sr_span){ c->head->bytes, c->head->len }, "proxy_header");
}

/*
 * The header of a balancer, which is in front of everything; *bytes become those behind it. False:
 * it is none, or whom it names is refused.
 */
static bool
take_head(struct connection *c, struct sr_span *bytes)
{
    struct sr_proxy proxy;

    switch (proxy_head_take(c->head, bytes, &proxy)) {
    case SR_PROXY_MORE: return true;
    case SR_PROXY_BAD: break_head(c); break;
    case SR_PROXY_HEADER:
        free(c->head);
        c->head = NULL;
        return admit_source(c, &proxy);
    }
    return false;
}

static enum sr_stream_state
feed(struct connection *c, struct sr_span bytes)
{
    struct sr_stream_user user = user_of(c);

    if (c->head != NULL && !take_head(c, &bytes)) {
        return SR_STREAM_BROKEN;
    }
    return sr_stream_feed(&c->stream, bytes, &user);
}

static void
receive(struct connection *c, struct sr_span bytes)
{
    size_t waited = c->stream.len;

    enter_batch(c->worker);
    enum sr_stream_state state = feed(c, bytes);
    if (c->head == NULL &&
        c->stream.len < waited + bytes.len) { /* who sends a byte at a time is idle all the same */
        c->heard_ns = sr_clock_monotonic_ns();
    }
    go_by(c, state);
}

/* The peer sends no more: what has come is worked off before it is closed. */
static void
end(struct connection *c)
{
    struct sr_stream_user user = user_of(c);

    enter_batch(c->worker);
    c->ended = true;
    if (c->head != NULL && c->head->len > 0) {
        break_head(c);
    }
    go_by(c, sr_stream_end(&c->stream, &user));
}

static void
on_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buf)
{
    struct connection *c = handle->data;

    if (len > 0) {
        receive(c, (struct sr_span){ (const uint8_t *)buf->base, (size_t)len });
    } else if (len < 0) {
        (void)uv_read_stop(handle);
        end(c);
    }
}

/* Reads what the kernel has of a connection, up to a bound: a peer may never stop. */
static void
drain(struct connection *c)
{
    int fd = -1;

    (void)uv_read_stop((uv_stream_t *)&c->handle);
    (void)uv_fileno((uv_handle_t *)&c->handle, &fd);
    for (unsigned i = 0; i < DRAIN_READS && !c->paused; i++) {
        ssize_t len = recv(fd, c->worker->buffer, READ_SIZE, MSG_DONTWAIT);

        if (len <= 0) {
            break;
        }
        enum sr_stream_state state = feed(c, (struct sr_span){ c->worker->buffer, (size_t)len });
        if (state != SR_STREAM_OPEN) {
            go_by(c, state);
            return;
        }
    }
    if (!c->paused) {
        end(c);
    }
}

/* Lets those that are paused try again, in their order, until one gets no room. */
static void
retry_line(struct sr_tcp_worker *w)
{
    while (w->line != NULL) {
        struct connection *c = w->line;
        struct sr_stream_user user = user_of(c);

        enter_batch(w);
        enum sr_stream_state state =
            c->ended ? sr_stream_end(&c->stream, &user) : sr_stream_go_on(&c->stream, &user);
        if (state == SR_STREAM_FULL) {
            return;
        }
        leave_line(c);
        c->heard_ns = sr_clock_monotonic_ns();
        if (state != SR_STREAM_OPEN || c->ended) {
            go_by(c, state);
        } else if (w->stopping) {
            drain(c);
        } else {
            (void)uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read);
        }
    }
}

/* ---- Accepting ---- */

static bool
add_connection(struct sr_tcp_worker *w, struct connection *c)
{
    c->worker = w;
    c->head = w->options.proxied ? calloc(1, sizeof(*c->head)) : NULL;
    if (w->options.proxied ? c->head == NULL : !open_user(c)) {
        return false;
    }
    (void)uv_tcp_keepalive(&c->handle, 1, KEEPALIVE_S);
    c->stream.max = w->options.message_max;
    c->heard_ns = sr_clock_monotonic_ns();
    c->next = w->first;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    w->first = c;
    enter_bucket(c);
    w->count++;
    atomic_store_explicit(&w->stats->connections, w->count, memory_order_relaxed);
    sr_count(&w->stats->connections_accepted, 1);
    (void)uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read);
    return true;
}

static void
refuse(struct sr_tcp_worker *w, struct connection *c, const char *advice)
{
    tell_refused(w, c, advice);
    uv_close((uv_handle_t *)&c->handle, on_closed);
}

/*
 * Serves a connection that was accepted, or refuses it. Without descriptors libuv would close it
 * too, but tell nobody; and the output and the queue need some.
 */
static void
admit(struct sr_tcp_worker *w, struct connection *c)
{
    struct sockaddr_storage name = { .ss_family = AF_UNSPEC };
    int len = sizeof(name);
    int fd = -1;

    if (uv_tcp_getpeername(&c->handle, (struct sockaddr *)&name, &len) != 0) {
        uv_close((uv_handle_t *)&c->handle, on_closed); /* it has gone already */
        return;
    }
    sr_socket_peer(&name, &c->peer);
    (void)uv_fileno((uv_handle_t *)&c->handle, &fd);
    if (w->count >= w->options.connections) {
        refuse(w, c, "raise the listener's connections");
    } else if (!w->options.proxied && !has_place(w, &c->peer)) {
        refuse(w, c, ADVICE_SOURCE);
    } else if (fd >= w->descriptors) {
        refuse(w, c, "raise LimitNOFILE= of the service, or lower the listener's connections");
    } else if (!add_connection(w, c)) {
        refuse(w, c, ADVICE_OPEN);
    }
}

static void
on_connection(uv_stream_t *listener, int status)
{
    struct sr_tcp_worker *w = listener->data;
    uint64_t more;

    if (status < 0) {
        if (sr_log_allowed(&w->accepting, &more)) {
            sr_log(SR_LOG_WARNING, "cannot accept a connection listener=%s error=\"%s\"",
                w->handler.name, uv_strerror(status));
        }
        return;
    }
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        w->unaccepted = true; /* libuv holds it, and tells of no other before it is taken */
        return;
    }
    enter_batch(w); /* so that its counts are committed, and what `open` sees is current */
    (void)uv_tcp_init(&w->loop, &c->handle);
    c->handle.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->handle) != 0) {
        uv_close((uv_handle_t *)&c->handle, on_closed);
        return;
    }
    admit(w, c);
}

/* ---- Timers ---- */

static void
close_idle(struct sr_tcp_worker *w, uint64_t now_ns)
{
    struct connection *next;

    for (struct connection *c = w->first; c != NULL; c = next) {
        next = c->next;
        uint64_t most_ns = c->head != NULL ? HEAD_WAIT_NS : w->options.idle_ns;
        if (most_ns != 0 && !c->paused && now_ns > c->heard_ns && now_ns - c->heard_ns > most_ns) {
            end(c);
        }
    }
}

static void
on_tick(uv_timer_t *timer)
{
    struct sr_tcp_worker *w = timer->data;
    uint64_t now_ns = sr_clock_monotonic_ns();

    if (w->unaccepted && !w->stopping) {
        w->unaccepted = false;
        on_connection((uv_stream_t *)&w->listener, 0);
    }
    close_idle(w, now_ns);
    if (w->handler.tick != NULL && now_ns >= w->next_tick_ns) {
        w->next_tick_ns = now_ns + SR_NS_PER_SECOND - (uint64_t)TICK_MS / 2 * SR_NS_PER_MS;
        for (struct connection *c = w->first; c != NULL; c = c->next) {
            enter_batch(w);
            if (c->open) {
                w->handler.tick(w->handler.arg, c->user, false);
            }
        }
    }
    atomic_store(&w->heartbeat_ns, now_ns);
}

/* ---- Stopping ---- */

/* There is no later: what has no room is dropped, and counted. */
static void
give_up(struct sr_tcp_worker *w)
{
    struct connection *next;

    w->giving_up = true;
    enter_batch(w);
    for (struct connection *c = w->first; c != NULL; c = next) {
        struct sr_stream_user user = user_of(c);

        next = c->next;
        if (c->paused) {
            leave_line(c);
        }
        enum sr_stream_state state = sr_stream_go_on(&c->stream, &user);
        if (state == SR_STREAM_BROKEN) {
            close_connection(c);
        } else if (c->ended) {
            end(c);
        } else {
            drain(c);
        }
    }
}

static void
finish(struct sr_tcp_worker *w)
{
    give_up(w);
    w->handler.finish(w->handler.arg);
    leave_batch(w);
    uv_close((uv_handle_t *)&w->due, NULL);
    uv_close((uv_handle_t *)&w->retry, NULL);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_close((uv_handle_t *)&w->stop, NULL);
    uv_close((uv_handle_t *)&w->round, NULL);
}

static void
drain_all(struct sr_tcp_worker *w)
{
    struct connection *next;

    w->stopping = true;
    uv_close((uv_handle_t *)&w->listener, NULL);
    for (struct connection *c = w->first; c != NULL; c = next) {
        next = c->next;
        if (!c->paused) {
            enter_batch(w);
            drain(c);
        }
    }
}

static void
on_retry(uv_timer_t *timer)
{
    struct sr_tcp_worker *w = timer->data;
    uint64_t now_ns = sr_clock_monotonic_ns();

    retry_line(w);
    if (w->stop_deadline_ns != 0 && !w->stopping) {
        drain_all(w);
    }
    if (w->stopping && (w->line == NULL || now_ns >= w->stop_deadline_ns)) {
        finish(w);
    } else if (!w->stopping && w->line == NULL) {
        (void)uv_timer_stop(timer);
    }
}

/* One more round of the loop accepts what stands in the backlog and reads; then comes on_retry().
 */
static void
on_stop(uv_async_t *async)
{
    struct sr_tcp_worker *w = async->data;

    if (w->stop_deadline_ns == 0) {
        w->stop_deadline_ns = sr_clock_monotonic_ns() + STOP_WAIT_NS;
        (void)uv_timer_start(&w->retry, on_retry, 1, RETRY_MS);
    }
}

/* ---- Life ---- */

static void *
run(void *arg)
{
    struct sr_tcp_worker *w = arg;

    (void)pthread_setname_np(pthread_self(), "receive");
    (void)uv_run(&w->loop, UV_RUN_DEFAULT); /* until finish() has closed all handles */
    return NULL;
}

static bool
open_handles(struct sr_tcp_worker *w, int fd)
{
    if (uv_async_init(&w->loop, &w->stop, on_stop) != 0 || uv_timer_init(&w->loop, &w->tick) != 0 ||
        uv_timer_init(&w->loop, &w->retry) != 0 || uv_timer_init(&w->loop, &w->due) != 0 ||
        uv_prepare_init(&w->loop, &w->round) != 0 || uv_tcp_init(&w->loop, &w->listener) != 0 ||
        uv_tcp_open(&w->listener, fd) != 0) {
        return false;
    }
    w->stop.data = w->tick.data = w->retry.data = w->due.data = w->round.data = w->listener.data =
        w;
    return uv_listen((uv_stream_t *)&w->listener, TCP_BACKLOG, on_connection) == 0 &&
           uv_prepare_start(&w->round, on_round) == 0 &&
           uv_timer_start(&w->tick, on_tick, 0, TICK_MS) == 0;
}

struct sr_tcp_worker *
sr_tcp_worker_start(int fd, const struct sr_tcp_handler *handler,
    const struct sr_tcp_options *options, struct sr_worker_stats *stats)
{
    struct sr_tcp_worker *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    w->handler = *handler;
    w->options = *options;
    w->stats = stats;
    w->descriptors = tcp_descriptors();
    if (uv_loop_init(&w->loop) != 0) {
        free(w);
        return NULL;
    }
    atomic_store(&w->heartbeat_ns, sr_clock_monotonic_ns());
    if (open_handles(w, fd) && pthread_create(&w->thread, NULL, run, w) == 0) {
        return w;
    }
    (void)uv_loop_close(&w->loop); /* with open handles it stays open: the process is ending */
    free(w);
    return NULL;
}

void
sr_tcp_worker_stop(struct sr_tcp_worker *w)
{
    (void)uv_async_send(&w->stop);
}

void
sr_tcp_worker_join(struct sr_tcp_worker *w)
{
    if (w == NULL) {
        return;
    }
    (void)pthread_join(w->thread, NULL);
    (void)uv_loop_close(&w->loop);
    free(w);
}

uint64_t
sr_tcp_worker_heartbeat(const struct sr_tcp_worker *w)
{
    return atomic_load(&w->heartbeat_ns);
}
