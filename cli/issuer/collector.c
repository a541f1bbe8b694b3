/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/collector.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sqlite3.h>

#include "command.h"
#include "enroll/token_fields.h"
#include "issuer/authority.h"
#include "issuer/collector_parts.h"
#include "sr/buf.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define SITE_DEFAULT "default"
#define UUID_BYTES 16
#define TYPES_MAX 8

#define COLUMNS                                                                                    \
    "id, account, type, site, hostname, state, created_s, changed_s, overrides, user_key,"         \
    " serial, host, renewed_s"

static const char *const states[] = {
    [COLLECTOR_PENDING] = "pending",
    [COLLECTOR_READY] = "ready",
    [COLLECTOR_DOWNLOADED] = "downloaded",
    [COLLECTOR_INSTALLED] = "installed",
    [COLLECTOR_FAILED] = "failed",
    [COLLECTOR_REVOKED] = "revoked",
};

const char *
collector_state_name(enum collector_state state)
{
    return states[state];
}

static enum collector_state
state_of(const char *name)
{
    enum collector_state state = COLLECTOR_PENDING;

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(states[i], name) == 0) {
            state = (enum collector_state)i;
        }
    }
    return state;
}

/* Reads COLUMNS. */
static void
read_row(struct sqlite3_stmt *row, struct collector_row *out)
{
    char state[16];

    store_text(row, 0, out->c.id, sizeof(out->c.id));
    store_text(row, 1, out->c.account, sizeof(out->c.account));
    store_text(row, 2, out->c.type, sizeof(out->c.type));
    store_text(row, 3, out->c.site, sizeof(out->c.site));
    store_text(row, 4, out->c.hostname, sizeof(out->c.hostname));
    store_text(row, 5, state, sizeof(state));
    out->c.state = state_of(state);
    out->c.created_s = (uint64_t)sqlite3_column_int64(row, 6);
    out->c.changed_s = (uint64_t)sqlite3_column_int64(row, 7);
    store_text(row, 8, out->overrides, sizeof(out->overrides));
    store_text(row, 9, out->user_key, sizeof(out->user_key));
    store_text(row, 10, out->serial, sizeof(out->serial));
    store_text(row, 11, out->host, sizeof(out->host));
    out->renewed_s = (uint64_t)sqlite3_column_int64(row, 12);
}

static bool
take_row(void *arg, struct sqlite3_stmt *row)
{
    read_row(row, arg);
    return true;
}

bool
collector_load(struct store *store, const char *id, struct collector_row *ret_row, bool *ret_found,
    struct trouble *trouble)
{
    int rows = 0;

    if (!store_query(store, trouble, take_row, ret_row, &rows,
            "SELECT " COLUMNS " FROM collector WHERE id = ?", "t", id)) {
        return false;
    }
    *ret_found = rows == 1;
    return true;
}

static bool
say_unknown(struct trouble *trouble, const char *id)
{
    return trouble_say(
        trouble, 0, "see serviceradar-provision collector list", "there is no collector %.40s", id);
}

bool
collector_load_known(
    struct store *store, const char *id, struct collector_row *ret_row, struct trouble *trouble)
{
    bool found = false;

    return collector_load(store, id, ret_row, &found, trouble) &&
           (found || say_unknown(trouble, id));
}

bool
collector_find(
    struct store *store, const char *id, struct collector *ret_collector, struct trouble *trouble)
{
    struct collector_row row;
    size_t len = strnlen(id, COLLECTOR_ID_LEN + 1);
    int rows = 0;

    /* GLOB's special characters are in no id. */
    if (len == 0 || strspn(id, "0123456789abcdef-") != len) {
        return say_unknown(trouble, id);
    }
    if (!store_query(store, trouble, take_row, &row, &rows,
            "SELECT " COLUMNS " FROM collector WHERE id GLOB ? || '*' LIMIT 2", "t", id)) {
        return false;
    }
    if (rows == 0) {
        return say_unknown(trouble, id);
    }
    if (rows > 1) {
        return trouble_say(trouble, 0, "give more of its id",
            "several collectors have an id that begins with %s", id);
    }
    *ret_collector = row.c;
    return true;
}

/* For collector_list. */
struct listing {
    collector_list_cb *cb;
    void *arg;
};

static bool
tell_row(void *arg, struct sqlite3_stmt *stmt)
{
    const struct listing *listing = arg;
    struct collector_row row = { .renewed_s = 0 };

    read_row(stmt, &row);
    listing->cb(listing->arg, &row.c);
    return true;
}

bool
collector_list(struct store *store, const char *account, collector_list_cb *cb, void *arg,
    struct trouble *trouble)
{
    struct listing listing = { cb, arg };

    return store_query(store, trouble, tell_row, &listing, NULL,
        "SELECT " COLUMNS " FROM collector WHERE ?1 IS NULL OR account = ?1"
        " ORDER BY created_s, id",
        "t", account);
}

bool
collector_set_state(struct store *store, const char *id, enum collector_state state,
    const char *host, struct trouble *trouble)
{
    return store_run(store, trouble, NULL,
        "UPDATE collector SET state = ?, host = ?, changed_s = ? WHERE id = ?", "ttit",
        collector_state_name(state), host, (int64_t)store_now(), id);
}

bool
collector_end_tokens(struct store *store, const char *id, struct trouble *trouble)
{
    return store_run(store, trouble, NULL,
        "UPDATE token SET spent_s = ? WHERE collector = ? AND spent_s IS NULL", "it",
        (int64_t)store_now(), id);
}

bool
collector_audit(struct store *store, const char *action, const char *id, const char *detail,
    struct trouble *trouble)
{
    char actor[STORE_NAME_MAX];

    store_actor(actor);
    return store_audit(store, actor, action, id, detail, trouble);
}

void
collector_component(const struct collector *c, char out[COLLECTOR_COMPONENT_MAX])
{
    (void)snprintf(out, COLLECTOR_COMPONENT_MAX, "%s-%.*s", c->type, COLLECTOR_SHORT_LEN, c->id);
}

void
collector_user_name(const struct collector *c, char out[USER_NAME_MAX + 1])
{
    (void)snprintf(
        out, USER_NAME_MAX + 1, "%s-%s-%.*s", c->type, c->site, COLLECTOR_SHORT_LEN, c->id);
}

bool
collector_sha256(struct sr_span bytes, char ret_hex[COLLECTOR_HASH_LEN + 1])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct sr_buf hex = sr_buf_over(ret_hex, COLLECTOR_HASH_LEN + 1);

    if (EVP_Digest(bytes.data, bytes.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    sr_buf_add_hex(&hex, (struct sr_span){ digest, COLLECTOR_HASH_LEN / 2 });
    sr_buf_put(&hex, '\0');
    return true;
}

/* A random UUID (RFC 4122, section 4.4). */
static bool
make_uuid(char out[COLLECTOR_ID_LEN + 1])
{
    uint8_t b[UUID_BYTES];

    if (RAND_bytes(b, sizeof(b)) != 1) {
        return false;
    }
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, COLLECTOR_ID_LEN + 1,
        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
        b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return true;
}

/* The role that a type means; the platform calls syslog by the name of its program. */
static bool
find_type(const char *word, struct collector *c, struct trouble *trouble)
{
    const char *names[TYPES_MAX + 1] = { "flowgger", NULL };
    const char *type = strcmp(word, "flowgger") == 0 ? "syslog" : word;

    for (size_t i = 0; i + 1 < TYPES_MAX && sr_suite_roles[i].name != NULL; i++) {
        names[i + 1] = sr_suite_roles[i].name;
        if (strcmp(sr_suite_roles[i].name, type) == 0) {
            (void)snprintf(c->type, sizeof(c->type), "%s", type);
            return true;
        }
    }
    const char *near = nearest_name(word, names);
    return trouble_say(trouble, 0, "use syslog (or flowgger), trapd or netflow",
        "there is no collector of type \"%.32s\"%s%s%s", word, near != NULL ? "; it may be \"" : "",
        near != NULL ? near : "", near != NULL ? "\"" : "");
}

/* Letters, digits, '.' and '-', as RFC 1123, section 2.1; and '_', which hosts have. */
static bool
is_hostname(const char *text)
{
    size_t len = strnlen(text, COLLECTOR_HOSTNAME_MAX + 1);

    return len <= COLLECTOR_HOSTNAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == len;
}

static bool
check_draft(const struct collector_draft *draft, struct collector *c, struct trouble *trouble)
{
    const char *site = draft->site != NULL ? draft->site : SITE_DEFAULT;
    const char *hostname = draft->hostname != NULL ? draft->hostname : "";
    char component[COLLECTOR_COMPONENT_MAX];

    if (!find_type(draft->type, c, trouble)) {
        return false;
    }
    if (!authority_is_label(site)) {
        return trouble_say(trouble, 0, "use lower-case letters, digits and '-', at most 63 of them",
            "\"%.80s\" is no name for a site", site);
    }
    if (!is_hostname(hostname)) {
        return trouble_say(trouble, 0, "give its name, or leave it out",
            "\"%.80s\" is no name of a host", hostname);
    }
    if (draft->overrides != NULL && !collector_overrides_valid(draft->overrides)) {
        return trouble_say(trouble, 0,
            "give one JSON object of at most 8,192 bytes with each name once",
            "the overrides are no JSON object");
    }
    (void)snprintf(c->site, sizeof(c->site), "%s", site);
    (void)snprintf(c->hostname, sizeof(c->hostname), "%s", hostname);
    collector_component(c, component);
    size_t len = strlen(component) + strlen(site) + strlen(c->account) + sizeof("...serviceradar");
    if (len - 1 > AUTHORITY_NAME_MAX) {
        return trouble_say(trouble, 0, "choose a shorter name for the site",
            "the certificate's name has room for 64 letters, and with the site %s it has %zu", site,
            len - 1);
    }
    return true;
}

static bool
insert(
    struct store *store, const struct collector *c, const char *overrides, struct trouble *trouble)
{
    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!store_run(store, trouble, NULL,
            "INSERT INTO collector (id, account, type, site, hostname, overrides, state, created_s,"
            " changed_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            "tttttttii", c->id, c->account, c->type, c->site, c->hostname, overrides,
            collector_state_name(c->state), (int64_t)c->created_s, (int64_t)c->changed_s) ||
        !collector_audit(store, "collector create", c->id, c->type, trouble)) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

bool
collector_create(struct store *store, const struct collector_draft *draft,
    struct collector *ret_collector, struct trouble *trouble)
{
    struct collector c = { .state = COLLECTOR_READY, .created_s = store_now() };
    struct account account;

    c.changed_s = c.created_s;
    if (!account_find(store, draft->account, &account, trouble)) {
        return false;
    }
    if (account.suspended) {
        return trouble_say(trouble, 0, "resume it with serviceradar-provision account resume",
            "the account %s is suspended", account.name);
    }
    (void)snprintf(c.account, sizeof(c.account), "%s", account.name);
    if (!make_uuid(c.id)) {
        return trouble_say(trouble, 0, "look at the kernel's log", "there is no randomness");
    }
    if (!check_draft(draft, &c, trouble) ||
        !insert(store, &c, draft->overrides != NULL ? draft->overrides : "", trouble)) {
        return false;
    }
    *ret_collector = c;
    return true;
}

static bool
revoke(struct store *store, const struct collector_row *row, const char *reason,
    struct trouble *trouble)
{
    char user[USER_NAME_MAX + 1];

    collector_user_name(&row->c, user);
    return (row->user_key[0] == '\0' || user_revoke(store, row->c.account, user, trouble)) &&
           (row->serial[0] == '\0' || authority_revoke(store, row->serial, reason, trouble)) &&
           collector_end_former(store, row->c.id, trouble) &&
           collector_set_state(store, row->c.id, COLLECTOR_REVOKED, row->host, trouble) &&
           collector_audit(store, "collector revoke", row->c.id, reason, trouble);
}

bool
collector_revoke(struct store *store, const char *id, const char *reason, struct trouble *trouble)
{
    struct collector_row row;

    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!collector_load_known(store, id, &row, trouble) ||
        (row.c.state != COLLECTOR_REVOKED && !revoke(store, &row, reason, trouble))) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}
