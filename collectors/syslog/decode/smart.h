/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SMART_H_INCLUDED
#define SYSLOG_SMART_H_INCLUDED

#include "decode/record.h"
#include "decode/smart_time.h"
#include "sr/peer.h"
#include "sr/span.h"

/*
 * Decodes any line: RFC 5424, RFC 3164 and what vendors send in their place (see enum
 * syslog_dialect); what has no header at all is a message. A message without a host gets the
 * address of `peer`, if there is one, one without a date the time of receipt. The only error is
 * SYSLOG_EEMPTY. The time it takes grows with the length of the line only. *ret_rec borrows `line`
 * and `scratch`.
 */
enum syslog_err smart_decode(struct sr_span line, const struct smart_dates *dates,
    const struct sr_peer *peer, struct syslog_scratch *scratch, struct syslog_record *ret_rec);

#endif
