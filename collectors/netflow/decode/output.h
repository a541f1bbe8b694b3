/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_OUTPUT_H_INCLUDED
#define NETFLOW_DECODE_OUTPUT_H_INCLUDED

#include "decode/exporter.h"
#include "decode/flow.h"
#include "decode/template.h"
#include "sr/buf.h"

/* A record for those who write more than its flow: with all its fields. */
struct nf_record {
    const struct nf_header *header;
    const struct nf_domain *domain;     /* NULL: v1, v5, v7 */
    const struct nf_template *template; /* NULL: v1, v5, v7 */
    struct sr_span bytes;
    const struct nf_position *positions; /* of the template's fields */
    uint32_t datagram;                   /* its number in the capture, from 0 */
};

/* Bytes that a message takes at most. */
#define NF_PROTOBUF_MAX 2048U

/*
 * Writes the flow as flowpb.FlowMessage at `out`, which has room for NF_PROTOBUF_MAX bytes. Fields
 * in the order of their tags; type is always set, so that the first byte is 0x08. Returns how many
 * bytes it took.
 */
size_t nf_protobuf_write(uint8_t *out, const struct nf_flow *f);

/*
 * A JSON object without newline: the fields of FlowMessage that are set under their names there
 * (addresses as text, MAC addresses as "aa:bb:cc:dd:ee:ff", times in ns as numbers, `type` and
 * layers by name), then "extra": what the record holds and FlowMessage cannot carry, by element
 * name, with the names that options told.
 */
void nf_json_write(struct sr_buf *b, const struct nf_flow *f, const struct nf_record *r);

/* An options record: {"options":{...},"template":ID,...} by element name. */
void nf_json_write_options(struct sr_buf *b, const struct nf_record *r);

/*
 * {"dg":N,"kind":"data"|"options","tid":N|null,"fields":[[ELEMENT,HEX],...]}. ELEMENT is an id,
 * PEN/ID, scope/ID (v9), or in v1, v5 and v7 the name of a field.
 */
void nf_raw_write(struct sr_buf *b, const struct nf_record *r);

#endif
