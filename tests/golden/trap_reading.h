/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_TRAP_READING_H_INCLUDED
#define TESTS_GOLDEN_TRAP_READING_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "decode/message.h"
#include "sr/buf.h"
#include "sr/span.h"

/*
 * What a message of SNMP says, as text: a line for each field and for each name, type and value of
 * a varbind, "WHAT SAYS". Two who read a message alike write the same lines.
 */

#define TRAP_READING_ROOM ((size_t)4 << 20) /* any message fits */

/* Writes one line, of less than 64 characters. */
void trap_reading_line(struct sr_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes one line with bytes in it, or with arcs: those without are "0". */
void trap_reading_bytes(struct sr_buf *b, const char *what, struct sr_span bytes);
void trap_reading_arcs(struct sr_buf *b, const char *what, const uint64_t *arcs, size_t count);

/*
 * What our decoder made of a message. Of a number or an identifier that it cannot read it says
 * "bytes" where others say "value". A number within an Opaque is told as net-snmp tells it, which
 * sends them (types 0x76 to 0x7b).
 */
void trap_reading_write(struct sr_buf *b, const struct trap_message *message);

#endif
