/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_CONFIG_H_INCLUDED
#define TRAPD_DECODE_CONFIG_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/access.h"
#include "decode/message.h"
#include "decode/mib.h"
#include "sr/emit.h"
#include "sr/span.h"

/* Whose community is published how. */
enum trap_community { TRAP_COMMUNITY_CLEAR = 0, TRAP_COMMUNITY_HASH, TRAP_COMMUNITY_OMIT };

#define TRAP_COMMUNITY_KEY_LEN 32U
#define TRAP_COMMUNITY_HASH_LEN 16U /* hexadecimal digits */

/* What is read by other means than pure ones: v3 needs keys, and memory of its senders. */
struct trap_opener {
    void *arg;

    /*
     * Reads a message of v3 into `*ret_message`, its authenticity and time checked, and decrypts it
     * into `room`, which is as long as the message. Returns NULL, or why not: a word of [a-z0-9_],
     * static. `*ret_message` then has what was told and not checked (engine, user), and
     * is_exchange where nothing is lost by that.
     */
    const char *(*open)(void *arg, uint64_t now_ns, struct sr_span bytes, uint8_t *room,
        struct trap_message *ret_message);

    /*
     * Writes into `room` of `max` bytes what is to be sent back for the message that was opened
     * last: the response to an inform, or a report where open() gave a reason that its sender can
     * learn from. Returns its length; 0: nothing is. May be NULL.
     */
    size_t (*answer)(void *arg, const struct trap_message *message, uint8_t *room, size_t max);
};

/* How the messages of a listener are decoded. Immutable, shared by threads. */
struct trap_config {
    enum trap_community community;
    bool enrich;   /* keys beyond the four of upstream */
    bool upstream; /* identifiers as decode/upstream.h has them */
    /* Of TRAP_COMMUNITY_HASH: writes what stands for a community; else NULL. */
    void (*community_hash)(const uint8_t key[TRAP_COMMUNITY_KEY_LEN], struct sr_span community,
        char out[TRAP_COMMUNITY_HASH_LEN]);
    uint8_t community_key[TRAP_COMMUNITY_KEY_LEN];
    /* Writes a message without its community into `out`, as long as it; NULL: it may be seen. */
    void (*mask)(struct sr_span message, uint8_t *out);
    /* Hashes what tells a request apart; NULL: nobody is answered. */
    void (*request_id)(struct sr_span identity, uint8_t id[SR_REQUEST_ID_LEN]);
    /* What is taken; borrowed. NULL: all is. */
    const struct trap_access *access;
    /* Borrowed: the operator's names, then the standard ones; NULL for none. */
    const struct mib_table *mibs[2];
};

#endif
