/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include "enroll/token.h"
#include "enroll/token_fields.h"
#include "enroll/trust.h"
#include "issuer/collector_parts.h"

#include "sr/banned.h"

#define CAUSE_MAX 200

const char *
collector_refusal_text(enum collector_refusal refusal)
{
    switch (refusal) {
    case COLLECTOR_GRANTED: return "It is granted.";
    case COLLECTOR_NO_TOKEN: return "The request lacks its token, or a part of it is malformed.";
    case COLLECTOR_UNKNOWN: return "There is no such collector.";
    case COLLECTOR_BAD_TOKEN: return "The token or signature is not one of this collector.";
    case COLLECTOR_EXPIRED: return "The token or the request has expired.";
    case COLLECTOR_SPENT: return "The token or the request was used already.";
    case COLLECTOR_NOT_READY:
        return "The collector is not ready: it may be revoked, or its account suspended.";
    }
    return "Unknown refusal.";
}

/* A token as the database has it; `hash` is empty when there is none. */
struct token_row {
    char hash[COLLECTOR_HASH_LEN + 1];
    uint64_t expires_s, used_s, spent_s;
};

/* Who comes with what. */
struct claim {
    char hash[COLLECTOR_HASH_LEN + 1]; /* of the secret that was sent */
    struct collector_row row;
    struct token_row token;
};

/* All rows are compared, and each of them whole: the time tells nothing. */
static bool
compare_token(void *arg, struct sqlite3_stmt *row)
{
    struct claim *claim = arg;
    char hash[COLLECTOR_HASH_LEN + 1] = "";

    store_text(row, 0, hash, sizeof(hash));
    if (CRYPTO_memcmp(hash, claim->hash, COLLECTOR_HASH_LEN) == 0) {
        memcpy(claim->token.hash, hash, sizeof(hash));
        claim->token.expires_s = (uint64_t)sqlite3_column_int64(row, 1);
        claim->token.used_s = (uint64_t)sqlite3_column_int64(row, 2);
        claim->token.spent_s = (uint64_t)sqlite3_column_int64(row, 3);
    }
    return true;
}

/*
 * The secret of what was sent, which is it or a whole token of `id`. False when it is neither. A
 * token's expiry is what the database says of it.
 */
static bool
extract(struct store *store, const char *id, const char *sent,
    char ret_secret[TOKEN_SECRET_MAX + 1], struct trouble *ignored)
{
    static struct trust trust; /* large; one thread uses the issuer */
    struct token_options options = { .trust = &trust };
    struct token_problem problem;
    struct token token;
    char key[COLLECTOR_TOKEN_KEY_LEN + 1];
    size_t len = strnlen(sent, TOKEN_TEXT_MAX + 1);
    struct sr_span text = { (const uint8_t *)sent, len };

    trust = (struct trust){ .count = 0 };
    if (store_setting(store, "token.pub", key, sizeof(key), ignored) && key[0] != '\0') {
        (void)trust_add_text(
            &trust, (struct sr_span){ (const uint8_t *)key, strlen(key) }, "the issuer's own");
    }
    if (len <= TOKEN_TEXT_MAX && token_read(text, &options, &token, &problem) == TOKEN_OK) {
        bool same = strcmp(token.package_id, id) == 0;
        if (same) {
            memcpy(ret_secret, token.secret, sizeof(token.secret));
        }
        token_done(&token);
        return same;
    }
    if (len > TOKEN_SECRET_MAX || !token_is_secret(text)) {
        return false;
    }
    memcpy(ret_secret, sent, len + 1);
    return true;
}

static bool
hash_sent(struct store *store, const char *id, const char *sent, struct claim *claim,
    struct trouble *trouble)
{
    char secret[TOKEN_SECRET_MAX + 1];
    bool ok = false;

    if (extract(store, id, sent, secret, trouble)) {
        ok = collector_sha256(
            (struct sr_span){ (const uint8_t *)secret, strlen(secret) }, claim->hash);
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    return ok;
}

/* Finds collector and token. `*ret_refusal` is COLLECTOR_GRANTED when both are there. */
static bool
find_claim(struct store *store, const char *id, const char *sent, const char *host,
    struct claim *claim, enum collector_refusal *ret_refusal, struct trouble *trouble)
{
    char uuid[TOKEN_UUID_LEN + 1];
    bool found = false;

    *claim = (struct claim){ .hash = "" };
    if (sent == NULL || sent[0] == '\0' || host == NULL || host[0] == '\0' ||
        strnlen(host, COLLECTOR_HOST_MAX + 1) > COLLECTOR_HOST_MAX) {
        *ret_refusal = COLLECTOR_NO_TOKEN;
        return true;
    }
    if (!token_uuid((struct sr_span){ (const uint8_t *)id, strlen(id) }, uuid)) {
        *ret_refusal = COLLECTOR_UNKNOWN;
        return true;
    }
    if (!collector_load(store, uuid, &claim->row, &found, trouble)) {
        return false;
    }
    if (!found) {
        *ret_refusal = COLLECTOR_UNKNOWN;
        return true;
    }
    if (hash_sent(store, uuid, sent, claim, trouble) &&
        !store_query(store, trouble, compare_token, claim, NULL,
            "SELECT secret, expires_s, used_s, spent_s FROM token WHERE collector = ?", "t",
            uuid)) {
        return false;
    }
    *ret_refusal = claim->token.hash[0] != '\0' ? COLLECTOR_GRANTED : COLLECTOR_BAD_TOKEN;
    return true;
}

static bool
is_of_host(const struct claim *claim, const char *host)
{
    return claim->token.used_s != 0 && strcmp(claim->row.host, host) == 0;
}

static enum collector_refusal
judge_redeem(const struct claim *claim, const char *host)
{
    enum collector_state state = claim->row.c.state;

    if (store_now() > claim->token.expires_s) {
        return COLLECTOR_EXPIRED;
    }
    if (state == COLLECTOR_REVOKED || state == COLLECTOR_PENDING) {
        return COLLECTOR_NOT_READY;
    }
    if (state == COLLECTOR_INSTALLED || claim->token.spent_s != 0 ||
        (claim->token.used_s != 0 && !is_of_host(claim, host))) {
        return COLLECTOR_SPENT;
    }
    return COLLECTOR_GRANTED;
}

/* Ends a transaction that `ok` says went well. */
static bool
finish(struct store *store, bool ok, struct trouble *trouble)
{
    if (!ok) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

bool
collector_check_account(struct store *store, const struct collector_row *row,
    enum collector_refusal *refusal, struct trouble *trouble)
{
    struct account account;

    if (*refusal != COLLECTOR_GRANTED) {
        return true;
    }
    if (!account_find(store, row->c.account, &account, trouble)) {
        return false;
    }
    *refusal = account.suspended ? COLLECTOR_NOT_READY : COLLECTOR_GRANTED;
    return true;
}

bool
collector_redeem(struct store *store, const char *id, const char *secret, const char *host,
    enum collector_refusal *ret_refusal, struct trouble *trouble)
{
    struct claim claim;
    enum collector_refusal refusal = COLLECTOR_GRANTED;

    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = find_claim(store, id, secret, host, &claim, &refusal, trouble);
    if (ok && refusal == COLLECTOR_GRANTED) {
        refusal = judge_redeem(&claim, host);
        ok = collector_check_account(store, &claim.row, &refusal, trouble);
    }
    if (ok && refusal == COLLECTOR_GRANTED) {
        ok = store_run(store, trouble, NULL,
                 "UPDATE token SET used_s = coalesce(used_s, ?) WHERE secret = ?", "it",
                 (int64_t)store_now(), claim.token.hash) &&
             collector_set_state(store, claim.row.c.id, COLLECTOR_DOWNLOADED, host, trouble) &&
             store_audit(store, host, "collector redeem", claim.row.c.id, "", trouble);
    }
    if (!finish(store, ok, trouble)) {
        return false;
    }
    *ret_refusal = refusal;
    return true;
}

static enum collector_refusal
judge_confirm(const struct claim *claim, const char *host, bool failed)
{
    enum collector_state state = claim->row.c.state;

    if (state == COLLECTOR_REVOKED || claim->token.used_s == 0) {
        return COLLECTOR_NOT_READY;
    }
    if (!is_of_host(claim, host)) {
        return COLLECTOR_SPENT;
    }
    if (state == COLLECTOR_INSTALLED) {
        return failed ? COLLECTOR_SPENT : COLLECTOR_GRANTED;
    }
    return claim->token.spent_s != 0 ? COLLECTOR_SPENT : COLLECTOR_GRANTED;
}

/* What a host says, for the audit log: printable and short. */
static void
clean(const char *text, char out[CAUSE_MAX + 1])
{
    size_t len = strnlen(text, CAUSE_MAX);

    for (size_t i = 0; i < len; i++) {
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    out[len] = '\0';
}

static bool
keep_confirmation(struct store *store, const struct claim *claim, const char *host,
    const char *cause, struct trouble *trouble)
{
    char detail[CAUSE_MAX + 1];
    enum collector_state state = cause != NULL ? COLLECTOR_FAILED : COLLECTOR_INSTALLED;

    if (claim->row.c.state == COLLECTOR_INSTALLED) {
        return true;
    }
    clean(cause != NULL ? cause : "", detail);
    return (cause != NULL || collector_end_tokens(store, claim->row.c.id, trouble)) &&
           collector_set_state(store, claim->row.c.id, state, host, trouble) &&
           store_audit(store, host, cause != NULL ? "collector failed" : "collector installed",
               claim->row.c.id, detail, trouble);
}

bool
collector_confirm(struct store *store, const char *id, const char *secret, const char *host,
    const char *cause, enum collector_refusal *ret_refusal, struct trouble *trouble)
{
    struct claim claim;
    enum collector_refusal refusal = COLLECTOR_GRANTED;

    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = find_claim(store, id, secret, host, &claim, &refusal, trouble);
    if (ok && refusal == COLLECTOR_GRANTED) {
        refusal = judge_confirm(&claim, host, cause != NULL);
    }
    if (ok && refusal == COLLECTOR_GRANTED) {
        ok = keep_confirmation(store, &claim, host, cause, trouble);
    }
    if (!finish(store, ok, trouble)) {
        return false;
    }
    *ret_refusal = refusal;
    return true;
}
