/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_mutant.h"

#include <stdbool.h>
#include <string.h>

#include "decode/ber.h"

#include "sr/banned.h"

/* Types, lengths and bounds of them. */
static const uint8_t telling[] = { 0, 1, 2, 3, 4, 5, 6, 8, 9, 0x28, 0x30, 0x40, 0x41, 0x42, 0x43,
    0x44, 0x45, 0x46, 0x47, 0x78, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0x9f, 0xa0, 0xa4, 0xa6, 0xa7,
    0xff };

static uint64_t
roll(uint64_t *dice, uint64_t below)
{
    *dice ^= *dice << 13; /* xorshift64, Marsaglia 2003 */
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice % below;
}

void
trap_change_lengths(uint8_t *bytes, size_t len, size_t at, int by)
{
    struct sr_span left = { bytes, len }, content;
    uint8_t type;

    while (left.len > 0) {
        const uint8_t *start = left.data;
        if (!ber_take(&left, &type, &content)) {
            return;
        }
        size_t begin = (size_t)(content.data - bytes);
        if (at >= begin + content.len) {
            continue;
        }
        if (at < begin) {
            return;
        }
        size_t most = content.data - start == 2 ? 0x7f : 0xff;
        if ((by < 0 && bytes[begin - 1] == 0) || (by > 0 && bytes[begin - 1] == most)) {
            return;
        }
        bytes[begin - 1] = (uint8_t)(bytes[begin - 1] + by);
        left = content;
    }
}

static size_t
change(uint64_t *dice, uint8_t *bytes, size_t len)
{
    size_t at = (size_t)roll(dice, len);
    bool is_known = roll(dice, 4) > 0;

    switch (roll(dice, 6)) {
    case 0: bytes[at] ^= (uint8_t)(1U << roll(dice, 8)); return len;
    case 1: bytes[at] = (uint8_t)roll(dice, 256); return len;
    case 2: bytes[at] = (uint8_t)(bytes[at] + 1 - 2 * roll(dice, 2)); return len;
    case 3: bytes[at] = telling[roll(dice, sizeof(telling))]; return len;
    case 4:
        if (is_known) {
            trap_change_lengths(bytes, len, at, -1);
        }
        memmove(bytes + at, bytes + at + 1, len - at - 1);
        return len - 1;
    default:
        if (is_known) {
            trap_change_lengths(bytes, len, at, 1);
        }
        memmove(bytes + at + 1, bytes + at, len - at);
        bytes[at] = telling[roll(dice, sizeof(telling))];
        return len + 1;
    }
}

size_t
trap_mutate(uint64_t *dice, uint8_t *bytes, size_t len)
{
    for (uint64_t count = 1 + roll(dice, 2); count > 0 && len > 0; count--) {
        len = change(dice, bytes, len);
    }
    return len;
}
