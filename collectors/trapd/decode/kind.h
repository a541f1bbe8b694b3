/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_KIND_H_INCLUDED
#define TRAPD_DECODE_KIND_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/message.h"
#include "sr/peer.h"
#include "sr/span.h"

/*
 * Which notifications say the same again. Two are of one kind when they have in common
 *
 * - who sent them: the address (of any port), version and PDU, community, or the user and level of
 *   v3 with its engine and context; and the agent that a v1 trap or snmpTrapAddress.0 tells;
 * - what happened: trap_identity();
 * - to what: the name of the first varbind behind sysUpTime.0 and snmpTrapOID.0, which has the
 * index in it, as ifIndex.7; and its value where it is an ifIndex, since some agents send
 * ifIndex.0.
 */
struct trap_kind {
    uint64_t hash[2];
};

/*
 * The kind of a notification under a secret seed, without which nobody can make two kinds one.
 * False when it does not say what happened: then it is like no other one.
 */
bool trap_kind_of(const uint64_t seed[2], const struct sr_peer *peer,
    const struct trap_message *message, struct trap_kind *ret_kind);

/* ---- What is kept of a notification ---- */

#define TRAP_KEPT_MAX 1024U /* bytes of a message that is kept */

/* A copy of a notification, what was encrypted in clear. */
struct trap_kept {
    struct sr_peer peer;
    uint64_t received_ns; /* ns since 1970 */
    enum trap_version version;
    enum trap_level level;
    uint16_t lengths[6]; /* of what follows each other in `bytes` */
    uint8_t bytes[TRAP_KEPT_MAX];
};

/* False, and nothing is kept, when it has more than TRAP_KEPT_MAX bytes. */
bool trap_kept_put(struct trap_kept *kept, const struct sr_peer *peer, uint64_t received_ns,
    const struct trap_message *message);

/* What was put, which borrows `kept`. */
void trap_kept_get(const struct trap_kept *kept, struct trap_message *ret_message);

#endif
