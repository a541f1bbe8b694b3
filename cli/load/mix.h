/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_MIX_H_INCLUDED
#define CLI_LOAD_MIX_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which of several kinds of message comes next, by weights: a fixed round of turns. Pure. */

#define MIX_KINDS_MAX 32U
#define MIX_TURNS_MAX 1024U /* the sum of all weights */

struct mix {
    uint32_t turns;
    uint8_t kinds[MIX_TURNS_MAX];
};

/*
 * Makes the round of up to MIX_KINDS_MAX kinds: each has as many turns as its weight says, spread
 * evenly. False when all weights are 0 or their sum is above MIX_TURNS_MAX.
 */
bool mix_init(struct mix *mix, const uint64_t *weights, size_t count);

/* The kind of the message with this index. */
static inline unsigned
mix_pick(const struct mix *mix, uint64_t index)
{
    return mix->kinds[mix->turns > 1 ? index % mix->turns : 0];
}

#endif
