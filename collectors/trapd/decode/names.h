/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_NAMES_H_INCLUDED
#define TRAPD_DECODE_NAMES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/ber.h"
#include "decode/config.h"
#include "decode/mib.h"
#include "sr/buf.h"
#include "sr/span.h"

/* An object identifier and what the MIBs of a configuration call it. Borrows their tables. */
struct trap_name {
    uint32_t arcs[BER_SUB_IDS_MAX + 2];
    unsigned count;
    const struct mib_table *table; /* NULL: no MIB names it, `node` is not set */
    struct mib_node node;
};

/*
 * Reads an identifier and looks it up. One that stands below a mere node (say, "enterprises") has
 * no name. False, and `*ret_name` of no use, when its arcs cannot be read.
 */
bool trap_name_read(
    const struct trap_config *config, struct sr_span identifier, struct trap_name *ret_name);

/* Looks up `name->arcs` and sets `table` and `node`. */
void trap_name_find(const struct trap_config *config, struct trap_name *name);

/*
 * Appends "IF-MIB::ifDescr.3", without a module "ifDescr.3", or "1.3.6.1.4.1.9.9" where there is
 * no name, to a JSON string whose quotes the caller writes.
 */
void trap_name_write(struct sr_buf *b, const struct trap_name *name, bool with_module);

#endif
