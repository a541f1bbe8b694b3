/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "sr/json.h"
#include "sr/toml.h"

#include "sr/banned.h"

#define NODES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_scalar(const struct sr_toml_node *node)
{
    return node->kind != SR_TOML_TABLE && node->kind != SR_TOML_ARRAY;
}

/* Every node is in the room, names are UTF-8 and stand once, and nothing is too deep. */
static void
check(const struct sr_toml_node *node, size_t depth, size_t lines)
{
    size_t count = 0;

    require(depth <= SR_TOML_DEPTH_MAX + 1 && node->line >= 1 && node->line <= lines);
    require(sr_utf8_valid(node->text) &&
            memchr(node->text.data != NULL ? node->text.data : (const uint8_t *)"x", 0,
                node->text.len) == NULL);
    require(!is_scalar(node) || node->first == NULL);
    for (const struct sr_toml_node *child = node->first; child != NULL; child = child->next) {
        check(child, depth + 1, lines);
        require((node->kind == SR_TOML_TABLE) == (child->name.data != NULL));
        for (const struct sr_toml_node *other = child->next;
             other != NULL && node->kind == SR_TOML_TABLE; other = other->next) {
            require(other->name.len != child->name.len ||
                    memcmp(other->name.data, child->name.data, child->name.len) != 0);
        }
        count++;
    }
    require(count == node->count && (node->kind == SR_TOML_ARRAY || count <= SR_TOML_KEYS_MAX));
}

/* What is read is a tree within its bounds, and what is refused has a line. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sr_toml_node nodes[NODES];
    uint8_t *text = malloc(size + 1);
    struct sr_toml_room room = { nodes, NODES, text, size + 1 };
    struct sr_toml_node *root = NULL;
    struct sr_toml_place place = { .line = 0 };
    size_t lines = 1;

    require(text != NULL);
    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n' ? 1 : 0;
    }
    enum sr_toml_err err = sr_toml_read((struct sr_span){ data, size }, &room, &root, &place);
    if (err == SR_TOML_OK) {
        check(root, 0, lines);
    } else {
        require(err != SR_TOML_EROOM || size > NODES / 2);
        require(place.line >= 1 && place.line <= lines && place.column >= 1);
        require(err != SR_TOML_ETWICE || place.first_line <= place.line);
    }
    free(text);
    return 0;
}
