/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/api_identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "enroll/token_fields.h"
#include "files.h"
#include "issuer/authority.h"

#include "sr/banned.h"

#define PEM_FILE_MAX 65536
#define DAYS 90
#define KIND "tls"
#define NAME_CERTIFICATE "api"
#define NAME_KEY "api-key"
#define SECONDS_PER_DAY 86400
#define SCHEME "https://"

void
api_identity_done(struct api_identity *identity)
{
    if (identity->key != NULL) {
        OPENSSL_cleanse(identity->key, strlen(identity->key));
    }
    free(identity->key);
    free(identity->certificate);
    *identity = (struct api_identity){ .key = NULL };
}

static bool
cannot_read(struct trouble *trouble, int error, const char *file)
{
    return trouble_say(trouble, error, "give --cert and --key files in PEM that this user may read",
        "cannot read %s: %s", file, strerror(error));
}

bool
api_identity_read(const char *certificate_file, const char *key_file,
    struct api_identity *ret_identity, struct trouble *trouble)
{
    struct api_identity id = { .key = NULL };
    struct stat st;
    size_t len;

    if (!files_read(certificate_file, PEM_FILE_MAX, &id.certificate, &len)) {
        return cannot_read(trouble, errno, certificate_file);
    }
    if (!files_read(key_file, PEM_FILE_MAX, &id.key, &len) || stat(key_file, &st) != 0) {
        int error = errno;
        api_identity_done(&id);
        return cannot_read(trouble, error, key_file);
    }
    if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        api_identity_done(&id);
        return trouble_say(trouble, EPERM, "take the rights of others away with chmod o-rwx",
            "everybody may read the key %s", key_file);
    }
    *ret_identity = id;
    return true;
}

/* ---- Our own ---- */

/* The host of the API's URL, without the brackets of IPv6. */
static bool
find_host(struct store *store, char ret_host[TOKEN_URL_MAX + 1], struct trouble *trouble)
{
    char setting[TOKEN_URL_MAX + 1], url[TOKEN_URL_MAX + 1];

    if (!store_setting(store, "api_url", setting, sizeof(setting), trouble)) {
        return false;
    }
    if (token_url((struct sr_span){ (const uint8_t *)setting, strlen(setting) }, url) != TOKEN_OK) {
        return trouble_say(trouble, 0,
            "set it with `serviceradar-provision operator`, or give --cert and --key",
            "there is no URL of this interface (api_url) to issue a certificate for");
    }
    const char *host = url + sizeof(SCHEME) - 1;
    bool bracketed = *host == '[';
    host += bracketed ? 1 : 0;
    (void)snprintf(
        ret_host, TOKEN_URL_MAX + 1, "%.*s", (int)strcspn(host, bracketed ? "]" : ":/"), host);
    return true;
}

static bool
is_address(const char *host)
{
    unsigned char memory[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, memory) == 1 || inet_pton(AF_INET6, host, memory) == 1;
}

static X509 *
parse(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *x = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    (void)BIO_free(bio);
    return x;
}

/* Seconds from `now_s` to a time of a certificate: past ones are negative. False when it is none.
 */
static bool
seconds_to(const ASN1_TIME *time, uint64_t now_s, int64_t *ret_seconds)
{
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)now_s);
    int days = 0, seconds = 0;
    bool ok = now != NULL && ASN1_TIME_diff(&days, &seconds, now, time) == 1;

    ASN1_TIME_free(now);
    *ret_seconds = (int64_t)days * SECONDS_PER_DAY + seconds;
    return ok;
}

/* When a certificate for `host` has had two thirds of its time; 0 when it is not one, or too old.
 */
static uint64_t
renewal_time(const char *pem, const char *host, uint64_t now_s)
{
    X509 *x = parse(pem);
    int64_t begin = 0, end = 0;
    uint64_t at_s = 0;

    if (x != NULL &&
        (is_address(host) ? X509_check_ip_asc(x, host, 0) : X509_check_host(x, host, 0, 0, NULL)) ==
            1 &&
        seconds_to(X509_get0_notBefore(x), now_s, &begin) &&
        seconds_to(X509_get0_notAfter(x), now_s, &end) && begin <= 0 && end > begin) {
        int64_t left = end - (end - begin) / 3;
        at_s = left > 0 ? now_s + (uint64_t)left : 0;
    }
    X509_free(x);
    return at_s;
}

static bool
keep_text(struct store *store, const char *name, const char *text, struct trouble *trouble)
{
    return store_keep_secret(
        store, KIND, name, (struct sr_span){ (const uint8_t *)text, strlen(text) }, trouble);
}

/* A secret as an owned text; NULL when it is not there. */
static char *
kept_text(struct store *store, const char *name)
{
    uint8_t secret[STORE_SECRET_MAX];
    size_t len = 0;
    struct trouble ignored;
    char *text = NULL;

    if (store_secret(store, KIND, name, secret, &len, &ignored)) {
        text = strndup((const char *)secret, len);
        OPENSSL_cleanse(secret, len);
    }
    return text;
}

/*
 * What is sent: the leaf, and the root behind it. A client that trusts by the pin of a token does
 * not have the root and finds it here.
 */
static char *
certificates_of(const struct authority_made *made)
{
    char *text = NULL;

    return asprintf(&text, "%s%s", made->certificate, made->chain) >= 0 ? text : NULL;
}

static bool
keep_issued(struct store *store, const struct authority_made *made, struct trouble *trouble)
{
    char *text = certificates_of(made);

    if (text == NULL) {
        return trouble_say(
            trouble, ENOMEM, "free memory and run it again", "there is no memory left");
    }
    bool ok = keep_text(store, NAME_CERTIFICATE, text, trouble) &&
              keep_text(store, NAME_KEY, made->key, trouble);
    free(text);
    return ok;
}

static bool
issue(
    struct store *store, const char *host, struct authority_made *ret_made, struct trouble *trouble)
{
    char names[TOKEN_URL_MAX + 8];
    const struct authority_draft draft = {
        .account = "",
        .component = "api",
        .partition = "issuer",
        .alternative_names = names,
        .server = true,
        .days = DAYS,
    };

    (void)snprintf(names, sizeof(names), "%s:%s", is_address(host) ? "IP" : "DNS", host);
    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!authority_issue(store, &draft, ret_made, trouble)) {
        store_rollback(store);
        return false;
    }
    if (!keep_issued(store, ret_made, trouble)) {
        authority_made_done(ret_made);
        store_rollback(store);
        return false;
    }
    if (!store_commit(store, trouble)) {
        authority_made_done(ret_made);
        return false;
    }
    return true;
}

bool
api_identity_own(struct store *store, uint64_t now_s, struct api_identity *ret_identity,
    bool *ret_issued, struct trouble *trouble)
{
    char host[TOKEN_URL_MAX + 1];
    struct authority_made made;
    bool issued = false;

    if (!find_host(store, host, trouble)) {
        return false;
    }
    struct api_identity id = {
        .certificate = kept_text(store, NAME_CERTIFICATE),
        .key = kept_text(store, NAME_KEY),
    };
    if (id.certificate != NULL && id.key != NULL) {
        id.renew_s = renewal_time(id.certificate, host, now_s);
    }
    if (id.renew_s == 0) {
        api_identity_done(&id);
        if (!issue(store, host, &made, trouble)) {
            return false;
        }
        id = (struct api_identity){ .certificate = certificates_of(&made),
            .key = strdup(made.key),
            .renew_s = renewal_time(made.certificate, host, now_s) };
        authority_made_done(&made);
        issued = true;
    }
    if (id.certificate == NULL || id.key == NULL) {
        api_identity_done(&id);
        return trouble_say(
            trouble, ENOMEM, "free memory and run it again", "there is no memory left");
    }
    *ret_identity = id;
    if (ret_issued != NULL) {
        *ret_issued = issued;
    }
    return true;
}
