/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_PUB_LANES_H_INCLUDED
#define SHELL_PUB_LANES_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/ack.h"
#include "sr/queue.h"
#include "sr/sink.h"
#include "sr/stats.h"

/*
 * What the publisher knows of its lanes: who may send, what is in flight, what to send again and
 * when. It knows nothing of NATS: messages leave through a function, answers come in as calls.
 * Everything runs on the publisher's thread, which is the queue's reader. Times are monotonic
 * nanoseconds, passed in.
 *
 * A lane flows until a message fails. Then it stops sending, lets what is in flight settle, goes
 * back to the oldest unsettled entry and, after a back-off, sends one probe; the probe's
 * acknowledgement lets it flow again. So disorder is at most one window, and a lane without a
 * stream costs one message per back-off.
 */
struct pub_lanes;
struct kept_lane;
struct sr_counters_slot;

/* Hands one message to the server; false when the connection is broken. Borrows everything. */
struct pub_message {
    const char *subject;
    const char *content_type; /* "" for none */
    const char *id;           /* Nats-Msg-Id */
    struct sr_span attributes;
    struct sr_span body;
    uint64_t number; /* last token of the reply subject */
};
typedef bool (*pub_send)(void *arg, const struct pub_message *message);

struct pub_lanes_options {
    struct sr_queue *queue; /* borrowed; its lanes must all be added */
    struct sr_stats *stats; /* borrowed */
    bool dead_letters;      /* refused records become dead letters, else they are counted */
    uint64_t ack_timeout_ns;
    struct sr_stored_hook stored; /* told of requests */
};

/*
 * Returns owned state or NULL without memory. With `dead_letters` it adds to the queue one
 * dead-letter lane per lane of records, written by the publisher's thread.
 */
struct pub_lanes *pub_lanes_new(const struct pub_lanes_options *options);
void pub_lanes_free(struct pub_lanes *p);

/*
 * Sends what lanes and window allow, lanes taking turns by bytes. A message larger than
 * `max_payload` is not sent but made a dead letter. False when `send` failed: the caller then
 * calls pub_lanes_disconnected().
 */
bool pub_lanes_send(
    struct pub_lanes *p, uint64_t now_ns, size_t max_payload, pub_send send, void *arg);

/* An answer to the message `number`: stored, or refused for a reason. Late answers are ignored. */
void pub_lanes_stored(struct pub_lanes *p, uint64_t number, bool duplicate);
void pub_lanes_refused(
    struct pub_lanes *p, uint64_t now_ns, uint64_t number, enum sr_refusal refusal);

/*
 * The server says that `subject`, as the account maps it, may not be published on. False when no
 * lane's subject is mapped to it as far as one can tell.
 */
bool pub_lanes_forbidden(struct pub_lanes *p, uint64_t now_ns, struct sr_span subject);

/* The connection is gone: everything in flight will be sent again. */
void pub_lanes_disconnected(struct pub_lanes *p, uint64_t now_ns);

/* The connection is being cut for its load: few messages are in flight on the next one at first. */
void pub_lanes_overwhelmed(struct pub_lanes *p);

/* Gives up what waited too long and lets lanes go on whose back-off is over. */
void pub_lanes_tick(struct pub_lanes *p, uint64_t now_ns);

/*
 * Keeps in `slot` (NULL: nowhere) how far each lane is settled and what became of its records, and
 * then shows the dead letters made since: after the answers of a round, before it sends. `slot` has
 * pub_lanes_kept_values() values.
 */
void pub_lanes_keep(struct pub_lanes *p, struct sr_counters_slot *slot);
size_t pub_lanes_kept_values(const struct pub_lanes *p);

/* Goes on from what an earlier process kept of the lane with this key. Before anything is sent. */
void pub_lanes_restore(struct pub_lanes *p, const struct kept_lane *kept);

/* When pub_lanes_tick() has something to do next; UINT64_MAX: nothing is waited for. */
uint64_t pub_lanes_due_ns(const struct pub_lanes *p);

/* Messages in flight. */
uint32_t pub_lanes_in_flight(const struct pub_lanes *p);

/* Those of them that are requests (sr/request.h): somebody waits for each. */
uint32_t pub_lanes_requests_in_flight(const struct pub_lanes *p);

/* True when sending waits for room in the window. */
bool pub_lanes_blocked(const struct pub_lanes *p);

/* True when some lane does not flow: its next answer should be looked at soon. */
bool pub_lanes_troubled(const struct pub_lanes *p);

/*
 * The subject of a lane that has met "no stream" for at least `for_ns`, or NULL. Borrowed.
 */
const char *pub_lanes_without_stream(const struct pub_lanes *p, uint64_t now_ns, uint64_t for_ns);

/* Lets all lanes that wait for a stream try again at once. */
void pub_lanes_retry_now(struct pub_lanes *p, uint64_t now_ns);

/* Answers of "duplicate" to a first attempt. Must stay 0. */
uint64_t pub_lanes_unexpected_duplicates(const struct pub_lanes *p);

/* Messages refused so far, for a reason. */
uint64_t pub_lanes_refusals(const struct pub_lanes *p, enum sr_refusal refusal);

#endif
