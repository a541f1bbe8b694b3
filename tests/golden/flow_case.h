/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_FLOW_CASE_H_INCLUDED
#define TESTS_GOLDEN_FLOW_CASE_H_INCLUDED

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/config.h"
#include "decode/exporter.h"
#include "sr/peer.h"

/* Recorded datagrams of exporters, and what other decoders made of them. */

struct flow_datagram {
    struct sr_peer peer;
    uint8_t *bytes; /* of exactly `len` */
    size_t len;
};

struct flow_case {
    const char *name;
    struct flow_datagram *datagrams;
    size_t datagram_count;
    json_t *expected; /* expected.json */
    json_t *rows;     /* upstream_rust.jsonl, an array */
};

struct flow_line {
    uint8_t *bytes;
    size_t len;
};

/* What came out of a case: messages in their order, and the counts of all its exporters. */
struct flow_outcome {
    struct flow_line *lines;
    size_t count, room;
    struct nf_ledger ledger;
    bool sums; /* each record of each exporter is accounted for once */
};

/* Reads DIR/NAME/; a file that is missing or malformed fails the test. */
void flow_case_load(struct flow_case *c, const char *dir, const char *name);
void flow_case_free(struct flow_case *c);

/* Decodes all of it, with options records in formats that have them. */
void flow_case_run(const struct flow_case *c, enum nf_format format, enum nf_flavour flavour,
    struct flow_outcome *ret_outcome);
void flow_outcome_free(struct flow_outcome *o);

#endif
