/* SPDX-License-Identifier: Apache-2.0 */
#include "load/mix.h"

#include "sr/banned.h"

/*
 * Who waits longest for its share: each turn gives every kind its weight, and the one that has most
 * pays for all of them.
 */
static uint8_t
next_kind(int64_t *shares, const uint64_t *weights, size_t count, int64_t turns)
{
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        shares[i] += (int64_t)weights[i];
        most = shares[i] > shares[most] ? i : most;
    }
    shares[most] -= turns;
    return (uint8_t)most;
}

bool
mix_init(struct mix *mix, const uint64_t *weights, size_t count)
{
    int64_t shares[MIX_KINDS_MAX] = { 0 };
    uint64_t turns = 0;

    for (size_t i = 0; i < count; i++) {
        if (weights[i] > MIX_TURNS_MAX - turns) {
            return false;
        }
        turns += weights[i];
    }
    if (turns == 0 || count > MIX_KINDS_MAX) {
        return false;
    }
    mix->turns = (uint32_t)turns;
    for (uint32_t i = 0; i < mix->turns; i++) {
        mix->kinds[i] = next_kind(shares, weights, count, (int64_t)turns);
    }
    return true;
}
