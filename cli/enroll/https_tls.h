/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_HTTPS_TLS_H_INCLUDED
#define ENROLL_HTTPS_TLS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

/*
 * The check of a server's certificate chain, in the place of OpenSSL's own, so that a pinned
 * authority can be the anchor and so that a refusal tells what it was about. Host names are checked
 * by curl behind it.
 */

struct https_tls {
    const uint8_t *ca_pin; /* SHA-256 of a SubjectPublicKeyInfo (RFC 7469, 2.4), or NULL */

    /* What came out of it. */
    bool asked;               /* a chain was looked at */
    bool pin_missing;         /* no certificate of the chain has the pinned key */
    int error;                /* X509_V_OK, or why it was refused */
    char subject[128];        /* common name of the certificate that was refused; printable */
    char from[32], until[32]; /* its times, "2026-11-22 10:00:00 UTC" */
};

struct x509_store_ctx_st;

/*
 * For SSL_CTX_set_cert_verify_callback, with a struct https_tls as argument: 1 when the chain is
 * good. With a pin the certificate of that key is the only anchor: the one that the server
 * presents, or else one of the trusted ones to which the chain leads.
 */
int https_tls_verify(struct x509_store_ctx_st *ctx, void *tls);

#endif
