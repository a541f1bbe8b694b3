/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_STREAM_H_INCLUDED
#define CLI_SEND_SEND_STREAM_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "send/send.h"
#include "send/send_target.h"

/* One connection, plain or with TLS, that never blocks but where it is made. */

struct ssl_st;
struct ssl_ctx_st;

struct stream {
    int fd; /* -1: none */
    struct ssl_st *ssl;
    uint64_t written; /* bytes that were given to the kernel, of TLS the encrypted ones */
    short wants;      /* events of poll() that a write waits for */
    bool half_closed;
    bool refused;  /* TLS ended it for who we are: nothing was taken */
    char why[160]; /* it ended */
};

/* What connections are made with; borrowed during the call. */
struct stream_way {
    const struct sockaddr_storage *address;
    const struct sockaddr_storage *own; /* NULL: the kernel chooses */
    const char *host;                   /* that the server's certificate is to be for */
    struct ssl_ctx_st *tls;             /* NULL: plain */
    uint64_t deadline_ns;               /* monotonic */
    const volatile sig_atomic_t *stop;
};

/*
 * What all connections of a sender with TLS share. Returns owned: SSL_CTX_free(); NULL with a
 * sentence that has a remedy in `message`.
 */
struct ssl_ctx_st *stream_tls(const struct send_options *options, char *message);

/*
 * Connects, with the handshake. On false the stream is closed, and `message` (SEND_MESSAGE_MAX
 * bytes) holds a sentence with a remedy, that calls the target `to`.
 */
bool stream_connect(struct stream *st, const struct stream_way *way, const char *to, char *message);

/*
 * Gives bytes to the kernel: how many, 0 when there is no room (poll for `wants`), -1 when the
 * connection has ended (`why`). With TLS, what had no room is to be given again.
 */
ssize_t stream_write(struct stream *st, const uint8_t *bytes, size_t len);

/* Reads some of what the peer says, of which nothing matters; false when it has ended (`why`). */
bool stream_look(struct stream *st);

/* Bytes of `written` that the receiving host has not acknowledged. */
uint64_t stream_unacknowledged(const struct stream *st);

/* Says that nothing follows. */
void stream_half_close(struct stream *st);

/* Closes; the stream can be connected again. */
void stream_close(struct stream *st);

#endif
