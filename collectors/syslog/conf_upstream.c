/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_upstream.h"

#include <string.h>
#include <strings.h>

#include "sr/conf_platform.h"
#include "tz_load.h"

#include "sr/banned.h"

/* What becomes of a word that a key may have. */
struct choice {
    const char *word;    /* NULL ends a table */
    const char *refusal; /* what is wrong with it and what to do; NULL: nothing */
};

/* The text without white space around it. */
static const char *
trimmed(const struct sr_conf_foreign *section, const char *text)
{
    static const char blanks[] = " \t\r\n";

    text += strspn(text, blanks);
    size_t len = strlen(text);
    while (len > 0 && strchr(blanks, text[len - 1]) != NULL) {
        len--;
    }
    return sr_conf_foreign_format(section, "%.*s", (int)len, text);
}

/* True when the value is one that we serve; else it is refused by its name. */
static bool
is_served(const struct sr_conf_foreign *section, const struct sr_conf_node *value,
    const struct choice *choices, const char *remedy)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text == NULL) {
        return false;
    }
    for (const struct choice *c = choices; c->word != NULL; c++) {
        if (strcmp(text, c->word) == 0) {
            if (c->refusal != NULL) {
                sr_conf_foreign_problem(section, value, "is `%s`; %s", text, c->refusal);
            }
            return c->refusal == NULL;
        }
    }
    sr_conf_foreign_problem(section, value, "is `%.64s`; %s", text, remedy);
    return false;
}

/* ---- [input] ---- */

#define NO_INPUT "this suite receives syslog from the network: write udp, tcp or tls"

static const struct choice input_types[] = {
    { "udp", NULL },
    { "tcp", NULL },
    { "syslog-tcp", NULL },
    { "tcp_co", NULL },
    { "tcpco", NULL },
    { "syslog-tcp_co", NULL },
    { "syslog-tcpco", NULL },
    { "tls", NULL },
    { "syslog-tls", NULL },
    { "tls_co", NULL },
    { "tlsco", NULL },
    { "syslog-tls_co", NULL },
    { "syslog-tlsco", NULL },
    { "stdin", NO_INPUT },
    { "file", NO_INPUT },
    { "redis", NO_INPUT },
    { NULL, NULL },
};

#define NO_INPUT_FORMAT "this suite does not read that: write rfc3164 or rfc5424"

static const struct choice input_formats[] = {
    { "rfc3164", NULL },
    { "rfc5424", NULL },
    { "auto", NULL },
    { "ltsv", NO_INPUT_FORMAT },
    { "gelf", NO_INPUT_FORMAT },
    { "capnp", NO_INPUT_FORMAT },
    { NULL, NULL },
};

static void
take_input_format(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    if (!is_served(section, value, input_formats, "write rfc3164 or rfc5424")) {
        return;
    }
    const char *text = sr_conf_foreign_word(value, 0);
    if (strcmp(text, "auto") == 0) {
        sr_conf_foreign_note(section, value,
            "auto is taken as rfc3164, which reads RFC 5424 as well; records have no "
            "`_syslog_format`, and what neither reads is a dead letter");
        text = "rfc3164";
    }
    sr_conf_foreign_put(section, "format", value, text);
}

/* The zone of dates that name none. Upstream takes UTC for what is no zone. */
static void
set_timezone(const struct sr_conf_foreign *input)
{
    const struct sr_conf_node *value = sr_conf_foreign_find(input, "rfc3164_timezone");
    const struct sr_conf_node *given =
        value != NULL ? value : sr_conf_foreign_find(input, "timezone");
    const char *text = given != NULL ? sr_conf_foreign_text(input, given) : NULL;
    const char *zone = text != NULL ? trimmed(input, text) : "";

    if (zone[0] == '\0') {
        sr_conf_foreign_set(input, "timezone", "UTC");
    } else if (strcasecmp(zone, "local") == 0) {
        sr_conf_foreign_put(input, "timezone", given, "local");
    } else if (tz_is_known(TZ_SYSTEM_DIR, zone)) {
        sr_conf_foreign_put(input, "timezone", given, zone);
    } else {
        sr_conf_foreign_note(input, given,
            "`%.64s` is not a time zone and is taken as UTC, as upstream does; write a name such "
            "as Europe/Berlin, UTC or local",
            zone);
        sr_conf_foreign_put(input, "timezone", given, "UTC");
    }
}

/* ---- Streams: [input] with type = "tcp" or "tls" ---- */

/* What an input without a type is there. */
#define INPUT_TYPE "syslog-tls"

static const char *
type_of(const struct sr_conf_foreign *input)
{
    const struct sr_conf_node *type = sr_conf_foreign_find(input, "type");

    return type != NULL ? sr_conf_foreign_word(type, 0) : INPUT_TYPE;
}

static bool
is_stream(const struct sr_conf_foreign *input)
{
    const char *type = type_of(input);

    return strstr(type, "tcp") != NULL || strstr(type, "tls") != NULL;
}

static bool
is_tls(const struct sr_conf_foreign *input)
{
    return strstr(type_of(input), "tls") != NULL;
}

static void
take_stream_address(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL) {
        sr_conf_foreign_put(section, "listen", value,
            sr_conf_foreign_format(section, "%s://%s", is_tls(section) ? "tls" : "tcp", text));
    }
}

#define NO_FRAMING "this suite does not read that: write line, nul or syslen"

static const struct choice framings[] = {
    { "line", NULL },
    { "nul", NULL },
    { "syslen", NULL },
    { "capnp", NO_FRAMING },
    { NULL, NULL },
};

static void
take_framing(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    if (is_served(section, value, framings, "write line, nul or syslen")) {
        const char *text = sr_conf_foreign_word(value, 0);
        const char *ours = strcmp(text, "syslen") == 0 ? "octet" : text;
        sr_conf_foreign_put(section, "framing", value, strcmp(ours, "line") == 0 ? "lf" : ours);
    }
}

/* What `framing` is when it is not given. */
static void
take_framed(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL && strcmp(text, "true") == 0 &&
        sr_conf_foreign_find(section, "framing") == NULL) {
        sr_conf_foreign_put(section, "framing", value, "octet");
    }
}

/* What all inputs have; what is not served is of others, or of a queue counted in messages. */
#define INPUT_KEYS                                                                                 \
    { .name = "type", .take = sr_conf_platform_take_later },                                       \
        { .name = "format", .take = take_input_format },                                           \
        { .name = "rfc3164_timezone", .take = sr_conf_platform_take_later },                       \
        { .name = "timezone", .take = sr_conf_platform_take_later }, { .name = "ltsv_schema" },    \
        { .name = "ltsv_suffixes" }, { .name = "queuesize" }, { .name = "tcp_threads" },           \
        { .name = "tls_compatibility_level" }, { .name = "tls_compression" },                      \
    {                                                                                              \
        .name = "tls_threads"                                                                      \
    }

/* Of an input without TLS. */
#define NO_TLS_KEYS                                                                                \
    { .name = "tls_ca_file" }, { .name = "tls_cert" }, { .name = "tls_ciphers" },                  \
        { .name = "tls_key" },                                                                     \
    {                                                                                              \
        .name = "tls_verify_peer"                                                                  \
    }

static const struct sr_conf_foreign_key datagram_keys[] = {
    INPUT_KEYS,
    NO_TLS_KEYS,
    { .name = "listen", .take = sr_conf_platform_take_address },
    { .name = "framed" },
    { .name = "framing" },
    { .name = "timeout" },
    { .name = NULL },
};

#define STREAM_KEYS                                                                                \
    { .name = "listen", .take = take_stream_address }, { .name = "framed", .take = take_framed },  \
        { .name = "framing", .take = take_framing },                                               \
    {                                                                                              \
        .name = "timeout", .to = "idle_timeout", .unit = "s"                                       \
    }

static const struct sr_conf_foreign_key tcp_keys[] = {
    INPUT_KEYS,
    NO_TLS_KEYS,
    STREAM_KEYS,
    { .name = NULL },
};

/* Its own list holds 3DES, which the library has no more. */
static void
take_ciphers(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text == NULL) {
        return;
    }
    if (strstr(text, "3DES") != NULL || strstr(text, "DES-CBC3") != NULL) {
        sr_conf_foreign_note(section, value, "3DES is not spoken here; the other ciphers are");
    }
    sr_conf_foreign_put(section, "tls.ciphers", value, text);
}

static void
take_verify_peer(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL) {
        sr_conf_foreign_put(
            section, "tls.client", value, strcmp(text, "true") == 0 ? "required" : "none");
    }
}

static const struct sr_conf_foreign_key tls_keys[] = {
    INPUT_KEYS,
    STREAM_KEYS,
    { .name = "tls_cert", .to = "tls.cert_file" },
    { .name = "tls_key", .to = "tls.key_file" },
    { .name = "tls_ca_file", .to = "tls.ca_file" },
    { .name = "tls_ciphers", .take = take_ciphers },
    { .name = "tls_verify_peer", .take = take_verify_peer },
    { .name = NULL },
};

/* There is no limit of connections, and a balancer may make them of one address. */
static void
read_stream(const struct sr_conf_foreign *input)
{
    bool tls = is_tls(input);

    sr_conf_foreign_set(input, "listen", tls ? "tls://0.0.0.0:6514" : "tcp://0.0.0.0:514");
    sr_conf_foreign_set(input, "framing", "lf");
    sr_conf_foreign_set(input, "connections", "4096");
    sr_conf_foreign_set(input, "connections_per_source", "0");
    if (tls) {
        sr_conf_foreign_set(input, "tls.client", "none"); /* upstream verifies only when told to */
    }
    sr_conf_foreign_read(input, tls ? tls_keys : tcp_keys);
}

/* ---- [output] ---- */

#define NO_OUTPUT "records go to NATS here: write nats"

static const struct choice output_types[] = {
    { "nats", NULL },
    { "stdout", NO_OUTPUT " (--output stdout shows them)" },
    { "debug", NO_OUTPUT " (--output stdout shows them)" },
    { "kafka", NO_OUTPUT },
    { "tls", NO_OUTPUT },
    { "syslog-tls", NO_OUTPUT },
    { "file", NO_OUTPUT },
    { NULL, NULL },
};

#define NO_OUTPUT_FORMAT "records are GELF here: write gelf"

static const struct choice output_formats[] = {
    { "gelf", NULL },
    { "json", NULL },
    { "rfc3164", NO_OUTPUT_FORMAT },
    { "rfc5424", NO_OUTPUT_FORMAT },
    { "passthrough", NO_OUTPUT_FORMAT },
    { "ltsv", NO_OUTPUT_FORMAT },
    { "capnp", NO_OUTPUT_FORMAT },
    { NULL, NULL },
};

static void
take_output_format(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    (void)is_served(section, value, output_formats, "write gelf");
}

#define NO_OUTPUT_FRAMING "a message is one record here, with nothing behind it: write noop"

static const struct choice output_framings[] = {
    { "noop", NULL },
    { "nop", NULL },
    { "none", NULL },
    { "line", NO_OUTPUT_FRAMING },
    { "nul", NO_OUTPUT_FRAMING },
    { "syslen", NO_OUTPUT_FRAMING },
    { "capnp", NO_OUTPUT_FRAMING },
    { NULL, NULL },
};

static void
take_output_framing(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    (void)is_served(section, value, output_framings, "write noop");
}

static void
take_creds(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);
    const char *file = text != NULL ? trimmed(section, text) : "";

    if (file[0] != '\0') {
        sr_conf_foreign_put(section, "nats.creds_file", value, file);
    }
}

/* The section's keys go to the whole. */
static const struct sr_conf_foreign_key output_keys[] = {
    { .name = "type", .take = sr_conf_platform_take_later },
    { .name = "format", .take = take_output_format },
    { .name = "framing", .take = take_output_framing },
    { .name = "partition", .to = "partition" },
    { .name = "nats_url", .take = sr_conf_platform_take_url, .required = true },
    { .name = "nats_stream", .to = "nats.stream" },
    { .name = "nats_timeout", .to = "nats.ack_timeout", .unit = "ms" },
    { .name = "nats_creds_file", .take = take_creds },
    { .name = "nats_tls_ca_file", .take = sr_conf_platform_take_ca_file },
    { .name = "nats_tls_cert", .take = sr_conf_platform_take_cert_file },
    { .name = "nats_tls_key", .take = sr_conf_platform_take_key_file },
    /* Of the listener. */
    { .name = "nats_subject", .take = sr_conf_platform_take_later },
    { .name = "gelf_extra", .take = sr_conf_platform_take_later },
    /* Not served; upstream reads none of the last four here. */
    { .name = "nats_connect_attempts" },
    { .name = "nats_connect_initial_backoff_ms" },
    { .name = "nats_connect_max_backoff_ms" },
    { .name = "nats_stream_replicas" },
    { .name = "nats_threads" },
    { .name = "capnp_extra" },
    { .name = "ltsv_extra" },
    { .name = "nats_tls_skip_verify" },
    { .name = "syslog_prepend_timestamp" },
    { .name = "tenant_slug" },
    { .name = NULL },
};

static void
take_extra(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign extra;
    const struct sr_conf_node *item;
    const char *name;

    if (!sr_conf_foreign_below(section, value, &extra)) {
        return;
    }
    for (size_t i = 0; sr_conf_foreign_entry(&extra, i, &name, &item); i++) {
        const char *text = sr_conf_foreign_text(&extra, item);
        if (strchr(name, '=') != NULL) {
            sr_conf_foreign_problem(&extra, item, "no name can have `=` here; choose another");
        } else if (text != NULL) {
            sr_conf_foreign_add_text(
                &extra, "gelf_extra", item, sr_conf_foreign_format(&extra, "%s=%s", name, text));
        }
    }
}

/* Those that go to the listener. */
static const struct sr_conf_foreign_key record_keys[] = {
    { .name = "nats_subject", .to = "subject", .required = true },
    { .name = "gelf_extra", .take = take_extra },
    { .name = NULL },
};

/* ---- The whole ---- */

/*
 * The section of that name, when it is one of a type that we serve. Of others nothing is read.
 * `otherwise` is what one without a type is there; NULL: one that we serve.
 */
static bool
open_section(const struct sr_conf_foreign *top, const char *name, const struct choice *types,
    const char *served, const char *otherwise, struct sr_conf_foreign *ret_section)
{
    const struct sr_conf_node *value = sr_conf_foreign_find(top, name);

    if (value == NULL || !sr_conf_foreign_below(top, value, ret_section)) {
        return false;
    }
    const struct sr_conf_node *type = sr_conf_foreign_find(ret_section, "type");
    if (type == NULL && otherwise == NULL) {
        return true;
    }
    if (type == NULL) {
        sr_conf_foreign_problem(ret_section, NULL,
            "has no `type`, which means %s upstream; write type = \"%s\"", otherwise, served);
        return false;
    }
    const char *remedy = sr_conf_foreign_format(top, "write %s", served);
    return is_served(ret_section, type, types, remedy);
}

static const struct sr_conf_foreign_key security_keys[] = {
    { .name = "mode", .take = sr_conf_platform_take_later },
    { .name = "cert_dir", .take = sr_conf_platform_take_later },
    { .name = "cert_file", .take = sr_conf_platform_take_cert_file },
    { .name = "key_file", .take = sr_conf_platform_take_key_file },
    { .name = "ca_file", .take = sr_conf_platform_take_ca_file },
    /* Of other modes, or of a server. */
    { .name = "client_ca_file" },
    { .name = "server_name" },
    { .name = "trust_domain" },
    { .name = "workload_socket" },
    { .name = NULL },
};

static void
take_security(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    sr_conf_platform_read_security(section, value, security_keys, true);
}

/* Behind [security], whatever the order of the file: what [output] says counts. */
static void
finish(const struct sr_conf_foreign *top)
{
    struct sr_conf_foreign input;
    struct sr_conf_foreign output;
    bool has_input = open_section(top, "input", input_types, "udp, tcp or tls", NULL, &input);
    bool has_output = open_section(top, "output", output_types, "nats", "tls", &output);

    if (has_output) {
        sr_conf_foreign_read(&output, output_keys);
    }
    if (has_input) {
        sr_conf_foreign_add_item(&input, "listeners");
        sr_conf_foreign_set(&input, "format", "rfc5424");
        if (is_stream(&input)) {
            read_stream(&input);
        } else {
            sr_conf_foreign_read(&input, datagram_keys);
        }
        set_timezone(&input);
        sr_conf_foreign_set(&input, "compat", "upstream");
    }
    if (has_input && has_output) {
        output.target = input.target;
        output.keys = input.keys;
        sr_conf_foreign_read_some(&output, record_keys);
    }
    /* It adds its subject to a stream that is there; so does this. */
    sr_conf_foreign_set(top, "nats.manage_stream", "append");
}

static const struct sr_conf_foreign_key top_keys[] = {
    { .name = "input", .take = sr_conf_platform_take_later, .required = true },
    { .name = "output", .take = sr_conf_platform_take_later, .required = true },
    { .name = "security", .take = take_security },
    /* Not served. */
    { .name = "grpc" },
    { .name = "logging" },
    { .name = NULL },
};

/* ---- log-collector.toml ---- */

static void
take_enabled(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL && strcmp(text, "true") != 0) {
        sr_conf_foreign_problem(section, value,
            "is `%.64s`, which leaves nothing to receive; write true, or disable the service",
            text);
    }
}

static const struct sr_conf_foreign_key flowgger_keys[] = {
    { .name = "enabled", .take = take_enabled },
    { .name = "config_file", .take = sr_conf_platform_take_later },
    { .name = NULL },
};

static const struct sr_conf_foreign_key wrapper_keys[] = {
    { .name = "flowgger", .take = sr_conf_platform_take_later },
    { .name = "otel", .take = sr_conf_platform_take_later },
    { .name = "health", .take = sr_conf_platform_take_later },
    { .name = NULL },
};

static const char *
elsewhere(const struct sr_conf_foreign *top)
{
    const struct sr_conf_node *flowgger = sr_conf_foreign_find(top, "flowgger");
    const struct sr_conf_node *otel = sr_conf_foreign_find(top, "otel");
    const struct sr_conf_node *health = sr_conf_foreign_find(top, "health");
    const char *path = "/etc/serviceradar/flowgger.toml"; /* as upstream, without config_file */
    struct sr_conf_foreign section;

    if (flowgger == NULL && otel == NULL && health == NULL) {
        return NULL;
    }
    sr_conf_foreign_read(top, wrapper_keys);
    if (otel != NULL) {
        sr_conf_foreign_note(top, otel, "OpenTelemetry is not received by this program");
    }
    if (health != NULL) {
        sr_conf_foreign_note(
            top, health, "gRPC health is not served; metrics.listen has /healthz and /readyz");
    }
    if (flowgger != NULL && sr_conf_foreign_below(top, flowgger, &section)) {
        const struct sr_conf_node *file = sr_conf_foreign_find(&section, "config_file");
        const char *text = file != NULL ? sr_conf_foreign_text(&section, file) : NULL;
        sr_conf_foreign_read(&section, flowgger_keys);
        path = text != NULL ? text : path;
    }
    return path;
}

const struct sr_conf_foreign_shape syslog_upstream_shape = {
    .name = "ServiceRadar's flowgger.toml",
    .keys = top_keys,
    .finish = finish,
    .toml = true,
    .elsewhere = elsewhere,
};
