/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/authority.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include "issuer/account.h"
#include "issuer/x509.h"

#include "sr/banned.h"

#define ROOT_DAYS 3650
#define ROOT_NAME "root.ca.serviceradar"
#define SECRET_KIND "ca"
#define SECRET_NAME_MAX 64
#define NAMES_MAX 1024
#define REVOKED_MAX 100000 /* entries of one CRL */

bool
authority_is_label(const char *text)
{
    size_t len = strnlen(text, AUTHORITY_LABEL_MAX + 1);

    return len > 0 && len <= AUTHORITY_LABEL_MAX && text[0] != '-' && text[len - 1] != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool
audit(struct store *store, const char *action, const char *object, const char *detail,
    struct trouble *trouble)
{
    char actor[STORE_NAME_MAX];

    store_actor(actor);
    return store_audit(store, actor, action, object, detail, trouble);
}

static bool
say_x509(struct trouble *trouble, const char *what, enum x509_err err)
{
    const char *remedy = "look at the system's memory and randomness";

    switch (err) {
    case X509_IDENTITY_ENAME: remedy = "use shorter names of letters, digits and '-'"; break;
    case X509_IDENTITY_EREQUEST:
    case X509_IDENTITY_EPROOF: remedy = "make the request anew from the host's own key"; break;
    case X509_IDENTITY_EKEY: remedy = "make an EC P-256 key and a request from it"; break;
    case X509_IDENTITY_EFORM: remedy = "restore the issuer's database from a backup"; break;
    case X509_IDENTITY_OK:
    case X509_IDENTITY_ECRYPTO: break;
    }
    return trouble_say(trouble, 0, remedy, "%s: %s", what, x509_strerror(err));
}

/* The name of the sealed key: no tenant has one with a slash. */
static void
secret_name(const char *account, char out[SECRET_NAME_MAX])
{
    (void)snprintf(out, SECRET_NAME_MAX, "%s", account[0] != '\0' ? account : "/root");
}

static bool
take_pem(void *arg, struct sqlite3_stmt *row)
{
    store_text(row, 0, arg, AUTHORITY_PEM_MAX);
    return true;
}

/* The certificate of an authority as PEM; empty when there is none. */
static bool
find_certificate(
    struct store *store, const char *account, char pem[AUTHORITY_PEM_MAX], struct trouble *trouble)
{
    pem[0] = '\0';
    return store_query(store, trouble, take_pem, pem, NULL,
        "SELECT certificate FROM authority WHERE account = ?", "t", account);
}

/* Loads an authority with its key, to sign with it. It must be there. Owned: x509_free(). */
static bool
load_authority(struct store *store, const char *account, struct x509_identity **ret_id,
    struct trouble *trouble)
{
    char pem[AUTHORITY_PEM_MAX];
    char name[SECRET_NAME_MAX];
    uint8_t key[STORE_SECRET_MAX + 1];
    size_t len = 0;

    secret_name(account, name);
    if (!find_certificate(store, account, pem, trouble) ||
        !store_secret(store, SECRET_KIND, name, key, &len, trouble)) {
        return false;
    }
    key[len] = '\0';
    enum x509_err err = x509_load(pem, (const char *)key, ret_id);
    OPENSSL_cleanse(key, sizeof(key));
    return err == X509_IDENTITY_OK ||
           say_x509(trouble, "the authority's certificate and key are damaged", err);
}

static bool
keep_authority(struct store *store, const char *account, const struct x509_identity *id,
    struct trouble *trouble)
{
    struct x509_pem certificate = { NULL, 0 };
    struct x509_pem key = { NULL, 0 };
    char name[SECRET_NAME_MAX];
    uint64_t expires_s = 0;

    secret_name(account, name);
    enum x509_err err = x509_certificate_pem(id, &certificate);
    if (err == X509_IDENTITY_OK) {
        err = x509_key_pem(id, &key);
    }
    if (err == X509_IDENTITY_OK) {
        err = x509_expiry(id, &expires_s);
    }
    bool ok = err == X509_IDENTITY_OK || say_x509(trouble, "no authority was made", err);
    ok = ok &&
         store_run(store, trouble, NULL,
             "INSERT INTO authority (account, certificate, created_s, expires_s)"
             " VALUES (?, ?, ?, ?)",
             "ttii", account, certificate.text, (int64_t)store_now(), (int64_t)expires_s) &&
         store_keep_secret(store, SECRET_KIND, name,
             (struct sr_span){ (const uint8_t *)key.text, key.len }, trouble) &&
         audit(store, "ca init", account[0] != '\0' ? account : "root", "", trouble);
    x509_pem_done(&certificate);
    x509_pem_done(&key);
    return ok;
}

static bool
make_authority(struct store *store, const char *account, struct trouble *trouble)
{
    struct x509_identity *root = NULL;
    struct x509_identity *id = NULL;
    char name[AUTHORITY_NAME_MAX + 1];
    enum x509_err err;

    if (account[0] == '\0') {
        err = x509_make_root(ROOT_NAME, (time_t)store_now(), ROOT_DAYS, &id);
    } else {
        if (!load_authority(store, "", &root, trouble)) {
            return false;
        }
        (void)snprintf(name, sizeof(name), "tenant-%s.ca.serviceradar", account);
        err = x509_make_intermediate(root, name, (time_t)store_now(), ROOT_DAYS, &id);
        x509_free(root);
    }
    if (err != X509_IDENTITY_OK) {
        return say_x509(trouble, "no authority was made", err);
    }
    bool ok = keep_authority(store, account, id, trouble);
    x509_free(id);
    return ok;
}

/* One authority, in a transaction that is begun. */
static bool
ensure_one(struct store *store, const char *account, struct trouble *trouble)
{
    char pem[AUTHORITY_PEM_MAX];

    return find_certificate(store, account, pem, trouble) &&
           (pem[0] != '\0' || make_authority(store, account, trouble));
}

bool
authority_ensure(struct store *store, const char *account, struct trouble *trouble)
{
    struct account found;

    if (account[0] != '\0' && !account_find(store, account, &found, trouble)) {
        return false;
    }
    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!ensure_one(store, "", trouble) ||
        (account[0] != '\0' && !ensure_one(store, account, trouble))) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

/* The names that the rule gives, and those that were asked for. */
struct names {
    char common[2 * AUTHORITY_LABEL_MAX + ACCOUNT_NAME_MAX + 32];
    char alternative[NAMES_MAX];
};

static bool
check_draft(const struct authority_draft *draft, struct trouble *trouble)
{
    const char *extra = draft->alternative_names;

    if (!authority_is_label(draft->component) || !authority_is_label(draft->partition) ||
        (draft->type != NULL && !authority_is_label(draft->type))) {
        return trouble_say(trouble, 0, "use lower-case letters, digits and '-', at most 63 of them",
            "component and partition of a certificate are each one DNS label");
    }
    /* Else OpenSSL would read more into it than names: other kinds, sections of a file. */
    if (extra != NULL &&
        strspn(extra, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:*, ") !=
            strlen(extra)) {
        return trouble_say(trouble, 0, "give names as example.org and 192.0.2.1",
            "an alternative name is neither a DNS name nor an address");
    }
    if (draft->days == 0 || draft->days > ROOT_DAYS) {
        return trouble_say(
            trouble, 0, "give a number of days up to 3650", "a certificate lives 1 to 3650 days");
    }
    return true;
}

static bool
make_names(const struct authority_draft *draft, struct names *names, struct trouble *trouble)
{
    const char *dot = draft->account[0] != '\0' ? "." : "";
    const char *slash = draft->account[0] != '\0' ? "/" : "";
    const char *extra = draft->alternative_names != NULL ? draft->alternative_names : "";

    (void)snprintf(names->common, sizeof(names->common), "%s.%s%s%s.serviceradar", draft->component,
        draft->partition, dot, draft->account);
    size_t len = strlen(names->common);
    if (len > AUTHORITY_NAME_MAX) {
        return trouble_say(trouble, 0, "choose a shorter name for the site or the component",
            "the name %s has %zu letters, and certificates have room for 64", names->common, len);
    }
    int written = snprintf(names->alternative, sizeof(names->alternative),
        "DNS:%s,DNS:%s.serviceradar,URI:spiffe://serviceradar.local/%s%s%s/%s/%s%s%s%s",
        names->common, draft->component, draft->type != NULL ? draft->type : draft->component,
        slash, draft->account, draft->partition, draft->component,
        draft->server ? ",DNS:localhost,IP:127.0.0.1,IP:::1" : "", extra[0] != '\0' ? "," : "",
        extra);
    return (written > 0 && (size_t)written < sizeof(names->alternative)) ||
           trouble_say(trouble, 0, "name fewer of them",
               "the alternative names together are longer than 1,000 letters");
}

/* Two PEM texts as one. NULL without memory. Owned: free(). */
static char *
join(const char *first, const char *second)
{
    size_t len = strlen(first) + strlen(second) + 1;
    char *text = malloc(len);

    if (text != NULL) {
        (void)snprintf(text, len, "%s%s", first, second);
    }
    return text;
}

/* The texts of what was issued. */
static bool
fill(struct store *store, const char *account, const struct x509_identity *leaf, bool has_key,
    struct authority_made *made, struct trouble *trouble)
{
    char root[AUTHORITY_PEM_MAX], intermediate[AUTHORITY_PEM_MAX];
    struct x509_pem pem = { NULL, 0 };
    struct x509_pem key = { NULL, 0 };
    char serial[X509_SERIAL_LEN + 1];

    if (!find_certificate(store, "", root, trouble) ||
        !find_certificate(store, account, intermediate, trouble)) {
        return false;
    }
    if (account[0] == '\0') {
        intermediate[0] = '\0';
    }
    if (x509_certificate_pem(leaf, &pem) != X509_IDENTITY_OK ||
        (has_key && x509_key_pem(leaf, &key) != X509_IDENTITY_OK) ||
        x509_serial(leaf, serial) != X509_IDENTITY_OK ||
        x509_expiry(leaf, &made->expires_s) != X509_IDENTITY_OK) {
        x509_pem_done(&pem);
        return say_x509(trouble, "no certificate was made", X509_IDENTITY_ECRYPTO);
    }
    memcpy(made->serial, serial, sizeof(serial));
    made->certificate = join(pem.text, intermediate);
    made->chain = join(intermediate, root);
    made->key = key.text; /* taken over */
    x509_pem_done(&pem);
    return (made->certificate != NULL && made->chain != NULL) ||
           say_x509(trouble, "no certificate was made", X509_IDENTITY_ECRYPTO);
}

static bool
issue(struct store *store, const struct authority_draft *draft, const struct names *names,
    struct authority_made *made, struct trouble *trouble)
{
    struct x509_identity *issuer = NULL;
    struct x509_identity *leaf = NULL;
    const struct x509_request request = { .common_name = names->common,
        .alternative_names = names->alternative,
        .usage = draft->server ? X509_USAGE_SERVER : X509_USAGE_CLIENT,
        .now = (time_t)store_now(),
        .days = draft->days,
        .csr = draft->csr };

    if (!load_authority(store, draft->account, &issuer, trouble)) {
        return false;
    }
    enum x509_err err = x509_issue(issuer, &request, &leaf);
    x509_free(issuer);
    if (err != X509_IDENTITY_OK) {
        return say_x509(trouble, names->common, err);
    }
    bool ok = fill(store, draft->account, leaf, draft->csr == NULL, made, trouble);
    x509_free(leaf);
    return ok &&
           store_run(store, trouble, NULL,
               "INSERT INTO certificate (serial, account, common_name, pem, created_s, expires_s)"
               " VALUES (?, ?, ?, ?, ?, ?)",
               "ttttii", made->serial, draft->account, names->common, made->certificate,
               (int64_t)store_now(), (int64_t)made->expires_s) &&
           audit(store, "ca issue", names->common, made->serial, trouble);
}

bool
authority_issue(struct store *store, const struct authority_draft *draft,
    struct authority_made *ret_made, struct trouble *trouble)
{
    struct authority_made made = { .key = NULL };
    struct names names;

    if (!check_draft(draft, trouble) || !make_names(draft, &names, trouble) ||
        !store_begin(store, trouble)) {
        return false;
    }
    if (!authority_ensure(store, draft->account, trouble) ||
        !issue(store, draft, &names, &made, trouble)) {
        store_rollback(store);
        authority_made_done(&made);
        return false;
    }
    if (!store_commit(store, trouble)) {
        authority_made_done(&made);
        return false;
    }
    *ret_made = made;
    return true;
}

void
authority_made_done(struct authority_made *made)
{
    if (made->key != NULL) {
        OPENSSL_cleanse(made->key, strlen(made->key));
    }
    free(made->key);
    free(made->certificate);
    free(made->chain);
    *made = (struct authority_made){ .key = NULL };
}

bool
authority_revoke(
    struct store *store, const char *serial, const char *reason, struct trouble *trouble)
{
    int rows = 0;

    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = store_run(store, trouble, &rows,
        "UPDATE certificate SET revoked_s = coalesce(revoked_s, ?), reason = coalesce(reason, ?)"
        " WHERE serial = ?",
        "itt", (int64_t)store_now(), reason, serial);
    if (ok && rows == 0) {
        ok = trouble_say(trouble, 0, "see serviceradar-provision ca list",
            "there is no certificate with the serial number %.64s", serial);
    }
    ok = ok && audit(store, "ca revoke", serial, reason, trouble);
    if (!ok) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

bool
authority_root(struct store *store, char **ret_pem, uint8_t ret_pin[32], struct trouble *trouble)
{
    char pem[AUTHORITY_PEM_MAX];
    struct x509_identity *root = NULL;

    if (!find_certificate(store, "", pem, trouble)) {
        return false;
    }
    if (pem[0] == '\0') {
        return trouble_say(
            trouble, 0, "run serviceradar-provision ca init", "there is no certificate authority");
    }
    enum x509_err err = x509_load(pem, NULL, &root);
    char *copy = err == X509_IDENTITY_OK ? strdup(pem) : NULL;
    if (err == X509_IDENTITY_OK) {
        err = copy != NULL ? x509_pin(root, ret_pin) : X509_IDENTITY_ECRYPTO;
    }
    x509_free(root);
    if (err != X509_IDENTITY_OK) {
        free(copy);
        return say_x509(trouble, "the root's certificate is damaged", err);
    }
    *ret_pem = copy;
    return true;
}

/* The revoked certificates of a CRL; the serials are `texts`. */
struct revoked {
    struct x509_revoked *list;
    char (*texts)[64];
    size_t count, room;
};

static bool
take_revoked(void *arg, struct sqlite3_stmt *row)
{
    struct revoked *r = arg;

    if (r->count == r->room) {
        return false;
    }
    store_text(row, 0, r->texts[r->count], sizeof(r->texts[0]));
    r->list[r->count] = (struct x509_revoked){ .serial = r->texts[r->count],
        .at = (time_t)sqlite3_column_int64(row, 1) };
    r->count++;
    return true;
}

static bool
take_count(void *arg, struct sqlite3_stmt *row)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return true;
}

static bool
sign_crl(struct store *store, const char *account, unsigned days, const struct revoked *revoked,
    struct x509_pem *ret_crl, struct trouble *trouble)
{
    struct x509_identity *issuer = NULL;

    if (!load_authority(store, account, &issuer, trouble)) {
        return false;
    }
    enum x509_err err =
        x509_crl(issuer, revoked->list, revoked->count, (time_t)store_now(), days, ret_crl);
    x509_free(issuer);
    return err == X509_IDENTITY_OK || say_x509(trouble, "no CRL was made", err);
}

bool
authority_crl(struct store *store, const char *account, unsigned days, char **ret_pem,
    struct trouble *trouble)
{
    struct revoked revoked = { .count = 0 };
    struct x509_pem crl = { NULL, 0 };
    int64_t count = 0;

    if (!authority_ensure(store, account, trouble) ||
        !store_query(store, trouble, take_count, &count, NULL,
            "SELECT count(*) FROM certificate WHERE account = ? AND revoked_s IS NOT NULL", "t",
            account)) {
        return false;
    }
    revoked.room = count < REVOKED_MAX ? (size_t)count : REVOKED_MAX;
    revoked.list = calloc(revoked.room + 1, sizeof(*revoked.list));
    revoked.texts = calloc(revoked.room + 1, sizeof(*revoked.texts));
    bool ok = (revoked.list != NULL && revoked.texts != NULL) ||
              trouble_errno(trouble, ENOMEM, "list what was revoked in", "state.db");
    /* Those that ended need not be told of (RFC 5280, section 3.3). */
    ok = ok &&
         store_query(store, trouble, take_revoked, &revoked, NULL,
             "SELECT serial, revoked_s FROM certificate WHERE account = ? AND revoked_s IS NOT"
             " NULL AND expires_s > ? ORDER BY revoked_s DESC",
             "ti", account, (int64_t)store_now()) &&
         sign_crl(store, account, days, &revoked, &crl, trouble);
    free(revoked.list);
    free(revoked.texts);
    if (ok) {
        *ret_pem = crl.text;
    }
    return ok;
}

/* For authority_list. */
struct listing {
    authority_certificate_cb *cb;
    void *arg;
};

static bool
tell_certificate(void *arg, struct sqlite3_stmt *row)
{
    const struct listing *listing = arg;
    char serial[64], account[ACCOUNT_NAME_MAX + 1], name[AUTHORITY_NAME_MAX + 1], reason[256];

    store_text(row, 0, serial, sizeof(serial));
    store_text(row, 1, account, sizeof(account));
    store_text(row, 2, name, sizeof(name));
    store_text(row, 3, reason, sizeof(reason));
    const struct authority_certificate certificate = { .serial = serial,
        .account = account,
        .common_name = name,
        .reason = reason,
        .created_s = (uint64_t)sqlite3_column_int64(row, 4),
        .expires_s = (uint64_t)sqlite3_column_int64(row, 5),
        .revoked_s = (uint64_t)sqlite3_column_int64(row, 6) };
    listing->cb(listing->arg, &certificate);
    return true;
}

bool
authority_list(struct store *store, const char *account, authority_certificate_cb *cb, void *arg,
    struct trouble *trouble)
{
    struct listing listing = { cb, arg };

    return store_query(store, trouble, tell_certificate, &listing, NULL,
        "SELECT serial, account, common_name, reason, created_s, expires_s, revoked_s"
        " FROM certificate WHERE ?1 IS NULL OR account = ?1 ORDER BY created_s, serial",
        "t", account);
}
