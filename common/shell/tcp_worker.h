/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_TCP_WORKER_H_INCLUDED
#define SHELL_TCP_WORKER_H_INCLUDED

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "shell/proxy_head.h"
#include "shell/stream.h"
#include "shell/stream_budget.h"
#include "sr/log.h"
#include "sr/peer.h"
#include "sr/tcp.h"
#include "sr/tls.h"

/*
 * What the files of sr/tcp.h share: tcp.c runs a worker, tcp_accept.c says who may connect,
 * tcp_connection.c takes the bytes of one connection to its messages. All on the worker's thread.
 */

#define TCP_BUCKETS 256U
#define TCP_READ_SIZE (64U * 1024U)
#define TCP_PLAIN_SIZE                                                                             \
    (TCP_READ_SIZE + 16U * 1024U) /* all of a read, and a record begun before                      \
                                   */

struct tcp_connection {
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t local;
    } handle;
    struct sr_tcp_worker *worker;
    struct tcp_connection *prev, *next;
    struct tcp_connection *behind;        /* in the line of those that are paused */
    struct tcp_connection *beside;        /* of those whose sources share a bucket */
    struct tcp_connection *older, *newer; /* of those that hold a piece of a message */
    struct proxy_head *head;              /* owned; NULL: it is behind it */
    struct sr_tls_session *tls;           /* owned; NULL: it has none, or none yet */
    struct sr_stream stream;
    struct sr_peer peer;
    void *user;             /* the handler's, if it is open */
    uint64_t heard_ns;      /* monotonic: of the last whole message, or of the last pause's end */
    size_t taken;           /* of the budget */
    uint64_t held_heard_ns; /* `heard_ns` when its piece began */
    bool holds;             /* a piece, and is not paused */
    bool open;              /* to the handler */
    bool late;              /* it has said nothing for too long */
    bool paused;
    bool full;     /* it is paused with a message for which the queue has no room */
    bool later;    /* not for room, but since its source sends too much */
    bool ended;    /* the peer sends no more */
    bool draining; /* it is read for the last time, what `unread` says */
    size_t unread; /* bytes that the kernel had of it then: the peer may go on for ever */
    bool deaf;     /* it takes nothing of what TLS has to say */
};

struct sr_tcp_worker {
    struct sr_tcp_handler handler;
    struct sr_tcp_options options;
    struct sr_worker_stats *stats;
    pthread_t thread;
    uv_loop_t loop;
    int fd;        /* accepts */
    bool is_local; /* of a Unix socket */
    uv_poll_t listener;
    uv_async_t stop;
    uv_timer_t tick;
    uv_timer_t retry;
    uv_timer_t due;
    uv_prepare_t round; /* ends the batch */
    bool in_batch;
    unsigned messages;        /* of the batch */
    uint64_t last_message_ns; /* monotonic: when a batch with messages last ended */
    bool unaccepted; /* what has connected waits until there are descriptors or memory for it */
    bool stopping, giving_up;
    uint64_t stop_deadline_ns;
    uint64_t next_tick_ns;
    struct tcp_connection *first;
    struct tcp_connection *line, *line_end; /* those that are paused */
    unsigned full;                          /* how many of them are for want of room in the queue */
    struct tcp_connection *oldest, *newest; /* those that hold a piece of a message */
    unsigned count;
    struct tcp_connection *buckets[TCP_BUCKETS]; /* by source */
    int descriptors;                             /* a connection has a lower one */
    struct sr_log_limit refusing, accepting, cutting;
    struct sr_log_limit failing[SR_REASONS_MAX]; /* by row of stats->tls_failures */
    uint8_t *plain; /* what was decrypted, TCP_PLAIN_SIZE bytes; NULL without TLS */
    _Atomic uint64_t heartbeat_ns;
    uint8_t
        buffer[TCP_READ_SIZE]; /* what is read is consumed, or kept elsewhere, before the next */
};

/* ---- tcp.c ---- */

/* Begins a batch of the handler, unless one is open; the end of the loop's round ends it. */
void tcp_batch_enter(struct sr_tcp_worker *w);

/* A connection is paused: tcp_connection_retry_line() comes from time to time. */
void tcp_retry_start(struct sr_tcp_worker *w);

/* ---- tcp_accept.c ---- */

/*
 * Serves all who have connected, or refuses them. Those that there is no descriptor for wait in the
 * kernel's queue: the listener is not looked at again before tcp_accept_again().
 */
void tcp_accept_all(struct sr_tcp_worker *w);

/* Waits for connections: at the start, and when there may be descriptors again. */
void tcp_accept_again(struct sr_tcp_worker *w);

/*
 * The header of a balancer has come: what it says of the source counts from now on. False: who it
 * names is refused.
 */
bool tcp_accept_proxied(struct tcp_connection *c, const struct sr_proxy *proxy);

/* Its handshake is over: the handler opens it. False: it is refused. */
bool tcp_accept_user(struct tcp_connection *c);

/* It is none of its source's any more. */
void tcp_accept_leave(struct tcp_connection *c);

/* There may be another in its place. */
void tcp_accept_give_place(struct sr_tcp_worker *w);

/* ---- tcp_connection.c ---- */

/* Hands on the messages of a stream, decrypted if it was encrypted. */
enum sr_stream_state tcp_connection_hand_on(struct tcp_connection *c, struct sr_span bytes);

/* Begins to read. */
void tcp_connection_start(struct tcp_connection *c);

/* Stops reading it until there is room. */
void tcp_connection_pause(struct tcp_connection *c);

/* The peer sends no more: what has come is worked off before it is closed. */
void tcp_connection_end(struct tcp_connection *c);

/* Reads what the kernel has of it, up to a bound, for a peer may never stop; then ends it. */
void tcp_connection_drain(struct tcp_connection *c);

/* There is no later: what has no room is dropped, and counted. */
void tcp_connection_give_up(struct tcp_connection *c);

/* Lets those that are paused try again, in their order, until one gets no room. */
void tcp_connection_retry_line(struct sr_tcp_worker *w);

/* Frees it: the callback of uv_close(). */
void tcp_connection_on_closed(uv_handle_t *handle);

/* ---- tcp_room.c ---- */

/* Takes from the budget what one read may need. False: there is no room. */
bool tcp_room_take(struct tcp_connection *c);

/* Behind a read, and whenever what waits of it has changed: it has what it holds, and no more. */
void tcp_room_settle(struct tcp_connection *c);

/* There was no room to read it: makes some, or pauses it. It may be closed then. */
void tcp_room_make(struct tcp_connection *c);

/* Makes room for the connections of other workers, if they found none of their own. */
void tcp_room_help(struct sr_tcp_worker *w);
/* ---- tcp_tls.c ---- */

/* Begins a session on a connection. False without memory. */
bool tcp_tls_start(struct tcp_connection *c);

/* Decrypts what came and hands it on. */
enum sr_stream_state tcp_tls_feed(struct tcp_connection *c, struct sr_span bytes);

/* The session takes no more: the peer has ended it, it failed, or the peer does not listen. */
bool tcp_tls_is_over(const struct tcp_connection *c);

/* Tells what was wrong, if anything, says goodbye and frees the session. */
void tcp_tls_end(struct tcp_connection *c);

#endif
