/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/x509.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sr/banned.h"

#define CLOCK_SLACK_S 60
#define SERIAL_BYTES 16 /* RFC 5280, section 4.1.2.2, allows 20 */

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

/* A key and a certificate with all but issuer, extensions and signature. */
static enum x509_err
begin(const char *common_name, time_t now, unsigned days, struct x509_identity **ret_id)
{
    struct x509_identity *id = calloc(1, sizeof(*id));

    if (id == NULL) {
        return X509_IDENTITY_ECRYPTO;
    }
    id->key = EVP_EC_gen("P-256");
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

enum x509_err
x509_make_root(const char *common_name, time_t now, unsigned days, struct x509_identity **ret_root)
{
    struct x509_identity *root = NULL;
    enum x509_err err = begin(common_name, now, days, &root);

    if (err != X509_IDENTITY_OK) {
        return err;
    }
    X509 *cert = root->cert;
    if (X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1 ||
        !add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
        X509_sign(cert, root->key, EVP_sha256()) == 0) {
        x509_free(root);
        return X509_IDENTITY_ECRYPTO;
    }
    *ret_root = root;
    return X509_IDENTITY_OK;
}

enum x509_err
x509_issue(const struct x509_identity *root, const struct x509_request *request,
    struct x509_identity **ret_leaf)
{
    struct x509_identity *leaf = NULL;
    enum x509_err err = begin(request->common_name, request->now, request->days, &leaf);

    if (err != X509_IDENTITY_OK) {
        return err;
    }
    X509 *cert = leaf->cert;
    const char *usage = request->usage == X509_USAGE_SERVER ? "serverAuth" : "clientAuth";
    if (!add_extension(cert, root->cert, NID_subject_alt_name, request->alternative_names)) {
        x509_free(leaf);
        return X509_IDENTITY_ENAME;
    }
    if (X509_set_issuer_name(cert, X509_get_subject_name(root->cert)) != 1 ||
        !add_extension(cert, root->cert, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(cert, root->cert, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(cert, root->cert, NID_ext_key_usage, usage) ||
        !add_extension(cert, root->cert, NID_subject_key_identifier, "hash") ||
        !add_extension(cert, root->cert, NID_authority_key_identifier, "keyid:always") ||
        X509_sign(cert, root->key, EVP_sha256()) == 0) {
        x509_free(leaf);
        return X509_IDENTITY_ECRYPTO;
    }
    *ret_leaf = leaf;
    return X509_IDENTITY_OK;
}

/* Copies what was written into `bio`, which this frees and whose memory it wipes. */
static enum x509_err
take_text(BIO *bio, bool written, struct x509_pem *ret_pem)
{
    char *data = NULL;
    long len = bio != NULL && written ? BIO_get_mem_data(bio, &data) : 0;
    char *text = len > 0 ? malloc((size_t)len) : NULL;

    if (text != NULL) {
        memcpy(text, data, (size_t)len);
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
    BIO *bio = BIO_new(BIO_s_secmem());
    return take_text(bio,
        bio != NULL && PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL, NULL) == 1,
        ret_pem);
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
    }
    return "Unknown certificate error.";
}
