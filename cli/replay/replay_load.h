/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REPLAY_LOAD_H_INCLUDED
#define CLI_REPLAY_REPLAY_LOAD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/packet.h"
#include "sr/peer.h"
#include "sr/span.h"

struct replay_source;

/* Packets of the capture that are not replayed, each counted once however often it is repeated. */
struct replay_skipped {
    uint64_t by_reason[SR_PACKET_EMALFORMED + 1]; /* index: enum sr_packet_err */
    uint64_t other_source;                        /* not sent by the wanted address */
};

/*
 * Opens the capture at `path` ("-": standard input) and loads its UDP payloads, all of them when
 * they fit into `memory_max` bytes, so that nothing is read while they are sent; else piece by
 * piece. `from`, unless NULL, picks the packets of one source address. Borrows `path`. The caller
 * owns the result. On an error returns false, and `message` (SR_CAPTURE_MESSAGE_MAX bytes) says
 * why.
 */
bool replay_source_open(const char *path, const struct sr_peer *from, size_t memory_max,
    struct replay_source **ret_source, char *message);

/*
 * The next payloads, at most `max`; valid until the next call. Returns how many, 0 at the end of
 * the capture (see replay_source_message: it may not be its proper end).
 */
size_t replay_source_take(struct replay_source *source, struct sr_span *payloads, size_t max);

/*
 * Starts again at the first payload. Returns false when that is impossible (standard input that
 * did not fit into memory, a file that is gone); replay_source_message says which.
 */
bool replay_source_rewind(struct replay_source *source);

/* What went wrong in reading, or "". Borrowed from the source. */
const char *replay_source_message(const struct replay_source *source);

/* Borrowed from the source. */
const struct replay_skipped *replay_source_skipped(const struct replay_source *source);

/* Closes and frees; NULL is allowed. */
void replay_source_close(struct replay_source *source);

#endif
