/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_UDP_H_INCLUDED
#define SR_UDP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* What a worker calls, on its own thread. */
struct sr_udp_handler {
    void *arg;
    const char *name;                                /* of the listener, for the log; borrowed */
    void (*batch_begin)(void *arg, uint64_t now_ns); /* wall clock of the receive */
    void (*datagram)(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
        bool truncated);
    void (*batch_end)(void *arg);
};

/* One receiving thread on one socket. */
struct sr_udp_worker;

/*
 * Starts receiving. Takes `fd`; `stats` and what `handler` points to must outlive the worker.
 * Returns an owned worker, or NULL (the descriptor is then still the caller's).
 */
struct sr_udp_worker *sr_udp_worker_start(
    int fd, const struct sr_udp_handler *handler, struct sr_worker_stats *stats);

/* Tells the worker to receive what the kernel still holds and then to end. Does not wait. */
void sr_udp_worker_stop(struct sr_udp_worker *w);

/* Waits for the end and frees. NULL is fine. */
void sr_udp_worker_join(struct sr_udp_worker *w);

/* Monotonic nanoseconds of its last round, at most a second old while it is well. */
uint64_t sr_udp_worker_heartbeat(const struct sr_udp_worker *w);

#endif
