/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_PRI_H_INCLUDED
#define SYSLOG_PRI_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * Reads all of `text` as a number from 0 to 255 in the way of Rust's u8::from_str: a '+' in front
 * and leading zeros are allowed.
 */
bool pri_parse(struct sr_span text, uint8_t *ret_pri);

/*
 * The severity, 0 to 7, of a message before anything else of it is read: that of "<PRI>" at its
 * beginning, else 5 (notice), which RFC 3164 section 4.3.3 gives to those without one.
 */
unsigned pri_severity(struct sr_span message);

#endif
