/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/leaf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "issuer/account.h"
#include "issuer/authority.h"
#include "issuer/leaf_text.h"
#include "issuer/operator.h"
#include "issuer/package.h"
#include "issuer/streams.h"
#include "issuer/user.h"
#include "sr/buf.h"
#include "sr/creds.h"
#include "sr/jwt.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define CERTIFICATE_DAYS 825
#define STREAMS 2
#define FILES_MAX 16
#define NAME_TEXT_MAX 96
#define CREDS_ROOM (SR_JWT_MAX + 1024)
#define STORE_SLACK (64LL << 20) /* of JetStream beyond what the account sets aside */

/* All that goes into a bundle. Owned: done() wipes and frees. */
struct contents {
    struct leaf_facts facts;
    char operator_jwt[OPERATOR_TOKEN_MAX], system_jwt[OPERATOR_TOKEN_MAX];
    char *account_jwt;
    struct authority_made server, remote;
    struct user_made user;
    char *creds, *conf, *readme;
    char *site[STREAMS], *hub[STREAMS];
};

static bool
say_memory(struct trouble *trouble)
{
    return trouble_say(trouble, ENOMEM, "free memory and run it again", "there is no memory left");
}

static void
contents_done(struct contents *c)
{
    authority_made_done(&c->server);
    authority_made_done(&c->remote);
    user_made_done(&c->user);
    if (c->creds != NULL) {
        OPENSSL_cleanse(c->creds, CREDS_ROOM);
    }
    free(c->creds);
    free(c->account_jwt);
    free(c->conf);
    free(c->readme);
    for (size_t i = 0; i < STREAMS; i++) {
        free(c->site[i]);
        free(c->hub[i]);
    }
    free(c);
}

/* The host of a URL with another port, "tls://HOST:7422", unless `hub` says all of it. */
static bool
find_hub(const struct leaf_draft *draft, const char *server_url, char *out, size_t size,
    struct trouble *trouble)
{
    static const char scheme[] = "tls://";
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
    const char *url = draft->hub != NULL ? draft->hub : server_url;
    const char *host = url + sizeof(scheme) - 1;

    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || *host == '\0' ||
        strspn(host, good) != strlen(host) || strlen(url) + 8 > size) {
        return trouble_say(trouble, EINVAL, "give it as tls://HOST:7422",
            "\"%.80s\" is not the address of a hub", url);
    }
    const char *after = host[0] == '[' ? strchr(host, ']') : host;
    const char *port = after != NULL ? strchr(after, ':') : NULL;
    if (draft->hub != NULL && port != NULL) {
        (void)snprintf(out, size, "%s", url);
        return true;
    }
    int len = port != NULL ? (int)(port - url) : (int)strlen(url);
    (void)snprintf(out, size, "%.*s:%d", len, url, LEAF_PORT);
    return true;
}

/* A path goes into a configuration and into commands for people. */
static bool
is_path(const char *path)
{
    return path == NULL ||
           (path[0] == '/' && strlen(path) < 512 &&
               strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") ==
                   strlen(path));
}

static bool
check_draft(const struct leaf_draft *draft, struct trouble *trouble)
{
    if (!authority_is_label(draft->site)) {
        return trouble_say(trouble, EINVAL,
            "use lower-case letters, digits and '-', at most 63 of them",
            "\"%.80s\" is no name for a site", draft->site);
    }
    if (!is_path(draft->at) || !is_path(draft->store_dir)) {
        return trouble_say(trouble, EINVAL,
            "give an absolute path of letters, digits, '.', '_' and '-'",
            "a folder of the site's host is no such path");
    }
    if (draft->address != NULL &&
        strspn(draft->address, "0123456789abcdefABCDEF.:[]") != strlen(draft->address)) {
        return trouble_say(trouble, EINVAL, "give an IP address of the site's host",
            "\"%.80s\" is no address to listen on", draft->address);
    }
    return true;
}

/* What the account sets aside: the site's server must have as much, or JetStream refuses it. */
static bool
find_limits(struct store *store, struct contents *c, struct trouble *trouble)
{
    json_t *limits = NULL;

    if (!account_limits(store, c->facts.draft->account, &limits, trouble)) {
        return false;
    }
    json_int_t disk = json_integer_value(json_object_get(limits, "disk_storage"));
    json_int_t memory = json_integer_value(json_object_get(limits, "mem_storage"));
    c->facts.disk = (disk > 0 ? disk : sr_suite_tenant_bytes()) + STORE_SLACK;
    c->facts.memory = (memory > 0 ? memory : 0) + STORE_SLACK;
    json_decref(limits);
    return true;
}

static bool
find_facts(struct store *store, struct contents *c, struct trouble *trouble)
{
    struct leaf_facts *f = &c->facts;
    struct operator_facts operator;
    struct account account;

    if (!account_find(store, f->draft->account, &account, trouble) ||
        !operator_tell(store, &operator, trouble) ||
        !operator_tokens(store, c->operator_jwt, c->system_jwt, trouble) ||
        !account_token(store, account.name, &c->account_jwt, trouble) ||
        !find_hub(f->draft, operator.server_url, f->hub, sizeof(f->hub), trouble) ||
        !find_limits(store, c, trouble)) {
        return false;
    }
    memcpy(f->account_key, account.key, sizeof(f->account_key));
    memcpy(f->system_key, operator.system_key, sizeof(f->system_key));
    f->account_jwt = c->account_jwt;
    f->system_jwt = c->system_jwt;
    return true;
}

static bool
take_serial(void *arg, struct sqlite3_stmt *row)
{
    char(*serials)[64] = arg;

    for (size_t i = 0; i < FILES_MAX; i++) {
        if (serials[i][0] == '\0') {
            store_text(row, 0, serials[i], sizeof(serials[i]));
            return true;
        }
    }
    return false;
}

/* What the site had before is good no more. */
static bool
revoke_older(struct store *store, const struct contents *c, struct trouble *trouble)
{
    const struct leaf_draft *d = c->facts.draft;
    char serials[FILES_MAX][64] = { { 0 } };
    char server[NAME_TEXT_MAX * 2], remote[NAME_TEXT_MAX * 2];
    bool ok;

    (void)snprintf(server, sizeof(server), "nats.%s.%s.serviceradar", d->site, d->account);
    (void)snprintf(remote, sizeof(remote), "leaf.%s.%s.serviceradar", d->site, d->account);
    ok = store_query(store, trouble, take_serial, serials, NULL,
        "SELECT serial FROM certificate WHERE account = ? AND common_name IN (?, ?)"
        " AND revoked_s IS NULL",
        "ttt", d->account, server, remote);
    for (size_t i = 0; i < FILES_MAX && ok && serials[i][0] != '\0'; i++) {
        ok = authority_revoke(store, serials[i], "superseded", trouble);
    }
    return ok;
}

static bool
issue(struct store *store, struct contents *c, struct trouble *trouble)
{
    const struct leaf_draft *d = c->facts.draft;
    struct authority_draft draft = { .account = d->account,
        .component = "nats",
        .partition = d->site,
        .alternative_names = d->names,
        .server = true,
        .days = CERTIFICATE_DAYS };
    const struct user_draft user = {
        .account = d->account, .name = c->facts.domain, .role = ACCOUNT_ROLE_LEAF
    };

    if (!revoke_older(store, c, trouble) || !authority_issue(store, &draft, &c->server, trouble)) {
        return false;
    }
    draft.component = "leaf";
    draft.alternative_names = NULL;
    draft.server = false;
    return authority_issue(store, &draft, &c->remote, trouble) &&
           user_create(store, &user, &c->user, trouble);
}

static bool
write_texts(struct contents *c, struct trouble *trouble)
{
    c->creds = malloc(CREDS_ROOM);
    if (c->creds == NULL) {
        return say_memory(trouble);
    }
    struct sr_buf out = sr_buf_over(c->creds, CREDS_ROOM);
    sr_creds_format(&out, (struct sr_span){ (const uint8_t *)c->user.jwt, strlen(c->user.jwt) },
        (struct sr_span){ (const uint8_t *)c->user.seed, strlen(c->user.seed) });
    sr_buf_put(&out, '\0');
    c->conf = leaf_conf_text(&c->facts);
    c->readme = leaf_readme_text(&c->facts);
    bool ok = !out.overflow && c->conf != NULL && c->readme != NULL;
    for (size_t i = 0; i < STREAMS && ok; i++) {
        c->site[i] = leaf_stream_text(&c->facts, sr_suite_streams[i].name);
        c->hub[i] = leaf_hub_text(&c->facts, sr_suite_streams[i].name);
        ok = c->site[i] != NULL && c->hub[i] != NULL;
    }
    return ok || say_memory(trouble);
}

static struct package_file
file_of(const char *name, const char *text, unsigned mode)
{
    return (struct package_file){ name, { (const uint8_t *)text, strlen(text) }, mode };
}

/* The files in the order of their names. */
static bool
pack(const struct contents *c, struct collector_bundle *ret_bundle, struct trouble *trouble)
{
    char folder[NAME_TEXT_MAX];
    struct package_file files[FILES_MAX];
    size_t n = 0;

    (void)snprintf(folder, sizeof(folder), "edge-site-%s", c->facts.draft->site);
    files[n++] = file_of("README.md", c->readme, 0644);
    files[n++] = file_of("creds/leaf.creds", c->creds, 0600);
    files[n++] = file_of("hub/events.json", c->hub[0], 0644);
    files[n++] = file_of("hub/flows.json", c->hub[1], 0644);
    files[n++] = file_of("nats/certs/ca-chain.pem", c->server.chain, 0644);
    files[n++] = file_of("nats/certs/nats-leaf-key.pem", c->remote.key, 0600);
    files[n++] = file_of("nats/certs/nats-leaf.pem", c->remote.certificate, 0644);
    files[n++] = file_of("nats/certs/nats-server-key.pem", c->server.key, 0600);
    files[n++] = file_of("nats/certs/nats-server.pem", c->server.certificate, 0644);
    files[n++] = file_of("nats/nats-leaf.conf", c->conf, 0600);
    files[n++] = file_of("nats/operator.jwt", c->operator_jwt, 0644);
    files[n++] = file_of("stream/events.json", c->site[0], 0644);
    files[n++] = file_of("stream/flows.json", c->site[1], 0644);
    return package_write(folder, store_now(), files, n, &ret_bundle->bytes, &ret_bundle->len) ||
           say_memory(trouble);
}

static bool
fill(struct store *store, struct contents *c, struct collector_bundle *ret_bundle,
    struct trouble *trouble)
{
    const struct leaf_draft *d = c->facts.draft;
    char actor[STORE_NAME_MAX];
    bool made = false;

    store_actor(actor);
    (void)snprintf(c->facts.domain, sizeof(c->facts.domain), "edge-%s", d->site);
    /* The user comes before the account's token, which says whom it replaced. */
    return account_add_role(store, d->account, ACCOUNT_ROLE_LEAF, &made, trouble) &&
           issue(store, c, trouble) && find_facts(store, c, trouble) && write_texts(c, trouble) &&
           store_audit(store, actor, "leaf bundle", d->account, d->site, trouble) &&
           pack(c, ret_bundle, trouble);
}

bool
leaf_bundle(struct store *store, const struct leaf_draft *draft,
    struct collector_bundle *ret_bundle, struct trouble *trouble)
{
    struct collector_bundle bundle = { NULL, 0 };
    struct contents *c = NULL;

    if (!check_draft(draft, trouble)) {
        return false;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return say_memory(trouble);
    }
    c->facts.draft = draft;
    if (!store_begin(store, trouble)) {
        contents_done(c);
        return false;
    }
    bool ok = fill(store, c, &bundle, trouble);
    contents_done(c);
    if (!ok) {
        store_rollback(store);
    } else {
        ok = store_commit(store, trouble);
    }
    if (!ok) {
        collector_bundle_done(&bundle);
        return false;
    }
    *ret_bundle = bundle;
    return true;
}

/* Passes on where a stream is. */
struct telling {
    leaf_stream_cb *cb;
    void *arg;
    const char *where;
};

static void
tell(void *arg, const struct streams_result *result)
{
    const struct telling *telling = arg;

    telling->cb(telling->arg, telling->where, result->name, streams_state_name(result->state));
}

bool
leaf_connect(struct store *store, const char *account, const char *site, int64_t max_bytes,
    leaf_stream_cb *cb, void *arg, struct trouble *trouble)
{
    const struct leaf_draft draft = { .account = account, .site = site };
    char domain[LEAF_DOMAIN_MAX];

    if (!check_draft(&draft, trouble)) {
        return false;
    }
    (void)snprintf(domain, sizeof(domain), "edge-%s", site);
    const struct streams_place there = { .domain = domain, .max_bytes = max_bytes };
    const struct streams_place here = { .source = domain };
    struct telling at_site = { cb, arg, domain };
    struct telling at_hub = { cb, arg, "hub" };
    return streams_ensure_at(store, account, &there, false, tell, &at_site, trouble) &&
           streams_ensure_at(store, account, &here, false, tell, &at_hub, trouble);
}
