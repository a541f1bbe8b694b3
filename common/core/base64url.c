/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/base64url.h"

#include "sr/banned.h"

void
sr_base64url_encode(struct sr_buf *out, struct sr_span bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        held = (held << 8 | bytes.data[i]) & 0x3fff;
        bits += 8;
        while (bits >= 6) {
            bits -= 6;
            sr_buf_put(out, (uint8_t)alphabet[held >> bits & 63]);
        }
    }
    if (bits > 0) {
        sr_buf_put(out, (uint8_t)alphabet[held << (6 - bits) & 63]);
    }
}

static int
digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '-') {
        return 62;
    }
    return c == '_' ? 63 : -1;
}

bool
sr_base64url_decode(struct sr_buf *out, struct sr_span text)
{
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0) {
            return false;
        }
        held = (held << 6 | (uint32_t)digit) & 0x3fff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            sr_buf_put(out, (uint8_t)(held >> bits));
        }
    }
    /* Six bits left over mean a last character that carries no byte. */
    return bits < 6 && (held & ((1U << bits) - 1)) == 0 && !out->overflow;
}
