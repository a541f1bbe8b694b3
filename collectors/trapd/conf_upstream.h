/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_CONF_UPSTREAM_H_INCLUDED
#define TRAPD_CONF_UPSTREAM_H_INCLUDED

#include "sr/conf_foreign.h"

/*
 * trapd.json, the configuration file of ServiceRadar's own receiver of traps, for the schema of
 * this one. It gives its bytes (compat: upstream) and nats.manage_stream: append.
 */
extern const struct sr_conf_foreign_shape trapd_upstream_shape;

#endif
