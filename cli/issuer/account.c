/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/account_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sqlite3.h>

#include "command.h"
#include "issuer/claims.h"
#include "issuer/operator.h"
#include "sr/jwt.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define NAMES_MAX 1024                   /* accounts that a wrong name is compared with */
#define SUSPENDED_UNTIL_S 253402300799LL /* the end of the year 9999 */
#define PAIR_NAME_MAX 96

bool
account_finish(struct store *store, bool good, struct trouble *trouble)
{
    if (good) {
        return store_commit(store, trouble);
    }
    store_rollback(store);
    return false;
}

bool
account_no_memory(struct trouble *trouble)
{
    return trouble_say(trouble, 0, ACCOUNT_MEMORY_REMEDY, ACCOUNT_MEMORY_CAUSE);
}

bool
account_audit(struct store *store, const char *action, const char *object, const char *detail,
    struct trouble *trouble)
{
    char actor[STORE_NAME_MAX];

    store_actor(actor);
    return store_audit(store, actor, action, object, detail, trouble);
}

/* ---- Finding ---- */

static const char COLUMNS[] =
    "SELECT name, key, state, created_s, signed_s, pushed_s FROM account ";

static void
read_account(struct sqlite3_stmt *row, struct account *out)
{
    char state[16];

    store_text(row, 0, out->name, sizeof(out->name));
    store_text(row, 1, out->key, sizeof(out->key));
    store_text(row, 2, state, sizeof(state));
    out->suspended = strcmp(state, "suspended") == 0;
    out->created_s = (uint64_t)sqlite3_column_int64(row, 3);
    out->signed_s = (uint64_t)sqlite3_column_int64(row, 4);
    out->pushed_s = (uint64_t)sqlite3_column_int64(row, 5);
}

static bool
take_account(void *arg, struct sqlite3_stmt *row)
{
    read_account(row, arg);
    return true;
}

/* The names of all accounts, to find one that was meant. */
struct names {
    char text[NAMES_MAX][ACCOUNT_NAME_MAX + 1];
    const char *list[NAMES_MAX + 1];
    size_t count;
};

static bool
take_name(void *arg, struct sqlite3_stmt *row)
{
    struct names *names = arg;

    store_text(row, 0, names->text[names->count], sizeof(names->text[0]));
    names->list[names->count] = names->text[names->count];
    names->count++;
    return names->count < NAMES_MAX;
}

/* Says that there is no account of that name, and which one may have been meant. */
static bool
say_absent(struct store *store, const char *name, struct trouble *trouble)
{
    char remedy[160] = "see: serviceradar-provision account list";
    struct names *names = calloc(1, sizeof(*names));

    if (names == NULL) {
        return account_no_memory(trouble);
    }
    if (!store_query(store, trouble, take_name, names, NULL, "SELECT name FROM account", "")) {
        free(names);
        return false;
    }
    const char *near = nearest_name(name, names->list);
    if (near != NULL) {
        (void)snprintf(remedy, sizeof(remedy), "did you mean \"%s\"?", near);
    } else if (names->count == 0) {
        (void)snprintf(
            remedy, sizeof(remedy), "make one: serviceradar-provision account create NAME");
    }
    free(names);
    return trouble_say(trouble, 0, remedy, "there is no account \"%.*s\"", ACCOUNT_NAME_MAX, name);
}

bool
account_find(
    struct store *store, const char *name, struct account *ret_account, struct trouble *trouble)
{
    struct account account;
    char sql[160];
    int rows = 0;

    (void)snprintf(sql, sizeof(sql), "%sWHERE name = ?", COLUMNS);
    if (!store_query(store, trouble, take_account, &account, &rows, sql, "t", name)) {
        return false;
    }
    if (rows == 0) {
        return say_absent(store, name, trouble);
    }
    *ret_account = account;
    return true;
}

struct listing {
    account_cb *cb;
    void *arg;
};

static bool
list_one(void *arg, struct sqlite3_stmt *row)
{
    const struct listing *listing = arg;
    struct account account;

    read_account(row, &account);
    listing->cb(listing->arg, &account);
    return true;
}

bool
account_list(struct store *store, account_cb *cb, void *arg, struct trouble *trouble)
{
    struct listing listing = { cb, arg };
    char sql[160];

    (void)snprintf(sql, sizeof(sql), "%sORDER BY name", COLUMNS);
    return store_query(store, trouble, list_one, &listing, NULL, sql, "");
}

static bool
take_text(void *arg, struct sqlite3_stmt *row)
{
    char **out = arg;
    const char *text = (const char *)sqlite3_column_text(row, 0);

    *out = text != NULL ? strdup(text) : NULL;
    return true;
}

bool
account_token(struct store *store, const char *name, char **ret_token, struct trouble *trouble)
{
    struct account account;
    char *token = NULL;

    if (!account_find(store, name, &account, trouble) ||
        !store_query(store, trouble, take_text, &token, NULL,
            "SELECT jwt FROM account WHERE name = ?", "t", name)) {
        return false;
    }
    if (token == NULL) {
        return account_no_memory(trouble);
    }
    *ret_token = token;
    return true;
}

/* ---- Keys ---- */

bool
account_knows_role(const char *role)
{
    for (const struct sr_suite_role *r = sr_suite_roles; r->name != NULL; r++) {
        if (strcmp(r->name, role) == 0) {
            return true;
        }
    }
    return strcmp(role, ACCOUNT_ROLE_PLATFORM) == 0 || strcmp(role, ACCOUNT_ROLE_LEAF) == 0;
}

static bool
say_unknown_role(const char *role, struct trouble *trouble)
{
    char remedy[256] = "the roles are " ACCOUNT_ROLE_PLATFORM;

    for (const struct sr_suite_role *r = sr_suite_roles; r->name != NULL; r++) {
        size_t used = strlen(remedy);
        (void)snprintf(remedy + used, sizeof(remedy) - used, ", %s", r->name);
    }
    return trouble_say(trouble, 0, remedy, "there is no role \"%.64s\"", role);
}

/* The name under which the seed of a signing key is kept. */
static void
pair_name(const char *key, char out[PAIR_NAME_MAX])
{
    (void)snprintf(out, PAIR_NAME_MAX, "signing/%s", key);
}

/* A signing key in force. */
struct signing {
    char key[SR_NKEY_PUBLIC_LEN + 1];
    uint64_t created_s;
};

static bool
take_signing(void *arg, struct sqlite3_stmt *row)
{
    struct signing *out = arg;

    store_text(row, 0, out->key, sizeof(out->key));
    out->created_s = (uint64_t)sqlite3_column_int64(row, 1);
    return true;
}

/* The role's key in force: an empty text when there is none. */
static bool
find_signing(struct store *store, const char *name, const char *role, struct signing *ret_signing,
    struct trouble *trouble)
{
    *ret_signing = (struct signing){ .key = "" };
    return store_query(store, trouble, take_signing, ret_signing, NULL,
        "SELECT key, created_s FROM signing_key WHERE account = ? AND role = ?"
        " AND retired_s IS NULL",
        "tt", name, role);
}

bool
account_signing_key(struct store *store, const char *name, const char *role,
    struct sr_nkeypair *ret_pair, struct trouble *trouble)
{
    char kept[PAIR_NAME_MAX];
    struct signing signing;

    if (!account_knows_role(role)) {
        return say_unknown_role(role, trouble);
    }
    if (!find_signing(store, name, role, &signing, trouble)) {
        return false;
    }
    if (signing.key[0] == '\0') {
        return trouble_say(trouble, 0, "make one: serviceradar-provision account rotate",
            "the account %s has no signing key for the role %s", name, role);
    }
    pair_name(signing.key, kept);
    return store_pair(store, kept, ret_pair, trouble);
}

/* Makes a signing key for the role. `created_s`: no token of before it counts. */
static bool
make_signing(struct store *store, const char *name, const char *role, uint64_t created_s,
    struct trouble *trouble)
{
    char kept[PAIR_NAME_MAX];
    struct sr_nkeypair pair;

    if (sr_nkeypair_generate(SR_NKEY_ACCOUNT, &pair) != SR_NKEY_OK) {
        return account_no_memory(trouble);
    }
    pair_name(pair.public_text, kept);
    bool good = store_keep_pair(store, kept, &pair, trouble) &&
                store_run(store, trouble, NULL,
                    "INSERT INTO signing_key (key, account, role, created_s) VALUES (?, ?, ?, ?)",
                    "ttti", pair.public_text, name, role, (int64_t)created_s);
    sr_nkeypair_done(&pair);
    return good;
}

static bool
ensure_signing(struct store *store, const char *name, const char *role, struct trouble *trouble)
{
    struct signing signing;

    if (!find_signing(store, name, role, &signing, trouble)) {
        return false;
    }
    return signing.key[0] != '\0' || make_signing(store, name, role, store_now(), trouble);
}

static bool
ensure_all_signing(struct store *store, const char *name, struct trouble *trouble)
{
    bool good = ensure_signing(store, name, ACCOUNT_ROLE_PLATFORM, trouble);

    for (const struct sr_suite_role *r = sr_suite_roles; r->name != NULL && good; r++) {
        good = ensure_signing(store, name, r->name, trouble);
    }
    return good;
}

static bool
take_count(void *arg, struct sqlite3_stmt *row)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return true;
}

bool
account_issue_time(struct store *store, const char *name, const char *role, uint64_t *ret_time_s,
    struct trouble *trouble)
{
    uint64_t time_s = store_now();
    struct signing signing;
    int64_t refused_s = -1;

    if (!find_signing(store, name, role, &signing, trouble) ||
        !store_query(store, trouble, take_count, &refused_s, NULL,
            "SELECT at_s FROM revocation WHERE account = ? AND key = '*'", "t", name)) {
        return false;
    }
    if (time_s < signing.created_s) {
        time_s = signing.created_s;
    }
    if (refused_s >= 0 && time_s <= (uint64_t)refused_s) {
        time_s = (uint64_t)refused_s + 1;
    }
    *ret_time_s = time_s;
    return true;
}

/* ---- The token ---- */

/* Claims in the making. */
struct making {
    json_t *claims;
    const char *tenant;
    bool failed;
};

static bool
add_signing_key(void *arg, struct sqlite3_stmt *row)
{
    struct making *m = arg;
    char key[SR_NKEY_PUBLIC_LEN + 1];
    char name[32];
    const struct sr_suite_role *role = sr_suite_roles;

    store_text(row, 0, key, sizeof(key));
    store_text(row, 1, name, sizeof(name));
    while (role->name != NULL && strcmp(role->name, name) != 0) {
        role++;
    }
    /* A key of a role that the suite has no more signs nobody. */
    if (role->name != NULL || strcmp(name, ACCOUNT_ROLE_PLATFORM) == 0) {
        m->failed |=
            claims_add_role(m->claims, key, name, m->tenant, role->name != NULL ? role : NULL) != 0;
    } else if (strcmp(name, ACCOUNT_ROLE_LEAF) == 0) {
        m->failed |= claims_add_leaf_role(m->claims, key, name) != 0;
    }
    return true;
}

static bool
add_revocation(void *arg, struct sqlite3_stmt *row)
{
    struct making *m = arg;
    char key[SR_NKEY_PUBLIC_LEN + 1];

    store_text(row, 0, key, sizeof(key));
    m->failed |= claims_revoke(m->claims, key, sqlite3_column_int64(row, 1)) != 0;
    return true;
}

static bool
fill_claims(
    struct store *store, const struct account *account, json_t *claims, struct trouble *trouble)
{
    struct making m = { claims, account->name, false };

    m.failed = claims_map_suite(claims, account->name) != 0;
    if (!store_query(store, trouble, add_signing_key, &m, NULL,
            "SELECT key, role FROM signing_key WHERE account = ? AND retired_s IS NULL"
            " ORDER BY role",
            "t", account->name) ||
        !account_add_rules(store, account->name, claims, trouble) ||
        !store_query(store, trouble, add_revocation, &m, NULL,
            "SELECT key, at_s FROM revocation WHERE account = ? ORDER BY key", "t",
            account->name)) {
        return false;
    }
    if (account->suspended) {
        m.failed |= claims_revoke(claims, "*", SUSPENDED_UNTIL_S) != 0;
    }
    return !m.failed || account_no_memory(trouble);
}

static bool
say_unsigned(enum sr_jwt_err err, const char *name, struct trouble *trouble)
{
    if (err == SR_JWT_ETOOBIG) {
        return trouble_say(trouble, 0,
            "rotate each role's signing key (account rotate), which ends all its users and so "
            "makes "
            "their revocations superfluous, and enrol its collectors again",
            "the token of account %s is full: it names every revoked user", name);
    }
    return trouble_say(trouble, 0, ACCOUNT_MEMORY_REMEDY, "cannot sign the token of account %s: %s",
        name, sr_jwt_strerror(err));
}

static bool
sign_claims(struct store *store, const struct account *account, json_t *claims, uint64_t now_s,
    struct trouble *trouble)
{
    struct sr_nkeypair signer;
    char *token = NULL;

    if (!operator_signing_pair(store, &signer, trouble)) {
        return false;
    }
    enum sr_jwt_err err = sr_jwt_sign(claims, &signer, now_s, &token);
    sr_nkeypair_done(&signer);
    if (err != SR_JWT_OK) {
        return say_unsigned(err, account->name, trouble);
    }
    bool good =
        store_run(store, trouble, NULL, "UPDATE account SET jwt = ?, signed_s = ? WHERE name = ?",
            "tit", token, (int64_t)now_s, account->name);
    free(token);
    return good;
}

/* Forgets revocations of tokens that no signing key in force has signed. */
static bool
drop_moot_revocations(struct store *store, const char *name, struct trouble *trouble)
{
    return store_run(store, trouble, NULL,
        "DELETE FROM revocation WHERE account = ?1 AND at_s < (SELECT MIN(created_s)"
        " FROM signing_key WHERE account = ?1 AND retired_s IS NULL)",
        "t", name);
}

static bool
sign_now(struct store *store, const char *name, struct trouble *trouble)
{
    struct account account;
    json_t *limits = NULL;

    if (!account_find(store, name, &account, trouble) ||
        !ensure_all_signing(store, name, trouble) || !drop_moot_revocations(store, name, trouble) ||
        !account_limits(store, name, &limits, trouble)) {
        return false;
    }
    uint64_t now_s = store_now();
    json_t *claims = claims_account(name, account.key, limits);
    json_decref(limits);
    if (claims == NULL) {
        return account_no_memory(trouble);
    }
    bool good = fill_claims(store, &account, claims, trouble) &&
                sign_claims(store, &account, claims,
                    now_s > account.signed_s ? now_s : account.signed_s + 1, trouble);
    json_decref(claims);
    return good;
}

bool
account_sign(struct store *store, const char *name, struct trouble *trouble)
{
    return store_begin(store, trouble) &&
           account_finish(store, sign_now(store, name, trouble), trouble);
}

/* ---- Changes ---- */

static bool
good_name(const char *name)
{
    size_t len = strnlen(name, ACCOUNT_NAME_MAX + 1);

    return len > 0 && len <= ACCOUNT_NAME_MAX && name[0] != '-' && name[len - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool
insert_account(struct store *store, const char *name, struct trouble *trouble)
{
    char kept[PAIR_NAME_MAX];
    struct sr_nkeypair pair;
    json_t *limits = claims_default_limits(sr_suite_tenant_bytes());
    char *text = limits != NULL ? json_dumps(limits, JSON_COMPACT) : NULL;

    json_decref(limits);
    if (text == NULL || sr_nkeypair_generate(SR_NKEY_ACCOUNT, &pair) != SR_NKEY_OK) {
        free(text);
        return account_no_memory(trouble);
    }
    (void)snprintf(kept, sizeof(kept), "account/%s", name);
    bool good = store_keep_pair(store, kept, &pair, trouble) &&
                store_run(store, trouble, NULL,
                    "INSERT INTO account (name, key, state, created_s, limits, jwt, signed_s)"
                    " VALUES (?, ?, 'active', ?, ?, '', 0)",
                    "ttit", name, pair.public_text, (int64_t)store_now(), text);
    sr_nkeypair_done(&pair);
    free(text);
    return good;
}

static bool
create_now(struct store *store, const char *name, struct account *account, struct trouble *trouble)
{
    int64_t there = 0;

    if (!store_query(store, trouble, take_count, &there, NULL,
            "SELECT COUNT(*) FROM account WHERE name = ?", "t", name)) {
        return false;
    }
    if (there > 0) {
        return trouble_say(trouble, 0, "choose another name, or see: account show",
            "there is an account \"%s\" already", name);
    }
    return insert_account(store, name, trouble) && account_sign(store, name, trouble) &&
           account_audit(store, "account create", name, "", trouble) &&
           account_find(store, name, account, trouble);
}

bool
account_create(
    struct store *store, const char *name, struct account *ret_account, struct trouble *trouble)
{
    struct account account;

    if (!good_name(name)) {
        return trouble_say(trouble, 0,
            "use 1 to 32 lower-case letters, digits and hyphens, with no hyphen at an end",
            "\"%.64s\" cannot be the name of an account: it is a part of subjects and of host "
            "names",
            name);
    }
    if (!store_begin(store, trouble) ||
        !account_finish(store, create_now(store, name, &account, trouble), trouble)) {
        return false;
    }
    *ret_account = account;
    return true;
}

static bool
rotate_now(struct store *store, const char *name, const char *role, struct trouble *trouble)
{
    char kept[PAIR_NAME_MAX];
    struct account account;
    struct signing old;
    uint64_t now_s = store_now();

    if (!account_find(store, name, &account, trouble) ||
        !find_signing(store, name, role, &old, trouble)) {
        return false;
    }
    pair_name(old.key, kept);
    /* Later than all that the old key signed: what is revoked from before then is of no interest.
     */
    uint64_t created_s = now_s > old.created_s ? now_s + 1 : old.created_s + 1;
    return store_run(store, trouble, NULL,
               "UPDATE signing_key SET retired_s = ? WHERE account = ? AND role = ?"
               " AND retired_s IS NULL",
               "itt", (int64_t)now_s, name, role) &&
           store_drop_secret(store, "nkey", kept, trouble) &&
           make_signing(store, name, role, created_s, trouble) &&
           account_sign(store, name, trouble) &&
           account_audit(store, "account rotate", name, role, trouble);
}

bool
account_rotate(struct store *store, const char *name, const char *role, struct trouble *trouble)
{
    if (!account_knows_role(role)) {
        return say_unknown_role(role, trouble);
    }
    return store_begin(store, trouble) &&
           account_finish(store, rotate_now(store, name, role, trouble), trouble);
}

static bool
add_role_now(struct store *store, const char *name, const char *role, bool *ret_made,
    struct trouble *trouble)
{
    struct account account;
    struct signing signing;

    if (!account_find(store, name, &account, trouble) ||
        !find_signing(store, name, role, &signing, trouble)) {
        return false;
    }
    *ret_made = signing.key[0] == '\0';
    return !*ret_made || (make_signing(store, name, role, store_now(), trouble) &&
                             account_sign(store, name, trouble) &&
                             account_audit(store, "account add role", name, role, trouble));
}

bool
account_add_role(struct store *store, const char *name, const char *role, bool *ret_made,
    struct trouble *trouble)
{
    bool made = false;

    if (!account_knows_role(role)) {
        return say_unknown_role(role, trouble);
    }
    if (!store_begin(store, trouble) ||
        !account_finish(store, add_role_now(store, name, role, &made, trouble), trouble)) {
        return false;
    }
    *ret_made = made;
    return true;
}

static bool
suspend_now(struct store *store, const char *name, bool suspended, struct trouble *trouble)
{
    struct account account;

    if (!account_find(store, name, &account, trouble)) {
        return false;
    }
    return store_run(store, trouble, NULL, "UPDATE account SET state = ? WHERE name = ?", "tt",
               suspended ? "suspended" : "active", name) &&
           account_sign(store, name, trouble) &&
           account_audit(
               store, suspended ? "account suspend" : "account resume", name, "", trouble);
}

bool
account_suspend(struct store *store, const char *name, bool suspended, struct trouble *trouble)
{
    return store_begin(store, trouble) &&
           account_finish(store, suspend_now(store, name, suspended, trouble), trouble);
}

static bool
revoke_now(struct store *store, const char *name, const char *key, struct trouble *trouble)
{
    struct account account;
    int64_t at_s = (int64_t)store_now();
    int64_t last_s = 0;

    /* Tokens may be issued for a moment later; see account_issue_time(). */
    if (!account_find(store, name, &account, trouble) ||
        !store_query(store, trouble, take_count, &last_s, NULL,
            "SELECT MAX(created_s) FROM user WHERE account = ?1 AND (key = ?2 OR ?2 = '*')", "tt",
            name, key)) {
        return false;
    }
    return store_run(store, trouble, NULL,
               "INSERT OR REPLACE INTO revocation (account, key, at_s) VALUES (?, ?, ?)", "tti",
               name, key, last_s > at_s ? last_s : at_s) &&
           store_run(store, trouble, NULL,
               "UPDATE user SET revoked_s = ?3 WHERE account = ?1 AND (key = ?2 OR ?2 = '*')"
               " AND revoked_s IS NULL",
               "tti", name, key, at_s) &&
           account_sign(store, name, trouble) &&
           account_audit(store, "account revoke", name, key, trouble);
}

bool
account_revoke_user(struct store *store, const char *name, const char *key, struct trouble *trouble)
{
    enum sr_nkey_type type;
    uint8_t raw[SR_NKEY_BYTES];
    struct sr_span text = { (const uint8_t *)key, strlen(key) };

    if (strcmp(key, "*") != 0 &&
        (sr_nkey_public_decode(text, &type, raw) != SR_NKEY_OK || type != SR_NKEY_USER)) {
        return trouble_say(trouble, 0, "copy all 56 characters of it: user list",
            "\"%.64s\" is not the public key of a user", key);
    }
    return store_begin(store, trouble) &&
           account_finish(store, revoke_now(store, name, key, trouble), trouble);
}
