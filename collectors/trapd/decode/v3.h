/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_V3_H_INCLUDED
#define TRAPD_DECODE_V3_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/message.h"
#include "sr/span.h"

/*
 * A message of SNMPv3 up to what its security model protects: RFC 3412 section 6, and the
 * parameters of the User-based Security Model, RFC 3414 section 2.4. Nothing of it is checked for
 * authenticity here: that takes keys. Borrows its bytes.
 */

#define V3_ENGINE_ID_MAX 32U /* SnmpEngineID, RFC 3411 section 5 */
#define V3_USER_MAX 32U      /* msgUserName, RFC 3414 section 2.4 */

struct v3_message {
    struct sr_span whole; /* what the MAC is made of, `mac` in it taken as zeros */
    uint32_t id;          /* msgID */
    uint32_t max_size;    /* msgMaxSize, bytes */
    enum trap_level level;
    bool is_reportable;
    struct sr_span engine_id; /* msgAuthoritativeEngineID, may be empty */
    uint32_t boots;           /* msgAuthoritativeEngineBoots */
    uint32_t time;            /* msgAuthoritativeEngineTime, seconds */
    struct sr_span user;
    struct sr_span mac;    /* msgAuthenticationParameters, of any length */
    struct sr_span salt;   /* msgPrivacyParameters, of any length */
    struct sr_span scoped; /* the scoped PDU; encrypted at the level TRAP_PRIV */
};

/* Why the head of a message cannot be read. */
enum v3_err {
    V3_OK = 0,
    V3_MALFORMED,      /* a field is missing, goes past the end, or has a value it must not have */
    V3_SECURITY_MODEL, /* protected by another model than USM */
};

/* A word of [a-z0-9_] for `err`, as it is counted. Static. */
const char *v3_reason(enum v3_err err);

/*
 * Reads the head of a message. What follows the message is left alone. On errors `*ret_message`
 * is not written.
 */
enum v3_err v3_read(struct sr_span bytes, struct v3_message *ret_message);

/*
 * Reads a scoped PDU in clear (RFC 3412 section 6.8): whose it is, and the PDU itself, which is not
 * looked at. What follows the sequence, as the padding of DES does, is left alone. False when a
 * field is missing or goes past the end.
 */
bool v3_scoped_read(struct sr_span scoped, struct sr_span *ret_engine_id, struct sr_span *ret_name,
    struct sr_span *ret_pdu);

/*
 * Looks at the PDU of a message that is not encrypted, whose authenticity nobody has checked: its
 * type and request-id, as a report needs them (RFC 3412 section 7.1 step 3); a trap of v1 has none,
 * which is 0. False when they cannot be read, or the PDU is none of SNMP.
 */
bool v3_peek(const struct v3_message *message, enum trap_pdu *ret_type, int64_t *ret_request_id);

#endif
