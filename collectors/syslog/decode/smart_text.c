/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/smart_text.h"

#include <string.h>

#include "decode/words.h"

#include "sr/banned.h"

struct sr_span
smart_skip_blanks(struct sr_span text)
{
    size_t n = 0;

    while (n < text.len && (text.data[n] == ' ' || text.data[n] == '\t')) {
        n++;
    }
    return smart_skip(text, n);
}

struct sr_span
smart_word(struct sr_span text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t n = 0;

    for (uint64_t w; text.len - n >= sizeof(w); n += sizeof(w)) {
        memcpy(&w, text.data + n, sizeof(w));
        if (((w - ones * '!') & ~w & ones << 7) != 0) {
            break; /* a blank or control character is among these eight */
        }
    }
    while (n < text.len && text.data[n] != ' ' && (text.data[n] < '\t' || text.data[n] > '\r')) {
        n++;
    }
    return (struct sr_span){ text.data, n };
}

size_t
smart_digits(struct sr_span text)
{
    size_t n = 0;

    while (n < text.len && text.data[n] >= '0' && text.data[n] <= '9') {
        n++;
    }
    return n;
}

bool
smart_is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A word of the list begins where its first letter does: most words are nowhere in it. */
bool
smart_listed(struct sr_span word, const char *list)
{
    const char *end = list + strlen(list);
    const char *p = list;

    while (word.len > 0 && word.len <= (size_t)(end - p) &&
           (p = memchr(p, word.data[0], (size_t)(end - p) - word.len + 1)) != NULL) {
        const char *behind = p + word.len;
        if ((p == list || p[-1] == ' ') && (behind == end || *behind == ' ') &&
            memcmp(p, word.data, word.len) == 0) {
            return memchr(word.data, ' ', word.len) == NULL; /* else it is two of them */
        }
        p++;
    }
    return false;
}

bool
smart_is_host(struct sr_span word)
{
    static const bool marks[256] = {
        ['.'] = true, ['-'] = true, ['_'] = true, [':'] = true, ['@'] = true, ['%'] = true
    };
    bool any = false;

    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.data[i];
        bool is_letter = smart_is_alnum(c) || c >= 0x80;
        any = any || is_letter;
        if (!is_letter && !marks[c]) {
            return false;
        }
    }
    /* A name's length is at most 255 (RFC 1035, section 2.3.4). */
    return any && word.len <= 255 && word.data[0] != '%' && word.data[word.len - 1] != ':';
}

/* The value that `text` starts with. */
static struct sr_span
pair_value(struct sr_span text, uint8_t separator)
{
    size_t n = 0;

    if (text.len > 0 && text.data[0] == '"') {
        text = smart_skip(text, 1);
        const uint8_t *close = text.len > 0 ? memchr(text.data, '"', text.len) : NULL;
        return (
            struct sr_span){ text.data, close != NULL ? (size_t)(close - text.data) : text.len };
    }
    while (n < text.len && text.data[n] != separator && text.data[n] != '\n') {
        n++;
    }
    return (struct sr_span){ text.data, n };
}

bool
smart_pair(struct sr_span text, const char *key, uint8_t separator, struct sr_span *ret_value)
{
    size_t len = strlen(key);
    const uint8_t *p = text.data;
    const uint8_t *end = text.data + text.len;

    while (text.len > 0 && (p = memchr(p, '=', (size_t)(end - p))) != NULL) {
        size_t at = (size_t)(p - text.data);
        if (at >= len && memcmp(p - len, key, len) == 0 &&
            (at == len || memchr(" \t,|^[\n", *(p - len - 1), 7) != NULL)) {
            *ret_value = pair_value(smart_skip(text, at + 1), separator);
            return true;
        }
        p++;
    }
    return false;
}

bool
smart_after(struct sr_span text, const char *words, struct sr_span *ret_rest)
{
    size_t len = strlen(words);

    while (text.len >= len) {
        const uint8_t *p = memchr(text.data, words[0], text.len - len + 1);
        if (p == NULL) {
            return false;
        }
        text = smart_skip(text, (size_t)(p - text.data));
        if (memcmp(p, words, len) == 0) {
            *ret_rest = smart_skip(text, len);
            return true;
        }
        text = smart_skip(text, 1);
    }
    return false;
}

static bool
is_key(struct sr_span name, const char *key)
{
    if (key[0] != '*') {
        return words_equal(name, key);
    }
    size_t len = strlen(key + 1);
    return name.len >= len && memcmp(name.data + name.len - len, key + 1, len) == 0;
}

/* Takes the next string of a JSON text with what is before it off the front of *text. */
static bool
take_json_string(struct sr_span *text, struct sr_span *ret_string)
{
    const uint8_t *open = text->len > 0 ? memchr(text->data, '"', text->len) : NULL;
    size_t n = 0;

    if (open == NULL) {
        return false;
    }
    struct sr_span rest = smart_skip(*text, (size_t)(open - text->data) + 1);
    while (n < rest.len && rest.data[n] != '"') {
        n += rest.data[n] == '\\' ? 2 : 1;
    }
    if (n >= rest.len) {
        return false;
    }
    *ret_string = (struct sr_span){ rest.data, n };
    *text = smart_skip(rest, n + 1);
    return true;
}

void
smart_json_texts(
    struct sr_span text, const char *const *keys, size_t count, struct sr_span *ret_values)
{
    struct sr_span name;
    struct sr_span value;

    memset(ret_values, 0, count * sizeof(*ret_values));
    while (take_json_string(&text, &name)) {
        struct sr_span rest = smart_skip_blanks(text);
        if (rest.len == 0 || rest.data[0] != ':') {
            continue;
        }
        rest = smart_skip_blanks(smart_skip(rest, 1));
        if (rest.len == 0 || rest.data[0] != '"' || !take_json_string(&rest, &value)) {
            continue;
        }
        text = rest;
        for (size_t i = 0; i < count; i++) {
            if (ret_values[i].data == NULL && is_key(name, keys[i])) {
                ret_values[i] = value;
            }
        }
    }
}
