/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/jwt.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "sr/base32.h"
#include "sr/base64url.h"

#include "sr/banned.h"

#define ALGORITHM "ed25519-nkey"
#define JTI_BYTES 32 /* SHA-512/256 */

static enum sr_jwt_err
set_text(json_t *object, const char *name, const char *value)
{
    return json_object_set_new(object, name, json_string(value)) == 0 ? SR_JWT_OK : SR_JWT_ENOMEM;
}

/* The id is a digest of the token's own content, so that equal content has equal ids. */
static enum sr_jwt_err
set_id(json_t *claims)
{
    uint8_t digest[JTI_BYTES];
    char id[SR_BASE32_LEN(JTI_BYTES) + 1];
    struct sr_buf text = sr_buf_over(id, sizeof(id));

    if (set_text(claims, "jti", "") != SR_JWT_OK) {
        return SR_JWT_ENOMEM;
    }
    char *json = json_dumps(claims, JSON_COMPACT);
    if (json == NULL) {
        return SR_JWT_ENOMEM;
    }
    int done = EVP_Digest(json, strlen(json), digest, NULL, EVP_sha512_256(), NULL);
    free(json);
    if (done != 1) {
        return SR_JWT_ECRYPTO;
    }
    sr_base32_encode(&text, (struct sr_span){ digest, sizeof(digest) });
    sr_buf_put(&text, '\0');
    return set_text(claims, "jti", id);
}

static enum sr_jwt_err
add_json(struct sr_buf *out, const json_t *object)
{
    char *json = json_dumps(object, JSON_COMPACT);

    if (json == NULL) {
        return SR_JWT_ENOMEM;
    }
    sr_base64url_encode(out, (struct sr_span){ (const uint8_t *)json, strlen(json) });
    free(json);
    return out->overflow ? SR_JWT_ETOOBIG : SR_JWT_OK;
}

static enum sr_jwt_err
write_token(struct sr_buf *out, const json_t *claims, const struct sr_nkeypair *issuer)
{
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
    json_t *header = json_pack("{s:s, s:s}", "typ", "JWT", "alg", ALGORITHM);
    enum sr_jwt_err err = header == NULL ? SR_JWT_ENOMEM : add_json(out, header);

    json_decref(header);
    if (err == SR_JWT_OK) {
        sr_buf_put(out, '.');
        err = add_json(out, claims);
    }
    if (err != SR_JWT_OK) {
        return err;
    }
    if (sr_nkeypair_sign(issuer, sr_buf_span(out), signature) != SR_NKEY_OK) {
        return SR_JWT_ECRYPTO;
    }
    sr_buf_put(out, '.');
    sr_base64url_encode(out, (struct sr_span){ signature, sizeof(signature) });
    sr_buf_put(out, '\0');
    return out->overflow ? SR_JWT_ETOOBIG : SR_JWT_OK;
}

enum sr_jwt_err
sr_jwt_sign(json_t *claims, const struct sr_nkeypair *issuer, uint64_t now_s, char **ret_token)
{
    if (!json_is_object(claims)) {
        return SR_JWT_EJSON;
    }
    enum sr_jwt_err err = set_text(claims, "iss", issuer->public_text);
    if (err == SR_JWT_OK &&
        json_object_set_new(claims, "iat", json_integer((json_int_t)now_s)) != 0) {
        err = SR_JWT_ENOMEM;
    }
    if (err == SR_JWT_OK) {
        err = set_id(claims);
    }
    if (err != SR_JWT_OK) {
        return err;
    }
    char *token = malloc(SR_JWT_MAX + 1);
    if (token == NULL) {
        return SR_JWT_ENOMEM;
    }
    struct sr_buf out = sr_buf_over(token, SR_JWT_MAX + 1);
    err = write_token(&out, claims, issuer);
    if (err != SR_JWT_OK) {
        free(token);
        return err;
    }
    *ret_token = token;
    return SR_JWT_OK;
}

/* Splits at the first dot: `ret_head` before it, `rest` after it. */
static bool
cut_at_dot(struct sr_span *rest, struct sr_span *ret_head)
{
    const uint8_t *dot = rest->len > 0 ? memchr(rest->data, '.', rest->len) : NULL;

    if (dot == NULL) {
        return false;
    }
    *ret_head = (struct sr_span){ rest->data, (size_t)(dot - rest->data) };
    *rest = (struct sr_span){ dot + 1, rest->len - ret_head->len - 1 };
    return true;
}

/* The JSON object that `part` encodes, with `scratch` for its text. */
static enum sr_jwt_err
read_part(struct sr_span part, struct sr_buf scratch, json_t **ret_object)
{
    if (!sr_base64url_decode(&scratch, part)) {
        return SR_JWT_EFORM;
    }
    json_t *value =
        json_loadb((const char *)scratch.data, scratch.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(value)) {
        json_decref(value);
        return SR_JWT_EJSON;
    }
    *ret_object = value;
    return SR_JWT_OK;
}

static enum sr_jwt_err
check_header(struct sr_span part, struct sr_buf scratch)
{
    json_t *header = NULL;
    enum sr_jwt_err err = read_part(part, scratch, &header);

    if (err != SR_JWT_OK) {
        return err;
    }
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    if (algorithm == NULL || strcmp(algorithm, ALGORITHM) != 0) {
        err = SR_JWT_EALGORITHM;
    }
    json_decref(header);
    return err;
}

static enum sr_jwt_err
check_signature(const json_t *claims, struct sr_span message, struct sr_span part)
{
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
    struct sr_buf bytes = sr_buf_over(signature, sizeof(signature));
    enum sr_nkey_type type;
    uint8_t key[SR_NKEY_BYTES];
    const char *issuer = json_string_value(json_object_get(claims, "iss"));

    if (issuer == NULL ||
        sr_nkey_public_decode((struct sr_span){ (const uint8_t *)issuer, strlen(issuer) }, &type,
            key) != SR_NKEY_OK) {
        return SR_JWT_EISSUER;
    }
    if (!sr_base64url_decode(&bytes, part)) {
        return SR_JWT_EFORM;
    }
    enum sr_nkey_err err = sr_nkey_verify(key, message, sr_buf_span(&bytes));
    if (err == SR_NKEY_ECRYPTO) {
        return SR_JWT_ECRYPTO;
    }
    return err == SR_NKEY_OK ? SR_JWT_OK : SR_JWT_ESIGNATURE;
}

static enum sr_jwt_err
verify_parts(struct sr_span token, struct sr_buf scratch, json_t **ret_claims)
{
    struct sr_span header, body;
    struct sr_span rest = token;
    json_t *claims = NULL;

    if (!cut_at_dot(&rest, &header) || !cut_at_dot(&rest, &body)) {
        return SR_JWT_EFORM;
    }
    enum sr_jwt_err err = check_header(header, scratch);
    if (err == SR_JWT_OK) {
        err = read_part(body, scratch, &claims);
    }
    if (err != SR_JWT_OK) {
        return err;
    }
    struct sr_span message = { token.data, header.len + 1 + body.len };
    err = check_signature(claims, message, rest);
    if (err != SR_JWT_OK) {
        json_decref(claims);
        return err;
    }
    *ret_claims = claims;
    return SR_JWT_OK;
}

enum sr_jwt_err
sr_jwt_verify(struct sr_span token, json_t **ret_claims)
{
    if (token.len > SR_JWT_MAX) {
        return SR_JWT_ETOOBIG;
    }
    uint8_t *memory = malloc(token.len + 1);
    if (memory == NULL) {
        return SR_JWT_ENOMEM;
    }
    enum sr_jwt_err err = verify_parts(token, sr_buf_over(memory, token.len), ret_claims);
    free(memory);
    return err;
}

const char *
sr_jwt_strerror(enum sr_jwt_err err)
{
    switch (err) {
    case SR_JWT_OK: return "The token is good.";
    case SR_JWT_EFORM: return "The token is not three parts of base64url with dots between.";
    case SR_JWT_EALGORITHM: return "The token is not signed with ed25519-nkey.";
    case SR_JWT_EJSON: return "A part of the token is not a JSON object.";
    case SR_JWT_EISSUER: return "The token's issuer is not a public nkey.";
    case SR_JWT_ESIGNATURE: return "The token was altered, or its issuer did not sign it.";
    case SR_JWT_ETOOBIG: return "The token is longer than 64 KiB.";
    case SR_JWT_ENOMEM: return "Out of memory.";
    case SR_JWT_ECRYPTO: return "The cryptographic library failed: no randomness or no memory.";
    }
    return "Unknown token error.";
}
