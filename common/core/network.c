/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/network.h"

#include <string.h>

#include "sr/banned.h"

#define V4_BITS 32U
#define V6_BITS 128U
#define GROUPS 8

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number of at most three digits without leading zeros, which others read as octal. */
static bool
take_decimal(const char **at, unsigned max, unsigned *ret_value)
{
    const char *p = *at;
    unsigned value = 0;

    while (is_digit(*p) && p - *at < 3) {
        value = 10 * value + (unsigned)(*p++ - '0');
    }
    if (p == *at || is_digit(*p) || value > max || (**at == '0' && p - *at > 1)) {
        return false;
    }
    *at = p;
    *ret_value = value;
    return true;
}

static bool
take_v4(const char **at, uint8_t *out)
{
    unsigned byte;

    for (int i = 0; i < 4; i++) {
        if (i > 0 && *(*at)++ != '.') {
            return false;
        }
        if (!take_decimal(at, 255, &byte)) {
            return false;
        }
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* One to four hexadecimal digits. */
static bool
take_group(const char **at, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned value = 0;
    int n = 0;

    for (; n < 4; n++) {
        char c = (*at)[n];
        char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
        const char *digit = memchr(digits, lower, sizeof(digits) - 1);
        if (digit == NULL) {
            break;
        }
        value = value << 4 | (unsigned)(digit - digits);
    }
    *at += n;
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return n > 0;
}

/* True when a dotted quad follows: it has a dot before the next colon or the end. */
static bool
is_quad(const char *at)
{
    while (is_digit(*at)) {
        at++;
    }
    return *at == '.';
}

/*
 * The groups of an IPv6 address into `out`; *ret_gap is how many of them stand before "::", or -1.
 * False when they are malformed.
 */
static bool
take_groups(const char **at, uint8_t *out, int *ret_count, int *ret_gap)
{
    int count = 0, gap = -1;

    if (strncmp(*at, "::", 2) == 0) {
        gap = 0;
        *at += 2;
    }
    while (**at != '\0' && **at != '/' && count < GROUPS) {
        if (is_quad(*at)) {
            if (count > GROUPS - 2 || !take_v4(at, out + 2 * (size_t)count)) {
                return false;
            }
            count += 2;
            break;
        }
        if (!take_group(at, out + 2 * (size_t)count)) {
            return false;
        }
        count++;
        if (strncmp(*at, "::", 2) == 0 && gap < 0) {
            gap = count;
            *at += 2;
        } else if (**at == ':' && (*at)[1] != '\0' && (*at)[1] != '/' && (*at)[1] != ':') {
            *at += 1;
        } else {
            break;
        }
    }
    *ret_count = count;
    *ret_gap = gap;
    return true;
}

static bool
take_v6(const char **at, uint8_t *out)
{
    uint8_t groups[2 * GROUPS] = { 0 };
    int count = 0, gap = -1;

    /* "::" stands for at least one group (RFC 5952 section 4.2.2 advises two, all read one). */
    if (!take_groups(at, groups, &count, &gap) || (gap < 0) != (count == GROUPS)) {
        return false;
    }
    size_t head = 2 * (size_t)(gap < 0 ? count : gap);
    size_t tail = 2 * (size_t)count - head;
    memset(out, 0, sizeof(groups));
    memcpy(out, groups, head);
    memcpy(out + sizeof(groups) - tail, groups + head, tail);
    return true;
}

/* Bits behind the prefix say that the text is not what was meant. */
static bool
has_host_bits(const struct sr_network *n)
{
    for (unsigned bit = n->prefix; bit < (n->is_v6 ? V6_BITS : V4_BITS); bit++) {
        if ((n->address[bit / 8] >> (7 - bit % 8) & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* Senders of v4-mapped addresses are IPv4 (struct sr_peer). */
static void
unmap(struct sr_network *n)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (n->is_v6 && n->prefix >= V6_BITS - V4_BITS &&
        memcmp(n->address, mapped, sizeof(mapped)) == 0) {
        memmove(n->address, n->address + sizeof(mapped), 4);
        memset(n->address + 4, 0, sizeof(n->address) - 4);
        n->is_v6 = false;
        n->prefix = (uint8_t)(n->prefix - (V6_BITS - V4_BITS));
    }
}

const char *
sr_network_parse(const char *text, struct sr_network *ret_network)
{
    struct sr_network n = { .is_v6 = memchr(text, ':', strlen(text)) != NULL };
    const char *at = text;
    unsigned bits = n.is_v6 ? V6_BITS : V4_BITS;
    unsigned prefix = bits;

    if (!(n.is_v6 ? take_v6(&at, n.address) : take_v4(&at, n.address)) ||
        (*at != '\0' && *at != '/')) {
        return "is not an address or network; write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32";
    }
    if (*at == '/') {
        at++;
        if (!take_decimal(&at, bits, &prefix) || *at != '\0') {
            return "has no such prefix; an IPv4 network has 0 to 32 bits, an IPv6 one 0 to 128";
        }
    }
    n.prefix = (uint8_t)prefix;
    if (has_host_bits(&n)) {
        return "has bits behind its prefix; clear them, or write a longer prefix";
    }
    unmap(&n);
    *ret_network = n;
    return NULL;
}

bool
sr_network_has(const struct sr_network *network, const struct sr_peer *peer)
{
    size_t whole = network->prefix / 8;
    unsigned rest = network->prefix % 8;

    if (network->is_v6 != peer->is_v6 || memcmp(network->address, peer->address, whole) != 0) {
        return false;
    }
    return rest == 0 || (network->address[whole] ^ peer->address[whole]) >> (8 - rest) == 0;
}
