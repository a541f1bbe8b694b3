/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_MARK_H_INCLUDED
#define CLI_LOAD_MARK_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * The mark by which a record in a stream is known for one that this run has sent: a number of the
 * run, random, and one of the record, from 0 on without a gap. Pure.
 *
 * In text (a message of syslog, a varbind of a trap) it stands as "sr-load=RRRRRR/NNNNNNNNNNNNN",
 * the run in hexadecimal and the record in decimal digits. In a flow it stands in the key: source
 * address 10.R.R.R, destination address the low 32 bits of the number, source port the next 16.
 */
enum traffic_kind {
    TRAFFIC_SYSLOG,
    TRAFFIC_TRAP,
    TRAFFIC_NETFLOW,
};

struct mark {
    uint32_t run;      /* below 2^24 */
    uint64_t sequence; /* below 2^48 in flows, 10^13 in text */
};

#define MARK_TEXT_LEN 28U /* bytes of the text, without a NUL */

/* Writes the text. */
void mark_write_text(const struct mark *mark, uint8_t out[MARK_TEXT_LEN]);

/* Reads the first text of a mark that is whole. Returns false when there is none. */
bool mark_read_text(struct sr_span text, struct mark *ret_mark);

/* The same of the marks of that run: a recorded message has one of another run before it. */
bool mark_find_text(struct sr_span text, uint32_t run, struct mark *ret_mark);

/*
 * Reads the mark of a record as it is stored: JSON of syslog or of a trap, protobuf
 * flowpb.FlowMessage. Returns false when it has none.
 */
bool mark_read(enum traffic_kind kind, struct sr_span record, struct mark *ret_mark);

#endif
