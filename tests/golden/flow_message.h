/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_FLOW_MESSAGE_H_INCLUDED
#define TESTS_GOLDEN_FLOW_MESSAGE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * flowpb.FlowMessage as a test reads it: a small reader of protobuf that shares nothing with the
 * encoder.
 */

/* Fields by their tags, as far as tests name them. */
#define FLOW_SAMPLING_RATE 3U
#define FLOW_TIME_RECEIVED 110U

#define FLOW_TAGS 117U
#define FLOW_ELEMENTS 20U
#define FLOW_BYTES 320U

/* A field. Which of its parts are used depends on its type. Absent: all zero. */
struct flow_field {
    uint64_t number;
    unsigned count; /* of `bytes`, or of the elements of a repeated field */
    uint8_t bytes[FLOW_BYTES];
    uint32_t elements[FLOW_ELEMENTS];
};

struct flow_message {
    size_t length; /* as encoded */
    struct flow_field fields[FLOW_TAGS];
};

/* The name of a field in flow.proto, NULL for a tag that it does not have. Static. */
const char *flow_tag_name(unsigned tag);

/* How upstream_rust.jsonl calls it, NULL: it has no such field. Static. */
const char *flow_tag_key(unsigned tag);

/*
 * Reads a message. False when it is not what a proto3 encoder writes: tags out of order or unknown,
 * another wire type, a default value that is spelled out (but of `type`), a number that is longer
 * than it must be or than its field, bytes behind the end.
 */
bool flow_message_read(struct sr_span bytes, struct flow_message *ret_message);

bool flow_field_equal(const struct flow_message *a, const struct flow_message *b, unsigned tag);

/* The first tag that differs, but for the time of the receive; 0: none does. */
unsigned flow_message_differs(const struct flow_message *a, const struct flow_message *b);

/* Writes a field as text for a message of failure. Returns `out`. */
const char *flow_field_text(
    const struct flow_message *message, unsigned tag, char *out, size_t out_size);

#endif
