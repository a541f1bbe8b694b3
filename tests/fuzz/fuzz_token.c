/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "enroll/token.h"
#include "enroll/token_fields.h"
#include "require.h"
#include "sr/base64url.h"
#include "sr/nkeypair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t seed[TOKEN_SEED_BYTES] = { 7 };
static struct sr_nkeypair issuer;
static struct trust trust;

static void
prepare(void)
{
    static const char hex[] = "0123456789abcdef";
    char text[TRUST_KEY_BYTES * 2];

    require(sr_nkeypair_from_seed(SR_NKEY_OPERATOR, seed, &issuer) == SR_NKEY_OK);
    for (size_t i = 0; i < TRUST_KEY_BYTES; i++) {
        text[2 * i] = hex[issuer.public_key[i] >> 4];
        text[2 * i + 1] = hex[issuer.public_key[i] & 15];
    }
    struct sr_span key = { (const uint8_t *)text, sizeof(text) };
    require(trust_add_text(&trust, key, "fuzz") == TRUST_OK);
}

/* What was read is written again, and read as the same. */
static void
write_again(const struct token *token, const struct token_options *options)
{
    struct token_draft draft = {
        .version = token->version < 3 ? 2 : 3,
        .url = token->url,
        .package_id = token->package_id,
        .secret = token->secret,
        .config = token->config[0] != '\0' ? token->config : NULL,
        .expires_s = token->expires_s != 0 ? token->expires_s : TOKEN_EXPIRY_MAX,
        .ca_pin = token->has_ca_pin ? token->ca_pin : NULL,
    };
    char text[TOKEN_TEXT_MAX];
    struct sr_buf out = sr_buf_over(text, sizeof(text));
    struct token again;
    struct token_problem problem;

    require(token_write(&draft, seed, &out, &problem) == TOKEN_OK);
    require(token_read(sr_buf_span(&out), options, &again, &problem) == TOKEN_OK);
    require(again.is_signed && strcmp(again.signer.id, trust.keys[0].id) == 0);
    require(strcmp(again.url, token->url) == 0);
    require(strcmp(again.package_id, token->package_id) == 0);
    require(strcmp(again.secret, token->secret) == 0);
    require(strcmp(again.config, token->config) == 0);
    require(again.has_ca_pin == token->has_ca_pin);
    require(memcmp(again.ca_pin, token->ca_pin, TOKEN_PIN_BYTES) == 0);
}

static void
read_one(struct sr_span text)
{
    struct token_options options = { .trust = &trust, .core_url = "core", .now_s = 1 };
    struct token token;
    struct token_problem problem;
    char detail[512];
    struct sr_buf out = sr_buf_over(detail, sizeof(detail));

    if (token_read(text, &options, &token, &problem) == TOKEN_OK) {
        require(strncmp(token.url, "https://", 8) == 0);
        require(strchr(token.config, '/') == NULL);
        require(token.is_signed == (token.version > 1));
        write_again(&token, &options);
        token_done(&token);
    }
    token_detail(&problem, &out);
    require(!out.overflow);
}

/*
 * The bytes as the content of a token, so that more than its outside is explored. `covered` is
 * what of the prefix the signature covers.
 */
static void
read_content(struct sr_span json, const char *prefix, const char *covered)
{
    char text[TOKEN_TEXT_MAX * 2];
    char memory[TOKEN_TEXT_MAX];
    struct sr_buf out = sr_buf_over(text, sizeof(text));
    struct sr_buf message = sr_buf_over(memory, sizeof(memory));
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];

    sr_buf_add_text(&out, prefix);
    sr_base64url_encode(&out, json);
    if (prefix[0] != '\0') {
        sr_buf_add_text(&message, covered);
        sr_buf_add(&message, json.data, json.len);
        require(sr_nkeypair_sign(&issuer, sr_buf_span(&message), signature) == SR_NKEY_OK);
        sr_buf_put(&out, '.');
        sr_base64url_encode(&out, (struct sr_span){ signature, sizeof(signature) });
    }
    read_one(sr_buf_span(&out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_span bytes = { data, size };
    struct trust other = { .count = 0 };
    char url[TOKEN_URL_MAX + 1];
    char again[TOKEN_URL_MAX + 1];

    if (trust.count == 0) {
        prepare();
    }
    read_one(bytes);
    read_content(bytes, "", "");
    read_content(bytes, TOKEN_V2_PREFIX, "");
    read_content(bytes, TOKEN_V3_PREFIX, TOKEN_V3_PREFIX);
    if (token_url(bytes, url) == TOKEN_OK) {
        struct sr_span text = { (const uint8_t *)url, strlen(url) };
        require(token_url(text, again) == TOKEN_OK && strcmp(url, again) == 0);
    }
    (void)trust_add_text(&other, bytes, "fuzz");
    return 0;
}
