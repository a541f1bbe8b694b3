/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_BUF_H_INCLUDED
#define SR_BUF_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sr/span.h"

/*
 * A writer over memory that the caller owns and whose size is its cap. The first write that does
 * not fit sets `overflow` and writes nothing; every later write is ignored. An encoder writes a
 * whole record and then tests `overflow` once.
 */
struct sr_buf {
    uint8_t *data;
    size_t len; /* bytes written, never above cap */
    size_t cap; /* bytes available */
    bool overflow;
};

/* Starts an empty buffer over `cap` bytes at `memory`, which the caller keeps. */
struct sr_buf sr_buf_over(void *memory, size_t cap);

/* Room for `len` more bytes, or NULL and `overflow` from now on. */
static inline uint8_t *
sr_buf_claim(struct sr_buf *b, size_t len)
{
    if (b->overflow || len > b->cap - b->len) {
        b->overflow = true;
        return NULL;
    }
    uint8_t *out = b->data + b->len;
    b->len += len;
    return out;
}

/* Appends one byte. */
static inline void
sr_buf_put(struct sr_buf *b, uint8_t byte)
{
    uint8_t *out = sr_buf_claim(b, 1);
    if (out != NULL) {
        *out = byte;
    }
}

/* Appends `len` bytes from `data`; both may be empty. */
static inline void
sr_buf_add(struct sr_buf *b, const void *data, size_t len)
{
    uint8_t *out = len > 0 ? sr_buf_claim(b, len) : NULL;
    if (out != NULL) {
        memcpy(out, data, len);
    }
}

/* Appends a C string without its NUL. Inline: of most strings the length is known then. */
static inline void
sr_buf_add_text(struct sr_buf *b, const char *text)
{
    sr_buf_add(b, text, strlen(text));
}

/* Appends `value` in decimal. */
void sr_buf_add_u64(struct sr_buf *b, uint64_t value);

/* Appends `bytes` as lower-case hexadecimal, two digits a byte. */
void sr_buf_add_hex(struct sr_buf *b, struct sr_span bytes);

/* What has been written so far. Borrows the buffer's memory. */
struct sr_span sr_buf_span(const struct sr_buf *b);

#endif
