/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "enroll/token.h"
#include "issuer/authority.h"
#include "issuer/collector_parts.h"
#include "sr/base64url.h"
#include "sr/buf.h"

#include "sr/banned.h"

#define SECRET_BYTES 24 /* as the platform's */
#define SECRET_LEN SR_BASE64URL_LEN(SECRET_BYTES)
#define KEY_NAME "token"
#define KEY_SETTING "token.pub"

/* The pair that signs tokens; made at the first use. Secret: sr_nkeypair_done(). */
static bool
signing_pair(struct store *store, struct sr_nkeypair *ret_pair, struct trouble *trouble)
{
    char key[COLLECTOR_TOKEN_KEY_LEN + 1] = "";
    struct sr_buf hex = sr_buf_over(key, sizeof(key));

    if (!store_setting(store, KEY_SETTING, key, sizeof(key), trouble)) {
        return false;
    }
    if (key[0] != '\0') {
        return store_pair(store, KEY_NAME, ret_pair, trouble);
    }
    /* The type tells only how NATS would write it, which nobody does here. */
    if (sr_nkeypair_generate(SR_NKEY_OPERATOR, ret_pair) != SR_NKEY_OK) {
        return trouble_say(trouble, 0, "look at the kernel's log", "there is no randomness");
    }
    sr_buf_add_hex(&hex, (struct sr_span){ ret_pair->public_key, SR_NKEY_BYTES });
    sr_buf_put(&hex, '\0');
    if (!store_keep_pair(store, KEY_NAME, ret_pair, trouble) ||
        !store_set(store, KEY_SETTING, key, trouble) ||
        !collector_audit(store, "token key", key, "", trouble)) {
        sr_nkeypair_done(ret_pair);
        return false;
    }
    return true;
}

bool
collector_token_key(
    struct store *store, char ret_key[COLLECTOR_TOKEN_KEY_LEN + 1], struct trouble *trouble)
{
    struct sr_nkeypair pair;

    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!signing_pair(store, &pair, trouble)) {
        store_rollback(store);
        return false;
    }
    sr_nkeypair_done(&pair);
    return store_commit(store, trouble) &&
           store_setting(store, KEY_SETTING, ret_key, COLLECTOR_TOKEN_KEY_LEN + 1, trouble);
}

static bool
check_state(const struct collector_row *row, struct trouble *trouble)
{
    switch (row->c.state) {
    case COLLECTOR_READY:
    case COLLECTOR_DOWNLOADED:
    case COLLECTOR_FAILED: return true;
    case COLLECTOR_PENDING:
    case COLLECTOR_INSTALLED:
    case COLLECTOR_REVOKED: break;
    }
    return trouble_say(trouble, 0, "make another with serviceradar-provision collector create",
        "the collector %s is %s", row->c.id, collector_state_name(row->c.state));
}

static bool
make_secret(char ret_secret[SECRET_LEN + 1], struct trouble *trouble)
{
    uint8_t bytes[SECRET_BYTES];
    struct sr_buf text = sr_buf_over(ret_secret, SECRET_LEN + 1);

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return trouble_say(trouble, 0, "look at the kernel's log", "there is no randomness");
    }
    sr_base64url_encode(&text, (struct sr_span){ bytes, sizeof(bytes) });
    sr_buf_put(&text, '\0');
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return true;
}

/* What a draft borrows. */
struct token_parts {
    char url[TOKEN_URL_MAX + 1];
    char config[TOKEN_CONFIG_MAX + 1];
    char secret[SECRET_LEN + 1];
    uint8_t pin[TOKEN_PIN_BYTES];
};

static bool
gather(struct store *store, const struct collector_row *row, int version, struct token_parts *parts,
    struct trouble *trouble)
{
    char *root = NULL;

    if (!store_setting(store, "api_url", parts->url, sizeof(parts->url), trouble)) {
        return false;
    }
    if (parts->url[0] == '\0') {
        return trouble_say(trouble, 0,
            "set it: serviceradar-provision operator set --api https://HOST:PORT",
            "hosts cannot be told where this issuer serves: its URL is not set");
    }
    if (version == 3 && !(authority_ensure(store, "", trouble) &&
                            authority_root(store, &root, parts->pin, trouble))) {
        return false;
    }
    free(root);
    (void)snprintf(parts->config, sizeof(parts->config), "%s.json", row->c.type);
    return make_secret(parts->secret, trouble);
}

static bool
write_text(struct store *store, const struct collector_row *row, int version, uint64_t expires_s,
    const struct token_parts *parts, char ret_token[COLLECTOR_TOKEN_MAX + 1],
    struct trouble *trouble)
{
    const struct token_draft draft = { .version = version,
        .url = parts->url,
        .package_id = row->c.id,
        .secret = parts->secret,
        .config = parts->config,
        .expires_s = expires_s,
        .ca_pin = version == 3 ? parts->pin : NULL };
    struct sr_buf text = sr_buf_over(ret_token, COLLECTOR_TOKEN_MAX + 1);
    struct sr_nkeypair pair = { .type = SR_NKEY_OPERATOR };
    struct token_problem problem;

    if (version > 1 && !signing_pair(store, &pair, trouble)) {
        return false;
    }
    enum token_err err = token_write(&draft, version > 1 ? pair.seed : NULL, &text, &problem);
    sr_nkeypair_done(&pair);
    if (err != TOKEN_OK) {
        return trouble_say(trouble, 0, "correct the issuer's URL and the lifetime",
            "no token was written: %s", token_cause(err));
    }
    sr_buf_put(&text, '\0');
    return true;
}

static bool
keep(struct store *store, const struct collector_row *row, int version, uint64_t expires_s,
    const char *secret, struct trouble *trouble)
{
    char hash[COLLECTOR_HASH_LEN + 1];
    char detail[64];

    if (!collector_sha256((struct sr_span){ (const uint8_t *)secret, strlen(secret) }, hash)) {
        return trouble_say(trouble, 0, "look at the system's memory", "no token was written");
    }
    (void)snprintf(detail, sizeof(detail), "version %d", version);
    return collector_end_tokens(store, row->c.id, trouble) &&
           store_run(store, trouble, NULL,
               "INSERT INTO token (secret, collector, version, created_s, expires_s)"
               " VALUES (?, ?, ?, ?, ?)",
               "ttiii", hash, row->c.id, (int64_t)version, (int64_t)store_now(),
               (int64_t)expires_s) &&
           collector_audit(store, "token create", row->c.id, detail, trouble);
}

static bool
make(struct store *store, const char *id, int version, uint64_t lifetime_s,
    char token[COLLECTOR_TOKEN_MAX + 1], struct trouble *trouble)
{
    struct collector_row row;
    struct token_parts parts = { .url = "" };
    uint64_t expires_s = store_now() + lifetime_s;

    bool ok = collector_load_known(store, id, &row, trouble) && check_state(&row, trouble) &&
              gather(store, &row, version, &parts, trouble) &&
              write_text(store, &row, version, expires_s, &parts, token, trouble) &&
              keep(store, &row, version, expires_s, parts.secret, trouble);
    OPENSSL_cleanse(&parts, sizeof(parts));
    return ok;
}

bool
collector_token(struct store *store, const char *id, int version, uint64_t lifetime_s,
    char ret_token[COLLECTOR_TOKEN_MAX + 1], struct trouble *trouble)
{
    char token[COLLECTOR_TOKEN_MAX + 1];

    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!make(store, id, version, lifetime_s, token, trouble)) {
        store_rollback(store);
        OPENSSL_cleanse(token, sizeof(token));
        return false;
    }
    bool ok = store_commit(store, trouble);
    if (ok) {
        memcpy(ret_token, token, sizeof(token));
    }
    OPENSSL_cleanse(token, sizeof(token));
    return ok;
}
