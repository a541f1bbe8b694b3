/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/account_parts.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sqlite3.h>

#include "issuer/claims.h"
#include "issuer/operator.h"
#include "sr/jwt.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define SUSPENDED_UNTIL_S 253402300799LL /* the end of the year 9999 */

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
            "SELECT key, at_s" ACCOUNT_REVOCATIONS " ORDER BY key", "ti", account->name,
            (int64_t)store_now())) {
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
        !account_ensure_keys(store, name, trouble) ||
        !drop_moot_revocations(store, name, trouble) ||
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
