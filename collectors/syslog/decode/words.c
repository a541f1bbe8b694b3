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

struct sr_span
words_trim_start(struct sr_span text)
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
    return words_trim_end(words_trim_start(text));
}

bool
words_next(struct sr_span *text, struct sr_span *ret_word)
{
    struct sr_span rest = words_trim_start(*text);
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

/* True for eight bytes of printable ASCII without two spaces side by side. */
static bool
is_tidy_word(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t high = 0x8080808080808080u;

    if ((w & high) != 0 || ((w + ones * 0x60) & high) != high) { /* not ASCII, or a control */
        return false;
    }
    uint64_t spaces = ~((w ^ ones * ' ') + ones * 0x7f) & high;
    return (spaces & spaces >> 8) == 0;
}

size_t
words_tidy(struct sr_span text)
{
    const uint8_t *p = text.data;
    size_t i = 0;

    while (i < text.len) {
        uint64_t w;
        bool after_space = i == 0 || p[i - 1] == ' '; /* where another would be one too many */
        if (p[i] == ' ' && after_space) {
            break;
        }
        if (text.len - i >= sizeof(w)) {
            memcpy(&w, p + i, sizeof(w));
            if (is_tidy_word(w)) {
                i += sizeof(w);
                continue;
            }
        }
        if (p[i] != ' ' && space_at(p + i, text.len - i) > 0) {
            break;
        }
        i++;
    }
    return i > 0 && p[i - 1] == ' ' ? i - 1 : i;
}
