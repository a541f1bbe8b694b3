/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/words.h"

#include <string.h>

#include "sr/banned.h"

/* U+2000 to U+200A, U+2028, U+2029 and U+202F, given the last byte of E2 80 xx. */
static bool
is_general_punctuation_space(uint8_t last)
{
    return (last >= 0x80 && last <= 0x8a) || last == 0xa8 || last == 0xa9 || last == 0xaf;
}

/* The length of the white space character that starts at `p`, or 0. */
static size_t
space_at(const uint8_t *p, size_t len)
{
    if (p[0] < 0x80) {
        return p[0] == ' ' || (p[0] >= '\t' && p[0] <= '\r') ? 1 : 0;
    }
    if (p[0] == 0xc2) { /* U+0085, U+00A0 */
        return len >= 2 && (p[1] == 0x85 || p[1] == 0xa0) ? 2 : 0;
    }
    if (p[0] < 0xe1 || p[0] > 0xe3 || len < 3) {
        return 0;
    }
    if ((p[0] == 0xe1 && p[1] == 0x9a && p[2] == 0x80) || /* U+1680 */
        (p[0] == 0xe2 && p[1] == 0x80 && is_general_punctuation_space(p[2])) ||
        (p[0] == 0xe2 && p[1] == 0x81 && p[2] == 0x9f) || /* U+205F */
        (p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80)) { /* U+3000 */
        return 3;
    }
    return 0;
}

/* The length of the white space character that ends where `text` ends, or 0. */
static size_t
space_before_end(struct sr_span text)
{
    for (size_t n = 1; n <= 3 && n <= text.len; n++) {
        if (space_at(text.data + text.len - n, n) == n) {
            return n;
        }
    }
    return 0;
}

struct sr_span
words_trim_end(struct sr_span text)
{
    size_t n;

    while ((n = space_before_end(text)) > 0) {
        text.len -= n;
    }
    return text;
}

static struct sr_span
trim_start(struct sr_span text)
{
    size_t n;

    while (text.len > 0 && (n = space_at(text.data, text.len)) > 0) {
        text.data += n;
        text.len -= n;
    }
    return text;
}

struct sr_span
words_trim(struct sr_span text)
{
    return words_trim_end(trim_start(text));
}

bool
words_next(struct sr_span *text, struct sr_span *ret_word)
{
    struct sr_span rest = trim_start(*text);
    size_t n = 0;

    while (n < rest.len && ((rest.data[n] > ' ' && rest.data[n] < 0x80) ||
                               space_at(rest.data + n, rest.len - n) == 0)) {
        n++;
    }
    if (n == 0) {
        return false;
    }
    *ret_word = (struct sr_span){ rest.data, n };
    *text = (struct sr_span){ rest.data + n, rest.len - n };
    return true;
}

bool
words_are_tidy(struct sr_span text)
{
    bool after_space = true; /* as at the start, where a space is one too many */

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c > ' ' && c < 0x80) {
            after_space = false;
        } else if (c == ' ') {
            if (after_space) {
                return false;
            }
            after_space = true;
        } else if (space_at(text.data + i, text.len - i) > 0) {
            return false;
        } else {
            after_space = false;
        }
    }
    return text.len == 0 || !after_space;
}

bool
words_equal(struct sr_span text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}
