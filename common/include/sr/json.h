/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_JSON_H_INCLUDED
#define SR_JSON_H_INCLUDED

#include "sr/buf.h"
#include "sr/span.h"

/*
 * Appends `text` as a JSON string with its quotes. Escapes as serde_json does: \" \\ \b \f \n \r \t
 * and \u00xx (lower-case) for other control characters; everything else is kept as it is. Bytes
 * that are not UTF-8 become one U+FFFD per maximal subpart (Unicode 15, section 3.9).
 */
void sr_json_string(struct sr_buf *b, struct sr_span text);

/* As sr_json_string, for a C string. */
void sr_json_text(struct sr_buf *b, const char *text);

/*
 * Appends the shortest decimal that reads back as `value`, with at least one digit after the
 * point ("1.0"), as Rust prints it. Not-a-number and infinities become `null`.
 */
void sr_json_double(struct sr_buf *b, double value);

/* True when all of `text` is well-formed UTF-8 (RFC 3629). */
bool sr_utf8_valid(struct sr_span text);

#endif
