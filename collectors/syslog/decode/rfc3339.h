/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_RFC3339_H_INCLUDED
#define SYSLOG_RFC3339_H_INCLUDED

#include <stdbool.h>

#include "decode/time.h"
#include "sr/span.h"

/*
 * Reads all of `text` as an RFC 3339 date-time: "YYYY-MM-DD", 'T' or 't', "HH:MM:SS", optionally
 * '.' and one or more digits (from the tenth on ignored), then 'Z', 'z' or an offset "+HH:MM".
 * Second 60 is taken only where a leap second can be (section 5.7), at the end of the last day
 * of a month in UTC, and becomes 59.999999999, as in Rust's `time`. False: it is something else.
 */
bool rfc3339_parse(struct sr_span text, struct syslog_time *ret_time);

#endif
