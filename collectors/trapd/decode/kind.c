/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/kind.h"

#include <string.h>

#include "decode/gate.h"

#include "sr/banned.h"

const char *const trap_gate_words[] = { "passes", "folded", "too_large_to_fold",
    "no_place_to_fold" };

/* As they are encoded: sysUpTime.0, snmpTrapOID.0 (RFC 3418), snmpTrapAddress.0 (RFC 3584). */
static const uint8_t sys_uptime[] = { 0x2b, 6, 1, 2, 1, 1, 3, 0 };
static const uint8_t trap_oid[] = { 0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0 };
static const uint8_t trap_address[] = { 0x2b, 6, 1, 6, 3, 18, 1, 3, 0 };

/* ifIndex without its index (RFC 2863). */
static const uint8_t if_index[] = { 0x2b, 6, 1, 2, 1, 2, 2, 1, 1 };

/*
 * A varbind has at least 6 bytes. One more is looked at than a message that is kept can have:
 * others are never folded, and need not cost more.
 */
#define KEPT_VARBINDS_MAX (TRAP_KEPT_MAX / 6 + 1)

/* ---- Hashes ---- */

/* The finalizer of MurmurHash3: every bit of `x` changes half of the result. */
static uint64_t
mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static void
add_number(struct trap_kind *kind, uint64_t number)
{
    kind->hash[0] = mix(kind->hash[0] ^ number);
    kind->hash[1] = mix(kind->hash[1] + number);
}

/* Its length first, so that no two lists of spans are one. */
static void
add_span(struct trap_kind *kind, struct sr_span span)
{
    add_number(kind, span.len);
    while (span.len > 0) {
        size_t n = span.len < sizeof(uint64_t) ? span.len : sizeof(uint64_t);
        uint64_t word = 0;
        memcpy(&word, span.data, n);
        add_number(kind, word);
        span = (struct sr_span){ span.data + n, span.len - n };
    }
}

/* ---- Kinds ---- */

static bool
is_named(const struct trap_varbind *varbind, const uint8_t *name, size_t len)
{
    return varbind->name.len == len && memcmp(varbind->name.data, name, len) == 0;
}

/* What every one has, in few words. */
static void
add_sender(struct trap_kind *kind, const struct sr_peer *peer, const struct trap_message *message)
{
    uint8_t bytes[24] = { (uint8_t)message->version, (uint8_t)message->level, (uint8_t)message->pdu,
        peer->is_v6 };

    memcpy(bytes + 4, message->agent_address, sizeof(message->agent_address));
    memcpy(bytes + 8, peer->address, peer->is_v6 ? 16 : 4);
    add_span(kind, (struct sr_span){ bytes, sizeof(bytes) });
}

static void
add_object(struct trap_kind *kind, const struct trap_varbind *varbind)
{
    add_span(kind, varbind->name);
    if (varbind->name.len > sizeof(if_index) &&
        memcmp(varbind->name.data, if_index, sizeof(if_index)) == 0) {
        add_span(kind, varbind->value);
    }
}

static void
add_varbinds(struct trap_kind *kind, const struct trap_message *message)
{
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;
    bool has_object = false;

    for (unsigned i = 0; i < KEPT_VARBINDS_MAX && trap_varbind_next(&left, &varbind); i++) {
        if (is_named(&varbind, trap_address, sizeof(trap_address))) {
            add_span(kind, varbind.value);
        } else if (!has_object && !is_named(&varbind, sys_uptime, sizeof(sys_uptime)) &&
                   !is_named(&varbind, trap_oid, sizeof(trap_oid))) {
            add_object(kind, &varbind);
            has_object = true;
        }
    }
}

bool
trap_kind_of(const uint64_t seed[2], const struct sr_peer *peer, const struct trap_message *message,
    struct trap_kind *ret_kind)
{
    struct trap_kind kind = { { seed[0], seed[1] } };
    uint32_t arcs[BER_SUB_IDS_MAX + 2];
    unsigned count;

    if (!trap_identity(message, arcs, &count)) {
        return false;
    }
    add_sender(&kind, peer, message);
    add_span(&kind, message->community);
    add_span(&kind, message->user);
    add_span(&kind, message->engine_id);
    add_span(&kind, message->context_engine_id);
    add_span(&kind, message->context_name);
    add_span(&kind, (struct sr_span){ (const uint8_t *)arcs, count * sizeof(arcs[0]) });
    add_varbinds(&kind, message);
    *ret_kind = kind;
    return true;
}

/* ---- What is kept ---- */

bool
trap_kept_put(struct trap_kept *kept, const struct sr_peer *peer, uint64_t received_ns,
    const struct trap_message *message)
{
    const struct sr_span parts[] = {
        message->community,
        message->user,
        message->engine_id,
        message->context_engine_id,
        message->context_name,
        message->whole_pdu,
    };
    const size_t count = sizeof(parts) / sizeof(parts[0]);
    size_t room = sizeof(kept->bytes);
    uint8_t *at = kept->bytes;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > room) {
            return false;
        }
        room -= parts[i].len;
    }
    for (size_t i = 0; i < count; i++) {
        kept->lengths[i] = (uint16_t)parts[i].len;
        if (parts[i].len > 0) {
            memcpy(at, parts[i].data, parts[i].len);
        }
        at += parts[i].len;
    }
    kept->peer = *peer;
    kept->received_ns = received_ns;
    kept->version = message->version;
    kept->level = message->level;
    return true;
}

void
trap_kept_get(const struct trap_kept *kept, struct trap_message *ret_message)
{
    struct trap_message message = { .version = kept->version, .level = kept->level };
    struct sr_span *const parts[] = {
        &message.community,
        &message.user,
        &message.engine_id,
        &message.context_engine_id,
        &message.context_name,
        &message.whole_pdu,
    };
    const uint8_t *at = kept->bytes;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        *parts[i] = (struct sr_span){ at, kept->lengths[i] };
        at += kept->lengths[i];
    }
    /* It was read before, so it can be read again. */
    (void)trap_pdu_read(message.whole_pdu, &message);
    *ret_message = message;
}
