/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/mib.h"

#include <string.h>

#include "decode/mib_format.h"

#include "sr/banned.h"

/* A run of sorted records that begin with the number they are found by. */
struct run {
    const uint8_t *first;
    uint32_t count;
    uint32_t size; /* of a record */
};

static const struct sr_span none = { (const uint8_t *)"", 0 };

enum { TRUNK_ARCS = 6, TRUNK_COMMON = 4, GUESSES = 3, FEW = 8 };

/* RFC 2578 section 2: enterprises, mib-2, snmpModules. */
static const uint32_t trunk_arcs[MIB_TRUNKS][TRUNK_ARCS] = { { 1, 3, 6, 1, 4, 1 },
    { 1, 3, 6, 1, 2, 1 }, { 1, 3, 6, 1, 6, 3 } };

static uint32_t
le16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t
le32(const uint8_t *at)
{
    return le16(at) | le16(at + 2) << 16;
}

/* ---- Parts ---- */

static const uint8_t *
nodes_of(const struct mib_table *table)
{
    return table->bytes.data + MIB_HEAD_SIZE;
}

static struct sr_span
infos_of(const struct mib_table *table)
{
    return (struct sr_span){ nodes_of(table) + (size_t)table->node_count * MIB_NODE_SIZE,
        table->info_bytes };
}

static struct sr_span
labels_of(const struct mib_table *table)
{
    const struct sr_span infos = infos_of(table);

    return (struct sr_span){ infos.data + infos.len, table->label_bytes };
}

/* The string at an offset; empty where there is no whole one. */
static struct sr_span
string_at(const struct mib_table *table, uint32_t offset)
{
    const struct sr_span labels = labels_of(table);
    const uint8_t *strings = labels.data + labels.len;
    size_t size = table->string_bytes;

    if (size < 2 || offset > size - 2) {
        return none;
    }
    uint32_t len = le16(strings + offset);
    return len <= size - 2 - offset ? (struct sr_span){ strings + offset + 2, len } : none;
}

/* ---- Searching ---- */

/*
 * The record whose number is `wanted`, NULL when there is none. `bias` turns two's complement into
 * the order of the records. Numbers mostly run without gaps, so the first look is where the record
 * is then.
 */
static const uint8_t *
search(const struct run *run, uint32_t wanted, uint32_t bias)
{
    uint32_t low = 0;
    uint32_t high = run->count;

    if (run->count == 0) {
        return NULL;
    }
    uint32_t middle = wanted - le32(run->first);
    if (middle >= run->count) {
        middle = run->count / 2;
    }
    while (low < high) {
        const uint8_t *record = run->first + (size_t)middle * run->size;
        uint32_t number = le32(record);
        if (number == wanted) {
            return record;
        }
        if ((number ^ bias) < (wanted ^ bias)) {
            low = middle + 1;
        } else {
            high = middle;
        }
        middle = low + (high - low) / 2;
    }
    return NULL;
}

/* Whether a run of records of a part that has `count` lies in it. */
static bool
is_within(uint32_t first, uint32_t more, uint32_t count)
{
    return first <= count && more <= count - first;
}

/*
 * The child of that arc; NULL when there is none. Numbers of enterprises are spread evenly, so some
 * guesses come before halving.
 */
static const uint8_t *
find_child(const struct mib_table *table, const uint8_t *node, uint32_t arc)
{
    uint32_t first = le32(node + MIB_NODE_FIRST);
    uint32_t low = 0, high = le32(node + MIB_NODE_CHILDREN);

    if (high == 0 || !is_within(first, high, table->node_count)) {
        return NULL;
    }
    const uint8_t *children = nodes_of(table) + (size_t)first * MIB_NODE_SIZE;
    for (unsigned guess = 0; low < high; guess++) {
        uint32_t from = le32(children + (size_t)low * MIB_NODE_SIZE);
        uint32_t to = le32(children + (size_t)(high - 1) * MIB_NODE_SIZE);
        if (arc < from || arc > to) {
            return NULL;
        }
        uint32_t steps = high - 1 - low;
        uint32_t middle = low + steps / 2;
        if (to - from == steps) {
            middle = low + (arc - from); /* no gaps */
        } else if (steps > FEW && guess < GUESSES && to > from) {
            middle = low + (uint32_t)((uint64_t)(arc - from) * steps / (to - from));
        }
        const uint8_t *child = children + (size_t)middle * MIB_NODE_SIZE;
        uint32_t found = le32(child);
        if (found == arc) {
            return child;
        }
        if (found < arc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* The info of a name; NULL where there is none, or no whole one. */
static const uint8_t *
info_at(const struct mib_table *table, uint64_t at)
{
    size_t size = table->info_bytes;

    if (at == 0 || size < MIB_INFO_NAME || at > size - MIB_INFO_NAME) {
        return NULL;
    }
    const uint8_t *info = infos_of(table).data + at;
    size_t len = info[MIB_INFO_NAME_LEN];
    return len > 0 && len <= size - MIB_INFO_NAME - at ? info : NULL;
}

/* The child of that arc that has no children of its own. */
static const uint8_t *
find_leaf(const struct mib_table *table, const uint8_t *node, uint32_t arc)
{
    uint32_t count = le32(node + MIB_NODE_LEAF_COUNT);

    if (count == 0) {
        return NULL;
    }
    uint32_t at = le32(node + MIB_NODE_LEAF_AT);
    uint32_t step = le32(node + MIB_NODE_LEAF_STEP);
    if (step != 0) {
        uint32_t i = arc - le32(node + MIB_NODE_LEAF_ARC);
        return i < count ? info_at(table, at + (uint64_t)i * step) : NULL;
    }
    const struct sr_span infos = infos_of(table);
    if (at > infos.len || count > (infos.len - at) / MIB_PAIR_SIZE) {
        return NULL;
    }
    const struct run pairs = { infos.data + at, count, MIB_PAIR_SIZE };
    const uint8_t *pair = search(&pairs, arc, 0);
    return pair != NULL ? info_at(table, le32(pair + 4)) : NULL;
}

static void
read_info(
    const struct mib_table *table, const uint8_t *info, unsigned depth, struct mib_node *ret_node)
{
    uint8_t kind = info[MIB_INFO_KIND];
    uint8_t syntax = info[MIB_INFO_SYNTAX];
    uint8_t severity = info[MIB_INFO_SEVERITY];

    *ret_node = (struct mib_node){
        .module = string_at(table, le32(info + MIB_INFO_MODULE)),
        .name = { info + MIB_INFO_NAME, info[MIB_INFO_NAME_LEN] },
        .hint = string_at(table, le32(info + MIB_INFO_HINT)),
        .kind = kind <= MIB_NOTIFICATION ? (enum mib_kind)kind : MIB_NODE,
        .syntax = syntax <= MIB_SYNTAX_OPAQUE ? (enum mib_syntax)syntax : MIB_SYNTAX_NONE,
        .severity =
            severity <= MIB_SEVERITY_CRITICAL ? (enum mib_severity)severity : MIB_SEVERITY_NONE,
        .labels = le32(info + MIB_INFO_LABELS),
        .depth = depth,
    };
}

/* ---- Tables ---- */

/* How far a lookup is. */
struct walk {
    const uint8_t *node;
    const uint8_t *info; /* of the deepest name so far */
    unsigned depth;      /* arcs that are done */
    unsigned info_depth;
};

/* One arc further; false when nothing can be below it. */
static bool
step(const struct mib_table *table, struct walk *walk, uint32_t arc)
{
    const uint8_t *child = find_child(table, walk->node, arc);
    const uint8_t *info;

    walk->depth++;
    if (child != NULL) {
        info = info_at(table, le32(child + MIB_NODE_INFO));
        walk->node = child;
    } else {
        info = find_leaf(table, walk->node, arc);
    }
    if (info != NULL) {
        walk->info = info;
        walk->info_depth = walk->depth;
    }
    return child != NULL;
}

static void
find_trunk(const struct mib_table *table, const uint32_t *arcs, struct mib_trunk *ret_trunk)
{
    struct walk walk = { .node = nodes_of(table) };

    *ret_trunk = (struct mib_trunk){ .node = 0 };
    while (walk.depth < TRUNK_ARCS) {
        if (!step(table, &walk, arcs[walk.depth])) {
            return;
        }
    }
    ret_trunk->node = (uint32_t)((size_t)(walk.node - nodes_of(table)) / MIB_NODE_SIZE);
    if (walk.info != NULL) {
        ret_trunk->info = (uint32_t)(walk.info - infos_of(table).data);
        ret_trunk->info_depth = walk.info_depth;
    }
}

bool
mib_table_open(struct sr_span bytes, struct mib_table *ret_table)
{
    struct mib_table table = { .bytes = bytes };

    if (bytes.len < MIB_HEAD_SIZE || memcmp(bytes.data, MIB_MAGIC, MIB_MAGIC_SIZE) != 0) {
        return false;
    }
    table.node_count = le32(bytes.data + MIB_HEAD_NODE_COUNT);
    table.info_bytes = le32(bytes.data + MIB_HEAD_INFO_BYTES);
    table.label_bytes = le32(bytes.data + MIB_HEAD_LABEL_BYTES);
    table.string_bytes = le32(bytes.data + MIB_HEAD_STRING_BYTES);
    uint64_t nodes = (uint64_t)table.node_count * MIB_NODE_SIZE;
    if (nodes == 0 ||
        MIB_HEAD_SIZE + nodes + table.info_bytes + table.label_bytes + table.string_bytes !=
            bytes.len) {
        return false;
    }
    for (size_t i = 0; i < MIB_TRUNKS; i++) {
        find_trunk(&table, trunk_arcs[i], &table.trunks[i]);
    }
    *ret_table = table;
    return true;
}

/* Where a lookup may begin: at the root, or at what was found when the table was opened. */
static struct walk
begin(const struct mib_table *table, const uint32_t *arcs, unsigned count)
{
    struct walk walk = { .node = nodes_of(table) };

    if (count < TRUNK_ARCS || memcmp(arcs, trunk_arcs[0], TRUNK_COMMON * sizeof(*arcs)) != 0) {
        return walk;
    }
    for (size_t i = 0; i < MIB_TRUNKS; i++) {
        const struct mib_trunk *trunk = &table->trunks[i];
        if (trunk->node != 0 && arcs[TRUNK_COMMON] == trunk_arcs[i][TRUNK_COMMON] &&
            arcs[TRUNK_COMMON + 1] == trunk_arcs[i][TRUNK_COMMON + 1]) {
            walk.node += (size_t)trunk->node * MIB_NODE_SIZE;
            walk.info = info_at(table, trunk->info);
            walk.info_depth = trunk->info_depth;
            walk.depth = TRUNK_ARCS;
            break;
        }
    }
    return walk;
}

bool
mib_find(
    const struct mib_table *table, const uint32_t *arcs, unsigned count, struct mib_node *ret_node)
{
    if (table->bytes.data == NULL) {
        return false; /* opened by nobody */
    }
    struct walk walk = begin(table, arcs, count);
    while (walk.depth < count && step(table, &walk, arcs[walk.depth])) {
    }
    if (walk.info == NULL) {
        return false;
    }
    read_info(table, walk.info, walk.info_depth, ret_node);
    return true;
}

struct sr_span
mib_label(const struct mib_table *table, uint32_t labels, int64_t number)
{
    const struct sr_span part = labels_of(table);

    if (labels == 0 || number < INT32_MIN || number > INT32_MAX || part.len < 4 ||
        labels > part.len - 4) {
        return none;
    }
    const uint8_t *set = part.data + labels;
    uint32_t count = le32(set);
    if (count > (part.len - 4 - labels) / MIB_LABEL_SIZE) {
        return none;
    }
    struct run run = { set + 4, count, MIB_LABEL_SIZE };
    const uint8_t *pair = search(&run, (uint32_t)number, UINT32_C(1) << 31);
    return pair != NULL ? string_at(table, le32(pair + 4)) : none;
}

/* ---- By name ---- */

struct wanted {
    struct sr_span module, name;
};

static bool
is_same(struct sr_span found, struct sr_span text)
{
    return text.len > 0 && found.len == text.len && memcmp(found.data, text.data, text.len) == 0;
}

static bool
is_wanted(const struct mib_table *table, const uint8_t *info, const struct wanted *wanted)
{
    const struct sr_span name = { info + MIB_INFO_NAME, info[MIB_INFO_NAME_LEN] };

    return is_same(name, wanted->name) &&
           is_same(string_at(table, le32(info + MIB_INFO_MODULE)), wanted->module);
}

/* The arc of the leaf of a node that is wanted. */
static bool
find_wanted_leaf(const struct mib_table *table, const uint8_t *node, const struct wanted *wanted,
    uint32_t *ret_arc)
{
    const struct sr_span infos = infos_of(table);
    uint32_t count = le32(node + MIB_NODE_LEAF_COUNT), step = le32(node + MIB_NODE_LEAF_STEP);
    uint64_t at = le32(node + MIB_NODE_LEAF_AT);
    uint64_t size = step != 0 ? step : MIB_PAIR_SIZE;

    for (uint32_t i = 0; i < count && at + size <= infos.len; i++, at += size) {
        const uint8_t *pair = infos.data + at;
        const uint8_t *info = info_at(table, step != 0 ? at : le32(pair + 4));
        if (info != NULL && is_wanted(table, info, wanted)) {
            *ret_arc = step != 0 ? le32(node + MIB_NODE_LEAF_ARC) + i : le32(pair);
            return true;
        }
    }
    return false;
}

/* The node of which `child` is one, by number; UINT32_MAX: there is none. */
static uint32_t
parent_of(const struct mib_table *table, uint32_t child)
{
    for (uint32_t i = 0; i < table->node_count; i++) {
        const uint8_t *record = nodes_of(table) + (size_t)i * MIB_NODE_SIZE;
        uint32_t first = le32(record + MIB_NODE_FIRST);
        if (child >= first && child - first < le32(record + MIB_NODE_CHILDREN)) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* The arcs from the root to a node. False when they are too many, or the nodes are no tree. */
static bool
climb(const struct mib_table *table, uint32_t node, uint32_t *arcs, unsigned *ret_count)
{
    uint32_t upwards[MIB_ARCS_MAX];
    unsigned count = 0;

    for (; node != 0 && count < MIB_ARCS_MAX; node = parent_of(table, node)) {
        if (node == UINT32_MAX) {
            return false;
        }
        upwards[count++] = le32(nodes_of(table) + (size_t)node * MIB_NODE_SIZE + MIB_NODE_ARC);
    }
    if (node != 0) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        arcs[i] = upwards[count - 1 - i];
    }
    *ret_count = count;
    return true;
}

bool
mib_find_name(const struct mib_table *table, struct sr_span module, struct sr_span name,
    uint32_t *arcs, unsigned *ret_count)
{
    const struct wanted wanted = { module, name };

    for (uint32_t i = 0; i < table->node_count; i++) {
        const uint8_t *node = nodes_of(table) + (size_t)i * MIB_NODE_SIZE;
        const uint8_t *info = info_at(table, le32(node + MIB_NODE_INFO));
        uint32_t arc;
        if (info != NULL && is_wanted(table, info, &wanted)) {
            return climb(table, i, arcs, ret_count);
        }
        if (find_wanted_leaf(table, node, &wanted, &arc)) {
            if (!climb(table, i, arcs, ret_count) || *ret_count == MIB_ARCS_MAX) {
                return false;
            }
            arcs[(*ret_count)++] = arc;
            return true;
        }
    }
    return false;
}
