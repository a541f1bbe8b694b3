/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_TRAP_TEXT_H_INCLUDED
#define CLI_LOAD_TRAP_TEXT_H_INCLUDED

#include "load/generate_trap.h"
#include "load/mark.h"
#include "load/snmp_write.h"

/* How the traps of generate_trap.h are made up. */

/* One as it is written: a message of v1 or v2c, the PDU of one of v3. */
struct trap_text {
    struct snmp_writer writer;
    size_t mark, request, uptime; /* places in `writer.bytes`; `request` 0: it has none */
};

/* One as it is kept, to be copied. */
struct trap_template {
    uint8_t *bytes; /* owned, by malloc() */
    size_t len;
    size_t mark, request, uptime; /* places in `bytes`; `request` 0: it has none */
};

/*
 * Writes a trap with so many bytes of words; 0: without that varbind. Another `seed` makes other
 * values. False when it is longer than a datagram.
 */
bool trap_write(struct trap_text *text, const struct trap_kind *kind, const char *community,
    uint32_t seed, size_t words);

/* Borrows. */
struct sr_span trap_text_span(const struct trap_text *text);

/* Copies it. False without memory. */
bool trap_template_keep(struct trap_template *t, const struct trap_text *text);

/* Copies it to `out` with a mark, a request id and an uptime, of which the lower bits count. */
void trap_template_fill(const struct trap_template *t, const struct mark *mark, uint32_t request,
    uint64_t uptime, uint8_t *out);

#endif
