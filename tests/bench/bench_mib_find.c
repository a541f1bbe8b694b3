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
#define LEAVES_MAX ((size_t)1 << 20)
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

/* All names without children, each with an index of one arc behind it. */
struct leaves {
    struct path *items;
    size_t count;
};

static void
add_leaf(struct leaves *leaves, const struct path *above, uint32_t arc)
{
    struct path path = *above;

    if (path.count + 2 > ARCS_MAX || leaves->count == LEAVES_MAX) {
        return;
    }
    path.arcs[path.count++] = arc;
    path.arcs[path.count++] = 17;
    leaves->items[leaves->count++] = path;
}

/* Depth first; a table that was compiled has no loops. */
static void
collect(const struct mib_table *table, uint32_t at, const struct path *path, struct leaves *leaves)
{
    const uint8_t *nodes = table->bytes.data + MIB_HEAD_SIZE;
    const uint8_t *infos = nodes + (size_t)table->node_count * MIB_NODE_SIZE;
    const uint8_t *node = nodes + (size_t)at * MIB_NODE_SIZE;
    uint32_t first = le32(node + MIB_NODE_LEAF_AT), step = le32(node + MIB_NODE_LEAF_STEP);

    for (uint32_t i = 0; i < le32(node + MIB_NODE_LEAF_COUNT); i++) {
        if (step == 0) {
            add_leaf(leaves, path, le32(infos + first + (size_t)i * MIB_PAIR_SIZE));
        } else if (infos[first + (size_t)i * step + MIB_INFO_NAME_LEN] != 0) {
            add_leaf(leaves, path, le32(node + MIB_NODE_LEAF_ARC) + i);
        }
    }
    for (uint32_t i = 0; i < le32(node + MIB_NODE_CHILDREN) && path->count < ARCS_MAX; i++) {
        uint32_t child = le32(node + MIB_NODE_FIRST) + i;
        struct path below = *path;
        below.arcs[below.count++] = le32(nodes + (size_t)child * MIB_NODE_SIZE);
        collect(table, child, &below, leaves);
    }
}

/* Random ones of them. */
static struct path *
make_paths(const struct mib_table *table)
{
    struct leaves leaves = { calloc(LEAVES_MAX, sizeof(struct path)), 0 };
    struct path *paths = calloc(LOOKUPS, sizeof(*paths)), root = { .count = 0 };
    uint32_t state = 1;

    if (leaves.items == NULL || paths == NULL) {
        abort();
    }
    collect(table, 0, &root, &leaves);
    for (uint32_t i = 0; i < LOOKUPS && leaves.count > 0; i++) {
        paths[i] = leaves.items[next_random(&state) % leaves.count];
    }
    printf("%zu names without children, %u nodes, %zu bytes\n", leaves.count,
        (unsigned)table->node_count, table->bytes.len);
    free(leaves.items);
    return paths;
}

static double
measure(const struct mib_table *table, const struct path *paths, uint32_t different)
{
    double best = 1e9;
    size_t found = 0;
    volatile unsigned letters = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct timespec start, end;
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            const struct path *path = &paths[i % different];
            struct mib_node node;
            if (mib_find(table, path->arcs, path->count, &node)) {
                /* Its texts are there, too. */
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
    uint8_t *bytes = argc == 2 ? read_file(argv[1], &len) : NULL;

    if (bytes == NULL || !mib_table_open((struct sr_span){ bytes, len }, &table)) {
        (void)fputs("usage: bench_mib_find TABLE\n", stderr);
        return EXIT_FAILURE;
    }
    struct path *paths = make_paths(&table);
    printf("the same %u: %.0f ns\n", FEW, measure(&table, paths, FEW));
    printf("the same %u: %.0f ns\n", MORE, measure(&table, paths, MORE));
    printf("all over the table: %.0f ns\n", measure(&table, paths, LOOKUPS));
    free(paths);
    free(bytes);
    return EXIT_SUCCESS;
}
