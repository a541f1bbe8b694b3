/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what finding the name of an identifier costs in a table of `serviceradar-cli mib compile`,
 * in nanoseconds, the best of ten rounds: the same few identifiers again and again, as traps
 * have them, and all over the table, where each lookup waits for memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode/mib.h"
#include "decode/mib_format.h"

#include "sr/banned.h"

#define ROUNDS 10
#define LOOKUPS 400000U
#define FEW 64U
#define MORE 4096U
#define ARCS_MAX 15 /* short, so that reading the paths costs little */
#define FILE_MAX_BYTES ((size_t)1 << 30)

struct path {
    uint32_t arcs[ARCS_MAX];
    unsigned count;
};

static uint32_t
le32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint8_t *
read_file(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = f != NULL ? malloc(FILE_MAX_BYTES) : NULL;

    if (bytes != NULL) {
        *ret_len = fread(bytes, 1, FILE_MAX_BYTES, f);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return bytes;
}

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* Makes identifiers of instances: random nodes without children, with an index of one arc. */
static struct path *
make_paths(const uint8_t *bytes)
{
    const uint8_t *nodes = bytes + MIB_HEAD_SIZE;
    uint32_t count = le32(bytes + MIB_HEAD_NODE_COUNT);
    uint32_t *parents = calloc(count, sizeof(*parents));
    struct path *paths = calloc(LOOKUPS, sizeof(*paths));
    uint32_t state = 1;

    if (parents == NULL || paths == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *node = nodes + (size_t)i * MIB_NODE_SIZE;
        for (uint32_t k = 0; k < le32(node + MIB_NODE_CHILDREN); k++) {
            parents[le32(node + MIB_NODE_FIRST) + k] = i;
        }
    }
    for (uint32_t made = 0; made < LOOKUPS;) {
        uint32_t at = next_random(&state) % count;
        uint32_t arcs[ARCS_MAX];
        unsigned depth = 0;
        if (le32(nodes + (size_t)at * MIB_NODE_SIZE + MIB_NODE_CHILDREN) != 0) {
            continue;
        }
        for (; at != 0 && depth < ARCS_MAX - 1; at = parents[at]) {
            arcs[depth++] = le32(nodes + (size_t)at * MIB_NODE_SIZE);
        }
        for (unsigned i = 0; i < depth; i++) {
            paths[made].arcs[i] = arcs[depth - 1 - i];
        }
        paths[made].arcs[depth] = 17;
        paths[made++].count = depth + 1;
    }
    free(parents);
    return paths;
}

static double
measure(const struct mib_table *table, const struct path *paths, uint32_t different)
{
    double best = 1e9;
    size_t found = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct timespec start, end;
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            const struct path *path = &paths[i % different];
            struct mib_node node;
            found += mib_find(table, path->arcs, path->count, &node) && node.name.len > 0;
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
    uint8_t *bytes = argc == 2 ? read_file(argv[1], &len) : NULL;

    if (bytes == NULL || !mib_table_open((struct sr_span){ bytes, len }, &table)) {
        (void)fputs("usage: bench_mib_find TABLE\n", stderr);
        return EXIT_FAILURE;
    }
    struct path *paths = make_paths(bytes);
    printf("%u nodes, %zu bytes\n", (unsigned)le32(bytes + MIB_HEAD_NODE_COUNT), len);
    printf("the same %u: %.0f ns\n", FEW, measure(&table, paths, FEW));
    printf("the same %u: %.0f ns\n", MORE, measure(&table, paths, MORE));
    printf("all over the table: %.0f ns\n", measure(&table, paths, LOOKUPS));
    free(paths);
    free(bytes);
    return EXIT_SUCCESS;
}
