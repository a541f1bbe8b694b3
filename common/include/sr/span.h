/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SPAN_H_INCLUDED
#define SR_SPAN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A borrowed, read-only view of bytes. It never owns memory: it is valid only
 * as long as the buffer it was made from.
 */
struct sr_span {
    const uint8_t *data;
    size_t len;
};

/*
 * A cursor over a span. The first read past the end sets `failed`; every later
 * read returns zero and moves nothing. A decoder reads a whole header and then
 * tests `failed` once.
 */
struct sr_reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool failed;
};

/* Starts a cursor at the first byte of `span`, which the caller keeps alive. */
struct sr_reader sr_reader_init(struct sr_span span);

/* Bytes between the cursor and the end. */
size_t sr_reader_left(const struct sr_reader *r);

/* The next 1, 2, 4 or 8 bytes as an unsigned integer in network order; 0 once `failed`. */
uint8_t sr_reader_u8(struct sr_reader *r);
uint16_t sr_reader_be16(struct sr_reader *r);
uint32_t sr_reader_be32(struct sr_reader *r);
uint64_t sr_reader_be64(struct sr_reader *r);

/* Takes the next `len` bytes as a span of their own: {NULL, 0} and `failed` if they are not there.
 */
struct sr_span sr_reader_take(struct sr_reader *r, size_t len);

#endif
