/* SPDX-License-Identifier: Apache-2.0 */
#include "world/world_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "issuer/claims.h"
#include "sr/creds.h"
#include "sr/jwt.h"

#include "sr/banned.h"

#define SECRET 0600
#define PUBLIC 0644
#define USER_NAME_MAX (WORLD_NAME_MAX + 16)
#define HOUR_S 3600

/* Writes a seed and a line's end to `D/under/name`. */
static enum world_err
write_seed(
    const struct world *w, const char *under, const char *name, const struct sr_nkeypair *pair)
{
    char path[FILES_PATH_MAX];
    char text[SR_NKEY_SEED_LEN + 2];

    sr_nkey_seed_encode(pair->type, pair->seed, text);
    text[SR_NKEY_SEED_LEN] = '\n';
    bool ok = files_path(path, "%s/%s/%s", w->dir, under, name) &&
              files_write(path, text, SR_NKEY_SEED_LEN + 1, SECRET);
    OPENSSL_cleanse(text, sizeof(text));
    return ok ? WORLD_OK : WORLD_EFILE;
}

/* Signs `claims` (taken over, NULL included) and writes the token to `D/under/name.jwt`. */
static enum world_err
write_token(const struct world *w, json_t *claims, const struct sr_nkeypair *issuer,
    const char *under, const char *name)
{
    char path[FILES_PATH_MAX];
    char *token = NULL;
    enum sr_jwt_err err = sr_jwt_sign(claims, issuer, w->now_s, &token);

    json_decref(claims);
    if (err != SR_JWT_OK) {
        return WORLD_ECRYPTO;
    }
    bool ok = files_path(path, "%s/%s/%s.jwt", w->dir, under, name) &&
              files_write(path, token, strlen(token), PUBLIC);
    free(token);
    return ok ? WORLD_OK : WORLD_EFILE;
}

/* Signs the claims of the owner of `user` and writes token and seed as a .creds file. */
static enum world_err
write_creds(json_t *claims, const struct sr_nkeypair *issuer, uint64_t issued_s,
    const struct sr_nkeypair *user, const char *path)
{
    static uint8_t memory[SR_CREDS_MAX];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));
    char seed[SR_NKEY_SEED_LEN + 1];
    char *token = NULL;

    if (sr_jwt_sign(claims, issuer, issued_s, &token) != SR_JWT_OK) {
        return WORLD_ECRYPTO;
    }
    sr_nkey_seed_encode(user->type, user->seed, seed);
    sr_creds_format(&out, (struct sr_span){ (const uint8_t *)token, strlen(token) },
        (struct sr_span){ (const uint8_t *)seed, SR_NKEY_SEED_LEN });
    bool ok = !out.overflow && files_write(path, out.data, out.len, SECRET);
    OPENSSL_cleanse(seed, sizeof(seed));
    OPENSSL_cleanse(memory, sizeof(memory));
    free(token);
    return ok ? WORLD_OK : WORLD_EFILE;
}

/* What a user is; `role` is NULL for one that may do all. */
struct user {
    const char *file; /* in the folder of credentials, without .creds */
    const struct sr_suite_role *role;
    bool expired;
};

static int
allow(json_t *claims, const char *name, const char *tenant, const struct sr_suite_role *role)
{
    return role != NULL ? claims_allow_role(claims, name, tenant, role) : claims_allow_all(claims);
}

static enum world_err
write_user(const struct world *w, const struct world_tenant *tenant, const struct user *user)
{
    char name[USER_NAME_MAX];
    char path[FILES_PATH_MAX];
    struct sr_nkeypair pair;
    uint64_t issued_s = user->expired ? w->now_s - 2 * HOUR_S : w->now_s;

    (void)snprintf(name, sizeof(name), "%s-%s", tenant->name, user->file);
    if (!files_path(path, "%s/%s/creds/%s.creds", w->dir, tenant->name, user->file)) {
        return WORLD_EFILE;
    }
    if (sr_nkeypair_generate(SR_NKEY_USER, &pair) != SR_NKEY_OK) {
        return WORLD_ECRYPTO;
    }
    json_t *claims = claims_user(name, pair.public_text, tenant->account.public_text);
    bool failed = claims == NULL || allow(claims, name, tenant->name, user->role) != 0 ||
                  (user->expired && claims_expire(claims, w->now_s - HOUR_S) != 0);
    enum world_err err =
        failed ? WORLD_ECRYPTO : write_creds(claims, &tenant->signer, issued_s, &pair, path);
    json_decref(claims);
    sr_nkeypair_done(&pair);
    return err;
}

static enum world_err
write_users(const struct world *w, const struct world_tenant *tenant)
{
    enum world_err err = WORLD_OK;

    for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL; role++) {
        if (err == WORLD_OK) {
            err = write_user(w, tenant, &(struct user){ role->name, role, false });
        }
    }
    if (err == WORLD_OK) {
        err = write_user(w, tenant, &(struct user){ "platform", NULL, false });
    }
    if (err == WORLD_OK) {
        err = write_user(w, tenant, &(struct user){ "expired", &sr_suite_roles[0], true });
    }
    return err;
}

static enum world_err
write_tenant(const struct world *w, struct world_tenant *tenant)
{
    if (sr_nkeypair_generate(SR_NKEY_ACCOUNT, &tenant->account) != SR_NKEY_OK ||
        sr_nkeypair_generate(SR_NKEY_ACCOUNT, &tenant->signer) != SR_NKEY_OK) {
        return WORLD_ECRYPTO;
    }
    const char *key = tenant->account.public_text;
    enum world_err err = write_seed(w, tenant->name, "account.seed", &tenant->account);
    if (err == WORLD_OK) {
        err = write_seed(w, tenant->name, "signing.seed", &tenant->signer);
    }
    if (err == WORLD_OK) {
        err = write_token(w,
            claims_tenant(tenant->name, key, tenant->signer.public_text, sr_suite_tenant_bytes()),
            &w->operator_key, "resolver", key);
    }
    return err == WORLD_OK ? write_users(w, tenant) : err;
}

/* The user of the system account, who pushes account tokens to a running server. */
static enum world_err
write_system_user(const struct world *w)
{
    char path[FILES_PATH_MAX];
    struct sr_nkeypair pair;

    if (!files_path(path, "%s/operator/system.creds", w->dir)) {
        return WORLD_EFILE;
    }
    if (sr_nkeypair_generate(SR_NKEY_USER, &pair) != SR_NKEY_OK) {
        return WORLD_ECRYPTO;
    }
    json_t *claims = claims_user("system", pair.public_text, w->system.public_text);
    enum world_err err = WORLD_ECRYPTO;
    /* The account's own key signs here, and then the token must not name an account. */
    if (claims != NULL && claims_allow_push(claims) == 0) {
        (void)json_object_del(json_object_get(claims, "nats"), "issuer_account");
        err = write_creds(claims, &w->system, w->now_s, &pair, path);
    }
    json_decref(claims);
    sr_nkeypair_done(&pair);
    return err;
}

enum world_err
world_write_keys(struct world *w)
{
    if (sr_nkeypair_generate(SR_NKEY_OPERATOR, &w->operator_key) != SR_NKEY_OK ||
        sr_nkeypair_generate(SR_NKEY_ACCOUNT, &w->system) != SR_NKEY_OK) {
        return WORLD_ECRYPTO;
    }
    const char *system = w->system.public_text;
    enum world_err err = write_seed(w, "operator", "operator.seed", &w->operator_key);
    if (err == WORLD_OK) {
        err = write_seed(w, "operator", "system.seed", &w->system);
    }
    if (err == WORLD_OK) {
        err = write_token(w, claims_operator("local", w->operator_key.public_text, system),
            &w->operator_key, "operator", "operator");
    }
    if (err == WORLD_OK) {
        err = write_token(w, claims_system("SYS", system), &w->operator_key, "resolver", system);
    }
    if (err == WORLD_OK) {
        err = write_system_user(w);
    }
    for (size_t i = 0; i < w->tenant_count && err == WORLD_OK; i++) {
        err = write_tenant(w, &w->tenants[i]);
    }
    return err;
}
