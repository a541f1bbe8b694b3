/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_WORDS_H_INCLUDED
#define SYSLOG_WORDS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "sr/span.h"

/*
 * Words and white space as Rust's str::split_whitespace and str::trim see them: white space is
 * every character with the Unicode property White_Space (PropList.txt), not only ASCII blanks.
 * Spans are UTF-8; malformed bytes count as part of a word and are never read past the end. All
 * results borrow the argument's memory.
 */

/* `text` without white space at its end. */
struct sr_span words_trim_end(struct sr_span text);

/* `text` without white space at its start and end. */
struct sr_span words_trim(struct sr_span text);

/* Takes the next word off the front of *text, or returns false when only white space is left. */
bool words_next(struct sr_span *text, struct sr_span *ret_word);

/* `text` without white space at its start. */
struct sr_span words_trim_start(struct sr_span text);

/*
 * The length of the longest start of `text` whose words are separated by exactly one U+0020 each,
 * with no white space before the first or after the last: joining its words with single spaces
 * changes nothing.
 */
size_t words_tidy(struct sr_span text);

/* True when `text` is exactly the C string `word`. */
static inline bool
words_equal(struct sr_span text, const char *word)
{
    size_t len = strlen(word);

    return text.len == len && (len == 0 || memcmp(text.data, word, len) == 0);
}

#endif
