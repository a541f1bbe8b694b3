/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_SEGMENTS_H_INCLUDED
#define CLI_SEND_SEND_SEGMENTS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/send.h"

/* In which order the datagrams of a batch go, and which of them in one piece: pure. */

/* Datagrams of one piece at most: UDP_MAX_SEGMENTS of Linux before 6.0. */
#define SEND_SEGMENTS_MAX 64U

/* Bytes of one piece at most: what an IPv4 packet has room for, RFC 768 and RFC 791. */
#define SEND_PIECE_MAX 65507U

/* Datagrams that the kernel is given as one (UDP_SEGMENT): all of one size, the last may be less.
 */
struct send_piece {
    uint16_t first; /* index of an order */
    uint16_t count;
    uint16_t size; /* of each but the last; 0 when there is one only */
};

/*
 * Writes the indexes of `items` (SEND_BATCH_MAX at most) so that those of one source and port stand
 * together, in their order: one system call serves them.
 */
void send_order(const struct send_item *items, size_t count, uint8_t *order);

/* How many at the start of `order` are of one source and port. */
size_t send_same(const struct send_item *items, const uint8_t *order, size_t count);

/*
 * Cuts `count` datagrams of one source into pieces, of one datagram each unless `segment`. Returns
 * how many pieces (at most `count`).
 */
size_t send_cut(const struct send_item *items, const uint8_t *order, size_t count, bool segment,
    struct send_piece *pieces);

#endif
