/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_ZONES_H_INCLUDED
#define SYSLOG_ZONES_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "decode/datagram.h"
#include "syslog.h"

/*
 * The zones that dates without one are in: that of the listener, and those of networks of senders.
 */

/*
 * For the check of a key (sr/conf.h): NULL when `name` is an IANA name, UTC or local, else what is
 * wrong, in `text`. An early look; what the zone database says when it is read counts.
 */
const char *zone_check(const char *name, char *text, size_t text_size);

/* The same for items NETWORK=ZONE, of which no two have the same network. */
const char *zones_check(const struct sr_conf_strings *items, char *text, size_t text_size);

/*
 * Sets `local` and `map` of *ret_decode, whose `zones` are read already, from listener number `i`,
 * which was checked. False with `error`, when a zone is not known or there is no memory. The map is
 * to be given to zones_done(), also then.
 */
bool zones_make(const struct syslog_listener *l, size_t i, struct syslog_decode *ret_decode,
    char *error, size_t error_size);

/* Frees the map. One of a zeroed struct is fine. */
void zones_done(struct syslog_decode *decode);

#endif
