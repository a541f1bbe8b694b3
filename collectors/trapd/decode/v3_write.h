/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_V3_WRITE_H_INCLUDED
#define TRAPD_DECODE_V3_WRITE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/message.h"
#include "sr/span.h"

/*
 * Writes messages of SNMPv3, from their innermost part outwards: a length is then known when it is
 * written. Keys are the caller's business: it encrypts the scoped PDU where it stands and puts the
 * MAC into its place.
 */
struct v3_draft {
    uint8_t *room;
    size_t start, end; /* what is written so far; it grows towards the front */
    bool overflow;     /* something did not fit: nothing more is written */
};

#define V3_PADDING_MAX 8U /* bytes that encryption may add behind a scoped PDU: a block of DES */

/* An empty draft over `max` bytes, more than V3_PADDING_MAX, that the caller keeps. */
struct v3_draft v3_draft_over(uint8_t *room, size_t max);

/* What is written so far; empty after an overflow. */
struct sr_span v3_draft_span(const struct v3_draft *draft);

/* Room for `len` bytes in front of what is written, or NULL. */
uint8_t *v3_draft_claim(struct v3_draft *draft, size_t len);

/* A varbind of a Counter32 in front: RFC 3416 section 3. `name` is an encoded identifier. */
void v3_draft_counter(struct v3_draft *draft, struct sr_span name, uint32_t value);

/* Makes the varbinds that are written a PDU: RFC 3416 section 3. Its error-index is 0. */
void v3_draft_pdu(
    struct v3_draft *draft, enum trap_pdu type, int64_t request_id, int64_t error_status);

/* Makes the PDU that is written a scoped PDU: RFC 3412 section 6.8. */
void v3_draft_scoped(struct v3_draft *draft, struct sr_span engine_id, struct sr_span name);

/* Zeros behind what is written, up to whole blocks of V3_PADDING_MAX bytes. Once at most. */
void v3_draft_pad(struct v3_draft *draft);

/* What is around the scoped PDU. */
struct v3_envelope {
    uint32_t id;       /* msgID */
    uint32_t max_size; /* msgMaxSize, bytes */
    enum trap_level level;
    bool is_reportable;       /* what answers is never: RFC 3412 section 6.4 */
    struct sr_span engine_id; /* msgAuthoritativeEngineID */
    uint32_t boots, time;     /* of that engine */
    struct sr_span user;
    size_t mac_len;      /* of the place for the MAC, which is written as zeros */
    struct sr_span salt; /* msgPrivacyParameters */
};

/*
 * Makes the scoped PDU that is written, encrypted when the level is TRAP_PRIV, a message: RFC 3412
 * section 6, RFC 3414 section 2.4. Returns its length and moves it to the begin of the room;
 * `*ret_mac` is the place of the MAC in it. 0 when it did not fit.
 */
size_t v3_draft_finish(
    struct v3_draft *draft, const struct v3_envelope *envelope, uint8_t **ret_mac);

#endif
