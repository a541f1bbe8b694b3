/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_MESSAGE_H_INCLUDED
#define TRAPD_DECODE_MESSAGE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/ber.h"
#include "sr/span.h"

/* A message of SNMP: RFC 1157 (v1), RFC 1901 and 3416 (v2c), RFC 3412 (v3). Borrows its bytes. */

enum trap_version { TRAP_V1 = 0, TRAP_V2C = 1, TRAP_V3 = 3 };

/* RFC 1157 section 4.1, RFC 3416 section 3 */
enum trap_pdu {
    TRAP_PDU_GET = 0xA0,
    TRAP_PDU_GET_NEXT,
    TRAP_PDU_RESPONSE,
    TRAP_PDU_SET,
    TRAP_PDU_TRAP_V1,
    TRAP_PDU_GET_BULK,
    TRAP_PDU_INFORM,
    TRAP_PDU_TRAP_V2,
    TRAP_PDU_REPORT,
};

/* RFC 3412 section 6.4 */
enum trap_level { TRAP_NO_AUTH = 0, TRAP_AUTH = 1, TRAP_PRIV = 3 };

#define TRAP_VARBINDS_MAX 4096U /* of one message; net-snmp's traps have some 50 */

struct trap_message {
    enum trap_version version;
    enum trap_pdu pdu;
    struct sr_span community; /* v1, v2c */
    struct sr_span whole_pdu; /* from its type to its end */
    struct sr_span varbinds;  /* what the list holds, all of it checked: trap_varbind_next() */
    uint32_t varbind_count;
    int64_t request_id, error_status, error_index; /* all but the v1 trap */

    /* Of the v1 trap, RFC 1157 section 4.1.6. */
    struct sr_span enterprise; /* an object identifier */
    uint8_t agent_address[4];
    int64_t generic, specific;
    uint64_t uptime; /* hundredths of a second */

    /* Of v3. */
    enum trap_level level;
    bool is_exchange; /* it only asks for our engine id or its clock, RFC 3414 section 4 */
    struct sr_span engine_id, user, context_engine_id, context_name;

    /* Of the last one of a storm: for how many it stands, itself included, and since when (ns since
     * 1970). 0 of all others. */
    uint64_t folded, folded_since_ns;
};

struct trap_varbind {
    struct sr_span name; /* an object identifier, whose arcs can be read */
    uint8_t type;        /* enum ber_type, or another one */
    struct sr_span value;
};

/* Why a message cannot be read. */
enum trap_err {
    TRAP_OK = 0,
    TRAP_NO_SNMP,       /* not a sequence that begins with a version */
    TRAP_TRUNCATED,     /* lengths go past the end */
    TRAP_VERSION,       /* a version that there is not */
    TRAP_SECURITY,      /* v3, which is read by other means (decode/v3.h) */
    TRAP_COMMUNITY,     /* no community */
    TRAP_PDU_UNKNOWN,   /* no PDU of SNMP, or one that is not of its version */
    TRAP_PDU_MALFORMED, /* a field of the PDU has another type or length than it must have */
    TRAP_VARBIND,       /* a varbind goes past the end, or its name cannot be read */
    TRAP_VALUE,         /* a value is made of others, which SNMP has not (RFC 3416 section 3) */
    TRAP_TOO_MANY,      /* more than TRAP_VARBINDS_MAX */
};

/* A word of [a-z0-9_] for `err`, as it is counted. Static. */
const char *trap_reason(enum trap_err err);

/*
 * Reads a message of v1 or v2c, whole. What follows it is left alone, as others do. On errors
 * `*ret_message` has what could be read before it (version, community), else zeros.
 */
enum trap_err trap_message_read(struct sr_span bytes, struct trap_message *ret_message);

/*
 * Reads a PDU, of whatever version, into a message whose version is set. Used for what a scoped
 * PDU of v3 holds, too.
 */
enum trap_err trap_pdu_read(struct sr_span pdu, struct trap_message *message);

/* The next varbind of a message that was read; false at the end. */
bool trap_varbind_next(struct sr_span *varbinds, struct trap_varbind *ret_varbind);

/* True for a trap or an inform; all else may be counted, but is nobody's news. */
bool trap_is_notification(const struct trap_message *message);

/*
 * What happened, as v2c says it: the value of snmpTrapOID.0 (RFC 3416 section 4.2.6), or of a v1
 * trap the one that RFC 3584 section 3.1 makes of it. `arcs` has room for BER_SUB_IDS_MAX + 2.
 * False when the message does not say.
 */
bool trap_identity(const struct trap_message *message, uint32_t *arcs, unsigned *ret_count);

#endif
