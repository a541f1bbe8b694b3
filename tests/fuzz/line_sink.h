/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_LINE_SINK_H_INCLUDED
#define TESTS_FUZZ_LINE_SINK_H_INCLUDED

#include "sr/emit.h"
#include "sr/span.h"

/*
 * Where a fuzzed collector puts what it makes of one datagram. Aborts when that is no line of JSON
 * in UTF-8, when a dead letter has other bytes than the datagram, and when the verdict is another.
 */
struct line_sink {
    uint8_t *memory;
    struct sr_span raw; /* the datagram */
    unsigned commits, deadletters, consumed, refused;
};

/* The functions for `sink`, whose `raw` is set. */
struct sr_emit line_sink_emit(struct line_sink *sink);

/* Exactly what the verdict says has come, and nothing else. Frees what the sink holds. */
void line_sink_end(struct line_sink *sink, enum sr_verdict verdict);

#endif
