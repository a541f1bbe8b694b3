/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_TAP_CLIENT_H_INCLUDED
#define SHELL_TAP_CLIENT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

#define TAP_CLIENT_RING (1024U * 1024U)

/* One who listens: what waits for its socket, bounded. What does not fit is skipped and counted. */
struct tap_client {
    int fd;
    uint8_t *ring;    /* TAP_CLIENT_RING bytes, owned */
    size_t head, len; /* of what waits */
    uint64_t skipped; /* records that it has not been told of yet */
};

/* Takes the connection `fd`. False without memory: it stays the caller's. */
bool tap_client_open(struct tap_client *c, int fd);
void tap_client_close(struct tap_client *c);

/*
 * Adds one record made of `count` pieces, or counts it as skipped. What was skipped before it is
 * told first.
 */
void tap_client_put(struct tap_client *c, const struct sr_span *pieces, size_t count);

/* Writes what the socket takes now. False when the other end is gone. */
bool tap_client_send(struct tap_client *c);

/* True when something waits for the socket. */
bool tap_client_waits(const struct tap_client *c);

#endif
