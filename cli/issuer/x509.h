/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_X509_H_INCLUDED
#define CLI_ISSUER_X509_H_INCLUDED

#include <stddef.h>
#include <time.h>

/* A certificate with its private key: EC P-256, signed with SHA-256. */
struct x509_identity;

enum x509_err {
    X509_IDENTITY_OK = 0,
    X509_IDENTITY_ENAME,   /* the common name or an alternative name is not one */
    X509_IDENTITY_ECRYPTO, /* the cryptographic library failed: no randomness or no memory */
};

enum x509_usage {
    X509_USAGE_SERVER, /* extended key usage serverAuth */
    X509_USAGE_CLIENT, /* extended key usage clientAuth */
};

/* What to issue. Strings are borrowed. */
struct x509_request {
    const char *common_name;
    const char *alternative_names; /* as "DNS:localhost, IP:127.0.0.1" */
    enum x509_usage usage;
    time_t now;    /* the certificate begins 60 s earlier, for clocks that are a little behind */
    unsigned days; /* and ends so many days later */
};

/* PEM text in owned memory: x509_pem_done wipes and frees it. */
struct x509_pem {
    char *text;
    size_t len;
};

/* A self-signed root that may sign leaf certificates only. Returns owned: x509_free. */
enum x509_err x509_make_root(
    const char *common_name, time_t now, unsigned days, struct x509_identity **ret_root);

/* A leaf certificate with a new key, signed by `root`. Returns owned: x509_free. */
enum x509_err x509_issue(const struct x509_identity *root, const struct x509_request *request,
    struct x509_identity **ret_leaf);

/* The certificate, and the private key (PKCS #8, not encrypted), as PEM. */
enum x509_err x509_certificate_pem(const struct x509_identity *id, struct x509_pem *ret_pem);
enum x509_err x509_key_pem(const struct x509_identity *id, struct x509_pem *ret_pem);

/* Wipes and frees. */
void x509_pem_done(struct x509_pem *pem);

/* Frees an identity; NULL is allowed. */
void x509_free(struct x509_identity *id);

/* A sentence for `err`, static. */
const char *x509_strerror(enum x509_err err);

#endif
