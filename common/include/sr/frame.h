/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_FRAME_H_INCLUDED
#define SR_FRAME_H_INCLUDED

#include <stddef.h>

#include "sr/span.h"

/*
 * Where a message ends in a stream of bytes. A framer is a pure function that looks at the
 * beginning of what has come and is called again with more when that is not enough.
 */
enum sr_frame_state {
    SR_FRAME_MORE = 0, /* no whole message yet */
    SR_FRAME_MESSAGE,
    SR_FRAME_SKIP,   /* bytes that are no message, nor part of one that is handed on */
    SR_FRAME_BROKEN, /* where the next message begins cannot be told: the connection ends */
};

struct sr_frame {
    size_t used;            /* MESSAGE, SKIP: bytes that it takes off the stream, at least 1 */
    struct sr_span message; /* MESSAGE: it, without what frames it; within those bytes */
    const char *reason;     /* BROKEN: a word of [a-z0-9_], static */
};

#endif
