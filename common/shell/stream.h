/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_STREAM_H_INCLUDED
#define SHELL_STREAM_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/frame.h"
#include "sr/span.h"

/*
 * The bytes of one connection on their way to messages. It knows no socket: what it is fed was
 * read from one, or decrypted after that. It keeps only what is not consumed yet, which is nothing
 * most of the time: whole messages are handed on where they lie.
 */
struct sr_stream {
    uint8_t *data; /* owned; NULL while nothing waits */
    size_t len;    /* bytes that wait */
    size_t size;
    size_t max;         /* no message with its frame is longer */
    const char *cut_by; /* what a piece at the end is called; NULL: "truncated" */
};

/* Who takes the messages. */
struct sr_stream_user {
    void *arg;

    /* sr/frame.h. `last`: nothing follows, so that MORE means a piece of a message. */
    enum sr_frame_state (*frame)(
        void *arg, struct sr_span bytes, bool last, struct sr_frame *ret_frame);

    /* One message, which took `used` bytes. False: no room for it; it comes again. */
    bool (*message)(void *arg, struct sr_span message, size_t used);

    /* `bytes` are no message, for `reason`, and neither is what follows. */
    void (*broken)(void *arg, struct sr_span bytes, const char *reason);
};

enum sr_stream_state {
    SR_STREAM_OPEN = 0,
    SR_STREAM_FULL,   /* a whole message waits for room: feed nothing and go on later */
    SR_STREAM_BROKEN, /* told to user->broken: it ends here */
};

/*
 * Hands on all whole messages of what waits and of `more` behind it. Without memory for the rest:
 * BROKEN, for "no_memory"; with a rest longer than any message: "too_long".
 */
enum sr_stream_state sr_stream_feed(
    struct sr_stream *s, struct sr_span more, const struct sr_stream_user *user);

/* Goes on after FULL. */
enum sr_stream_state sr_stream_go_on(struct sr_stream *s, const struct sr_stream_user *user);

/*
 * Nothing follows: a piece of a message is broken, for s->cut_by. OPEN when all is handed on, FULL
 * when a message still waits.
 */
enum sr_stream_state sr_stream_end(struct sr_stream *s, const struct sr_stream_user *user);

/* How many bytes of memory it may take on top of `size` when it is fed so many. */
size_t sr_stream_need(const struct sr_stream *s, size_t more);

/* Forgets what waits. */
void sr_stream_clear(struct sr_stream *s);

#endif
