/* SPDX-License-Identifier: Apache-2.0 */
#include "mib/builder.h"

#include <stdlib.h>
#include <string.h>

#include "decode/mib_format.h"
#include "mib/pool.h"

#include "sr/banned.h"

#define FIRST_CAP 1024
#define STRING_MAX 4096 /* longer texts are cut: no name and no hint is */
#define LABELS_MAX 65536

/* An identifier as it was added; what it refers to is in the pools already. */
struct entry {
    size_t arcs; /* where they begin among all arcs */
    size_t order;
    unsigned arc_count;
    uint32_t module;
    uint32_t name;
    uint32_t hint;
    uint32_t labels;
    enum mib_kind kind;
    enum mib_syntax syntax;
    enum mib_severity severity;
};

/* A node of the tree, in the order of the identifiers. */
struct node {
    const struct entry *entry; /* NULL: no module names it */
    uint32_t arc;
    uint32_t parent; /* the root's is itself */
    uint32_t first;  /* child, as a place in the table */
    uint32_t children;
    uint32_t placed; /* of the children */
};

struct mib_builder {
    struct entry *entries;
    size_t entry_count;
    size_t entry_cap;
    uint32_t *arcs; /* of all entries */
    size_t arc_count;
    size_t arc_cap;
    struct node *nodes;
    size_t node_count;
    size_t node_cap;
    struct mib_pool strings;
    struct mib_pool labels;
};

/* Makes room for `more` items of `size` bytes. Returns the array, moved or not; NULL without
 * memory. */
static void *
grow(void *array, size_t count, size_t more, size_t size, size_t *cap)
{
    size_t wanted = *cap > 0 ? *cap : FIRST_CAP;

    if (array != NULL && more <= *cap - count) {
        return array;
    }
    while (wanted - count < more) {
        wanted *= 2;
    }
    void *moved = realloc(array, wanted * size);
    if (moved != NULL) {
        *cap = wanted;
    }
    return moved;
}

static void
put_le32(uint8_t *at, uint32_t number)
{
    at[0] = (uint8_t)number;
    at[1] = (uint8_t)(number >> 8);
    at[2] = (uint8_t)(number >> 16);
    at[3] = (uint8_t)(number >> 24);
}

static bool
add_string(struct mib_builder *b, const char *text, uint32_t *ret_offset)
{
    uint8_t record[2 + STRING_MAX];
    size_t len = text != NULL ? strnlen(text, STRING_MAX) : 0;

    record[0] = (uint8_t)len;
    record[1] = (uint8_t)(len >> 8);
    if (len > 0) {
        memcpy(record + 2, text, len);
    }
    return mib_pool_add(&b->strings, record, 2 + len, ret_offset);
}

struct mib_builder *
mib_builder_new(void)
{
    struct mib_builder *b = calloc(1, sizeof(*b));
    uint32_t zero;

    /* The first record of both pools is "none". */
    if (b == NULL || !add_string(b, NULL, &zero) || !mib_pool_add(&b->labels, "\0\0\0", 4, &zero)) {
        mib_builder_free(b);
        return NULL;
    }
    return b;
}

void
mib_builder_free(struct mib_builder *b)
{
    if (b == NULL) {
        return;
    }
    free(b->entries);
    free(b->arcs);
    free(b->nodes);
    mib_pool_done(&b->strings);
    mib_pool_done(&b->labels);
    free(b);
}

struct pair {
    int32_t number;
    size_t order;
    const char *name;
};

static int
compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;

    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

/* Encodes sorted pairs, of equal numbers the first, and adds them as one record. */
static bool
add_pairs(struct mib_builder *b, const struct pair *pairs, size_t count, uint32_t *ret_offset)
{
    uint8_t *record = malloc(4 + count * MIB_LABEL_SIZE);
    uint32_t kept = 0;
    bool ok = record != NULL;

    for (size_t i = 0; ok && i < count; i++) {
        uint32_t name;
        if (i > 0 && pairs[i].number == pairs[i - 1].number) {
            continue;
        }
        ok = add_string(b, pairs[i].name, &name);
        if (ok) {
            uint8_t *at = record + 4 + (size_t)kept++ * MIB_LABEL_SIZE;
            put_le32(at, (uint32_t)pairs[i].number);
            put_le32(at + 4, name);
        }
    }
    if (ok) {
        put_le32(record, kept);
        ok = mib_pool_add(&b->labels, record, 4 + (size_t)kept * MIB_LABEL_SIZE, ret_offset);
    }
    free(record);
    return ok;
}

static bool
add_labels(struct mib_builder *b, const struct mib_entry *entry, uint32_t *ret_offset)
{
    if (entry->label_count == 0) {
        *ret_offset = 0;
        return true;
    }
    if (entry->label_count > LABELS_MAX) {
        return false;
    }
    struct pair *pairs = calloc(entry->label_count, sizeof(*pairs));
    if (pairs == NULL) {
        return false;
    }
    for (size_t i = 0; i < entry->label_count; i++) {
        pairs[i] = (struct pair){ entry->labels[i].number, i, entry->labels[i].name };
    }
    qsort(pairs, entry->label_count, sizeof(*pairs), compare_pairs);
    bool ok = add_pairs(b, pairs, entry->label_count, ret_offset);
    free(pairs);
    return ok;
}

static bool
make_room(struct mib_builder *b, unsigned arcs)
{
    struct entry *entries = grow(b->entries, b->entry_count, 1, sizeof(*entries), &b->entry_cap);
    if (entries == NULL) {
        return false;
    }
    b->entries = entries;
    uint32_t *all = grow(b->arcs, b->arc_count, arcs, sizeof(*all), &b->arc_cap);
    if (all == NULL) {
        return false;
    }
    b->arcs = all;
    return true;
}

bool
mib_builder_add(struct mib_builder *b, const struct mib_entry *entry)
{
    struct entry added = {
        .arcs = b->arc_count,
        .order = b->entry_count,
        .arc_count = entry->arc_count,
        .kind = entry->kind,
        .syntax = entry->syntax,
        .severity = entry->severity,
    };

    if (entry->arc_count == 0 || entry->arc_count > MIB_ARCS_MAX || entry->name == NULL ||
        *entry->name == '\0' || !make_room(b, entry->arc_count) ||
        !add_string(b, entry->module, &added.module) || !add_string(b, entry->name, &added.name) ||
        !add_string(b, entry->hint, &added.hint) || !add_labels(b, entry, &added.labels)) {
        return false;
    }
    memcpy(b->arcs + b->arc_count, entry->arcs, entry->arc_count * sizeof(*b->arcs));
    b->arc_count += entry->arc_count;
    b->entries[b->entry_count++] = added;
    return true;
}

/* An entry for qsort, which has no argument for the arcs. */
struct key {
    const uint32_t *arcs;
    const struct entry *entry;
};

static int
compare_keys(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    unsigned a_count = a->entry->arc_count;
    unsigned b_count = b->entry->arc_count;

    for (unsigned i = 0; i < a_count && i < b_count; i++) {
        if (a->arcs[i] != b->arcs[i]) {
            return a->arcs[i] < b->arcs[i] ? -1 : 1;
        }
    }
    if (a_count != b_count) {
        return a_count < b_count ? -1 : 1;
    }
    if (a->entry->kind != b->entry->kind) {
        return a->entry->kind > b->entry->kind ? -1 : 1;
    }
    return a->entry->order < b->entry->order ? -1 : 1;
}

static bool
add_node(struct mib_builder *b, const struct node *node)
{
    struct node *nodes = grow(b->nodes, b->node_count, 1, sizeof(*nodes), &b->node_cap);

    if (nodes == NULL || b->node_count >= UINT32_MAX / MIB_NODE_SIZE) {
        b->nodes = nodes != NULL ? nodes : b->nodes;
        return false;
    }
    b->nodes = nodes;
    b->nodes[b->node_count++] = *node;
    return true;
}

/* Makes the nodes of sorted keys. `path` is the last key's, from the root. */
static bool
add_nodes(struct mib_builder *b, const struct key *keys, size_t count)
{
    uint32_t path[MIB_ARCS_MAX + 1] = { 0 };
    unsigned path_depth = 0;

    if (!add_node(b, &(struct node){ .entry = NULL })) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = keys[i].entry;
        unsigned depth = 0;
        while (depth < path_depth && depth < entry->arc_count &&
               b->nodes[path[depth + 1]].arc == keys[i].arcs[depth]) {
            depth++;
        }
        if (depth == entry->arc_count && depth == path_depth) {
            continue; /* named already, by what sorts before it */
        }
        while (depth < entry->arc_count) {
            struct node node = { .arc = keys[i].arcs[depth], .parent = path[depth] };
            node.entry = ++depth == entry->arc_count ? entry : NULL;
            path[depth] = (uint32_t)b->node_count;
            if (!add_node(b, &node)) {
                return false;
            }
        }
        path_depth = depth;
    }
    return true;
}

static bool
make_nodes(struct mib_builder *b)
{
    struct key *keys = calloc(b->entry_count + 1, sizeof(*keys));

    if (keys == NULL) {
        return false;
    }
    for (size_t i = 0; i < b->entry_count; i++) {
        keys[i] = (struct key){ b->arcs + b->entries[i].arcs, &b->entries[i] };
    }
    qsort(keys, b->entry_count, sizeof(*keys), compare_keys);
    bool ok = add_nodes(b, keys, b->entry_count);
    free(keys);
    return ok;
}

/*
 * Gives each node its place in the table: a run of children behind all that stands under what comes
 * before them. So what one module names is in a few pages, which a lookup waits for.
 */
static void
place_nodes(struct mib_builder *b, uint32_t *places)
{
    uint32_t next = 1;

    for (size_t i = 1; i < b->node_count; i++) {
        b->nodes[b->nodes[i].parent].children++;
    }
    for (size_t i = 0; i < b->node_count; i++) {
        struct node *node = &b->nodes[i];
        if (i > 0) {
            struct node *parent = &b->nodes[node->parent];
            places[i] = parent->first + parent->placed++;
        }
        if (node->children > 0) {
            node->first = next;
            next += node->children;
        }
    }
}

static void
write_node(uint8_t *at, const struct node *node)
{
    static const struct entry unnamed = { .kind = MIB_NODE };
    const struct entry *entry = node->entry != NULL ? node->entry : &unnamed;

    put_le32(at + MIB_NODE_ARC, node->arc);
    put_le32(at + MIB_NODE_FIRST, node->first);
    put_le32(at + MIB_NODE_CHILDREN, node->children);
    put_le32(at + MIB_NODE_MODULE, entry->module);
    put_le32(at + MIB_NODE_NAME, entry->name);
    put_le32(at + MIB_NODE_HINT, entry->hint);
    put_le32(at + MIB_NODE_LABELS, entry->labels);
    at[MIB_NODE_KIND] = (uint8_t)entry->kind;
    at[MIB_NODE_SYNTAX] = (uint8_t)entry->syntax;
    at[MIB_NODE_SEVERITY] = (uint8_t)entry->severity;
    at[MIB_NODE_RESERVED] = 0;
}

static void
write_table(const struct mib_builder *b, const uint32_t *places, uint8_t *bytes)
{
    uint8_t *nodes = bytes + MIB_HEAD_SIZE;
    uint8_t *labels = nodes + b->node_count * MIB_NODE_SIZE;

    memcpy(bytes, MIB_MAGIC, MIB_MAGIC_SIZE);
    put_le32(bytes + MIB_HEAD_NODE_COUNT, (uint32_t)b->node_count);
    put_le32(bytes + MIB_HEAD_LABEL_BYTES, (uint32_t)b->labels.len);
    put_le32(bytes + MIB_HEAD_STRING_BYTES, (uint32_t)b->strings.len);
    put_le32(bytes + MIB_HEAD_RESERVED, 0);
    for (size_t i = 0; i < b->node_count; i++) {
        write_node(nodes + (size_t)places[i] * MIB_NODE_SIZE, &b->nodes[i]);
    }
    memcpy(labels, b->labels.bytes, b->labels.len);
    memcpy(labels + b->labels.len, b->strings.bytes, b->strings.len);
}

bool
mib_builder_finish(struct mib_builder *b, uint8_t **ret_bytes, size_t *ret_len)
{
    if (!make_nodes(b)) {
        return false;
    }
    size_t len = MIB_HEAD_SIZE + b->node_count * MIB_NODE_SIZE + b->labels.len + b->strings.len;
    uint32_t *places = calloc(b->node_count, sizeof(*places));
    uint8_t *bytes = malloc(len);
    if (places == NULL || bytes == NULL) {
        free(places);
        free(bytes);
        return false;
    }
    place_nodes(b, places);
    write_table(b, places, bytes);
    free(places);
    *ret_bytes = bytes;
    *ret_len = len;
    return true;
}
