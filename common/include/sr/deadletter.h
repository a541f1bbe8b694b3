/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_DEADLETTER_H_INCLUDED
#define SR_DEADLETTER_H_INCLUDED

#include "sr/buf.h"
#include "sr/peer.h"
#include "sr/span.h"

/* More than the header lines of any dead letter need. */
#define SR_DEADLETTER_OVERHEAD 512U

/* A record that the server will never take is kept as a dead letter of this size. */
#define SR_DEADLETTER_CUT 4096U

/*
 * A dead letter is the raw bytes with header lines in front: Sr-Reason, Sr-Source (address without
 * port), Sr-Received (nanoseconds since 1970). Writes both to `b` and returns how many bytes the
 * header lines take. `peer` may be NULL.
 */
size_t sr_deadletter_write(struct sr_buf *b, const char *reason, const struct sr_peer *peer,
    uint64_t now_ns, struct sr_span raw);

/* The value of header line `name` in `attributes`, or an empty span. Borrows `attributes`. */
struct sr_span sr_attribute(struct sr_span attributes, const char *name);

/* The next "Name: value\r\n" of *attributes, which moves past it; false at the end. */
bool sr_attribute_next(
    struct sr_span *attributes, struct sr_span *ret_name, struct sr_span *ret_value);

/* A dead letter as a line of JSON without newline: {"error":REASON,"raw":HEX,"source":ADDRESS}. */
void sr_deadletter_json(
    struct sr_buf *b, struct sr_span reason, struct sr_span raw, struct sr_span source);

#endif
