/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_CONFIG_H_INCLUDED
#define TRAPD_DECODE_CONFIG_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/message.h"
#include "decode/mib.h"
#include "sr/span.h"

/* Whose community is published how. */
enum trap_community { TRAP_COMMUNITY_CLEAR = 0, TRAP_COMMUNITY_HASH, TRAP_COMMUNITY_OMIT };

/* What is read by other means than pure ones: v3 needs keys, and memory of its senders. */
struct trap_opener {
    void *arg;

    /*
     * Reads a message of v3 into `*ret_message`, its authenticity and time checked, and decrypts it
     * into `room`, which is as long as the message. Returns NULL, or why not: a word of [a-z0-9_],
     * static. `*ret_message` then has what was told and not checked (engine, user).
     */
    const char *(*open)(void *arg, uint64_t now_ns, struct sr_span bytes, uint8_t *room,
        struct trap_message *ret_message);
};

/* How the messages of a listener are decoded. Immutable, shared by threads. */
struct trap_config {
    enum trap_community community;
    bool is_upstream;          /* compat: upstream: the bytes of the program before this one */
    bool enrich;               /* keys beyond the four of upstream */
    uint8_t community_key[32]; /* of TRAP_COMMUNITY_HASH: HMAC-SHA-256, first 16 hex digits */
    const struct mib_table
        *mibs[2]; /* borrowed: the operator's, then the standard ones; NULL: none */
};

#endif
