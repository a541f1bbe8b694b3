/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/account_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sqlite3.h>

#include "command.h"
#include "issuer/claims.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define NAMES_MAX 1024 /* accounts that a wrong name is compared with */

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

bool
account_take_count(void *arg, struct sqlite3_stmt *row)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return true;
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
    char kept[STORE_NAME_MAX];
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

    if (!store_query(store, trouble, account_take_count, &there, NULL,
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
        !store_query(store, trouble, account_take_count, &last_s, NULL,
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
