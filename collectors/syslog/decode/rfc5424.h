/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_RFC5424_H_INCLUDED
#define SYSLOG_RFC5424_H_INCLUDED

#include "decode/record.h"
#include "sr/span.h"

/*
 * Decodes a line as upstream's RFC 5424 decoder does: VERSION is 1, the timestamp is not "-", all
 * seven parts are there, structured data is followed by a space. A byte order mark before the
 * priority is dropped. `line` must be UTF-8. *ret_rec borrows `line` and `scratch`.
 */
enum syslog_err rfc5424_decode(
    struct sr_span line, struct syslog_scratch *scratch, struct syslog_record *ret_rec);

#endif
