/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define ONES 0x0101010101010101u
#define HIGH 0x8080808080808080u

__extension__ typedef unsigned __int128 uint128;

/*
 * Non-zero when one of the eight bytes of `w` cannot be copied into a JSON string as it is: a
 * control character, a quote, a backslash, or a byte above 0x7f. May not say which one: a borrow
 * can mark the byte after a hit.
 */
static uint64_t
special_bytes(uint64_t w)
{
    uint64_t quote = w ^ (ONES * '"');
    uint64_t backslash = w ^ (ONES * '\\');
    uint64_t control = w - ONES * 0x20;

    return (control | (quote - ONES) | (backslash - ONES) | w) & HIGH;
}

static bool
is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* How many of the eight bytes in `w`, as they lie in memory, come before the first special one. */
static size_t
plain_bytes(uint64_t w)
{
    uint64_t special = special_bytes(w);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* Borrows run towards later bytes, so the first mark is true. */
    return special == 0 ? sizeof(w) : (size_t)__builtin_ctzll(special) / 8;
#else
    uint8_t bytes[sizeof(w)];
    size_t n = special == 0 ? sizeof(w) : 0;
    memcpy(bytes, &w, sizeof(w));
    while (n < sizeof(w) && is_plain(bytes[n])) {
        n++;
    }
    return n;
#endif
}

/*
 * Copies the bytes at the start of `text` that go into a JSON string unchanged and are ASCII, and
 * returns how many. Looking at and copying words in one go is what makes encoding cheap.
 */
static size_t
copy_plain(struct sr_buf *b, struct sr_span text)
{
    size_t i = 0;

    while (
        text.len - i >= sizeof(uint64_t) && b->cap - b->len >= sizeof(uint64_t) && !b->overflow) {
        uint64_t w;
        memcpy(&w, text.data + i, sizeof(w));
        memcpy(b->data + b->len, &w, sizeof(w));
        size_t n = plain_bytes(w);
        b->len += n;
        i += n;
        if (n < sizeof(w)) {
            return i;
        }
    }
    for (; i < text.len && is_plain(text.data[i]); i++) {
        sr_buf_put(b, text.data[i]);
    }
    return i;
}

/*
 * The length of the well-formed UTF-8 sequence of two to four bytes at `p`, or 0. Then *ret_bad is
 * the length of the maximal subpart (Unicode 15, table 3-7 and section 3.9): what one U+FFFD
 * stands for.
 */
static size_t
sequence(const uint8_t *p, size_t len, size_t *ret_bad)
{
    uint8_t lead = p[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t need = 0;

    if (lead >= 0xc2 && lead <= 0xdf) {
        need = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        need = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;  /* no overlong forms */
        high = lead == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        need = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf; /* nothing above U+10FFFF */
    }
    size_t have = 1;
    while (have < need && have < len && p[have] >= low && p[have] <= high) {
        low = 0x80;
        high = 0xbf;
        have++;
    }
    if (have == need) {
        return need;
    }
    *ret_bad = have;
    return 0;
}

static void
add_escape(struct sr_buf *b, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
    };
    char text[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

    if (c < 0x20 && letters[c] == '\0') {
        sr_buf_add(b, text, sizeof(text));
        return;
    }
    text[1] = c < 0x20 ? letters[c] : (char)c;
    sr_buf_add(b, text, 2);
}

void
sr_json_string_part(struct sr_buf *b, struct sr_span text)
{
    while (text.len > 0) {
        size_t used = copy_plain(b, text);
        if (used < text.len && text.data[used] < 0x80) {
            add_escape(b, text.data[used++]);
        } else if (used < text.len) {
            size_t bad = 0;
            size_t good = sequence(text.data + used, text.len - used, &bad);
            if (good > 0) {
                sr_buf_add(b, text.data + used, good);
            } else {
                sr_buf_add(b, "\xef\xbf\xbd", 3);
            }
            used += good + bad;
        }
        text = (struct sr_span){ text.data + used, text.len - used };
    }
}

void
sr_json_string(struct sr_buf *b, struct sr_span text)
{
    sr_buf_put(b, '"');
    sr_json_string_part(b, text);
    sr_buf_put(b, '"');
}

void
sr_json_text(struct sr_buf *b, const char *text)
{
    sr_json_string(b, (struct sr_span){ (const uint8_t *)text, strlen(text) });
}

bool
sr_utf8_valid(struct sr_span text)
{
    const uint8_t *p = text.data;
    size_t i = 0;

    while (i < text.len) {
        uint64_t w;
        if (text.len - i >= sizeof(w)) {
            memcpy(&w, p + i, sizeof(w));
            if ((w & HIGH) == 0) {
                i += sizeof(w);
                continue;
            }
        }
        size_t bad = 0;
        size_t good = p[i] < 0x80 ? 1 : sequence(p + i, text.len - i, &bad);
        if (good == 0) {
            return false;
        }
        i += good;
    }
    return true;
}

/*
 * Writes digits x 10^exponent as Rust's serde_json (ryu) does: with a point when the point falls
 * within 16 digits or after at most five zeros ("0.00001"), else "d.ddde17" without '+'.
 */
static void
add_decimal(struct sr_buf *b, const char *digits, size_t count, int exponent)
{
    int point = (int)count + exponent; /* digits before the decimal point */

    if (point > 0 && point <= 16) {
        size_t whole = (size_t)point < count ? (size_t)point : count;
        sr_buf_add(b, digits, whole);
        for (int i = (int)count; i < point; i++) {
            sr_buf_put(b, '0');
        }
        sr_buf_put(b, '.');
        if (count > whole) {
            sr_buf_add(b, digits + whole, count - whole);
        } else {
            sr_buf_put(b, '0');
        }
    } else if (point > -5 && point <= 0) {
        sr_buf_add(b, "0.0000", (size_t)(2 - point));
        sr_buf_add(b, digits, count);
    } else {
        sr_buf_put(b, (uint8_t)digits[0]);
        if (count > 1) {
            sr_buf_put(b, '.');
            sr_buf_add(b, digits + 1, count - 1);
        }
        sr_buf_put(b, 'e');
        if (point - 1 < 0) {
            sr_buf_put(b, '-');
        }
        sr_buf_add_u64(b, (uint64_t)(point - 1 < 0 ? 1 - point : point - 1));
    }
}

static void
add_scaled(struct sr_buf *b, uint64_t n, int places)
{
    char digits[20];
    size_t at = sizeof(digits);

    for (; places > 0 && n % 10 == 0; places--) {
        n /= 10;
    }
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    add_decimal(b, digits + at, sizeof(digits) - at, -places);
}

/*
 * The common case: value = n / 10^places with n below 2^52. Both are exact doubles, so the division
 * is correctly rounded and comparing with `value` proves that the decimal reads back as it. Below
 * 2^52 decimals with as many places lie further apart than doubles, so it is the only one, and
 * without its zeros at the end it is the shortest.
 */
static bool
add_short_decimal(struct sr_buf *b, double value)
{
    static const double powers[] = { 1e0, 1e3, 1e6, 1e9 };
    const double limit = 4503599627370495.0; /* 2^52 - 1 */

    for (int i = 0; i < 4; i++) {
        double scaled = value * powers[i];
        if (scaled >= limit) {
            return false;
        }
        uint64_t n = (uint64_t)(scaled + 0.5);
        if ((double)n / powers[i] == value) {
            add_scaled(b, n, 3 * i);
            return true;
        }
    }
    return false;
}

/*
 * Times with microseconds or less need up to 17 digits. From 1 to 2^53 a double is m / 2^k, and
 * for up to nine places m * 10^places is exact in 128 bits: the nearest decimal n / 10^places
 * reads back as the double when it is less than half a unit of m away.
 */
static bool
add_exact_decimal(struct sr_buf *b, double value)
{
    const uint64_t implicit = UINT64_C(1) << 52;
    uint64_t bits;
    uint64_t power = 1;

    memcpy(&bits, &value, sizeof(bits));
    uint64_t m = (bits & (implicit - 1)) | implicit;
    int k = 1075 - (int)(bits >> 52);
    /* Half of a unit is smaller below a power of two: rare enough for the long way. */
    if (k < 1 || k > 52 || m == implicit) {
        return false;
    }
    for (int places = 0; places < 10; places++, power *= 10) {
        uint128 exact = (uint128)m * power;
        uint64_t n = (uint64_t)((exact + ((uint128)1 << (k - 1))) >> k);
        uint128 back = (uint128)n << k;
        uint128 gap = back > exact ? back - exact : exact - back;
        if (2 * gap == (uint128)1 << k || 2 * gap == power) {
            return false; /* two decimals are equally near, or this one is to two doubles */
        }
        if (2 * gap < power) {
            add_scaled(b, n, places);
            return true;
        }
    }
    return false;
}

/* Any finite value above zero: the first precision whose text reads back as the same double. */
static void
add_long_decimal(struct sr_buf *b, double value)
{
    const double smallest_normal = 2.2250738585072014e-308;
    char text[32];
    /* Every decimal of 15 digits survives a normal double, so shorter ones need no search. */
    int precision = value < smallest_normal ? 1 : 15;

    for (;; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision - 1, value);
        if (precision == 17 || strtod(text, NULL) == value) {
            break;
        }
    }
    /* "d.ddde+XX": close the gap left by the point, drop zeros at the end. */
    char *mark = memchr(text, 'e', sizeof(text));
    int exponent = (int)strtod(mark + 1, NULL);
    size_t count = (size_t)precision;
    memmove(text + 1, text + 2, count - 1);
    while (count > 1 && text[count - 1] == '0') {
        count--;
    }
    add_decimal(b, text, count, exponent - (int)count + 1);
}

void
sr_json_double(struct sr_buf *b, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    if ((bits >> 52 & 0x7ff) == 0x7ff) { /* not a number, or infinite */
        sr_buf_add(b, "null", 4);
        return;
    }
    if (bits >> 63 != 0) {
        sr_buf_put(b, '-');
        value = -value;
    }
    if (!add_short_decimal(b, value) && !add_exact_decimal(b, value)) {
        add_long_decimal(b, value);
    }
}
