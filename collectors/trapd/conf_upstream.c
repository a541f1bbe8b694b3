/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_upstream.h"

#include <string.h>

#include "sr/banned.h"

/* Files that are named without a path stand in cert_dir of the section, as there. */

static bool
is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void
put_file(const struct sr_conf_foreign *section, const struct sr_conf_foreign *security,
    const struct sr_conf_node *value, const char *to)
{
    const char *file = sr_conf_foreign_text(section, value);
    const struct sr_conf_node *node =
        security != NULL ? sr_conf_foreign_find(security, "cert_dir") : NULL;
    const char *dir = node != NULL ? sr_conf_foreign_word(node, 0) : NULL;

    if (!is_given(file)) {
        return;
    }
    if (file[0] != '/' && is_given(dir)) {
        const char *slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
        file = sr_conf_foreign_format(section, "%s%s%s", dir, slash, file);
    }
    sr_conf_foreign_put(section, to, value, file);
}

static void
take_cert_file(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    put_file(section, section, value, "nats.tls.cert_file");
}

static void
take_key_file(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    put_file(section, section, value, "nats.tls.key_file");
}

static void
take_ca_file(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    put_file(section, section, value, "nats.tls.ca_file");
}

/* Read where it is needed. */
static void
take_later(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    (void)section;
    (void)value;
}

static const struct sr_conf_foreign_key security_keys[] = {
    { .name = "mode", .take = take_later },
    { .name = "cert_dir", .take = take_later },
    { .name = "cert_file", .take = take_cert_file },
    { .name = "key_file", .take = take_key_file },
    { .name = "ca_file", .take = take_ca_file },
    /* Of other modes, or of a server. */
    { .name = "client_ca_file" },
    { .name = "trust_domain" },
    { .name = "workload_socket" },
    { .name = NULL },
};

static void
take_security(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign security;

    if (!sr_conf_foreign_below(section, value, &security)) {
        return;
    }
    const struct sr_conf_node *mode = sr_conf_foreign_find(&security, "mode");
    const char *text = mode != NULL ? sr_conf_foreign_text(&security, mode) : NULL;
    if (text != NULL && strcmp(text, "none") == 0) {
        return; /* its files are not looked at */
    }
    if (is_given(text) && strcmp(text, "mtls") != 0) {
        sr_conf_foreign_problem(
            &security, mode, "is `%.64s`; write mtls, or none for a connection without", text);
    }
    sr_conf_foreign_read(&security, security_keys);
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
            put_file(section, &security, value, "nats.creds_file");
            return;
        }
    }
    put_file(section, NULL, value, "nats.creds_file");
}

/* Without a scheme it means nats://, as in the client library that reads it there. */
static void
take_url(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL && strstr(text, "://") == NULL) {
        text = sr_conf_foreign_format(section, "nats://%s", text);
    }
    if (text != NULL) {
        sr_conf_foreign_put(section, "nats.url", value, text);
    }
}

static void
take_address(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL) {
        sr_conf_foreign_put(
            section, "listen", value, sr_conf_foreign_format(section, "udp://%s", text));
    }
}

static const struct sr_conf_foreign_key listener_keys[] = {
    { .name = "listen_addr", .take = take_address, .required = true },
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
    { .name = "nats_url", .take = take_url, .required = true },
    { .name = "nats_creds_file", .take = take_creds },
    { .name = "nats_security", .take = take_security },
    { .name = "security", .take = take_security },
    { .name = "stream_name", .to = "nats.stream" },
    { .name = "partition", .to = "partition" },
    /* Of the listener. */
    { .name = "listen_addr", .take = take_later },
    { .name = "subject", .take = take_later },
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
