/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SHARE_H_INCLUDED
#define SR_SHARE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#define SR_SHARE_DEAD_PART 16U

/*
 * How a resource (memory, disk) is shared out so that no listener starves another: half of it is
 * guaranteed in equal shares per listener, half is common; dead letters hold at most one part in
 * SR_SHARE_DEAD_PART of all.
 * Pure arithmetic; the owner locks.
 */
struct sr_share {
    uint64_t total;          /* bytes */
    unsigned listeners;      /* at least 1 */
    uint64_t *listener_used; /* bytes, by listener; the owner's array of zeros */
    uint64_t common_used;    /* bytes above the listeners' guaranteed shares */
    uint64_t dead_used;
    uint64_t used;
};

/* Takes `size` bytes for the listener; false when its share has no more, and nothing is taken. */
bool sr_share_take(struct sr_share *s, unsigned listener, bool dead, uint64_t size);

/* How many bytes the listener may take at most now, whatever they are for. */
uint64_t sr_share_left(const struct sr_share *s, unsigned listener);

/* Takes them in any case: for what is there already, and for what must not wait. */
void sr_share_force(struct sr_share *s, unsigned listener, bool dead, uint64_t size);

/* Gives back what was taken. */
void sr_share_give(struct sr_share *s, unsigned listener, bool dead, uint64_t size);

#endif
