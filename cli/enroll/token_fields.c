/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/token_fields.h"

#include <arpa/inet.h>
#include <string.h>

#include "sr/banned.h"

#define SCHEME "https"
#define HOST_MAX 253 /* RFC 1035, section 2.3.4, without the root's dot */
#define DEFAULT_PORT 443

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alnum(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static uint8_t
lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
is_hex(uint8_t c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/* Whether `c` is one of the characters of `set`; a NUL never is. */
static bool
is_of(uint8_t c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static struct sr_span
from(struct sr_span text, size_t start)
{
    return (struct sr_span){ text.data + start, text.len - start };
}

/* Takes the scheme off `rest`; text without one is left as it is. */
static enum token_err
take_scheme(struct sr_span *rest)
{
    static const char mark[] = "://";
    const uint8_t *end = rest->len > 0 ? memmem(rest->data, rest->len, mark, 3) : NULL;

    if (end == NULL) {
        return TOKEN_OK;
    }
    size_t len = (size_t)(end - rest->data);
    if (len != sizeof(SCHEME) - 1) {
        return TOKEN_ESCHEME;
    }
    for (size_t i = 0; i < len; i++) {
        if (lower(rest->data[i]) != (uint8_t)SCHEME[i]) {
            return TOKEN_ESCHEME;
        }
    }
    *rest = from(*rest, len + sizeof(mark) - 1);
    return TOKEN_OK;
}

/* Takes "[IPv6]" off `rest`. */
static bool
take_bracketed(struct sr_span *rest, struct sr_buf *out)
{
    const uint8_t *end = memchr(rest->data, ']', rest->len);
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ignored;

    if (end == NULL) {
        return false;
    }
    size_t len = (size_t)(end - rest->data) - 1;
    if (len >= sizeof(address)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        address[i] = (char)lower(rest->data[1 + i]);
    }
    address[len] = '\0';
    /* A NUL inside would hide what is behind it. */
    if (strlen(address) != len || inet_pton(AF_INET6, address, &ignored) != 1) {
        return false;
    }
    sr_buf_put(out, '[');
    sr_buf_add_text(out, address);
    sr_buf_put(out, ']');
    *rest = from(*rest, len + 2);
    return true;
}

/* Takes the host off `rest`. Names of other scripts have to come as RFC 5891 writes them. */
static bool
take_host(struct sr_span *rest, struct sr_buf *out)
{
    size_t len = 0;

    if (rest->len > 0 && rest->data[0] == '[') {
        return take_bracketed(rest, out);
    }
    while (len < rest->len && (is_alnum(rest->data[len]) || is_of(rest->data[len], "-._"))) {
        sr_buf_put(out, lower(rest->data[len]));
        len++;
    }
    if (len == 0 || len > HOST_MAX || is_of(rest->data[0], "-.") ||
        is_of(rest->data[len - 1], "-")) {
        return false;
    }
    *rest = from(*rest, len);
    return true;
}

/* Takes ":port" off `rest`, if it is there. */
static bool
take_port(struct sr_span *rest, struct sr_buf *out)
{
    unsigned port = 0;
    size_t len = 1;

    if (rest->len == 0 || rest->data[0] != ':') {
        return true;
    }
    while (len < rest->len && len <= 5 && is_digit(rest->data[len])) {
        port = port * 10 + (rest->data[len] - (unsigned)'0');
        len++;
    }
    if (len == 1 || port == 0 || port > UINT16_MAX) {
        return false;
    }
    if (port != DEFAULT_PORT) {
        sr_buf_put(out, ':');
        sr_buf_add_u64(out, port);
    }
    *rest = from(*rest, len);
    return true;
}

/* Whether `path` is empty or one of RFC 3986, section 3.3, that begins with a slash. */
static bool
is_path(struct sr_span path)
{
    if (path.len > 0 && path.data[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        if (c == '%') {
            if (path.len - i < 3 || !is_hex(path.data[i + 1]) || !is_hex(path.data[i + 2])) {
                return false;
            }
        } else if (!is_alnum(c) && !is_of(c, "/-._~!$&'()*+,;=:@")) {
            return false;
        }
    }
    return true;
}

enum token_err
token_url(struct sr_span text, char ret_url[TOKEN_URL_MAX + 1])
{
    char memory[TOKEN_URL_MAX + 1];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));
    struct sr_span rest = text;
    enum token_err err = take_scheme(&rest);

    if (err != TOKEN_OK) {
        return err;
    }
    sr_buf_add_text(&out, SCHEME "://");
    if (!take_host(&rest, &out) || !take_port(&rest, &out) || !is_path(rest)) {
        return TOKEN_EURL;
    }
    while (rest.len > 0 && rest.data[rest.len - 1] == '/') {
        rest.len--;
    }
    sr_buf_add(&out, rest.data, rest.len);
    sr_buf_put(&out, '\0');
    if (out.overflow) {
        return TOKEN_EURL;
    }
    memcpy(ret_url, memory, out.len);
    return TOKEN_OK;
}

bool
token_uuid(struct sr_span text, char ret_uuid[TOKEN_UUID_LEN + 1])
{
    char uuid[TOKEN_UUID_LEN + 1] = "";

    if (text.len != TOKEN_UUID_LEN) {
        return false;
    }
    for (size_t i = 0; i < TOKEN_UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.data[i] != '-' : !is_hex(text.data[i])) {
            return false;
        }
        uuid[i] = (char)lower(text.data[i]);
    }
    memcpy(ret_uuid, uuid, sizeof(uuid));
    return true;
}

bool
token_is_secret(struct sr_span text)
{
    if (text.len == 0 || text.len > TOKEN_SECRET_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alnum(text.data[i]) && !is_of(text.data[i], "-._~+/=")) {
            return false;
        }
    }
    return true;
}

bool
token_is_config(struct sr_span text)
{
    if (text.len == 0 || text.len > TOKEN_CONFIG_MAX || is_of(text.data[0], ".-")) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alnum(text.data[i]) && !is_of(text.data[i], "-._")) {
            return false;
        }
    }
    return true;
}

static uint8_t
hex_value(uint8_t c)
{
    return (uint8_t)(is_digit(c) ? c - '0' : lower(c) - 'a' + 10);
}

bool
token_pin(struct sr_span text, uint8_t ret_pin[TOKEN_PIN_BYTES])
{
    static const size_t start = sizeof(TOKEN_PIN_PREFIX) - 1;

    if (text.len != start + (size_t)TOKEN_PIN_BYTES * 2 ||
        memcmp(text.data, TOKEN_PIN_PREFIX, start) != 0) {
        return false;
    }
    struct sr_span hex = from(text, start);
    for (size_t i = 0; i < hex.len; i++) {
        if (!is_hex(hex.data[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < TOKEN_PIN_BYTES; i++) {
        ret_pin[i] = (uint8_t)(hex_value(hex.data[2 * i]) << 4 | hex_value(hex.data[2 * i + 1]));
    }
    return true;
}
