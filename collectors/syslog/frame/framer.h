/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_FRAME_FRAMER_H_INCLUDED
#define SYSLOG_FRAME_FRAMER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/frame.h"

/*
 * Where syslog messages end in a stream (RFC 5425 section 4.3, RFC 6587): behind as many bytes as a
 * number in front says, at a line feed, or at a NUL. It looks at what has come so far, copies
 * nothing, and gives the same messages however the bytes are cut.
 */

/* A larger number in front is not believed. */
#define SYSLOG_COUNT_MAX (16U * 1024U * 1024U)

/* Bytes that can stand around a message of the largest size. */
#define SYSLOG_FRAME_OVERHEAD 16U

enum syslog_framing {
    /*
     * Each message says itself: "NUMBER <" begins a counted one, all else ends at the first LF or
     * NUL. When the number before was wrong, what is left ends where a next one begins.
     */
    SYSLOG_FRAMING_AUTO = 0,
    SYSLOG_FRAMING_OCTET, /* counted; what is not ends the connection, or is passed over */
    SYSLOG_FRAMING_LF,    /* or CR LF */
    SYSLOG_FRAMING_NUL,
};

/* What becomes of a message that is too long. */
enum syslog_oversize {
    SYSLOG_OVERSIZE_SPLIT = 0, /* pieces of that length are messages; nothing is lost */
    SYSLOG_OVERSIZE_TRUNCATE,  /* its beginning is the message, the rest is passed over */
};

/* What becomes of the beginning of a message when the peer closes. */
enum syslog_incomplete {
    SYSLOG_INCOMPLETE_RECORD = 0, /* a message */
    SYSLOG_INCOMPLETE_DEADLETTER, /* truncated, for whoever asked for frames */
};

struct syslog_frame_options {
    enum syslog_framing framing;
    enum syslog_oversize oversize;
    enum syslog_incomplete incomplete;
    size_t max; /* bytes of a message, at least 8 */
};

struct syslog_frame_counts {
    uint64_t split;           /* pieces that were cut off, but for the last of a message */
    uint64_t truncated;       /* messages that were cut */
    uint64_t truncated_bytes; /* passed over behind them */
    uint64_t resyncs;         /* texts between frames, behind a number that was wrong */
    uint64_t incomplete;      /* messages without an end that became records */
};

/* Where the front of the stream is. */
struct syslog_frame_at {
    size_t left;  /* in a counted message that is too long: bytes to come; 0: in none */
    bool in_line; /* in a text that is too long */
    bool counted; /* behind a counted message, or what followed its wrong number */
};

/* One connection's. Zeroed but for `options` it is at the beginning of a stream. */
struct syslog_framer {
    struct syslog_frame_options options;
    struct syslog_frame_counts counts;
    struct syslog_frame_at at;
    size_t scanned; /* bytes at the front that are known to hold no end */

    /* What the last message makes of it. */
    struct syslog_frame_at next;
    struct syslog_frame_counts next_counts;
};

/*
 * See sr/frame.h; messages borrow from `bytes`. MESSAGE comes again with the same bytes until
 * syslog_framer_taken() says that it was taken; all others need no answer. BROKEN for
 * "octet_count": the number in front is missing, or is not believed.
 *
 * A message is never longer than `options.max`, MORE never asked for with more than that and
 * SYSLOG_FRAME_OVERHEAD. Cuts are made between characters of UTF-8 where there are any.
 */
enum sr_frame_state syslog_framer_next(
    struct syslog_framer *f, struct sr_span bytes, bool last, struct sr_frame *ret_frame);

/* The last message was taken off the stream. */
void syslog_framer_taken(struct syslog_framer *f);

#endif
