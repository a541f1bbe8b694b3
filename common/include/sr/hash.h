/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_HASH_H_INCLUDED
#define SR_HASH_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The finalizer of MurmurHash3: every bit of `x` changes half of the result. */
static inline uint64_t
sr_hash_mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/* Of an address (struct sr_peer). Who does not know `seed` cannot tell which ones share a hash. */
static inline uint64_t
sr_hash_address(uint64_t seed, const uint8_t address[16], bool is_v6)
{
    uint64_t halves[2];

    memcpy(halves, address, sizeof(halves));
    return sr_hash_mix(sr_hash_mix(sr_hash_mix(seed ^ halves[0]) ^ halves[1]) + is_v6);
}

#endif
