/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_VARINT_H_INCLUDED
#define NETFLOW_DECODE_VARINT_H_INCLUDED

#include <stdint.h>
#include <string.h>

#define NF_VARINT_MAX 10U /* bytes of a varint of 64 bits */

/*
 * Writes `value` as a varint of protobuf (7 bits a byte, the lowest first) and returns where it
 * ends. Up to NF_VARINT_MAX bytes at `out` are written to, whatever the length.
 */
static inline uint8_t *
nf_varint_write(uint8_t *out, uint64_t value)
{
    if (value < 0x80) {
        *out = (uint8_t)value;
        return out + 1;
    }
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

#endif
