/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_MIB_PATHS_H_INCLUDED
#define TESTS_BENCH_MIB_PATHS_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/* Identifiers that a table of `serviceradar-cli mib compile` has names of. */

#define MIB_PATH_MAX 15U /* short, so that reading the paths costs little */

struct mib_path {
    uint32_t arcs[MIB_PATH_MAX];
    unsigned count;
};

/* The bytes of a file. Returns owned; NULL when it cannot be read. */
uint8_t *mib_paths_read(const char *file, size_t *ret_len);

/* Names without children that the table has. */
size_t mib_paths_count(const uint8_t *table);

/*
 * So many identifiers of instances: random names without children, with an index of one arc.
 * Returns owned; ends the program without memory.
 */
struct mib_path *mib_paths_make(const uint8_t *table, size_t wanted);

#endif
