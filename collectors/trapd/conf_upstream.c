/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_upstream.h"

#include "sr/conf_platform.h"

#include "sr/banned.h"

static const struct sr_conf_foreign_key security_keys[] = {
    { .name = "mode", .take = sr_conf_platform_take_later },
    { .name = "cert_dir", .take = sr_conf_platform_take_later },
    { .name = "cert_file", .take = sr_conf_platform_take_cert_file },
    { .name = "key_file", .take = sr_conf_platform_take_key_file },
    { .name = "ca_file", .take = sr_conf_platform_take_ca_file },
    /* Of other modes, or of a server. */
    { .name = "client_ca_file" },
    { .name = "trust_domain" },
    { .name = "workload_socket" },
    { .name = NULL },
};

static void
take_security(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    sr_conf_platform_read_security(section, value, security_keys, true);
}

/* The credentials may stand in the directory of the certificates, whatever the mode. */
static void
take_creds(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    static const char *const names[] = { "nats_security", "security" };
    struct sr_conf_foreign security = *section;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct sr_conf_node *given = sr_conf_foreign_find(section, names[i]);
        if (given != NULL) {
            security.given = given;
            security.up = section;
            sr_conf_platform_put_file(section, &security, value, "nats.creds_file");
            return;
        }
    }
    sr_conf_platform_put_file(section, section, value, "nats.creds_file");
}

static const struct sr_conf_foreign_key listener_keys[] = {
    { .name = "listen_addr", .take = sr_conf_platform_take_address, .required = true },
    { .name = "subject", .to = "subject", .required = true },
    { .name = NULL },
};

static void
finish(const struct sr_conf_foreign *top)
{
    struct sr_conf_foreign listener = *top;

    sr_conf_foreign_add_item(&listener, "listeners");
    sr_conf_foreign_read_some(&listener, listener_keys);
    sr_conf_foreign_set(&listener, "compat", "upstream");
    /* It adds its subject to a stream that is there; so does this. */
    sr_conf_foreign_set(top, "nats.manage_stream", "append");
}

static const struct sr_conf_foreign_key top_keys[] = {
    { .name = "nats_url", .take = sr_conf_platform_take_url, .required = true },
    { .name = "nats_creds_file", .take = take_creds },
    { .name = "nats_security", .take = take_security },
    { .name = "security", .take = take_security },
    { .name = "stream_name", .to = "nats.stream" },
    { .name = "partition", .to = "partition" },
    /* Of the listener. */
    { .name = "listen_addr", .take = sr_conf_platform_take_later },
    { .name = "subject", .take = sr_conf_platform_take_later },
    /* Not served. */
    { .name = "grpc_listen_addr" },
    { .name = "grpc_security" },
    { .name = "nats_domain" },
    { .name = "otel" },
    { .name = "stream_replicas" },
    { .name = NULL },
};

const struct sr_conf_foreign_shape trapd_upstream_shape = {
    .name = "ServiceRadar's trapd.json",
    .keys = top_keys,
    .finish = finish,
};
