/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_CONF_UPSTREAM_H_INCLUDED
#define NETFLOW_CONF_UPSTREAM_H_INCLUDED

#include "sr/conf_foreign.h"

/*
 * The configuration files of ServiceRadar's own flow collector, for the schema of this one:
 * flow-collector.json, the flat netflow-collector.json, and netflow.json of its bundles. They give
 * its bytes (compat: upstream, drop_zero_counters, clamp_int32) and nats.manage_stream: append.
 */
extern const struct sr_conf_foreign_shape netflow_upstream_shape;

#endif
