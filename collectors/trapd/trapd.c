/* SPDX-License-Identifier: Apache-2.0 */
#include "trapd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "community.h"
#include "decode/datagram.h"
#include "mib_file.h"
#include "security.h"
#include "sources.h"

#include "sr/access.h"

#include "sr/banned.h"

/* ---- Snapshots ---- */

/* What decoding needs of the configuration of one listener. */
struct snapshot_listener {
    struct trap_config decode;
    struct sr_access allow;
    struct communities communities;
    uint64_t rate_limit; /* datagrams a second of one source, 0: none */
    enum usm_time_policy time_window;
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
        sr_access_done(&s->listeners[i].allow);
        communities_done(&s->listeners[i].communities);
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

static void *
open_snapshot(
    const void *config, const struct sr_form_options *form, char *error, size_t error_size)
{
    const struct trapd_conf *c = config;
    const struct trapd_listener *listeners = c->common.listeners.items;
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
        struct snapshot_listener *l = &s->listeners[i];
        s->count = i + 1;
        l->decode = decode_config(s, c, &listeners[i]);
        l->time_window = (enum usm_time_policy)listeners[i].time_window;
        l->rate_limit = listeners[i].rate_limit;
        if (!sr_access_init(&l->allow, &listeners[i].allow) ||
            !communities_init(&l->communities, &listeners[i].communities)) {
            (void)snprintf(error, error_size, "out of memory");
            close_snapshot(s);
            return NULL;
        }
    }
    return s;
}

/* ---- What lives as long as the process ---- */

struct state_listener {
    struct sources *sources;
};

struct state {
    size_t count;
    struct state_listener listeners[];
};

static void
free_state(void *state)
{
    struct state *s = state;

    for (size_t i = 0; s != NULL && i < s->count; i++) {
        sources_free(s->listeners[i].sources);
    }
    free(s);
}

static void *
new_state(const void *config, bool daemon, char *error, size_t error_size)
{
    const struct sr_conf_common *c = config;
    struct state *s = calloc(1, sizeof(*s) + c->listeners.count * sizeof(s->listeners[0]));

    (void)daemon; /* nothing outlives the process */
    for (size_t i = 0; s != NULL && i < c->listeners.count; i++) {
        s->count = i + 1;
        s->listeners[i].sources = sources_new();
        if (s->listeners[i].sources == NULL) {
            free_state(s);
            s = NULL;
        }
    }
    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
    }
    return s;
}

/* ---- A datagram ---- */

struct scratch {
    struct trap_scratch decode;
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
find_opener(struct scratch *scratch, const struct snapshot *s, const struct snapshot_listener *l,
    struct trap_opener *ret_opener)
{
    const struct usm_receiver_options options = { .time = l->time_window };

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

static enum sr_verdict
decode(const struct snapshot *s, const struct snapshot_listener *l, struct scratch *scratch,
    uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    struct trap_opener found;
    const struct trap_opener *opener = find_opener(scratch, s, l, &found) ? &found : NULL;

    return sr_trap_datagram(&l->decode, opener, &scratch->decode, now_ns, peer, bytes, emit);
}

/* Why a datagram is not looked at; NULL: it is. */
static const char *
refusal(const struct snapshot_listener *l, struct sources *sources, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes)
{
    if (!sr_access_allows(&l->allow, peer)) {
        return "not_allowed";
    }
    if (l->rate_limit > 0 && !sources_admit(sources, peer, l->rate_limit, now_ns)) {
        return "rate_limited";
    }
    return communities_allow(&l->communities, bytes) ? NULL : "wrong_community";
}

static enum sr_verdict
receive(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    const struct snapshot *s = snapshot;
    const struct snapshot_listener *l = &s->listeners[listener];
    struct sources *sources = ((struct state *)state)->listeners[listener].sources;
    const char *why = refusal(l, sources, now_ns, peer, bytes);

    if (why != NULL) {
        emit->refused(emit->arg, why);
        return SR_REFUSED;
    }
    return decode(s, l, scratch, now_ns, peer, bytes, emit);
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
    .open = open_snapshot,
    .close = close_snapshot,
    .scratch_new = new_scratch,
    .scratch_free = free_scratch,
    .datagram = receive,
    .answer_when = answer_when,
};
