/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CONF_EXAMPLE_H_INCLUDED
#define TESTS_UNIT_CONF_EXAMPLE_H_INCLUDED

/* A small program's configuration with one key of every type, for the tests and the fuzzer. */

#include <string.h>

#include "sr/conf.h"

enum example_format {
    EXAMPLE_RFC3164,
    EXAMPLE_RFC5424,
    EXAMPLE_SMART,
};

struct example_listener {
    const char *listen;
    int format;
    const char *subject;
    uint64_t workers;
    uint64_t receive_buffer;
};

struct example_nats {
    struct sr_conf_strings url;
    const char *creds_file;
    const char *token;
    struct {
        const char *ca_file;
        bool verify;
    } tls;
};

struct example {
    bool enrich;
    const char *partition;
    struct sr_conf_sections listeners; /* struct example_listener */
    struct example_nats nats;
    uint64_t linger;
};

static const char *const example_formats[] = { "rfc3164", "rfc5424", "smart", NULL };

static const char *
example_check_listen(const void *item, char *text, size_t text_size)
{
    const struct example_listener *listener = item;

    if (strstr(listener->listen, "://") == NULL) {
        (void)snprintf(
            text, text_size, "`%.64s` has no scheme; write udp://ADDRESS:PORT", listener->listen);
        return text;
    }
    return NULL;
}

static void
example_check(const void *config, struct sr_conf_problems *problems)
{
    const struct example *example = config;
    const struct example_listener *items = example->listeners.items;

    for (size_t i = 0; i < example->listeners.count; i++) {
        if (items[i].workers > 1 && strncmp(items[i].listen, "udp:", 4) != 0) {
            char where[64];
            (void)snprintf(where, sizeof(where), "listeners[%zu].workers", i);
            sr_conf_problem(problems, where, "only udp:// takes more than one; remove it");
        }
    }
}

static const struct sr_conf_key example_listener_keys[] = {
    { .name = "listen",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct example_listener, listen),
        .def = "udp://0.0.0.0:514",
        .check = example_check_listen,
        .help = "Where to listen." },
    { .name = "format",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct example_listener, format),
        .def = "rfc3164",
        .choices = example_formats,
        .reload = SR_CONF_RELOAD,
        .help = "How records are written." },
    { .name = "subject",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct example_listener, subject),
        .def = "logs.syslog",
        .help = "Where records go." },
    { .name = "workers",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct example_listener, workers),
        .def = "1",
        .min = 1,
        .max = 64,
        .help = "Threads that receive." },
    { .name = "receive_buffer",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct example_listener, receive_buffer),
        .def = "4MiB",
        .min = 4096,
        .max = 1u << 30,
        .help = "Kernel memory for datagrams." },
    { .name = NULL },
};

static const struct sr_conf_key example_tls_keys[] = {
    { .name = "ca_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct example_nats, tls.ca_file) - offsetof(struct example_nats, tls),
        .is_file = true,
        .help = "Certificates to trust." },
    { .name = "verify",
        .type = SR_CONF_BOOL,
        .offset = offsetof(struct example_nats, tls.verify) - offsetof(struct example_nats, tls),
        .def = "true",
        .help = "Whether to check the server's name." },
    { .name = NULL },
};

static const struct sr_conf_key example_nats_keys[] = {
    { .name = "url",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct example_nats, url),
        .def = "nats://127.0.0.1:4222",
        .min = 1,
        .max = 4,
        .help = "Servers to try in turn." },
    { .name = "creds_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct example_nats, creds_file),
        .is_file = true,
        .reload = SR_CONF_RELOAD,
        .help = "Credentials of the collector." },
    { .name = "token",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct example_nats, token),
        .secret = true,
        .help = "A shared secret." },
    { .name = "tls",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct example_nats, tls),
        .keys = example_tls_keys,
        .help = "How the connection is protected." },
    { .name = NULL },
};

static const struct sr_conf_key example_keys[] = {
    { .name = "enrich",
        .type = SR_CONF_BOOL,
        .offset = offsetof(struct example, enrich),
        .def = "false",
        .reload = SR_CONF_RELOAD,
        .help = "Whether to add keys." },
    { .name = "partition",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct example, partition),
        .def = "default",
        .help = "Name of the network." },
    { .name = "listeners",
        .type = SR_CONF_SECTIONS,
        .offset = offsetof(struct example, listeners),
        .keys = example_listener_keys,
        .item_size = sizeof(struct example_listener),
        .min = 1,
        .max = 16,
        .help = "What to listen on." },
    { .name = "nats",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct example, nats),
        .keys = example_nats_keys,
        .help = "Where to publish." },
    { .name = "linger",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct example, linger),
        .def = "0ms",
        .max = UINT64_C(60000000000),
        .help = "How long to wait for more." },
    { .name = NULL },
};

static const struct sr_conf_schema example_schema = {
    .program = "example",
    .keys = example_keys,
    .size = sizeof(struct example),
    .check = example_check,
};

#endif
