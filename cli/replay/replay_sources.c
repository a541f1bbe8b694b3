/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_sources.h"

#include <stdlib.h>
#include <string.h>

#include "sr/hash.h"

#include "sr/banned.h"

/* Addresses below this are for those whose own three bytes are taken or unusable. */
#define SPARE_FIRST 0x7ffe0001U

/* All of 127/8. */
#define LOOPBACK_COUNT (1U << 24)

struct replay_sources {
    struct sr_peer *peers; /* by number */
    uint32_t *slots;       /* number + 1; 0: free; open addressing */
    uint32_t slot_count;   /* a power of two */
    uint32_t count;
    uint32_t max;
    bool by_address;
    bool full;
};

struct replay_sources *
replay_sources_new(bool by_address, uint32_t max)
{
    struct replay_sources *sources = calloc(1, sizeof(*sources));

    if (sources == NULL) {
        return NULL;
    }
    sources->by_address = by_address;
    sources->max = max;
    sources->slot_count = 2;
    while (sources->slot_count < max * 2) {
        sources->slot_count *= 2;
    }
    sources->peers = calloc(max, sizeof(*sources->peers));
    sources->slots = calloc(sources->slot_count, sizeof(*sources->slots));
    if (sources->peers == NULL || sources->slots == NULL) {
        replay_sources_free(sources);
        return NULL;
    }
    return sources;
}

static bool
is_same(const struct sr_peer *a, const struct sr_peer *b)
{
    return a->is_v6 == b->is_v6 && a->port == b->port &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

uint32_t
replay_sources_number(struct replay_sources *sources, const struct sr_peer *peer)
{
    struct sr_peer key = *peer;
    uint32_t slot;

    key.port = sources->by_address ? 0 : peer->port;
    slot = (uint32_t)sr_hash_address(key.port, key.address, key.is_v6);
    for (;; slot++) {
        uint32_t *number = &sources->slots[slot & (sources->slot_count - 1)];

        if (*number == 0) {
            if (sources->count == sources->max) {
                sources->full = true;
                return slot % sources->max;
            }
            sources->peers[sources->count++] = key;
            *number = sources->count;
            return sources->count - 1;
        }
        if (is_same(&sources->peers[*number - 1], &key)) {
            return *number - 1;
        }
    }
}

uint32_t
replay_sources_count(const struct replay_sources *sources)
{
    return sources->count;
}

bool
replay_sources_is_full(const struct replay_sources *sources)
{
    return sources->full;
}

/* Takes an address of 127/8 by its last three bytes; false when somebody has it. */
static bool
take(uint8_t *taken, uint32_t address)
{
    uint32_t bit = address % LOOPBACK_COUNT;

    /* The first and the last of a network are none of a host's (RFC 1122, section 3.2.1.3). */
    if (bit == 0 || bit == LOOPBACK_COUNT - 1 || (taken[bit / 8] >> bit % 8 & 1) != 0) {
        return false;
    }
    taken[bit / 8] |= (uint8_t)(1U << bit % 8);
    return true;
}

static void
write_address(struct sr_peer *peer, uint32_t address)
{
    *peer = (struct sr_peer){ .address = { 127, (uint8_t)(address >> 16), (uint8_t)(address >> 8),
                                  (uint8_t)address } };
}

struct sr_peer *
replay_sources_loopback(const struct replay_sources *sources)
{
    uint8_t *taken = calloc(1, LOOPBACK_COUNT / 8);
    struct sr_peer *all = calloc(sources->max, sizeof(*all));
    uint32_t spare = SPARE_FIRST;

    if (taken == NULL || all == NULL) {
        free(taken);
        free(all);
        return NULL;
    }
    for (uint32_t i = 0; i < sources->count; i++) {
        const uint8_t *own = sources->peers[i].address;
        uint32_t address = (uint32_t)own[1] << 16 | (uint32_t)own[2] << 8 | own[3];

        if (sources->peers[i].is_v6 || !take(taken, address)) {
            while (!take(taken, spare)) {
                spare++;
            }
            address = spare;
        }
        write_address(&all[i], address);
    }
    free(taken);
    return all;
}

void
replay_sources_free(struct replay_sources *sources)
{
    if (sources == NULL) {
        return;
    }
    free(sources->peers);
    free(sources->slots);
    free(sources);
}
