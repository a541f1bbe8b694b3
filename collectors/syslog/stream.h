/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_STREAM_H_INCLUDED
#define SYSLOG_STREAM_H_INCLUDED

#include <stdio.h>

#include "sr/frame.h"
#include "syslog.h"

/* Bytes that a message of a stream may have. */
#define SYSLOG_MESSAGE_MAX (256U * 1024U)

/*
 * What all threads share, for struct sr_program: what the framers of each listener counted.
 */
void *syslog_state_new(const void *config, bool daemon, char *error, size_t error_size);
void syslog_state_free(void *state);
void syslog_state_metrics(void *state, FILE *out);

/* A connection frames as its listener did when it began. NULL: no memory. */
void *syslog_connection_new(void *state, const struct syslog_listener *l, unsigned listener);
void syslog_connection_free(void *state, void *connection);

enum sr_frame_state syslog_connection_frame(
    void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame);

/* The message of the last frame will not come again. */
void syslog_connection_taken(void *connection);

/* Adds what the connection counted since the last time. */
void syslog_connection_report(void *connection);

#endif
