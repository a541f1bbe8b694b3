/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/x509.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sr/buf.h"

#include "sr/banned.h"

#define CLOCK_SLACK_S 60
#define SERIAL_BYTES (X509_SERIAL_LEN / 2) /* RFC 5280, section 4.1.2.2, allows 20 */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

struct x509_identity {
    EVP_PKEY *key;
    X509 *cert;
};

void
x509_free(struct x509_identity *id)
{
    if (id != NULL) {
        EVP_PKEY_free(id->key);
        X509_free(id->cert);
        free(id);
    }
}

static bool
set_serial(X509 *cert)
{
    uint8_t bytes[SERIAL_BYTES];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return false;
    }
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and of full length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool
set_times(X509 *cert, time_t now, unsigned days)
{
    return X509_time_adj_ex(X509_getm_notBefore(cert), 0, -CLOCK_SLACK_S, &now) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, &now) != NULL;
}

static bool
set_name(X509 *cert, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(cert);

    return X509_NAME_add_entry_by_txt(
               name, "O", MBSTRING_UTF8, (const unsigned char *)"ServiceRadar", -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(
               name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1;
}

/* Adds the extension `nid` from OpenSSL's text form of it. */
static bool
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* No certificate is of use when that of its issuer has ended. */
static bool
cut_times(X509 *cert, const X509 *issuer)
{
    return ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(issuer)) <= 0 ||
           X509_set1_notAfter(cert, X509_get0_notAfter(issuer)) == 1;
}

/* A certificate over `key` (taken over) with all but issuer, extensions and signature. */
static enum x509_err
begin(EVP_PKEY *key, const char *common_name, time_t now, unsigned days,
    struct x509_identity **ret_id)
{
    struct x509_identity *id = calloc(1, sizeof(*id));

    if (id == NULL) {
        EVP_PKEY_free(key);
        return X509_IDENTITY_ECRYPTO;
    }
    id->key = key;
    id->cert = X509_new();
    if (id->key == NULL || id->cert == NULL || X509_set_version(id->cert, X509_VERSION_3) != 1 ||
        !set_serial(id->cert) || !set_times(id->cert, now, days) ||
        X509_set_pubkey(id->cert, id->key) != 1) {
        x509_free(id);
        return X509_IDENTITY_ECRYPTO;
    }
    if (!set_name(id->cert, common_name)) {
        x509_free(id);
        return X509_IDENTITY_ENAME;
    }
    *ret_id = id;
    return X509_IDENTITY_OK;
}

/* The extensions of an authority, and the signature. */
static bool
finish_authority(struct x509_identity *id, const struct x509_identity *issuer, const char *basics)
{
    X509 *cert = id->cert;

    return X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert)) == 1 &&
           cut_times(cert, issuer->cert) &&
           add_extension(cert, issuer->cert, NID_basic_constraints, basics) &&
           add_extension(cert, issuer->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(cert, issuer->cert, NID_subject_key_identifier, "hash") &&
           add_extension(cert, issuer->cert, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(cert, issuer->key, EVP_sha256()) != 0;
}

static enum x509_err
make_authority(const struct x509_identity *issuer, const char *common_name, time_t now,
    unsigned days, struct x509_identity **ret_id)
{
    struct x509_identity *id = NULL;
    enum x509_err err = begin(EVP_EC_gen("P-256"), common_name, now, days, &id);

    if (err != X509_IDENTITY_OK) {
        return err;
    }
    if (!finish_authority(id, issuer != NULL ? issuer : id,
            issuer != NULL ? "critical,CA:TRUE,pathlen:0" : "critical,CA:TRUE,pathlen:1")) {
        x509_free(id);
        return X509_IDENTITY_ECRYPTO;
    }
    *ret_id = id;
    return X509_IDENTITY_OK;
}

enum x509_err
x509_make_root(const char *common_name, time_t now, unsigned days, struct x509_identity **ret_root)
{
    return make_authority(NULL, common_name, now, days, ret_root);
}

enum x509_err
x509_make_intermediate(const struct x509_identity *root, const char *common_name, time_t now,
    unsigned days, struct x509_identity **ret_intermediate)
{
    return make_authority(root, common_name, now, days, ret_intermediate);
}

/* Whether certificates are issued for such a key: nothing weak, and nothing slow to verify. */
static bool
good_key(EVP_PKEY *key)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(key);

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519: return true;
    case EVP_PKEY_RSA: return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    case EVP_PKEY_EC:
        return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
               (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
    default: return false;
    }
}

/* The public key of a signing request, after the proof that its sender has the private one. */
static enum x509_err
requested_key(const char *csr, EVP_PKEY **ret_key)
{
    size_t len = strnlen(csr, X509_REQUEST_MAX + 1);
    BIO *bio = len <= X509_REQUEST_MAX ? BIO_new_mem_buf(csr, (int)len) : NULL;
    X509_REQ *request = bio != NULL ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = request != NULL ? X509_REQ_get_pubkey(request) : NULL;
    enum x509_err err = X509_IDENTITY_OK;

    if (request == NULL) {
        err = X509_IDENTITY_EREQUEST;
    } else if (key == NULL || !good_key(key)) {
        err = X509_IDENTITY_EKEY;
    } else if (X509_REQ_verify(request, key) != 1) {
        err = X509_IDENTITY_EPROOF;
    }
    if (err == X509_IDENTITY_OK) {
        *ret_key = key;
    } else {
        EVP_PKEY_free(key);
    }
    X509_REQ_free(request);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

enum x509_err
x509_check_request(const char *csr)
{
    EVP_PKEY *key = NULL;
    enum x509_err err = requested_key(csr, &key);

    EVP_PKEY_free(key);
    return err;
}

/* The extensions of a leaf but for its names, and the signature. */
static bool
finish_leaf(struct x509_identity *leaf, const struct x509_identity *issuer, enum x509_usage usage)
{
    X509 *cert = leaf->cert;
    const char *purposes = usage == X509_USAGE_SERVER ? "serverAuth,clientAuth" : "clientAuth";
    /* RSA keys also decrypt the first message of old cipher suites. */
    const char *uses = EVP_PKEY_get_base_id(leaf->key) == EVP_PKEY_RSA
                           ? "critical,digitalSignature,keyEncipherment"
                           : "critical,digitalSignature";

    return X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert)) == 1 &&
           cut_times(cert, issuer->cert) &&
           add_extension(cert, issuer->cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, issuer->cert, NID_key_usage, uses) &&
           add_extension(cert, issuer->cert, NID_ext_key_usage, purposes) &&
           add_extension(cert, issuer->cert, NID_subject_key_identifier, "hash") &&
           add_extension(cert, issuer->cert, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(cert, issuer->key, EVP_sha256()) != 0;
}

enum x509_err
x509_issue(const struct x509_identity *issuer, const struct x509_request *request,
    struct x509_identity **ret_leaf)
{
    struct x509_identity *leaf = NULL;
    EVP_PKEY *key = NULL;
    enum x509_err err = X509_IDENTITY_OK;

    if (request->csr == NULL) {
        key = EVP_EC_gen("P-256");
    } else {
        err = requested_key(request->csr, &key);
    }
    if (err == X509_IDENTITY_OK) {
        err = begin(key, request->common_name, request->now, request->days, &leaf);
    }
    if (err != X509_IDENTITY_OK) {
        return err;
    }
    if (!add_extension(
            leaf->cert, issuer->cert, NID_subject_alt_name, request->alternative_names)) {
        err = X509_IDENTITY_ENAME;
    } else if (!finish_leaf(leaf, issuer, request->usage)) {
        err = X509_IDENTITY_ECRYPTO;
    }
    if (err != X509_IDENTITY_OK) {
        x509_free(leaf);
        return err;
    }
    if (request->csr != NULL) { /* what is there is only the public half */
        EVP_PKEY_free(leaf->key);
        leaf->key = NULL;
    }
    *ret_leaf = leaf;
    return X509_IDENTITY_OK;
}

enum x509_err
x509_load(const char *certificate, const char *key, struct x509_identity **ret_id)
{
    struct x509_identity *id = calloc(1, sizeof(*id));
    BIO *cert_bio = BIO_new_mem_buf(certificate, -1);
    BIO *key_bio = key != NULL ? BIO_new_mem_buf(key, -1) : NULL;
    enum x509_err err = X509_IDENTITY_ECRYPTO;

    if (id != NULL && cert_bio != NULL && (key == NULL || key_bio != NULL)) {
        id->cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
        id->key = key != NULL ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
        bool good =
            id->cert != NULL &&
            (key == NULL || (id->key != NULL && X509_check_private_key(id->cert, id->key) == 1));
        err = good ? X509_IDENTITY_OK : X509_IDENTITY_EFORM;
    }
    if (err == X509_IDENTITY_OK) {
        *ret_id = id;
    } else {
        x509_free(id);
    }
    BIO_free(cert_bio);
    BIO_free(key_bio);
    ERR_clear_error();
    return err;
}

/* Copies what was written into `bio`, which this frees and whose memory it wipes. */
static enum x509_err
take_text(BIO *bio, bool written, struct x509_pem *ret_pem)
{
    char *data = NULL;
    long len = bio != NULL && written ? BIO_get_mem_data(bio, &data) : 0;
    char *text = len > 0 ? malloc((size_t)len + 1) : NULL;

    if (text != NULL) {
        memcpy(text, data, (size_t)len);
        text[len] = '\0';
        OPENSSL_cleanse(data, (size_t)len);
        *ret_pem = (struct x509_pem){ text, (size_t)len };
    }
    BIO_free(bio);
    return text != NULL ? X509_IDENTITY_OK : X509_IDENTITY_ECRYPTO;
}

enum x509_err
x509_certificate_pem(const struct x509_identity *id, struct x509_pem *ret_pem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_text(bio, bio != NULL && PEM_write_bio_X509(bio, id->cert) == 1, ret_pem);
}

enum x509_err
x509_key_pem(const struct x509_identity *id, struct x509_pem *ret_pem)
{
    if (id->key == NULL) {
        return X509_IDENTITY_EFORM;
    }
    BIO *bio = BIO_new(BIO_s_secmem());
    return take_text(bio,
        bio != NULL && PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL, NULL) == 1,
        ret_pem);
}

enum x509_err
x509_serial(const struct x509_identity *id, char ret_serial[X509_SERIAL_LEN + 1])
{
    uint8_t bytes[SERIAL_BYTES];
    struct sr_buf text = sr_buf_over(ret_serial, X509_SERIAL_LEN + 1);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(id->cert), NULL);
    bool fits = number != NULL && BN_bn2binpad(number, bytes, sizeof(bytes)) == SERIAL_BYTES;

    BN_free(number);
    if (!fits) {
        return X509_IDENTITY_EFORM;
    }
    sr_buf_add_hex(&text, (struct sr_span){ bytes, sizeof(bytes) });
    sr_buf_put(&text, '\0');
    return X509_IDENTITY_OK;
}

enum x509_err
x509_expiry(const struct x509_identity *id, uint64_t *ret_expires_s)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(X509_get0_notAfter(id->cert), &tm) != 1) {
        return X509_IDENTITY_EFORM;
    }
    time_t at = timegm(&tm);
    if (at < 0) {
        return X509_IDENTITY_EFORM;
    }
    *ret_expires_s = (uint64_t)at;
    return X509_IDENTITY_OK;
}

enum x509_err
x509_pin(const struct x509_identity *id, uint8_t ret_pin[X509_PIN_BYTES])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(id->cert), &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, ret_pin, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return ok ? X509_IDENTITY_OK : X509_IDENTITY_ECRYPTO;
}

/* Adds one entry to a CRL. */
static bool
add_revoked(X509_CRL *crl, const struct x509_revoked *one)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *at = ASN1_TIME_set(NULL, one->at);
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial = NULL;
    bool added = false;

    if (entry != NULL && at != NULL && BN_hex2bn(&number, one->serial) > 0) {
        serial = BN_to_ASN1_INTEGER(number, NULL);
        added = serial != NULL && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
                X509_REVOKED_set_revocationDate(entry, at) == 1 &&
                X509_CRL_add0_revoked(crl, entry) == 1;
    }
    if (!added) {
        X509_REVOKED_free(entry);
    }
    ASN1_INTEGER_free(serial);
    BN_free(number);
    ASN1_TIME_free(at);
    return added;
}

/* Version, issuer, times, number and the issuer's key: all that RFC 5280, section 5, wants. */
static bool
head_crl(X509_CRL *crl, const struct x509_identity *issuer, time_t now, unsigned days)
{
    ASN1_TIME *last = X509_time_adj_ex(NULL, 0, -CLOCK_SLACK_S, &now);
    ASN1_TIME *next = X509_time_adj_ex(NULL, (int)days, 0, &now);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer->cert, NULL, NULL, crl, 0);
    X509_EXTENSION *key =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool ok = last != NULL && next != NULL && number != NULL && key != NULL &&
              ASN1_INTEGER_set_int64(number, (int64_t)now) == 1 &&
              X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, last) == 1 &&
              X509_CRL_set1_nextUpdate(crl, next) == 1 && X509_CRL_add_ext(crl, key, -1) == 1 &&
              X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;
    X509_EXTENSION_free(key);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(next);
    ASN1_TIME_free(last);
    return ok;
}

enum x509_err
x509_crl(const struct x509_identity *issuer, const struct x509_revoked *list, size_t count,
    time_t now, unsigned days, struct x509_pem *ret_pem)
{
    X509_CRL *crl = X509_CRL_new();
    bool ok = crl != NULL && head_crl(crl, issuer, now, days);

    for (size_t i = 0; i < count && ok; i++) {
        ok = add_revoked(crl, &list[i]);
    }
    ok = ok && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, issuer->key, EVP_sha256()) != 0;
    BIO *bio = ok ? BIO_new(BIO_s_mem()) : NULL;
    enum x509_err err =
        take_text(bio, bio != NULL && PEM_write_bio_X509_CRL(bio, crl) == 1, ret_pem);
    X509_CRL_free(crl);
    return err;
}

void
x509_pem_done(struct x509_pem *pem)
{
    if (pem->text != NULL) {
        OPENSSL_cleanse(pem->text, pem->len);
        free(pem->text);
    }
    *pem = (struct x509_pem){ NULL, 0 };
}

const char *
x509_strerror(enum x509_err err)
{
    switch (err) {
    case X509_IDENTITY_OK: return "The certificate was made.";
    case X509_IDENTITY_ENAME: return "The name does not fit into a certificate.";
    case X509_IDENTITY_ECRYPTO:
        return "The cryptographic library failed: no randomness or no memory.";
    case X509_IDENTITY_EREQUEST: return "It is not a certificate signing request in PEM.";
    case X509_IDENTITY_EKEY:
        return "Its key is not EC P-256 or P-384, RSA of 2048 to 4096 bits, or Ed25519.";
    case X509_IDENTITY_EPROOF:
        return "The request is not signed with its own key, so its sender may not have that.";
    case X509_IDENTITY_EFORM: return "The PEM text does not hold what it should.";
    }
    return "Unknown certificate error.";
}
