/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_DIRECT_H_INCLUDED
#define NETFLOW_DECODE_DIRECT_H_INCLUDED

#include "decode/load.h"
#include "decode/record.h"

/*
 * Most records of most exporters become messages without a detour: but for times, sampling rate and
 * names, each field of the message is one number or address of the record as it is. These are
 * written from the record directly; all others go through a flow (nf_record_read(),
 * nf_flow_finish()), with the same result.
 */

/* Where a record has the value of a field. */
struct nf_source {
    uint64_t mask;   /* of a number's bits; 0: the record has none */
    uint16_t offset; /* of the 8 bytes that end with the number, from 8 bytes before the record */
    uint16_t length; /* bytes of the field */
};

struct nf_direct {
    uint64_t fields; /* bits of the slots that a message may have, as in nf_flow.present[0] */
    uint64_t etype;  /* by the addresses, 0 without any */
    struct nf_source sources[NF_MESSAGE_SLOTS]; /* valid where `fields` has the bit, else zero */
};

/* A number of a record: 0 when it has none. At least 8 bytes before the record are readable. */
static inline uint64_t
nf_source_load(const struct nf_source *source, const uint8_t *record)
{
    return nf_load(record - 8 + source->offset, 8) & source->mask;
}

/* An address of a record, which has one. */
static inline struct sr_span
nf_source_bytes(const struct nf_source *source, const uint8_t *record)
{
    return (struct sr_span){ record + source->offset - source->length, source->length };
}

/* Of v5 and v7, whose records have one layout. */
extern const struct nf_direct nf_direct_v5;

/* True when messages may be written directly under this configuration. */
bool nf_direct_is_allowed(const struct nf_config *config);

/*
 * Finds the sources for the context's template, which is of fixed length. False when its records
 * must go through a flow.
 */
bool nf_direct_init(struct nf_direct *d, const struct nf_context *c);

/*
 * Makes in `f` what the record does not have as it is. The flow has the record's gathered values
 * already (nf_record_gather()). False, and the flow must be read anew, when this record must go
 * through it.
 */
bool nf_direct_finish(const struct nf_context *c, const struct nf_direct *d, const uint8_t *record,
    struct nf_flow *f);

/* Writes the message as nf_protobuf_write() would. */
size_t nf_direct_write(
    uint8_t *out, const struct nf_direct *d, const uint8_t *record, const struct nf_flow *f);

#endif
