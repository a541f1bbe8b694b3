/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SMART_TIME_H_INCLUDED
#define SYSLOG_SMART_TIME_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "decode/time.h"
#include "decode/tz.h"
#include "sr/span.h"

/* What a date without a zone or a year means. */
struct smart_dates {
    const struct tz_table *zones; /* borrowed; may be null: no IANA names */
    int32_t local;                /* index of a zone, or RFC3164_UTC */
    struct syslog_time now;       /* when the message came */
};

/* A date that was read. */
struct smart_date {
    struct syslog_time at;
    size_t used;    /* bytes of the text */
    bool is_zoned;  /* it named its zone, or is an epoch */
    bool has_year;  /* it named its year, or is an epoch */
    bool has_month; /* it starts with the name of a month: the form of RFC 3164 */
};

/*
 * Reads the date and time that `text` starts with, and its zone if one follows:
 *   2003-10-11T22:14:15.003Z   with a blank, '/' or ':' in other places
 *   Oct 11 22:14:15            names of months in any case, with a fraction, AM or PM, and a year
 *   2003 Oct 11 22:14:15       before or behind the day or behind the time
 *   Sat Oct 11 22:14:15 2003   and 11 Oct 2003 22:14:15, 10/11/2003:22:14:15, 11-10-2003 22:14:15
 *   1065910455.003             seconds since 1970 with a fraction, or ten or thirteen digits
 * A date without a year is the latest that is at most 31 days ahead of `dates->now`. False: there
 * is none, or one that does not exist. Looks at the first 80 bytes only.
 */
bool smart_time_read(
    struct sr_span text, const struct smart_dates *dates, struct smart_date *ret_date);

/* Reads all of `text`, seconds, milli-, micro- or nanoseconds since 1970 by the number of digits.
 */
bool smart_epoch_read(struct sr_span text, struct syslog_time *ret_time);

#endif
