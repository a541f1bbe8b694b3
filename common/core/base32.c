/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/base32.h"

#include "sr/banned.h"

void
sr_base32_encode(struct sr_buf *out, struct sr_span bytes)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        held = (held << 8 | bytes.data[i]) & 0xfff;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            sr_buf_put(out, (uint8_t)alphabet[held >> bits & 31]);
        }
    }
    if (bits > 0) {
        sr_buf_put(out, (uint8_t)alphabet[held << (5 - bits) & 31]);
    }
}

static int
digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

bool
sr_base32_decode(struct sr_buf *out, struct sr_span text)
{
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0) {
            return false;
        }
        held = (held << 5 | (uint32_t)digit) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            sr_buf_put(out, (uint8_t)(held >> bits));
        }
    }
    /* Five bits or more left over mean a last character that carries no byte. */
    return bits < 5 && (held & ((1U << bits) - 1)) == 0 && !out->overflow;
}
