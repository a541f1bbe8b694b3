/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/json.h"

#include <stdint.h>
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

/* The one to seven bytes at `p` as they lie in memory, and zeros behind them. */
static inline uint64_t
load_less(const uint8_t *p, size_t len)
{
    uint64_t w = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t first, last; /* they overlap */

    if (len >= sizeof(first)) {
        memcpy(&first, p, sizeof(first));
        memcpy(&last, p + len - sizeof(last), sizeof(last));
        return first | (uint64_t)last << 8 * (len - sizeof(last));
    }
    for (size_t i = 0; i < len; i++) {
        w |= (uint64_t)p[i] << 8 * i;
    }
#else
    memcpy(&w, p, len);
#endif
    return w;
}

typedef int8_t wide __attribute__((vector_size(16)));

/*
 * Copies as many bytes as a `wide` has and returns how many of them come before the first special
 * one. Bytes above 0x7f are negative, so one comparison finds them with the control characters.
 */
static inline size_t
copy_wide(uint8_t *out, const uint8_t *in)
{
    uint64_t halves[2];
    wide w;

    memcpy(&w, in, sizeof(w));
    memcpy(out, &w, sizeof(w));
    wide special = (w < ' ') | (w == '"') | (w == '\\');
    memcpy(halves, &special, sizeof(halves));
    if ((halves[0] | halves[1]) == 0) {
        return sizeof(w);
    }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return halves[0] != 0 ? (size_t)__builtin_ctzll(halves[0]) / 8
                          : sizeof(halves[0]) + (size_t)__builtin_ctzll(halves[1]) / 8;
#else
    return halves[0] != 0 ? (size_t)__builtin_clzll(halves[0]) / 8
                          : sizeof(halves[0]) + (size_t)__builtin_clzll(halves[1]) / 8;
#endif
}

/* As copy_wide() for the one to seven bytes of `text`, into room for eight. */
static inline size_t
copy_less(uint8_t *out, struct sr_span text)
{
    uint64_t w = load_less(text.data, text.len);

    memcpy(out, &w, sizeof(w));
    return plain_bytes(w); /* the zeros behind the text are not plain */
}

/*
 * Copies the bytes at the start of `text` that go into a JSON string unchanged and are ASCII, and
 * returns how many. Looking at and copying words in one go is what makes encoding cheap. The loop
 * knows nothing of `b`, which it would have to read again after each store.
 */
static size_t
copy_plain(struct sr_buf *b, struct sr_span text)
{
    const size_t room = b->overflow ? 0 : b->cap - b->len;
    uint8_t *out = b->data + b->len;
    size_t i = 0, n = sizeof(wide);

    while (n == sizeof(wide) && text.len - i >= n && room - i >= n) {
        n = copy_wide(out + i, text.data + i);
        i += n;
    }
    bool more = n == sizeof(wide);
    if (more && text.len - i >= sizeof(uint64_t) && room - i >= sizeof(uint64_t)) {
        uint64_t w;
        memcpy(&w, text.data + i, sizeof(w));
        memcpy(out + i, &w, sizeof(w));
        n = plain_bytes(w);
        i += n;
        more = n == sizeof(w);
    }
    if (more && i < text.len && text.len - i < sizeof(uint64_t) && room - i >= sizeof(uint64_t)) {
        i += copy_less(out + i, (struct sr_span){ text.data + i, text.len - i });
        more = false;
    }
    b->len += i;
    for (; more && i < text.len && is_plain(text.data[i]); i++) {
        sr_buf_put(b, text.data[i]); /* hardly any room */
    }
    return i;
}

/*
 * The length of the well-formed UTF-8 sequence of two to four bytes at `p`. If there is none, minus
 * the length of the maximal subpart (Unicode 15, table 3-7 and section 3.9): what one U+FFFD stands
 * for.
 */
static int
sequence(const uint8_t *p, size_t len)
{
    uint8_t lead = p[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    int need;

    if (lead >= 0xc2 && lead <= 0xdf) {
        return len > 1 && (p[1] & 0xc0) == 0x80 ? 2 : -1;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        need = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;  /* no overlong forms */
        high = lead == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        need = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf; /* nothing above U+10FFFF */
    } else {
        return -1;
    }
    int have = 1;
    while (have < need && (size_t)have < len && p[have] >= low && p[have] <= high) {
        low = 0x80;
        high = 0xbf;
        have++;
    }
    return have == need ? need : -have;
}

enum { UNIT_MAX = 6 }; /* bytes that one character becomes at most */

/* An ASCII character that needs it, into room for UNIT_MAX. Returns how long it is. */
static inline size_t
put_escape(uint8_t *out, uint8_t c)
{
    static const char letters[0x80] = { ['\b'] = 'b',
        ['\f'] = 'f',
        ['\n'] = 'n',
        ['\r'] = 'r',
        ['\t'] = 't',
        ['"'] = '"',
        ['\\'] = '\\' };

    if (letters[c] != '\0') {
        out[0] = '\\';
        out[1] = (uint8_t)letters[c];
        return 2;
    }
    memcpy(out, "\\u00", 4);
    out[4] = (uint8_t)("01"[c >> 4]);
    out[5] = (uint8_t)("0123456789abcdef"[c & 15]);
    return 6;
}

/*
 * A character that is not plain, into room for UNIT_MAX: an escape, its sequence, or U+FFFD.
 * Returns how long it is, and how many bytes of `text` that stands for.
 */
static inline size_t
put_unit(uint8_t *out, struct sr_span text, size_t *ret_used)
{
    if (text.data[0] < 0x80) {
        *ret_used = 1;
        return put_escape(out, text.data[0]);
    }
    /* What begins no sequence does not need to be looked at as one. */
    bool is_lead = text.data[0] >= 0xc2 && text.data[0] <= 0xf4;
    int length = is_lead ? sequence(text.data, text.len) : -1;
    if (length <= 0) {
        memcpy(out, "\xef\xbf\xbd", 3);
        *ret_used = (size_t)-length;
        return 3;
    }
    for (int i = 0; i < length; i++) {
        out[i] = text.data[i];
    }
    *ret_used = (size_t)length;
    return (size_t)length;
}

/*
 * Appends what at the start of `text` is not plain, which often stands in a row. Returns how many
 * bytes that was. The loop knows nothing of `b`, which it would have to read again for each byte.
 */
static size_t
add_special(struct sr_buf *b, struct sr_span text)
{
    size_t room = b->overflow ? 0 : b->cap - b->len;
    uint8_t *out = b->data + b->len;
    size_t i = 0, used, len;

    for (; i < text.len && room >= UNIT_MAX && !is_plain(text.data[i]); i += used) {
        len = put_unit(out, (struct sr_span){ text.data + i, text.len - i }, &used);
        out += len;
        room -= len;
    }
    if (!b->overflow) {
        b->len = b->cap - room;
    }
    for (; i < text.len && !is_plain(text.data[i]); i += used) {
        uint8_t unit[UNIT_MAX];
        len = put_unit(unit, (struct sr_span){ text.data + i, text.len - i }, &used);
        sr_buf_add(b, unit, len);
    }
    return i;
}

void
sr_json_string_part(struct sr_buf *b, struct sr_span text)
{
    while (text.len > 0) {
        size_t used = copy_plain(b, text);
        if (used < text.len) {
            used += add_special(b, (struct sr_span){ text.data + used, text.len - used });
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
        uint64_t w, four[4];
        if (text.len - i >= sizeof(four)) { /* nearly all text is ASCII for long */
            memcpy(four, p + i, sizeof(four));
            if (((four[0] | four[1] | four[2] | four[3]) & HIGH) == 0) {
                i += sizeof(four);
                continue;
            }
        }
        if (text.len - i >= sizeof(w)) {
            memcpy(&w, p + i, sizeof(w));
            if ((w & HIGH) == 0) {
                i += sizeof(w);
                continue;
            }
        }
        int length = p[i] < 0x80 ? 1 : sequence(p + i, text.len - i);
        if (length < 0) {
            return false;
        }
        i += (size_t)length;
    }
    return true;
}

/* Writes `value` with leading zeros. */
static void
put_digits(uint8_t *out, unsigned count, uint64_t value)
{
    while (count-- > 0) {
        out[count] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

void
sr_json_time(struct sr_buf *b, int64_t sec, uint32_t nsec)
{
    static const int64_t first = -INT64_C(719528) * 86400; /* 0000-01-01T00:00:00Z */
    static const int64_t end = INT64_C(2932897) * 86400;   /* 10000-01-01T00:00:00Z */
    uint8_t text[] = "\"0000-00-00T00:00:00.000000000Z\"";

    if (sec < first || sec >= end) {
        sr_buf_add_text(b, "null");
        return;
    }
    /* Years begin in March here, those of 400 are 146,097 days, and none is negative. */
    uint64_t seconds = (uint64_t)(sec - first) + (uint64_t)(146097 - 60) * 86400;
    uint64_t days = seconds / 86400;
    uint64_t era = days / 146097;
    uint64_t day = days % 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t of_year = day - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153;

    put_digits(text + 1, 4, era * 400 + year + (month >= 10) - 400);
    put_digits(text + 6, 2, month < 10 ? month + 3 : month - 9);
    put_digits(text + 9, 2, of_year - (153 * month + 2) / 5 + 1);
    put_digits(text + 12, 2, seconds / 3600 % 24);
    put_digits(text + 15, 2, seconds / 60 % 60);
    put_digits(text + 18, 2, seconds % 60);
    put_digits(text + 21, 9, nsec);
    sr_buf_add(b, text, sizeof(text) - 1);
}
