/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_EXTRA_H_INCLUDED
#define SYSLOG_EXTRA_H_INCLUDED

#include <stdbool.h>

#include "decode/record.h"
#include "sr/conf.h"

/*
 * Makes the keys of a configuration (NAME=VALUE) ready for the encoder. Owned: extras_done(). The
 * texts are borrowed. False without memory.
 */
bool extras_make(const struct sr_conf_strings *texts, struct syslog_extras *ret_extras);

/* Frees what extras_make() gave. Zeroed ones are fine. */
void extras_done(struct syslog_extras *extras);

#endif
