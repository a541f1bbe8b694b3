/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/response.h"

#include <string.h>

#include "sr/banned.h"

/* The number becomes 0 in as many bytes as it had. */
static bool
clear_number(struct sr_span *left, uint8_t *out, const uint8_t *start)
{
    struct sr_span number;

    if (!ber_take_type(left, BER_INTEGER, &number)) {
        return false;
    }
    memset(out + (number.data - start), 0, number.len);
    return true;
}

/* Makes the copy of a PDU at `out` a response. */
static bool
turn_around(struct sr_span pdu, uint8_t *out)
{
    const uint8_t *start = pdu.data;
    struct sr_span left, request_id;
    uint8_t type;

    if (!ber_take(&pdu, &type, &left) || !ber_take_type(&left, BER_INTEGER, &request_id) ||
        !clear_number(&left, out, start) || !clear_number(&left, out, start)) {
        return false;
    }
    out[0] = TRAP_PDU_RESPONSE;
    return true;
}

size_t
trap_response_pdu(const struct trap_message *inform, uint8_t *out)
{
    if (inform->pdu != TRAP_PDU_INFORM) {
        return 0;
    }
    memcpy(out, inform->whole_pdu.data, inform->whole_pdu.len);
    return turn_around(inform->whole_pdu, out) ? inform->whole_pdu.len : 0;
}

size_t
trap_response_write(struct sr_span bytes, const struct trap_message *inform, uint8_t *out)
{
    size_t before = (size_t)(inform->whole_pdu.data - bytes.data);
    struct sr_span behind = bytes, content;

    if (inform->version != TRAP_V2C || inform->pdu != TRAP_PDU_INFORM ||
        !ber_take_type(&behind, BER_SEQUENCE, &content)) {
        return 0;
    }
    size_t len = bytes.len - behind.len; /* what follows the message is not sent back */
    memcpy(out, bytes.data, len);
    return turn_around(inform->whole_pdu, out + before) ? len : 0;
}
