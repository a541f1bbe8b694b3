/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_FRAME_H_INCLUDED
#define CLI_SEND_SEND_FRAME_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "send/send.h"

/* Messages on a connection: pure. */

/* Bytes that a frame is longer than its message at most: a count of 20 digits and a space. */
#define SEND_FRAME_EXTRA 21U

/*
 * Writes a message as it goes over a connection, into `out` of SEND_FRAME_EXTRA bytes more than it
 * has. Returns the length, 0 when it cannot be framed: RFC 6587 has no count of 0. With newlines,
 * one that the message ends with is not doubled.
 */
size_t send_frame(enum send_framing framing, struct sr_span message, uint8_t *out);

#endif
