/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/mib.h"

#include <string.h>

#include "decode/mib_format.h"

#include "sr/banned.h"

/* The parts of a table. Their sizes are checked once, offsets into them at each use. */
struct parts {
    const uint8_t *nodes;
    uint32_t node_count;
    struct sr_span labels;
    struct sr_span strings;
};

/* A run of sorted records that begin with the number they are found by. */
struct run {
    const uint8_t *first;
    uint32_t count;
    uint32_t size; /* of a record */
};

static const struct sr_span none = { (const uint8_t *)"", 0 };

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

static bool
find_parts(struct sr_span bytes, struct parts *ret_parts)
{
    if (bytes.len < MIB_HEAD_SIZE || memcmp(bytes.data, MIB_MAGIC, MIB_MAGIC_SIZE) != 0) {
        return false;
    }
    uint64_t nodes = (uint64_t)le32(bytes.data + MIB_HEAD_NODE_COUNT) * MIB_NODE_SIZE;
    uint64_t labels = le32(bytes.data + MIB_HEAD_LABEL_BYTES);
    uint64_t strings = le32(bytes.data + MIB_HEAD_STRING_BYTES);
    if (nodes == 0 || MIB_HEAD_SIZE + nodes + labels + strings != bytes.len) {
        return false;
    }
    const uint8_t *at = bytes.data + MIB_HEAD_SIZE;
    *ret_parts = (struct parts){
        .nodes = at,
        .node_count = le32(bytes.data + MIB_HEAD_NODE_COUNT),
        .labels = { at + nodes, (size_t)labels },
        .strings = { at + nodes + labels, (size_t)strings },
    };
    return true;
}

bool
mib_table_open(struct sr_span bytes, struct mib_table *ret_table)
{
    struct parts parts;

    if (!find_parts(bytes, &parts)) {
        return false;
    }
    ret_table->bytes = bytes;
    return true;
}

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

/* The string at an offset; empty where there is no whole one. */
static struct sr_span
string_at(const struct parts *parts, uint32_t offset)
{
    size_t size = parts->strings.len;

    if (size < 2 || offset > size - 2) {
        return none;
    }
    const uint8_t *at = parts->strings.data + offset;
    uint32_t len = le16(at);
    return len <= size - 2 - offset ? (struct sr_span){ at + 2, len } : none;
}

static void
read_node(
    const struct parts *parts, const uint8_t *record, unsigned depth, struct mib_node *ret_node)
{
    uint8_t kind = record[MIB_NODE_KIND];
    uint8_t syntax = record[MIB_NODE_SYNTAX];
    uint8_t severity = record[MIB_NODE_SEVERITY];

    *ret_node = (struct mib_node){
        .module = string_at(parts, le32(record + MIB_NODE_MODULE)),
        .name = string_at(parts, le32(record + MIB_NODE_NAME)),
        .hint = string_at(parts, le32(record + MIB_NODE_HINT)),
        .kind = kind <= MIB_NOTIFICATION ? (enum mib_kind)kind : MIB_NODE,
        .syntax = syntax <= MIB_SYNTAX_OPAQUE ? (enum mib_syntax)syntax : MIB_SYNTAX_NONE,
        .severity =
            severity <= MIB_SEVERITY_CRITICAL ? (enum mib_severity)severity : MIB_SEVERITY_NONE,
        .labels = le32(record + MIB_NODE_LABELS),
        .depth = depth,
    };
}

bool
mib_find(
    const struct mib_table *table, const uint32_t *arcs, unsigned count, struct mib_node *ret_node)
{
    const uint8_t *best = NULL;
    unsigned best_depth = 0;
    struct parts parts;

    if (!find_parts(table->bytes, &parts)) {
        return false;
    }
    const uint8_t *record = parts.nodes;
    for (unsigned depth = 1; depth <= count; depth++) {
        uint32_t first = le32(record + MIB_NODE_FIRST);
        uint32_t children = le32(record + MIB_NODE_CHILDREN);
        if (first > parts.node_count || children > parts.node_count - first) {
            break;
        }
        struct run run = { parts.nodes + (size_t)first * MIB_NODE_SIZE, children, MIB_NODE_SIZE };
        record = search(&run, arcs[depth - 1], 0);
        if (record == NULL) {
            break;
        }
        if (le32(record + MIB_NODE_NAME) != 0) {
            best = record;
            best_depth = depth;
        }
    }
    if (best == NULL) {
        return false;
    }
    read_node(&parts, best, best_depth, ret_node);
    return true;
}

struct sr_span
mib_label(const struct mib_table *table, uint32_t labels, int64_t number)
{
    struct parts parts;

    if (labels == 0 || number < INT32_MIN || number > INT32_MAX ||
        !find_parts(table->bytes, &parts)) {
        return none;
    }
    size_t size = parts.labels.len;
    if (size < 4 || labels > size - 4) {
        return none;
    }
    const uint8_t *set = parts.labels.data + labels;
    uint32_t count = le32(set);
    if (count > (size - 4 - labels) / MIB_LABEL_SIZE) {
        return none;
    }
    struct run run = { set + 4, count, MIB_LABEL_SIZE };
    const uint8_t *pair = search(&run, (uint32_t)number, UINT32_C(1) << 31);
    return pair != NULL ? string_at(&parts, le32(pair + 4)) : none;
}

/* ---- By name ---- */

static bool
is_text(const struct parts *parts, uint32_t offset, struct sr_span text)
{
    struct sr_span found = string_at(parts, offset);

    return text.len > 0 && found.len == text.len && memcmp(found.data, text.data, text.len) == 0;
}

/* The node of which `child` is one, by number; UINT32_MAX: there is none. */
static uint32_t
parent_of(const struct parts *parts, uint32_t child)
{
    for (uint32_t i = 0; i < parts->node_count; i++) {
        const uint8_t *record = parts->nodes + (size_t)i * MIB_NODE_SIZE;
        uint32_t first = le32(record + MIB_NODE_FIRST);
        if (child >= first && child - first < le32(record + MIB_NODE_CHILDREN)) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* The arcs from the root to a node. False when they are too many, or the nodes are no tree. */
static bool
climb(const struct parts *parts, uint32_t node, uint32_t *arcs, unsigned *ret_count)
{
    uint32_t upwards[MIB_ARCS_MAX];
    unsigned count = 0;

    for (; node != 0 && count < MIB_ARCS_MAX; node = parent_of(parts, node)) {
        if (node == UINT32_MAX) {
            return false;
        }
        upwards[count++] = le32(parts->nodes + (size_t)node * MIB_NODE_SIZE + MIB_NODE_ARC);
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
    struct parts parts;

    if (!find_parts(table->bytes, &parts)) {
        return false;
    }
    for (uint32_t i = 0; i < parts.node_count; i++) {
        const uint8_t *record = parts.nodes + (size_t)i * MIB_NODE_SIZE;
        if (is_text(&parts, le32(record + MIB_NODE_NAME), name) &&
            is_text(&parts, le32(record + MIB_NODE_MODULE), module)) {
            return climb(&parts, i, arcs, ret_count);
        }
    }
    return false;
}
