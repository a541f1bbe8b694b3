/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REPLAY_LOAD_H_INCLUDED
#define CLI_REPLAY_REPLAY_LOAD_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/packet.h"
#include "sr/peer.h"
#include "sr/span.h"

struct replay_source;

/* Packets of the captures that are not replayed, each counted once however often it is repeated. */
struct replay_skipped {
    uint64_t by_reason[SR_PACKET_EMALFORMED + 1]; /* index: enum sr_packet_err */
    uint64_t other_source;                        /* not sent by the wanted address */
};

/* What is loaded, and how. Borrowed as long as the source. */
struct replay_load {
    char *const *paths; /* read one after the other; "-" is standard input; or pipes */
    size_t path_count;
    const struct sr_peer *from; /* the address whose packets are wanted, or NULL: all */
    bool by_address;            /* a source is an address; else an address with a port */
    bool needs_sources;         /* all are to be known before the first is sent */
    size_t memory_max;
    const volatile sig_atomic_t *stop; /* set by a signal handler: ends reading; NULL: never */
};

/* A datagram of a capture. */
struct replay_message {
    struct sr_span bytes;
    uint64_t time_ns; /* since the first; never less than that of the one before */
    uint32_t source;  /* in the order of their first appearance, below SEND_SOURCES_MAX */
    uint16_t port;    /* that it was captured on its way to */
};

/*
 * Opens the captures and loads their UDP payloads, all of them when they fit into `memory_max`
 * bytes, so that nothing is read while they are sent; else piece by piece. The times of a file
 * follow on those of the file before. The caller owns the result. On an error returns false, and
 * `message` (SR_CAPTURE_MESSAGE_MAX bytes) says why; a file that cannot be opened is told before
 * anything is sent.
 */
bool replay_source_open(
    const struct replay_load *load, struct replay_source **ret_source, char *message);

/*
 * The next messages, at most `max`, none later than the first by more than `span_ns`; valid until
 * the next call. Returns how many, 0 at the end of the captures (see replay_source_message: it may
 * not be their proper end).
 */
size_t replay_source_take(
    struct replay_source *source, struct replay_message *messages, size_t max, uint64_t span_ns);

/* The next message without taking it; false at the end. Valid until the next call. */
bool replay_source_peek(struct replay_source *source, struct replay_message *ret_message);

/*
 * Starts again at the first message. Returns false when that is impossible (a pipe that did not fit
 * into memory, a file that is gone); replay_source_message says which.
 */
bool replay_source_rewind(struct replay_source *source);

/* Messages of one pass, 0 when that is not known yet. */
uint64_t replay_source_count(const struct replay_source *source);

/* Who sends. Borrowed from the source. */
const struct replay_sources *replay_source_sources(const struct replay_source *source);

/* The number of the first link type that is not understood, when packets were skipped for it. */
uint32_t replay_source_link_type(const struct replay_source *source);

/* What went wrong in reading, or "". Borrowed from the source. */
const char *replay_source_message(const struct replay_source *source);

/* Borrowed from the source. */
const struct replay_skipped *replay_source_skipped(const struct replay_source *source);

/* Closes and frees; NULL is allowed. */
void replay_source_close(struct replay_source *source);

#endif
