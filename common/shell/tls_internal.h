/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_TLS_INTERNAL_H_INCLUDED
#define SHELL_TLS_INTERNAL_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "sr/tls.h"

/*
 * What the files of sr/tls.h share: tls_context.c makes contexts of files, tls_verify.c says whose
 * certificates are taken, tls_session.c moves bytes. No other file of common/ sees libssl.
 */
struct sr_tls_context {
    _Atomic unsigned holders;
    SSL_CTX *ctx;
    struct sr_tls_permit *permits; /* none: whoever the CA signed */
    size_t permit_count;
    char *permit_texts; /* what the permits borrow */
    int64_t expires;    /* seconds since 1970 UTC */
};

/* The head of a record and of the handshake message in it. */
#define TLS_FIRST 9

struct sr_tls_session {
    struct sr_tls_context *context;
    SSL *ssl;
    struct sr_span in; /* what is fed and not read yet; borrowed */
    uint8_t *out;      /* to be sent; owned, NULL: nothing */
    size_t out_len;
    size_t out_size;
    char *peer;               /* owned */
    X509 *refused;            /* the certificate that was not taken; owned */
    const char *why;          /* of a refusal by ourselves: a static word */
    uint32_t error;           /* of the library, of a failed session */
    uint8_t first[TLS_FIRST]; /* of the peer's bytes */
    uint8_t first_len;
    uint8_t state; /* enum sr_tls_state */
    bool ended;    /* the peer sends no more bytes */
};

/* Decides about the certificate of a peer: the callback of a context. */
int tls_verify_peer(X509_STORE_CTX *store, void *context);

/* The reason for X509_V_ERR_... `error` as a static word, and what to do about it. */
const char *tls_verify_reason(int error, const char **ret_advice);

/* The names of a certificate as "CN=a DNS:b IP:c", escaped; what does not fit is left out. */
void tls_verify_names(X509 *cert, char *out, size_t size);

/* The SHA-256 fingerprint of a certificate, as text. */
void tls_verify_fingerprint(X509 *cert, char ret_text[SR_TLS_FINGERPRINT_TEXT_MAX]);

#endif
