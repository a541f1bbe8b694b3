/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_STREAM_H_INCLUDED
#define SYSLOG_STREAM_H_INCLUDED

#include <stdio.h>

#include "fair_use.h"
#include "syslog.h"

#include "sr/frame.h"

/* Bytes that a message of a stream may have. */
#define SYSLOG_MESSAGE_MAX (256U * 1024U)

/*
 * What all threads share, for struct sr_program: of each listener what the framers counted, and
 * what its sources have sent.
 */
void *syslog_state_new(const void *config, bool daemon, char *error, size_t error_size);
void syslog_state_free(void *state);
void syslog_state_metrics(void *state, FILE *out);
struct sr_sources *syslog_state_sources(void *state, unsigned listener);

/*
 * A connection frames as its listener did when it began. It keeps a copy of `tls_peer`, which may
 * be NULL. NULL: no memory.
 */
void *syslog_connection_new(
    void *state, const struct syslog_listener *l, unsigned listener, const char *tls_peer);
void syslog_connection_free(void *state, void *connection);

/* The name that the peer's certificate proved, or empty. Borrowed from the connection. */
struct sr_span syslog_connection_tls_peer(const void *connection);

enum sr_frame_state syslog_connection_frame(
    void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame);

/*
 * True when the source of the message of the last frame has sent no more than its rate; that counts
 * once for a message, however often it comes again.
 */
bool syslog_connection_admits(
    void *connection, const struct fair_use *use, const struct sr_peer *peer, uint64_t now_ns);

/* The message of the last frame will not come again. */
void syslog_connection_taken(void *connection);

/* Adds what the connection counted since the last time. */
void syslog_connection_report(void *connection);

#endif
