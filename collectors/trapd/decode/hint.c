/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/hint.h"

#include <string.h>

#include "sr/json.h"

#include "sr/banned.h"

enum {
    OCTETS_MAX = UINT16_MAX, /* of one specification: longer than any value */
    DECIMALS_MAX = 20,       /* behind the point of an integer */
    DIGITS_MAX = 64,         /* of 64 bits in binary */
};

/* One octet-format specification, its five parts. */
struct spec {
    bool is_repeated;
    uint32_t length;
    uint8_t format;
    uint8_t separator;  /* 0: none */
    uint8_t terminator; /* 0: none */
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* True for what may stand between values; ASCII only, as all of a MIB is. */
static bool
is_between(struct sr_span hint)
{
    return hint.len > 0 && !is_digit(hint.data[0]) && hint.data[0] != '*';
}

static uint8_t
take(struct sr_span *hint)
{
    hint->len--;
    return *hint->data++;
}

static bool
take_number(struct sr_span *hint, uint32_t max, uint32_t *ret_number)
{
    uint32_t number = 0;

    if (hint->len == 0 || !is_digit(hint->data[0])) {
        return false;
    }
    while (hint->len > 0 && is_digit(hint->data[0])) {
        number = 10 * number + (uint32_t)(take(hint) - '0');
        if (number > max) {
            return false;
        }
    }
    *ret_number = number;
    return true;
}

static bool
is_visible(uint8_t c)
{
    return c >= 0x20 && c < 0x7f;
}

static bool
take_spec(struct sr_span *hint, struct spec *ret_spec)
{
    struct spec spec = { .length = 0 };

    if (hint->len > 0 && hint->data[0] == '*') {
        spec.is_repeated = true;
        take(hint);
    }
    if (!take_number(hint, OCTETS_MAX, &spec.length) || hint->len == 0) {
        return false;
    }
    spec.format = take(hint);
    if (memchr("xdoat", spec.format, 5) == NULL) {
        return false;
    }
    if (is_between(*hint)) {
        spec.separator = take(hint);
        if (spec.is_repeated && is_between(*hint)) {
            spec.terminator = take(hint);
        }
    }
    /* Repeating what takes no octets would write without end of input. */
    if ((spec.is_repeated && spec.length == 0) ||
        (spec.separator != 0 && !is_visible(spec.separator)) ||
        (spec.terminator != 0 && !is_visible(spec.terminator))) {
        return false;
    }
    *ret_spec = spec;
    return true;
}

static bool
is_escaped(uint8_t c)
{
    return c == '"' || c == '\\';
}

static void
put_between(struct sr_buf *b, uint8_t c)
{
    if (b == NULL || c == 0) {
        return;
    }
    if (is_escaped(c)) {
        sr_buf_put(b, '\\');
    }
    sr_buf_put(b, c);
}

/*
 * All of a value by a specification like "1x:", as most binary octets have: digits of each with the
 * separator between them.
 */
static void
put_hex_octets(struct sr_buf *b, uint8_t separator, struct sr_span octets)
{
    uint8_t *out = sr_buf_claim(b, 3 * octets.len - 1);

    for (size_t i = 0; out != NULL && i < octets.len; i++, out += 3) {
        out[0] = (uint8_t)("0123456789abcdef"[octets.data[i] >> 4]);
        out[1] = (uint8_t)("0123456789abcdef"[octets.data[i] & 15]);
        if (i + 1 < octets.len) {
            out[2] = separator;
        }
    }
}

/* The digits of `number` in a base of 2, 8 or 16, without leading zeros. */
static void
put_digits(struct sr_buf *b, uint64_t number, unsigned bits)
{
    uint8_t digits[DIGITS_MAX];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (uint8_t)("0123456789abcdef"[number & ((1U << bits) - 1)]);
        number >>= bits;
    } while (number != 0);
    sr_buf_add(b, digits + at, sizeof(digits) - at);
}

static bool
put_octets(struct sr_buf *b, uint8_t format, struct sr_span octets)
{
    uint64_t number = 0;

    if (octets.len == 0) {
        return true;
    }
    if (format == 'a' || format == 't') {
        if (b == NULL) {
            return trap_hint_printable(octets);
        }
        sr_json_string_part(b, octets);
        return true;
    }
    if (format == 'x') {
        if (b != NULL) {
            sr_buf_add_hex(b, octets);
        }
        return true;
    }
    if (octets.len > sizeof(number)) {
        return false;
    }
    for (size_t i = 0; i < octets.len; i++) {
        number = number << 8 | octets.data[i];
    }
    if (b != NULL && format == 'd') {
        sr_buf_add_u64(b, number);
    } else if (b != NULL) {
        put_digits(b, number, 3);
    }
    return true;
}

/* Applies one specification, repeated as it says. */
static bool
apply(struct sr_buf *b, const struct spec *spec, struct sr_span *value)
{
    unsigned times = spec->is_repeated ? take(value) : 1;

    for (; times > 0 && value->len > 0; times--) {
        size_t length = spec->length < value->len ? spec->length : value->len;
        if (!put_octets(b, spec->format, (struct sr_span){ value->data, length })) {
            return false;
        }
        value->data += length;
        value->len -= length;
        /* Neither character is shown at the very end, nor the first one before the second one. */
        if (value->len > 0 && (times > 1 || spec->terminator == 0)) {
            put_between(b, spec->separator);
        }
    }
    if (value->len > 0) {
        put_between(b, spec->terminator);
    }
    return true;
}

static bool
is_hex_octets(const struct spec *spec)
{
    return spec->format == 'x' && spec->length == 1 && !spec->is_repeated && spec->separator != 0 &&
           !is_escaped(spec->separator);
}

static bool
show(struct sr_buf *b, struct sr_span hint, struct sr_span value)
{
    struct spec spec;

    do {
        if (!take_spec(&hint, &spec)) {
            return false;
        }
        if (hint.len == 0 && value.len > 0 && is_hex_octets(&spec)) {
            if (b != NULL) {
                put_hex_octets(b, spec.separator, value);
            }
            return true;
        }
        /* Specifications that no octets are left for are read, but not used. */
        if (value.len > 0 && !apply(b, &spec, &value)) {
            return false;
        }
    } while (hint.len > 0);
    if (value.len > 0 && spec.length == 0) {
        return false;
    }
    while (value.len > 0) {
        if (!apply(b, &spec, &value)) {
            return false;
        }
    }
    return true;
}

bool
trap_hint_octets(struct sr_buf *b, struct sr_span hint, struct sr_span value)
{
    /* All of it is tried first: a buffer cannot take back an overflow. */
    if (!show(NULL, hint, value)) {
        return false;
    }
    return b == NULL || show(b, hint, value);
}

void
trap_hint_octets_write(struct sr_buf *b, struct sr_span hint, struct sr_span value)
{
    (void)show(b, hint, value);
}

static void
put_decimal(struct sr_buf *b, uint64_t number, uint32_t decimals)
{
    uint8_t digits[DECIMALS_MAX + 2];
    size_t at = sizeof(digits);

    for (uint32_t i = 0; i < decimals; i++, number /= 10) {
        digits[--at] = (uint8_t)('0' + number % 10);
    }
    sr_buf_add_u64(b, number);
    if (decimals > 0) {
        digits[--at] = '.';
        sr_buf_add(b, digits + at, sizeof(digits) - at);
    }
}

bool
trap_hint_integer(struct sr_buf *b, struct sr_span hint, int64_t value)
{
    uint64_t number = value < 0 ? -(uint64_t)value : (uint64_t)value;
    uint32_t decimals = 0;

    if (hint.len == 0) {
        return false;
    }
    uint8_t format = take(&hint);
    if (format == 'd' && hint.len > 0) {
        if (take(&hint) != '-' || !take_number(&hint, DECIMALS_MAX, &decimals)) {
            return false;
        }
    }
    if (hint.len > 0 || memchr("dxob", format, 4) == NULL) {
        return false;
    }
    if (b == NULL) {
        return true;
    }
    if (value < 0) {
        sr_buf_put(b, '-');
    }
    if (format == 'd') {
        put_decimal(b, number, decimals);
    } else {
        put_digits(b, number, format == 'x' ? 4 : format == 'o' ? 3 : 1);
    }
    return true;
}

/* Non-zero when one of eight bytes is a control character. */
static uint64_t
control_bytes(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t low = w & ~high; /* so that nothing carries into the next byte */

    return (~(low + ones * 0x60) | (low + ones)) & ~w & high;
}

bool
trap_hint_printable(struct sr_span text)
{
    uint8_t all = 0;
    size_t i = 0;

    for (uint64_t w; text.len - i >= sizeof(w); i += sizeof(w)) {
        memcpy(&w, text.data + i, sizeof(w));
        if (control_bytes(w) != 0) {
            break; /* perhaps one of those that are taken */
        }
        all |= (w & UINT64_C(0x8080808080808080)) != 0 ? 0x80 : 0;
    }
    for (; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c < 0x20 ? c != '\t' && c != '\n' && c != '\r' : c == 0x7f) {
            return false;
        }
        all |= c;
    }
    return all < 0x80 || sr_utf8_valid(text);
}
