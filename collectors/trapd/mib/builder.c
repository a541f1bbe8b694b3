/* SPDX-License-Identifier: Apache-2.0 */
#include "mib/builder.h"

#include <stdlib.h>
#include <string.h>

#include "decode/mib_format.h"
#include "mib/pool.h"

#include "sr/banned.h"

#define FIRST_CAP 1024
#define STRING_MAX 4096   /* longer texts are cut: no name and no hint is */
#define STEP_NAME_MAX 48U /* a longer name would take room from all of its leaves */
#define LABELS_MAX 65536

/* An identifier as it was added; what it refers to is in the pools already. */
struct entry {
    size_t arcs; /* where they begin among all arcs */
    size_t order;
    unsigned arc_count;
    uint32_t module;
    size_t name; /* where it begins among all names */
    uint8_t name_len;
    uint32_t hint;
    uint32_t labels;
    enum mib_kind kind;
    enum mib_syntax syntax;
    enum mib_severity severity;
};

#define NONE UINT32_MAX

/* A node of the tree, in the order of the identifiers. */
struct node {
    const struct entry *entry; /* NULL: no module names it */
    uint32_t arc;
    uint32_t parent; /* the root's is itself */
    bool has_children;
    uint32_t first; /* child with children, as a place in the table */
    uint32_t children;
    uint32_t placed;                /* of the children */
    uint32_t first_leaf, last_leaf; /* children without: nodes, NONE for none */
    uint32_t next_leaf;             /* of the same parent */
    uint32_t info;                  /* where its info is */
    uint32_t leaf_at, leaf_count, leaf_arc, leaf_step;
};

/* Bytes that grow. */
struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
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
    struct bytes names;
    struct bytes infos;
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

/* So many bytes more, which are zero. False without memory, or where offsets do not reach. */
static bool
extend(struct bytes *b, size_t len)
{
    if (len > UINT32_MAX - b->len) {
        return false;
    }
    uint8_t *data = grow(b->data, b->len, len, 1, &b->cap);
    if (data == NULL) {
        return false;
    }
    b->data = data;
    memset(data + b->len, 0, len);
    b->len += len;
    return true;
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
    free(b->names.data);
    free(b->infos.data);
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
        .name = b->names.len,
        .name_len = entry->name != NULL ? (uint8_t)strnlen(entry->name, MIB_INFO_NAME_MAX) : 0,
        .arcs = b->arc_count,
        .order = b->entry_count,
        .arc_count = entry->arc_count,
        .kind = entry->kind,
        .syntax = entry->syntax,
        .severity = entry->severity,
    };

    if (entry->arc_count == 0 || entry->arc_count > MIB_ARCS_MAX || entry->name == NULL ||
        *entry->name == '\0' || !make_room(b, entry->arc_count) ||
        !add_string(b, entry->module, &added.module) || !add_string(b, entry->hint, &added.hint) ||
        !add_labels(b, entry, &added.labels) || !extend(&b->names, added.name_len)) {
        return false;
    }
    memcpy(b->names.data + added.name, entry->name, added.name_len);
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

    if (!add_node(b, &(struct node){ .first_leaf = NONE, .last_leaf = NONE })) {
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
            struct node node = { .arc = keys[i].arcs[depth],
                .parent = path[depth],
                .first_leaf = NONE,
                .last_leaf = NONE,
                .next_leaf = NONE };
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

/* ---- Laying it out ---- */

/* Tells children with children from those without, which are leaves of their parent. */
static void
sort_out(struct mib_builder *b)
{
    for (size_t i = 1; i < b->node_count; i++) {
        b->nodes[b->nodes[i].parent].has_children = true;
    }
    b->nodes[0].has_children = true; /* the root is a node in any case */
    for (size_t i = 1; i < b->node_count; i++) {
        struct node *parent = &b->nodes[b->nodes[i].parent];
        if (b->nodes[i].has_children) {
            parent->children++;
        } else if (parent->last_leaf == NONE) {
            parent->first_leaf = parent->last_leaf = (uint32_t)i;
        } else {
            b->nodes[parent->last_leaf].next_leaf = (uint32_t)i;
            parent->last_leaf = (uint32_t)i;
        }
    }
}

/*
 * Gives each node its place in the table: a run of children behind all that stands under what comes
 * before them. So what one module names is in a few pages. Returns how many there are.
 */
static uint32_t
place_nodes(struct mib_builder *b, uint32_t *places)
{
    uint32_t next = 1;

    for (size_t i = 0; i < b->node_count; i++) {
        struct node *node = &b->nodes[i];
        if (!node->has_children) {
            continue;
        }
        if (i > 0) {
            struct node *parent = &b->nodes[node->parent];
            places[i] = parent->first + parent->placed++;
        }
        if (node->children > 0) {
            node->first = next;
            next += node->children;
        }
    }
    return next;
}

static size_t
aligned(size_t at)
{
    return (at + MIB_INFO_ALIGN - 1) / MIB_INFO_ALIGN * MIB_INFO_ALIGN;
}

/* Room for `len` bytes at the next place where an info may begin. */
static bool
claim_infos(struct mib_builder *b, size_t len, uint32_t *ret_at)
{
    size_t at = aligned(b->infos.len);

    if (!extend(&b->infos, at - b->infos.len + len)) {
        return false;
    }
    *ret_at = (uint32_t)at;
    return true;
}

static void
write_info(struct mib_builder *b, uint32_t at, const struct entry *entry)
{
    uint8_t *info = b->infos.data + at;

    put_le32(info + MIB_INFO_MODULE, entry->module);
    put_le32(info + MIB_INFO_HINT, entry->hint);
    put_le32(info + MIB_INFO_LABELS, entry->labels);
    info[MIB_INFO_KIND] = (uint8_t)entry->kind;
    info[MIB_INFO_SYNTAX] = (uint8_t)entry->syntax;
    info[MIB_INFO_SEVERITY] = (uint8_t)entry->severity;
    info[MIB_INFO_NAME_LEN] = entry->name_len;
    memcpy(info + MIB_INFO_NAME, b->names.data + entry->name, entry->name_len);
}

static bool
add_info(struct mib_builder *b, const struct entry *entry, uint32_t *ret_at)
{
    if (!claim_infos(b, MIB_INFO_NAME + (size_t)entry->name_len, ret_at)) {
        return false;
    }
    write_info(b, *ret_at, entry);
    return true;
}

/* Leaves whose arcs have few gaps: one step for each arc. */
static bool
add_steps(struct mib_builder *b, struct node *parent, uint32_t range, size_t longest)
{
    parent->leaf_arc = b->nodes[parent->first_leaf].arc;
    parent->leaf_count = range;
    parent->leaf_step = (uint32_t)aligned(MIB_INFO_NAME + longest);
    if (!claim_infos(b, (size_t)range * parent->leaf_step, &parent->leaf_at)) {
        return false;
    }
    for (uint32_t i = parent->first_leaf; i != NONE; i = b->nodes[i].next_leaf) {
        const struct node *leaf = &b->nodes[i];
        uint32_t step = leaf->arc - parent->leaf_arc;
        write_info(b, parent->leaf_at + step * parent->leaf_step, leaf->entry);
    }
    return true;
}

/* Others: a list of their arcs, and each by itself. */
static bool
add_pairs_of_leaves(struct mib_builder *b, struct node *parent, uint32_t count)
{
    uint32_t at;

    parent->leaf_count = count;
    if (!claim_infos(b, (size_t)count * MIB_PAIR_SIZE, &parent->leaf_at)) {
        return false;
    }
    uint32_t pair = parent->leaf_at;
    for (uint32_t i = parent->first_leaf; i != NONE; i = b->nodes[i].next_leaf) {
        if (!add_info(b, b->nodes[i].entry, &at)) {
            return false;
        }
        put_le32(b->infos.data + pair, b->nodes[i].arc);
        put_le32(b->infos.data + pair + 4, at);
        pair += MIB_PAIR_SIZE;
    }
    return true;
}

static bool
add_leaves(struct mib_builder *b, struct node *parent)
{
    size_t longest = 0;
    uint32_t count = 0;

    for (uint32_t i = parent->first_leaf; i != NONE; i = b->nodes[i].next_leaf) {
        size_t len = b->nodes[i].entry->name_len;
        longest = len > longest ? len : longest;
        count++;
    }
    if (count == 0) {
        return true;
    }
    uint32_t less = b->nodes[parent->last_leaf].arc - b->nodes[parent->first_leaf].arc;
    if (longest <= STEP_NAME_MAX && less / 2 < count) {
        return add_steps(b, parent, less + 1, longest);
    }
    return add_pairs_of_leaves(b, parent, count);
}

/* The info of each node, and behind it those of its leaves. */
static bool
add_infos(struct mib_builder *b)
{
    if (!extend(&b->infos, MIB_INFO_ALIGN)) { /* 0 is "none" */
        return false;
    }
    for (size_t i = 0; i < b->node_count; i++) {
        struct node *node = &b->nodes[i];
        if (node->has_children &&
            ((node->entry != NULL && !add_info(b, node->entry, &node->info)) ||
                !add_leaves(b, node))) {
            return false;
        }
    }
    /* So that what comes behind them begins in a line of its own. */
    return extend(&b->infos, aligned(b->infos.len) - b->infos.len);
}

static void
write_node(uint8_t *at, const struct node *node)
{
    put_le32(at + MIB_NODE_ARC, node->arc);
    put_le32(at + MIB_NODE_INFO, node->info);
    put_le32(at + MIB_NODE_FIRST, node->first);
    put_le32(at + MIB_NODE_CHILDREN, node->children);
    put_le32(at + MIB_NODE_LEAF_AT, node->leaf_at);
    put_le32(at + MIB_NODE_LEAF_COUNT, node->leaf_count);
    put_le32(at + MIB_NODE_LEAF_ARC, node->leaf_arc);
    put_le32(at + MIB_NODE_LEAF_STEP, node->leaf_step);
}

static void
write_table(
    const struct mib_builder *b, const uint32_t *places, uint32_t node_count, uint8_t *bytes)
{
    uint8_t *nodes = bytes + MIB_HEAD_SIZE;
    uint8_t *infos = nodes + (size_t)node_count * MIB_NODE_SIZE;
    uint8_t *labels = infos + b->infos.len;

    memset(bytes, 0, MIB_HEAD_SIZE);
    memcpy(bytes, MIB_MAGIC, MIB_MAGIC_SIZE);
    put_le32(bytes + MIB_HEAD_NODE_COUNT, node_count);
    put_le32(bytes + MIB_HEAD_INFO_BYTES, (uint32_t)b->infos.len);
    put_le32(bytes + MIB_HEAD_LABEL_BYTES, (uint32_t)b->labels.len);
    put_le32(bytes + MIB_HEAD_STRING_BYTES, (uint32_t)b->strings.len);
    for (size_t i = 0; i < b->node_count; i++) {
        if (b->nodes[i].has_children) {
            write_node(nodes + (size_t)places[i] * MIB_NODE_SIZE, &b->nodes[i]);
        }
    }
    memcpy(infos, b->infos.data, b->infos.len);
    memcpy(labels, b->labels.bytes, b->labels.len);
    memcpy(labels + b->labels.len, b->strings.bytes, b->strings.len);
}

bool
mib_builder_finish(struct mib_builder *b, uint8_t **ret_bytes, size_t *ret_len)
{
    if (!make_nodes(b)) {
        return false;
    }
    sort_out(b);
    uint32_t *places = calloc(b->node_count, sizeof(*places));
    if (places == NULL || !add_infos(b)) {
        free(places);
        return false;
    }
    uint32_t nodes = place_nodes(b, places);
    size_t len = MIB_HEAD_SIZE + (size_t)nodes * MIB_NODE_SIZE + b->infos.len + b->labels.len +
                 b->strings.len;
    uint8_t *bytes = malloc(len);
    if (bytes != NULL) {
        write_table(b, places, nodes, bytes);
        *ret_bytes = bytes;
        *ret_len = len;
    }
    free(places);
    return bytes != NULL;
}
