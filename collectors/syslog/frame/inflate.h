/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_FRAME_INFLATE_H_INCLUDED
#define SYSLOG_FRAME_INFLATE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* Datagrams that were compressed as a whole, by zlib (RFC 1950) or gzip (RFC 1952). */

#define SYSLOG_INFLATED_MAX (256U * 1024U)

/* Memory of one thread, for one datagram at a time. */
struct syslog_inflater {
    _Alignas(16) uint8_t work[48 * 1024]; /* of zlib: its state, and a window of 32 KiB */
    size_t work_used;
    uint8_t text[SYSLOG_INFLATED_MAX];
};

struct syslog_inflate_options {
    size_t max;     /* bytes of what was compressed, at most SYSLOG_INFLATED_MAX; 0: leave it be */
    unsigned ratio; /* and at most so many times what came */
};

enum syslog_inflate_state {
    SYSLOG_INFLATE_PLAIN = 0, /* it is not compressed */
    SYSLOG_INFLATE_TEXT,
    SYSLOG_INFLATE_BAD,
};

/*
 * Looks whether `bytes` are compressed. TEXT: *ret_text is what they were, in the inflater until it
 * is used again; bytes behind the end of it are passed over, as upstream does. BAD: *ret_reason is
 * "compressed_damaged", "compressed_ratio" or "compressed_too_large".
 */
enum syslog_inflate_state syslog_inflate(struct syslog_inflater *in,
    const struct syslog_inflate_options *options, struct sr_span bytes, struct sr_span *ret_text,
    const char **ret_reason);

#endif
