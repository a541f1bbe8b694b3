/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/tls_permit.h"

#include <string.h>

#include "sr/network.h"

#include "sr/banned.h"

#define NAME_MAX_LEN 253U /* of the domain name system */

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* `bytes` begins with the lower-case `word`, whatever its case. */
static bool
begins_with(const char *bytes, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    if (len < word_len) {
        return false;
    }
    for (size_t i = 0; i < word_len; i++) {
        if (lower(bytes[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

/* ---- Reading ---- */

static int
hex_value(char c)
{
    c = lower(c);
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of digits, with a colon between each two or none. */
static const char *
parse_fingerprint(const char *text, size_t digest_len, struct sr_tls_permit *permit)
{
    bool colons = strlen(text) == 3 * digest_len - 1;

    if (!colons && strlen(text) != 2 * digest_len) {
        return digest_len == SR_TLS_SHA256_LEN ? "a sha-256 fingerprint has 64 hexadecimal digits"
                                               : "a sha-1 fingerprint has 40 hexadecimal digits";
    }
    for (size_t i = 0; i < digest_len; i++) {
        const char *pair = text + i * (colons ? 3 : 2);
        int high = hex_value(pair[0]);
        int low = hex_value(pair[1]);

        if (high < 0 || low < 0 || (colons && i + 1 < digest_len && pair[2] != ':')) {
            return "a fingerprint is hexadecimal: sha-256:AA:BB:...";
        }
        permit->bytes[i] = (uint8_t)(high * 16 + low);
    }
    permit->kind = SR_TLS_PERMIT_FINGERPRINT;
    permit->len = digest_len;
    return NULL;
}

static const char *
parse_name(const char *text, struct sr_tls_permit *permit)
{
    size_t len = strlen(text);

    permit->wildcard = text[0] == '*' && text[1] == '.';
    if (permit->wildcard) {
        text += 2;
        len -= 2;
    }
    if (len == 0 || len > NAME_MAX_LEN) {
        return "write a name of 1 to 253 characters, an address, or sha-256:FINGERPRINT";
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '*') {
            return "`*` stands only for the whole first label, as in *.example.com; without "
                   "permitted_peers everybody whom the CA signed may send";
        }
        if (text[i] < ' ' || text[i] > '~' || text[i] == '/') {
            return "names are ASCII without `/`; write a name, an address, or sha-256:FINGERPRINT";
        }
    }
    permit->kind = SR_TLS_PERMIT_NAME;
    permit->name = (struct sr_span){ (const uint8_t *)text, len };
    return NULL;
}

const char *
sr_tls_permit_parse(const char *text, struct sr_tls_permit *ret_permit)
{
    static const struct {
        const char *prefix;
        size_t digest_len;
    } digests[] = { { "sha-256:", SR_TLS_SHA256_LEN }, { "sha256:", SR_TLS_SHA256_LEN },
        { "sha-1:", SR_TLS_SHA1_LEN }, { "sha1:", SR_TLS_SHA1_LEN } };
    struct sr_tls_permit permit = { .kind = SR_TLS_PERMIT_NAME };
    struct sr_network address;
    const char *wrong = NULL;
    bool is_digest = false;

    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]) && !is_digest; i++) {
        is_digest = begins_with(text, strlen(text), digests[i].prefix);
        if (is_digest) {
            wrong =
                parse_fingerprint(text + strlen(digests[i].prefix), digests[i].digest_len, &permit);
        }
    }
    if (!is_digest && memchr(text, '/', strlen(text)) == NULL &&
        sr_network_parse(text, &address) == NULL) {
        permit.kind = SR_TLS_PERMIT_ADDRESS;
        permit.len = address.is_v6 ? 16 : 4;
        memcpy(permit.bytes, address.address, permit.len);
    } else if (!is_digest) {
        wrong = parse_name(text, &permit);
    }
    if (wrong == NULL) {
        *ret_permit = permit;
    }
    return wrong;
}

/* ---- Matching ---- */

bool
sr_tls_permit_has_name(const struct sr_tls_permit *permit, struct sr_span name)
{
    const char *pattern = (const char *)permit->name.data;
    const char *given = (const char *)name.data;
    size_t len = name.len;

    if (permit->kind != SR_TLS_PERMIT_NAME || len == 0) {
        return false;
    }
    if (permit->wildcard) {
        const char *dot = memchr(given, '.', len);
        if (dot == NULL || dot == given) {
            return false;
        }
        len -= (size_t)(dot + 1 - given);
        given = dot + 1;
    }
    if (len != permit->name.len) {
        return false;
    }
    /* By length: a NUL in a certificate's name must not end it early. */
    for (size_t i = 0; i < len; i++) {
        if (lower(given[i]) != lower(pattern[i])) {
            return false;
        }
    }
    return true;
}

bool
sr_tls_permit_has_bytes(
    const struct sr_tls_permit *permit, enum sr_tls_permit_kind kind, struct sr_span bytes)
{
    return permit->kind == kind && permit->len == bytes.len &&
           memcmp(permit->bytes, bytes.data, bytes.len) == 0;
}

void
sr_tls_fingerprint_text(
    const uint8_t digest[SR_TLS_SHA256_LEN], char ret_text[SR_TLS_FINGERPRINT_TEXT_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    static const char prefix[] = "sha-256:";
    size_t len = sizeof(prefix) - 1;

    memcpy(ret_text, prefix, len);
    for (size_t i = 0; i < SR_TLS_SHA256_LEN; i++) {
        ret_text[len++] = digits[digest[i] >> 4];
        ret_text[len++] = digits[digest[i] & 0xf];
        ret_text[len++] = i + 1 < SR_TLS_SHA256_LEN ? ':' : '\0';
    }
}

/* ---- What is no TLS ---- */

/* Octet counting ("123 <13>..."), or a priority at once. */
static bool
looks_like_syslog(const char *bytes, size_t len)
{
    size_t digits = 0;

    if (bytes[0] == '<') {
        return true;
    }
    while (digits < len && bytes[digits] >= '0' && bytes[digits] <= '9') {
        digits++;
    }
    return digits > 0 && (digits == len || bytes[digits] == ' ');
}

const char *
sr_tls_guess(struct sr_span first)
{
    static const char *const methods[] = { "get ", "post ", "head ", "put ", "options ", "connect ",
        "delete ", "pri * " };
    static const uint8_t proxy2[] = { '\r', '\n', '\r', '\n', 0, '\r', '\n' };
    const char *bytes = (const char *)first.data;

    if (first.len == 0 || first.data[0] == 0x16) { /* a record of a handshake */
        return NULL;
    }
    if (begins_with(bytes, first.len, "proxy ") ||
        (first.len >= sizeof(proxy2) && memcmp(bytes, proxy2, sizeof(proxy2)) == 0)) {
        return "proxy_header";
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (begins_with(bytes, first.len, methods[i])) {
            return "http";
        }
    }
    return looks_like_syslog(bytes, first.len) ? "plaintext_syslog" : "garbage";
}
