/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_ISSUER_DESK_H_INCLUDED
#define TESTS_UNIT_ISSUER_DESK_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"

struct x509_st;
struct stack_st_X509;

/* An issuer in a folder of its own, with the accounts acme and globex. */

#define DESK_SERVER_URL "tls://nats.example:4222"
#define DESK_API_URL "https://issuer.example:8443"

/* The store and what the last call said. */
extern struct store *desk_store;
extern struct trouble desk_trouble;

/* cmocka's setup and teardown of a group. */
int desk_open(void **state);
int desk_close(void **state);

/* Fails the test with the cause when `ok` is false. */
void desk_good(bool ok);

/* The one number that a query gives; -1 without a row. */
int64_t desk_number(const char *sql, const char *value);

/* The certificates of a PEM text in its order. Free with sk_X509_pop_free(). */
struct stack_st_X509 *desk_certificates(const char *pem);

/*
 * What OpenSSL says of the first of `sent`, its issuers being behind it, against a CA file as
 * clients and servers load it: X509_V_OK, or an error of X509_V_ERR_*.
 */
int desk_verify(const char *sent, const char *ca_file, int purpose);

/* A signing request as PEM, of a new key `kind`: "P-256", "P-521", "RSA-1024". free() it. */
char *desk_csr(const char *kind);

#endif
