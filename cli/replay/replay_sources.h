/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REPLAY_SOURCES_H_INCLUDED
#define CLI_REPLAY_REPLAY_SOURCES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/peer.h"

/* Who sent what a capture holds: numbers in the order in which they first appear. */
struct replay_sources;

/*
 * `by_address`: a source is an address; else an address with a port. `max` sources have numbers of
 * their own. Returns owned, NULL without memory.
 */
struct replay_sources *replay_sources_new(bool by_address, uint32_t max);

/* The number of a source, below `max`; those that find no room share one with another. */
uint32_t replay_sources_number(struct replay_sources *sources, const struct sr_peer *peer);

/* How many numbers are in use. */
uint32_t replay_sources_count(const struct replay_sources *sources);

/* Whether some found no room. */
bool replay_sources_is_full(const struct replay_sources *sources);

/*
 * An address of 127.0.0.0/8 for each number, of its own: that with the last three bytes of the
 * original one where this is free, else the next free one from 127.254.0.1 on. Returns owned:
 * free(); NULL without memory.
 */
struct sr_peer *replay_sources_loopback(const struct replay_sources *sources);

/* NULL is allowed. */
void replay_sources_free(struct replay_sources *sources);

#endif
