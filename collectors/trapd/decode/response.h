/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_RESPONSE_H_INCLUDED
#define TRAPD_DECODE_RESPONSE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "decode/message.h"
#include "sr/span.h"

/*
 * Writes the response to an inform of v2c that trap_message_read() has read from `bytes` into
 * `out`, as long as `bytes`: the same message with another PDU type, for its varbinds come back as
 * they were, and its error-status and error-index are 0 (RFC 3416 section 4.2.7). Returns its
 * length; 0 when the message is no such inform.
 */
size_t trap_response_write(struct sr_span bytes, const struct trap_message *inform, uint8_t *out);

/*
 * The same for the PDU alone, `inform->whole_pdu`, of any version: what a scoped PDU of v3 holds.
 */
size_t trap_response_pdu(const struct trap_message *inform, uint8_t *out);

#endif
