/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_EMIT_H_INCLUDED
#define SR_EMIT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/peer.h"
#include "sr/request.h"
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

    /* The input has no record of its own, for `reason`: "templates", "options", "waiting", ... */
    void (*consumed)(void *arg, const char *reason);

    /* The input is refused by a rule, for `reason`: "not_allowed", ... It is counted only. */
    void (*refused)(void *arg, const char *reason);

    /* `records` were decoded and are not published, for `reason`; NULL: reserve had no room. */
    void (*lost)(void *arg, const char *reason, uint32_t records);

    /*
     * Requests. All four are NULL where nobody can be answered: a request is a record like others
     * there.
     *
     * True when the request waits to be answered, or was of late: it will be, or is answered again,
     * and needs no record.
     */
    bool (*repeated)(void *arg, const struct sr_request *request);

    /*
     * As reserve() and commit(), for the one record of a request: its message is its own, with the
     * id as its Nats-Msg-Id, and the answer goes back when that is kept, as configured.
     */
    uint8_t *(*reserve_request)(void *arg, size_t max);
    void (*commit_request)(void *arg, size_t len, const struct sr_request *request);

    /* Sends `answer` back at once: of an input that has no record. */
    void (*answer)(void *arg, struct sr_span answer);

    /* Why something was decoded as it was: a JSON text. NULL when nobody asks. */
    void (*explain)(void *arg, struct sr_span json);

    /*
     * Of datagrams, how full it is where they wait before and behind the collector, in 32nds: for
     * sr_fair_sheds(). 0 where nothing is to be given up.
     */
    unsigned level;
};

/*
 * What a collector did with one input; the caller counts it. Parts of an input may have gone to
 * emit->deadletter whatever the verdict: each counts as an input of its own.
 */
enum sr_verdict {
    SR_DECODED,    /* committed as one or more records, or told to emit->lost */
    SR_CONSUMED,   /* told to emit->consumed */
    SR_REFUSED,    /* told to emit->refused */
    SR_DEADLETTER, /* handed to emit->deadletter, once or more */
    SR_FULL,       /* emit->reserve had no room: nothing was written */
    SR_LATER,      /* of streams: its source sends too much. It comes again, and others go on */
};

#endif
