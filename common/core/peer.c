/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/peer.h"

#include <string.h>

#include "sr/banned.h"

static char *
add_decimal(char *out, uint8_t value)
{
    if (value >= 100) {
        *out++ = (char)('0' + value / 100);
    }
    if (value >= 10) {
        *out++ = (char)('0' + value / 10 % 10);
    }
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *
add_v4(char *out, const uint8_t *address)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0) {
            *out++ = '.';
        }
        out = add_decimal(out, address[i]);
    }
    return out;
}

static char *
add_group(char *out, unsigned value)
{
    static const char digits[] = "0123456789abcdef";
    int shift = 12;

    while (shift > 0 && value >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        *out++ = digits[value >> shift & 15];
    }
    return out;
}

static unsigned
group(const uint8_t *address, int index)
{
    return (unsigned)address[2 * index] << 8 | address[2 * index + 1];
}

/* The first longest run of two or more zero groups (RFC 5952, section 4.2); its length, or 0. */
static int
longest_zeros(const uint8_t *address, int *ret_start)
{
    int best = 1;

    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && group(address, i + n) == 0) {
            n++;
        }
        if (n > best) {
            best = n;
            *ret_start = i;
        }
    }
    return best > 1 ? best : 0;
}

static char *
add_v6(char *out, const uint8_t *address)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    int zeros_at = 8;
    int zeros = longest_zeros(address, &zeros_at);

    if (memcmp(address, mapped, sizeof(mapped)) == 0) { /* RFC 5952, section 5 */
        memcpy(out, "::ffff:", 7);
        return add_v4(out + 7, address + sizeof(mapped));
    }
    for (int i = 0; i < 8; i++) {
        if (i == zeros_at) {
            *out++ = ':';
            *out++ = ':';
            i += zeros - 1;
            continue;
        }
        if (i > 0 && i != zeros_at + zeros) {
            *out++ = ':';
        }
        out = add_group(out, group(address, i));
    }
    return out;
}

size_t
sr_peer_text(const struct sr_peer *peer, char *out)
{
    if (peer->is_local) {
        memcpy(out, "local", sizeof("local"));
        return sizeof("local") - 1;
    }
    char *end = peer->is_v6 ? add_v6(out, peer->address) : add_v4(out, peer->address);

    *end = '\0';
    return (size_t)(end - out);
}
