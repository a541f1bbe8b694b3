/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect to a listener: how many in all, how many of a source. */
#include "shell/tcp_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/socket.h"
#include "sr/clock.h"

#include "sr/banned.h"

#define KEEPALIVE_S 60U
#define ACCEPTS_A_ROUND 256U /* then those that are open are read */
#define ADVICE_OPEN "see whom the listener allows, or how much memory there is"
#define ADVICE_BALANCER "only the listener's balancers may connect: see whether it is one of them"
#define ADVICE_SOURCE "raise the listener's connections_per_source"

/* ---- Sources ---- */

static struct tcp_connection **
bucket_of(struct sr_tcp_worker *w, const struct sr_peer *peer)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < sizeof(peer->address); i++) {
        hash = (hash ^ peer->address[i]) * 16777619U;
    }
    return &w->buckets[hash % TCP_BUCKETS];
}

/* Connections of the same address, up to `most`. */
static unsigned
count_source(struct sr_tcp_worker *w, const struct sr_peer *peer, unsigned most)
{
    unsigned count = 0;

    for (struct tcp_connection *c = *bucket_of(w, peer); c != NULL && count < most; c = c->beside) {
        count += memcmp(c->peer.address, peer->address, sizeof(peer->address)) == 0;
    }
    return count;
}

static void
enter_bucket(struct tcp_connection *c)
{
    struct tcp_connection **bucket = bucket_of(c->worker, &c->peer);

    c->beside = *bucket;
    *bucket = c;
}

void
tcp_accept_leave(struct tcp_connection *c)
{
    struct tcp_connection **at = bucket_of(c->worker, &c->peer);

    while (*at != c) {
        at = &(*at)->beside;
    }
    *at = c->beside;
}

/* ---- Who connects ---- */

static void
tell_refused(struct sr_tcp_worker *w, const struct tcp_connection *c, const char *advice)
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

/* All that was asked has been said and proved; but TLS comes first. */
static bool
open_user(struct tcp_connection *c)
{
    const struct sr_tcp_handler *h = &c->worker->handler;

    c->heard_ns = sr_clock_monotonic_ns();
    if (c->tls == NULL && c->worker->options.tls != NULL) {
        return (h->allows == NULL || h->allows(h->arg, &c->peer)) && tcp_tls_start(c);
    }
    const char *tls_peer = c->tls != NULL ? sr_tls_session_peer(c->tls) : NULL;
    c->open = h->open(h->arg, &c->peer, tls_peer, &c->user);
    return c->open;
}

/* True when there may be one more of its address. Programs of this host have none. */
static bool
has_place(struct sr_tcp_worker *w, const struct sr_peer *peer)
{
    unsigned most = w->options.per_source;

    return most == 0 || peer->is_local || count_source(w, peer, most) < most;
}

static bool
is_balancer(const struct sr_tcp_worker *w, const struct sr_peer *peer)
{
    const struct sr_access *balancers = w->options.balancers;

    return balancers == NULL || sr_access_allows(balancers, peer);
}

bool
tcp_accept_user(struct tcp_connection *c)
{
    if (!open_user(c)) {
        tell_refused(c->worker, c, ADVICE_OPEN);
        return false;
    }
    return true;
}

bool
tcp_accept_proxied(struct tcp_connection *c, const struct sr_proxy *proxy)
{
    if (proxy->has_source) {
        tcp_accept_leave(c);
        c->peer = proxy->source;
        bool has = has_place(c->worker, &c->peer);
        enter_bucket(c);
        if (!has) {
            tell_refused(c->worker, c, ADVICE_SOURCE);
            return false;
        }
    }
    return tcp_accept_user(c);
}

/* ---- Accepting ---- */

/* Takes one of the places that the connections of all sockets of the listener share. */
static bool
take_place(struct sr_tcp_worker *w)
{
    _Atomic unsigned *shared = w->options.shared;
    unsigned most = w->options.connections;

    if (shared == NULL) {
        return w->count < most;
    }
    if (atomic_fetch_add_explicit(shared, 1, memory_order_relaxed) < most) {
        return true;
    }
    tcp_accept_give_place(w);
    return false;
}

void
tcp_accept_give_place(struct sr_tcp_worker *w)
{
    if (w->options.shared != NULL) {
        (void)atomic_fetch_sub_explicit(w->options.shared, 1, memory_order_relaxed);
    }
}

static bool
add_connection(struct sr_tcp_worker *w, struct tcp_connection *c)
{
    c->worker = w;
    c->head = w->options.proxied ? calloc(1, sizeof(*c->head)) : NULL;
    if (w->options.proxied ? c->head == NULL : !open_user(c)) {
        return false;
    }
    if (!w->is_local) {
        (void)uv_tcp_keepalive(&c->handle.tcp, 1, KEEPALIVE_S);
    }
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
    tcp_connection_start(c);
    return true;
}

static void
refuse(struct sr_tcp_worker *w, struct tcp_connection *c, const char *advice)
{
    tell_refused(w, c, advice);
    uv_close(&c->handle.any, tcp_connection_on_closed);
}

/* Why a connection that was accepted is not served; NULL: it is from now on. */
static const char *
admit(struct sr_tcp_worker *w, struct tcp_connection *c)
{
    if (w->options.proxied && !is_balancer(w, &c->peer)) {
        return ADVICE_BALANCER;
    }
    if (!w->options.proxied && !has_place(w, &c->peer)) {
        return ADVICE_SOURCE;
    }
    return add_connection(w, c) ? NULL : ADVICE_OPEN;
}

static void
serve(struct sr_tcp_worker *w, struct tcp_connection *c)
{
    if (!take_place(w)) {
        refuse(w, c, "raise the listener's connections");
        return;
    }
    const char *advice = admit(w, c);
    if (advice != NULL) {
        tcp_accept_give_place(w);
        refuse(w, c, advice);
    }
}

/* Makes a handle of a descriptor, which is its own then. */
static bool
take_descriptor(struct sr_tcp_worker *w, struct tcp_connection *c, int fd)
{
    c->handle.any.data = c;
    if (w->is_local) {
        (void)uv_pipe_init(&w->loop, &c->handle.local, 0);
        c->handle.any.data = c;
        return uv_pipe_open(&c->handle.local, fd) == 0;
    }
    (void)uv_tcp_init(&w->loop, &c->handle.tcp);
    c->handle.any.data = c;
    return uv_tcp_open(&c->handle.tcp, fd) == 0;
}

/*
 * Whether a connection may have the lowest descriptor that is free: the output and the queue need
 * some. Asked before it is accepted, so that who must wait does so in the kernel.
 */
static bool
has_descriptor(const struct sr_tcp_worker *w)
{
    int lowest = fcntl(w->fd, F_DUPFD_CLOEXEC, 0);

    if (lowest < 0) {
        return false;
    }
    (void)close(lowest);
    return lowest < w->descriptors;
}

/* Who has connected, if anybody has, waits; those that are open go on. */
static void
put_off(struct sr_tcp_worker *w, const char *why)
{
    struct pollfd door = { .fd = w->fd, .events = POLLIN };
    uint64_t more;

    if (poll(&door, 1, 0) <= 0) {
        return;
    }
    (void)uv_poll_stop(&w->listener);
    w->unaccepted = true;
    sr_count(&w->stats->accepts_put_off, 1);
    if (sr_log_allowed(&w->accepting, &more)) {
        sr_log(SR_LOG_WARNING,
            "connections wait to be accepted listener=%s connections=%u error=\"%s\" "
            "more_since_last_line=%llu advice=\"raise LimitNOFILE= of the service, or lower the "
            "listener's connections\"",
            w->handler.name, w->count, why, (unsigned long long)more);
    }
}

/* Accepts the next one; false when there is none, or it must wait. */
static bool
accept_next(struct sr_tcp_worker *w)
{
    struct sockaddr_storage name = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(name);
    struct tcp_connection *c = has_descriptor(w) ? calloc(1, sizeof(*c)) : NULL;

    if (c == NULL) {
        put_off(w, "no descriptor, or no memory");
        return false;
    }
    /* With its name: of a connection that was reset already nobody else knows it. */
    int fd = accept4(w->fd, (struct sockaddr *)&name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        free(c);
        if (why == EAGAIN || why == EWOULDBLOCK) {
            return false;
        }
        if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
            put_off(w, strerror(why));
            return false;
        }
        return true; /* an error of that connection: accept(2) */
    }
    tcp_batch_enter(w); /* so that its counts are committed, and what `open` sees is current */
    if (!take_descriptor(w, c, fd)) {
        (void)close(fd);
        uv_close(&c->handle.any, tcp_connection_on_closed);
        return true;
    }
    if (w->is_local) {
        c->peer.is_local = true;
    } else {
        sr_socket_peer(&name, &c->peer);
    }
    serve(w, c);
    return true;
}

void
tcp_accept_all(struct sr_tcp_worker *w)
{
    for (unsigned i = 0; i < ACCEPTS_A_ROUND && accept_next(w); i++) {
    }
}

static void
on_connections(uv_poll_t *listener, int status, int events)
{
    struct sr_tcp_worker *w = listener->data;

    (void)events;
    if (status == 0) {
        tcp_accept_all(w);
    } else {
        w->unaccepted = true; /* libuv polls no more after an error of the socket */
    }
}

void
tcp_accept_again(struct sr_tcp_worker *w)
{
    w->unaccepted = false;
    (void)uv_poll_start(&w->listener, UV_READABLE, on_connections);
}
