/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_IDENTIFIER_H_INCLUDED
#define TRAPD_DECODE_IDENTIFIER_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/buf.h"
#include "sr/span.h"

/*
 * Appends an object identifier as it is encoded (X.690 section 8.19) in decimal with points between
 * its arcs; nothing for an empty one. False, and nothing written, where ber_arcs() cannot read it.
 */
bool trap_identifier_write(struct sr_buf *b, struct sr_span content);

/* Appends arcs in decimal with points between them. */
void trap_arcs_write(struct sr_buf *b, const uint32_t *arcs, unsigned count);

#endif
