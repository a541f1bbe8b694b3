/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_CONFIG_H_INCLUDED
#define NETFLOW_DECODE_CONFIG_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/template.h"
#include "sr/network.h"

/* What records become. */
enum nf_format {
    NF_FORMAT_PROTOBUF = 0, /* flowpb.FlowMessage */
    NF_FORMAT_JSON,
    NF_FORMAT_RAW, /* the record's elements as [element, hex] pairs, in JSON */
};

struct nf_sampling_override {
    struct sr_network network;
    uint32_t rate;
};

/* What decoding needs of a listener's configuration. Immutable, shared by threads. */
struct nf_config {
    enum nf_flavour flavour;
    enum nf_format format;
    bool options_too;        /* options records are printed as well: JSON and raw only */
    bool drop_zero_counters; /* records without bytes and packets are not published */
    /* AS numbers and TCP flags fit a signed 32-bit column, counters a 64-bit one. */
    bool clamp_int32;
    const struct nf_sampling_override *overrides; /* the first that matches */
    size_t override_count;

    /* Of one exporter. */
    unsigned max_templates;
    unsigned max_template_fields;
    unsigned max_domains;
    unsigned max_pending_sets;
    uint32_t max_pending_bytes;
    uint64_t pending_ttl_ns;
    uint64_t template_ttl_ns; /* since it was last sent; 0: for ever */
    uint64_t skew_ns;         /* a flow may be so much later than the export of its record */
};

#endif
