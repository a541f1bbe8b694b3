/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_JWT_H_INCLUDED
#define SR_JWT_H_INCLUDED

#include <stdint.h>

#include "sr/nkeypair.h"
#include "sr/span.h"

struct json_t;

/*
 * The JSON web tokens of NATS (version 2): the form of RFC 7519 with the algorithm "ed25519-nkey".
 * `iss` and `sub` are nkeys; what an operator, account or user may do is in `nats`.
 */

/* Longest token that is read or written. An account with many keys and mappings has some KiB. */
#define SR_JWT_MAX (64U * 1024)

enum sr_jwt_err {
    SR_JWT_OK = 0,
    SR_JWT_EFORM,      /* not three parts of base64url with dots between */
    SR_JWT_EALGORITHM, /* signed by another method than ed25519-nkey */
    SR_JWT_EJSON,      /* a part is not a JSON object */
    SR_JWT_EISSUER,    /* `iss` is missing or no public nkey */
    SR_JWT_ESIGNATURE, /* altered, or not signed by `iss` */
    SR_JWT_ETOOBIG,    /* longer than SR_JWT_MAX */
    SR_JWT_ENOMEM,     /* out of memory */
    SR_JWT_ECRYPTO,    /* the cryptographic library failed */
};

/* A sentence for `err`, static. */
const char *sr_jwt_strerror(enum sr_jwt_err err);

/*
 * Signs `claims` (an object with `sub`, `name` and `nats`, and `exp` where it ends), after it sets
 * `iat` to `now_s` (Unix seconds), `iss` to the issuer's public key, and `jti` to the base 32 of
 * the SHA-512/256 of the claims with an empty `jti`. Returns the token as an owned C string: free()
 * it. Errors: SR_JWT_EJSON, _ETOOBIG, _ENOMEM, _ECRYPTO.
 */
enum sr_jwt_err sr_jwt_sign(
    struct json_t *claims, const struct sr_nkeypair *issuer, uint64_t now_s, char **ret_token);

/*
 * Reads a token and verifies that its `iss` signed it. Whether that issuer is to be trusted, and
 * whether the token's time has passed, is for the caller. Returns the claims owned: json_decref().
 */
enum sr_jwt_err sr_jwt_verify(struct sr_span token, struct json_t **ret_claims);

#endif
