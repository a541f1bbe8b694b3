/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SMART_EXPLAIN_H_INCLUDED
#define SYSLOG_SMART_EXPLAIN_H_INCLUDED

#include "decode/record.h"
#include "sr/emit.h"

/*
 * Tells emit->explain, which must not be NULL, how `rec` was read: its dialect and by what that is
 * told, where host and time are from, and what was assumed.
 */
void smart_explain(const struct syslog_record *rec, const struct sr_emit *emit);

#endif
