/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/token.h"

#include <string.h>

#include <openssl/crypto.h>

#include "enroll/token_fields.h"
#include "sr/base64url.h"
#include "sr/json.h"
#include "sr/nkeypair.h"

#include "sr/banned.h"

static struct sr_span
span(const char *text)
{
    return (struct sr_span){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

static enum token_err
field_error(struct token_problem *problem, enum token_err err, const char *field)
{
    problem->field = field;
    return err;
}

/* Checks what has to be there, by the rules of reading; gives URL and id in their one form. */
static enum token_err
check_draft(const struct token_draft *draft, char url[TOKEN_URL_MAX + 1],
    char package_id[TOKEN_UUID_LEN + 1], struct token_problem *problem)
{
    if (draft->version < 1 || draft->version > 3) {
        return TOKEN_EVERSION;
    }
    if (draft->url == NULL) {
        return field_error(problem, TOKEN_EMISSING, TOKEN_FIELD_URL);
    }
    enum token_err err = token_url(span(draft->url), url);
    if (err != TOKEN_OK) {
        return err;
    }
    if (!token_uuid(span(draft->package_id), package_id)) {
        return field_error(problem, TOKEN_EFIELD, TOKEN_FIELD_PACKAGE);
    }
    if (!token_is_secret(span(draft->secret))) {
        return field_error(problem, TOKEN_EFIELD, TOKEN_FIELD_SECRET);
    }
    if (draft->config != NULL && !token_is_config(span(draft->config))) {
        return field_error(problem, TOKEN_EFIELD, TOKEN_FIELD_CONFIG);
    }
    if (draft->expires_s == 0 || draft->expires_s > TOKEN_EXPIRY_MAX) {
        return field_error(problem, TOKEN_EFIELD, TOKEN_FIELD_EXPIRY);
    }
    if (draft->version == 3 && draft->ca_pin == NULL) {
        return field_error(problem, TOKEN_EMISSING, TOKEN_FIELD_PIN);
    }
    if (draft->version < 3 && draft->ca_pin != NULL) {
        return field_error(problem, TOKEN_EFIELD, TOKEN_FIELD_PIN);
    }
    return TOKEN_OK;
}

static void
add_member(struct sr_buf *json, const char *head, const char *value)
{
    sr_buf_add_text(json, head);
    sr_json_text(json, value);
}

/* What is signed: of v3 the prefix too (see token.h). Returns where the JSON begins. */
static size_t
write_message(struct sr_buf *json, const struct token_draft *draft, const char *url,
    const char *package_id, const char *key_id)
{
    if (draft->version == 3) {
        sr_buf_add_text(json, TOKEN_V3_PREFIX);
    }
    size_t start = json->len;
    add_member(json, "{\"u\":", url);
    add_member(json, ",\"p\":", package_id);
    add_member(json, ",\"t\":", draft->secret);
    sr_buf_add_text(json, ",\"e\":");
    sr_buf_add_u64(json, draft->expires_s);
    if (draft->config != NULL) {
        add_member(json, ",\"f\":", draft->config);
    }
    if (draft->version == 3) {
        sr_buf_add_text(json, ",\"c\":\"" TOKEN_PIN_PREFIX);
        sr_buf_add_hex(json, (struct sr_span){ draft->ca_pin, TOKEN_PIN_BYTES });
        add_member(json, "\",\"k\":", key_id);
    }
    sr_buf_put(json, '}');
    return start;
}

/* Appends prefix, JSON and signature; the JSON is what begins at `start` of the message. */
static enum token_err
write_signed(struct sr_buf *out, int version, struct sr_span message, size_t start,
    const struct sr_nkeypair *pair)
{
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];

    if (sr_nkeypair_sign(pair, message, signature) != SR_NKEY_OK) {
        return TOKEN_ECRYPTO;
    }
    sr_buf_add_text(out, version == 2 ? TOKEN_V2_PREFIX : TOKEN_V3_PREFIX);
    sr_base64url_encode(out, (struct sr_span){ message.data + start, message.len - start });
    sr_buf_put(out, '.');
    sr_base64url_encode(out, (struct sr_span){ signature, sizeof(signature) });
    return TOKEN_OK;
}

/* Signs where the version does, and appends. */
static enum token_err
write_text(struct sr_buf *out, const struct token_draft *draft, const char *url,
    const char *package_id, const uint8_t *seed)
{
    uint8_t memory[TOKEN_TEXT_MAX];
    struct sr_buf message = sr_buf_over(memory, sizeof(memory));
    char key_id[TRUST_ID_LEN + 1] = "";
    struct sr_nkeypair pair = { .type = SR_NKEY_OPERATOR };
    enum token_err err = TOKEN_OK;

    /* The type tells only how NATS would write the key as text, which nobody does here. */
    if (draft->version > 1 && (sr_nkeypair_from_seed(SR_NKEY_OPERATOR, seed, &pair) != SR_NKEY_OK ||
                                  trust_key_id(pair.public_key, key_id) != TRUST_OK)) {
        err = TOKEN_ECRYPTO;
    }
    size_t start = write_message(&message, draft, url, package_id, key_id);
    if (message.overflow) {
        err = TOKEN_ETOOBIG;
    } else if (err == TOKEN_OK && draft->version == 1) {
        sr_base64url_encode(out, sr_buf_span(&message));
    } else if (err == TOKEN_OK) {
        err = write_signed(out, draft->version, sr_buf_span(&message), start, &pair);
    }
    sr_nkeypair_done(&pair);
    OPENSSL_cleanse(memory, sizeof(memory));
    return err;
}

enum token_err
token_write(const struct token_draft *draft, const uint8_t seed[TOKEN_SEED_BYTES],
    struct sr_buf *out, struct token_problem *problem)
{
    char url[TOKEN_URL_MAX + 1];
    char package_id[TOKEN_UUID_LEN + 1];
    size_t before = out->len;

    *problem = (struct token_problem){ .err = TOKEN_OK };
    enum token_err err = check_draft(draft, url, package_id, problem);
    if (err == TOKEN_OK) {
        err = write_text(out, draft, url, package_id, seed);
    }
    if (err == TOKEN_OK && (out->overflow || out->len - before > TOKEN_TEXT_MAX)) {
        err = TOKEN_ETOOBIG;
    }
    problem->err = err;
    return err;
}
