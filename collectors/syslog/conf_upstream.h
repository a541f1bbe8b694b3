/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_CONF_UPSTREAM_H_INCLUDED
#define SYSLOG_CONF_UPSTREAM_H_INCLUDED

#include "sr/conf_foreign.h"

/* ServiceRadar's flowgger.toml, and log-collector.toml that says where it is. */
extern const struct sr_conf_foreign_shape syslog_upstream_shape;

#endif
