/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/account_parts.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "sr/suite.h"

#include "sr/banned.h"

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
pair_name(const char *key, char out[STORE_NAME_MAX])
{
    (void)snprintf(out, STORE_NAME_MAX, "signing/%s", key);
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
    char kept[STORE_NAME_MAX];
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
    char kept[STORE_NAME_MAX];
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

bool
account_ensure_keys(struct store *store, const char *name, struct trouble *trouble)
{
    bool good = ensure_signing(store, name, ACCOUNT_ROLE_PLATFORM, trouble);

    for (const struct sr_suite_role *r = sr_suite_roles; r->name != NULL && good; r++) {
        good = ensure_signing(store, name, r->name, trouble);
    }
    return good;
}

bool
account_issue_time(struct store *store, const char *name, const char *role, uint64_t *ret_time_s,
    struct trouble *trouble)
{
    uint64_t time_s = store_now();
    struct signing signing;
    int64_t refused_s = -1;

    if (!find_signing(store, name, role, &signing, trouble) ||
        !store_query(store, trouble, account_take_count, &refused_s, NULL,
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

static bool
rotate_now(struct store *store, const char *name, const char *role, struct trouble *trouble)
{
    char kept[STORE_NAME_MAX];
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
