/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_GELF_H_INCLUDED
#define SYSLOG_GELF_H_INCLUDED

#include "decode/record.h"
#include "sr/buf.h"
#include "sr/peer.h"
#include "sr/span.h"

/*
 * Appends `rec` as the GELF object that upstream publishes: keys in byte order, no blanks.
 * `_remote_addr` is "<partition>:<address of peer>"; without a peer (NULL) there is none. An
 * SD-PARAM named remote_addr takes the place of the address, as it does upstream; the partition is
 * put in front of it all the same. `extras` come in the place of keys of their names, as upstream's
 * gelf_extra do; that also goes for `_remote_addr`, with the partition in front.
 */
void gelf_encode(struct sr_buf *b, const struct syslog_record *rec, struct sr_span partition,
    const struct sr_peer *peer, const struct syslog_extras *extras);

#endif
