/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens as they come, and bytes as the claims of a token that is signed properly, as no mutation
 * would keep a signature.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "require.h"
#include "sr/base64url.h"
#include "sr/jwt.h"

#define HEADER "{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sr_nkeypair issuer;

/* What is verified says who signed it, and is signed and read again. */
static void
verify(struct sr_span token)
{
    json_t *claims = NULL;
    json_t *again = NULL;
    char *text = NULL;

    if (sr_jwt_verify(token, &claims) != SR_JWT_OK) {
        require(claims == NULL);
        return;
    }
    require(json_is_object(claims) && json_is_string(json_object_get(claims, "iss")));
    enum sr_jwt_err err = sr_jwt_sign(claims, &issuer, 1700000000, &text);
    if (err == SR_JWT_OK) {
        struct sr_span span = { (const uint8_t *)text, strlen(text) };
        require(sr_jwt_verify(span, &again) == SR_JWT_OK && json_equal(claims, again));
    } else {
        require(err == SR_JWT_ETOOBIG || err == SR_JWT_EJSON);
    }
    json_decref(again);
    json_decref(claims);
    free(text);
}

static void
verify_content(struct sr_span content)
{
    static char memory[SR_JWT_MAX + 1024];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));
    struct sr_span header = { (const uint8_t *)HEADER, sizeof(HEADER) - 1 };
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];

    sr_base64url_encode(&out, header);
    sr_buf_put(&out, '.');
    sr_base64url_encode(&out, content);
    if (out.overflow) {
        return;
    }
    require(sr_nkeypair_sign(&issuer, sr_buf_span(&out), signature) == SR_NKEY_OK);
    sr_buf_put(&out, '.');
    sr_base64url_encode(&out, (struct sr_span){ signature, sizeof(signature) });
    verify(sr_buf_span(&out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[SR_NKEY_BYTES] = { 7 };

    if (issuer.public_text[0] == '\0') {
        require(sr_nkeypair_from_seed(SR_NKEY_ACCOUNT, seed, &issuer) == SR_NKEY_OK);
    }
    verify((struct sr_span){ data, size });
    verify_content((struct sr_span){ data, size });
    return 0;
}
