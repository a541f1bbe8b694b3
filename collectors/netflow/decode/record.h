/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_RECORD_H_INCLUDED
#define NETFLOW_DECODE_RECORD_H_INCLUDED

#include "decode/config.h"
#include "decode/exporter.h"
#include "decode/flow.h"
#include "decode/template.h"

/* From a record to a flow: what the values mean. */

/* What the records of one set share. */
struct nf_set_context {
    const struct nf_config *config;
    struct nf_exporter *exporter;
    struct nf_domain *domain;
    const struct nf_header *header;
    const struct nf_template *template;
    uint64_t sampling_override; /* 0: none */
};

/* Moves the fields of a record into the flow, which begins empty. */
void nf_record_read(const struct nf_set_context *c, struct sr_span record,
    const struct nf_position *positions, struct nf_flow *f);

/* Makes the fields of the message that come from several values: counters, times, sampling. */
void nf_flow_finish(const struct nf_set_context *c, struct nf_flow *f);

#endif
