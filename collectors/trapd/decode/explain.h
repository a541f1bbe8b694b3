/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_EXPLAIN_H_INCLUDED
#define TRAPD_DECODE_EXPLAIN_H_INCLUDED

#include "decode/access.h"
#include "decode/config.h"
#include "sr/buf.h"
#include "sr/peer.h"
#include "sr/span.h"

/* What became of a datagram. Borrows all of it. */
struct trap_explained {
    const struct trap_config *config;
    const struct sr_peer *peer;
    struct sr_span bytes;
    const char *verdict;                /* "decoded", "consumed", "refused", "deadletter" */
    const char *reason;                 /* of the last three */
    const struct trap_message *message; /* as far as it was read; NULL: not looked at */
    bool is_read;                       /* the whole of it; of v3 it is authentic */
    const struct trap_rule *rule;       /* which has decided; NULL: none */
    const char *storm;                  /* a word of trap_gate_words; NULL: nobody was asked */
};

/*
 * Writes why a datagram was decoded as it was, as one JSON object (docs/trapd.md). Says nothing of
 * its community. What of the varbinds has no room is counted.
 */
void trap_explain_write(struct sr_buf *b, const struct trap_explained *explained);

#endif
