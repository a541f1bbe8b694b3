/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_DATAGRAM_H_INCLUDED
#define TRAPD_DECODE_DATAGRAM_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/config.h"
#include "decode/gate.h"
#include "sr/emit.h"
#include "sr/peer.h"
#include "sr/span.h"

/* An encoded record is never larger (design decision D9). */
#define TRAP_RECORD_MAX ((size_t)512 * 1024)

/* What one thread needs for itself. */
struct trap_scratch {
    uint8_t plain[UINT16_MAX];       /* what was encrypted */
    uint8_t spare[UINT16_MAX + 256]; /* a masked dead letter, or what an inform is told apart by */
    uint8_t answer[UINT16_MAX];
    const struct trap_gate *gate; /* borrowed; NULL: nothing is folded */
};

/*
 * Decodes one datagram received at `now_ns` (ns since 1970) and commits one JSON object for the
 * notification in it: the keys and bytes of upstream, then those of `enrich`.
 *
 * SR_REFUSED: see trap_access_refusal(). SR_CONSUMED ("get", "response", "report", ...): a message
 * that is no notification, "duplicates": an inform that came before, "folded": see decode/gate.h,
 * or the opener's word for an exchange. SR_DEADLETTER with a word of trap_reason(), or of the
 * opener's, or "v3_no_users" without one. SR_FULL leaves no trace. Informs and reports are answered
 * where emit->answer can. Borrows everything for the call only.
 */
enum sr_verdict sr_trap_datagram(const struct trap_config *config, const struct trap_opener *opener,
    struct trap_scratch *scratch, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct sr_emit *emit);

/* Tells emit->explain, if somebody asks, of a datagram that was refused before it was looked at. */
void sr_trap_explain_refusal(const struct trap_config *config, const struct sr_peer *peer,
    struct sr_span bytes, const char *reason, const struct sr_emit *emit);

/*
 * Commits the record of the last notification of a storm (message->folded), received at
 * `received_ns`. False when there is no room.
 */
bool sr_trap_last_of_storm(const struct trap_config *config, struct trap_scratch *scratch,
    const struct sr_peer *peer, uint64_t received_ns, const struct trap_message *message,
    const struct sr_emit *emit);

#endif
