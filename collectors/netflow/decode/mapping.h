/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_MAPPING_H_INCLUDED
#define NETFLOW_DECODE_MAPPING_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/template.h"

/* Which element goes where: the tables behind compiled templates. */

/* Elements of rank 1 stand in for those of rank 0, and so on, when a template has no better one. */
#define NF_MAPPING_RANKS 3U

struct nf_mapping {
    uint16_t id;
    uint8_t where; /* flavours and versions that it is for */
    uint8_t kind;  /* enum nf_op_kind */
    uint8_t slot;  /* enum nf_slot, or enum nf_special */
    uint8_t rank;
    uint16_t min_length, max_length; /* bytes that the field may have; else it is left alone */
};

/* The row for an element, NULL when it goes nowhere. `flavour` is an enum nf_flavour. */
const struct nf_mapping *nf_mapping_find(
    uint8_t flavour, uint8_t version, uint32_t enterprise, uint16_t id);

/* True for a number whose field in FlowMessage, or the one it stands in for, has 32 bits. */
bool nf_slot_is_narrow(uint8_t slot);

#endif
