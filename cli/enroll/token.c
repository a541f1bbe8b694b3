/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/token.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "enroll/token_fields.h"
#include "sr/base64url.h"
#include "sr/nkeypair.h"

#include "sr/banned.h"

#define FAMILY "collectorpkg-"
#define AGENT_FAMILY "edgepkg-"
#define PREFIX_LEN (sizeof(TOKEN_V2_PREFIX) - 1)
#define SIGNATURE_LEN SR_BASE64URL_LEN(SR_NKEY_SIGNATURE_BYTES)

/* A token in the making. Wiped as a whole. */
struct reading {
    const struct token_options *options;
    struct token_problem *problem;
    struct token token;
    size_t len;                                   /* of token.text */
    uint8_t message[PREFIX_LEN + TOKEN_TEXT_MAX]; /* the prefix and the JSON */
    struct sr_span content;                       /* the JSON in `message` */
};

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_token_character(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '.' || c == ':';
}

static struct sr_span
trimmed(struct sr_span text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static enum token_err
take_quotes_off(struct sr_span *text)
{
    uint8_t first = text->len > 0 ? text->data[0] : 'x';

    if (first != '"' && first != '\'') {
        return TOKEN_OK;
    }
    if (text->len < 2 || text->data[text->len - 1] != first) {
        return TOKEN_ETRUNCATED;
    }
    *text = trimmed((struct sr_span){ text->data + 1, text->len - 2 });
    return TOKEN_OK;
}

/*
 * The end of the white space at `start`, or `start` when it has no line break: a terminal breaks
 * lines and may indent them, but only a person writes a space alone.
 */
static size_t
skip_break(struct sr_span text, size_t start)
{
    size_t end = start;
    bool broken = false;

    while (end < text.len && is_blank(text.data[end])) {
        broken = broken || text.data[end] == '\n' || text.data[end] == '\r';
        end++;
    }
    return broken ? end : start;
}

/* Takes off what pasting added. */
static enum token_err
clean(struct reading *r, struct sr_span text)
{
    if (text.len > TOKEN_INPUT_MAX) {
        return TOKEN_ETOOBIG;
    }
    text = trimmed(text);
    enum token_err err = take_quotes_off(&text);
    if (err != TOKEN_OK) {
        return err;
    }
    for (size_t i = 0; i < text.len; i++) {
        i = skip_break(text, i);
        if (!is_token_character(text.data[i])) {
            r->problem->position = r->len + 1;
            return TOKEN_ECHARACTER;
        }
        if (r->len == TOKEN_TEXT_MAX) {
            return TOKEN_ETOOBIG;
        }
        r->token.text[r->len++] = (char)text.data[i];
    }
    r->token.text[r->len] = '\0';
    return r->len > 0 ? TOKEN_OK : TOKEN_EEMPTY;
}

static bool
begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Decodes `text` to where the JSON belongs, behind room for the prefix. */
static bool
decode_content(struct reading *r, struct sr_span text)
{
    struct sr_buf out = sr_buf_over(r->message + PREFIX_LEN, TOKEN_TEXT_MAX);
    bool ok = sr_base64url_decode(&out, text);

    r->content = sr_buf_span(&out);
    return ok;
}

static enum token_err
open_unsigned(struct reading *r)
{
    const char *text = r->token.text;
    const struct sr_span *json = &r->content;

    if (strpbrk(text, ".:") != NULL) {
        return TOKEN_EFORM;
    }
    r->token.version = 1;
    if (!decode_content(r, (struct sr_span){ (const uint8_t *)text, r->len })) {
        /* Whole groups of the right alphabet always decode; a cut leaves a part of one. */
        return begins(text, "ey") || begins("ey", text) ? TOKEN_ETRUNCATED : TOKEN_EFORM;
    }
    if (json->data[0] != '{') {
        return TOKEN_EFORM;
    }
    if (json->data[json->len - 1] != '}') {
        return TOKEN_ETRUNCATED;
    }
    return r->options->require_signature ? TOKEN_EUNSIGNED : TOKEN_OK;
}

/* Whether `id` has the form of a key's id. */
static bool
is_key_id(struct sr_span id)
{
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return id.len == TRUST_ID_LEN;
}

/*
 * The key that a v3 token names, found by its bytes: what no trusted key signed is not parsed. It
 * serves to say what is wrong and nothing else.
 */
static bool
named_key(struct sr_span json, char ret_id[TRUST_ID_LEN + 1])
{
    static const char mark[] = "\"k\":\"";
    static const size_t mark_len = sizeof(mark) - 1;
    const uint8_t *at = memmem(json.data, json.len, mark, mark_len);

    if (at == NULL || (size_t)(json.data + json.len - at) < mark_len + TRUST_ID_LEN) {
        return false;
    }
    struct sr_span id = { at + mark_len, TRUST_ID_LEN };
    if (!is_key_id(id)) {
        return false;
    }
    memcpy(ret_id, id.data, id.len);
    ret_id[id.len] = '\0';
    return true;
}

/* Why no trusted key made the signature, as far as that can be known. */
static enum token_err
why_refused(struct reading *r)
{
    char *id = r->problem->key_id;

    if (r->token.version < 3 || !named_key(r->content, id)) {
        return TOKEN_ESIGNATURE;
    }
    return trust_find(r->options->trust, id) != NULL ? TOKEN_ETAMPERED : TOKEN_EUNKNOWNKEY;
}

/* What is signed. That of v3 has the prefix too: taken for v2 it would lose its pin. */
static struct sr_span
signed_message(struct reading *r)
{
    if (r->token.version < 3) {
        return r->content;
    }
    memcpy(r->message, TOKEN_V3_PREFIX, PREFIX_LEN);
    return (struct sr_span){ r->message, PREFIX_LEN + r->content.len };
}

static enum token_err
verify(struct reading *r, struct sr_span signature)
{
    const struct trust *trust = r->options->trust;
    struct sr_span message = signed_message(r);

    if (trust == NULL || trust->count == 0) {
        return TOKEN_ENOKEYS;
    }
    for (size_t i = 0; i < trust->count; i++) {
        enum sr_nkey_err err = sr_nkey_verify(trust->keys[i].bytes, message, signature);
        if (err == SR_NKEY_ECRYPTO) {
            return TOKEN_ECRYPTO;
        }
        if (err == SR_NKEY_OK) {
            r->token.is_signed = true;
            r->token.signer = trust->keys[i];
            return TOKEN_OK;
        }
    }
    return why_refused(r);
}

static enum token_err
open_signed(struct reading *r, int version)
{
    struct sr_span rest = { (const uint8_t *)r->token.text, r->len };
    uint8_t bytes[SR_NKEY_SIGNATURE_BYTES];
    struct sr_buf signature = sr_buf_over(bytes, sizeof(bytes));

    r->token.version = version;
    rest.data += PREFIX_LEN;
    rest.len -= PREFIX_LEN;
    const uint8_t *dot = memchr(rest.data, '.', rest.len);
    if (dot == NULL) {
        return TOKEN_ETRUNCATED;
    }
    struct sr_span payload = { rest.data, (size_t)(dot - rest.data) };
    struct sr_span tail = { dot + 1, rest.len - payload.len - 1 };
    if (tail.len < SIGNATURE_LEN) {
        return TOKEN_ETRUNCATED;
    }
    if (!decode_content(r, payload) || !sr_base64url_decode(&signature, tail)) {
        return TOKEN_EFORM;
    }
    return verify(r, sr_buf_span(&signature));
}

/* Finds the version, and the JSON when it may be believed. */
static enum token_err
open_token(struct reading *r)
{
    const char *text = r->token.text;

    _Static_assert(sizeof(TOKEN_V2_PREFIX) == sizeof(TOKEN_V3_PREFIX), "taken off as one");
    if (begins(text, AGENT_FAMILY)) {
        return TOKEN_EAGENT;
    }
    if (begins(text, TOKEN_V2_PREFIX)) {
        return open_signed(r, 2);
    }
    if (begins(text, TOKEN_V3_PREFIX)) {
        return open_signed(r, 3);
    }
    if (begins(FAMILY, text)) {
        return TOKEN_ETRUNCATED;
    }
    if (begins(text, FAMILY)) {
        return strchr(text, ':') != NULL ? TOKEN_EVERSION : TOKEN_ETRUNCATED;
    }
    return open_unsigned(r);
}

static enum token_err
field_error(struct reading *r, enum token_err err, const char *field)
{
    r->problem->field = field;
    return err;
}

/* The string at `name`: TOKEN_EMISSING, or TOKEN_EFIELD when it is something else. */
static enum token_err
get_text(struct reading *r, const json_t *object, const char *field, struct sr_span *ret_text)
{
    /* The names of the fields have one letter, with which their names for people begin. */
    const char name[2] = { field[0], '\0' };
    const json_t *value = json_object_get(object, name);

    if (value == NULL) {
        return field_error(r, TOKEN_EMISSING, field);
    }
    if (!json_is_string(value)) {
        return field_error(r, TOKEN_EFIELD, field);
    }
    *ret_text =
        (struct sr_span){ (const uint8_t *)json_string_value(value), json_string_length(value) };
    return TOKEN_OK;
}

/* What an optional field's absence means: nothing. */
static enum token_err
unless_missing(struct reading *r, enum token_err err)
{
    if (err != TOKEN_EMISSING) {
        return err;
    }
    r->problem->field = NULL;
    return TOKEN_OK;
}

static enum token_err
read_package(struct reading *r, const json_t *object)
{
    struct sr_span text = { NULL, 0 };
    enum token_err err = get_text(r, object, TOKEN_FIELD_PACKAGE, &text);

    if (err == TOKEN_OK && !token_uuid(text, r->token.package_id)) {
        err = field_error(r, TOKEN_EFIELD, TOKEN_FIELD_PACKAGE);
    }
    return err;
}

static enum token_err
read_secret(struct reading *r, const json_t *object)
{
    struct sr_span text = { NULL, 0 };
    enum token_err err = get_text(r, object, TOKEN_FIELD_SECRET, &text);

    if (err != TOKEN_OK) {
        return err;
    }
    if (!token_is_secret(text)) {
        return field_error(r, TOKEN_EFIELD, TOKEN_FIELD_SECRET);
    }
    memcpy(r->token.secret, text.data, text.len);
    return TOKEN_OK;
}

static enum token_err
read_config(struct reading *r, const json_t *object)
{
    struct sr_span text = { NULL, 0 };
    enum token_err err = get_text(r, object, TOKEN_FIELD_CONFIG, &text);

    if (err != TOKEN_OK) {
        return unless_missing(r, err);
    }
    if (!token_is_config(text)) {
        return field_error(r, TOKEN_EFIELD, TOKEN_FIELD_CONFIG);
    }
    memcpy(r->token.config, text.data, text.len);
    return TOKEN_OK;
}

static enum token_err
read_expiry(struct reading *r, const json_t *object)
{
    const json_t *value = json_object_get(object, "e");
    json_int_t seconds = json_integer_value(value);

    if (value == NULL) {
        return r->token.version < 3 ? TOKEN_OK : field_error(r, TOKEN_EMISSING, TOKEN_FIELD_EXPIRY);
    }
    if (seconds <= 0 || seconds > TOKEN_EXPIRY_MAX) {
        return field_error(r, TOKEN_EFIELD, TOKEN_FIELD_EXPIRY);
    }
    r->token.expires_s = (uint64_t)seconds;
    return TOKEN_OK;
}

static enum token_err
read_url(struct reading *r, const json_t *object)
{
    struct sr_span text = { NULL, 0 };
    enum token_err err = get_text(r, object, TOKEN_FIELD_URL, &text);

    if (r->token.version < 3) {
        err = unless_missing(r, err);
        /* The platform writes an empty URL where it has none. */
        if (err != TOKEN_OK || text.len == 0) {
            return err;
        }
    }
    return err == TOKEN_OK ? token_url(text, r->token.url) : err;
}

static enum token_err
read_pin(struct reading *r, const json_t *object)
{
    struct sr_span text = { NULL, 0 };
    enum token_err err = get_text(r, object, TOKEN_FIELD_PIN, &text);

    if (err == TOKEN_OK && !token_pin(text, r->token.ca_pin)) {
        err = field_error(r, TOKEN_EFIELD, TOKEN_FIELD_PIN);
    }
    r->token.has_ca_pin = err == TOKEN_OK;
    return err;
}

static enum token_err
read_key_id(struct reading *r, const json_t *object)
{
    struct sr_span text = { NULL, 0 };
    enum token_err err = get_text(r, object, TOKEN_FIELD_KEY, &text);

    if (err != TOKEN_OK) {
        return err;
    }
    if (!is_key_id(text)) {
        return field_error(r, TOKEN_EFIELD, TOKEN_FIELD_KEY);
    }
    if (memcmp(text.data, r->token.signer.id, text.len) != 0) {
        memcpy(r->problem->key_id, text.data, text.len);
        return TOKEN_EKEYID;
    }
    return TOKEN_OK;
}

static enum token_err
read_fields(struct reading *r, const json_t *object)
{
    static enum token_err (*const fields[])(struct reading *, const json_t *) = {
        read_package,
        read_secret,
        read_config,
        read_expiry,
        read_url,
        read_pin,
        read_key_id,
    };
    /* The last two are of v3. */
    size_t count = sizeof(fields) / sizeof(fields[0]) - (r->token.version < 3 ? 2 : 0);
    enum token_err err = TOKEN_OK;

    for (size_t i = 0; i < count && err == TOKEN_OK; i++) {
        err = fields[i](r, object);
    }
    return err;
}

static enum token_err
read_json(struct reading *r)
{
    json_error_t reason;
    json_t *object =
        json_loadb((const char *)r->content.data, r->content.len, JSON_REJECT_DUPLICATES, &reason);
    enum token_err err = TOKEN_EJSON;

    if (json_is_object(object)) {
        err = read_fields(r, object);
    } else if (object == NULL && json_error_code(&reason) == json_error_out_of_memory) {
        err = TOKEN_ENOMEM;
    }
    /* It quotes the text around what it did not like. */
    OPENSSL_cleanse(&reason, sizeof(reason));
    json_decref(object);
    return err;
}

/* The whole block, which may be more than was asked for. */
static void
wipe_and_free(void *block)
{
    if (block != NULL) {
        OPENSSL_cleanse(block, malloc_usable_size(block));
        free(block);
    }
}

void
token_wipe_json(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}

/* jansson copies the secret several times and forgets the copies. */
static enum token_err
read_json_wiping(struct reading *r)
{
    json_malloc_t allocate;
    json_free_t release;

    json_get_alloc_funcs(&allocate, &release);
    if (release == wipe_and_free) {
        return read_json(r);
    }
    json_set_alloc_funcs(malloc, wipe_and_free);
    enum token_err err = read_json(r);
    json_set_alloc_funcs(allocate, release);
    return err;
}

static enum token_err
choose_url(struct reading *r)
{
    const char *given = r->options->core_url;
    char url[TOKEN_URL_MAX + 1];

    if (given == NULL || given[0] == '\0') {
        return r->token.url[0] != '\0' ? TOKEN_OK : TOKEN_ENOURL;
    }
    if (token_url((struct sr_span){ (const uint8_t *)given, strlen(given) }, url) != TOKEN_OK) {
        return TOKEN_ECOREURL;
    }
    if (r->token.url[0] == '\0') {
        memcpy(r->token.url, url, strlen(url) + 1);
    }
    r->token.core_url_ignored = strcmp(r->token.url, url) != 0;
    return TOKEN_OK;
}

static enum token_err
check_expiry(struct reading *r)
{
    if (r->token.expires_s == 0 || r->options->now_s <= r->token.expires_s) {
        return TOKEN_OK;
    }
    r->problem->expired_s = r->token.expires_s;
    r->problem->now_s = r->options->now_s;
    return TOKEN_EEXPIRED;
}

static enum token_err
read_all(struct reading *r, struct sr_span text)
{
    enum token_err err = clean(r, text);

    if (err == TOKEN_OK) {
        err = open_token(r);
    }
    if (err == TOKEN_OK) {
        err = read_json_wiping(r);
    }
    if (err == TOKEN_OK) {
        err = choose_url(r);
    }
    return err == TOKEN_OK ? check_expiry(r) : err;
}

enum token_err
token_read(struct sr_span text, const struct token_options *options, struct token *ret_token,
    struct token_problem *problem)
{
    struct reading r = { .options = options, .problem = problem };

    *problem = (struct token_problem){ .err = TOKEN_OK };
    problem->err = read_all(&r, text);
    if (problem->err == TOKEN_OK) {
        *ret_token = r.token;
    }
    OPENSSL_cleanse(&r, sizeof(r));
    return problem->err;
}

void
token_done(struct token *token)
{
    OPENSSL_cleanse(token, sizeof(*token));
}
