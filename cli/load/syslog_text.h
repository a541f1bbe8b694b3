/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_SYSLOG_TEXT_H_INCLUDED
#define CLI_LOAD_SYSLOG_TEXT_H_INCLUDED

#include "load/generate_syslog.h"

/* How the messages of generate_syslog.h are worded. Pure. */

#define SYSLOG_HOST_DIGITS 5U

/*
 * Writes the message of a variant, of exactly `size` bytes, with places for time, host and mark.
 * Where it has no room for all of the style, only for what is valid, that is what it has. The
 * template's `start` is left alone; others of its fields are set.
 */
void syslog_write_text(const struct syslog_load *load, enum syslog_style style, size_t variant,
    size_t size, uint8_t *out, struct syslog_template *t);

#endif
