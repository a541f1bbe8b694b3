/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_VARINT_H_INCLUDED
#define NETFLOW_DECODE_VARINT_H_INCLUDED

#include <stdint.h>
#include <string.h>

#define NF_VARINT_MAX 10U /* bytes of a varint of 64 bits */

/* Spreads the groups of 7 bits of a number below 2^56 over bytes: all 8 of them, or 4. */
static inline uint64_t
nf_varint_spread(uint64_t value)
{
    uint64_t x = value;

    if (x >> 28 != 0) {
        x = (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x00fffffff0000000)) << 4;
    }
    x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x0fffc0000fffc000)) << 2;
    return (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x3f803f803f803f80)) << 1;
}

/*
 * Writes `value` as a varint of protobuf (7 bits a byte, the lowest first) and returns where it
 * ends. Up to NF_VARINT_MAX bytes at `out` are written to, whatever the length.
 *
 * Without a loop: times have 9 bytes, and the end of a loop over a counter cannot be foreseen.
 */
static inline uint8_t *
nf_varint_write(uint8_t *out, uint64_t value)
{
    if (value < 0x80) {
        *out = (uint8_t)value;
        return out + 1;
    }
    unsigned bits = 64 - (unsigned)__builtin_clzll(value);
    unsigned length = (bits * 9 + 64) >> 6; /* a seventh of `bits`, rounded up */
    uint64_t x = nf_varint_spread(value & UINT64_C(0x00ffffffffffffff));

    x |= UINT64_C(0x8080808080808080) & ((UINT64_C(1) << (8 * (length - 1) & 63)) - 1);
    if (length > 8) {
        x |= UINT64_C(0x8080808080808080);
        out[8] = (uint8_t)(value >> 56 | (length == 10 ? 0x80U : 0));
        out[9] = 1;
    }
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    memcpy(out, &x, sizeof(x));
    return out + length;
}

#endif
