/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "issuer/account_parts.h"
#include "issuer/claims.h"
#include "issuer/collector_parts.h"
#include "sr/jwt.h"

#include "sr/banned.h"

#define BORROWED_S 300

/*
 * Revocations of an account up to which keys are replaced. Its token has room for some 600 of them
 * (SR_JWT_MAX): who renews again and again must not use up what revoking him needs.
 */
#define REPLACED_MAX 400

void
user_made_done(struct user_made *user)
{
    OPENSSL_cleanse(user->seed, sizeof(user->seed));
    free(user->jwt);
    user->jwt = NULL;
}

const char *
user_state_name(enum user_state state)
{
    switch (state) {
    case USER_ACTIVE: return "active";
    case USER_REVOKED: return "revoked";
    case USER_EXPIRED: return "expired";
    case USER_ROTATED: return "rotated";
    }
    return "unknown";
}

/* ---- Making one ---- */

/* The name is a token of the subject that its inbox is below. */
static bool
check_name(const char *name, struct trouble *trouble)
{
    size_t len = strnlen(name, USER_NAME_MAX + 1);
    bool good = len > 0 && len <= USER_NAME_MAX;

    for (size_t i = 0; i < len && good; i++) {
        good = name[i] > ' ' && name[i] <= '~' && strchr(".*>{}\"\\", name[i]) == NULL;
    }
    return good || trouble_say(trouble, 0, "use letters, digits and hyphens, at most 96",
                       "\"%.64s\" cannot be the name of a user: it is a part of a subject", name);
}

/* The key of the draft, or a new pair whose seed is for `made`. */
static bool
take_key(const struct user_draft *draft, struct user_made *made, struct trouble *trouble)
{
    struct sr_nkeypair pair;
    enum sr_nkey_type type;
    uint8_t raw[SR_NKEY_BYTES];

    if (draft->public_key == NULL) {
        if (sr_nkeypair_generate(SR_NKEY_USER, &pair) != SR_NKEY_OK) {
            return account_no_memory(trouble);
        }
        sr_nkey_seed_encode(pair.type, pair.seed, made->seed);
        memcpy(made->key, pair.public_text, sizeof(made->key));
        sr_nkeypair_done(&pair);
        return true;
    }
    struct sr_span text = { (const uint8_t *)draft->public_key, strlen(draft->public_key) };
    if (sr_nkey_public_decode(text, &type, raw) != SR_NKEY_OK || type != SR_NKEY_USER) {
        return trouble_say(trouble, 0, "send the public key of a user: 56 characters from \"U\" on",
            "\"%.64s\" is not the public key of a user", draft->public_key);
    }
    memcpy(made->key, draft->public_key, sizeof(made->key));
    return true;
}

/* Signs a token for `made->key` with the signing key of the draft's role. */
static bool
sign_user(struct store *store, const struct user_draft *draft, const struct account *account,
    uint64_t issued_s, struct user_made *made, struct trouble *trouble)
{
    struct sr_nkeypair signer;

    if (!account_signing_key(store, draft->account, draft->role, &signer, trouble)) {
        return false;
    }
    json_t *claims = claims_scoped_user(draft->name, made->key, account->key);
    bool good = claims != NULL &&
                (draft->expires_s == 0 || claims_expire(claims, draft->expires_s) == 0) &&
                sr_jwt_sign(claims, &signer, issued_s, &made->jwt) == SR_JWT_OK;
    json_decref(claims);
    sr_nkeypair_done(&signer);
    return good || account_no_memory(trouble);
}

/* A user as the database has it. */
struct known {
    char account[ACCOUNT_NAME_MAX + 1];
    char name[USER_NAME_MAX + 1];
    char key[SR_NKEY_PUBLIC_LEN + 1];
    bool revoked;
    char role[32];
};

static bool
take_known(void *arg, struct sqlite3_stmt *row)
{
    struct known *known = arg;

    store_text(row, 0, known->account, sizeof(known->account));
    store_text(row, 1, known->name, sizeof(known->name));
    store_text(row, 2, known->key, sizeof(known->key));
    known->revoked = sqlite3_column_type(row, 3) != SQLITE_NULL;
    store_text(row, 4, known->role, sizeof(known->role));
    return true;
}

/* Refuses a key that is of another user or role, or of one that was revoked. */
static bool
check_owner(const struct known *known, const struct user_draft *draft, struct trouble *trouble)
{
    if (strcmp(known->account, draft->account) != 0 || strcmp(known->name, draft->name) != 0) {
        return trouble_say(trouble, 0, "make a new key for each user",
            "that public key is of user %s in account %s already", known->name, known->account);
    }
    if (known->revoked) {
        return trouble_say(trouble, 0, "make a new key",
            "the key of user %s in account %s was revoked", draft->name, draft->account);
    }
    /* The token of the old role would go on beside the new one. */
    return strcmp(known->role, draft->role) == 0 ||
           trouble_say(trouble, 0, "make a new key, or choose another name",
               "the key of user %s in account %s has the role %s", draft->name, draft->account,
               known->role);
}

/* Refuses a key from elsewhere that may not be used; also one that was revoked and has no row. */
static bool
check_key(struct store *store, const struct user_draft *draft, struct trouble *trouble)
{
    struct known known;
    int rows = 0;
    int64_t revocations = 0;

    if (draft->public_key == NULL) {
        return true;
    }
    if (!store_query(store, trouble, take_known, &known, &rows,
            "SELECT account, name, key, revoked_s, role FROM user WHERE key = ?", "t",
            draft->public_key) ||
        !store_query(store, trouble, account_take_count, &revocations, NULL,
            "SELECT COUNT(*) FROM revocation WHERE account = ? AND key = ?", "tt", draft->account,
            draft->public_key)) {
        return false;
    }
    if (rows > 0 && !check_owner(&known, draft, trouble)) {
        return false;
    }
    return revocations == 0 || trouble_say(trouble, 0, "make a new key",
                                   "that public key was revoked in account %s", draft->account);
}

static bool
check_room(struct store *store, const char *account, struct trouble *trouble)
{
    int64_t revocations = 0;

    if (!store_query(store, trouble, account_take_count, &revocations, NULL,
            "SELECT COUNT(*)" ACCOUNT_REVOCATIONS, "ti", account, (int64_t)store_now())) {
        return false;
    }
    return revocations < REPLACED_MAX ||
           trouble_say(trouble, 0,
               "rotate each role's signing key (account rotate), which makes them superfluous, and "
               "enrol its collectors again",
               "account %s has %lld revoked keys, and the room that is left is for revoking",
               account, (long long)revocations);
}

/* Revokes and forgets the user that had the draft's name with another key than `key`. */
static bool
displace(
    struct store *store, const struct user_draft *draft, const char *key, struct trouble *trouble)
{
    struct known old;
    int rows = 0;

    if (!store_query(store, trouble, take_known, &old, &rows,
            "SELECT account, name, key, revoked_s, role FROM user"
            " WHERE account = ? AND name = ? AND key <> ?",
            "ttt", draft->account, draft->name, key)) {
        return false;
    }
    if (rows == 0) {
        return true;
    }
    /* Who spares it revokes it later, and needs the room then. */
    return (old.revoked || (check_room(store, draft->account, trouble) &&
                               (draft->spare_former || account_revoke_user(store, draft->account,
                                                           old.key, trouble)))) &&
           store_run(store, trouble, NULL, "DELETE FROM user WHERE key = ?", "t", old.key);
}

/* A key may have had a token that is good for longer than this one. */
static bool
keep_end(
    struct store *store, const struct user_draft *draft, const char *key, struct trouble *trouble)
{
    static const char with_end[] =
        "INSERT INTO key_end (key, ends_s) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET ends_s = MAX(ends_s, excluded.ends_s)";
    static const char endless[] = "INSERT OR REPLACE INTO key_end (key, ends_s) VALUES (?, NULL)";

    return draft->expires_s != 0
               ? store_run(store, trouble, NULL, with_end, "ti", key, (int64_t)draft->expires_s)
               : store_run(store, trouble, NULL, endless, "t", key);
}

static bool
keep_user(struct store *store, const struct user_draft *draft, const char *key, uint64_t issued_s,
    struct trouble *trouble)
{
    static const char with_end[] =
        "INSERT OR REPLACE INTO user (key, account, name, role, created_s, expires_s)"
        " VALUES (?, ?, ?, ?, ?, ?)";
    static const char endless[] =
        "INSERT OR REPLACE INTO user (key, account, name, role, created_s) VALUES (?, ?, ?, ?, ?)";

    return draft->expires_s != 0
               ? store_run(store, trouble, NULL, with_end, "ttttii", key, draft->account,
                     draft->name, draft->role, (int64_t)issued_s, (int64_t)draft->expires_s)
               : store_run(store, trouble, NULL, endless, "tttti", key, draft->account, draft->name,
                     draft->role, (int64_t)issued_s);
}

static bool
find_active(struct store *store, const char *name, struct account *account, struct trouble *trouble)
{
    char remedy[128];

    if (!account_find(store, name, account, trouble)) {
        return false;
    }
    (void)snprintf(remedy, sizeof(remedy), "serviceradar-provision account resume %s", name);
    return !account->suspended || trouble_say(trouble, 0, remedy, "account %s is suspended", name);
}

static bool
create_now(struct store *store, const struct user_draft *draft, struct user_made *made,
    struct trouble *trouble)
{
    struct account account;
    char object[ACCOUNT_NAME_MAX + USER_NAME_MAX + 2];
    uint64_t issued_s = 0;

    (void)snprintf(object, sizeof(object), "%s/%s", draft->account, draft->name);
    return find_active(store, draft->account, &account, trouble) &&
           check_name(draft->name, trouble) && take_key(draft, made, trouble) &&
           check_key(store, draft, trouble) && displace(store, draft, made->key, trouble) &&
           account_issue_time(store, draft->account, draft->role, &issued_s, trouble) &&
           sign_user(store, draft, &account, issued_s, made, trouble) &&
           keep_user(store, draft, made->key, issued_s, trouble) &&
           keep_end(store, draft, made->key, trouble) &&
           account_audit(store, "user create", object, draft->role, trouble);
}

bool
user_create(struct store *store, const struct user_draft *draft, struct user_made *ret_user,
    struct trouble *trouble)
{
    struct user_made made = { .key = "" };
    bool good = store_begin(store, trouble) &&
                account_finish(store, create_now(store, draft, &made, trouble), trouble);

    if (!good) {
        user_made_done(&made);
        return false;
    }
    *ret_user = made;
    OPENSSL_cleanse(made.seed, sizeof(made.seed));
    return true;
}

bool
user_borrow(
    struct store *store, const char *account, struct user_made *ret_user, struct trouble *trouble)
{
    struct user_made made = { .key = "" };
    struct account found;
    uint64_t issued_s = 0;
    struct user_draft draft = {
        .account = account, .name = "provision", .role = ACCOUNT_ROLE_PLATFORM
    };

    bool good = find_active(store, account, &found, trouble) && take_key(&draft, &made, trouble) &&
                account_issue_time(store, account, draft.role, &issued_s, trouble);
    draft.expires_s = issued_s + BORROWED_S;
    if (!good || !sign_user(store, &draft, &found, issued_s, &made, trouble)) {
        user_made_done(&made);
        return false;
    }
    *ret_user = made;
    OPENSSL_cleanse(made.seed, sizeof(made.seed));
    return true;
}

/* ---- Revoking and listing ---- */

static bool
take_collector(void *arg, struct sqlite3_stmt *row)
{
    store_text(row, 0, arg, COLLECTOR_ID_LEN + 1);
    return true;
}

/* The user of a collector that was just renewed has another key for a day. */
static bool
revoke_former(struct store *store, const char *key, struct trouble *trouble)
{
    char id[COLLECTOR_ID_LEN + 1] = "";

    return store_query(store, trouble, take_collector, id, NULL,
               "SELECT id FROM collector WHERE user_key = ?", "t", key) &&
           (id[0] == '\0' || collector_end_former(store, id, trouble));
}

static bool
revoke_now(struct store *store, const char *account, const char *name, struct trouble *trouble)
{
    struct account found;
    struct known known;
    int rows = 0;

    if (!account_find(store, account, &found, trouble) ||
        !store_query(store, trouble, take_known, &known, &rows,
            "SELECT account, name, key, revoked_s, role FROM user WHERE account = ? AND name = ?",
            "tt", account, name)) {
        return false;
    }
    if (rows == 0) {
        return trouble_say(trouble, 0, "see: serviceradar-provision user list",
            "account %s has no user \"%.96s\"", account, name);
    }
    return (known.revoked || account_revoke_user(store, account, known.key, trouble)) &&
           revoke_former(store, known.key, trouble);
}

bool
user_revoke(struct store *store, const char *account, const char *name, struct trouble *trouble)
{
    return store_begin(store, trouble) &&
           account_finish(store, revoke_now(store, account, name, trouble), trouble);
}

struct listing {
    user_cb *cb;
    void *arg;
    uint64_t now_s;
};

static enum user_state
state_of(struct sqlite3_stmt *row, const struct user *user, uint64_t now_s)
{
    if (sqlite3_column_type(row, 6) != SQLITE_NULL) {
        return USER_REVOKED;
    }
    if (user->expires_s != 0 && user->expires_s <= now_s) {
        return USER_EXPIRED;
    }
    return user->created_s < (uint64_t)sqlite3_column_int64(row, 7) ? USER_ROTATED : USER_ACTIVE;
}

static bool
list_one(void *arg, struct sqlite3_stmt *row)
{
    const struct listing *listing = arg;
    struct user user;

    store_text(row, 0, user.account, sizeof(user.account));
    store_text(row, 1, user.name, sizeof(user.name));
    store_text(row, 2, user.role, sizeof(user.role));
    store_text(row, 3, user.key, sizeof(user.key));
    user.created_s = (uint64_t)sqlite3_column_int64(row, 4);
    user.expires_s = (uint64_t)sqlite3_column_int64(row, 5);
    user.state = state_of(row, &user, listing->now_s);
    listing->cb(listing->arg, &user);
    return true;
}

bool
user_list(struct store *store, const char *account, user_cb *cb, void *arg, struct trouble *trouble)
{
    struct listing listing = { cb, arg, store_now() };
    struct account found;

    if (account != NULL && !account_find(store, account, &found, trouble)) {
        return false;
    }
    return store_query(store, trouble, list_one, &listing, NULL,
        "SELECT u.account, u.name, u.role, u.key, u.created_s, u.expires_s, u.revoked_s,"
        " k.created_s FROM user u LEFT JOIN signing_key k ON k.account = u.account"
        " AND k.role = u.role AND k.retired_s IS NULL"
        " WHERE ?1 IS NULL OR u.account = ?1 ORDER BY u.account, u.name",
        "t", account);
}
