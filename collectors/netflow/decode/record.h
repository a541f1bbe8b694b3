/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_RECORD_H_INCLUDED
#define NETFLOW_DECODE_RECORD_H_INCLUDED

#include "decode/config.h"
#include "decode/exporter.h"
#include "decode/flow.h"
#include "decode/template.h"

/* From a record to a flow: what the values mean. */

/* What the flows of one set share. */
struct nf_context {
    const struct nf_config *config;
    struct nf_exporter *exporter;
    struct nf_domain *domain; /* NULL: v1, v5, v7 */
    const struct nf_header *header;
    struct nf_ledger *ledger;
    const struct nf_template *template; /* NULL: v1, v5, v7 */
    uint64_t now_ns;                    /* wall clock, which is later than that of a set's receive
                                         * when it has waited: templates are looked for by it */
    uint64_t export_ms;                 /* since 1970; when the message was sent */
    uint64_t sampling_rate;             /* of records that name no sampler; 0: not known */
    bool is_rate_overridden;            /* whatever records say */
    uint64_t base; /* the bits of nf_flow.present[0] that every flow begins with */
};

/* The rate that the configuration gives to an exporter, 0: none. */
uint64_t nf_sampling_override(const struct nf_config *config, const struct sr_peer *peer);

/*
 * Starts a context over a message, and sets in `f` what all its flows share: type, sequence
 * number, sampler's address (borrowed from the exporter), domain, time of the receive.
 */
void nf_context_init(struct nf_context *c, const struct nf_config *config,
    struct nf_exporter *exporter, const struct nf_header *header, struct nf_flow *f);

/* Goes on to the records of a set. */
void nf_context_set(
    struct nf_context *c, struct nf_domain *domain, const struct nf_template *template);

/*
 * Moves the fields of a record into the flow, which begins anew. `positions`: where the fields
 * lie, NULL in a template of fixed length. At least 8 bytes before the record must be readable, as
 * those of a header are: numbers are loaded by their last 8 bytes.
 */
void nf_record_read(const struct nf_context *c, struct sr_span record,
    const struct nf_position *positions, struct nf_flow *f);

/* Only the gathered numbers of a record of fixed length (NF_GATHERED). */
void nf_record_gather(const struct nf_context *c, const uint8_t *record, struct nf_flow *f);

/*
 * Makes the fields of the message that come from several values: addresses, counters, times,
 * sampling rate, names. False when the flow is not to be published: drop_zero_counters.
 */
bool nf_flow_finish(const struct nf_context *c, struct nf_flow *f);

/* When a flow began and ended, in ns since 1970; 0: not known. */
struct nf_times {
    uint64_t start, end;
};

/* The times of a flow by its gathered values, native (flow_times.c). */
struct nf_times nf_flow_times(const struct nf_context *c, const struct nf_flow *f);

/* And as upstream has them, with its mistakes. */
struct nf_times nf_flow_times_upstream(const struct nf_context *c, const struct nf_flow *f);

/* The sampling rate of a flow: `own` is what its record says, 0 for nothing; else by the sampler or
 * selector that its gathered values name. 0: not known. */
uint64_t nf_flow_rate(const struct nf_context *c, const struct nf_flow *f, uint64_t own);

/*
 * As the collector before this one did for IPFIX: the systems that are known, in their order,
 * without zeros and repetitions. Consumers skip flows without a path. The flow has none yet.
 */
void nf_flow_set_path(struct nf_flow *f, uint32_t source, uint32_t next_hop, uint32_t destination);

/*
 * IPFIX records with uptimes but no time of start: learns from the records of a set, before they
 * are read, when the exporter cannot have started later (nf_domain.estimated_start_ms).
 * `positions` has room for the template's fields.
 */
void nf_estimate_start(
    const struct nf_context *c, struct sr_span records, struct nf_position *positions);

/* Reads a basicList (RFC 6313 section 4.5.1) or another list: elements that a flow carries go to
 * it, nested records are counted. What contradicts itself is left. */
void nf_list_read(
    const struct nf_context *c, unsigned special, struct sr_span list, struct nf_flow *f);

/*
 * Reads the head of a packet, from its Ethernet header on or (`is_frame` false) from its IP header
 * on, into the fields that the record itself has not set.
 */
void nf_packet_read(struct sr_span packet, bool is_frame, struct nf_flow *f);

/* Elements of repeated fields; over NF_LIST_MAX they are left. */
void nf_flow_add_number(
    struct nf_flow *f, enum nf_slot slot, struct nf_numbers *list, uint32_t value);
void nf_flow_add_address(
    struct nf_flow *f, enum nf_slot slot, struct nf_addresses *list, struct sr_span address);

/* The name of an IP protocol as FlowMessage carries it: "TCP", "UNKNOWN(145)". Static, with
 * NF_PROTOCOL_NAME_ROOM bytes that can be read. */
struct sr_span nf_protocol_name(uint8_t protocol);

#endif
