/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_COMMUNITY_H_INCLUDED
#define TRAPD_COMMUNITY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/config.h"
#include "trapd.h"

#include "sr/conf.h"
#include "sr/span.h"

/* Communities that are taken; none: any. */
struct communities {
    struct community *items; /* owned */
    size_t count;
};

/* False without memory. Texts were checked: none is longer than TRAPD_COMMUNITY_MAX. */
bool communities_init(struct communities *c, const struct sr_conf_strings *texts);
void communities_done(struct communities *c);

/*
 * Whether a message may pass: its community is one of those, or it has none that could be read (a
 * message of v3, or none at all). What it is compared with does not show in the time it takes.
 */
bool communities_allow(const struct communities *c, struct sr_span message);

/*
 * Writes a message into `out`, as long as it, with zeros for its community; and for all of it from
 * where that would stand, when it cannot be read.
 */
void community_mask(struct sr_span message, uint8_t *out);

/* What stands for a community: the first digits of its HMAC-SHA-256. */
void community_hash(const uint8_t key[TRAP_COMMUNITY_KEY_LEN], struct sr_span community,
    char out[TRAP_COMMUNITY_HASH_LEN]);

/* Makes that key of what the user wrote. */
void community_key(const char *text, uint8_t key[TRAP_COMMUNITY_KEY_LEN]);

#endif
