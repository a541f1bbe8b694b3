/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_JSON_H_INCLUDED
#define TRAPD_DECODE_JSON_H_INCLUDED

#include "decode/config.h"
#include "sr/buf.h"
#include "sr/peer.h"

/*
 * Writes a notification as the collector before this one did, where that was right:
 *
 *     {"source":"192.0.2.10:50123","version":"V2C","community":"public","varbinds":[{"oid":
 *     "1.3.6.1.2.1.1.3.0","value":"TIMETICKS: 123456"}]}
 *
 * - octets of community and values as text, with U+FFFD for what is no UTF-8;
 * - values by their type: "INTEGER: -5", "OCTET STRING: text", "OBJECT IDENTIFIER: 1.3.6", "NULL",
 *   "IP ADDRESS: 10.0.0.1", "COUNTER32: 1", "UNSIGNED32: 1", "TIMETICKS: 1", "COUNTER64: 1",
 *   "OPAQUE: [159, 120]", "NO SUCH OBJECT", "NO SUCH INSTANCE", "END OF MIB VIEW"; and where that
 * one ended the list: "BIT STRING: [0, 160]", "NSAP ADDRESS: [73]", "UINTEGER32: 1", and "TYPE
 * 0x01: [255]" for a type that is not known, or whose value has not the length of its type.
 *
 * Where the configuration says `upstream`, identifiers are written as that one did wrongly too.
 * Of v3 the community is empty. Where the configuration says `enrich`, what decode/enrich.h writes
 * comes behind. `now_ns`: when it was received, ns since 1970. Without room `b->overflow` is set.
 */
void trap_json_write(struct sr_buf *b, const struct trap_config *config,
    const struct trap_message *message, const struct sr_peer *peer, uint64_t now_ns);

#endif
