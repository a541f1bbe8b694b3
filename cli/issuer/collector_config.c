/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/collector_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sr/banned.h"

#define PATH_TEXT_MAX 128
#define CONFIG_DIR "/etc/serviceradar"

/* What a collector listens on when nothing else is said, and the stream that keeps its records. */
struct kind {
    const char *type, *protocol, *listen, *subject, *stream;
};

static const struct kind kinds[] = {
    { "syslog", "syslog", "udp://0.0.0.0:514", "logs.syslog", "events" },
    { "trapd", "snmptrap", "udp://0.0.0.0:162", "logs.snmp", "events" },
    { "netflow", "netflow", "udp://0.0.0.0:2055", "flows.raw.netflow", "flows" },
};

static const struct kind *
find_kind(const char *type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static json_t *
path_of(const char *folder, const char *type, const char *ending)
{
    char path[PATH_TEXT_MAX];

    (void)snprintf(path, sizeof(path), CONFIG_DIR "/%s/%s%s", folder, type, ending);
    return json_string(path);
}

static json_t *
list_urls(const char *urls)
{
    json_t *list = json_array();

    while (list != NULL && *urls != '\0') {
        size_t len = strcspn(urls, ",");
        if (len > 0 && json_array_append_new(list, json_stringn(urls, len)) != 0) {
            json_decref(list);
            return NULL;
        }
        urls += len + (urls[len] == ',' ? 1 : 0);
    }
    return list;
}

static json_t *
listener(const struct kind *kind)
{
    return json_pack("[{s:s, s:s, s:s}]", "protocol", kind->protocol, "listen", kind->listen,
        "subject", kind->subject);
}

static json_t *
nats(const struct collector_config *config, const struct kind *kind)
{
    json_t *tls = NULL;

    if (config->has_tls) {
        tls = json_pack("{s:o, s:o, s:o}", "ca_file", path_of("certs", kind->type, "-ca.pem"),
            "cert_file", path_of("certs", kind->type, ".pem"), "key_file",
            path_of("certs", kind->type, "-key.pem"));
        if (tls == NULL) {
            return NULL;
        }
    }
    return json_pack("{s:o, s:o, s:o*, s:s}", "url", list_urls(config->urls), "creds_file",
        path_of("creds", kind->type, ".creds"), "tls", tls, "stream", kind->stream);
}

/* Reads overrides; "" is an empty object. */
static json_t *
read_overrides(const char *text)
{
    json_t *overrides =
        text[0] != '\0' ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : json_object();

    if (!json_is_object(overrides)) {
        json_decref(overrides);
        return NULL;
    }
    return overrides;
}

bool
collector_overrides_valid(const char *text)
{
    if (strnlen(text, COLLECTOR_OVERRIDES_MAX + 1) > COLLECTOR_OVERRIDES_MAX) {
        return false;
    }
    json_t *overrides = read_overrides(text);
    json_decref(overrides);
    return overrides != NULL;
}

char *
collector_config_text(const struct collector_config *config)
{
    const struct kind *kind = find_kind(config->type);

    if (kind == NULL) {
        return NULL;
    }
    json_t *root = json_pack("{s:s, s:s, s:o, s:o}", "output", "nats", "partition", config->site,
        "listeners", listener(kind), "nats", nats(config, kind));
    json_t *overrides = read_overrides(config->overrides);
    char *text = NULL;
    char *lines = NULL;

    if (root != NULL && overrides != NULL && json_object_update_recursive(root, overrides) == 0) {
        text = json_dumps(root, JSON_INDENT(2));
    }
    if (text != NULL && asprintf(&lines, "%s\n", text) < 0) {
        lines = NULL;
    }
    free(text);
    json_decref(root);
    json_decref(overrides);
    return lines;
}
