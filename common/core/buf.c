/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/buf.h"

#include <string.h>

struct sr_buf
sr_buf_over(void *memory, size_t cap)
{
    return (struct sr_buf){ .data = memory, .cap = cap };
}

/* Room for `len` more bytes, or NULL and `overflow` from now on. */
static uint8_t *
claim(struct sr_buf *b, size_t len)
{
    if (b->overflow || len > b->cap - b->len) {
        b->overflow = true;
        return NULL;
    }
    uint8_t *out = b->data + b->len;
    b->len += len;
    return out;
}

void
sr_buf_put(struct sr_buf *b, uint8_t byte)
{
    uint8_t *out = claim(b, 1);
    if (out != NULL) {
        *out = byte;
    }
}

void
sr_buf_add(struct sr_buf *b, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    uint8_t *out = claim(b, len);
    if (out != NULL) {
        memcpy(out, data, len);
    }
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
