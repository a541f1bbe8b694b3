/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define ONES 0x0101010101010101u
#define HIGH 0x8080808080808080u

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

/* How many bytes at the start of `p` go into a JSON string unchanged and are ASCII. */
static size_t
plain_run(const uint8_t *p, size_t len)
{
    size_t i = 0;

    while (len - i >= sizeof(uint64_t)) {
        uint64_t w;
        memcpy(&w, p + i, sizeof(w));
        if (special_bytes(w) != 0) {
            break;
        }
        i += sizeof(w);
    }
    while (i < len && is_plain(p[i])) {
        i++;
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
    const uint8_t *p = text.data;
    size_t start = 0; /* of the run that is copied in one piece */
    size_t i = 0;

    while (i < text.len) {
        i += plain_run(p + i, text.len - i);
        if (i == text.len) {
            break;
        }
        if (p[i] < 0x80) {
            sr_buf_add(b, p + start, i - start);
            add_escape(b, p[i]);
            start = ++i;
            continue;
        }
        size_t bad = 0;
        size_t good = sequence(p + i, text.len - i, &bad);
        if (good == 0) {
            sr_buf_add(b, p + start, i - start);
            sr_buf_add(b, "\xef\xbf\xbd", 3);
            start = i + bad;
        }
        i += good + bad;
    }
    if (text.len > start) {
        sr_buf_add(b, p + start, text.len - start);
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

/*
 * The common case: value = n / 10^places with n below 2^52. Both are exact doubles, so the division
 * is correctly rounded and comparing with `value` proves that the decimal reads back as it; below
 * 2^52 decimals of one length lie further apart than doubles, so it is the only one of its length.
 */
static bool
add_short_decimal(struct sr_buf *b, double value)
{
    static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
    const double limit = 4503599627370496.0; /* 2^52 */

    for (int places = 0; places < 10; places++) {
        double scaled = value * powers[places];
        if (scaled >= limit - 1) {
            return false;
        }
        uint64_t n = (uint64_t)(scaled + 0.5);
        if ((double)n / powers[places] != value) {
            continue;
        }
        char digits[16];
        size_t at = sizeof(digits);
        do {
            digits[--at] = (char)('0' + n % 10);
            n /= 10;
        } while (n > 0);
        add_decimal(b, digits + at, sizeof(digits) - at, -places);
        return true;
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
    if (!add_short_decimal(b, value)) {
        add_long_decimal(b, value);
    }
}
