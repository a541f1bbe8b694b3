/* SPDX-License-Identifier: Apache-2.0 */
#include "toml_value.h"

#include <string.h>

#include "sr/banned.h"

bool
toml_fail(struct toml_reader *r, enum sr_toml_err err)
{
    if (r->err == SR_TOML_OK) {
        r->err = err;
        *r->place = (struct sr_toml_place){
            .line = r->line,
            .column = (size_t)(r->pos - r->line_start) + 1,
        };
    }
    return true;
}

int
toml_peek(const struct toml_reader *r, size_t ahead)
{
    return ahead < (size_t)(r->end - r->pos) ? r->pos[ahead] : -1;
}

/* ---- What is between values ---- */

void
toml_skip_blanks(struct toml_reader *r)
{
    while (r->pos < r->end && (*r->pos == ' ' || *r->pos == '\t')) {
        r->pos++;
    }
}

/* A control character that nothing may hold but as an escape. */
static bool
is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

bool
toml_skip_newline(struct toml_reader *r)
{
    size_t len = toml_peek(r, 0) == '\n'                              ? 1
                 : toml_peek(r, 0) == '\r' && toml_peek(r, 1) == '\n' ? 2
                                                                      : 0;

    if (len == 0) {
        return false;
    }
    r->pos += len;
    r->line++;
    r->line_start = r->pos;
    return true;
}

bool
toml_skip_comment(struct toml_reader *r)
{
    if (toml_peek(r, 0) != '#') {
        return true;
    }
    while (r->pos < r->end && !is_control(*r->pos)) {
        r->pos++;
    }
    int c = toml_peek(r, 0);
    if (c >= 0 && c != '\n' && !(c == '\r' && toml_peek(r, 1) == '\n')) {
        return !toml_fail(r, SR_TOML_ECONTROL);
    }
    return true;
}

/* ---- Strings ---- */

static void
add_utf8(struct sr_buf *b, uint32_t c)
{
    if (c < 0x80) {
        sr_buf_put(b, (uint8_t)c);
    } else if (c < 0x800) {
        sr_buf_put(b, (uint8_t)(0xc0 | c >> 6));
        sr_buf_put(b, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        sr_buf_put(b, (uint8_t)(0xe0 | c >> 12));
        sr_buf_put(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        sr_buf_put(b, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        sr_buf_put(b, (uint8_t)(0xf0 | c >> 18));
        sr_buf_put(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        sr_buf_put(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        sr_buf_put(b, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

/* -1 when it is no digit of the base. */
static int
digit_of(int c, int base)
{
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : base;

    return digit < base ? digit : -1;
}

/* The character of `\u` or `\U`; `pos` is at that letter. A text has no NUL. */
static bool
read_unicode(struct toml_reader *r, size_t digits)
{
    uint32_t c = 0;

    for (size_t i = 1; i <= digits; i++) {
        int digit = digit_of(toml_peek(r, i), 16);
        if (digit < 0) {
            return !toml_fail(r, SR_TOML_EESCAPE);
        }
        c = c << 4 | (uint32_t)digit;
    }
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return !toml_fail(r, SR_TOML_EESCAPE);
    }
    add_utf8(&r->text, c);
    r->pos += digits + 1;
    return true;
}

/* Skips a backslash at the end of a line, and all white space up to the next text. */
static bool
skip_folded(struct toml_reader *r)
{
    toml_skip_blanks(r);
    if (!toml_skip_newline(r)) {
        return !toml_fail(r, SR_TOML_EESCAPE);
    }
    do {
        toml_skip_blanks(r);
    } while (toml_skip_newline(r));
    return true;
}

static bool
read_escape(struct toml_reader *r, bool many_lines)
{
    static const char letters[] = "btnfr\"\\";
    static const char meanings[] = "\b\t\n\f\r\"\\";

    r->pos++;
    int c = toml_peek(r, 0);
    if (many_lines && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
        return skip_folded(r);
    }
    if (c == 'u' || c == 'U') {
        return read_unicode(r, c == 'u' ? 4 : 8);
    }
    for (size_t i = 0; letters[i] != '\0'; i++) {
        if (c == letters[i]) {
            sr_buf_put(&r->text, (uint8_t)meanings[i]);
            r->pos++;
            return true;
        }
    }
    return !toml_fail(r, SR_TOML_EESCAPE);
}

/* How many quotes `c` come next. */
static size_t
count_quotes(const struct toml_reader *r, int c)
{
    size_t count = 0;

    while (count < 6 && toml_peek(r, count) == c) {
        count++;
    }
    return count;
}

/* A string that does not end: what matters is where it starts. */
static bool
fail_open(struct toml_reader *r, const struct toml_reader *start)
{
    (void)toml_fail(r, SR_TOML_EQUOTE);
    r->place->line = start->line;
    r->place->column = (size_t)(start->pos - start->line_start) + 1;
    return false;
}

/* One piece of a string that is not its end. */
static bool
read_piece(struct toml_reader *r, int quote, bool many_lines, const struct toml_reader *start)
{
    if (r->pos == r->end || (!many_lines && (*r->pos == '\n' || *r->pos == '\r'))) {
        return fail_open(r, start);
    }
    if (quote == '"' && *r->pos == '\\') {
        return read_escape(r, many_lines);
    }
    if (toml_skip_newline(r)) {
        sr_buf_put(&r->text, '\n');
        return true;
    }
    if (is_control(*r->pos)) {
        return !toml_fail(r, SR_TOML_ECONTROL);
    }
    sr_buf_put(&r->text, *r->pos++);
    return true;
}

bool
toml_read_string(struct toml_reader *r, struct sr_span *ret_text)
{
    const struct toml_reader opened = *r;
    int quote = *r->pos;
    bool many_lines = toml_peek(r, 1) == quote && toml_peek(r, 2) == quote;
    size_t quotes = many_lines ? 3 : 1;
    size_t start = r->text.len;

    r->pos += quotes;
    if (many_lines) {
        (void)toml_skip_newline(r);
    }
    for (;;) {
        size_t next = count_quotes(r, quote);
        if (next >= quotes) {
            /* One or two quotes may stand before the three that end it. */
            size_t own = many_lines ? (next < 5 ? next : 5) - quotes : 0;
            sr_buf_add(&r->text, r->pos, own);
            r->pos += own + quotes;
            break;
        }
        if (!read_piece(r, quote, many_lines, &opened)) {
            return false;
        }
    }
    if (r->text.overflow) {
        return !toml_fail(r, SR_TOML_EROOM);
    }
    *ret_text = (struct sr_span){ r->text.data + start, r->text.len - start };
    return true;
}

/* ---- Words ---- */

static bool
is_word(uint8_t c)
{
    static const char others[] = "_+-.:/@";

    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr(others, c, sizeof(others) - 1) != NULL;
}

static bool
is_digit(struct sr_span word, size_t i)
{
    return i < word.len && digit_of(word.data[i], 10) >= 0;
}

static bool
is_text(struct sr_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

/* 1979-05-27..., 07:32... */
static bool
is_date(struct sr_span word)
{
    size_t digits = 0;

    while (digits < 5 && is_digit(word, digits)) {
        digits++;
    }
    return digits < word.len &&
           ((digits == 4 && word.data[4] == '-') || (digits == 2 && word.data[2] == ':'));
}

/* Digits of the base with single underscores between; their number without these, 0 when wrong. */
static size_t
count_digits(struct sr_span word, int base, size_t *i)
{
    size_t count = 0;
    bool digit = false;

    for (; *i < word.len; (*i)++) {
        if (digit_of(word.data[*i], base) >= 0) {
            digit = true;
            count++;
        } else if (word.data[*i] == '_' && digit) {
            digit = false;
        } else {
            break;
        }
    }
    return digit ? count : 0;
}

static bool
write_integer(struct toml_reader *r, struct sr_span digits, int base, bool negative)
{
    const uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t number = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] == '_') {
            continue;
        }
        uint64_t digit = (uint64_t)digit_of(digits.data[i], base);
        if (number > (limit - digit) / (uint64_t)base) {
            return !toml_fail(r, SR_TOML_ERANGE);
        }
        number = number * (uint64_t)base + digit;
    }
    if (negative && number != 0) {
        sr_buf_put(&r->text, '-');
    }
    sr_buf_add_u64(&r->text, number);
    return true;
}

/* Hexadecimal, octal and binary: 0x, 0o, 0b. */
static bool
read_radix(struct toml_reader *r, struct sr_span word, int base)
{
    size_t end = 2;

    if (count_digits(word, base, &end) == 0 || end != word.len) {
        return !toml_fail(r, SR_TOML_ENUMBER);
    }
    return write_integer(r, (struct sr_span){ word.data + 2, word.len - 2 }, base, false);
}

/* Fraction and exponent, behind the digits before the point. */
static bool
is_float_tail(struct sr_span word, size_t i)
{
    bool ok = true;

    if (i < word.len && word.data[i] == '.') {
        i++;
        ok = count_digits(word, 10, &i) > 0;
    }
    if (ok && i < word.len && (word.data[i] == 'e' || word.data[i] == 'E')) {
        i++;
        i += i < word.len && (word.data[i] == '+' || word.data[i] == '-') ? 1 : 0;
        ok = count_digits(word, 10, &i) > 0;
    }
    return ok && i == word.len;
}

static bool
read_decimal(struct toml_reader *r, struct sr_span word, struct sr_toml_node *node)
{
    size_t sign = word.data[0] == '+' || word.data[0] == '-' ? 1 : 0;
    size_t end = sign;
    size_t digits = count_digits(word, 10, &end);

    if (digits == 0 || (digits > 1 && word.data[sign] == '0')) {
        return !toml_fail(r, SR_TOML_ENUMBER);
    }
    if (end == word.len) {
        node->kind = SR_TOML_INTEGER;
        struct sr_span number = { word.data + sign, word.len - sign };
        return write_integer(r, number, 10, word.data[0] == '-');
    }
    if (!is_float_tail(word, end)) {
        return !toml_fail(r, SR_TOML_ENUMBER);
    }
    node->kind = SR_TOML_FLOAT;
    for (size_t i = word.data[0] == '+' ? 1 : 0; i < word.len; i++) {
        if (word.data[i] != '_') {
            sr_buf_put(&r->text, word.data[i]);
        }
    }
    return true;
}

static bool
read_number(struct toml_reader *r, struct sr_span word, struct sr_toml_node *node)
{
    int base = word.len < 2 || word.data[0] != '0' ? 10
               : word.data[1] == 'x'               ? 16
               : word.data[1] == 'o'               ? 8
               : word.data[1] == 'b'               ? 2
                                                   : 10;
    if (base == 10) {
        return read_decimal(r, word, node);
    }
    node->kind = SR_TOML_INTEGER;
    return read_radix(r, word, base);
}

static bool
is_special_float(struct sr_span word)
{
    size_t sign = word.len > 0 && (word.data[0] == '+' || word.data[0] == '-') ? 1 : 0;
    struct sr_span rest = { word.data + sign, word.len - sign };

    return is_text(rest, "inf") || is_text(rest, "nan");
}

static bool
read_word(struct toml_reader *r, struct sr_span word, struct sr_toml_node *node)
{
    if (is_text(word, "true") || is_text(word, "false")) {
        node->kind = SR_TOML_BOOLEAN;
        sr_buf_add(&r->text, word.data, word.len);
        return true;
    }
    if (is_special_float(word)) {
        size_t plus = word.data[0] == '+' ? 1 : 0;
        node->kind = SR_TOML_FLOAT;
        sr_buf_add(&r->text, word.data + plus, word.len - plus);
        return true;
    }
    if (is_date(word)) {
        return !toml_fail(r, SR_TOML_EDATE);
    }
    if (is_digit(word, 0) || word.data[0] == '+' || word.data[0] == '-') {
        return read_number(r, word, node);
    }
    return !toml_fail(r, SR_TOML_ETEXT);
}

bool
toml_read_scalar(struct toml_reader *r, struct sr_toml_node *node)
{
    int c = toml_peek(r, 0);
    size_t start = r->text.len;
    struct sr_span word = { r->pos, 0 };

    if (c == '"' || c == '\'') {
        node->kind = SR_TOML_STRING;
        return toml_read_string(r, &node->text);
    }
    while (word.len < (size_t)(r->end - r->pos) && is_word(r->pos[word.len])) {
        word.len++;
    }
    if (word.len == 0) {
        bool nothing =
            c < 0 || c == '\n' || c == '\r' || c == '#' || c == ',' || c == ']' || c == '}';
        return !toml_fail(r, nothing ? SR_TOML_EVALUE : SR_TOML_ETEXT);
    }
    if (!read_word(r, word, node)) {
        return false;
    }
    r->pos += word.len;
    if (r->text.overflow) {
        return !toml_fail(r, SR_TOML_EROOM);
    }
    node->text = (struct sr_span){ r->text.data + start, r->text.len - start };
    return true;
}
