/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_UDP_H_INCLUDED
#define SR_UDP_H_INCLUDED

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "sr/peer.h"
#include "sr/span.h"
#include "sr/stats.h"

/* What a UDP socket is opened with. */
struct sr_udp_address {
    const char *host; /* a name or numeric address; "" or "*": every address, dual stack */
    unsigned port;
    uint64_t receive_buffer; /* bytes asked of the kernel */
    bool shared;             /* SO_REUSEPORT: several sockets share the port */
};

/*
 * Opens and binds a non-blocking socket: dual stack for "::". Asks for the receive buffer with
 * SO_RCVBUFFORCE, else with SO_RCVBUF, and logs once when the kernel gives less. Returns the
 * descriptor, or -1 with what went wrong and what to do in `error`.
 */
int sr_udp_open(const struct sr_udp_address *address, char *error, size_t error_size);

/*
 * Makes a socket that was handed over one to receive on: checks that it is a UDP socket, or with
 * `may_be_local` a Unix socket of datagrams, makes it non-blocking and asks for the receive buffer
 * (bytes) as sr_udp_open() does, but never for less than it has. The kernel holds what is sent to a
 * Unix socket for its senders, in their buffers. False with what is wrong and what to do in
 * `error`; the descriptor stays the caller's in either case.
 */
bool sr_udp_adopt(
    int fd, bool may_be_local, uint64_t receive_buffer, char *error, size_t error_size);

/*
 * What a worker has in its hand: the datagrams that recvmmsg(2) took off the socket and that no
 * counter knows yet. A process that is killed loses them; when this struct is memory that outlives
 * the process (a mapped file), it tells how many they were, for the kernel itself writes msg_len
 * of each datagram as it takes it.
 *
 * `batch` is the number of the batch that `messages` belong to, the first one being 1. Before
 * each call all msg_len become UINT32_MAX, which no datagram has, and then `batch` becomes one more
 * than the batches that are counted. All else in `messages` is of use to the worker only.
 */
#define SR_UDP_SLOTS 64U
struct sr_udp_hand {
    _Atomic uint64_t batch;
    struct mmsghdr messages[SR_UDP_SLOTS];
};

/*
 * How many datagrams a dead worker had in its hand, when `batches_done` is the count of batches
 * that its last batch_end() saw (see struct sr_udp_handler). 0 when that batch is all accounted
 * for, and for memory that no worker left like that.
 */
unsigned sr_udp_hand_count(const struct sr_udp_hand *hand, uint64_t batches_done);

/*
 * The way that a datagram came, which is the way back: an answer goes out from the address that was
 * asked, or its sender does not take it for one.
 */
struct sr_udp_way {
    struct sockaddr_in6 peer; /* or a sockaddr_in, as its family says */
    struct in6_addr local;    /* that it was sent to, v4-mapped for IPv4; unspecified: unknown */
};

/*
 * Reads the way from what recvmsg(2) filled, on a socket of a handler that `answers`. Of a
 * broadcast or multicast the local address is the one that the kernel would answer from.
 */
void sr_udp_way_of(const struct msghdr *message, struct sr_udp_way *ret_way);

/* Sends a datagram back on its way, without waiting. False with errno. From any thread. */
bool sr_udp_send_back(int fd, const struct sr_udp_way *way, struct sr_span bytes);

/*
 * What a worker calls, on its own thread. When batch_end() is called the datagrams of the batch are
 * in `received`, `received_bytes` and `batches` of the worker's counters: whoever copies all
 * counters there, and nowhere else, has a consistent set. It is called once more without a batch
 * when the kernel has dropped datagrams meanwhile, for these counters.
 *
 * tick() is called once a second, outside of batches, and once more with `last` behind the last
 * batch. It may be NULL.
 *
 * due() is asked behind each round for a monotonic time at which batch_end() is called without a
 * batch, unless one comes before; UINT64_MAX: none. It may be NULL.
 *
 * hurries() is asked behind each batch: true when senders wait for what comes of it, so that no
 * more datagrams are left to gather before the next one. It may be NULL.
 */
struct sr_udp_handler {
    void *arg;
    const char *name;                                /* of the listener, for the log; borrowed */
    void (*batch_begin)(void *arg, uint64_t now_ns); /* wall clock of the receive */
    /* `message` is what the kernel filled: for sr_udp_way_of(), within the call. */
    void (*datagram)(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
        const struct msghdr *message);
    void (*batch_end)(void *arg);
    /*
     * Before batch_begin(): how full half of the socket's buffer still is, in 32nds, while all of
     * it was too small of late; else 0: a burst that it holds is taken whole. May be NULL.
     */
    void (*backlog)(void *arg, unsigned level);
    void (*tick)(void *arg, uint64_t now_ns, bool last); /* wall clock */
    uint64_t (*due)(void *arg);
    bool (*hurries)(void *arg);
    bool answers; /* asks the kernel for the address that each datagram was sent to */
};

/* One receiving thread on one socket. */
struct sr_udp_worker;

/*
 * Starts receiving. Takes `fd`, of UDP or a Unix socket, whose peers are local ones (sr/peer.h);
 * `stats`, `hand` and what `handler` points to must outlive the worker. `hand` may be NULL: then
 * what was in it dies with the process. `stats` may hold what an earlier process counted; when
 * stats->socket_cookie says that it had the same socket, the kernel's drops count on from
 * stats->kernel_seen. Otherwise all that the socket has ever dropped is counted. Returns an owned
 * worker, or NULL (the descriptor is then still the caller's).
 */
struct sr_udp_worker *sr_udp_worker_start(int fd, const struct sr_udp_handler *handler,
    struct sr_worker_stats *stats, struct sr_udp_hand *hand);

/* Tells the worker to receive what the kernel still holds and then to end. Does not wait. */
void sr_udp_worker_stop(struct sr_udp_worker *w);

/* Waits for the end and frees. NULL is fine. */
void sr_udp_worker_join(struct sr_udp_worker *w);

/* Monotonic nanoseconds of its last round, at most a second old while it is well. */
uint64_t sr_udp_worker_heartbeat(const struct sr_udp_worker *w);

#endif
