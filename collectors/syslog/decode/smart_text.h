/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SMART_TEXT_H_INCLUDED
#define SYSLOG_SMART_TEXT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "sr/span.h"

/* Pieces of text for the smart decoder. Results borrow the argument's memory. */

/* `text` without its first `n` bytes, or empty. */
static inline struct sr_span
smart_skip(struct sr_span text, size_t n)
{
    n = n < text.len ? n : text.len;
    return text.len > 0 ? (struct sr_span){ text.data + n, text.len - n } : text;
}

/* `text` without blanks and tabs at its start. */
struct sr_span smart_skip_blanks(struct sr_span text);

/* The bytes up to the first blank, tab or line end; maybe none. */
struct sr_span smart_word(struct sr_span text);

/* The number of decimal digits that `text` starts with. */
size_t smart_digits(struct sr_span text);

/* True when `text` starts with the C string `prefix`. */
static inline bool
smart_starts(struct sr_span text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* True for a letter or digit of ASCII. */
bool smart_is_alnum(uint8_t c);

/* True when one of the words of `list`, which are separated by blanks, is `word`. */
bool smart_listed(struct sr_span word, const char *list);

/* True when `word` may be a host: a name, an IPv4 or an IPv6 address. */
bool smart_is_host(struct sr_span word);

/*
 * Finds the value of `key` in `text`, which has `key=value` pairs; the key starts the text or
 * follows a blank, tab, ',', '|', '^' or '['. The value goes up to `separator`, or to the closing
 * quote when it starts with one. One pass over the text.
 */
bool smart_pair(struct sr_span text, const char *key, uint8_t separator, struct sr_span *ret_value);

/* Finds the C string `words`, of two bytes or more, in `text`: what stands behind the first. */
bool smart_after(struct sr_span text, const char *words, struct sr_span *ret_rest);

/*
 * Finds the first `"KEY": "VALUE"` at any depth of a JSON text for each of `count` keys, in one
 * pass; a key that starts with '*' stands for all that end with the rest of it. Values have their
 * escapes; one that is not found is {NULL, 0}.
 */
void smart_json_texts(
    struct sr_span text, const char *const *keys, size_t count, struct sr_span *ret_values);

#endif
