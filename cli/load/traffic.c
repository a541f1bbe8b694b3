/* SPDX-License-Identifier: Apache-2.0 */
#include "load/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "command.h"
#include "files.h"
#include "load/generate_netflow.h"
#include "load/generate_syslog.h"
#include "load/generate_trap.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

#define WEIGHTS_REMEDY "give weights of 1 to 1024 in sum"
#define PASSWORD_FILE_MAX ((size_t)4096)

struct traffic {
    enum traffic_kind kind;
    void *memory; /* of the generator */
    uint8_t severities[SYSLOG_VARIANTS];
    uint8_t engine[V3_ENGINE_ID_MAX];
    char *auth_password, *priv_password;
    struct syslog_generator syslog;
    struct netflow_generator netflow;
    struct trap_generator *trap;
};

static bool
out_of_memory(struct trouble *trouble)
{
    return trouble_say(trouble, ENOMEM, "free memory, or use fewer sources and smaller sizes",
        "there is no memory for the messages");
}

/* The index of the plan's format among names, or -1 with `trouble`. */
static int
find_format(const struct traffic_plan *plan, const char *const *names, struct trouble *trouble)
{
    const int found = sr_conf_choice(names, plan->format);
    const char *nearest = nearest_name(plan->format, names);
    char remedy[128] = "use one of:";

    if (found >= 0) {
        return found;
    }
    if (nearest != NULL) {
        (void)snprintf(remedy, sizeof(remedy), "did you mean %s?", nearest);
    }
    for (size_t i = 0; nearest == NULL && names[i] != NULL; i++) {
        const size_t len = strlen(remedy);
        (void)snprintf(remedy + len, sizeof(remedy) - len, "%s %s", i > 0 ? "," : "", names[i]);
    }
    (void)trouble_say(trouble, 0, remedy, "there is no format '%s' here", plan->format);
    return -1;
}

/* ---- Syslog ---- */

static bool
check_size(const struct traffic_plan *plan, const struct syslog_load *load,
    const struct syslog_kind *kind, struct trouble *trouble)
{
    const char *name = syslog_style_names[kind->style];
    const size_t least = syslog_least(load, kind->style);
    const size_t most = kind->size_max > kind->size ? kind->size_max : kind->size;
    char remedy[128];

    if (kind->size < least) {
        (void)snprintf(remedy, sizeof(remedy), "give %zu or more", least);
        return trouble_say(trouble, 0, remedy,
            "%zu bytes are too few for a message of %s with its mark", kind->size, name);
    }
    if (most > plan->longest) {
        (void)snprintf(remedy, sizeof(remedy), "give %zu or less%s", plan->longest,
            plan->is_stream ? "" : ", or send over tcp://");
        return trouble_say(trouble, 0, remedy, "%zu bytes are too many for a %s", most,
            plan->is_stream ? "message" : "datagram");
    }
    return true;
}

/* Makes the kinds of the plan; one of its format instead of all when it has one. */
static bool
plan_syslog(const struct traffic_plan *plan, struct syslog_load *load, struct trouble *trouble)
{
    const struct sr_conf_sections *mix = &plan->profile->syslog.mix;
    const struct profile_syslog_kind *kinds = mix->items;
    int format = -1;

    if (plan->format != NULL && (format = find_format(plan, syslog_style_names, trouble)) < 0) {
        return false;
    }
    load->kind_count = format >= 0 ? 1 : mix->count;
    for (size_t i = 0; i < load->kind_count; i++) {
        load->kinds[i] = (struct syslog_kind){
            .style = (enum syslog_style)(format >= 0 ? format : kinds[i].style),
            .weight = format >= 0 ? 1 : kinds[i].weight,
            .size = plan->size > 0 ? plan->size : kinds[i].size,
            .size_max = plan->size > 0 ? 0 : kinds[i].size_max,
        };
        if (!check_size(plan, load, &load->kinds[i], trouble)) {
            return false;
        }
    }
    return true;
}

static bool
open_syslog(struct traffic *t, const struct traffic_plan *plan, struct trouble *trouble)
{
    const struct profile_syslog *p = &plan->profile->syslog;
    struct syslog_load load = {
        .sources = plan->sources,
        .run = plan->run,
        .utc_offset_s = plan->utc_offset_s,
        .hosts = (uint32_t)p->hosts,
        .host_prefix = p->host_prefix,
        .apps = p->apps.items,
        .app_count = p->apps.count,
        .severities = t->severities,
        .severity_count = p->severities.count,
    };

    for (size_t i = 0; i < p->severities.count; i++) {
        t->severities[i] = (uint8_t)sr_conf_choice(profile_severities, p->severities.items[i]);
    }
    if (!plan_syslog(plan, &load, trouble)) {
        return false;
    }
    t->memory = malloc(syslog_generator_memory(&load));
    if (t->memory == NULL) {
        return out_of_memory(trouble);
    }
    return syslog_generator_init(&t->syslog, &load, t->memory) ||
           trouble_say(trouble, 0, WEIGHTS_REMEDY, "the mix of syslog has no turns, or too many");
}

/* ---- NetFlow ---- */

static bool
plan_netflow(const struct traffic_plan *plan, struct netflow_load *load, struct trouble *trouble)
{
    static const char *const names[] = { "v5", "v9", "ipfix", NULL };
    const struct sr_conf_sections *mix = &plan->profile->netflow.mix;
    const struct profile_netflow_kind *kinds = mix->items;
    int format = plan->is_stream && plan->profile->netflow.mix.count == 1 ? NETFLOW_IPFIX : -1;

    if (plan->format != NULL && (format = find_format(plan, names, trouble)) < 0) {
        return false;
    }
    load->kind_count = format >= 0 ? 1 : mix->count;
    for (size_t i = 0; i < load->kind_count; i++) {
        struct netflow_kind *kind = &load->kinds[i];
        const size_t size = plan->size > 0 ? plan->size : kinds[i].size;
        kind->format = (enum netflow_format)(format >= 0 ? format : kinds[i].format);
        kind->weight = format >= 0 ? 1 : kinds[i].weight;
        kind->records = netflow_fitting_records(kind->format, size);
        if (kind->records == 0) {
            char remedy[64];
            (void)snprintf(
                remedy, sizeof(remedy), "give %zu or more", netflow_data_length(kind->format, 1));
            return trouble_say(trouble, 0, remedy, "%zu bytes are too few for a flow of %s", size,
                netflow_format_name(kind->format));
        }
        if (plan->is_stream && kind->format != NETFLOW_IPFIX) {
            return trouble_say(trouble, 0, "use --format ipfix, or udp://",
                "%s is not sent over connections", netflow_format_name(kind->format));
        }
    }
    return true;
}

static bool
open_netflow(struct traffic *t, const struct traffic_plan *plan, struct trouble *trouble)
{
    const struct profile_netflow *p = &plan->profile->netflow;
    struct netflow_load load = {
        .sources = plan->sources,
        .run = plan->run,
        .templates_ns = p->templates_ns,
        .sampling = (uint32_t)p->sampling,
    };

    if (plan->size > NETFLOW_LONGEST) {
        return trouble_say(
            trouble, 0, "give 65507 or less", "%zu bytes are too many for a datagram", plan->size);
    }
    if (!plan_netflow(plan, &load, trouble)) {
        return false;
    }
    t->memory = malloc(netflow_generator_memory(&load));
    if (t->memory == NULL) {
        return out_of_memory(trouble);
    }
    return netflow_generator_init(&t->netflow, &load, t->memory) ||
           trouble_say(trouble, 0, WEIGHTS_REMEDY, "the mix of netflow has no turns, or too many");
}

/* ---- Traps ---- */

/* The first line of a file, which `ret_text` owns. */
static bool
read_password(const char *key, const char *path, char **ret_text, struct sr_span *ret_password,
    struct trouble *trouble)
{
    char *text;
    size_t len;

    if (path == NULL) {
        return trouble_say(trouble, 0, "name a file that has it on its first line",
            "%s is not given, and the user of v3 needs it", key);
    }
    if (!files_read(path, PASSWORD_FILE_MAX, &text, &len)) {
        return trouble_say(trouble, errno, "name a file with the password on its first line",
            "cannot read %s: %s", path, strerror(errno));
    }
    *ret_text = text;
    const size_t first = strcspn(text, "\r\n");
    OPENSSL_cleanse(text + first, len - first); /* wipe() sees the first line */
    len = first;
    if (len < USM_PASSWORD_LEAST) {
        return trouble_say(trouble, 0, "a password has 8 bytes or more (RFC 3414 section 11.2)",
            "the password in %s is too short", path);
    }
    *ret_password = (struct sr_span){ (const uint8_t *)text, len };
    return true;
}

static bool
plan_account(struct traffic *t, const struct profile_trap *p, struct snmp_account *account,
    struct trouble *trouble)
{
    *account = (struct snmp_account){
        .name = p->user, .auth = (enum usm_auth)p->auth, .priv = (enum usm_priv)p->priv
    };
    if (p->priv != USM_PRIV_NONE && p->auth == USM_AUTH_NONE) {
        return trouble_say(trouble, 0, "give trap.auth, too",
            "trap.priv without trap.auth: there is no such level (RFC 3411 section 3.4.3)");
    }
    return (p->auth == USM_AUTH_NONE ||
               read_password("trap.auth_password_file", p->auth_password_file, &t->auth_password,
                   &account->auth_password, trouble)) &&
           (p->priv == USM_PRIV_NONE ||
               read_password("trap.priv_password_file", p->priv_password_file, &t->priv_password,
                   &account->priv_password, trouble));
}

static bool
plan_traps(
    const struct traffic_plan *plan, struct trap_load *load, bool *ret_v3, struct trouble *trouble)
{
    static const enum trap_version versions[] = { TRAP_V1, TRAP_V2C, TRAP_V3 };
    const struct sr_conf_sections *mix = &plan->profile->trap.mix;
    const struct profile_trap_kind *kinds = mix->items;
    int format = -1;

    if (plan->format != NULL && (format = find_format(plan, profile_trap_versions, trouble)) < 0) {
        return false;
    }
    *ret_v3 = false;
    load->kind_count = format >= 0 ? 1 : mix->count;
    for (size_t i = 0; i < load->kind_count; i++) {
        load->kinds[i] = (struct trap_kind){
            .version = versions[format >= 0 ? format : kinds[i].version],
            .weight = format >= 0 ? 1 : kinds[i].weight,
            .columns = (unsigned)kinds[i].varbinds,
            .size = plan->size > 0 ? plan->size : kinds[i].size,
        };
        *ret_v3 = *ret_v3 || load->kinds[i].version == TRAP_V3;
    }
    return true;
}

static uint8_t
digit_of(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static bool
open_traps(struct traffic *t, const struct traffic_plan *plan, struct trouble *trouble)
{
    const struct profile_trap *p = &plan->profile->trap;
    struct trap_load load = {
        .sources = plan->sources,
        .run = plan->run,
        .community = p->community,
        .engine = { t->engine, strlen(p->engine) / 2 },
        .start_ns = plan->start_ns,
    };
    bool has_v3;

    if (plan->is_stream) {
        return trouble_say(
            trouble, 0, "send them to udp://HOST:PORT", "traps are not sent over connections");
    }
    for (size_t i = 0; i < load.engine.len; i++) {
        t->engine[i] = (uint8_t)(digit_of(p->engine[2 * i]) << 4 | digit_of(p->engine[2 * i + 1]));
    }
    if (!plan_traps(plan, &load, &has_v3, trouble) ||
        (has_v3 && !plan_account(t, p, &load.account, trouble))) {
        return false;
    }
    enum trap_generator_err err = trap_generator_new(&load, &t->trap);
    return err == TRAP_GENERATOR_OK ||
           trouble_say(trouble, 0, trap_generator_remedy(err), "%s", trap_generator_strerror(err));
}

/* ---- All of them ---- */

static bool
open_kind(struct traffic *t, const struct traffic_plan *plan, struct trouble *trouble)
{
    switch (plan->kind) {
    case TRAFFIC_SYSLOG: return open_syslog(t, plan, trouble);
    case TRAFFIC_TRAP: return open_traps(t, plan, trouble);
    case TRAFFIC_NETFLOW: return open_netflow(t, plan, trouble);
    }
    return false;
}

bool
traffic_open(const struct traffic_plan *plan, struct traffic **ret_traffic, struct trouble *trouble)
{
    struct traffic *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return out_of_memory(trouble);
    }
    t->kind = plan->kind;
    if (!open_kind(t, plan, trouble)) {
        traffic_close(t);
        return false;
    }
    *ret_traffic = t;
    return true;
}

size_t
traffic_room(const struct traffic *t)
{
    switch (t->kind) {
    case TRAFFIC_SYSLOG: return syslog_generator_room(&t->syslog.load);
    case TRAFFIC_TRAP: return trap_generator_room(t->trap);
    case TRAFFIC_NETFLOW: return netflow_generator_room(&t->netflow.load);
    }
    return 0;
}

uint32_t
traffic_records(const struct traffic *t)
{
    uint32_t most = 1;

    for (size_t i = 0; t->kind == TRAFFIC_NETFLOW && i < t->netflow.load.kind_count; i++) {
        const uint32_t records = t->netflow.load.kinds[i].records;
        most = records > most ? records : most;
    }
    return most;
}

bool
traffic_next(struct traffic *t, uint64_t wall_ns, uint8_t *out, struct generated *ret)
{
    switch (t->kind) {
    case TRAFFIC_SYSLOG: syslog_generate(&t->syslog, wall_ns, out, ret); return true;
    case TRAFFIC_TRAP: return trap_generate(t->trap, wall_ns, out, ret);
    case TRAFFIC_NETFLOW: netflow_generate(&t->netflow, wall_ns, out, ret); return true;
    }
    return false;
}

static void
wipe(char *password)
{
    if (password != NULL) {
        OPENSSL_cleanse(password, strlen(password));
        free(password);
    }
}

void
traffic_close(struct traffic *t)
{
    if (t == NULL) {
        return;
    }
    trap_generator_free(t->trap);
    wipe(t->auth_password);
    wipe(t->priv_password);
    free(t->memory);
    free(t);
}
