/* SPDX-License-Identifier: Apache-2.0 */
#include "trapd.h"

#include <stdio.h>
#include <string.h>

#include "conf_upstream.h"
#include "conf_users.h"
#include "decode/config.h"
#include "rules.h"
#include "usm/usm.h"

#include "sr/clock.h"
#include "sr/rate.h"

#include "sr/banned.h"

#define KEY_MIN 16U /* bytes of community_key */

static const char *const protocols[] = { "snmptrap", NULL };
static const char *const communities[] = { "clear", "hash", "omit", NULL }; /* trap_community */

/* They are secret: no text says which one it is. */
static const char *
check_communities(const void *item, char *text, size_t text_size)
{
    const struct trapd_listener *l = item;

    for (size_t i = 0; i < l->communities.count; i++) {
        size_t len = strlen(l->communities.items[i]);
        if (len == 0 || len > TRAPD_COMMUNITY_MAX) {
            (void)snprintf(text, text_size, "item %zu has %zu bytes; a community has 1 to %u", i,
                len, TRAPD_COMMUNITY_MAX);
            return text;
        }
    }
    return NULL;
}

static const char *
check_community_key(const void *item, char *text, size_t text_size)
{
    const struct trapd_conf *c = item;

    if (c->community_key == NULL || strlen(c->community_key) >= KEY_MIN) {
        return NULL;
    }
    (void)snprintf(text, text_size, "is too short; write at least %u random bytes", KEY_MIN);
    return text;
}

#define SECOND_NS UINT64_C(1000000000)

static const char *
check_interval(const void *item, char *text, size_t text_size)
{
    (void)text;
    (void)text_size;
    return ((const struct trapd_storm *)item)->interval % SR_NS_PER_MS == 0
               ? NULL
               : "must be whole milliseconds";
}

static const struct sr_conf_key storm_keys[] = {
    { .name = "traps",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct trapd_storm, traps),
        .def = "0",
        .max = SR_RATE_MAX,
        .reload = SR_CONF_RELOAD,
        .help = "How many of one kind are published within the interval; 0: nothing is folded." },
    { .name = "interval",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct trapd_storm, interval),
        .def = "10s",
        .min = SECOND_NS,
        .max = 3600 * SECOND_NS,
        .reload = SR_CONF_RELOAD,
        .check = check_interval,
        .help = "In which so many may come." },
    { .name = "quiet",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct trapd_storm, quiet),
        .def = "10s",
        .min = SECOND_NS,
        .max = 3600 * SECOND_NS,
        .reload = SR_CONF_RELOAD,
        .help = "A storm is over, and its last trap is published, when none came for so long." },
    { .name = "every",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct trapd_storm, every),
        .def = "1m",
        .min = SECOND_NS,
        .max = 86400 * SECOND_NS,
        .reload = SR_CONF_RELOAD,
        .help = "How often the last trap so far is published while a storm lasts." },
    { .name = NULL },
};

static const char *const acks[] = { "published", "received", NULL }; /* enum sr_answer_when */

static const struct sr_conf_key inform_keys[] = {
    { .name = "ack",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct trapd_inform, ack),
        .def = "published",
        .choices = acks,
        .help = "When an inform is answered: published, once JetStream has its record, or "
                "received, once it is in the queue, as with every output but nats." },
    { .name = NULL },
};

/* RFC 3411 section 5: nothing but zeros, or but ones, is no id. */
static const char *
check_engine_id(const void *item, char *text, size_t text_size)
{
    const struct trapd_conf *c = item;
    uint8_t id[TRAPD_ENGINE_ID_MAX];

    if (c->engine_id == NULL) {
        return NULL;
    }
    size_t len = trapd_engine_id(c->engine_id, id);
    bool differs = len > 0 && id[0] != 0 && id[0] != 0xff;
    for (size_t i = 1; i < len; i++) {
        differs = differs || id[i] != id[0];
    }
    if (differs) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "`%.80s` is no engine id; write %u to %u bytes as hexadecimal digits, as "
        "80001f8805c0ffee00, or leave it out and have one made",
        c->engine_id, TRAPD_ENGINE_ID_MIN, TRAPD_ENGINE_ID_MAX);
    return text;
}

static const struct sr_conf_key listener_keys[] = {
    SR_CONF_LISTENER_KEYS(protocols, "snmptrap", "udp://0.0.0.0:162", "logs.snmp", "4MiB"),
    { .name = "community",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct trapd_listener, community),
        .def = "clear",
        .choices = communities,
        .reload = SR_CONF_RELOAD,
        .help =
            "How community strings are published: as they are, as a keyed hash, or not at all." },
    { .name = "communities",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct trapd_listener, communities),
        .max = 64,
        .secret = true,
        .reload = SR_CONF_RELOAD,
        .check = check_communities,
        .help = "Communities of v1 and v2c that are taken; empty: any." },
    { .name = "users",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct trapd_listener, users),
        .max = 256,
        .reload = SR_CONF_RELOAD,
        .help = "Names of the users of v3 that are taken here; empty: all." },
    { .name = "allow_traps",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct trapd_listener, allow_traps),
        .max = 256,
        .reload = SR_CONF_RELOAD,
        .help = "What is taken: 1.3.6.1.6.3.1.1.5.3, 1.3.6.1.4.1.9.* for all below, or "
                "IF-MIB::linkDown; empty: all that deny_traps does not refuse." },
    { .name = "deny_traps",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct trapd_listener, deny_traps),
        .max = 256,
        .reload = SR_CONF_RELOAD,
        .help = "What is refused, written as allow_traps; of both the longest decides." },
    { .name = "rate_limit",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct trapd_listener, rate_limit),
        .def = "0",
        .max = SR_RATE_MAX,
        .reload = SR_CONF_RELOAD,
        .help = "Datagrams a second that one source may send; 0: no limit." },
    { .name = "inform",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct trapd_listener, inform),
        .keys = inform_keys,
        .help = "How informs are answered." },
    { .name = "time_window",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct trapd_listener, time_window),
        .def = "strict",
        .choices = usm_time_policy_names,
        .help = "What is done with messages of v3 that are late by 150 s or were sent before: "
                "strict refuses them, relearn sets the clock of their engine, off takes them." },
    { .name = "storm",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct trapd_listener, storm),
        .keys = storm_keys,
        .help = "When traps that say the same again are counted and only the last is published." },
    { .name = NULL },
};

static const struct sr_conf_key publish_keys[] = {
    SR_CONF_PUBLISH_KEYS("true"),
    { .name = NULL },
};

static const struct sr_conf_key queue_keys[] = {
    SR_CONF_QUEUE_KEYS("/var/lib/serviceradar/trapd"),
    { .name = NULL },
};

static const struct sr_conf_key metrics_keys[] = {
    { .name = "listen",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_metrics, listen),
        .def = "127.0.0.1:9620",
        .check = sr_conf_check_metrics,
        .help = "ADDRESS:PORT, or off." },
    { .name = NULL },
};

static const struct sr_conf_key keys[] = {
    SR_CONF_COMMON_KEYS_ENRICH(listener_keys, struct trapd_listener, publish_keys, queue_keys,
        metrics_keys, NULL, "Adds keys to records that upstream does not write."),
    { .name = "community_key",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct trapd_conf, community_key),
        .secret = true,
        .reload = SR_CONF_RELOAD,
        .check = check_community_key,
        .help = "Key of community: hash, at least 16 bytes; the same on all hosts whose hashes are "
                "compared." },
    TRAPD_USERS_ROW(struct trapd_conf),
    { .name = "users_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct trapd_conf, users_file),
        .is_file = true,
        .reload = SR_CONF_RELOAD,
        .help = "A file with more `users`, so that this one need not hold passwords." },
    { .name = "engine_id",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct trapd_conf, engine_id),
        .check = check_engine_id,
        .help = "Our own SNMPv3 engine, which senders of informs name, as hexadecimal digits; "
                "without it, one is made and kept in `queue.dir`." },
    { .name = "mib_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct trapd_conf, mib_file),
        .is_file = true,
        .reload = SR_CONF_RELOAD,
        .help =
            "Names for enrich, written by `serviceradar-cli mib compile`; the standard ones are "
            "always known." },
    { .name = NULL },
};

static void
check(const void *config, struct sr_conf_problems *problems)
{
    const struct trapd_conf *c = config;
    const struct trapd_listener *listeners = c->common.listeners.items;
    char where[64];

    sr_conf_common_check(config, sizeof(struct trapd_listener), problems);
    for (size_t i = 0; i < c->common.listeners.count; i++) {
        if (listeners[i].community == TRAP_COMMUNITY_HASH && c->community_key == NULL) {
            (void)snprintf(where, sizeof(where), "listeners[%zu].community", i);
            sr_conf_problem(problems, where,
                "needs a key, without which a hash is soon guessed; set `community_key`");
        }
    }
    trapd_users_check(&c->users, problems);
    if (c->users_file != NULL) {
        trapd_users_file_check(c->users_file, problems);
    }
    rules_check(c, problems);
}

const struct sr_conf_schema trapd_schema = {
    .program = "serviceradar-trapd",
    .keys = keys,
    .size = sizeof(struct trapd_conf),
    .check = check,
    .foreign = &trapd_upstream_shape,
};
