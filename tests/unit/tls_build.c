/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_build.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static void
must(bool done)
{
    if (!done) {
        abort();
    }
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

struct tls_build_cert
tls_build(const struct tls_build_ask *ask)
{
    return tls_build_named(ask, NULL);
}

struct tls_build_cert
tls_build_named(const struct tls_build_ask *ask, const char *alternatives)
{
    static long serial;
    struct tls_build_cert made = { EVP_EC_gen("P-256"), X509_new() };
    must(made.key != NULL && made.cert != NULL);
    const struct tls_build_cert *issuer = ask->issuer != NULL ? ask->issuer : &made;
    X509_NAME *name = X509_get_subject_name(made.cert);

    must(X509_set_version(made.cert, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set(X509_get_serialNumber(made.cert), ++serial) == 1 &&
         ASN1_TIME_set(X509_getm_notBefore(made.cert), ask->from) != NULL &&
         ASN1_TIME_set(X509_getm_notAfter(made.cert), ask->to) != NULL &&
         X509_set_pubkey(made.cert, made.key) == 1 &&
         X509_NAME_add_entry_by_txt(
             name, "CN", MBSTRING_UTF8, (const unsigned char *)ask->name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(made.cert, X509_get_subject_name(issuer->cert)) == 1);
    add_extension(made.cert, issuer->cert, NID_basic_constraints,
        ask->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (ask->usage != NULL) {
        add_extension(made.cert, issuer->cert, NID_ext_key_usage, ask->usage);
    }
    if (alternatives != NULL) {
        add_extension(made.cert, issuer->cert, NID_subject_alt_name, alternatives);
    }
    must(X509_sign(made.cert, issuer->key, EVP_sha256()) > 0);
    return made;
}

void
tls_build_free(struct tls_build_cert *made)
{
    EVP_PKEY_free(made->key);
    X509_free(made->cert);
}

/* Appends what was written into `bio`, which this frees. */
static void
add_text(char *text, size_t cap, BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    size_t at = strlen(text);

    must(len > 0 && (size_t)len < cap - at);
    memcpy(text + at, data, (size_t)len);
    text[at + (size_t)len] = '\0';
    BIO_free(bio);
}

void
tls_build_add_cert(char *text, size_t cap, const struct tls_build_cert *made)
{
    BIO *bio = BIO_new(BIO_s_mem());

    must(bio != NULL && PEM_write_bio_X509(bio, made->cert) == 1);
    add_text(text, cap, bio);
}

void
tls_build_add_key(char *text, size_t cap, const struct tls_build_cert *made, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = password != NULL ? EVP_aes_256_cbc() : NULL;
    int len = password != NULL ? (int)strlen(password) : 0;

    must(bio != NULL &&
         PEM_write_bio_PKCS8PrivateKey(bio, made->key, cipher, password, len, NULL, NULL) == 1);
    add_text(text, cap, bio);
}

void
tls_build_add_crl(char *text, size_t cap, const struct tls_build_cert *issuer,
    const struct tls_build_cert *revoked, time_t next)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *at = ASN1_TIME_set(NULL, next - 7L * 24 * 3600);
    BIO *bio = BIO_new(BIO_s_mem());

    must(crl != NULL && at != NULL && bio != NULL && X509_CRL_set_version(crl, 1) == 1 &&
         X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1 &&
         X509_CRL_set1_lastUpdate(crl, at) == 1 && ASN1_TIME_set(at, next) != NULL &&
         X509_CRL_set1_nextUpdate(crl, at) == 1);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        must(entry != NULL &&
             X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->cert)) == 1 &&
             X509_REVOKED_set_revocationDate(entry, at) == 1 &&
             X509_CRL_add0_revoked(crl, entry) == 1);
    }
    must(
        X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0 && PEM_write_bio_X509_CRL(bio, crl) == 1);
    add_text(text, cap, bio);
    ASN1_TIME_free(at);
    X509_CRL_free(crl);
}
