/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SMART_FAMILY_H_INCLUDED
#define SYSLOG_SMART_FAMILY_H_INCLUDED

#include <stdbool.h>

#include "decode/record.h"
#include "decode/smart_time.h"
#include "sr/span.h"

/*
 * The families of dialects. Each is a function that reads `text` from behind the <PRI>, and
 * returns false and leaves the record as it was when the line is not of its family.
 */
struct smart {
    struct sr_span text;
    const struct smart_dates *dates; /* borrowed */
    struct syslog_scratch *scratch;  /* borrowed */
    struct syslog_record *rec;       /* borrowed */
    struct sr_span date;             /* what the date of a header without a year was read from */
};

/* Takes a date for the record. */
void smart_set_time(struct smart *m, const struct smart_date *date, enum syslog_source source);

/* Takes a name for the record, if it may be one. */
bool smart_set_host(struct smart *m, struct sr_span host, enum syslog_source source);

/* "VERSION TIMESTAMP HOST APP PROCID MSGID SD MSG"; what only starts so is SYSLOG_IETF_LOOSE. */
bool smart_read_ietf(struct smart *m);

/* "SEQ: HOST: *DATE: %FACILITY-SEVERITY-MNEMONIC: text", with most of it optional. */
bool smart_read_cisco(struct smart *m);

/* "DATE HOST TAG[PID]: text", any of it optional. Always true. */
bool smart_read_bsd(struct smart *m);

/* Reads "HOST [LEVEL] TAG[PID]: text", from behind the date. */
void smart_read_host_and_tag(struct smart *m);

/* Reads "TAG[PID]: text", or all of it as the message. */
void smart_read_tag(struct smart *m);

/*
 * What a vendor's message says of its own host and time, where that is known to be better than
 * the header: the message of the record is read.
 */
void smart_refine(struct smart *m);

#endif
