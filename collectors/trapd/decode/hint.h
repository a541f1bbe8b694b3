/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_HINT_H_INCLUDED
#define TRAPD_DECODE_HINT_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/buf.h"
#include "sr/span.h"

/*
 * DISPLAY-HINT of RFC 2579 section 3.1: how a MIB says that a value is shown. Each function
 * appends to a JSON string whose quotes the caller writes; with `b` NULL it only says whether the
 * hint is well-formed and goes with the value. What is written is bounded by the lengths of both:
 * no value is read twice.
 */

/*
 * Octets, of which hexadecimal ones have two digits each. False, and nothing written, for a
 * malformed hint, decimal and octal numbers of more than 8 octets, and characters that are not
 * trap_hint_printable().
 */
bool trap_hint_octets(struct sr_buf *b, struct sr_span hint, struct sr_span value);

/* Writes what trap_hint_octets() says true to, without asking it again. */
void trap_hint_octets_write(struct sr_buf *b, struct sr_span hint, struct sr_span value);

/* A number, by "d", "d-2", "x", "o" or "b". False, and nothing written, for another hint. */
bool trap_hint_integer(struct sr_buf *b, struct sr_span hint, int64_t value);

/* True for UTF-8 without control characters other than tabs and ends of lines. */
bool trap_hint_printable(struct sr_span text);

#endif
