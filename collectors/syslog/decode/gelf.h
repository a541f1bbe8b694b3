/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_GELF_H_INCLUDED
#define SYSLOG_GELF_H_INCLUDED

#include "decode/record.h"
#include "sr/buf.h"
#include "sr/peer.h"
#include "sr/span.h"

/* How records are written. Borrowed for the call. */
struct gelf_options {
    struct sr_span partition;
    const struct syslog_extras *extras;
    const struct sr_peer *peer; /* who sent the message; NULL: it is not known */
    bool no_address;            /* there is no `_remote_addr` */
    bool upstream;              /* a record of a strict format has upstream's bytes in any case */

    bool enrich; /* with the keys of enrich.h, which come of the rest */
    uint64_t now_ns;
    struct syslog_origin origin;
    struct syslog_scratch *scratch; /* its `elements` are overwritten */
};

/*
 * Appends `rec` as a GELF object with upstream's keys in byte order, no blanks. `_remote_addr` is
 * "<partition>:<address of peer>". No SD-PARAM takes the place of a key that is ours (`_dialect`,
 * `_not_utf8`, `_remote_addr`, `_tls_peer`): its name is `_sd_NAME` then, and one of that name has
 * another `sd_` in front, so that no key is twice. But with `upstream` one named remote_addr takes
 * the place of the address; the partition is put in front of it all the same. `extras` come in the
 * place of keys of their names, as upstream's gelf_extra do; that also goes for `_remote_addr`,
 * with the partition in front.
 */
void gelf_encode(
    struct sr_buf *b, const struct syslog_record *rec, const struct gelf_options *options);

/* Appends the value of a parameter, without quotes, with \" \\ and \] undone. */
void gelf_add_value(struct sr_buf *b, const struct syslog_param *param);

#endif
