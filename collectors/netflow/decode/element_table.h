/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_ELEMENT_TABLE_H_INCLUDED
#define NETFLOW_DECODE_ELEMENT_TABLE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "decode/element.h"

/* What nf_element_find() searches. Each list is sorted by id. No name occurs twice, whatever the
 * enterprise, so that a record makes an object without equal keys. */

struct nf_element_table {
    uint32_t enterprise;
    const struct nf_element *elements;
    size_t count;
};

extern const struct nf_element nf_elements_iana[];
extern const size_t nf_elements_iana_count;
extern const struct nf_element_table nf_elements_vendors[]; /* sorted by enterprise */
extern const size_t nf_elements_vendor_count;

#endif
