/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_LOAD_H_INCLUDED
#define NETFLOW_DECODE_LOAD_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sr/span.h"

static const uint64_t nf_load_masks[] = { 0, 0xff, 0xffff, 0xffffff, 0xffffffff,
    UINT64_C(0xffffffffff), UINT64_C(0xffffffffffff), UINT64_C(0xffffffffffffff), UINT64_MAX };

/*
 * A big-endian number of `length` bytes (1 to 8), loaded by the 8 bytes that end with it: those
 * before it must be readable. In a record they always are, for a header stands before it.
 */
static inline uint64_t
nf_load(const uint8_t *at, unsigned length)
{
    uint64_t word;

    memcpy(&word, at + length - sizeof(word), sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word & nf_load_masks[length];
}

/* Whether there is nothing but zeros, or nothing: padding, an address that was not filled in. */
static inline bool
nf_is_zero(struct sr_span bytes)
{
    uint64_t word;
    uint8_t any = 0;

    for (; bytes.len >= sizeof(word); bytes.data += sizeof(word), bytes.len -= sizeof(word)) {
        memcpy(&word, bytes.data, sizeof(word));
        if (word != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < bytes.len; i++) {
        any |= bytes.data[i];
    }
    return any == 0;
}

#endif
