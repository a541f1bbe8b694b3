/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_NETFLOW_H_INCLUDED
#define NETFLOW_NETFLOW_H_INCLUDED

#include "decode/config.h"
#include "sr/conf_common.h"
#include "sr/runtime.h"

/* A switch that follows `compat` unless it is set. */
enum netflow_switch { NETFLOW_AUTO = 0, NETFLOW_ON, NETFLOW_OFF };

struct netflow_sampling {
    const char *exporter; /* a network */
    uint64_t rate;
};

struct netflow_listener {
    struct sr_conf_listener base;
    int drop_zero_counters;           /* enum netflow_switch */
    int clamp_int32;                  /* enum netflow_switch */
    uint64_t rate_limit;              /* records a second, 0: none */
    struct sr_conf_sections sampling; /* struct netflow_sampling */
    uint64_t max_skew;                /* ns */
    uint64_t max_exporters;
    uint64_t exporter_memory; /* bytes */
    uint64_t max_domains, max_templates, max_template_fields;
    uint64_t template_ttl; /* ns, 0: for ever */
    uint64_t max_pending_sets;
    uint64_t max_pending_bytes;
    uint64_t pending_ttl; /* ns */
};

struct netflow_conf {
    struct sr_conf_common common;
    const char *state_file; /* NULL: in queue.dir; "off": none */
};

extern const struct sr_conf_schema netflow_schema;
extern const struct sr_program netflow_program;

/* What decoding needs of a listener, without its sampling overrides. */
struct nf_config netflow_decode_config(const struct netflow_listener *l);

#endif
