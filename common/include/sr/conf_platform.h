/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CONF_PLATFORM_H_INCLUDED
#define SR_CONF_PLATFORM_H_INCLUDED

#include <stdbool.h>

#include "sr/conf_foreign.h"

/*
 * What the files of ServiceRadar's own collectors have in common, to be used in tables of
 * sr/conf_foreign.h. These do what `take` of a row does, each for one key:
 */

/* `nats_url` becomes nats.url. Without a scheme it means nats://, as it does there. */
void sr_conf_platform_take_url(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);

/* `listen_addr` becomes `listen` of a listener on udp://. */
void sr_conf_platform_take_address(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);

/* Nothing: the key is read where it is needed. */
void sr_conf_platform_take_later(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);

/* Names of files, which become those of nats.tls: put_file() below says how. */
void sr_conf_platform_take_cert_file(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);
void sr_conf_platform_take_key_file(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);
void sr_conf_platform_take_ca_file(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);

/*
 * Gives the native key `to` the file that `value` names. A relative name stands in the `cert_dir`
 * of the section `security`, or of one that it stands in, but none at the top of the file. An empty
 * name is none.
 */
void sr_conf_platform_put_file(const struct sr_conf_foreign *section,
    const struct sr_conf_foreign *security, const struct sr_conf_node *value, const char *to);

/*
 * Reads the security section in `value` by its table, if its `mode` is mtls. Of `none` nothing is
 * looked at; any other is a problem. With `or_empty` the mode may be empty: mtls.
 */
void sr_conf_platform_read_security(const struct sr_conf_foreign *section,
    const struct sr_conf_node *value, const struct sr_conf_foreign_key *keys, bool or_empty);

#endif
