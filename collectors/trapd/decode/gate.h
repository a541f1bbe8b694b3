/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_GATE_H_INCLUDED
#define TRAPD_DECODE_GATE_H_INCLUDED

#include <stdint.h>

#include "decode/message.h"
#include "sr/peer.h"

/* What becomes of a notification of which many come. */
enum trap_gate_word {
    TRAP_GATE_PASSES = 0, /* it is published */
    TRAP_GATE_FOLDED,     /* it is kept, and published with their number if it is the last one */
    TRAP_GATE_TOO_LARGE,  /* it would be folded, but is too large to be kept: it is published */
    TRAP_GATE_NO_PLACE,   /* the same; as many storms as there are places for are going on */
};

/* Words of [a-z0-9_] for them, by their number. */
extern const char *const trap_gate_words[];

/* Where storms are folded: memory of what came before, which pure code has not. */
struct trap_gate {
    void *arg;

    /*
     * What becomes of a notification that was received at `now_ns` (ns since 1970) and may be
     * published. Borrows all of it for the call.
     */
    enum trap_gate_word (*admit)(
        void *arg, uint64_t now_ns, const struct sr_peer *peer, const struct trap_message *message);
};

#endif
