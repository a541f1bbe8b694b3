/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/bundle_check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sr/banned.h"

/* More certificates than any chain has; the rest of a file is not read. */
#define CERTIFICATES_MAX 16

void
bundle_add_problem(struct bundle_problems *out, enum bundle_fault fault, const char *detail)
{
    if (out->count < BUNDLE_PROBLEMS_MAX) {
        struct bundle_problem *problem = &out->list[out->count++];
        problem->fault = fault;
        bundle_detail(problem->detail, detail);
    }
}

static bool
has_tls(const struct bundle *bundle)
{
    return bundle->certificate.len + bundle->key.len + bundle->ca_chain.len > 0;
}

/* Without this OpenSSL would ask for a password on the terminal. Notes that it was asked. */
static int
refuse_password(char *buf, int size, int rwflag, void *asked)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    *(bool *)asked = true;
    return -1;
}

/* A reader over `text`, or NULL without memory. Free it with BIO_free. */
static BIO *
open_text(struct sr_span text)
{
    return text.len > 0 && text.len <= BUNDLE_UNPACKED_MAX
               ? BIO_new_mem_buf(text.data, (int)text.len)
               : NULL;
}

/* The certificates of a PEM file in its order, or NULL when there is none or one is damaged. */
static STACK_OF(X509) * read_certificates(struct sr_span text)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = open_text(text);
    bool asked = false;
    X509 *cert = NULL;

    while (certs != NULL && bio != NULL && sk_X509_num(certs) < CERTIFICATES_MAX &&
           (cert = PEM_read_bio_X509(bio, NULL, refuse_password, &asked)) != NULL) {
        if (sk_X509_push(certs, cert) <= 0) {
            X509_free(cert);
            break;
        }
    }
    bool at_end = cert != NULL || ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    if (certs != NULL && (sk_X509_num(certs) == 0 || !at_end)) {
        sk_X509_pop_free(certs, X509_free);
        return NULL;
    }
    return certs;
}

static void
free_certificates(STACK_OF(X509) * certs)
{
    sk_X509_pop_free(certs, X509_free);
}

static void
name_of(const X509 *cert, char out[BUNDLE_DETAIL_MAX])
{
    char text[BUNDLE_DETAIL_MAX] = "";

    (void)X509_NAME_get_text_by_NID(
        X509_get_subject_name(cert), NID_commonName, text, sizeof(text));
    bundle_detail(out, text);
}

/* "NAME, WHEN" */
static void
add_with_time(
    struct bundle_problems *out, enum bundle_fault fault, const X509 *cert, const ASN1_TIME *when)
{
    char name[BUNDLE_DETAIL_MAX];
    char text[BUNDLE_DETAIL_MAX + 32];
    char stamp[24] = "a time that is none";
    struct tm tm;

    name_of(cert, name);
    if (ASN1_TIME_to_tm(when, &tm) == 1) {
        (void)strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%SZ", &tm);
    }
    (void)snprintf(text, sizeof(text), "%s, %s", name, stamp);
    bundle_add_problem(out, fault, text);
}

static void
check_times(const X509 *cert, uint64_t now_s, enum bundle_fault expired, enum bundle_fault not_yet,
    struct bundle_problems *out)
{
    time_t now = (time_t)now_s;

    /* A time that cannot be read compares as 0 and is no good either. */
    if (X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0) {
        add_with_time(out, expired, cert, X509_get0_notAfter(cert));
    } else if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0) {
        add_with_time(out, not_yet, cert, X509_get0_notBefore(cert));
    }
}

void
bundle_check_key(const struct bundle *bundle, struct bundle_problems *out)
{
    bool asked = false;
    BIO *bio = open_text(bundle->key);
    STACK_OF(X509) *certs = read_certificates(bundle->certificate);

    if (has_tls(bundle) && (bundle->key.len > 0 || bundle->user_jwt.len == 0)) {
        EVP_PKEY *key =
            bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, refuse_password, &asked) : NULL;
        if (key == NULL) {
            bundle_add_problem(out, asked ? BUNDLE_KEY_ENCRYPTED : BUNDLE_KEY_UNREADABLE, "");
        } else if (certs != NULL && X509_check_private_key(sk_X509_value(certs, 0), key) != 1) {
            bundle_add_problem(out, BUNDLE_KEY_MISMATCH, "");
        }
        EVP_PKEY_free(key);
    }
    ERR_clear_error();
    free_certificates(certs);
    BIO_free(bio);
}

void
bundle_check_certificate(const struct bundle *bundle, uint64_t now_s, struct bundle_problems *out)
{
    if (!has_tls(bundle)) {
        return;
    }
    STACK_OF(X509) *certs = read_certificates(bundle->certificate);
    if (certs == NULL) {
        bundle_add_problem(out, BUNDLE_CERT_UNREADABLE, "");
        return;
    }
    X509 *leaf = sk_X509_value(certs, 0);
    check_times(leaf, now_s, BUNDLE_CERT_EXPIRED, BUNDLE_CERT_NOT_YET, out);
    if (X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT, 0) != 1) {
        char name[BUNDLE_DETAIL_MAX];
        name_of(leaf, name);
        bundle_add_problem(out, BUNDLE_CERT_NO_CLIENT, name);
    }
    free_certificates(certs);
}

/* What a chain is looked for in. */
struct chain_parts {
    STACK_OF(X509) * sent; /* the collector's certificate, and issuers that follow it */
    STACK_OF(X509) * file; /* the CA file */
    X509_STORE *roots;
    size_t root_count;
    bool leaf_in_file;
};

static bool
gather_roots(struct chain_parts *parts)
{
    X509 *leaf = sk_X509_value(parts->sent, 0);

    parts->roots = X509_STORE_new();
    for (int i = 0; parts->roots != NULL && i < sk_X509_num(parts->file); i++) {
        X509 *cert = sk_X509_value(parts->file, i);
        parts->leaf_in_file |= X509_cmp(cert, leaf) == 0;
        if (X509_self_signed(cert, 1) == 1) {
            parts->root_count++;
            if (X509_STORE_add_cert(parts->roots, cert) != 1) {
                return false;
            }
        }
    }
    return parts->roots != NULL;
}

/* Times are looked at one by one: those of the collector's own certificate are told elsewhere. */
static void
check_issuer_times(X509_STORE_CTX *context, uint64_t now_s, struct bundle_problems *out)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);

    for (int i = 1; i < sk_X509_num(chain); i++) {
        check_times(sk_X509_value(chain, i), now_s, BUNDLE_CA_EXPIRED, BUNDLE_CA_NOT_YET, out);
    }
}

static void
verify_chain(const struct chain_parts *parts, uint64_t now_s, struct bundle_problems *out)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *others = sk_X509_dup(parts->file);
    bool ready = context != NULL && others != NULL;

    for (int i = 1; i < sk_X509_num(parts->sent) && ready; i++) {
        ready = sk_X509_push(others, sk_X509_value(parts->sent, i)) > 0;
    }
    if (!ready ||
        X509_STORE_CTX_init(context, parts->roots, sk_X509_value(parts->sent, 0), others) != 1) {
        bundle_add_problem(out, BUNDLE_NO_MEMORY, "");
    } else {
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME);
        if (X509_verify_cert(context) == 1) {
            check_issuer_times(context, now_s, out);
        } else {
            bundle_add_problem(out, BUNDLE_CHAIN_BROKEN,
                X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
        }
    }
    sk_X509_free(others);
    X509_STORE_CTX_free(context);
}

static void
check_parts(struct chain_parts *parts, uint64_t now_s, struct bundle_problems *out)
{
    char name[BUNDLE_DETAIL_MAX];

    if (parts->file == NULL) {
        bundle_add_problem(out, BUNDLE_CA_UNREADABLE, "");
    } else if (parts->sent == NULL) {
        return; /* bundle_check_certificate tells */
    } else if (!gather_roots(parts)) {
        bundle_add_problem(out, BUNDLE_NO_MEMORY, "");
    } else if (parts->root_count == 0) {
        name_of(sk_X509_value(parts->file, sk_X509_num(parts->file) - 1), name);
        bundle_add_problem(
            out, parts->leaf_in_file ? BUNDLE_CA_LEAF_NO_ROOT : BUNDLE_CA_NO_ROOT, name);
    } else {
        verify_chain(parts, now_s, out);
    }
}

void
bundle_check_chain(const struct bundle *bundle, uint64_t now_s, struct bundle_problems *out)
{
    if (!has_tls(bundle)) {
        return;
    }
    struct chain_parts parts = { .sent = read_certificates(bundle->certificate),
        .file = read_certificates(bundle->ca_chain) };
    check_parts(&parts, now_s, out);
    X509_STORE_free(parts.roots);
    free_certificates(parts.sent);
    free_certificates(parts.file);
    ERR_clear_error();
}

void
bundle_check(const struct bundle *bundle, const char *const *subjects, uint64_t now_s,
    struct bundle_problems *out)
{
    bundle_check_certificate(bundle, now_s, out);
    bundle_check_key(bundle, out);
    bundle_check_chain(bundle, now_s, out);
    bundle_check_creds(bundle, now_s, out);
    if (subjects != NULL) {
        bundle_check_publish(bundle, subjects, out);
    }
}
