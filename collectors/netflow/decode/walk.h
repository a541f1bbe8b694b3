/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_WALK_H_INCLUDED
#define NETFLOW_DECODE_WALK_H_INCLUDED

#include "decode/datagram.h"
#include "decode/direct.h"
#include "decode/output.h"
#include "decode/record.h"

/* One walk over one message: what sr_netflow_datagram() and its parts share. */
struct nf_walk {
    struct nf_exporter *exporter;
    const struct nf_config *config;
    const struct nf_input *input;
    const struct sr_emit *emit;
    struct nf_ledger *ledger;
    struct nf_header header; /* of the message, or of a set that has waited */
    struct nf_context context;
    uint32_t datagram; /* the number of the datagram that the records came with */

    uint32_t messages, evictions; /* of the datagram, so far */
    /* What it held so far. */
    uint32_t sets, data_records, options_records, templates, parked, malformed;
    uint32_t units;               /* records of the message itself, not of sets that have waited */
    size_t text, waited_text;     /* bytes of text that these were written as, and the others */
    uint32_t zero, limited, full; /* data records that are not published, by why */
    bool has_unknown_units;       /* records that could not be counted */
    bool is_full;                 /* a stream has to wait for room */
    bool is_releasing;            /* the records are those of a set that has waited */
    struct sr_buf explanation;    /* when emit->explain is asked for: without its end */
};

/* Goes to a message (or to the one that a set has waited since). */
void nf_walk_header(struct nf_walk *w, const struct nf_header *header, uint32_t datagram);

/* Counts bytes of text that a record is written as. */
static inline void
nf_walk_text(struct nf_walk *w, size_t length)
{
    *(w->is_releasing ? &w->waited_text : &w->text) += length;
}

/*
 * A set that cannot be read: counted, and a dead letter with a header of its own, so that it could
 * be sent again. `body` is what follows the set's header.
 */
void nf_walk_malformed(struct nf_walk *w, const char *reason, uint16_t id, struct sr_span body);

/* A set of another message that has waited in vain (nf_pending_gone): a dead letter as well,
 * counted as what has waited. `walk` is a struct nf_walk. */
void nf_walk_gone(void *walk, const struct nf_pending *pending);

/* Adds a part to the explanation of the message: "{"key":value". Nothing when nobody asks. */
void nf_explain(struct nf_walk *w, uint16_t set, size_t length, const char *what, uint64_t value);

/*
 * Publishes one data record, whose fields are in the scratch's flow (nf_record_read()). False: a
 * stream has no room for it.
 */
bool nf_publish(struct nf_walk *w, struct sr_span record, const struct nf_position *positions);

/* The same for a record that is written directly, when nf_direct_finish() was true. */
bool nf_publish_directly(struct nf_walk *w, const struct nf_direct *direct, struct sr_span record);

/* Prints one options record, when that is wanted. */
void nf_publish_options(
    struct nf_walk *w, struct sr_span record, const struct nf_position *positions);

/*
 * Records of v1, v5 or v7 behind the header, `count` of them. The context is the message's.
 */
void nf_v5_records(struct nf_walk *w, struct sr_span records, uint32_t count);

/* Bytes of a record of v1, v5 or v7. */
size_t nf_v5_record_length(uint16_t version);

/* All sets of a message of v9 or IPFIX. */
void nf_sets_walk(struct nf_walk *w, struct sr_span sets);

#endif
