/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/api_call.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "enroll/token_fields.h"
#include "sr/base64url.h"

#include "sr/banned.h"

#define HOST_DIGITS 64

enum method {
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
};

/* A path: what is before the id and behind it; without an id the whole is in `before`. */
static const struct pattern {
    const char *before, *behind; /* behind NULL: there is no id */
    enum api_route route;
    unsigned methods;
    const char *allow;
} patterns[] = {
    { "/healthz", NULL, API_HEALTH, METHOD_GET | METHOD_HEAD, "GET, HEAD" },
    { "/ca.pem", NULL, API_CA, METHOD_GET | METHOD_HEAD, "GET, HEAD" },
    { "/api/enroll/", "", API_ENROLL, METHOD_GET, "GET" },
    { "/api/enroll/collector/", "", API_ENROLL, METHOD_GET, "GET" },
    { "/api/collectors/", "/bundle", API_BUNDLE, METHOD_GET | METHOD_POST, "GET, POST" },
    { "/api/collectors/", "/installed", API_INSTALLED, METHOD_POST, "POST" },
    { "/api/collectors/", "/renew", API_RENEW, METHOD_POST, "POST" },
};

static const struct api_fault no_such_path = { 404, "There is nothing at this path.", NULL };
static const struct api_fault bad_token = { 401, "The token is not one of this collector.", NULL };

static bool
fail(struct api_fault *ret_fault, unsigned status, const char *sentence)
{
    *ret_fault = (struct api_fault){ status, sentence, NULL };
    return false;
}

static unsigned
method_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned method;
    } methods[] = { { "GET", METHOD_GET }, { "HEAD", METHOD_HEAD }, { "POST", METHOD_POST } };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(name, methods[i].name) == 0) {
            return methods[i].method;
        }
    }
    return 0;
}

/* Whether the path is of this pattern; then writes its id, which is empty where there is none. */
static bool
matches(const struct pattern *p, struct sr_span path, char ret_id[COLLECTOR_ID_LEN + 1])
{
    size_t before = strlen(p->before);
    size_t behind = p->behind != NULL ? strlen(p->behind) : 0;

    ret_id[0] = '\0';
    if (p->behind == NULL) {
        return path.len == before && memcmp(path.data, p->before, before) == 0;
    }
    if (path.len != before + COLLECTOR_ID_LEN + behind ||
        memcmp(path.data, p->before, before) != 0 ||
        memcmp(path.data + path.len - behind, p->behind, behind) != 0) {
        return false;
    }
    return token_uuid((struct sr_span){ path.data + before, COLLECTOR_ID_LEN }, ret_id);
}

static bool
find_route(const struct api_request *request, struct api_call *call, struct api_fault *ret_fault)
{
    struct sr_span path = { (const uint8_t *)request->target, strcspn(request->target, "?") };

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const struct pattern *p = &patterns[i];
        if (!matches(p, path, call->id)) {
            continue;
        }
        if ((method_of(request->method) & p->methods) == 0) {
            *ret_fault = (struct api_fault){ 405, "This path takes another method.", p->allow };
            return false;
        }
        call->route = p->route;
        return true;
    }
    *ret_fault = no_such_path;
    return false;
}

/* ---- Tokens ---- */

/* A token, whole or its secret: which it is the collector's code finds out. */
static bool
take_token(struct api_call *call, const char *text)
{
    size_t len = strlen(text);

    if (len > TOKEN_TEXT_MAX) {
        return false;
    }
    memcpy(call->token, text, len + 1);
    return true;
}

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)((at - digits) % 16) : -1;
}

/* Decodes the percent signs of a value of a query (RFC 3986, section 2.1). False for a bad one. */
static bool
decode(const char *text, size_t len, char out[API_TARGET_MAX + 1])
{
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0 || high + low == 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

/* The value of `token` in the query, and its length; NULL when there is none. */
static const char *
query_token(const char *target, size_t *ret_len)
{
    static const char name[] = "token=";
    const char *p = strchr(target, '?');

    while (p != NULL) {
        p++;
        if (strncmp(p, name, sizeof(name) - 1) == 0) {
            p += sizeof(name) - 1;
            *ret_len = strcspn(p, "&");
            return p;
        }
        p = strchr(p, '&');
    }
    return NULL;
}

static bool
take_query_token(struct api_call *call, const char *target, struct api_fault *ret_fault)
{
    char text[API_TARGET_MAX + 1];
    size_t len = 0;
    const char *value = query_token(target, &len);

    if (value == NULL || len == 0) {
        return true;
    }
    if (!decode(value, len, text)) {
        return fail(ret_fault, 400, "The query is not one: a percent sign stands for nothing.");
    }
    bool ok = take_token(call, text);
    OPENSSL_cleanse(text, sizeof(text));
    *ret_fault = bad_token;
    return ok;
}

/* From the query of a GET; of a POST only from the header or the body, as queries get logged. */
static bool
find_token(const struct api_request *request, struct api_call *call, struct api_fault *ret_fault)
{
    const char *member = json_string_value(json_object_get(call->body, "download_token"));
    const char *text = request->token != NULL ? request->token : member;
    size_t len;

    if (strcmp(request->method, "GET") == 0) {
        if (query_token(request->target, &len) != NULL) {
            return take_query_token(call, request->target, ret_fault);
        }
    } else if (query_token(request->target, &len) != NULL) {
        return fail(ret_fault, 400,
            "The token is in the query: send it as the header "
            "X-ServiceRadar-Download-Token.");
    }
    if (text != NULL && text[0] != '\0' && !take_token(call, text)) {
        *ret_fault = bad_token;
        return false;
    }
    return true;
}

/* ---- Who asks, and what is in the body ---- */

static bool
find_host(const struct api_request *request, struct api_call *call, struct api_fault *ret_fault)
{
    _Static_assert(COLLECTOR_HOST_MAX >= HOST_DIGITS, "a hash fits");
    _Static_assert(COLLECTOR_HOST_MAX >= SR_PEER_TEXT_MAX, "an address fits");

    if (request->host == NULL) {
        (void)sr_peer_text(&request->peer, call->host);
        return true;
    }
    if (strlen(request->host) != HOST_DIGITS) {
        return fail(ret_fault, 400, "X-ServiceRadar-Host is not 64 hexadecimal digits.");
    }
    for (size_t i = 0; i < HOST_DIGITS; i++) {
        int digit = hex_digit(request->host[i]);
        if (digit < 0) {
            return fail(ret_fault, 400, "X-ServiceRadar-Host is not 64 hexadecimal digits.");
        }
        call->host[i] = "0123456789abcdef"[digit];
    }
    call->host[HOST_DIGITS] = '\0';
    call->named = true;
    return true;
}

/* Whether they are good keys is found out by who issues for them. */
static bool
read_keys(struct api_call *call, struct api_fault *ret_fault)
{
    const json_t *csr = json_object_get(call->body, "csr");
    const json_t *nkey = json_object_get(call->body, "nkey");

    if (csr == NULL && nkey == NULL) {
        return true;
    }
    if (!json_is_string(csr) || !json_is_string(nkey)) {
        return fail(ret_fault, 400, "`csr` and `nkey` are not both texts.");
    }
    call->keys = (struct collector_keys){ json_string_value(csr), json_string_value(nkey) };
    return true;
}

static bool
read_result(struct api_call *call, struct api_fault *ret_fault)
{
    const char *result = json_string_value(json_object_get(call->body, "result"));
    const char *cause = json_string_value(json_object_get(call->body, "cause"));
    size_t len = 0;

    if (result == NULL || (strcmp(result, "installed") != 0 && strcmp(result, "failed") != 0)) {
        return fail(ret_fault, 400, "`result` is neither \"installed\" nor \"failed\".");
    }
    call->failed = strcmp(result, "failed") == 0;
    for (const char *c = cause != NULL ? cause : "no cause was given";
         *c != '\0' && len < API_CAUSE_MAX; c++) {
        call->cause[len++] = (char)(*c >= 0x20 && *c <= 0x7e ? *c : '?');
    }
    call->cause[len] = '\0';
    return true;
}

static bool
read_renewal(struct api_call *call, struct api_fault *ret_fault)
{
    const json_t *time = json_object_get(call->body, "time");
    const char *text = json_string_value(json_object_get(call->body, "signature"));
    struct sr_buf signature = sr_buf_over(call->signature, sizeof(call->signature));

    if (!json_is_integer(time) || json_integer_value(time) <= 0) {
        return fail(ret_fault, 400, "`time` is not a time in Unix seconds.");
    }
    call->time_s = (uint64_t)json_integer_value(time);
    struct sr_span span = { (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
    if (text == NULL || !sr_base64url_decode(&signature, span) ||
        signature.len != sizeof(call->signature)) {
        return fail(
            ret_fault, 400, "`signature` is not 64 bytes in base 64 (RFC 4648, section 5).");
    }
    if (call->keys.csr == NULL) {
        return fail(ret_fault, 400, "`csr` and `nkey` are missing.");
    }
    return true;
}

static bool
parse_body(const struct api_request *request, struct api_call *call, struct api_fault *ret_fault)
{
    if (strcmp(request->method, "POST") != 0 || request->body.len == 0) {
        return true;
    }
    if (request->body.len > API_BODY_MAX) {
        return fail(ret_fault, 413, "The body is longer than 64 KiB.");
    }
    call->body = json_loadb(
        (const char *)request->body.data, request->body.len, JSON_REJECT_DUPLICATES, NULL);
    return json_is_object(call->body) || fail(ret_fault, 400, "The body is not a JSON object.");
}

static bool
read_body(struct api_call *call, struct api_fault *ret_fault)
{
    switch (call->route) {
    case API_HEALTH:
    case API_CA:
    case API_ENROLL: return true;
    case API_BUNDLE: return read_keys(call, ret_fault);
    case API_INSTALLED: return read_result(call, ret_fault);
    case API_RENEW: return read_keys(call, ret_fault) && read_renewal(call, ret_fault);
    }
    return true;
}

bool
api_call_read(
    const struct api_request *request, struct api_call *ret_call, struct api_fault *ret_fault)
{
    struct api_call call = { .route = API_HEALTH };

    if (find_route(request, &call, ret_fault) && find_host(request, &call, ret_fault) &&
        parse_body(request, &call, ret_fault) && find_token(request, &call, ret_fault) &&
        read_body(&call, ret_fault)) {
        *ret_call = call;
        OPENSSL_cleanse(&call, sizeof(call));
        return true;
    }
    api_call_done(&call);
    return false;
}

void
api_call_done(struct api_call *call)
{
    json_decref(call->body);
    OPENSSL_cleanse(call, sizeof(*call));
}

void
api_path_text(const char *target, char *out, size_t size)
{
    static const char known[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

    (void)snprintf(out, size, "%.*s", (int)strspn(target, known), target);
}
