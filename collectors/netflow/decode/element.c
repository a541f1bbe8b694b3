/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/element.h"

#include "decode/element_table.h"
#include "decode/template.h"
#include "sr/banned.h"

#define NTOP_PEN 35632U
/* nProbe sends an element N of its enterprise as id 57472 + N in v9. */
#define NTOP_V9_FIRST 57472U
#define NTOP_V9_LAST (NTOP_V9_FIRST + 2047U)

static const struct nf_element *
search(const struct nf_element *elements, size_t count, uint16_t id)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (elements[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && elements[low].id == id ? &elements[low] : NULL;
}

static const struct nf_element *
find_vendor(uint32_t enterprise, uint16_t id)
{
    const struct nf_element_table *t = nf_elements_vendors;
    const struct nf_element_table *end = t + nf_elements_vendor_count;

    while (t < end && t->enterprise < enterprise) {
        t++;
    }
    return t < end && t->enterprise == enterprise ? search(t->elements, t->count, id) : NULL;
}

const struct nf_element *
nf_element_find(uint32_t enterprise, uint16_t id)
{
    if (enterprise == 0 && id >= NTOP_V9_FIRST && id <= NTOP_V9_LAST) {
        return find_vendor(NTOP_PEN, (uint16_t)(id - NTOP_V9_FIRST));
    }
    if (enterprise == 0 || enterprise == NF_REVERSE_PEN) {
        return search(nf_elements_iana, nf_elements_iana_count, id);
    }
    return find_vendor(enterprise, id);
}
