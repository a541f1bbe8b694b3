/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_WINDOW_H_INCLUDED
#define SR_WINDOW_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/request.h"

#define SR_WINDOW_MESSAGES 4096U /* power of two */
#define SR_WINDOW_BYTES (8U * 1024U * 1024U)
#define SR_WINDOW_MESSAGES_MIN 16U /* what it narrows to, and what it widens by */

/*
 * The messages in flight: a ring of slots, numbered by an ever-growing count of sends. The number
 * is the last token of the reply subject, so an answer finds its slot without a search, and an
 * answer to an older use of the slot is recognised. Numbers in flight may be further apart than
 * the ring is long. Owned by the publisher's thread.
 *
 * How many may be in flight follows the congestion control of TCP (RFC 5681 section 3.1), counted
 * in messages. "Too many requests" halves the limit, once for all messages that were in flight
 * together; every whole window of acknowledgements then widens it by SR_WINDOW_MESSAGES_MIN, up to
 * SR_WINDOW_MESSAGES. A connection cut for its load is like TCP's timeout: the limit falls to
 * SR_WINDOW_MESSAGES_MIN, doubles with each window up to half of what was in flight ("slow start")
 * and widens by steps from there.
 */
struct sr_inflight {
    uint64_t number; /* of this send; the slot is number % SR_WINDOW_MESSAGES */
    void *owner;     /* the sender's idea of the lane; NULL: free slot */
    void *segment;   /* with `index`, which entry */
    uint32_t index;
    uint32_t records;
    uint32_t bytes;
    bool first_attempt;
    bool has_id; /* it is a request's, and has that one's id */
    uint8_t id[SR_REQUEST_ID_LEN];
    uint64_t deadline_ns; /* monotonic: when to stop waiting */
};

struct sr_window {
    uint64_t head;      /* oldest number that may still be in flight */
    uint64_t next;      /* number of the next send */
    size_t bytes;       /* in flight */
    size_t bytes_limit; /* of that: SR_WINDOW_BYTES, or less where memory is short */
    uint32_t messages;
    uint32_t limit;        /* of messages in flight */
    uint32_t threshold;    /* below it the limit doubles with each window */
    uint32_t acknowledged; /* since the limit was moved last */
    uint64_t narrowed_at;  /* `next` when the limit was halved last */
    struct sr_inflight slots[SR_WINDOW_MESSAGES];
};

/* Empties the window and opens it wholly, to SR_WINDOW_BYTES. Numbers go on from `first`, so that
 * late answers are not mistaken. */
void sr_window_reset(struct sr_window *w, uint64_t first);

/* True when one more message of `bytes` may be sent. A lone message always may. */
bool sr_window_has_room(const struct sr_window *w, size_t bytes);

/* Takes the next slot, which must have room; the caller fills all but `number`. */
struct sr_inflight *sr_window_push(struct sr_window *w, size_t bytes);

/* The message sent as `number`, or NULL when it is no longer waited for. */
struct sr_inflight *sr_window_find(struct sr_window *w, uint64_t number);

/* Frees the slot of a message that got its answer or is given up. */
void sr_window_release(struct sr_window *w, struct sr_inflight *m);

/* The message `number` was refused as one too many: halves the limit. */
void sr_window_narrow(struct sr_window *w, uint64_t number);

/* What is in flight was too much for the connection, which is cut. Called before it is released. */
void sr_window_collapse(struct sr_window *w);

/* A message was stored: may widen the limit. */
void sr_window_widen(struct sr_window *w);

/* The oldest message in flight, or NULL. Deadlines grow with numbers, so it is the first to expire.
 */
struct sr_inflight *sr_window_oldest(struct sr_window *w);

#endif
