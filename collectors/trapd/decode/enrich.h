/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_ENRICH_H_INCLUDED
#define TRAPD_DECODE_ENRICH_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/config.h"
#include "decode/names.h"
#include "decode/view.h"
#include "sr/buf.h"
#include "sr/peer.h"

/*
 * Writes what consumers of logs look for, as members of an object that is open and has
 * members: `,"timestamp":...,"event_name":...,"body":...,"severity_text":...,"severity_number":...,
 * "host":...,"resource":{...},"attributes":{...}`. `views` has seen all varbinds. Without room
 * `b->overflow` is set.
 */
void trap_enrich_write(struct sr_buf *b, const struct trap_config *config,
    const struct trap_message *message, struct trap_views *views, const struct sr_peer *peer,
    uint64_t now_ns);

/*
 * Finds the MIB's node of an identity, whose arcs are in `event`. A v1 trap that SMIv2 defines, as
 * RFC 1628 does, has no zero before its last arc there, but has one by RFC 3584 section 3.1. False
 * when no MIB has it.
 */
bool trap_enrich_event(const struct trap_config *config, struct trap_name *event);

/*
 * Members of one varbind's object, after `oid` and `value`: `,"type":...,"name":...`, and
 * `"text"` where a MIB says how the value reads (enumeration, BITS, DISPLAY-HINT), hexadecimal
 * digits as `"hex"` for octets that are no text. Nothing where `views` has no more.
 */
void trap_enrich_varbind(struct sr_buf *b, const struct trap_config *config,
    struct trap_views *views, const struct trap_varbind *varbind);

#endif
