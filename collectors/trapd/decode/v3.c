/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/v3.h"

#include "decode/ber.h"

#include "sr/banned.h"

enum {
    SECURITY_MODEL_USM = 3, /* RFC 3411 section 5, SnmpSecurityModel */
    FLAG_AUTH = 1,          /* msgFlags, RFC 3412 section 6.4 */
    FLAG_PRIV = 2,
    FLAG_REPORTABLE = 4,
    MESSAGE_MAX_SIZE_LEAST = 484, /* RFC 3412 section 6.3 */
};

const char *
v3_reason(enum v3_err err)
{
    switch (err) {
    case V3_OK: return "ok";
    case V3_MALFORMED: return "v3_malformed";
    case V3_SECURITY_MODEL: return "v3_security_model";
    }
    return "v3_malformed";
}

/* INTEGER (least..2147483647), as every number of the head is. */
static bool
take_number(struct sr_span *left, int64_t least, uint32_t *ret_number)
{
    struct sr_span content;
    int64_t number;

    if (!ber_take_type(left, BER_INTEGER, &content) || !ber_signed(content, &number) ||
        number < least || number > INT32_MAX) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

static bool
take_octets(struct sr_span *left, size_t max, struct sr_span *ret_octets)
{
    struct sr_span content;

    if (!ber_take_type(left, BER_OCTET_STRING, &content) || content.len > max) {
        return false;
    }
    *ret_octets = content;
    return true;
}

/* Bits that are reserved are ignored, as RFC 3412 section 6.4 asks for. */
static bool
take_flags(struct sr_span *left, struct v3_message *message)
{
    struct sr_span flags;

    if (!take_octets(left, 1, &flags) || flags.len == 0) {
        return false;
    }
    switch (flags.data[0] & (FLAG_AUTH | FLAG_PRIV)) {
    case FLAG_AUTH | FLAG_PRIV: message->level = TRAP_PRIV; break;
    case FLAG_AUTH: message->level = TRAP_AUTH; break;
    case FLAG_PRIV: return false; /* there is no such level: RFC 3412 section 7.2, step 5 d */
    default: message->level = TRAP_NO_AUTH;
    }
    message->is_reportable = (flags.data[0] & FLAG_REPORTABLE) != 0;
    return true;
}

/* HeaderData of RFC 3412 section 6. */
static bool
take_header(struct sr_span *left, struct v3_message *message, uint32_t *ret_model)
{
    struct sr_span header;

    return ber_take_type(left, BER_SEQUENCE, &header) && take_number(&header, 0, &message->id) &&
           take_number(&header, MESSAGE_MAX_SIZE_LEAST, &message->max_size) &&
           take_flags(&header, message) && take_number(&header, 1, ret_model);
}

/* UsmSecurityParameters of RFC 3414 section 2.4: a sequence within octets. */
static bool
read_usm(struct sr_span parameters, struct v3_message *message)
{
    struct sr_span usm;

    return ber_take_type(&parameters, BER_SEQUENCE, &usm) &&
           take_octets(&usm, V3_ENGINE_ID_MAX, &message->engine_id) &&
           take_number(&usm, 0, &message->boots) && take_number(&usm, 0, &message->time) &&
           take_octets(&usm, V3_USER_MAX, &message->user) &&
           take_octets(&usm, SIZE_MAX, &message->mac) &&
           take_octets(&usm, SIZE_MAX, &message->salt);
}

enum v3_err
v3_read(struct sr_span bytes, struct v3_message *ret_message)
{
    struct v3_message message = { 0 };
    struct sr_span rest = bytes, left, parameters;
    uint32_t version, model;

    if (!ber_take_type(&rest, BER_SEQUENCE, &left) || !take_number(&left, TRAP_V3, &version) ||
        version != TRAP_V3 || !take_header(&left, &message, &model)) {
        return V3_MALFORMED;
    }
    message.whole = (struct sr_span){ bytes.data, bytes.len - rest.len };
    if (model != SECURITY_MODEL_USM) {
        return V3_SECURITY_MODEL;
    }
    if (!take_octets(&left, SIZE_MAX, &parameters) || !read_usm(parameters, &message)) {
        return V3_MALFORMED;
    }
    if (message.level == TRAP_PRIV && !take_octets(&left, SIZE_MAX, &left)) {
        return V3_MALFORMED;
    }
    message.scoped = left;
    *ret_message = message;
    return V3_OK;
}

bool
v3_scoped_read(struct sr_span scoped, struct sr_span *ret_engine_id, struct sr_span *ret_name,
    struct sr_span *ret_pdu)
{
    struct sr_span pdu, engine_id, name;

    if (!ber_take_type(&scoped, BER_SEQUENCE, &pdu) || !take_octets(&pdu, SIZE_MAX, &engine_id) ||
        !take_octets(&pdu, SIZE_MAX, &name)) {
        return false;
    }
    *ret_engine_id = engine_id;
    *ret_name = name;
    *ret_pdu = pdu;
    return true;
}

bool
v3_peek(const struct v3_message *message, enum trap_pdu *ret_type, int64_t *ret_request_id)
{
    struct sr_span engine_id, name, pdu, content, number;
    int64_t request_id = 0;
    uint8_t type;

    if (message->level == TRAP_PRIV || !v3_scoped_read(message->scoped, &engine_id, &name, &pdu) ||
        !ber_take(&pdu, &type, &content) || type < TRAP_PDU_GET || type > TRAP_PDU_REPORT) {
        return false;
    }
    if (type != TRAP_PDU_TRAP_V1 &&
        (!ber_take_type(&content, BER_INTEGER, &number) || !ber_signed(number, &request_id))) {
        return false;
    }
    *ret_type = (enum trap_pdu)type;
    *ret_request_id = request_id;
    return true;
}
