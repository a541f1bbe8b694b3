/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_EMIT_H_INCLUDED
#define SR_EMIT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/peer.h"
#include "sr/span.h"

/*
 * Where a collector puts what it makes of a datagram. The daemon writes into the queue, `decode`
 * prints, a fuzzer forgets. All functions are called on the caller's thread and never block.
 */
struct sr_emit {
    void *arg;

    /*
     * Room for a record of at most `max` bytes, or NULL when there is none: the collector then
     * drops its input and says so. The memory stays the owner's; it is valid until commit or the
     * next reserve.
     */
    uint8_t *(*reserve)(void *arg, size_t max);

    /* The first `len` bytes of the last reserve are a message of `records` records. */
    void (*commit)(void *arg, size_t len, uint32_t records);

    /* `raw` could not be decoded, for `reason` (a word of [a-z0-9_]). Borrows `raw`. */
    void (*deadletter)(void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns,
        struct sr_span raw);
};

/* What a collector did with one input; the caller counts it. */
enum sr_verdict {
    SR_DECODED,    /* committed as one or more records */
    SR_DEADLETTER, /* handed to emit->deadletter */
    SR_FULL,       /* emit->reserve had no room: nothing was written */
};

#endif
