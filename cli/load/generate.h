/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_GENERATE_H_INCLUDED
#define CLI_LOAD_GENERATE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/* A message that a generator has written. */
struct generated {
    size_t len;
    uint64_t sequence; /* of the mark of its first record */
    uint32_t records;  /* with marks that follow each other; 0: templates or options only */
    uint32_t source;   /* who sends it */
};

#endif
