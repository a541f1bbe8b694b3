/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_SNMP_WRITE_H_INCLUDED
#define CLI_LOAD_SNMP_WRITE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/message.h"
#include "sr/span.h"

/*
 * Writes messages of SNMP with lengths of as few bytes as they need, from the end to the beginning,
 * so that lengths are known when they are written: what comes last is put first.
 */

#define SNMP_LARGEST 65507U /* bytes of a datagram, IPv4 */

struct snmp_writer {
    uint8_t bytes[SNMP_LARGEST];
    size_t at;   /* bytes from here on are written */
    bool failed; /* something did not fit: nothing more is written */
};

/* Nothing is written. */
void snmp_clear(struct snmp_writer *l);

/* What is written, nothing when it did not fit. Borrows. */
struct sr_span snmp_span(const struct snmp_writer *l);

/* ---- Elements ---- */

void snmp_put_raw(struct snmp_writer *l, struct sr_span bytes);
void snmp_put_integer(struct snmp_writer *l, uint8_t type, int64_t value);
void snmp_put_octets(struct snmp_writer *l, uint8_t type, struct sr_span octets);
void snmp_put_text(struct snmp_writer *l, const char *text);

/* An object identifier of `count` arcs, two or more. */
void snmp_put_oid(struct snmp_writer *l, const uint32_t *arcs, unsigned count);

/* The same from "1.3.6.1", behind which `index` is one more arc unless it is 0. */
void snmp_put_name(struct snmp_writer *l, const char *dotted, uint32_t index);

/* Makes one element of all that was written since `l->at` was `end`. */
void snmp_wrap(struct snmp_writer *l, uint8_t type, size_t end);

/* ---- Parts of messages ---- */

/* So many varbinds as a switch sends: columns of interfaces. Another `seed` makes other values. */
void snmp_put_columns(struct snmp_writer *l, unsigned count, uint32_t seed);

/*
 * The two varbinds that are first in a trap of v2c and v3 (RFC 3416 section 4.2.6), linkDown, with
 * an uptime in hundredths of a second. Returns where in `l->bytes` the element of the uptime is.
 */
size_t snmp_put_event(struct snmp_writer *l, int64_t uptime);

/* Makes a message of v1 or v2c of the PDU from the start of `l` to its `end`. */
void snmp_wrap_message(
    struct snmp_writer *l, enum trap_version version, struct sr_span community, size_t end);

#endif
