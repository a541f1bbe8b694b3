/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_TLS_BUILD_H_INCLUDED
#define TESTS_UNIT_TLS_BUILD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/types.h>

/* Certificates of any shape, for tests of who accepts them. */

struct tls_build_cert {
    EVP_PKEY *key;
    X509 *cert;
};

/* What to make. Strings are borrowed. */
struct tls_build_ask {
    const char *name;
    const struct tls_build_cert *issuer; /* NULL: signs itself */
    bool is_ca;
    const char *usage; /* extended key usage, or NULL for none */
    time_t from;
    time_t to;
};

/* Makes a certificate with a new key. Aborts when the library fails. tls_build_free frees it. */
struct tls_build_cert tls_build(const struct tls_build_ask *ask);

/* The same with a subjectAltName, as "DNS:a,IP:192.0.2.1"; NULL for none. */
struct tls_build_cert tls_build_named(const struct tls_build_ask *ask, const char *alternatives);

/*
 * Appends as PEM a list of `issuer` that ends at `next` and has the certificate `revoked`, unless
 * that is NULL.
 */
void tls_build_add_crl(char *text, size_t cap, const struct tls_build_cert *issuer,
    const struct tls_build_cert *revoked, time_t next);

void tls_build_free(struct tls_build_cert *made);

/* Append as PEM to the text of `cap` bytes and a NUL. */
void tls_build_add_cert(char *text, size_t cap, const struct tls_build_cert *made);
void tls_build_add_key(
    char *text, size_t cap, const struct tls_build_cert *made, const char *password);

#endif
