/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_ENRICH_H_INCLUDED
#define SYSLOG_ENRICH_H_INCLUDED

#include "decode/gelf.h"
#include "decode/record.h"
#include "sr/buf.h"
#include "sr/peer.h"
#include "sr/span.h"

/*
 * What `enrich: true` adds to records: docs/syslog.md has the keys. The names are those that the
 * platform's consumers store.
 */

/* The severity of OpenTelemetry's log data model, appendix B, for one of syslog, 0 to 7. */
unsigned enrich_severity_number(unsigned severity);

/* The range that the number is in, which is what the consumers know: FATAL, ERROR, WARN, ... */
const char *enrich_severity_text(unsigned severity);

/* Appends the object `attributes`, in byte order of its keys. Overwrites options->scratch. */
void enrich_attributes(
    struct sr_buf *b, const struct syslog_record *rec, const struct gelf_options *options);

/* Appends the object `resource`. `peer` may be NULL. */
void enrich_resource(struct sr_buf *b, struct sr_span host, const struct sr_peer *peer);

#endif
