/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_ANSWERS_H_INCLUDED
#define SHELL_ANSWERS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/request.h"
#include "sr/span.h"
#include "sr/stats.h"
#include "sr/udp.h"

/*
 * The requests of one listener (sr/emit.h) whose answers wait until their records are kept, and
 * those that were answered of late. So a request that is sent again while its record waits makes no
 * second one, and one whose answer got lost is answered again.
 *
 * Memory is bounded: ANSWERS_MAX requests, and ANSWERS_BYTES of answers that wait. Beyond that the
 * oldest is forgotten: when it is sent again it is a record again, with the same id, which
 * JetStream then knows. A request that waits for ANSWERS_PATIENCE_NS may be lost with its record,
 * and one that was answered as long ago may be another that looks the same: they are new again.
 *
 * All calls may come from any thread. Answers are sent without waiting: one that cannot be sent is
 * counted, and goes out when its request comes again.
 */
#define ANSWERS_MAX 16384U
#define ANSWERS_BYTES (4U * 1024U * 1024U)
#define ANSWERS_PATIENCE_NS (120 * UINT64_C(1000000000)) /* JetStream's own, by default */

struct answers;

/* Returns owned; NULL without memory. Borrows `stats`, where it counts. */
struct answers *answers_new(struct sr_request_stats *stats);
void answers_free(struct answers *a);

/*
 * A socket to send from: a second descriptor of the one that `fd` is, so that answers can still be
 * sent when its worker is gone. Returns its number for answers_add(), or -1 with errno. Before any
 * thread runs.
 */
int answers_add_socket(struct answers *a, int fd);

/*
 * True when the request waits, or was answered of late; then it is answered again. One that waits
 * gets the answer of its last time, and the way of that. `now_ns` is monotonic.
 */
bool answers_repeated(struct answers *a, const struct sr_request *request,
    const struct sr_udp_way *way, int socket, uint64_t now_ns);

/* The request has a record now, and waits. Copies the answer. */
void answers_add(struct answers *a, const struct sr_request *request, const struct sr_udp_way *way,
    int socket, uint64_t now_ns);

/* Its record is kept: the answer is sent, if it waits. `known`: JetStream had it already. */
void answers_send(struct answers *a, const uint8_t id[SR_REQUEST_ID_LEN], bool known);

/* Its record is lost: there is no answer, and the request is new when it comes again. */
void answers_forget(struct answers *a, const uint8_t id[SR_REQUEST_ID_LEN]);

/* Sends at once what no record is waited for. */
void answers_send_now(
    struct answers *a, const struct sr_udp_way *way, int socket, struct sr_span answer);

#endif
