/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_TAP_H_INCLUDED
#define SHELL_TAP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "sr/queue.h"

/*
 * A copy of the records as they are queued, for whoever listens on a Unix socket of this host.
 *
 * A receiving thread looks once a batch whether anybody listens, which costs one relaxed load. If
 * so it copies its batch behind those of others: it never waits, and what has no room, or comes
 * while other threads copy, is counted and told. The tap's own thread changes the filled memory for
 * an empty one and does all else: it cuts the batch into records, writes lines and serves the
 * sockets. At most TAP_CLIENTS_MAX listen, each with a ring of its own.
 *
 * What is sent is lines of JSON, the first {"tail":1,"program":NAME,"version":VERSION}, then
 *
 *     {"listener":TEXT,"subject":TEXT,"record":{...}}
 *     {"listener":TEXT,"subject":TEXT,"protobuf":N}    with N bytes of the record behind it
 *     {"skipped":N}                                    so many records were not copied
 *     {"refused":REASON}                               and the connection is closed
 *
 * The record of a dead letter is {"error":REASON,"raw":HEX,"source":ADDRESS}.
 */
struct tap;

#define TAP_CLIENTS_MAX 8U
#define TAP_HANDOFF (1024U * 1024U) /* bytes that wait for the tap's thread */

struct tap_options {
    const char *listen;   /* tail.listen; borrowed until tap_start() returns */
    const char *program;  /* "serviceradar-NAME"; borrowed */
    const char *instance; /* of it; NULL or "": none; borrowed */
    const char *version;  /* borrowed */
    bool is_binary;       /* records are protobuf, else JSON */
};

/*
 * Starts to serve. *ret_tap is owned, or NULL when nothing is served: with `off`, and with `auto`
 * where the socket cannot be made, which is logged. False with `error`: what was asked for cannot
 * be had.
 */
bool tap_start(
    const struct tap_options *options, struct tap **ret_tap, char *error, size_t error_size);

/* Sends what it has as far as sockets take it, and ends. After the last tap_offer(). NULL is fine.
 */
void tap_stop(struct tap *t);

/* Whether anybody listens: what receiving threads ask once a batch. `t` may be NULL: false. */
bool tap_is_heard(const struct tap *t);

/* Copies what the lane's writer has committed and not yet flushed. On the writer's thread. */
void tap_offer(struct tap *t, const struct sr_lane *lane);

#endif
