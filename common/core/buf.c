/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/buf.h"

#include <string.h>

struct sr_buf
sr_buf_over(void *memory, size_t cap)
{
    return (struct sr_buf){ .data = memory, .cap = cap };
}

void
sr_buf_add_text(struct sr_buf *b, const char *text)
{
    sr_buf_add(b, text, strlen(text));
}

void
sr_buf_add_u64(struct sr_buf *b, uint64_t value)
{
    uint8_t digits[20]; /* 2^64 - 1 has 20 digits */
    size_t at = sizeof(digits);

    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    sr_buf_add(b, digits + at, sizeof(digits) - at);
}

void
sr_buf_add_hex(struct sr_buf *b, struct sr_span bytes)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        sr_buf_put(b, (uint8_t)digits[bytes.data[i] >> 4]);
        sr_buf_put(b, (uint8_t)digits[bytes.data[i] & 15]);
    }
}

struct sr_span
sr_buf_span(const struct sr_buf *b)
{
    return (struct sr_span){ b->data, b->len };
}
