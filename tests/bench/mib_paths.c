/* SPDX-License-Identifier: Apache-2.0 */
#include "mib_paths.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/mib_format.h"

#include "sr/banned.h"

#define LEAVES_MAX ((size_t)1 << 20)
#define FILE_MAX_BYTES ((size_t)1 << 30)

static uint32_t
le32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint8_t *
mib_paths_read(const char *file, size_t *ret_len)
{
    FILE *f = fopen(file, "rb");
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
    const uint8_t *nodes, *infos;
    struct mib_path *items;
    size_t count;
};

static void
add_leaf(struct leaves *leaves, const struct mib_path *above, uint32_t arc)
{
    struct mib_path path = *above;

    if (path.count + 2 > MIB_PATH_MAX || leaves->count == LEAVES_MAX) {
        return;
    }
    path.arcs[path.count++] = arc;
    path.arcs[path.count++] = 17;
    leaves->items[leaves->count++] = path;
}

/* Depth first; a table that was compiled has no loops. */
static void
collect(struct leaves *leaves, uint32_t at, const struct mib_path *path)
{
    const uint8_t *node = leaves->nodes + (size_t)at * MIB_NODE_SIZE;
    const uint8_t *run = leaves->infos + le32(node + MIB_NODE_LEAF_AT);
    const uint32_t step = le32(node + MIB_NODE_LEAF_STEP);

    for (uint32_t i = 0; i < le32(node + MIB_NODE_LEAF_COUNT); i++) {
        if (step == 0) {
            add_leaf(leaves, path, le32(run + (size_t)i * MIB_PAIR_SIZE));
        } else if (run[(size_t)i * step + MIB_INFO_NAME_LEN] != 0) {
            add_leaf(leaves, path, le32(node + MIB_NODE_LEAF_ARC) + i);
        }
    }
    for (uint32_t i = 0; i < le32(node + MIB_NODE_CHILDREN) && path->count < MIB_PATH_MAX; i++) {
        uint32_t child = le32(node + MIB_NODE_FIRST) + i;
        struct mib_path below = *path;
        below.arcs[below.count++] = le32(leaves->nodes + (size_t)child * MIB_NODE_SIZE);
        collect(leaves, child, &below);
    }
}

static struct leaves
collect_all(const uint8_t *table)
{
    const struct mib_path root = { .count = 0 };
    struct leaves leaves = { .nodes = table + MIB_HEAD_SIZE };

    leaves.infos = leaves.nodes + (size_t)le32(table + MIB_HEAD_NODE_COUNT) * MIB_NODE_SIZE;
    leaves.items = calloc(LEAVES_MAX, sizeof(*leaves.items));
    if (leaves.items == NULL) {
        abort();
    }
    collect(&leaves, 0, &root);
    return leaves;
}

size_t
mib_paths_count(const uint8_t *table)
{
    struct leaves leaves = collect_all(table);

    free(leaves.items);
    return leaves.count;
}

struct mib_path *
mib_paths_make(const uint8_t *table, size_t wanted)
{
    struct leaves leaves = collect_all(table);
    struct mib_path *paths = calloc(wanted, sizeof(*paths));
    uint32_t state = 1;

    if (paths == NULL || leaves.count == 0) {
        abort();
    }
    for (size_t i = 0; i < wanted; i++) {
        paths[i] = leaves.items[next_random(&state) % leaves.count];
    }
    free(leaves.items);
    return paths;
}
