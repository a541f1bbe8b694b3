/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_JSON_H_INCLUDED
#define SR_JSON_H_INCLUDED

#include <stdbool.h>

#include "sr/buf.h"
#include "sr/span.h"

/*
 * Appends `text` as a JSON string with its quotes. Escapes as serde_json does: \" \\ \b \f \n \r \t
 * and \u00xx (lower-case) for other control characters; everything else is kept as it is. Bytes
 * that are not UTF-8 become one U+FFFD per maximal subpart (Unicode 15, section 3.9). Up to seven
 * bytes behind the string, within the buffer's capacity, may be overwritten.
 */
void sr_json_string(struct sr_buf *b, struct sr_span text);

/*
 * As sr_json_string without the quotes: for strings put together from pieces. A piece must not end
 * inside of a UTF-8 sequence.
 */
void sr_json_string_part(struct sr_buf *b, struct sr_span text);

/* As sr_json_string, for a C string. */
void sr_json_text(struct sr_buf *b, const char *text);

/*
 * Appends the shortest decimal that reads back as `value` in the notation of Rust's serde_json:
 * with a point and at least one digit after it ("1.0", "-0.0", "0.00001", up to
 * "1000000000000000.0"), else with an exponent ("1e16", "1.5e300", "1e-6"). Not-a-number and
 * infinities become `null`.
 */
void sr_json_double(struct sr_buf *b, double value);

/*
 * Appends an instant, seconds since 1970 in UTC and nanoseconds, as a JSON string of RFC 3339 with
 * nine digits of the second: "2026-11-22T12:00:00.000000000Z". One that is not of the years 0 to
 * 9999 becomes `null`.
 */
void sr_json_time(struct sr_buf *b, int64_t sec, uint32_t nsec);

/* True when all of `text` is well-formed UTF-8 (RFC 3629). */
bool sr_utf8_valid(struct sr_span text);

#endif
