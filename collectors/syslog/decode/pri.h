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

#endif
