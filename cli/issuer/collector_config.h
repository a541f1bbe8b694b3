/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_COLLECTOR_CONFIG_H_INCLUDED
#define CLI_ISSUER_COLLECTOR_CONFIG_H_INCLUDED

#include <stdbool.h>

/* The native configuration of a collector, as JSON, which the daemons' loader reads as YAML. */

#define COLLECTOR_OVERRIDES_MAX 8192

/* What goes in. Borrowed for the call. */
struct collector_config {
    const char *type;      /* a role of sr/suite.h */
    const char *site;      /* becomes `partition` */
    const char *urls;      /* of the NATS servers, with commas between */
    const char *overrides; /* a JSON object that is merged in last; "" for none */
    bool has_tls;          /* a client certificate comes with it */
};

/*
 * The text, two spaces a level, with a line's end behind it; NULL without memory or when the
 * overrides are no JSON object. Owned: free() it. Its paths are /etc/serviceradar/creds/TYPE.creds
 * and /etc/serviceradar/certs/{TYPE,TYPE-key,TYPE-ca}.pem.
 */
char *collector_config_text(const struct collector_config *config);

/* Whether it is a JSON object of at most COLLECTOR_OVERRIDES_MAX bytes with each name once. */
bool collector_overrides_valid(const char *text);

#endif
