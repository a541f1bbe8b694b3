/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_UPSTREAM_H_INCLUDED
#define TRAPD_DECODE_UPSTREAM_H_INCLUDED

#include "sr/buf.h"
#include "sr/span.h"

/*
 * Appends an object identifier as the collector before this one writes it, also where that is wrong
 * or more than RFC 2578 section 3.5 allows:
 *
 * - the first two arcs are those of the first byte alone: 2.999.3 is "3.16.55.3";
 * - sub-identifiers of up to nine bytes are numbers, and there may be any number of them;
 * - with a longer one the whole is bytes in hexadecimal, "2b 06 ...";
 * - one that is cut short at the end counts as far as it goes.
 */
void trap_upstream_oid(struct sr_buf *b, struct sr_span oid);

#endif
