/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_BASE32_H_INCLUDED
#define SR_BASE32_H_INCLUDED

#include <stdbool.h>

#include "sr/buf.h"
#include "sr/span.h"

/* Characters that `len` bytes become, without padding. */
#define SR_BASE32_LEN(len) (((len)*8 + 4) / 5)

/* Appends `bytes` in the base 32 of RFC 4648, section 6: upper case, without padding. */
void sr_base32_encode(struct sr_buf *out, struct sr_span bytes);

/*
 * Appends the bytes that `text` stands for. False, with nothing promised about `out`, when `text`
 * is not what sr_base32_encode writes: another alphabet or lower case, padding, a length that no
 * bytes have, or unused bits that are set; and when `out` is too small.
 */
bool sr_base32_decode(struct sr_buf *out, struct sr_span text);

#endif
