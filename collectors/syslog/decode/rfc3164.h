/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_RFC3164_H_INCLUDED
#define SYSLOG_RFC3164_H_INCLUDED

#include "decode/record.h"
#include "decode/tz.h"
#include "sr/span.h"

/* For rfc3164_dates.local: dates without a zone are in UTC. */
#define RFC3164_UTC (-1)

/* What a date without a zone or a year means. */
struct rfc3164_dates {
    const struct tz_table *zones; /* borrowed; null: zone names are host names */
    int32_t local;                /* index of a zone, or RFC3164_UTC */
    int32_t year;                 /* the current one in UTC */
};

/*
 * Decodes a line as upstream's RFC 3164 decoder does, with an optional <PRI> in front:
 *   DATE [ZONE] HOST words of the message
 *   HOST: DATE [ZONE]: message
 *   an RFC 5424 line
 * DATE is an RFC 3339 date-time (that needs no zone), "Mmm d HH:MM:SS" or "YYYY Mmm d HH:MM:SS",
 * ZONE a name from `dates->zones`. `line` must be UTF-8. *ret_rec borrows `line` and `scratch`.
 */
enum syslog_err rfc3164_decode(struct sr_span line, const struct rfc3164_dates *dates,
    struct syslog_scratch *scratch, struct syslog_record *ret_rec);

#endif
