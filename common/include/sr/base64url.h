/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_BASE64URL_H_INCLUDED
#define SR_BASE64URL_H_INCLUDED

#include <stdbool.h>

#include "sr/buf.h"
#include "sr/span.h"

/* Characters that `len` bytes become, without padding. */
#define SR_BASE64URL_LEN(len) (((len)*8 + 5) / 6)

/* Appends `bytes` in the base 64 of RFC 4648, section 5 ('-' and '_'), without padding. */
void sr_base64url_encode(struct sr_buf *out, struct sr_span bytes);

/*
 * Appends the bytes that `text` stands for. False, with nothing promised about `out`, when `text`
 * is not what sr_base64url_encode writes: another alphabet, padding, a length that no bytes have,
 * or unused bits that are set; and when `out` is too small. RFC 7515, section 2, wants no more.
 */
bool sr_base64url_decode(struct sr_buf *out, struct sr_span text);

#endif
