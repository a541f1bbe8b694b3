/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_TCP_H_INCLUDED
#define SR_TCP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/access.h"
#include "sr/frame.h"
#include "sr/peer.h"
#include "sr/span.h"
#include "sr/stats.h"

/*
 * Streams: a listener accepts connections, each of which carries messages that a framer tells
 * apart. One thread serves all connections of a listener. When there is no room for a message it
 * stays where it is and its connection is not read until there is: the sender feels that through
 * TCP, and nothing is lost.
 */

struct sr_tls_listener;

struct sr_tcp_address {
    const char *host; /* a name or numeric address; "" or "*": every address, dual stack */
    unsigned port;
};

/*
 * Opens, binds and listens. Returns the descriptor, or -1 with what went wrong and what to do in
 * `error`.
 */
int sr_tcp_open(const struct sr_tcp_address *address, char *error, size_t error_size);

/* True for a socket of streams, as systemd passes it for ListenStream=. */
bool sr_tcp_is_stream(int fd);

/*
 * Makes a socket that was handed over one to accept on; `may_be_local`: a Unix socket too. False
 * with what is wrong and what to do in `error`; the descriptor stays the caller's in either case.
 */
bool sr_tcp_adopt(int fd, bool may_be_local, char *error, size_t error_size);

/* What became of a message. Of two of them it comes again. */
enum sr_tcp_word {
    SR_TCP_TAKEN = 0,
    SR_TCP_FULL,  /* there is no room, for those of other connections neither */
    SR_TCP_LATER, /* its source is to wait, others need not */
};

/*
 * What a listener calls, all on its own thread. Messages come in batches: batch_begin() stands
 * before the first of what several connections had to read, batch_end() behind the last. Then the
 * counters of all of them are in the worker's; whoever copies all counters there, and nowhere
 * else, has a consistent set.
 */
struct sr_tcp_handler {
    void *arg;
    const char *name;                                /* of the listener, for the log; borrowed */
    void (*batch_begin)(void *arg, uint64_t now_ns); /* wall clock of the receive */
    void (*batch_end)(void *arg);

    /* Whether this source may connect; asked before a handshake. NULL: open() alone decides. */
    bool (*allows)(void *arg, const struct sr_peer *peer);

    /*
     * What the program keeps of a connection, in *ret_connection; false: it is refused. `tls_peer`
     * is the name that its certificate proved, borrowed for the call; NULL: it showed none.
     */
    bool (*open)(
        void *arg, const struct sr_peer *peer, const char *tls_peer, void **ret_connection);
    void (*close)(void *arg, void *connection);

    /* See sr/frame.h; with `last`, nothing follows. */
    enum sr_frame_state (*frame)(
        void *arg, void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame);

    /*
     * One message, which took `used` bytes of the stream. `must`: it will not come again, and is
     * TAKEN, or counted as dropped.
     */
    enum sr_tcp_word (*message)(void *arg, void *connection, const struct sr_peer *peer,
        struct sr_span message, size_t used, bool must);

    /* Bytes that are no message, for `reason` (see sr/frame.h): the connection ends. */
    void (*broken)(void *arg, void *connection, const struct sr_peer *peer, struct sr_span bytes,
        const char *reason);

    /* Once a second for each connection, and with `last` before its close(). May be NULL. */
    void (*tick)(void *arg, void *connection, bool last);

    /* When batch_end() must be called again, monotonic; UINT64_MAX: not of itself. May be NULL. */
    uint64_t (*due)(void *arg);

    /* Once, in the last batch, when all connections are closed. */
    void (*finish)(void *arg);
};

struct stream_budget;

struct sr_tcp_options {
    unsigned connections;     /* at most so many; what comes on top is closed at once */
    _Atomic unsigned *shared; /* how many there are of all workers for which that limit is one;
                                 borrowed; NULL: this one has its own */
    unsigned per_source;      /* of one address at most so many; 0: no limit of its own */
    uint64_t idle_ns;         /* without a whole message for so long it is closed; 0: never */
    uint64_t open_ns;   /* a balancer's header and a handshake may take so long; 0: ten seconds */
    size_t message_max; /* bytes of a message with its frame */
    bool proxied;       /* each connection begins with a header of sr/proxy.h: who made it */
    struct stream_budget *buffers;     /* shell/stream_budget.h; borrowed; NULL: without a limit */
    struct sr_tls_listener *tls;       /* what follows is TLS; NULL: it is not; borrowed */
    const struct sr_access *balancers; /* who may connect then; borrowed; NULL: everybody */
};

struct sr_tcp_worker;

/*
 * Before workers are started that may have so many connections in all: lets the process have
 * descriptors for them, as far as its hard limit goes, and logs when that is too low. Workers
 * refuse connections that would leave none for the rest of the process.
 */
void sr_tcp_expect(uint64_t connections);

/*
 * Starts to accept. Takes `fd`, of TCP or a Unix socket, whose peers are local ones (sr/peer.h);
 * `stats` and what `handler` points to must outlive the worker. Returns an owned worker, or NULL
 * (the descriptor is then still the caller's).
 */
struct sr_tcp_worker *sr_tcp_worker_start(int fd, const struct sr_tcp_handler *handler,
    const struct sr_tcp_options *options, struct sr_worker_stats *stats);

/*
 * Tells the worker to accept no more, to read what has come, and to end; it waits two seconds for
 * room if it must. Does not wait itself.
 */
void sr_tcp_worker_stop(struct sr_tcp_worker *w);

/* Waits for the end and frees. NULL is fine. */
void sr_tcp_worker_join(struct sr_tcp_worker *w);

/* Monotonic nanoseconds of its last round, at most a second old while it is well. */
uint64_t sr_tcp_worker_heartbeat(const struct sr_tcp_worker *w);

#endif
