/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/conf_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define BLOCK_SIZE 16384u

struct sr_conf_block {
    struct sr_conf_block *next;
    size_t used;
    size_t size;
    max_align_t memory[];
};

void *
sr_conf_arena_alloc(struct sr_conf_arena *arena, size_t size)
{
    const size_t unit = sizeof(max_align_t);
    struct sr_conf_block *block = arena->blocks;

    if (size > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    size = (size / unit + 1) * unit;
    if (block == NULL || size > block->size - block->used) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

        block = calloc(1, sizeof(*block) + room);
        if (block == NULL) {
            arena->failed = true;
            return NULL;
        }
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *out = (unsigned char *)block->memory + block->used;
    block->used += size;
    return out;
}

char *
sr_conf_arena_copy(struct sr_conf_arena *arena, const char *text, size_t len)
{
    char *out = sr_conf_arena_alloc(arena, len + 1);

    if (out != NULL && len > 0) {
        memcpy(out, text, len);
    }
    return out;
}

void
sr_conf_arena_free(struct sr_conf_arena *arena)
{
    struct sr_conf_block *block = arena->blocks;

    while (block != NULL) {
        struct sr_conf_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct sr_conf_arena){ 0 };
}

struct sr_conf_node *
sr_conf_node_new(
    struct sr_conf_arena *arena, const struct sr_conf_origin *origin, size_t line, const char *name)
{
    struct sr_conf_node *node = sr_conf_arena_alloc(arena, sizeof(*node));

    if (node != NULL) {
        node->kind = SR_CONF_NODE_EMPTY;
        node->origin = origin;
        node->line = origin->kind == SR_CONF_FROM_FILE ? line : 0;
        node->name = name;
    }
    return node;
}

void
sr_conf_node_append(struct sr_conf_node *node, struct sr_conf_node *child)
{
    if (node->last != NULL) {
        node->last->next = child;
    } else {
        node->first = child;
    }
    node->last = child;
    node->count++;
}

struct sr_conf_node *
sr_conf_node_child(const struct sr_conf_node *node, const char *name)
{
    if (node == NULL || node->kind != SR_CONF_NODE_MAP) {
        return NULL;
    }
    for (struct sr_conf_node *child = node->first; child != NULL; child = child->next) {
        if (strcmp(child->name, name) == 0) {
            return child;
        }
    }
    return NULL;
}

struct sr_conf_node *
sr_conf_node_item(const struct sr_conf_node *node, size_t index)
{
    struct sr_conf_node *item = node->first;

    while (item != NULL && index > 0) {
        item = item->next;
        index--;
    }
    return item;
}

const char *
sr_conf_node_place(const struct sr_conf_node *node, const char *path, char *out, size_t size)
{
    if (node != NULL && node->written != NULL && strcmp(node->written, path) != 0) {
        (void)snprintf(out, size, "%.256s (%.256s)", node->written, path);
    } else {
        (void)snprintf(out, size, "%.512s", path);
    }
    return out;
}
