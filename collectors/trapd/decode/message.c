/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/message.h"

#include <string.h>

#include "sr/banned.h"

/* 1.3.6.1.6.3.1.1.4.1.0, snmpTrapOID.0, as it is encoded (RFC 3418) */
static const uint8_t trap_oid[] = { 0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0 };

/* 1.3.6.1.6.3.1.1.5, snmpTraps: the generic traps of v1 are 1 to 6 below it (RFC 3418) */
static const uint32_t generic_traps[] = { 1, 3, 6, 1, 6, 3, 1, 1, 5 };

enum { GENERIC_MAX = 5, ENTERPRISE_SPECIFIC = 6 };

#define CONSTRUCTED 0x20 /* X.690 section 8.1.2.5 */

const char *
trap_reason(enum trap_err err)
{
    switch (err) {
    case TRAP_OK: return "ok";
    case TRAP_NO_SNMP: return "no_snmp";
    case TRAP_TRUNCATED: return "truncated_message";
    case TRAP_VERSION: return "unknown_version";
    case TRAP_SECURITY: return "v3";
    case TRAP_COMMUNITY: return "community";
    case TRAP_PDU_UNKNOWN: return "unknown_pdu";
    case TRAP_PDU_MALFORMED: return "pdu";
    case TRAP_VARBIND: return "varbind";
    case TRAP_VALUE: return "value";
    case TRAP_TOO_MANY: return "too_many_varbinds";
    }
    return "unknown";
}

/* ---- Varbinds ---- */

/*
 * A varbind whose lengths all have one byte, as nearly all have: the same as with ber_take(), with
 * fewer looks. False when it is another one, which says nothing of it.
 */
static inline bool
next_short(struct sr_span *varbinds, struct trap_varbind *ret_varbind)
{
    const uint8_t *at = varbinds->data;

    if (varbinds->len < 6 || at[0] != BER_SEQUENCE || at[2] != BER_OBJECT_IDENTIFIER) {
        return false;
    }
    size_t len = at[1], name = at[3];
    if (len >= 0x80 || len > varbinds->len - 2 || name + 4 > len) {
        return false; /* a name of 0x80 and more does not go into such a length */
    }
    const uint8_t *value = at + 4 + name;
    if (value[1] >= 0x80 || name + 4 + value[1] > len || (value[0] & 0x1f) == 0x1f) {
        return false;
    }
    ret_varbind->name = (struct sr_span){ at + 4, name };
    ret_varbind->type = value[0];
    ret_varbind->value = (struct sr_span){ value + 2, value[1] };
    *varbinds = (struct sr_span){ at + 2 + len, varbinds->len - 2 - len };
    return true;
}

bool
trap_varbind_next(struct sr_span *varbinds, struct trap_varbind *ret_varbind)
{
    struct sr_span content;
    struct trap_varbind found;

    if (next_short(varbinds, ret_varbind)) {
        return true;
    }
    if (!ber_take_type(varbinds, BER_SEQUENCE, &content) ||
        !ber_take_type(&content, BER_OBJECT_IDENTIFIER, &found.name) ||
        !ber_take(&content, &found.type, &found.value)) {
        return false;
    }
    *ret_varbind = found;
    return true;
}

/* Reads the list once, so that whoever walks it later meets no surprise. */
static enum trap_err
check_varbinds(struct trap_message *message)
{
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;

    for (; left.len > 0; message->varbind_count++) {
        if (message->varbind_count == TRAP_VARBINDS_MAX) {
            return TRAP_TOO_MANY;
        }
        if (!trap_varbind_next(&left, &varbind) || !ber_is_identifier(varbind.name)) {
            return TRAP_VARBIND;
        }
        if ((varbind.type & CONSTRUCTED) != 0) {
            return TRAP_VALUE;
        }
    }
    return TRAP_OK;
}

/* ---- PDUs ---- */

static bool
take_number(struct sr_span *left, int64_t *ret_number)
{
    struct sr_span content;

    return ber_take_type(left, BER_INTEGER, &content) && ber_signed(content, ret_number);
}

/* RFC 1157 section 4.1.6 */
static bool
read_trap_v1(struct sr_span *left, struct trap_message *message)
{
    struct sr_span agent, uptime;

    if (!ber_take_type(left, BER_OBJECT_IDENTIFIER, &message->enterprise) ||
        !ber_is_identifier(message->enterprise) || !ber_take_type(left, BER_IP_ADDRESS, &agent) ||
        agent.len != sizeof(message->agent_address) || !take_number(left, &message->generic) ||
        !take_number(left, &message->specific) || !ber_take_type(left, BER_TIME_TICKS, &uptime)) {
        return false;
    }
    memcpy(message->agent_address, agent.data, agent.len);
    return ber_unsigned(uptime, &message->uptime);
}

/* RFC 3416 section 3. Of GetBulk the second and third number mean something else. */
static bool
read_numbers(struct sr_span *left, struct trap_message *message)
{
    return take_number(left, &message->request_id) && take_number(left, &message->error_status) &&
           take_number(left, &message->error_index);
}

enum trap_err
trap_pdu_read(struct sr_span pdu, struct trap_message *message)
{
    const uint8_t *start = pdu.data;
    struct sr_span left;
    uint8_t type;

    if (!ber_take(&pdu, &type, &left)) {
        return TRAP_PDU_MALFORMED;
    }
    message->whole_pdu = (struct sr_span){ start, (size_t)(pdu.data - start) };
    if (type < TRAP_PDU_GET || type > TRAP_PDU_REPORT) {
        return TRAP_PDU_UNKNOWN;
    }
    message->pdu = (enum trap_pdu)type;
    if (!(type == TRAP_PDU_TRAP_V1 ? read_trap_v1(&left, message) : read_numbers(&left, message)) ||
        !ber_take_type(&left, BER_SEQUENCE, &message->varbinds)) {
        return TRAP_PDU_MALFORMED;
    }
    return check_varbinds(message);
}

/* ---- Messages ---- */

enum trap_err
trap_message_read(struct sr_span bytes, struct trap_message *ret_message)
{
    struct sr_span left;
    int64_t version;

    memset(ret_message, 0, sizeof(*ret_message));
    if (bytes.len == 0 || bytes.data[0] != BER_SEQUENCE) {
        return TRAP_NO_SNMP;
    }
    if (!ber_take_type(&bytes, BER_SEQUENCE, &left)) {
        return TRAP_TRUNCATED;
    }
    if (!take_number(&left, &version)) {
        return TRAP_NO_SNMP;
    }
    if (version != TRAP_V1 && version != TRAP_V2C && version != TRAP_V3) {
        return TRAP_VERSION;
    }
    ret_message->version = (enum trap_version)version;
    if (version == TRAP_V3) {
        return TRAP_SECURITY;
    }
    if (!ber_take_type(&left, BER_OCTET_STRING, &ret_message->community)) {
        return TRAP_COMMUNITY;
    }
    return trap_pdu_read(left, ret_message);
}

bool
trap_is_notification(const struct trap_message *message)
{
    return message->pdu == TRAP_PDU_TRAP_V1 || message->pdu == TRAP_PDU_TRAP_V2 ||
           message->pdu == TRAP_PDU_INFORM;
}

/* ---- Identity ---- */

/* RFC 3584 section 3.1: generic traps are below snmpTraps, others below ENTERPRISE.0. */
static bool
identity_of_v1(const struct trap_message *message, uint32_t *arcs, unsigned *ret_count)
{
    const unsigned traps = sizeof(generic_traps) / sizeof(generic_traps[0]);
    unsigned count;

    if (message->generic >= 0 && message->generic <= GENERIC_MAX) {
        memcpy(arcs, generic_traps, sizeof(generic_traps));
        arcs[traps] = (uint32_t)message->generic + 1;
        *ret_count = traps + 1;
        return true;
    }
    if (message->generic != ENTERPRISE_SPECIFIC || message->specific < 0 ||
        message->specific > UINT32_MAX || !ber_arcs(message->enterprise, arcs, &count)) {
        return false;
    }
    arcs[count] = 0;
    arcs[count + 1] = (uint32_t)message->specific;
    *ret_count = count + 2;
    return true;
}

bool
trap_identity(const struct trap_message *message, uint32_t *arcs, unsigned *ret_count)
{
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;

    if (message->pdu == TRAP_PDU_TRAP_V1) {
        return identity_of_v1(message, arcs, ret_count);
    }
    /* It is the second one by the rule, but not by all agents. */
    while (trap_varbind_next(&left, &varbind)) {
        if (varbind.type == BER_OBJECT_IDENTIFIER && varbind.name.len == sizeof(trap_oid) &&
            memcmp(varbind.name.data, trap_oid, sizeof(trap_oid)) == 0) {
            return varbind.value.len > 0 && ber_arcs(varbind.value, arcs, ret_count);
        }
    }
    return false;
}
