/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog.h"

#include <stdio.h>
#include <string.h>

#include "conf_upstream.h"
#include "frame/inflate.h"
#include "stream.h"
#include "zones.h"

#include "sr/rate.h"

#include "sr/banned.h"

static const char *const protocols[] = { "syslog", NULL };
/* Behind the first, enum syslog_format. */
static const char *const formats[] = { "auto", "rfc3164", "rfc5424", "smart", NULL };

static const char *const framings[] = { "auto", "octet", "lf", "nul", NULL };
static const char *const oversizes[] = { "split", "truncate", NULL };
static const char *const incompletes[] = { "record", "deadletter", NULL };

/* An early look; what the zone database says when it is read counts. */
static const char *
check_timezone(const void *item, char *text, size_t text_size)
{
    const struct syslog_listener *l = item;

    return zone_check(l->timezone, text, text_size);
}

static const char *
check_timezones(const void *item, char *text, size_t text_size)
{
    return zones_check(&((const struct syslog_listener *)item)->timezones, text, text_size);
}

/* Items are NAME=VALUE, each name once, and together so short that records have room. */
static const char *
check_extra(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_strings *extra = &((const struct syslog_listener *)item)->gelf_extra;

    size_t bytes = 0;

    for (size_t i = 0; i < extra->count; i++) {
        size_t len = strcspn(extra->items[i], "=");
        bytes += strlen(extra->items[i]);
        if (len == 0 || extra->items[i][len] == '\0') {
            (void)snprintf(
                text, text_size, "`%s` has no name and `=`; write NAME=VALUE", extra->items[i]);
            return text;
        }
        for (size_t j = 0; j < i; j++) {
            if (strncmp(extra->items[i], extra->items[j], len + 1) == 0) {
                (void)snprintf(text, text_size, "`%.*s` is given twice; remove one", (int)len,
                    extra->items[i]);
                return text;
            }
        }
    }
    if (bytes > SYSLOG_EXTRA_BYTES_MAX) {
        (void)snprintf(text, text_size,
            "has %zu bytes, which every record would carry; at most %d are allowed", bytes,
            SYSLOG_EXTRA_BYTES_MAX);
        return text;
    }
    return NULL;
}

/* Connections whose sources have sent too much are looked at again some twenty times a second. */
#define BURSTS_A_SECOND 10U

static const char *
check_burst(const void *item, char *text, size_t text_size)
{
    const struct syslog_listener *l = item;

    if (l->rate_burst == 0 || l->rate_burst >= l->rate_limit / BURSTS_A_SECOND) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "is less than a tenth of `rate_limit`, which no source could reach then; write at least "
        "%llu, or 0",
        (unsigned long long)(l->rate_limit / BURSTS_A_SECOND));
    return text;
}

static const struct sr_conf_key listener_keys[] = {
    SR_CONF_LISTENER_KEYS(protocols, "syslog", "udp://0.0.0.0:514", "logs.syslog", "4MiB"),
    { .name = "format",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct syslog_listener, format),
        .def = "auto",
        .choices = formats,
        .reload = SR_CONF_RELOAD,
        .help = "smart (any line), rfc3164 (strict, RFC 5424 where a line is not that) or rfc5424 "
                "(strict); auto: smart, and rfc3164 with compat: upstream." },
    { .name = "timezone",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct syslog_listener, timezone),
        .def = "local",
        .reload = SR_CONF_RELOAD,
        .check = check_timezone,
        .help = "Zone of dates that name none: an IANA name, or local." },
    { .name = "timezones",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct syslog_listener, timezones),
        .def = "[]",
        .max = SYSLOG_ZONES_MAX,
        .reload = SR_CONF_RELOAD,
        .check = check_timezones,
        .help = "NETWORK=ZONE: the zone in place of timezone for senders in this network; of "
                "several networks the narrowest." },
    { .name = "gelf_extra",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct syslog_listener, gelf_extra),
        .def = "[]",
        .max = SYSLOG_EXTRA_MAX,
        .reload = SR_CONF_RELOAD,
        .check = check_extra,
        .help = "NAME=VALUE: keys that all records have, in place of their own of that name." },
    SR_CONF_STREAM_KEYS("64"),
    { .name = "framing",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct syslog_listener, framing),
        .def = "auto",
        .choices = framings,
        .reload = SR_CONF_RELOAD,
        .help = "How messages of a tcp:// listener end: behind as many bytes as a number in front "
                "says (octet), at LF or CR LF (lf), at NUL; auto: as each of them says itself." },
    { .name = "message_max",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct syslog_listener, message_max),
        .def = "64KiB",
        .min = 480,
        .max = SYSLOG_MESSAGE_MAX,
        .reload = SR_CONF_RELOAD,
        .help = "Bytes of a message of a tcp:// listener." },
    { .name = "oversize",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct syslog_listener, oversize),
        .def = "split",
        .choices = oversizes,
        .reload = SR_CONF_RELOAD,
        .help =
            "What has more: split makes messages of its pieces, truncate leaves out the rest." },
    { .name = "incomplete",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct syslog_listener, incomplete),
        .def = "record",
        .choices = incompletes,
        .reload = SR_CONF_RELOAD,
        .help = "What a message without its end is when the connection ends." },
    { .name = "rate_limit",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct syslog_listener, rate_limit),
        .def = "0",
        .max = SR_RATE_MAX,
        .reload = SR_CONF_RELOAD,
        .help = "Messages a second that one source may send; 0: no limit. Datagrams above are "
                "dropped, connections are read no faster." },
    { .name = "rate_burst",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct syslog_listener, rate_burst),
        .def = "0",
        .max = SR_RATE_MAX,
        .reload = SR_CONF_RELOAD,
        .check = check_burst,
        .help = "Messages that it may send at once after a rest; 0: as many as in a second." },
    { .name = "shed",
        .type = SR_CONF_BOOL,
        .offset = offsetof(struct syslog_listener, shed),
        .def = "true",
        .reload = SR_CONF_RELOAD,
        .help = "Drop datagrams by severity, of the sources that send most, before there is no "
                "room for any." },
    { .name = "inflate_max",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct syslog_listener, inflate_max),
        .def = "64KiB",
        .max = SYSLOG_INFLATED_MAX,
        .reload = SR_CONF_RELOAD,
        .help = "Bytes of a datagram that was compressed by zlib or gzip; 0: none is inflated." },
    { .name = "inflate_ratio",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct syslog_listener, inflate_ratio),
        .def = "100",
        .min = 1,
        .max = 1100,
        .reload = SR_CONF_RELOAD,
        .help = "And how many times longer than what came they may be." },
    SR_CONF_UNIX_KEYS,
    { .name = NULL },
};

static const struct sr_conf_key publish_keys[] = {
    SR_CONF_PUBLISH_KEYS("true"),
    { .name = NULL },
};

static const struct sr_conf_key queue_keys[] = {
    SR_CONF_QUEUE_KEYS("/var/lib/serviceradar/syslog"),
    { .name = NULL },
};

static const struct sr_conf_key metrics_keys[] = {
    { .name = "listen",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_metrics, listen),
        .def = "127.0.0.1:9621",
        .check = sr_conf_check_metrics,
        .help = "ADDRESS:PORT, or off." },
    { .name = NULL },
};

static const struct sr_conf_key keys[] = {
    SR_CONF_COMMON_KEYS_ENRICH(listener_keys, struct syslog_listener, publish_keys, queue_keys,
        metrics_keys, NULL,
        "Adds keys to records: severity, times and attributes as OpenTelemetry has them."),
    SR_CONF_STREAM_BUFFERS_KEYS,
    { .name = NULL },
};

static void
check(const void *config, struct sr_conf_problems *problems)
{
    sr_conf_common_check(config, sizeof(struct syslog_listener), problems);
}

const struct sr_conf_schema syslog_schema = {
    .program = "serviceradar-syslog",
    .keys = keys,
    .size = sizeof(struct syslog_conf),
    .check = check,
    .foreign = &syslog_upstream_shape,
};
