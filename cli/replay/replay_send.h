/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REPLAY_SEND_H_INCLUDED
#define CLI_REPLAY_REPLAY_SEND_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* Datagrams per system call at most. */
#define REPLAY_BATCH_MAX 64

/* Longest sentence about an address, with its NUL. */
#define REPLAY_MESSAGE_MAX 512

enum replay_connect_err {
    REPLAY_CONNECTED,
    REPLAY_EADDRESS, /* not udp://HOST:PORT */
    REPLAY_ECONNECT, /* the name does not resolve, there is no route, ... */
};

/* A connected UDP socket and what went through it. */
struct replay_sender {
    int fd;                            /* owned by the caller */
    uint64_t rate;                     /* datagrams per second; 0: as fast as the socket takes */
    const volatile sig_atomic_t *stop; /* set by a signal handler */
    uint64_t start_ns;                 /* monotonic; the first datagram is due then */
    uint64_t sent;                     /* given to the network */
    uint64_t bytes;                    /* of their payloads */
    uint64_t refused;                  /* came back: nothing listens, or nothing is there */
    uint64_t too_long;                 /* larger than the network can carry; not sent */
    int error;                         /* errno that ended sending, or 0 */
};

/*
 * Opens a UDP socket that is connected to `url`, "udp://HOST:PORT" (IPv6 in brackets, names are
 * resolved). The caller closes `ret_fd`. On an error `message` (REPLAY_MESSAGE_MAX bytes) holds a
 * sentence with a remedy.
 */
enum replay_connect_err replay_connect(const char *url, int *ret_fd, char *message);

/* How many datagrams replay_send should be given at once for an even flow at `rate`. */
size_t replay_batch_size(uint64_t rate);

/*
 * Waits until the first of the `count` (at most REPLAY_BATCH_MAX) payloads is due and sends all of
 * them. A socket without room is waited for. Returns false when sending has come to its end: a
 * signal, or `error`.
 */
bool replay_send(struct replay_sender *sender, const struct sr_span *payloads, size_t count);

/*
 * Waits until one more datagram would be due, and (when none came yet) a moment for refusals that
 * are still on their way. Returns the seconds from start to end, without that moment.
 */
double replay_finish(struct replay_sender *sender);

/* The monotonic clock in nanoseconds. */
uint64_t replay_now_ns(void);

#endif
