/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_ACK_H_INCLUDED
#define SR_ACK_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * JetStream's answer to a publish (NATS ADR-1, "PubAck"). Only an answer that names a stream and a
 * sequence proves that the message is stored.
 */
enum sr_ack_kind {
    SR_ACK_STORED = 0, /* stream and seq are there; `duplicate` says whether it was stored before */
    SR_ACK_REFUSED,    /* an error object: see sr_refusal */
    SR_ACK_GARBAGE,    /* neither: not an acknowledgement */
};

struct sr_ack {
    enum sr_ack_kind kind;
    bool duplicate;
    uint64_t seq;
    uint32_t code;     /* HTTP-like code of a refusal */
    uint32_t err_code; /* JetStream's own error code of a refusal, 0 from old servers */
};

/* Reads one answer. Never fails: what it cannot read is SR_ACK_GARBAGE. */
struct sr_ack sr_ack_parse(struct sr_span body);

/* Why a message is not stored, from whatever part of the system said so. */
enum sr_refusal {
    SR_REFUSAL_NONE = 0,
    SR_REFUSAL_NO_STREAM,     /* no responders: no stream captures the mapped subject */
    SR_REFUSAL_PERMISSION,    /* the user may not publish on the mapped subject */
    SR_REFUSAL_STREAM_FULL,   /* limits reached and `discard: new` */
    SR_REFUSAL_STORAGE,       /* the server or the account is out of storage */
    SR_REFUSAL_JETSTREAM_OFF, /* JetStream is not enabled for the account or on the server */
    SR_REFUSAL_TOO_LARGE,     /* larger than the stream or the server takes: never succeeds */
    SR_REFUSAL_TIMEOUT,       /* no answer in time */
    SR_REFUSAL_DISCONNECTED,  /* the connection went away before the answer */
    SR_REFUSAL_TOO_MANY,      /* the stream's queue of messages to store is full: send less */
    SR_REFUSAL_OTHER,         /* any other error: tried again */
};
#define SR_REFUSAL_COUNT 11

/* Classifies a refused acknowledgement. */
enum sr_refusal sr_ack_refusal(const struct sr_ack *ack);

/* True when sending the same message again can never succeed. */
bool sr_refusal_is_permanent(enum sr_refusal refusal);

/* One word of [a-z_] for counters: "no_stream". */
const char *sr_refusal_reason(enum sr_refusal refusal);

/* A sentence for the operator: what it means and what to do. */
const char *sr_refusal_advice(enum sr_refusal refusal);

#endif
