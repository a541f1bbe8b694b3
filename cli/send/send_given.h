/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_GIVEN_H_INCLUDED
#define CLI_SEND_SEND_GIVEN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a connection was given, and how much of it is lost when it ends. No I/O. */

/* Writes that are remembered before given_is_full(). */
#define GIVEN_MAX 256U

struct given_sum {
    uint64_t messages;
    uint64_t bytes; /* of messages, without framing */
};

struct given_write;

/* All zeros: nothing was given. */
struct given {
    struct given_write *writes; /* those that may not be acknowledged, in their order */
    size_t count;
    size_t cap;
    struct given_sum all; /* since the connection was made */
};

/* A new connection: forgets all, and keeps the memory. */
void given_begin(struct given *given);

/* Whether given_make_room() should be called before the next given_add(). */
bool given_is_full(const struct given *given);

/*
 * Forgets what lies within the first `acknowledged` bytes of the connection; takes more memory when
 * that is not half of it.
 */
void given_make_room(struct given *given, uint64_t acknowledged);

/*
 * Adds messages, the last of which ends `end` bytes behind the start of the connection (framing and
 * encryption counted). Where there is no room, they share the fate of those before.
 */
void given_add(struct given *given, uint64_t end, struct given_sum sum);

/*
 * The connection has ended: what did not arrive when the receiver has acknowledged so many bytes.
 * Forgets all.
 */
struct given_sum given_lose(struct given *given, uint64_t acknowledged);

/* Frees the memory; given_begin() makes it usable again. */
void given_free(struct given *given);

#endif
