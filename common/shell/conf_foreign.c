/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf_foreign.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shell/conf_tree.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

#define LEFT_OUT_MAX 1024
#define NATIVE_PATH_MAX 256

struct sr_conf_foreign_run {
    struct sr_conf_arena *arena;
    const struct sr_conf_origin *file;
    struct sr_conf_problems *problems;
    char left_out[LEFT_OUT_MAX]; /* names of what is not served, with commas between */
    size_t left_out_len;
    bool left_out_cut;
};

/* ---- Names ---- */

const char *
sr_conf_foreign_format(const struct sr_conf_foreign *section, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (len < 0) {
        return "";
    }
    size_t size = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    const char *copy = sr_conf_arena_copy(section->run->arena, text, size);
    return copy != NULL ? copy : "";
}

/* The user's path of `value` in the section. */
static const char *
written_path(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    if (value == NULL || value->name == NULL) {
        return section->written;
    }
    if (section->written[0] == '\0') {
        return value->name;
    }
    return sr_conf_foreign_format(section, "%s.%s", section->written, value->name);
}

static size_t
line_of(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    return value != NULL ? value->line : section->given->line;
}

/* ---- What the user hears ---- */

void
sr_conf_foreign_problem(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value, const char *fmt, ...)
{
    const char *path = written_path(section, value);
    char what[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    sr_conf_problem_at(section->run->problems, section->run->file, line_of(section, value),
        "%.256s%s%s", path, path[0] != '\0' ? ": " : "", what);
}

void
sr_conf_foreign_note(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value, const char *fmt, ...)
{
    const char *path = written_path(section, value);
    char what[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    sr_conf_note_at(section->run->problems, section->run->file, line_of(section, value),
        "%.256s%s%s", path, path[0] != '\0' ? ": " : "", what);
}

void
sr_conf_foreign_leave_out(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign_run *run = section->run;
    const char *path = written_path(section, value);
    size_t room = sizeof(run->left_out) - run->left_out_len;
    size_t needed = strlen(path) + 2;

    if (needed >= room) {
        run->left_out_cut = true;
        return;
    }
    (void)snprintf(
        run->left_out + run->left_out_len, room, "%s%s", run->left_out_len > 0 ? ", " : "", path);
    run->left_out_len += strlen(run->left_out + run->left_out_len);
}

/* ---- Writing the native tree ---- */

/* The child of that name, made when it is not there; NULL without memory. */
static struct sr_conf_node *
child_of(const struct sr_conf_foreign *section, struct sr_conf_node *map, const char *name,
    const struct sr_conf_node *from)
{
    struct sr_conf_node *child = sr_conf_node_child(map, name);

    if (child == NULL) {
        child =
            sr_conf_node_new(section->run->arena, section->run->file, line_of(section, from), name);
        if (child != NULL) {
            sr_conf_node_append(map, child);
        }
    }
    return child;
}

/*
 * The native node at the path, its row in *ret_key: sections on the way are made. NULL without
 * memory. A path that the program's own table does not have is a mistake of the program.
 */
static struct sr_conf_node *
native_node(const struct sr_conf_foreign *section, const char *to, const struct sr_conf_node *from,
    const struct sr_conf_key **ret_key)
{
    const struct sr_conf_key *keys = section->keys;
    struct sr_conf_node *node = section->target;
    char part[SR_CONF_WORD_MAX + 1];

    *ret_key = NULL;
    for (const char *rest = to; rest != NULL;) {
        const struct sr_conf_key *key = NULL;

        if (keys != NULL && sr_conf_path_next(&rest, part, sizeof(part))) {
            key = sr_conf_key_find(keys, part);
        }
        if (key == NULL) {
            sr_conf_problem_at(section->run->problems, section->run->file, line_of(section, from),
                "there is no native key `%s`; report this as a defect of the program", to);
            return NULL;
        }
        node->kind = SR_CONF_NODE_MAP;
        node = child_of(section, node, key->name, from);
        if (node == NULL) {
            return NULL;
        }
        keys = key->type == SR_CONF_SECTION ? key->keys : NULL;
        *ret_key = key;
    }
    return node;
}

static void
put_text(const struct sr_conf_foreign *section, const char *to, const struct sr_conf_node *from,
    const char *text, const char *written)
{
    const struct sr_conf_key *key;
    struct sr_conf_node *node = native_node(section, to, from, &key);
    const char *copy = sr_conf_arena_copy(section->run->arena, text, strlen(text));

    if (node == NULL || copy == NULL) {
        return;
    }
    node->kind = SR_CONF_NODE_SCALAR;
    node->text = copy;
    node->len = strlen(copy);
    node->line = line_of(section, from);
    node->written = written;
}

void
sr_conf_foreign_put(const struct sr_conf_foreign *section, const char *to,
    const struct sr_conf_node *value, const char *text)
{
    put_text(section, to, value, text, written_path(section, value));
}

void
sr_conf_foreign_set(const struct sr_conf_foreign *section, const char *to, const char *text)
{
    put_text(section, to, NULL, text, NULL);
}

void
sr_conf_foreign_add_item(struct sr_conf_foreign *section, const char *to)
{
    const struct sr_conf_key *key;
    struct sr_conf_node *list = native_node(section, to, NULL, &key);
    struct sr_conf_node *item =
        sr_conf_node_new(section->run->arena, section->run->file, section->given->line, NULL);

    if (list == NULL || key == NULL || item == NULL) {
        return;
    }
    list->kind = SR_CONF_NODE_LIST;
    item->kind = SR_CONF_NODE_MAP;
    item->written = section->written;
    sr_conf_node_append(list, item);
    section->target = item;
    section->keys = key->keys;
}

void
sr_conf_foreign_add_text(const struct sr_conf_foreign *section, const char *to,
    const struct sr_conf_node *value, const char *text)
{
    const struct sr_conf_key *key;
    struct sr_conf_node *list = native_node(section, to, value, &key);
    struct sr_conf_node *item =
        sr_conf_node_new(section->run->arena, section->run->file, line_of(section, value), NULL);
    const char *copy = sr_conf_arena_copy(section->run->arena, text, strlen(text));

    if (list == NULL || item == NULL || copy == NULL) {
        return;
    }
    list->kind = SR_CONF_NODE_LIST;
    list->line = section->given->line;
    list->written = section->written;
    item->kind = SR_CONF_NODE_SCALAR;
    item->text = copy;
    item->len = strlen(copy);
    item->written = written_path(section, value);
    sr_conf_node_append(list, item);
}

/* ---- Reading the user's ---- */

const struct sr_conf_node *
sr_conf_foreign_find(const struct sr_conf_foreign *section, const char *name)
{
    const struct sr_conf_node *value = sr_conf_node_child(section->given, name);

    return value != NULL && value->kind != SR_CONF_NODE_EMPTY ? value : NULL;
}

bool
sr_conf_foreign_below(const struct sr_conf_foreign *section, const struct sr_conf_node *value,
    struct sr_conf_foreign *ret_below)
{
    if (value->kind != SR_CONF_NODE_MAP) {
        if (value->kind != SR_CONF_NODE_BAD) {
            sr_conf_foreign_problem(section, value, "must be a section with keys of its own");
        }
        return false;
    }
    *ret_below = *section;
    ret_below->up = section;
    ret_below->given = value;
    ret_below->written = written_path(section, value);
    return true;
}

bool
sr_conf_foreign_item(const struct sr_conf_foreign *section, const struct sr_conf_node *value,
    size_t index, struct sr_conf_foreign *ret_item)
{
    if (value->kind != SR_CONF_NODE_LIST) {
        if (value->kind != SR_CONF_NODE_BAD) {
            sr_conf_foreign_problem(section, value, "must be a list of sections");
        }
        return false;
    }
    const struct sr_conf_node *item = sr_conf_node_item(value, index);
    if (item == NULL) {
        return false;
    }
    *ret_item = *section;
    ret_item->up = section;
    ret_item->given = item;
    ret_item->written =
        sr_conf_foreign_format(section, "%s[%zu]", written_path(section, value), index);
    if (item->kind != SR_CONF_NODE_MAP) {
        sr_conf_foreign_problem(ret_item, NULL, "must be a section with keys of its own");
        ret_item->given = NULL;
    }
    return true;
}

bool
sr_conf_foreign_entry(const struct sr_conf_foreign *section, size_t index, const char **ret_name,
    const struct sr_conf_node **ret_value)
{
    const struct sr_conf_node *value = sr_conf_node_item(section->given, index);

    if (value == NULL) {
        return false;
    }
    *ret_name = value->name;
    *ret_value = value;
    return true;
}

const char *
sr_conf_foreign_word(const struct sr_conf_node *value, size_t index)
{
    if (value->kind == SR_CONF_NODE_SCALAR) {
        return index == 0 ? value->text : NULL;
    }
    const struct sr_conf_node *item =
        value->kind == SR_CONF_NODE_LIST ? sr_conf_node_item(value, index) : NULL;
    if (item == NULL) {
        return NULL;
    }
    return item->kind == SR_CONF_NODE_SCALAR ? item->text : "";
}

const char *
sr_conf_foreign_text(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    if (value->kind == SR_CONF_NODE_SCALAR && strlen(value->text) == value->len) {
        return value->text;
    }
    if (value->kind != SR_CONF_NODE_BAD) {
        sr_conf_foreign_problem(section, value, "must be a single value");
    }
    return NULL;
}

/* The native text of a whole number in `unit`: the nearest that the native key takes. */
static const char *
number_text(const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *row,
    const struct sr_conf_key *key, const struct sr_conf_node *value, const char *text)
{
    const char *unit = row->unit != NULL ? row->unit : "";
    char nearest[SR_CONF_UNIT_TEXT_MAX];
    struct sr_conf_key open = *key; /* without its range */
    union sr_conf_value one = { 0 };
    char message[SR_CONF_MESSAGE_MAX];
    uint64_t number;

    open.min = open.max = 0;
    if (sr_conf_parse_uint(text, &number) == SR_CONF_ENUMBER) {
        sr_conf_foreign_problem(section, value, "is `%.64s`; must be a whole number", text);
        return NULL;
    }
    const char *whole = sr_conf_foreign_format(section, "%.32s%s", text, unit);
    if (sr_conf_read_value(&open, whole, &one, message) != NULL) {
        one.number = UINT64_MAX; /* more than can be said */
    }
    uint64_t limit = one.number < key->min                    ? key->min
                     : key->max != 0 && one.number > key->max ? key->max
                                                              : one.number;
    if (limit == one.number) {
        return whole;
    }
    const char *taken =
        sr_conf_foreign_format(section, "%s", sr_conf_format(key->type, limit, nearest));
    sr_conf_foreign_note(
        section, value, "%s is taken as %s, the nearest that %s can be", whole, taken, row->to);
    return taken;
}

/* Lets a row of the table that has `to` take a value. */
static void
move(const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *row,
    const struct sr_conf_node *value)
{
    const char *written = written_path(section, value);
    const struct sr_conf_key *key;
    struct sr_conf_node *node = native_node(section, row->to, value, &key);

    if (node == NULL) {
        return;
    }
    bool is_number =
        key->type == SR_CONF_UINT || key->type == SR_CONF_SIZE || key->type == SR_CONF_DURATION;
    node->kind = value->kind;
    node->text = value->text;
    node->len = value->len;
    node->first = value->first;
    node->last = value->last;
    node->count = value->count;
    node->line = value->line;
    node->written = written;
    if (!is_number) {
        return;
    }
    const char *text = sr_conf_foreign_text(section, value);
    text = text != NULL ? number_text(section, row, key, value, text) : NULL;
    if (text == NULL) {
        node->kind = SR_CONF_NODE_BAD;
        return;
    }
    node->text = text;
    node->len = strlen(text);
}

static const struct sr_conf_foreign_key *
find_row(const struct sr_conf_foreign_key *keys, const char *name)
{
    for (const struct sr_conf_foreign_key *row = keys; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

static void
report_unknown(const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *keys,
    const struct sr_conf_node *value)
{
    /* Rows of another kind of table, for their names. */
    struct sr_conf_key names[64] = { { .name = NULL } };

    for (size_t i = 0; keys[i].name != NULL && i + 1 < sizeof(names) / sizeof(names[0]); i++) {
        names[i].name = keys[i].name;
    }
    sr_conf_problem_unknown(section->run->problems, section->run->file, value->line,
        written_path(section, value), value->name, names);
}

static void
take_known(const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *row,
    const struct sr_conf_node *value)
{
    if (value->kind == SR_CONF_NODE_EMPTY || value->kind == SR_CONF_NODE_BAD) {
        return;
    }
    if (row->take != NULL) {
        row->take(section, value);
    } else if (row->to != NULL) {
        move(section, row, value);
    } else {
        sr_conf_foreign_leave_out(section, value);
    }
}

void
sr_conf_foreign_read_some(
    const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *keys)
{
    for (const struct sr_conf_node *value = section->given->first; value != NULL;
         value = value->next) {
        const struct sr_conf_foreign_key *row = find_row(keys, value->name);

        if (row != NULL) {
            take_known(section, row, value);
        }
    }
    for (const struct sr_conf_foreign_key *row = keys; row->name != NULL; row++) {
        if (row->required && sr_conf_foreign_find(section, row->name) == NULL) {
            sr_conf_foreign_problem(section, NULL, "has no `%s`; add it", row->name);
        }
    }
}

void
sr_conf_foreign_read(const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *keys)
{
    for (const struct sr_conf_node *value = section->given->first; value != NULL;
         value = value->next) {
        if (find_row(keys, value->name) == NULL) {
            report_unknown(section, keys, value);
        }
    }
    sr_conf_foreign_read_some(section, keys);
}

/* ---- The whole file ---- */

/* The first key at the top that is in one of the tables only. */
static const struct sr_conf_node *
first_only_in(const struct sr_conf_node *root, const struct sr_conf_schema *schema, bool foreign)
{
    for (const struct sr_conf_node *child = root->first; child != NULL; child = child->next) {
        bool theirs = find_row(schema->foreign->keys, child->name) != NULL;
        bool ours = sr_conf_key_find(schema->keys, child->name) != NULL;

        if (theirs != ours && theirs == foreign) {
            return child;
        }
    }
    return NULL;
}

static void
tell(const struct sr_conf_foreign *top, const struct sr_conf_foreign_shape *shape)
{
    const struct sr_conf_foreign_run *run = top->run;

    sr_conf_foreign_note(top, NULL, "is in the shape of %s; --print-config prints it in ours%s%s%s",
        shape->name, run->left_out_len > 0 ? ". Not served, and left out: " : "", run->left_out,
        run->left_out_cut ? ", and more" : "");
}

/* Whether the file has keys of both shapes, which is reported. */
static bool
is_mixed(const struct sr_conf_schema *schema, const struct sr_conf_node *root,
    const struct sr_conf_node *theirs, struct sr_conf_problems *problems)
{
    const struct sr_conf_node *ours = first_only_in(root, schema, false);

    if (ours == NULL) {
        return false;
    }
    const struct sr_conf_node *second = ours->line > theirs->line ? ours : theirs;
    sr_conf_problem_at(problems, root->origin, second->line,
        "`%.64s` is a key of %s and `%.64s` one of our own form; write all keys in one of them",
        theirs->name, schema->foreign->name, ours->name);
    return true;
}

struct sr_conf_node *
sr_conf_foreign_translate(struct sr_conf_arena *arena, const struct sr_conf_schema *schema,
    struct sr_conf_node *root, struct sr_conf_problems *problems)
{
    const struct sr_conf_foreign_shape *shape = schema->foreign;
    const struct sr_conf_node *theirs = shape->toml ? NULL : first_only_in(root, schema, true);
    struct sr_conf_foreign_run run = { .arena = arena, .file = root->origin, .problems = problems };

    if (!shape->toml && theirs == NULL) {
        return root;
    }
    if (!shape->toml && is_mixed(schema, root, theirs, problems)) {
        return NULL;
    }
    struct sr_conf_foreign top = {
        .run = &run,
        .given = root,
        .written = "",
        .target = sr_conf_node_new(arena, root->origin, 0, NULL),
        .keys = schema->keys,
    };
    if (top.target == NULL) {
        return NULL;
    }
    top.target->kind = SR_CONF_NODE_MAP;
    sr_conf_foreign_read(&top, shape->keys);
    if (shape->finish != NULL) {
        shape->finish(&top);
    }
    tell(&top, shape);
    return top.target;
}

const char *
sr_conf_foreign_elsewhere(struct sr_conf_arena *arena, const struct sr_conf_schema *schema,
    struct sr_conf_node *root, struct sr_conf_problems *problems)
{
    const struct sr_conf_foreign_shape *shape = schema->foreign;
    struct sr_conf_foreign_run run = { .arena = arena, .file = root->origin, .problems = problems };
    struct sr_conf_foreign top = { .run = &run, .given = root, .written = "" };
    const char *path = shape->elsewhere != NULL ? shape->elsewhere(&top) : NULL;
    const char *slash = strrchr(root->origin->text, '/');

    if (path == NULL || path[0] == '/' || slash == NULL) {
        return path;
    }
    return sr_conf_foreign_format(
        &top, "%.*s%s", (int)(slash - root->origin->text) + 1, root->origin->text, path);
}
