/* SPDX-License-Identifier: Apache-2.0 */
#include "mib_paths.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/mib_format.h"

#include "sr/banned.h"

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

unsigned
mib_paths_nodes(const uint8_t *table)
{
    return le32(table + MIB_HEAD_NODE_COUNT);
}

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* The parent of each node. */
static uint32_t *
find_parents(const uint8_t *nodes, uint32_t count)
{
    uint32_t *parents = calloc(count, sizeof(*parents));

    for (uint32_t i = 0; parents != NULL && i < count; i++) {
        const uint8_t *node = nodes + (size_t)i * MIB_NODE_SIZE;
        for (uint32_t k = 0; k < le32(node + MIB_NODE_CHILDREN); k++) {
            parents[le32(node + MIB_NODE_FIRST) + k] = i;
        }
    }
    return parents;
}

struct mib_path *
mib_paths_make(const uint8_t *table, size_t wanted)
{
    const uint8_t *nodes = table + MIB_HEAD_SIZE;
    const uint32_t count = mib_paths_nodes(table);
    uint32_t *parents = find_parents(nodes, count);
    struct mib_path *paths = calloc(wanted, sizeof(*paths));
    uint32_t state = 1;

    if (parents == NULL || paths == NULL) {
        abort();
    }
    for (size_t made = 0; made < wanted;) {
        uint32_t at = next_random(&state) % count;
        uint32_t arcs[MIB_PATH_MAX];
        unsigned depth = 0;
        if (le32(nodes + (size_t)at * MIB_NODE_SIZE + MIB_NODE_CHILDREN) != 0) {
            continue;
        }
        for (; at != 0 && depth < MIB_PATH_MAX - 1; at = parents[at]) {
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
