/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/https_tls.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "enroll/token.h"

#include "sr/banned.h"

/* Whether the key of `cert` is the pinned one. */
static bool
has_pin(X509 *cert, const uint8_t *pin)
{
    unsigned char *der = NULL;
    unsigned char digest[TOKEN_PIN_BYTES];
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    bool same = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1 &&
                CRYPTO_memcmp(digest, pin, sizeof(digest)) == 0;

    OPENSSL_free(der);
    return same;
}

/* Those of `certs` with the pinned key, which they still belong to; NULL when there are none. */
static STACK_OF(X509) * pinned_of(STACK_OF(X509) * certs, const uint8_t *pin)
{
    STACK_OF(X509) *found = sk_X509_new_null();

    for (int i = 0; found != NULL && i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        if (has_pin(cert, pin) && sk_X509_push(found, cert) == 0) {
            sk_X509_free(found);
            return NULL;
        }
    }
    if (found != NULL && sk_X509_num(found) == 0) {
        sk_X509_free(found);
        found = NULL;
    }
    return found;
}

/* "2026-11-22 10:00:00 UTC" */
static void
write_time(const ASN1_TIME *from, char *out, size_t size)
{
    struct tm tm;

    out[0] = '\0';
    if (ASN1_TIME_to_tm(from, &tm) == 1) {
        (void)strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
    }
}

static void
note(struct https_tls *tls, X509_STORE_CTX *ctx)
{
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);

    if (cert == NULL) {
        cert = X509_STORE_CTX_get0_cert(ctx);
    }
    if (cert == NULL) {
        return;
    }
    (void)X509_NAME_get_text_by_NID(
        X509_get_subject_name(cert), NID_commonName, tls->subject, sizeof(tls->subject));
    for (char *c = tls->subject; *c != '\0'; c++) {
        *c = *c >= 0x20 && *c <= 0x7e ? *c : '?';
    }
    write_time(X509_get0_notBefore(cert), tls->from, sizeof(tls->from));
    write_time(X509_get0_notAfter(cert), tls->until, sizeof(tls->until));
}

/* A presented certificate of the pinned key is the anchor; all else of the check is the usual. */
static int
verify_to(X509_STORE_CTX *ctx, STACK_OF(X509) * anchors)
{
    X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    return X509_verify_cert(ctx);
}

/*
 * Servers need not send their root: then the pinned key may be in the chain that the trusted
 * authorities complete.
 */
static int
verify_through(X509_STORE_CTX *ctx, struct https_tls *tls)
{
    int ok = X509_verify_cert(ctx);
    STACK_OF(X509) *found = ok == 1 ? pinned_of(X509_STORE_CTX_get0_chain(ctx), tls->ca_pin) : NULL;

    tls->pin_missing = found == NULL;
    sk_X509_free(found);
    if (tls->pin_missing) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
    }
    return tls->pin_missing ? 0 : ok;
}

int
https_tls_verify(X509_STORE_CTX *ctx, void *arg)
{
    struct https_tls *tls = arg;
    STACK_OF(X509) *anchors = NULL;
    int ok;

    tls->asked = true;
    if (tls->ca_pin == NULL) {
        ok = X509_verify_cert(ctx);
    } else if ((anchors = pinned_of(X509_STORE_CTX_get0_untrusted(ctx), tls->ca_pin)) != NULL) {
        ok = verify_to(ctx, anchors);
    } else {
        ok = verify_through(ctx, tls);
    }
    tls->error = ok == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    if (ok != 1) {
        note(tls, ctx);
    }
    /* The context borrows the stack; nothing looks for issuers behind this. */
    X509_STORE_CTX_set0_trusted_stack(ctx, NULL);
    sk_X509_free(anchors);
    return ok == 1 ? 1 : 0;
}
