/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_BUF_H_INCLUDED
#define SR_BUF_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Appends one byte. */
void sr_buf_put(struct sr_buf *b, uint8_t byte);

/* Appends `len` bytes from `data`; both may be empty. */
void sr_buf_add(struct sr_buf *b, const void *data, size_t len);

/* Appends a C string without its NUL. */
void sr_buf_add_text(struct sr_buf *b, const char *text);

/* Appends `value` in decimal. */
void sr_buf_add_u64(struct sr_buf *b, uint64_t value);

/* Appends `bytes` as lower-case hexadecimal, two digits a byte. */
void sr_buf_add_hex(struct sr_buf *b, struct sr_span bytes);

/* What has been written so far. Borrows the buffer's memory. */
struct sr_span sr_buf_span(const struct sr_buf *b);

#endif
