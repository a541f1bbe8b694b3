/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_VERIFY_END_H_INCLUDED
#define CLI_VERIFY_VERIFY_END_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "nats_admin.h"
#include "trouble.h"

/*
 * How far a stream was read, beside what its server says of it at the end: whether what was not
 * seen is really missing. No I/O.
 */
struct verify_end {
    struct admin_stream_state at_start;
    bool is_filtered; /* one subject is read, whose sequence numbers have gaps anyway */
    uint64_t next;    /* sequence number that the reader waits for */
    uint64_t gone;    /* messages that it found removed */
    bool is_asked;    /* the server was; then these: */
    enum admin_err err;
    struct admin_stream_state at_end; /* with ADMIN_OK */
    char detail[ADMIN_DETAIL_MAX];    /* what the server said else */
};

/* Messages that stand in the stream and were not read; 0 also when that cannot be known. */
uint64_t verify_end_unread(const struct verify_end *e);

/*
 * Whether the stream was read to its end; else false with `trouble`. `url` is for messages, as
 * verify_url_show() makes it.
 */
bool verify_end_judge(
    const struct verify_end *e, const char *url, const char *stream, struct trouble *trouble);

#endif
