/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/toml.h"

#include <stdbool.h>
#include <string.h>

#include "sr/json.h"
#include "toml_value.h"

#include "sr/banned.h"

/* ---- Errors ---- */

const char *
sr_toml_strerror(enum sr_toml_err err)
{
    switch (err) {
    case SR_TOML_OK: return "is fine";
    case SR_TOML_EUTF8: return "is not UTF-8 text; save the file as UTF-8";
    case SR_TOML_ECONTROL:
        return "a control character stands here; remove it, or write it as an escape in double "
               "quotes";
    case SR_TOML_EKEY:
        return "a key is expected here; write letters, digits, `_` and `-`, or put quotes around "
               "it";
    case SR_TOML_EEQUALS: return "a key needs ` = ` and a value behind it";
    case SR_TOML_EHEADER: return "the name of a table is not closed; write `]` behind it";
    case SR_TOML_EARRAYS:
        return "arrays of tables (`[[name]]`) are not read; write `[name]` for the only one";
    case SR_TOML_EVALUE: return "a value is missing; write one, or remove the key";
    case SR_TOML_ETEXT: return "a text needs quotes; write it as \"text\"";
    case SR_TOML_ENUMBER:
        return "this is no number; correct it, or put quotes around it if it is text";
    case SR_TOML_ERANGE: return "the number is too large; write one of at most 64 bits";
    case SR_TOML_EDATE: return "dates and times are not read; put quotes around it";
    case SR_TOML_EESCAPE:
        return "a backslash stands before a character that it cannot escape; write `\\\\`, or use "
               "single quotes";
    case SR_TOML_EQUOTE: return "the text that starts here does not end; close its quotes";
    case SR_TOML_ELIST: return "an array goes on with `,` or ends with `]`; add one of them";
    case SR_TOML_EINLINE:
        return "an inline table goes on with `,` or ends with `}` on its line; add one of them";
    case SR_TOML_EREST:
        return "something stands behind the end of the value; start a new line for the next key";
    case SR_TOML_ETWICE: return "is given twice; remove one";
    case SR_TOML_EDEPTH: return "tables and arrays stand too deep in each other; flatten them";
    case SR_TOML_EKEYS: return "a table has too many keys; remove some";
    case SR_TOML_EROOM: return "the file has too many values; shorten it";
    }
    return "cannot be read; correct this line";
}

/* ---- Nodes ---- */

static struct sr_toml_node *
new_node(struct toml_reader *r, size_t line)
{
    if (r->node_count == r->room->node_max) {
        (void)toml_fail(r, SR_TOML_EROOM);
        return NULL;
    }
    struct sr_toml_node *node = &r->room->nodes[r->node_count++];
    *node = (struct sr_toml_node){ .kind = SR_TOML_TABLE, .line = line };
    return node;
}

static void
append(struct sr_toml_node *to, struct sr_toml_node *node)
{
    if (to->last != NULL) {
        to->last->next = node;
    } else {
        to->first = node;
    }
    to->last = node;
    to->count++;
}

static struct sr_toml_node *
find(const struct sr_toml_node *table, struct sr_span name)
{
    for (struct sr_toml_node *child = table->first; child != NULL; child = child->next) {
        if (child->name.len == name.len &&
            (name.len == 0 || memcmp(child->name.data, name.data, name.len) == 0)) {
            return child;
        }
    }
    return NULL;
}

/* A new child of the table; NULL when there is no room. */
static struct sr_toml_node *
add(struct toml_reader *r, struct sr_toml_node *table, struct sr_span name, size_t line)
{
    if (table->count == SR_TOML_KEYS_MAX) {
        (void)toml_fail(r, SR_TOML_EKEYS);
        return NULL;
    }
    struct sr_toml_node *child = new_node(r, line);
    if (child != NULL) {
        child->name = name;
        append(table, child);
    }
    return child;
}

static struct sr_toml_node *
twice(struct toml_reader *r, const struct sr_toml_node *before)
{
    if (toml_fail(r, SR_TOML_ETWICE)) {
        r->place->name = before->name;
        r->place->first_line = before->line;
    }
    return NULL;
}

/* ---- Keys ---- */

static bool
is_bare(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* One part of a key, with white space around it. */
static bool
read_name(struct toml_reader *r, struct sr_span *ret_name)
{
    toml_skip_blanks(r);
    int c = toml_peek(r, 0);
    if (c == '"' || c == '\'') {
        if (toml_peek(r, 1) == c && toml_peek(r, 2) == c) {
            return !toml_fail(r, SR_TOML_EKEY); /* no text of several lines */
        }
        if (!toml_read_string(r, ret_name)) {
            return false;
        }
    } else {
        const uint8_t *start = r->pos;
        while (r->pos < r->end && is_bare(*r->pos)) {
            r->pos++;
        }
        if (r->pos == start) {
            return !toml_fail(r, SR_TOML_EKEY);
        }
        *ret_name = (struct sr_span){ start, (size_t)(r->pos - start) };
    }
    toml_skip_blanks(r);
    return true;
}

/* True, and behind it, when `c` is next. */
static bool
take(struct toml_reader *r, char c)
{
    if (toml_peek(r, 0) != c) {
        return false;
    }
    r->pos++;
    return true;
}

/* The table of that name on the way of a header or of a dotted key; made when it is not there. */
static struct sr_toml_node *
enter(struct toml_reader *r, struct sr_toml_node *table, struct sr_span name, bool by_header)
{
    struct sr_toml_node *child = find(table, name);

    if (child == NULL) {
        child = add(r, table, name, r->line);
        if (child != NULL) {
            child->made = by_header ? SR_TOML_ON_THE_WAY : SR_TOML_BY_DOTS;
        }
        return child;
    }
    bool open = child->kind == SR_TOML_TABLE &&
                (by_header ? child->made != SR_TOML_INLINE : child->made == SR_TOML_BY_DOTS);
    return open ? child : twice(r, child);
}

/* Follows a key up to its last part, whose table is returned and whose name is *ret_name. */
static struct sr_toml_node *
follow(struct toml_reader *r, struct sr_toml_node *table, bool by_header, struct sr_span *ret_name,
    size_t *depth)
{
    while (table != NULL && read_name(r, ret_name)) {
        if (++*depth > SR_TOML_DEPTH_MAX) {
            (void)toml_fail(r, SR_TOML_EDEPTH);
            return NULL;
        }
        if (!take(r, '.')) {
            return table;
        }
        table = enter(r, table, *ret_name, by_header);
    }
    return NULL;
}

/* ---- Values ---- */

static bool read_value(struct toml_reader *r, struct sr_toml_node *node, size_t depth);

/* `key = value` into the table, which stands at `depth`. */
static bool
read_pair(struct toml_reader *r, struct sr_toml_node *table, size_t depth)
{
    struct sr_span name = { NULL, 0 };

    table = follow(r, table, false, &name, &depth);
    if (table == NULL) {
        return false;
    }
    struct sr_toml_node *before = find(table, name);
    if (before != NULL) {
        return twice(r, before) != NULL;
    }
    if (!take(r, '=')) {
        return !toml_fail(r, SR_TOML_EEQUALS);
    }
    struct sr_toml_node *node = add(r, table, name, r->line);
    toml_skip_blanks(r);
    return node != NULL && read_value(r, node, depth);
}

/* White space, comments and ends of lines. */
static bool
skip_lines(struct toml_reader *r)
{
    do {
        toml_skip_blanks(r);
        if (!toml_skip_comment(r)) {
            return false;
        }
    } while (toml_skip_newline(r));
    return true;
}

static bool
read_array(struct toml_reader *r, struct sr_toml_node *array, size_t depth)
{
    array->kind = SR_TOML_ARRAY;
    for (;;) {
        if (!skip_lines(r)) {
            return false;
        }
        if (take(r, ']')) {
            return true;
        }
        struct sr_toml_node *item = new_node(r, r->line);
        if (item == NULL || !read_value(r, item, depth)) {
            return false;
        }
        append(array, item);
        if (!skip_lines(r)) {
            return false;
        }
        if (!take(r, ',') && toml_peek(r, 0) != ']') {
            return !toml_fail(r, SR_TOML_ELIST);
        }
    }
}

static bool
read_inline(struct toml_reader *r, struct sr_toml_node *table, size_t depth)
{
    bool more = false;

    table->made = SR_TOML_INLINE;
    for (;;) {
        toml_skip_blanks(r);
        if (!more && take(r, '}')) {
            return true;
        }
        if (!read_pair(r, table, depth)) {
            return false;
        }
        toml_skip_blanks(r);
        more = take(r, ',');
        if (!more && toml_peek(r, 0) != '}') {
            return !toml_fail(r, SR_TOML_EINLINE);
        }
    }
}

/* Reads the value of the node, which stands at `depth`. */
static bool
read_value(struct toml_reader *r, struct sr_toml_node *node, size_t depth)
{
    int c = toml_peek(r, 0);

    if (c != '[' && c != '{') {
        return toml_read_scalar(r, node);
    }
    if (depth >= SR_TOML_DEPTH_MAX) {
        return !toml_fail(r, SR_TOML_EDEPTH);
    }
    r->pos++;
    return c == '[' ? read_array(r, node, depth + 1) : read_inline(r, node, depth);
}

/* ---- Lines ---- */

/* `[name]`: what follows belongs to it. */
static bool
read_header(struct toml_reader *r, struct sr_toml_node *root)
{
    struct sr_span name = { NULL, 0 };

    r->pos++;
    if (toml_peek(r, 0) == '[') {
        return !toml_fail(r, SR_TOML_EARRAYS);
    }
    r->depth = 0;
    struct sr_toml_node *parent = follow(r, root, true, &name, &r->depth);
    if (parent == NULL) {
        return false;
    }
    if (!take(r, ']')) {
        return !toml_fail(r, SR_TOML_EHEADER);
    }
    struct sr_toml_node *table = find(parent, name);
    if (table != NULL && (table->kind != SR_TOML_TABLE || table->made != SR_TOML_ON_THE_WAY)) {
        return twice(r, table) != NULL;
    }
    r->table = table != NULL ? table : add(r, parent, name, r->line);
    if (r->table == NULL) {
        return false;
    }
    r->table->made = SR_TOML_BY_HEADER;
    r->table->line = r->line;
    return true;
}

static bool
read_line(struct toml_reader *r, struct sr_toml_node *root)
{
    toml_skip_blanks(r);
    int c = toml_peek(r, 0);
    bool empty = c == '#' || c == '\n' || c == '\r' || c < 0;
    if (!empty && !(c == '[' ? read_header(r, root) : read_pair(r, r->table, r->depth))) {
        return false;
    }
    toml_skip_blanks(r);
    if (!toml_skip_comment(r)) {
        return false;
    }
    if (r->pos < r->end && !toml_skip_newline(r)) {
        return !toml_fail(r, *r->pos < 0x20 ? SR_TOML_ECONTROL : SR_TOML_EREST);
    }
    return true;
}

/* Whether all lines are UTF-8: no sequence has an end of a line in it. */
static bool
check_utf8(struct toml_reader *r)
{
    const uint8_t *start = r->pos;

    while (r->pos < r->end) {
        size_t left = (size_t)(r->end - r->pos);
        const uint8_t *end = memchr(r->pos, '\n', left);
        size_t len = end != NULL ? (size_t)(end - r->pos) + 1 : left;
        if (!sr_utf8_valid((struct sr_span){ r->pos, len })) {
            return !toml_fail(r, SR_TOML_EUTF8);
        }
        r->pos += len;
        r->line += end != NULL ? 1 : 0;
        r->line_start = r->pos;
    }
    r->pos = r->line_start = start;
    r->line = 1;
    return true;
}

enum sr_toml_err
sr_toml_read(struct sr_span text, const struct sr_toml_room *room, struct sr_toml_node **ret_root,
    struct sr_toml_place *ret_place)
{
    static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };
    const uint8_t *data = text.len > 0 ? text.data : bom;
    bool has_bom = text.len >= sizeof(bom) && memcmp(data, bom, sizeof(bom)) == 0;
    struct toml_reader r = {
        .pos = data + (has_bom ? sizeof(bom) : 0),
        .end = data + text.len,
        .line = 1,
        .room = room,
        .text = sr_buf_over(room->text, room->text_max),
        .place = ret_place,
    };

    r.line_start = r.pos;
    struct sr_toml_node *root = new_node(&r, 1);
    r.table = root;
    bool ok = root != NULL && check_utf8(&r);
    while (ok && r.pos < r.end) {
        ok = read_line(&r, root);
    }
    if (ok) {
        *ret_root = root;
    }
    return r.err;
}
