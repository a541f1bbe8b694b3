/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_REQUEST_H_INCLUDED
#define SR_REQUEST_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * A request is an input whose sender waits for an answer, and sends it again until it has one. The
 * id is the same each time it is sent, and hardly for any others: a hash.
 */
#define SR_REQUEST_ID_LEN 16U
struct sr_request {
    uint8_t id[SR_REQUEST_ID_LEN];
    struct sr_span answer; /* to send back; borrowed */
};

/* The header line "Nats-Msg-Id: ...\r\n" that the message of a request has, and begins with. */
#define SR_REQUEST_ATTRIBUTE_LEN (13U + 2U * SR_REQUEST_ID_LEN + 2U)

void sr_request_attribute(
    const uint8_t id[SR_REQUEST_ID_LEN], uint8_t out[SR_REQUEST_ATTRIBUTE_LEN]);

/* The id in the header lines of a message, and the lines behind it; false: it is of no request. */
bool sr_request_of(
    struct sr_span attributes, uint8_t ret_id[SR_REQUEST_ID_LEN], struct sr_span *ret_rest);

#endif
