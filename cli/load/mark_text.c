/* SPDX-License-Identifier: Apache-2.0 */
#include "load/mark.h"

#include <string.h>

#include "sr/banned.h"

#define NAME "sr-load="
#define NAME_LEN (sizeof(NAME) - 1)
#define RUN_DIGITS 6U
#define SEQUENCE_DIGITS 13U

_Static_assert(NAME_LEN + RUN_DIGITS + 1 + SEQUENCE_DIGITS == MARK_TEXT_LEN, "the text of a mark");

void
mark_write_text(const struct mark *mark, uint8_t out[MARK_TEXT_LEN])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t number = mark->sequence;

    memcpy(out, NAME, NAME_LEN);
    for (unsigned i = 0; i < RUN_DIGITS; i++) {
        out[NAME_LEN + i] = (uint8_t)hex[mark->run >> 4 * (RUN_DIGITS - 1 - i) & 0xF];
    }
    out[NAME_LEN + RUN_DIGITS] = '/';
    for (unsigned i = MARK_TEXT_LEN; i-- > NAME_LEN + RUN_DIGITS + 1; number /= 10) {
        out[i] = (uint8_t)('0' + number % 10);
    }
}

/* Digits of `base`, all of them; false at any other byte. */
static bool
read_digits(const uint8_t *at, unsigned count, unsigned base, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned digit = base;
        if (at[i] >= '0' && at[i] <= '9') {
            digit = at[i] - '0';
        } else if (at[i] >= 'a' && at[i] <= 'f') {
            digit = at[i] - 'a' + 10U;
        }
        if (digit >= base) {
            return false;
        }
        value = value * base + digit;
    }
    *ret = value;
    return true;
}

/* Reads the first mark behind `*from`, which is where the next one is looked for. */
static bool
read_next(struct sr_span text, size_t *from, struct mark *ret_mark)
{
    const uint8_t *end = text.data + text.len;

    /* '=' is seldom in text, 's' is not. */
    while (*from < text.len) {
        const uint8_t *at = memchr(text.data + *from, '=', text.len - *from);
        uint64_t run, sequence;
        if (at == NULL || (size_t)(end - at) < MARK_TEXT_LEN - NAME_LEN + 1) {
            return false;
        }
        *from = (size_t)(at - text.data) + 1;
        if (memcmp(at - (NAME_LEN - 1), NAME, NAME_LEN) == 0 && at[1 + RUN_DIGITS] == '/' &&
            read_digits(at + 1, RUN_DIGITS, 16, &run) &&
            read_digits(at + 2 + RUN_DIGITS, SEQUENCE_DIGITS, 10, &sequence)) {
            *ret_mark = (struct mark){ (uint32_t)run, sequence };
            return true;
        }
    }
    return false;
}

bool
mark_read_text(struct sr_span text, struct mark *ret_mark)
{
    size_t from = NAME_LEN - 1;

    return read_next(text, &from, ret_mark);
}

bool
mark_find_text(struct sr_span text, uint32_t run, struct mark *ret_mark)
{
    size_t from = NAME_LEN - 1;
    struct mark mark;

    while (read_next(text, &from, &mark)) {
        if (mark.run == run) {
            *ret_mark = mark;
            return true;
        }
    }
    return false;
}
