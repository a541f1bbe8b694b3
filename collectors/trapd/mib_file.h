/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_MIB_FILE_H_INCLUDED
#define TRAPD_MIB_FILE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "decode/mib.h"

/* A table of names in a file, mapped into memory. All zero: none. */
struct mib_file {
    struct mib_table table;
    void *map; /* NULL: none */
    size_t size;
};

/*
 * Maps a file; one that is replaced by another of its name later stays as it is. False with
 * `error`, which names the file and what to do.
 */
bool mib_file_open(const char *path, struct mib_file *ret_file, char *error, size_t error_size);
void mib_file_close(struct mib_file *file);

#endif
