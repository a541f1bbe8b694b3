/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SINK_H_INCLUDED
#define SR_SINK_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/queue.h"
#include "sr/request.h"
#include "sr/stats.h"

struct kept_lane;
struct sr_conf_nats;
struct sr_counters_slot;

/*
 * Where the queue is emptied to. A sink has one thread of its own, the reader of all lanes; it
 * settles an entry only when that is stored. Its functions are called from the loop's thread.
 */
struct sr_sink;

struct sr_sink_status {
    bool up;                        /* connected, or writing without errors */
    bool failed;                    /* will never work again: the program should end */
    char text[320];                 /* what it is doing, for people */
    uint64_t in_flight;             /* messages */
    uint64_t connects;              /* successful ones since the start */
    uint64_t unexpected_duplicates; /* `duplicate` answered to a first attempt: must stay 0 */
    uint64_t garbage_acks;          /* answers that were no acknowledgement */
    uint64_t heartbeat_ns;          /* monotonic: when its thread last went round */
    uint64_t refusals[16];          /* messages, by enum sr_refusal */
};

struct sr_sink_ops {
    /*
     * For a queue that survives the process (else NULL): how many values the sink keeps in its slot
     * of the counters, and the two calls before it starts: to go on from what an earlier process
     * kept of a lane, and to keep what it has now.
     */
    size_t (*kept_values)(struct sr_sink *sink);
    void (*restore)(struct sr_sink *sink, const struct kept_lane *kept);
    void (*keep)(struct sr_sink *sink);
    /* Starts the thread. False with `error` filled when it cannot even begin. */
    bool (*start)(struct sr_sink *sink, char *error, size_t error_size);
    /* Configuration files may have changed: reopen files, read credentials again. */
    void (*reload)(struct sr_sink *sink);
    void (*status)(struct sr_sink *sink, struct sr_sink_status *ret_status);
    /* Empties the queue until `deadline_ns` (monotonic), then stops the thread and waits for it. */
    void (*stop)(struct sr_sink *sink, uint64_t deadline_ns);
    void (*free)(struct sr_sink *sink);
};

/* The head of every sink. */
struct sr_sink {
    const struct sr_sink_ops *ops;
    struct sr_queue *queue;        /* borrowed */
    struct sr_stats *stats;        /* borrowed */
    struct sr_counters_slot *slot; /* borrowed, set before the start; NULL: nothing is kept */
};

enum sr_framing {
    SR_FRAMING_NDJSON = 0, /* a newline after each message */
    SR_FRAMING_DELIMITED,  /* a protobuf varint with its length before each message */
};

/*
 * Writes messages to `path` (appended, mode 0640) and dead letters as JSON lines to
 * `path`.deadletter; NULL: both to standard output. Returns an owned sink or NULL without memory.
 */
struct sr_sink *sr_sink_file_new(
    struct sr_queue *q, struct sr_stats *stats, const char *path, enum sr_framing framing);

/* Forgets everything and counts it as stored. */
struct sr_sink *sr_sink_discard_new(struct sr_queue *q, struct sr_stats *stats);

/*
 * Is told when the message of a request (sr/request.h) is stored: `known` if the stream had it
 * already. Called on the sink's thread; may be NULL.
 */
struct sr_stored_hook {
    void *arg;
    void (*stored)(void *arg, unsigned listener, const uint8_t id[SR_REQUEST_ID_LEN], bool known);
};

struct sr_sink_nats_options {
    const struct sr_conf_nats *conf; /* borrowed */
    const char *name;                /* of the client, shown by the server */
    bool dead_letters;               /* refused records are kept as dead letters */
    struct sr_stored_hook stored;
};

/* Publishes to NATS JetStream. The queue has all lanes but those that the sink adds here. */
struct sr_sink *sr_sink_nats_new(
    struct sr_queue *q, struct sr_stats *stats, const struct sr_sink_nats_options *options);

#endif
