/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SMART_ZONE_H_INCLUDED
#define SYSLOG_SMART_ZONE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * The offset of an abbreviated zone such as CEST, in seconds east of Greenwich. Abbreviations are
 * no standard: of several meanings the table has the one of the most people.
 */
bool smart_zone_find(struct sr_span name, int32_t *ret_seconds);

#endif
