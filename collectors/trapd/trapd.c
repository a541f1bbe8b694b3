/* SPDX-License-Identifier: Apache-2.0 */
#include "trapd.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "community.h"
#include "decode/datagram.h"
#include "mib_file.h"
#include "rules.h"
#include "security.h"
#include "storms.h"
#include "v3_state.h"

#include "sr/access.h"
#include "sr/clock.h"
#include "sr/metrics.h"
#include "sr/sources.h"

#include "sr/banned.h"

/* ---- Snapshots ---- */

/* What decoding needs of the configuration of one listener. */
struct snapshot_listener {
    struct trap_config decode;
    struct sr_access access;
    struct communities communities;
    struct rules rules;  /* of which `decode` knows */
    uint64_t rate_limit; /* datagrams a second of one source, 0: none */
    enum usm_time_policy time_window;
    struct storm_options storm; /* no `traps`: nothing is folded */
};

struct snapshot {
    uint64_t serial;         /* no other one has it */
    struct usm_users *users; /* of v3 */
    struct mib_file mibs;
    size_t count;
    struct snapshot_listener listeners[];
};

static void
close_snapshot(void *snapshot)
{
    struct snapshot *s = snapshot;

    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        sr_access_done(&s->listeners[i].access);
        communities_done(&s->listeners[i].communities);
        rules_done(&s->listeners[i].rules);
    }
    usm_users_free(s->users);
    mib_file_close(&s->mibs);
    free(s);
}

/* Keys are made here once; passwords are not kept. */
static struct usm_users *
load_users(const struct trapd_conf *c, char *error, size_t error_size)
{
    struct trapd_users users;

    if (!trapd_users_load(c, &users, error, error_size)) {
        return NULL;
    }
    struct usm_users *keys = trapd_security_new(&users, error, error_size);
    trapd_users_done(&users);
    return keys;
}

/* What all listeners share. */
static bool
load_shared(struct snapshot *s, const struct trapd_conf *c, char *error, size_t error_size)
{
    static _Atomic uint64_t serials;

    s->serial = ++serials;
    s->users = load_users(c, error, error_size);
    return s->users != NULL &&
           (c->mib_file == NULL || mib_file_open(c->mib_file, &s->mibs, error, error_size));
}

/* SHA-256, cut: nobody can make another inform that passes for one that was sent before. */
static void
request_id(struct sr_span identity, uint8_t id[SR_REQUEST_ID_LEN])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    (void)SHA256(identity.data, identity.len, digest);
    memcpy(id, digest, SR_REQUEST_ID_LEN);
}

static struct trap_config
decode_config(const struct snapshot *s, const struct trapd_conf *c, const struct trapd_listener *l)
{
    struct trap_config d = {
        .community = (enum trap_community)l->community,
        .enrich = c->common.enrich,
        .upstream = l->base.compat == SR_COMPAT_UPSTREAM,
        .mask = l->community != TRAP_COMMUNITY_CLEAR ? community_mask : NULL,
        .request_id = request_id,
        .mibs = { s->mibs.map != NULL ? &s->mibs.table : NULL, mib_standard() },
    };

    if (d.community == TRAP_COMMUNITY_HASH) {
        d.community_hash = community_hash;
        community_key(c->community_key, d.community_key); /* the check wants one */
    }
    return d;
}

static bool
open_listener(
    struct snapshot *s, const struct trapd_conf *c, size_t i, char *error, size_t error_size)
{
    const struct trapd_listener *from =
        (const struct trapd_listener *)c->common.listeners.items + i;
    struct snapshot_listener *l = &s->listeners[i];
    char text[512];
    const char *key;

    l->decode = decode_config(s, c, from);
    l->time_window = (enum usm_time_policy)from->time_window;
    l->rate_limit = from->rate_limit;
    l->storm = (struct storm_options){
        .traps = from->storm.traps,
        .interval_ns = from->storm.interval,
        .quiet_ns = from->storm.quiet,
        .every_ns = from->storm.every,
    };
    if (!sr_access_init(&l->access, &from->base.allow, &from->base.deny) ||
        !communities_init(&l->communities, &from->communities)) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    if (!rules_init(&l->rules, from, l->decode.mibs, &key, text, sizeof(text))) {
        (void)snprintf(error, error_size, "listeners[%zu].%s: %s", i, key, text);
        return false;
    }
    l->decode.access = &l->rules.access;
    return true;
}

static void *
open_snapshot(
    const void *config, const struct sr_form_options *form, char *error, size_t error_size)
{
    const struct trapd_conf *c = config;
    size_t count = c->common.listeners.count;
    struct snapshot *s = calloc(1, sizeof(*s) + count * sizeof(s->listeners[0]));

    (void)form; /* records are JSON in every form */
    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    if (!load_shared(s, c, error, error_size)) {
        close_snapshot(s);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        s->count = i + 1;
        if (!open_listener(s, c, i, error, error_size)) {
            close_snapshot(s);
            return NULL;
        }
    }
    return s;
}

/* ---- What lives as long as the process ---- */

struct state_listener {
    const char *name; /* of the first configuration, which outlives it */
    struct sr_sources *sources;
    struct storms *storms;
};

struct state {
    struct v3_state *v3;
    bool is_daemon;
    size_t count;
    struct state_listener listeners[];
};

static void
free_state(void *state)
{
    struct state *s = state;

    for (size_t i = 0; s != NULL && i < s->count; i++) {
        sr_sources_free(s->listeners[i].sources);
        storms_free(s->listeners[i].storms);
    }
    if (s != NULL) {
        v3_state_free(s->v3);
    }
    free(s);
}

static void *
new_state(const void *config, bool daemon, char *error, size_t error_size)
{
    const struct trapd_conf *c = config;
    const struct trapd_listener *listeners = c->common.listeners.items;
    size_t count = c->common.listeners.count;
    struct state *s = calloc(1, sizeof(*s) + count * sizeof(s->listeners[0]));

    for (size_t i = 0; s != NULL && i < count; i++) {
        struct state_listener *l = &s->listeners[i];
        s->is_daemon = daemon;
        s->count = i + 1;
        l->name = listeners[i].base.listen;
        l->sources = sr_sources_new();
        l->storms = storms_new();
        if (l->sources == NULL || l->storms == NULL) {
            free_state(s);
            s = NULL;
        }
    }
    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    s->v3 = v3_state_new(config, daemon, error, error_size);
    if (s->v3 == NULL) {
        free_state(s);
        return NULL;
    }
    return s;
}

static void
maintain(void *state, bool last)
{
    v3_state_maintain(((struct state *)state)->v3, last);
}

static void
report_storms(const struct state *s, FILE *out)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } families[] = {
        { "storms", "gauge", "Kinds of traps of which some are folded and not yet published.",
            offsetof(struct storms_counts, folding) },
        { "storms_total", "counter", "Storms that began.", offsetof(struct storms_counts, begun) },
        { "storm_records_total", "counter", "Records that stand for folded traps.",
            offsetof(struct storms_counts, published) },
        { "storm_too_large_total", "counter", "Traps published since they are too large to keep.",
            offsetof(struct storms_counts, too_large) },
        { "storm_no_place_total", "counter", "Traps published since too many storms were going on.",
            offsetof(struct storms_counts, no_place) },
    };
    struct storms_counts counts;

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        const char *name = families[i].name;
        (void)fprintf(out, "# HELP serviceradar_trapd_%s %s\n# TYPE serviceradar_trapd_%s %s\n",
            name, families[i].help, name, families[i].type);
        for (size_t j = 0; j < s->count; j++) {
            uint64_t value;
            storms_count(s->listeners[j].storms, &counts);
            memcpy(&value, (const char *)&counts + families[i].offset, sizeof(value));
            (void)fprintf(out, "serviceradar_trapd_%s{listener=", name);
            sr_metrics_put_quoted(out, s->listeners[j].name);
            (void)fprintf(out, "} %" PRIu64 "\n", value);
        }
    }
}

static void
report(void *state, FILE *out)
{
    const struct state *s = state;

    report_storms(s, out);
    v3_state_report(s->v3, out);
}

/* ---- A datagram ---- */

/* Where notifications of a listener are folded. */
struct fold {
    struct storms *storms;
    const struct storm_options *options;
};

struct scratch {
    struct trap_scratch decode;
    struct trap_gate gate; /* its argument is `fold` */
    struct fold fold;
    uint64_t ticked_ns;      /* in `decode`: when that last looked for what is due */
    struct usm_receiver *v3; /* of `serial`; NULL before the first message of v3 */
    uint64_t serial;
};

static void *
new_scratch(void)
{
    return calloc(1, sizeof(struct scratch));
}

static void
free_scratch(void *scratch)
{
    struct scratch *s = scratch;

    if (s != NULL) {
        usm_receiver_free(s->v3);
        free(s);
    }
}

/*
 * What reads messages of v3 with the users of the snapshot: the clocks of engines outlive it. A
 * thread serves one listener. False when there are no users, or no memory.
 */
static bool
find_opener(struct scratch *scratch, struct v3_state *v3, const struct snapshot *s,
    unsigned listener, struct trap_opener *ret_opener)
{
    const struct usm_receiver_options options = { .time = s->listeners[listener].time_window,
        .times = v3_state_times(v3, listener),
        .engine = v3_state_engine(v3) };

    if (usm_users_count(s->users) == 0) {
        return false;
    }
    if (scratch->v3 == NULL) {
        scratch->v3 = usm_receiver_new(s->users, &options);
    } else if (scratch->serial != s->serial) {
        usm_receiver_set_users(scratch->v3, s->users);
    }
    scratch->serial = s->serial;
    if (scratch->v3 == NULL) {
        return false;
    }
    *ret_opener = usm_receiver_opener(scratch->v3);
    return true;
}

/* Why a datagram is not looked at; NULL: it is. */
static const char *
refusal(const struct snapshot_listener *l, struct sr_sources *sources, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes)
{
    if (!sr_access_allows(&l->access, peer)) {
        return "not_allowed";
    }
    if (l->rate_limit > 0 &&
        !sr_sources_admit(sources, peer, l->rate_limit, l->rate_limit, now_ns)) {
        return "rate_limited";
    }
    return communities_allow(&l->communities, bytes) ? NULL : "wrong_community";
}

static enum trap_gate_word
admit(void *arg, uint64_t now_ns, const struct sr_peer *peer, const struct trap_message *message)
{
    const struct fold *fold = arg;

    return storms_admit(fold->storms, fold->options, now_ns, peer, message);
}

static void
set_gate(struct scratch *scratch, const struct snapshot_listener *l, struct storms *storms)
{
    scratch->fold = (struct fold){ storms, &l->storm };
    scratch->gate = (struct trap_gate){ &scratch->fold, admit };
    scratch->decode.gate = l->storm.traps > 0 ? &scratch->gate : NULL;
}

/* What the last notifications of storms are published with. */
struct publishing {
    const struct trap_config *config;
    struct trap_scratch *scratch;
    const struct sr_emit *emit;
    bool last; /* there is no later */
};

static bool
publish_last_of_storm(
    void *arg, const struct sr_peer *peer, uint64_t received_ns, const struct trap_message *message)
{
    const struct publishing *p = arg;

    if (sr_trap_last_of_storm(p->config, p->scratch, peer, received_ns, message, p->emit)) {
        return true;
    }
    if (p->last) {
        p->emit->lost(p->emit->arg, NULL, 1);
    }
    return p->last;
}

static void
tick(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    bool last, const struct sr_emit *emit)
{
    const struct snapshot_listener *l = &((const struct snapshot *)snapshot)->listeners[listener];
    struct storms *storms = ((struct state *)state)->listeners[listener].storms;
    struct publishing publishing = {
        .config = &l->decode,
        .scratch = &((struct scratch *)scratch)->decode,
        .emit = emit,
        .last = last,
    };
    bool is_over = last || l->storm.traps == 0; /* a reload may have ended it */

    storms_tick(storms, is_over ? NULL : &l->storm, now_ns, publish_last_of_storm, &publishing);
}

static enum sr_verdict
receive(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    const struct state *st = state;
    const struct snapshot *s = snapshot;
    const struct snapshot_listener *l = &s->listeners[listener];
    struct scratch *own = scratch;
    struct trap_opener opener;
    const char *why = refusal(l, st->listeners[listener].sources, now_ns, peer, bytes);

    if (why != NULL) {
        emit->refused(emit->arg, why);
        sr_trap_explain_refusal(&l->decode, peer, bytes, why, emit);
        return SR_REFUSED;
    }
    set_gate(own, l, st->listeners[listener].storms);
    bool has_opener = find_opener(own, st->v3, s, listener, &opener);
    return sr_trap_datagram(
        &l->decode, has_opener ? &opener : NULL, &own->decode, now_ns, peer, bytes, emit);
}

/* In `decode` time is that of packets, and no thread ticks. */
static void
tick_by_packets(struct state *state, const void *snapshot, unsigned listener,
    struct scratch *scratch, uint64_t now_ns, const struct sr_emit *emit)
{
    if (now_ns < scratch->ticked_ns || now_ns - scratch->ticked_ns >= SR_NS_PER_SECOND) {
        scratch->ticked_ns = now_ns;
        tick(state, snapshot, listener, scratch, now_ns, false, emit);
    }
}

static enum sr_verdict
receive_one(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    if (!((const struct state *)state)->is_daemon) {
        tick_by_packets(state, snapshot, listener, scratch, now_ns, emit);
    }
    return receive(state, snapshot, listener, scratch, now_ns, peer, bytes, emit);
}

static enum sr_answer_when
answer_when(const struct sr_conf_listener *listener)
{
    return (enum sr_answer_when)((const struct trapd_listener *)listener)->inform.ack;
}

const struct sr_program trapd_program = {
    .name = "serviceradar-trapd",
    .about = "receives SNMP traps and publishes them as JSON to NATS JetStream",
    .schema = &trapd_schema,
    .listener_size = sizeof(struct trapd_listener),
    .has_users = true,
    .batch_content_type = "application/x-ndjson",
    .state_new = new_state,
    .state_free = free_state,
    .maintain = maintain,
    .metrics = report,
    .open = open_snapshot,
    .close = close_snapshot,
    .scratch_new = new_scratch,
    .scratch_free = free_scratch,
    .datagram = receive_one,
    .tick = tick,
    .answer_when = answer_when,
};
