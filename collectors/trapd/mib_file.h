/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_MIB_FILE_H_INCLUDED
#define TRAPD_MIB_FILE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "decode/mib.h"

/* A compiled table of names, mapped from its file: whoever replaces the file renames another. */
struct mib_file {
    void *base; /* owned mapping; NULL: none */
    size_t len;
    struct mib_table table; /* of the mapping; empty without one */
};

/* False with `error`: what is wrong with `path` and what to do. */
bool mib_file_open(const char *path, struct mib_file *ret_file, char *error, size_t error_size);
void mib_file_close(struct mib_file *n); /* a zeroed one is fine */

#endif
