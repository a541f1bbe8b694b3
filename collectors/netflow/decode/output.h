/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_OUTPUT_H_INCLUDED
#define NETFLOW_DECODE_OUTPUT_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/exporter.h"
#include "decode/flow.h"
#include "decode/template.h"
#include "sr/buf.h"

struct nf_json_plan;

/* A record for those who write more than its flow: with all its fields. */
struct nf_record {
    const struct nf_header *header;
    const struct nf_domain *domain;     /* NULL: v1, v5, v7 */
    const struct nf_template *template; /* NULL: v1, v5, v7 */
    struct sr_span bytes;
    const struct nf_position *positions; /* of the template's fields */
    uint32_t datagram;                   /* its number in the capture, from 0 */
    struct nf_json_plan *plan;           /* for the writers of JSON, who make it the template's */
};

#define NF_V5_FIELDS_MAX 22U /* of a record of v1, v5 or v7 */

/* Bytes that can be read at a protocol's name (nf_protocol_name()), whatever its length. */
#define NF_PROTOCOL_NAME_ROOM 32U

/* Bytes that a message takes at most. */
#define NF_PROTOBUF_MAX 2048U

/*
 * Writes the type, sequence number, sampler's address and time of receive into f->shared: before
 * the flows of a message, and again when one of these changes.
 */
void nf_protobuf_prepare(struct nf_flow *f);

/*
 * Writes the flow as flowpb.FlowMessage at `out`, which has room for NF_PROTOBUF_MAX bytes. Fields
 * in the order of their tags; type is always set, so that the first byte is 0x08. Returns how many
 * bytes it took.
 */
size_t nf_protobuf_write(uint8_t *out, const struct nf_flow *f);

/*
 * Reads such a message back; the flow borrows it. Fields that FlowMessage does not have are passed
 * over, elements of a repeated field beyond NF_LIST_MAX left out. False when it is no message: then
 * `ret_flow` can only be discarded.
 */
bool nf_protobuf_read(struct sr_span message, struct nf_flow *ret_flow);

/* An encoded record is never larger (design decision D9). */
#define NF_ENCODED_MAX ((size_t)512 * 1024)

/* What the fields of FlowMessage and the names that options told take in JSON at most. */
#define NF_JSON_FLOW_MAX ((size_t)16 * 1024)

/* Bytes of a name that options told; what is longer is cut. */
#define NF_JSON_NAME_MAX 128U

/* What a field of a record takes beyond its content: its name, quotes, brackets, "null". */
#define NF_JSON_FIELD_MAX 96U

/*
 * Room in which any record of `length` bytes and `fields` fields fits as JSON: a byte of a string
 * may become six ("\u0001"), one of other content three at most. Where that is more than
 * NF_ENCODED_MAX a record that needs it is cut, as the writers say.
 */
#define NF_JSON_MAX(length, fields)                                                                \
    NF_ROOM(NF_JSON_FLOW_MAX + 6 * (size_t)(length) + NF_JSON_FIELD_MAX * (size_t)(fields))

/* The same for nf_raw_write(), which fits in NF_ENCODED_MAX with any record of a message. */
#define NF_RAW_FIELD_MAX 25U /* ["4294967295/65535",""], */
#define NF_RAW_MAX(length, fields)                                                                 \
    NF_ROOM(128 + 2 * (size_t)(length) + NF_RAW_FIELD_MAX * (size_t)(fields))

#define NF_ROOM(room) ((room) < NF_ENCODED_MAX ? (room) : NF_ENCODED_MAX)

/*
 * A JSON object without newline: the fields of FlowMessage that are set under their names there
 * (addresses as text, MAC addresses as "aa:bb:cc:dd:ee:ff", times in ns as numbers, `type` and
 * layers by name), then "extra": what the record holds and FlowMessage cannot carry, with the names
 * that options told. "extra" is there only when it holds something:
 *
 * - elements that no operation of the template moves into the flow, by name ("PEN/ID" or "ID" when
 *   it is not known), and always those of sampler and selector ids, of firewall and NAT events, and
 *   structured data. Padding is left out. An element that is there more than once is an array.
 * - values by the element's type: numbers (seconds and milliseconds as they are, the NTP formats in
 *   ns since 1970), booleans, addresses as text, strings without the NULs at their end, all else as
 *   hexadecimal text; a number of no bytes is null. Application ids are "ENGINE:SELECTOR", or
 *   "20:ENTERPRISE:SELECTOR" (RFC 6759 section 4).
 * - "inputInterfaceName", "inputInterfaceDescription", "outputInterfaceName",
 *   "outputInterfaceDescription", "applicationName", "ingressVRFName", "egressVRFName".
 * - "engineType" and "engineId" of v5 when they are not both 0.
 *
 * When the buffer has no room for all of "extra", it ends where the room does and "extra_cut":true
 * follows it. Without room for the rest `b->overflow` is set.
 */
void nf_json_write(struct sr_buf *b, const struct nf_flow *f, const struct nf_record *r);

/*
 * An options record: {"options":{...},"type":...,"template":ID,"observation_domain_id":N}, its
 * elements as in "extra". Scope fields of v9 are "scopeSystem", "scopeInterface", "scopeLineCard",
 * "scopeCache", "scopeTemplate" (RFC 3954 section 6.1) or "scope/ID". Without room for all of them
 * "options_cut":true follows.
 */
void nf_json_write_options(struct sr_buf *b, const struct nf_record *r);

/*
 * {"dg":N,"kind":"data"|"options","tid":N|null,"fields":[[ELEMENT,HEX],...]}. ELEMENT is an id,
 * PEN/ID, scope/ID (v9), or in v1, v5 and v7 the name of a field. HEX is the content, without the
 * length before it that a field of variable length has.
 */
void nf_raw_write(struct sr_buf *b, const struct nf_record *r);

#endif
