/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REWRITE_PARTS_H_INCLUDED
#define CLI_REPLAY_REWRITE_PARTS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "replay/rewrite.h"

/* What rewriting is made of, by protocol: the decoders that they use do not fit into one file. */

/*
 * A message of syslog: its date becomes that of `wall_ns`, and `mark`, unless NULL, goes behind its
 * text. `out` has REWRITE_ROOM bytes. REWRITE_EUNKNOWN: it is empty or compressed.
 */
enum rewrite_err rewrite_syslog(struct sr_span message, uint64_t wall_ns, int32_t utc_offset_s,
    const struct mark *mark, uint8_t *out, struct sr_span *ret_bytes);

/* What changes in a message of SNMP. */
struct rewrite_trap {
    uint32_t request_id;     /* below 2^31; of v3 the msgID as well */
    uint32_t uptime_cs;      /* hundredths of a second that go on top of the time-stamp of v1 */
    const struct mark *mark; /* NULL: none */
};

/* A notification of SNMP, as above. REWRITE_EUNKNOWN: it is none, or it is protected. */
enum rewrite_err rewrite_trap(struct sr_span message, const struct rewrite_trap *changes,
    uint8_t *out, struct sr_span *ret_bytes);

/* The state of exporters: templates, sequence numbers, and which message had which. */
struct rewrite_flows;

/*
 * Sequence numbers begin somewhere that `random` says. With `is_one_host` all sources share them,
 * as the collector takes them for one exporter then. Returns owned; NULL without memory.
 */
struct rewrite_flows *rewrite_flows_new(uint64_t random, bool is_one_host);
void rewrite_flows_free(struct rewrite_flows *f); /* NULL is allowed */

/*
 * A datagram of NetFlow or IPFIX; `number` is that of its mark, REWRITE_UNMARKED
 * (rewrite_numbers.h): none is wanted. *ret_records is 0 when it has none: then `number` is free
 * for the next. Of LEDGER_NUMBERS_MAX on rewrite_flows_find() does not know it.
 */
enum rewrite_err rewrite_flows_datagram(struct rewrite_flows *f, uint32_t source, uint64_t wall_ns,
    uint32_t number, struct sr_span message, uint8_t *out, struct sr_span *ret_bytes,
    uint32_t *ret_records);

/* The number of the datagram that a stored flowpb.FlowMessage came with. Thread-safe. */
bool rewrite_flows_find(struct rewrite_flows *f, struct sr_span record, uint64_t *ret_number);

#endif
