/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow.h"

#include <stdio.h>
#include <string.h>

#include "conf_upstream.h"

#include "sr/network.h"
#include "sr/rate.h"

#include "sr/banned.h"

#define SECOND_NS 1000000000ULL
#define DAY_NS (86400 * SECOND_NS)

static const char *const protocols[] = { "netflow", NULL };
static const char *const switches[] = { "auto", "true", "false", NULL }; /* enum netflow_switch */

static const char *
check_exporter(const void *item, char *text, size_t text_size)
{
    const struct netflow_sampling *s = item;
    struct sr_network network;
    /* That it is missing is told by check(). */
    const char *why = s->exporter != NULL ? sr_network_parse(s->exporter, &network) : NULL;

    if (why != NULL) {
        (void)snprintf(text, text_size, "`%s` %s", s->exporter, why);
        return text;
    }
    return NULL;
}

static const char *
check_state_file(const void *item, char *text, size_t text_size)
{
    const struct netflow_conf *c = item;

    if (c->state_file == NULL || c->state_file[0] == '/' || strcmp(c->state_file, "off") == 0) {
        return NULL;
    }
    (void)snprintf(
        text, text_size, "`%s` is not an absolute path; write one, or off", c->state_file);
    return text;
}

static const struct sr_conf_key sampling_keys[] = {
    { .name = "exporter",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct netflow_sampling, exporter),
        .reload = SR_CONF_RELOAD,
        .check = check_exporter,
        .help = "Address or network of exporters; the first one that matches counts." },
    { .name = "rate",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct netflow_sampling, rate),
        .def = "1",
        .min = 1,
        .max = UINT32_MAX,
        .reload = SR_CONF_RELOAD,
        .help = "Sampling rate of their records, whatever they say themselves." },
    { .name = NULL },
};

static const struct sr_conf_key listener_keys[] = {
    SR_CONF_LISTENER_KEYS(protocols, "netflow", "udp://0.0.0.0:2055", "flows.raw.netflow", "32MiB"),
    SR_CONF_STREAM_KEYS("0"),
    { .name = "drop_zero_counters",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct netflow_listener, drop_zero_counters),
        .def = "auto",
        .choices = switches,
        .reload = SR_CONF_RELOAD,
        .help = "Leave out records without bytes and packets; auto: with compat: upstream." },
    { .name = "clamp_int32",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct netflow_listener, clamp_int32),
        .def = "auto",
        .choices = switches,
        .reload = SR_CONF_RELOAD,
        .help = "Keep AS numbers and TCP flags below 2^31, counters below 2^63, for signed "
                "columns; auto: with compat: upstream." },
    { .name = "rate_limit",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct netflow_listener, rate_limit),
        .def = "0",
        .max = SR_RATE_MAX,
        .reload = SR_CONF_RELOAD,
        .help = "Records a second that one exporter may have published; 0: no limit." },
    { .name = "sampling",
        .type = SR_CONF_SECTIONS,
        .offset = offsetof(struct netflow_listener, sampling),
        .max = 1024,
        .keys = sampling_keys,
        .item_size = sizeof(struct netflow_sampling),
        .reload = SR_CONF_RELOAD,
        .help = "Sampling rates of exporters that tell none, or a wrong one." },
    { .name = "max_skew",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct netflow_listener, max_skew),
        .def = "24h",
        .min = SECOND_NS,
        .max = 36500 * DAY_NS,
        .reload = SR_CONF_RELOAD,
        .help = "How far behind its export the time of a flow may lie; later ones are clamped." },
    { .name = "max_exporters",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct netflow_listener, max_exporters),
        .def = "10000",
        .min = 100,
        .max = 1000000,
        .help = "Addresses that are told apart; a new one takes the place of the least used." },
    { .name = "exporter_memory",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct netflow_listener, exporter_memory),
        .def = "64MiB",
        .min = 1048576,
        .max = 68719476736,
        .help = "Bytes that templates and waiting sets of all exporters may take." },
    { .name = "max_domains",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct netflow_listener, max_domains),
        .def = "256",
        .min = 1,
        .max = 65536,
        .help = "Observation domains (source ids) of one exporter." },
    { .name = "max_templates",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct netflow_listener, max_templates),
        .def = "2000",
        .min = 1,
        .max = 65536,
        .help = "Templates of one exporter." },
    { .name = "max_template_fields",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct netflow_listener, max_template_fields),
        .def = "1000",
        .min = 1,
        .max = 65535,
        .help = "Fields of one template." },
    { .name = "template_ttl",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct netflow_listener, template_ttl),
        .def = "24h",
        .max = 36500 * DAY_NS,
        .help = "How long a template counts after it was last sent; 0: for ever." },
    { .name = "max_pending_sets",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct netflow_listener, max_pending_sets),
        .def = "256",
        .max = 65536,
        .help = "Data sets of one exporter that may wait for their template; 0: none." },
    { .name = "max_pending_bytes",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct netflow_listener, max_pending_bytes),
        .def = "1MiB",
        .max = 1073741824,
        .help = "Bytes of these sets." },
    { .name = "pending_ttl",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct netflow_listener, pending_ttl),
        .def = "300s",
        .max = DAY_NS,
        .help = "How long a set waits before it is a dead letter." },
    { .name = NULL },
};

static const struct sr_conf_key publish_keys[] = {
    SR_CONF_PUBLISH_KEYS("false"),
    { .name = NULL },
};

static const struct sr_conf_key queue_keys[] = {
    SR_CONF_QUEUE_KEYS("/var/lib/serviceradar/netflow"),
    { .name = NULL },
};

static const struct sr_conf_key metrics_keys[] = {
    { .name = "listen",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_metrics, listen),
        .def = "127.0.0.1:9622",
        .check = sr_conf_check_metrics,
        .help = "ADDRESS:PORT, or off." },
    { .name = NULL },
};

static const struct sr_conf_key keys[] = {
    SR_CONF_COMMON_KEYS(
        listener_keys, struct netflow_listener, publish_keys, queue_keys, metrics_keys),
    { .name = "state_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct netflow_conf, state_file),
        .check = check_state_file,
        .help = "Keeps templates over restarts: a path, or off; without it, `templates` in "
                "queue.dir." },
    SR_CONF_STREAM_BUFFERS_KEYS,
    { .name = NULL },
};

static void
check(const void *config, struct sr_conf_problems *problems)
{
    const struct netflow_conf *c = config;
    const struct netflow_listener *listeners = c->common.listeners.items;

    sr_conf_common_check(config, sizeof(struct netflow_listener), problems);
    for (size_t i = 0; i < c->common.listeners.count; i++) {
        const struct netflow_sampling *sampling = listeners[i].sampling.items;
        for (size_t j = 0; j < listeners[i].sampling.count; j++) {
            char where[64];
            (void)snprintf(where, sizeof(where), "listeners[%zu].sampling[%zu]", i, j);
            if (sampling[j].exporter == NULL) {
                sr_conf_problem(problems, where, "names no `exporter`; add an address or network");
            }
        }
    }
}

const struct sr_conf_schema netflow_schema = {
    .program = "serviceradar-netflow",
    .keys = keys,
    .size = sizeof(struct netflow_conf),
    .check = check,
    .foreign = &netflow_upstream_shape,
};

static bool
is_on(int value, const struct netflow_listener *l)
{
    return value == NETFLOW_ON || (value == NETFLOW_AUTO && l->base.compat == SR_COMPAT_UPSTREAM);
}

struct nf_config
netflow_decode_config(const struct netflow_listener *l)
{
    return (struct nf_config){
        .flavour = l->base.compat == SR_COMPAT_UPSTREAM ? NF_UPSTREAM : NF_NATIVE,
        .drop_zero_counters = is_on(l->drop_zero_counters, l),
        .clamp_int32 = is_on(l->clamp_int32, l),
        .max_templates = (unsigned)l->max_templates,
        .max_template_fields = (unsigned)l->max_template_fields,
        .max_domains = (unsigned)l->max_domains,
        .max_pending_sets = (unsigned)l->max_pending_sets,
        .max_pending_bytes = (uint32_t)l->max_pending_bytes,
        .pending_ttl_ns = l->pending_ttl,
        .template_ttl_ns = l->template_ttl,
        .skew_ns = l->max_skew,
    };
}
