/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_upstream.h"

#include <string.h>

#include "sr/conf_platform.h"

#include "sr/banned.h"

/*
 * There are three shapes: flow-collector.json with `listeners` and `security`; the flat
 * netflow-collector.json before it; and netflow.json of the bundles, with `protocols` and
 * `nats_security`. The last two have one listener, whose keys stand at the top.
 */

/* ---- The connection ---- */

static void
take_creds(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL && text[0] != '\0') {
        sr_conf_foreign_put(section, "nats.creds_file", value, text);
    }
}

static const struct sr_conf_foreign_key tls_keys[] = {
    { .name = "cert_file", .take = sr_conf_platform_take_cert_file },
    { .name = "key_file", .take = sr_conf_platform_take_key_file },
    { .name = "ca_file", .take = sr_conf_platform_take_ca_file },
    { .name = NULL },
};

static void
take_tls(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign tls;

    if (sr_conf_foreign_below(section, value, &tls)) {
        sr_conf_foreign_read(&tls, tls_keys);
    }
}

/* The files stand in `tls`; in the bundle's nats_security beside `mode`. */
static const struct sr_conf_foreign_key security_keys[] = {
    { .name = "mode", .take = sr_conf_platform_take_later, .required = true },
    { .name = "cert_dir", .take = sr_conf_platform_take_later },
    { .name = "tls", .take = take_tls },
    { .name = "cert_file", .take = sr_conf_platform_take_cert_file },
    { .name = "key_file", .take = sr_conf_platform_take_key_file },
    { .name = "ca_file", .take = sr_conf_platform_take_ca_file },
    { .name = NULL },
};

static void
take_security(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    sr_conf_platform_read_security(section, value, security_keys, false);
}

/* ---- Listeners ---- */

static const struct sr_conf_foreign_key pending_keys[] = {
    { .name = "max_pending_flows", .to = "max_pending_sets" },
    { .name = "ttl_secs", .to = "pending_ttl", .unit = "s" },
    { .name = "max_entries_per_template" },
    { .name = "max_entry_size_bytes" },
    { .name = NULL },
};

static void
take_pending(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign pending;

    if (sr_conf_foreign_below(section, value, &pending)) {
        sr_conf_foreign_read(&pending, pending_keys);
    }
}

#define LISTENER_KEYS                                                                              \
    { .name = "listen_addr", .take = sr_conf_platform_take_address, .required = true },            \
        { .name = "subject", .to = "subject", .required = true },                                  \
        { .name = "max_templates", .to = "max_templates" },                                        \
        { .name = "max_template_fields", .to = "max_template_fields" },                            \
        { .name = "pending_flows", .take = take_pending },                                         \
    {                                                                                              \
        .name = "buffer_size"                                                                      \
    }

static const struct sr_conf_foreign_key listener_keys[] = {
    { .name = "protocol", .take = sr_conf_platform_take_later, .required = true },
    LISTENER_KEYS,
    { .name = "allow_unauthenticated_templates" },
    { .name = "channel_size" },
    { .name = "default_sampling_rate" },
    { .name = "max_sources" },
    { .name = "sampling_rate_overrides" },
    { .name = NULL },
};

/* What makes the records of a listener upstream's. */
static void
set_compat(const struct sr_conf_foreign *listener)
{
    sr_conf_foreign_set(listener, "compat", "upstream");
    sr_conf_foreign_set(listener, "drop_zero_counters", "true");
    sr_conf_foreign_set(listener, "clamp_int32", "true");
}

/* True for a listener that is one of ours; else the user hears why it is not bound. */
static bool
is_served(const struct sr_conf_foreign *item)
{
    const struct sr_conf_node *protocol = sr_conf_foreign_find(item, "protocol");
    const struct sr_conf_node *address = sr_conf_foreign_find(item, "listen_addr");
    const char *name = protocol != NULL ? sr_conf_foreign_text(item, protocol) : NULL;
    const char *where = address != NULL ? sr_conf_foreign_word(address, 0) : NULL;

    if (name == NULL || strcmp(name, "netflow") == 0) {
        return true; /* without a protocol the table reports it */
    }
    if (strcmp(name, "sflow") != 0 && strcmp(name, "ipfix_tls") != 0) {
        sr_conf_foreign_problem(item, protocol, "is `%.64s`; write netflow", name);
        return false;
    }
    sr_conf_foreign_note(item, NULL, "%s is not served by this version; %.64s is not bound", name,
        where != NULL ? where : "its address");
    return false;
}

static void
take_listeners(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign item;
    size_t ours = 0;
    size_t i;

    for (i = 0; sr_conf_foreign_item(section, value, i, &item); i++) {
        if (item.given == NULL || !is_served(&item)) {
            continue;
        }
        sr_conf_foreign_add_item(&item, "listeners");
        sr_conf_foreign_read(&item, listener_keys);
        set_compat(&item);
        ours++;
    }
    if (ours == 0) {
        sr_conf_foreign_problem(section, value,
            "has no listener that this version can serve; add one with `protocol` netflow");
    }
}

/* A bundle's list of protocols, all on one port. */
static void
check_protocols(const struct sr_conf_foreign *top)
{
    const struct sr_conf_node *value = sr_conf_foreign_find(top, "protocols");
    const char *name;
    bool ours = false;

    for (size_t i = 0; value != NULL && (name = sr_conf_foreign_word(value, i)) != NULL; i++) {
        if (strncmp(name, "netflow", 7) == 0 || strcmp(name, "ipfix") == 0) {
            ours = true;
        } else {
            sr_conf_foreign_note(top, value, "%.64s is not served by this version", name);
        }
    }
    if (value != NULL && !ours) {
        sr_conf_foreign_problem(top, value,
            "names no protocol that this version can serve; add netflow-v9 or another of them");
    }
}

static const struct sr_conf_foreign_key flat_keys[] = {
    LISTENER_KEYS,
    { .name = NULL },
};

/* The listener of the flat shapes. Beside `listeners` its keys mean nothing. */
static void
finish(const struct sr_conf_foreign *top)
{
    struct sr_conf_foreign listener = *top;

    if (sr_conf_foreign_find(top, "listeners") == NULL) {
        sr_conf_foreign_add_item(&listener, "listeners");
        sr_conf_foreign_read_some(&listener, flat_keys);
        set_compat(&listener);
        check_protocols(top);
        return;
    }
    for (const struct sr_conf_foreign_key *row = flat_keys; row->name != NULL; row++) {
        const struct sr_conf_node *value = sr_conf_foreign_find(top, row->name);
        if (value != NULL) {
            sr_conf_foreign_leave_out(top, value);
        }
    }
}

static void
take_stream(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL) {
        sr_conf_foreign_put(section, "nats.stream", value, text);
        /* It adds its subjects to a stream that is there; so does this. */
        sr_conf_foreign_set(section, "nats.manage_stream", "append");
    }
}

static const struct sr_conf_foreign_key top_keys[] = {
    { .name = "nats_url", .take = sr_conf_platform_take_url, .required = true },
    { .name = "nats_creds_file", .take = take_creds },
    { .name = "stream_name", .take = take_stream, .required = true },
    { .name = "partition", .to = "partition" },
    { .name = "publish_timeout_ms", .to = "nats.ack_timeout", .unit = "ms" },
    { .name = "metrics_addr" }, /* it never listened there, and files say 0.0.0.0 */
    { .name = "security", .take = take_security },
    { .name = "nats_security", .take = take_security },
    { .name = "listeners", .take = take_listeners },
    /* Of a single listener. */
    { .name = "protocols", .take = sr_conf_platform_take_later },
    { .name = "listen_addr", .take = sr_conf_platform_take_later },
    { .name = "subject", .take = sr_conf_platform_take_later },
    { .name = "buffer_size", .take = sr_conf_platform_take_later },
    { .name = "max_templates", .take = sr_conf_platform_take_later },
    { .name = "max_template_fields", .take = sr_conf_platform_take_later },
    { .name = "pending_flows", .take = sr_conf_platform_take_later },
    /* Not served. */
    { .name = "batch_size" },
    { .name = "channel_size" },
    { .name = "drop_policy" },
    { .name = "grpc_listen_addr" },
    { .name = "grpc_security" },
    { .name = "host_slice_allowlist" },
    { .name = "host_slices" },
    { .name = "ready_state_path" },
    { .name = "rehome_state_path" },
    { .name = "stream_max_age_secs" },
    { .name = "stream_max_bytes" },
    { .name = "stream_replicas" },
    { .name = "stream_subjects" },
    { .name = "template_store" },
    { .name = NULL },
};

const struct sr_conf_foreign_shape netflow_upstream_shape = {
    .name = "ServiceRadar's flow-collector.json",
    .keys = top_keys,
    .finish = finish,
};
