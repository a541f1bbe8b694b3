/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/conf_tree.h"

#include <stdio.h>
#include <string.h>

#include "sr/toml.h"

#include "sr/banned.h"

/* One level of a walk over what the reader gave. */
struct level {
    const struct sr_toml_node *next; /* whose turn it is */
    struct sr_conf_node *target;
};

bool
sr_conf_toml_is(const char *name, struct sr_span text)
{
    static const char bare[] = "_-.\"' \t";
    size_t len = strlen(name);
    size_t i = text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    if (len > 5 && strcmp(name + len - 5, ".toml") == 0) {
        return true;
    }
    /* The first key decides: `key =` and `[table]` are no keys of YAML. */
    for (bool comment = false; i < text.len; i++) {
        uint8_t c = text.data[i];
        comment = c == '#' || (comment && c != '\n');
        if (!comment && c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            break;
        }
    }
    if (i < text.len && text.data[i] == '[') {
        return true;
    }
    for (; i < text.len && text.data[i] != '='; i++) {
        uint8_t c = text.data[i] | 0x20;
        bool is_name = (c >= 'a' && c <= 'z') || (text.data[i] >= '0' && text.data[i] <= '9');
        if (!is_name && memchr(bare, text.data[i], sizeof(bare) - 1) == NULL) {
            return false;
        }
    }
    return i < text.len;
}

static void
report(struct sr_conf_problems *problems, const struct sr_conf_origin *origin, enum sr_toml_err err,
    const struct sr_toml_place *place)
{
    const char *what = sr_toml_strerror(err);
    char where[512];

    if (err == SR_TOML_ETWICE) {
        sr_conf_problem_at(problems, origin, place->line,
            "key `%.*s` %s of them: it was first on line %zu",
            (int)(place->name.len < 128 ? place->name.len : 128), (const char *)place->name.data,
            what, place->first_line);
        return;
    }
    (void)snprintf(where, sizeof(where), "%s:%zu:%zu", origin->text, place->line, place->column);
    sr_conf_problem(problems, where, "is not valid TOML: %s", what);
}

/* The node without its children; NULL without memory. */
static struct sr_conf_node *
copy(struct sr_conf_arena *arena, const struct sr_conf_origin *origin,
    const struct sr_toml_node *from, bool in_table)
{
    const char *name =
        in_table ? sr_conf_arena_copy(arena, (const char *)from->name.data, from->name.len) : NULL;
    struct sr_conf_node *node = sr_conf_node_new(arena, origin, from->line, name);

    if (node == NULL || (in_table && name == NULL)) {
        return NULL;
    }
    if (from->kind == SR_TOML_TABLE || from->kind == SR_TOML_ARRAY) {
        node->kind = from->kind == SR_TOML_TABLE ? SR_CONF_NODE_MAP : SR_CONF_NODE_LIST;
        return node;
    }
    node->kind = SR_CONF_NODE_SCALAR;
    node->len = from->text.len;
    node->text = sr_conf_arena_copy(arena, (const char *)from->text.data, from->text.len);
    return node->text != NULL ? node : NULL;
}

/* Copies all that is below `from` to `root`; false without memory. */
static bool
copy_all(struct sr_conf_arena *arena, const struct sr_conf_origin *origin,
    const struct sr_toml_node *from, struct sr_conf_node *root)
{
    /* The reader refuses what is deeper. */
    struct level levels[SR_TOML_DEPTH_MAX + 2] = { { from->first, root } };
    size_t depth = 1;

    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        const struct sr_toml_node *given = level->next;
        if (given == NULL) {
            depth--;
            continue;
        }
        level->next = given->next;
        struct sr_conf_node *node =
            copy(arena, origin, given, level->target->kind == SR_CONF_NODE_MAP);
        if (node == NULL) {
            return false;
        }
        sr_conf_node_append(level->target, node);
        if (given->first != NULL) {
            levels[depth++] = (struct level){ given->first, node };
        }
    }
    return true;
}

struct sr_conf_node *
sr_conf_toml_read(struct sr_conf_arena *arena, const struct sr_conf_origin *origin,
    struct sr_span text, struct sr_conf_problems *problems)
{
    /* The shortest are items of an array with their commas; brackets may be open. */
    size_t most = text.len / 2 + SR_TOML_DEPTH_MAX + 2;
    struct sr_toml_room room = {
        .node_max = most < SR_CONF_NODES_MAX ? most : SR_CONF_NODES_MAX,
        .text_max = text.len + 1,
    };
    struct sr_toml_place place;
    struct sr_toml_node *from;

    room.nodes = sr_conf_arena_alloc(arena, room.node_max * sizeof(room.nodes[0]));
    room.text = sr_conf_arena_alloc(arena, room.text_max);
    struct sr_conf_node *root = sr_conf_node_new(arena, origin, 0, NULL);
    if (room.nodes == NULL || room.text == NULL || root == NULL) {
        return NULL;
    }
    enum sr_toml_err err = sr_toml_read(text, &room, &from, &place);
    if (err != SR_TOML_OK) {
        report(problems, origin, err, &place);
        return NULL;
    }
    root->kind = SR_CONF_NODE_MAP;
    return copy_all(arena, origin, from, root) ? root : NULL;
}
