/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "files.h"
#include "issuer/authority.h"
#include "issuer/operator.h"
#include "issuer/user.h"
#include "sr/creds.h"

#include "sr/banned.h"

#define DAY_S 86400U
#define CERTIFICATE_DAYS 90U
#define RENEWED_BEFORE_S (30 * DAY_S)

/* What a connection needs, wiped by broker_done(). */
struct broker {
    char url[OPERATOR_URL_MAX + 1];
    char ca_file[FILES_PATH_MAX], cert_file[FILES_PATH_MAX], key_file[FILES_PATH_MAX];
    char cert[STORE_SECRET_MAX + 1], key[STORE_SECRET_MAX + 1];
    char *ca;
};

static void
broker_done(struct broker *b)
{
    free(b->ca);
    OPENSSL_cleanse(b, sizeof(*b));
    free(b);
}

/* ---- TLS ---- */

/* Reads a secret that is text. */
static bool
read_text(
    struct store *store, const char *name, char out[STORE_SECRET_MAX + 1], struct trouble *trouble)
{
    size_t len = 0;

    if (!store_secret(store, "tls", name, (uint8_t *)out, &len, trouble)) {
        return false;
    }
    out[len] = '\0';
    return true;
}

static bool
keep_text(struct store *store, const char *name, const char *text, struct trouble *trouble)
{
    return store_keep_secret(
        store, "tls", name, (struct sr_span){ (const uint8_t *)text, strlen(text) }, trouble);
}

/* Issues the certificate that the issuer shows to the server, and keeps it until it ends. */
static bool
issue(struct store *store, struct trouble *trouble)
{
    const struct authority_draft draft = {
        .account = "", .component = "provision", .partition = "issuer", .days = CERTIFICATE_DAYS
    };
    struct authority_made made;
    char ends[24];

    if (!authority_issue(store, &draft, &made, trouble)) {
        return false;
    }
    (void)snprintf(ends, sizeof(ends), "%llu", (unsigned long long)made.expires_s);
    bool good = keep_text(store, "server-certificate", made.certificate, trouble) &&
                keep_text(store, "server-key", made.key, trouble) &&
                store_set(store, "server_certificate_ends", ends, trouble);
    authority_made_done(&made);
    return good;
}

static bool
ensure_certificate(struct store *store, struct trouble *trouble)
{
    char ends[24];

    if (!store_setting(store, "server_certificate_ends", ends, sizeof(ends), trouble)) {
        return false;
    }
    if (strtoull(ends, NULL, 10) > store_now() + RENEWED_BEFORE_S) {
        return true;
    }
    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!issue(store, trouble)) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

static bool
load_tls(struct store *store, struct broker *b, struct trouble *trouble)
{
    uint8_t pin[32];

    if (!store_setting(store, "server_ca_file", b->ca_file, sizeof(b->ca_file), trouble) ||
        !store_setting(store, "server_cert_file", b->cert_file, sizeof(b->cert_file), trouble) ||
        !store_setting(store, "server_key_file", b->key_file, sizeof(b->key_file), trouble)) {
        return false;
    }
    /* The certificate first: it makes the root where there is none yet. */
    if (b->cert_file[0] == '\0' && (!ensure_certificate(store, trouble) ||
                                       !read_text(store, "server-certificate", b->cert, trouble) ||
                                       !read_text(store, "server-key", b->key, trouble))) {
        return false;
    }
    return b->ca_file[0] != '\0' || authority_root(store, &b->ca, pin, trouble);
}

static struct broker *
load(struct store *store, struct trouble *trouble)
{
    struct broker *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        (void)trouble_say(trouble, 0, "free memory and run it again", "out of memory");
        return NULL;
    }
    bool good = store_setting(store, "server_url", b->url, sizeof(b->url), trouble);
    if (good && b->url[0] == '\0') {
        good = trouble_say(trouble, 0,
            "name it: serviceradar-provision operator set --server tls://HOST:4222",
            "no NATS server is configured");
    }
    if (!good || !load_tls(store, b, trouble)) {
        broker_done(b);
        return NULL;
    }
    return b;
}

/* ---- Connecting ---- */

static bool
say_failed(enum admin_err err, const char *url, const char *who, const char *detail,
    struct trouble *trouble)
{
    if (err == ADMIN_EAUTH) {
        return trouble_say(trouble, 0,
            "run the server with the files of `serviceradar-provision nats-config`, push the "
            "account, and compare the clocks of both hosts",
            "%s refuses %s: %s", url, who, detail);
    }
    return trouble_say(trouble, 0,
        "start the server, or correct the address (operator set --server), and look whether a "
        "firewall is in between",
        "cannot reach the NATS server %s: %s", url, *detail != '\0' ? detail : admin_strerror(err));
}

static bool
dial(const struct broker *b, const char *jwt, const char *seed, const char *inbox, const char *who,
    struct admin **ret_admin, struct trouble *trouble)
{
    char detail[ADMIN_DETAIL_MAX];
    const struct admin_target target = { .url = b->url,
        .ca_file = b->ca_file,
        .cert_file = b->cert_file[0] != '\0' ? b->cert_file : NULL,
        .key_file = b->key_file,
        .inbox_prefix = inbox,
        .ca_pem = b->ca,
        .cert_pem = b->cert_file[0] == '\0' ? b->cert : NULL,
        .key_pem = b->key,
        .jwt = jwt,
        .seed = seed };
    enum admin_err err = admin_open(&target, ret_admin, detail);

    return err == ADMIN_OK || say_failed(err, b->url, who, detail, trouble);
}

/* Copies one item of a credentials file, with a NUL behind: free() it. */
static char *
copy_item(struct sr_span item)
{
    char *text = malloc(item.len + 1);

    if (text != NULL) {
        memcpy(text, item.data, item.len);
        text[item.len] = '\0';
    }
    return text;
}

static bool
dial_with_creds(
    const struct broker *b, const char *creds, struct admin **ret_admin, struct trouble *trouble)
{
    struct sr_creds_text text;
    struct sr_span file = { (const uint8_t *)creds, strlen(creds) };

    if (sr_creds_parse(file, &text) != SR_CREDS_OK) {
        return trouble_say(trouble, 0, "restore the database from a backup",
            "the credentials of the system user in the database are damaged");
    }
    char *jwt = copy_item(text.jwt);
    char *seed = copy_item(text.seed);
    bool good = jwt != NULL && seed != NULL
                    ? dial(b, jwt, seed, "_INBOX", "this issuer", ret_admin, trouble)
                    : trouble_say(trouble, 0, "free memory and run it again", "out of memory");
    if (seed != NULL) {
        OPENSSL_cleanse(seed, strlen(seed));
    }
    free(seed);
    free(jwt);
    return good;
}

bool
broker_open_system(struct store *store, struct admin **ret_admin, struct trouble *trouble)
{
    char creds[OPERATOR_CREDS_MAX + 1];
    struct broker *b = load(store, trouble);

    if (b == NULL) {
        return false;
    }
    bool good =
        operator_creds(store, creds, trouble) && dial_with_creds(b, creds, ret_admin, trouble);
    OPENSSL_cleanse(creds, sizeof(creds));
    broker_done(b);
    return good;
}

bool
broker_open_account(
    struct store *store, const char *account, struct admin **ret_admin, struct trouble *trouble)
{
    struct user_made user;
    char who[64];

    if (!user_borrow(store, account, &user, trouble)) {
        return false;
    }
    struct broker *b = load(store, trouble);
    (void)snprintf(who, sizeof(who), "users of account %s", account);
    bool good = b != NULL && dial(b, user.jwt, user.seed, "_INBOX", who, ret_admin, trouble);
    user_made_done(&user);
    if (b != NULL) {
        broker_done(b);
    }
    return good;
}
