/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_X509_H_INCLUDED
#define CLI_ISSUER_X509_H_INCLUDED

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * Certificates, the one place where they are made: EC P-256, signed with SHA-256, serial numbers of
 * 128 random bits, beginning 60 s early for clocks that are a little behind, never outliving their
 * issuer's.
 */

/* A certificate with its private key, which is absent where it was born elsewhere. */
struct x509_identity;

#define X509_SERIAL_LEN 32     /* hexadecimal digits of a serial number */
#define X509_REQUEST_MAX 16384 /* bytes of a signing request; one of RSA 4096 has some 2,000 */
#define X509_PIN_BYTES 32

enum x509_err {
    X509_IDENTITY_OK = 0,
    X509_IDENTITY_ENAME,    /* the common name or an alternative name is not one */
    X509_IDENTITY_ECRYPTO,  /* the cryptographic library failed: no randomness or no memory */
    X509_IDENTITY_EREQUEST, /* not a certificate signing request in PEM */
    X509_IDENTITY_EKEY,     /* a key of a kind or size that is not issued for */
    X509_IDENTITY_EPROOF,   /* not signed with its own key: its sender does not have it */
    X509_IDENTITY_EFORM,    /* PEM that does not hold what it should, or a key of another */
};

enum x509_usage {
    X509_USAGE_SERVER, /* extended key usage serverAuth and clientAuth: brokers are both */
    X509_USAGE_CLIENT, /* extended key usage clientAuth */
};

/* What to issue. Strings are borrowed. */
struct x509_request {
    const char *common_name;
    const char *alternative_names; /* as "DNS:localhost, IP:127.0.0.1" */
    enum x509_usage usage;
    time_t now;
    unsigned days;   /* the certificate ends so many days later */
    const char *csr; /* a PKCS #10 request (RFC 2986) as PEM; only its key is taken. NULL: none */
};

/* PEM text in owned memory with a NUL behind: x509_pem_done wipes and frees it. */
struct x509_pem {
    char *text;
    size_t len;
};

/* A self-signed root: it may sign leaves and intermediates. Returns owned: x509_free. */
enum x509_err x509_make_root(
    const char *common_name, time_t now, unsigned days, struct x509_identity **ret_root);

/* An intermediate that may sign leaves only, signed by `root`. Returns owned: x509_free. */
enum x509_err x509_make_intermediate(const struct x509_identity *root, const char *common_name,
    time_t now, unsigned days, struct x509_identity **ret_intermediate);

/*
 * A leaf certificate signed by `issuer`: with a new key, or with that of the request, whose own
 * signature is the proof that its sender has the private key. Keys of requests are EC P-256 or
 * P-384, RSA of 2048 to 4096 bits, or Ed25519. Returns owned: x509_free.
 */
enum x509_err x509_issue(const struct x509_identity *issuer, const struct x509_request *request,
    struct x509_identity **ret_leaf);

/* Whether x509_issue() would take such a request: X509_IDENTITY_EREQUEST, _EKEY, _EPROOF. */
enum x509_err x509_check_request(const char *csr);

/* Reads back what the functions below wrote. `key` may be NULL. X509_IDENTITY_EFORM. */
enum x509_err x509_load(const char *certificate, const char *key, struct x509_identity **ret_id);

/* The certificate, and the private key (PKCS #8, not encrypted), as PEM. */
enum x509_err x509_certificate_pem(const struct x509_identity *id, struct x509_pem *ret_pem);
enum x509_err x509_key_pem(const struct x509_identity *id, struct x509_pem *ret_pem);

/* The serial number in lower-case hexadecimal, and when the certificate ends, Unix seconds. */
enum x509_err x509_serial(const struct x509_identity *id, char ret_serial[X509_SERIAL_LEN + 1]);
enum x509_err x509_expiry(const struct x509_identity *id, uint64_t *ret_expires_s);

/* SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4). */
enum x509_err x509_pin(const struct x509_identity *id, uint8_t ret_pin[X509_PIN_BYTES]);

/* A certificate that is not good any more. `serial` is hexadecimal. */
struct x509_revoked {
    const char *serial;
    time_t at;
};

/* A CRL (RFC 5280, section 5) of `issuer` as PEM; `now` is its number, too. */
enum x509_err x509_crl(const struct x509_identity *issuer, const struct x509_revoked *list,
    size_t count, time_t now, unsigned days, struct x509_pem *ret_pem);

/* Wipes and frees. */
void x509_pem_done(struct x509_pem *pem);

/* Frees an identity; NULL is allowed. */
void x509_free(struct x509_identity *id);

/* A sentence for `err`, static. */
const char *x509_strerror(enum x509_err err);

#endif
