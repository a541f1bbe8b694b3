/* SPDX-License-Identifier: Apache-2.0 */
#include "load/profile.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "load/generate_netflow.h"
#include "load/generate_syslog.h"
#include "load/generate_trap.h"
#include "load/snmp_write.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

#define COMMUNITY_MAX 255U    /* bytes; no device has a longer one */
#define NAMES_MAX 8U          /* of profiles that are brought along */
#define ENGINE_PREFIX_MAX 28U /* four bytes of the source's index follow */

const char *const profile_trap_versions[] = { "v1", "v2c", "v3", NULL };

const char *const profile_severities[] = { "emergency", "alert", "critical", "error", "warning",
    "notice", "info", "debug", NULL };

static const char *const netflow_formats[] = { "v5", "v9", "ipfix", NULL };

/* ---- Checks ---- */

static const char *
check_severities(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_strings *list = &((const struct profile_syslog *)item)->severities;

    for (size_t i = 0; i < list->count; i++) {
        if (sr_conf_choice(profile_severities, list->items[i]) < 0) {
            (void)snprintf(text, text_size,
                "`%s` is no severity; use emergency, alert, critical, error, warning, notice, info "
                "or debug",
                list->items[i]);
            return text;
        }
    }
    return NULL;
}

/* Letters of a name in a header: RFC 5424 section 6. */
static bool
is_word(const char *text, size_t max)
{
    const size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return len > 0 && len <= max;
}

static const char *
check_apps(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_strings *list = &((const struct profile_syslog *)item)->apps;

    for (size_t i = 0; i < list->count; i++) {
        if (!is_word(list->items[i], SYSLOG_APP_MAX)) {
            (void)snprintf(text, text_size,
                "`%s` cannot be an app: use 1 to %u printable ASCII characters without blanks",
                list->items[i], SYSLOG_APP_MAX);
            return text;
        }
    }
    return NULL;
}

static const char *
check_host_prefix(const void *item, char *text, size_t text_size)
{
    if (is_word(((const struct profile_syslog *)item)->host_prefix, SYSLOG_PREFIX_MAX)) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "cannot begin a host's name: use 1 to %u printable ASCII characters without blanks",
        SYSLOG_PREFIX_MAX);
    return text;
}

static const char *
check_engine(const void *item, char *text, size_t text_size)
{
    const char *engine = ((const struct profile_trap *)item)->engine;
    const size_t len = strlen(engine);

    if (len % 2 == 0 && len >= 2 && len <= 2 * (size_t)ENGINE_PREFIX_MAX &&
        strspn(engine, "0123456789abcdefABCDEF") == len) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "is no begin of an engine id: write 1 to %u bytes in hexadecimal digits",
        ENGINE_PREFIX_MAX);
    return text;
}

static const char *
check_user(const void *item, char *text, size_t text_size)
{
    const size_t len = strlen(((const struct profile_trap *)item)->user);

    if (len > 0 && len <= V3_USER_MAX) {
        return NULL;
    }
    (void)snprintf(text, text_size, "is no name of a user: it has 1 to %u bytes", V3_USER_MAX);
    return text;
}

static const char *
check_community(const void *item, char *text, size_t text_size)
{
    const size_t len = strlen(((const struct profile_trap *)item)->community);

    if (len <= COMMUNITY_MAX) {
        return NULL;
    }
    (void)snprintf(text, text_size, "has %zu bytes; use %u or less", len, COMMUNITY_MAX);
    return text;
}

static const char *
check_size_max(const void *item, char *text, size_t text_size)
{
    const struct profile_syslog_kind *kind = item;

    if (kind->size_max == 0 || kind->size_max >= kind->size) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "is %" PRIu64 ", less than `size`, which is %" PRIu64
        "; give more, or 0 for messages of one size",
        kind->size_max, kind->size);
    return text;
}

/* The kinds of a mix share a round of turns: mix_init(). */
static const char *
check_turns(uint64_t turns, char *text, size_t text_size)
{
    if (turns > 0 && turns <= MIX_TURNS_MAX) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "weights are %" PRIu64 " in sum; give weights of 1 to %u in sum", turns, MIX_TURNS_MAX);
    return text;
}

static const char *
check_syslog_mix(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_sections *mix = &((const struct profile_syslog *)item)->mix;
    const struct profile_syslog_kind *kinds = mix->items;
    uint64_t turns = 0;

    for (size_t i = 0; i < mix->count; i++) {
        turns += kinds[i].weight;
    }
    return check_turns(turns, text, text_size);
}

static const char *
check_trap_mix(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_sections *mix = &((const struct profile_trap *)item)->mix;
    const struct profile_trap_kind *kinds = mix->items;
    uint64_t turns = 0;

    for (size_t i = 0; i < mix->count; i++) {
        turns += kinds[i].weight;
    }
    return check_turns(turns, text, text_size);
}

static const char *
check_netflow_mix(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_sections *mix = &((const struct profile_netflow *)item)->mix;
    const struct profile_netflow_kind *kinds = mix->items;
    uint64_t turns = 0;

    for (size_t i = 0; i < mix->count; i++) {
        turns += kinds[i].weight;
    }
    return check_turns(turns, text, text_size);
}

/* ---- Keys ---- */

#define WEIGHT(of)                                                                                 \
    {                                                                                              \
        .name = "weight", .type = SR_CONF_UINT, .offset = offsetof(of, weight), .def = "1",        \
        .max = MIX_TURNS_MAX,                                                                      \
        .help = "Turns of this kind, of all that the kinds of the mix have in sum."                \
    }

static const struct sr_conf_key bursts_keys[] = {
    { .name = "every",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct profile_bursts, every_ns),
        .def = "10s",
        .min = 1000000,
        .max = UINT64_C(86400000000000),
        .help = "Time from one burst to the next." },
    { .name = "of",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct profile_bursts, of),
        .def = "0",
        .max = 100000000,
        .help = "Messages of a burst, sent at once beside those of --rate; 0: no bursts." },
    { .name = NULL },
};

static const struct sr_conf_key syslog_kind_keys[] = {
    { .name = "format",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct profile_syslog_kind, style),
        .def = "rfc5424",
        .choices = syslog_style_names,
        .help = "How messages are written; those of cisco, cef and json are for `format: smart`." },
    WEIGHT(struct profile_syslog_kind),
    { .name = "size",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct profile_syslog_kind, size),
        .def = "256",
        .min = 1,
        .max = SYSLOG_SIZE_MAX,
        .help = "Bytes of a message, of the smallest when size_max is given." },
    { .name = "size_max",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct profile_syslog_kind, size_max),
        .def = "0",
        .max = SYSLOG_SIZE_MAX,
        .check = check_size_max,
        .help = "Bytes of the largest; sizes are spread evenly up to it. 0: all have one size." },
    { .name = NULL },
};

static const struct sr_conf_key syslog_keys[] = {
    { .name = "mix",
        .type = SR_CONF_SECTIONS,
        .offset = offsetof(struct profile_syslog, mix),
        .min = 1,
        .max = SYSLOG_KINDS_MAX,
        .keys = syslog_kind_keys,
        .check = check_syslog_mix,
        .item_size = sizeof(struct profile_syslog_kind),
        .help = "Kinds of messages." },
    { .name = "hosts",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct profile_syslog, hosts),
        .def = "100",
        .min = 1,
        .max = SYSLOG_HOSTS_MAX,
        .help = "Different host names." },
    { .name = "host_prefix",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct profile_syslog, host_prefix),
        .def = "edge-",
        .check = check_host_prefix,
        .help = "What host names begin with; five digits follow." },
    { .name = "apps",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct profile_syslog, apps),
        .def = "[app, sshd, nginx, kernel]",
        .min = 1,
        .max = SYSLOG_VARIANTS,
        .check = check_apps,
        .help = "Names of programs." },
    { .name = "severities",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct profile_syslog, severities),
        .def = "[info, notice, info, warning, info, error, info, debug]",
        .min = 1,
        .max = SYSLOG_VARIANTS,
        .check = check_severities,
        .help = "Severities, each as often as it is in the list." },
    { .name = NULL },
};

static const struct sr_conf_key trap_kind_keys[] = {
    { .name = "version",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct profile_trap_kind, version),
        .def = "v2c",
        .choices = profile_trap_versions,
        .help = "Version of SNMP; v3 is sent by `user`." },
    WEIGHT(struct profile_trap_kind),
    { .name = "varbinds",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct profile_trap_kind, varbinds),
        .def = "3",
        .max = TRAP_COLUMNS_MAX,
        .help = "Varbinds beside the mark, the uptime and the name." },
    { .name = "size",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct profile_trap_kind, size),
        .def = "0",
        .max = SNMP_LARGEST,
        .help = "One more varbind fills the trap up to at most so many bytes; 0: none does." },
    { .name = NULL },
};

static const struct sr_conf_key trap_keys[] = {
    { .name = "mix",
        .type = SR_CONF_SECTIONS,
        .offset = offsetof(struct profile_trap, mix),
        .min = 1,
        .max = TRAP_KINDS_MAX,
        .keys = trap_kind_keys,
        .check = check_trap_mix,
        .item_size = sizeof(struct profile_trap_kind),
        .help = "Kinds of traps." },
    { .name = "community",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct profile_trap, community),
        .def = "public",
        .check = check_community,
        .help = "Community of v1 and v2c." },
    { .name = "user",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct profile_trap, user),
        .def = "load",
        .check = check_user,
        .help = "User of v3." },
    { .name = "auth",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct profile_trap, auth),
        .def = "none",
        .choices = usm_auth_names,
        .help = "How the user's traps are signed." },
    { .name = "auth_password_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct profile_trap, auth_password_file),
        .is_file = true,
        .help = "The password of `auth`, on the first line." },
    { .name = "priv",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct profile_trap, priv),
        .def = "none",
        .choices = usm_priv_names,
        .help = "How the user's traps are encrypted." },
    { .name = "priv_password_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct profile_trap, priv_password_file),
        .is_file = true,
        .help = "The password of `priv`, on the first line." },
    { .name = "engine",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct profile_trap, engine),
        .def = "80001f88046c6f6164",
        .check = check_engine,
        .help = "What engine ids of senders begin with, in hexadecimal digits; the index of the "
                "source follows in four bytes." },
    { .name = NULL },
};

static const struct sr_conf_key netflow_kind_keys[] = {
    { .name = "format",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct profile_netflow_kind, format),
        .def = "v9",
        .choices = netflow_formats,
        .help = "Format of export; over connections it is ipfix." },
    WEIGHT(struct profile_netflow_kind),
    { .name = "size",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct profile_netflow_kind, size),
        .def = "1472",
        .min = 1,
        .max = NETFLOW_LONGEST,
        .help = "Bytes of a datagram at most: it has as many flows as fit." },
    { .name = NULL },
};

static const struct sr_conf_key netflow_keys[] = {
    { .name = "mix",
        .type = SR_CONF_SECTIONS,
        .offset = offsetof(struct profile_netflow, mix),
        .min = 1,
        .max = NETFLOW_KINDS_MAX,
        .keys = netflow_kind_keys,
        .check = check_netflow_mix,
        .item_size = sizeof(struct profile_netflow_kind),
        .help = "Kinds of exporters; each source has one of every kind." },
    { .name = "templates",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct profile_netflow, templates_ns),
        .def = "30s",
        .min = 1000000,
        .max = UINT64_C(86400000000000),
        .help = "Time from templates to the same again." },
    { .name = "sampling",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct profile_netflow, sampling),
        .def = "0",
        .max = NETFLOW_SAMPLING_MAX,
        .help = "Exporters say that they look at one packet of so many; 0: they say nothing." },
    { .name = NULL },
};

static const struct sr_conf_key profile_keys[] = {
    { .name = "bursts",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct profile, bursts),
        .keys = bursts_keys,
        .help = "Messages that come all at once." },
    { .name = "syslog",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct profile, syslog),
        .keys = syslog_keys,
        .help = "For `load syslog`." },
    { .name = "trap",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct profile, trap),
        .keys = trap_keys,
        .help = "For `load trap`." },
    { .name = "netflow",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct profile, netflow),
        .keys = netflow_keys,
        .help = "For `load netflow`." },
    { .name = NULL },
};

static const struct sr_conf_schema schema = {
    .program = "serviceradar-load",
    .keys = profile_keys,
    .size = sizeof(struct profile),
};

/* ---- Reading ---- */

static const struct profile_text *
find_text(const char *name)
{
    for (const struct profile_text *t = profile_texts; t->name != NULL; t++) {
        if (name != NULL && strcmp(t->name, name) == 0) {
            return t;
        }
    }
    return NULL;
}

/* What is no path and no file was meant for a name. */
static void
report_unknown(struct sr_conf_problems *problems, const char *name)
{
    const char *names[NAMES_MAX + 1] = { NULL };
    char list[128] = "";

    for (size_t i = 0; i < NAMES_MAX && profile_texts[i].name != NULL; i++) {
        const size_t len = strlen(list);
        names[i] = profile_texts[i].name;
        (void)snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *nearest = nearest_name(name, names);
    sr_conf_problem(problems, *name != '\0' ? name : "--profile",
        "is no file, and no profile that is brought along (%s)%s%s%s", list,
        nearest != NULL ? "; did you mean " : "; correct the name or the path",
        nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

struct profile *
profile_load(
    const char *name, const char *const *sets, size_t set_count, struct sr_conf_problems *problems)
{
    const struct profile_text *text = find_text(name);
    const struct sr_conf_source source = { .file = name, .sets = sets, .set_count = set_count };

    if (text == NULL && name != NULL && strchr(name, '/') == NULL && access(name, F_OK) != 0) {
        report_unknown(problems, name);
        return NULL;
    }
    if (text == NULL) {
        return sr_conf_load(&schema, &source, problems);
    }
    const struct sr_span bytes = { (const uint8_t *)text->text, strlen(text->text) };
    return sr_conf_load_text(&schema, &source, bytes, problems);
}

void
profile_free(struct profile *profile)
{
    sr_conf_free(profile);
}

void
profile_print(const struct profile *profile, FILE *out)
{
    sr_conf_print(&schema, profile, out);
}
