/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#include "crc32c_table.h"
#include "crc32c_ways.h"
#include "sr/banned.h"

/* The remainder begins and ends inverted: leading and trailing zeros count (RFC 3720, 12.1). */

#if defined(__x86_64__)
bool
sr_crc32c_has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) uint32_t
sr_crc32c_by_instruction(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t rest = ~crc;

    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        rest = _mm_crc32_u64(rest, word);
    }
    uint32_t rest32 = (uint32_t)rest;
    for (; len > 0; len--, p++) {
        rest32 = _mm_crc32_u8(rest32, *p);
    }
    return ~rest32;
}
#elif defined(__ARM_FEATURE_CRC32)
bool
sr_crc32c_has_instruction(void)
{
    return true;
}

uint32_t
sr_crc32c_by_instruction(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t rest = ~crc;

    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        rest = __crc32cd(rest, word);
    }
    for (; len > 0; len--, p++) {
        rest = __crc32cb(rest, *p);
    }
    return ~rest;
}
#else
bool
sr_crc32c_has_instruction(void)
{
    return false;
}

uint32_t
sr_crc32c_by_instruction(uint32_t crc, const void *data, size_t len)
{
    return sr_crc32c_by_table(crc, data, len);
}
#endif

/* The first byte is the lowest, whatever the order of the host. */
static uint32_t
load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t
sr_crc32c_by_table(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t rest = ~crc;

    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low = rest ^ load_le32(p);
        uint32_t high = load_le32(p + 4);

        rest = crc32c_table[7][low & 0xff] ^ crc32c_table[6][low >> 8 & 0xff] ^
               crc32c_table[5][low >> 16 & 0xff] ^ crc32c_table[4][low >> 24] ^
               crc32c_table[3][high & 0xff] ^ crc32c_table[2][high >> 8 & 0xff] ^
               crc32c_table[1][high >> 16 & 0xff] ^ crc32c_table[0][high >> 24];
    }
    for (; len > 0; len--, p++) {
        rest = rest >> 8 ^ crc32c_table[0][(rest ^ *p) & 0xff];
    }
    return ~rest;
}

uint32_t
sr_crc32c(uint32_t crc, const void *data, size_t len)
{
    if (sr_crc32c_has_instruction()) {
        return sr_crc32c_by_instruction(crc, data, len);
    }
    return sr_crc32c_by_table(crc, data, len);
}
