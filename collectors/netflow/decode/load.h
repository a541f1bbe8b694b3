/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_LOAD_H_INCLUDED
#define NETFLOW_DECODE_LOAD_H_INCLUDED

#include <stdint.h>
#include <string.h>

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
    return word & UINT64_MAX >> (64 - 8 * length);
}

#endif
