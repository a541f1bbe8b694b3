/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what finding the name of an identifier costs in a table of `serviceradar-cli mib compile`,
 * in nanoseconds, the best of ten rounds: the same few identifiers again and again, as traps
 * have them, and all over the table, where each lookup waits for memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decode/mib.h"
#include "mib_paths.h"

#include "sr/banned.h"

#define ROUNDS 10
#define LOOKUPS 400000U
#define FEW 64U
#define MORE 4096U

static volatile unsigned letters; /* read of texts, so that they must be there */

static double
measure(const struct mib_table *table, const struct mib_path *paths, uint32_t different)
{
    double best = 1e9;
    size_t found = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct timespec start, end;
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            const struct mib_path *path = &paths[i % different];
            struct mib_node node;
            if (mib_find(table, path->arcs, path->count, &node)) {
                letters += node.name.data[0] + (node.module.len > 0 ? node.module.data[0] : 0U);
                found++;
            }
        }
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        double ns =
            (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
        best = ns / LOOKUPS < best ? ns / LOOKUPS : best;
    }
    if (found != (size_t)ROUNDS * LOOKUPS) {
        (void)fputs("not all were found\n", stderr);
    }
    return best;
}

int
main(int argc, char **argv)
{
    struct mib_table table;
    size_t len = 0;
    uint8_t *bytes = argc == 2 ? mib_paths_read(argv[1], &len) : NULL;

    if (bytes == NULL || !mib_table_open((struct sr_span){ bytes, len }, &table)) {
        (void)fputs("usage: bench_mib_find TABLE\n", stderr);
        return EXIT_FAILURE;
    }
    struct mib_path *paths = mib_paths_make(bytes, LOOKUPS);
    printf("%zu names without children, %zu bytes\n", mib_paths_count(bytes), len);
    printf("the same %u: %.0f ns\n", FEW, measure(&table, paths, FEW));
    printf("the same %u: %.0f ns\n", MORE, measure(&table, paths, MORE));
    printf("all over the table: %.0f ns\n", measure(&table, paths, LOOKUPS));
    free(paths);
    free(bytes);
    return EXIT_SUCCESS;
}
