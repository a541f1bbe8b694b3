/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CRC32C_H_INCLUDED
#define SR_CRC32C_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli), RFC 3720 appendix B.4, of `len` bytes at `data` continued from `crc`: 0 to
 * begin, or what an earlier call returned, so that crc(b, crc(a, 0)) is the crc of a and b
 * together. Uses the processor's instruction where there is one. Pure, from any thread.
 */
uint32_t sr_crc32c(uint32_t crc, const void *data, size_t len);

#endif
