/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REWRITE_H_INCLUDED
#define CLI_REPLAY_REWRITE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/mark.h"
#include "sr/span.h"

/*
 * What has to change in a recorded message for it to be a new one: the timestamp of syslog, time of
 * export and sequence number of NetFlow and IPFIX, request ids of SNMP. Everything else stays as it
 * is. Pure but for the memory that rewrite_new() allocates.
 */
struct rewrite;

#define REWRITE_ROOM 65535U /* bytes that rewrite_message() may write */

#define REWRITE_SOURCES_MAX 10000U

enum rewrite_err {
    REWRITE_OK = 0,
    REWRITE_EUNKNOWN, /* not a message of that protocol, or one that cannot be changed: as it was */
    REWRITE_ELENGTH,  /* it would be longer than a datagram: as it was */
    REWRITE_EFULL,    /* flows of more domains than can be numbered, or no memory: as it was */
    REWRITE_ERRORS,
};

/* A static text. */
const char *rewrite_reason(enum rewrite_err err);

struct rewrite_options {
    enum traffic_kind kind;
    bool marked;          /* records get a mark, by which `--verify` knows them */
    uint32_t run;         /* of the marks; random, below 2^24 */
    int32_t utc_offset_s; /* of dates that name no zone; east is positive */
    bool is_one_host;     /* all sources are ports of one address: one exporter of flows */
};

/* What became of a message. */
struct rewritten {
    struct sr_span bytes; /* in `out`, or the message itself */
    uint64_t sequence;    /* of the mark: 0, 1, 2, ... of those that are marked */
    uint32_t records;     /* that it has; 0 when it is not marked */
};

/* Returns owned: rewrite_free; NULL without memory. */
struct rewrite *rewrite_new(const struct rewrite_options *options);

/*
 * What is rewritten, by kind:
 *
 * - syslog: the date that stands before the text, in its format and zone. Without a zone it is of
 *   `utc_offset_s`. The mark goes behind the text.
 * - SNMP: the request-id; the msgID of v3; of v1 the time-stamp, on which time goes by. The mark is
 *   one more varbind, 1.3.6.1.4.1.8072.9999.9999.1. What is authenticated or encrypted cannot be
 *   changed: REWRITE_EUNKNOWN.
 * - NetFlow and IPFIX: the time of export; the sequence number, which goes on without a gap from a
 *   random one for each source and domain. Times of flows that count from the start of the exporter
 *   are as long before the export as they were; those that name a date stay. The mark is the
 *   sequence number: the stored FlowMessage has it. Records are counted with the templates of the
 *   same source; a message that holds what no template is known for yet has no mark.
 *
 * Rewrites one message of `source` (below REWRITE_SOURCES_MAX) for the time `wall_ns`, into `out`
 * (REWRITE_ROOM bytes). On an error the message is as it was, and has no mark.
 */
enum rewrite_err rewrite_message(struct rewrite *r, uint32_t source, uint64_t wall_ns,
    struct sr_span message, uint8_t *out, struct rewritten *ret_rewritten);

/* The number of a record in a stream, as verify_options.read wants it; thread-safe after rewriting
 * began. */
bool rewrite_read(void *rewrite, struct sr_span record, uint64_t *ret_sequence);

/* NULL is allowed. */
void rewrite_free(struct rewrite *r);

#endif
