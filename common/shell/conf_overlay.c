/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/conf_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sr/conf_value.h"

#include "sr/banned.h"

#define PATH_TEXT_MAX 512

/* One override on its way down the table. */
struct walk {
    const struct sr_conf_overlay *overlay;
    struct sr_conf_origin *origin; /* its text names the override in problems */
    const char *value;
    const char *rest; /* path below `node`, NULL at its end */
    struct sr_conf_node *node;
    const struct sr_conf_key *keys;
    char path[PATH_TEXT_MAX]; /* what has been walked, as shown: listeners[0].listen */
    size_t path_len;
};

static void __attribute__((format(printf, 2, 3))) add_to_path(struct walk *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(w->path + w->path_len, sizeof(w->path) - w->path_len, fmt, ap);
    va_end(ap);
    if (len > 0) {
        size_t left = sizeof(w->path) - 1 - w->path_len;
        w->path_len += (size_t)len < left ? (size_t)len : left;
    }
}

static void
replace(struct sr_conf_node *node, const struct sr_conf_node *by, const struct sr_conf_origin *from)
{
    node->kind = by->kind;
    node->text = by->text;
    node->len = by->len;
    node->first = by->first;
    node->last = by->last;
    node->count = by->count;
    node->origin = from;
    node->line = 0;
    node->written = NULL;
}

static void
replace_by_text(struct sr_conf_node *node, const char *text, const struct sr_conf_origin *from)
{
    struct sr_conf_node scalar = {
        .kind = SR_CONF_NODE_SCALAR,
        .text = text,
        .len = strlen(text),
    };

    replace(node, &scalar, from);
}

/* The child of the current map, made when absent. NULL when the node above is no map. */
static struct sr_conf_node *
child_of(struct walk *w, const char *name)
{
    struct sr_conf_node *child;

    if (w->node->kind == SR_CONF_NODE_EMPTY) {
        w->node->kind = SR_CONF_NODE_MAP;
    }
    if (w->node->kind != SR_CONF_NODE_MAP) {
        return NULL; /* the file is wrong there; it is reported when the tree is read */
    }
    child = sr_conf_node_child(w->node, name);
    if (child == NULL) {
        child = sr_conf_node_new(w->overlay->arena, w->origin, 0, name);
        if (child != NULL) {
            sr_conf_node_append(w->node, child);
        }
    }
    return child;
}

/* Makes an absent or scalar list into the list it stands for, so that an index can be applied. */
static bool
make_list(struct walk *w, const struct sr_conf_key *key, struct sr_conf_node *list)
{
    const struct sr_conf_overlay *o = w->overlay;

    if (list->kind == SR_CONF_NODE_EMPTY && key->type == SR_CONF_SECTIONS) {
        list->kind = SR_CONF_NODE_LIST;
        for (uint64_t i = 0; i < key->min; i++) {
            struct sr_conf_node *item = sr_conf_node_new(o->arena, o->file, 0, NULL);
            if (item == NULL) {
                return false;
            }
            sr_conf_node_append(list, item);
        }
    } else if (list->kind == SR_CONF_NODE_EMPTY || list->kind == SR_CONF_NODE_SCALAR) {
        const char *text = list->kind == SR_CONF_NODE_SCALAR ? list->text : key->def;
        const struct sr_conf_node *made =
            sr_conf_tree_list(o->arena, list->origin, text != NULL ? text : "", o->problems);
        if (made == NULL) {
            return false;
        }
        replace(list, made, list->origin);
    }
    return list->kind == SR_CONF_NODE_LIST;
}

/* Steps from a list to the item that the next part names; one past the end adds an item. */
static bool
step_into_item(struct walk *w, const struct sr_conf_key *key, struct sr_conf_node *list)
{
    const struct sr_conf_overlay *o = w->overlay;
    char part[SR_CONF_WORD_MAX + 1];
    uint64_t index;

    if (!make_list(w, key, list)) {
        return false;
    }
    if (!sr_conf_path_next(&w->rest, part, sizeof(part)) ||
        sr_conf_parse_uint(part, &index) != SR_CONF_OK || index > list->count) {
        sr_conf_problem_at(o->problems, w->origin, 0,
            "%s: is a list of %zu; after its name write an index from 0 to %zu (the last one adds "
            "an item)",
            w->path, list->count, list->count);
        return false;
    }
    add_to_path(w, "[%llu]", (unsigned long long)index);
    w->node = sr_conf_node_item(list, (size_t)index);
    if (w->node == NULL && list->count < SR_CONF_NODES_MAX) {
        w->node = sr_conf_node_new(o->arena, w->origin, 0, NULL);
        if (w->node != NULL) {
            sr_conf_node_append(list, w->node);
        }
    }
    return w->node != NULL;
}

/* Marks what a refused override left without a value, so that this is not reported as well. */
static void
abandon(struct sr_conf_node *node)
{
    if (node->kind == SR_CONF_NODE_EMPTY) {
        node->kind = SR_CONF_NODE_BAD;
    }
}

static void
report_leaf(struct walk *w, struct sr_conf_node *node)
{
    sr_conf_problem_at(w->overlay->problems, w->origin, 0,
        "%s: has no keys below it; remove `.%.64s`", w->path, w->rest);
    abandon(node);
}

static void
report_section(struct walk *w, const struct sr_conf_key *key)
{
    sr_conf_problem_at(w->overlay->problems, w->origin, 0,
        "%s: is a section; set one of its keys, such as `%s`", w->path, key->keys[0].name);
}

/* Lays the value over a whole list. */
static void
replace_list(struct walk *w, const struct sr_conf_key *key, struct sr_conf_node *list)
{
    const struct sr_conf_overlay *o = w->overlay;

    if (key->type == SR_CONF_SECTIONS && w->value[0] != '[') {
        sr_conf_problem_at(o->problems, w->origin, 0,
            "%s: is a list of sections; set one key of one item, such as `%s.0.%s`", w->path,
            w->path, key->keys[0].name);
        abandon(list);
        return;
    }
    const struct sr_conf_node *made = sr_conf_tree_list(o->arena, w->origin, w->value, o->problems);
    if (made == NULL) {
        abandon(list);
        return;
    }
    replace(list, made, w->origin);
}

/* At the end of the path: puts the value into `node`. */
static void
finish(struct walk *w, const struct sr_conf_key *key, struct sr_conf_node *node)
{
    if (key->type == SR_CONF_SECTION) {
        report_section(w, key);
    } else if (key->type == SR_CONF_SECTIONS || key->type == SR_CONF_STRINGS) {
        replace_list(w, key, node);
    } else {
        replace_by_text(node, w->value, w->origin);
    }
}

/* As step(), below the list `list`: into a section of it, or to the text that an index names. */
static bool
step_below_list(struct walk *w, const struct sr_conf_key *key, struct sr_conf_node *list)
{
    if (!step_into_item(w, key, list)) {
        return false;
    }
    if (key->type == SR_CONF_SECTIONS && w->rest != NULL) {
        w->keys = key->keys;
        return true;
    }
    if (key->type == SR_CONF_SECTIONS) {
        report_section(w, key);
    } else if (w->rest != NULL) {
        report_leaf(w, w->node);
    } else {
        replace_by_text(w->node, w->value, w->origin);
    }
    return false;
}

/* One step down the path from the current section; false when the walk has ended. */
static bool
step(struct walk *w)
{
    struct sr_conf_problems *problems = w->overlay->problems;
    char part[SR_CONF_WORD_MAX + 1];

    if (!sr_conf_path_next(&w->rest, part, sizeof(part))) {
        sr_conf_problem_at(problems, w->origin, 0,
            "has an empty or overlong part in its path; write it as `nats.creds_file`");
        return false;
    }
    add_to_path(w, "%s%s", w->path_len > 0 ? "." : "", part);
    const struct sr_conf_key *key = sr_conf_key_find(w->keys, part);
    if (key == NULL) {
        sr_conf_problem_unknown(problems, w->origin, 0, w->path, part, w->keys);
        return false;
    }
    struct sr_conf_node *child = child_of(w, key->name);
    if (child == NULL) {
        return false;
    }
    if (w->rest == NULL) {
        finish(w, key, child);
        return false;
    }
    if (key->type == SR_CONF_SECTION) {
        w->node = child;
        w->keys = key->keys;
        return true;
    }
    if (key->type == SR_CONF_STRINGS || key->type == SR_CONF_SECTIONS) {
        return step_below_list(w, key, child);
    }
    report_leaf(w, child);
    return false;
}

/* Lays `value` over the tree at the dotted `path`. All texts live in the arena. */
static void
apply(const struct sr_conf_overlay *overlay, struct sr_conf_origin *origin, const char *path,
    const char *value)
{
    struct walk w = {
        .overlay = overlay,
        .origin = origin,
        .value = value,
        .rest = path,
        .node = overlay->root,
        .keys = overlay->keys,
    };

    while (step(&w)) {
    }
}

/* The key that a dotted path names, whatever its indices; NULL when there is none. */
static const struct sr_conf_key *
key_at(const struct sr_conf_key *keys, const char *path)
{
    const struct sr_conf_key *key = NULL;
    char part[SR_CONF_WORD_MAX + 1];
    uint64_t index;

    while (path != NULL) {
        if (!sr_conf_path_next(&path, part, sizeof(part))) {
            return NULL;
        }
        if (key != NULL && sr_conf_parse_uint(part, &index) == SR_CONF_OK) {
            continue;
        }
        key = keys != NULL ? sr_conf_key_find(keys, part) : NULL;
        if (key == NULL) {
            return NULL;
        }
        keys = key->keys;
    }
    return key;
}

void
sr_conf_overlay_set(const struct sr_conf_overlay *overlay, const char *set)
{
    const char *equals = strchr(set, '=');
    size_t path_len = equals != NULL ? (size_t)(equals - set) : strlen(set);
    struct sr_conf_origin *origin = sr_conf_arena_alloc(overlay->arena, sizeof(*origin));
    const char *path = sr_conf_arena_copy(overlay->arena, set, path_len);
    const char *value = sr_conf_arena_copy(
        overlay->arena, equals != NULL ? equals + 1 : "", equals != NULL ? strlen(equals + 1) : 0);
    char text[256];

    if (origin == NULL || path == NULL || value == NULL) {
        return;
    }
    /* A value is shown only where it is known not to be a secret, mistyped names included. */
    const struct sr_conf_key *key = key_at(overlay->keys, path);
    if (key == NULL || key->keys != NULL || equals == NULL) {
        (void)snprintf(text, sizeof(text), "--set %s", path);
    } else {
        (void)snprintf(text, sizeof(text), "--set %s=%s", path, key->secret ? "********" : value);
    }
    origin->kind = SR_CONF_FROM_SET;
    origin->text = sr_conf_arena_copy(overlay->arena, text, strlen(text));
    if (origin->text == NULL) {
        return;
    }
    if (equals == NULL) {
        sr_conf_problem_at(overlay->problems, origin, 0, "has no value; write KEY=VALUE");
        return;
    }
    apply(overlay, origin, path, value);
}

/* Applies one NAME=VALUE of the environment, unless it is somebody else's. */
static void
apply_variable(const struct sr_conf_overlay *overlay, const char *variable)
{
    const char *equals = strchr(variable, '=');
    const char *name = sr_conf_arena_copy(overlay->arena, variable, (size_t)(equals - variable));
    const char *value = sr_conf_arena_copy(overlay->arena, equals + 1, strlen(equals + 1));
    struct sr_conf_origin *origin = sr_conf_arena_alloc(overlay->arena, sizeof(*origin));
    char path[PATH_TEXT_MAX];

    if (name == NULL || value == NULL || origin == NULL ||
        !sr_conf_env_path(name, path, sizeof(path))) {
        return;
    }
    /* Other tools use names such as SR_CORPUS: only a double underscore makes a claim. */
    if (strchr(path, '.') == NULL && sr_conf_key_find(overlay->keys, path) == NULL) {
        return;
    }
    *origin = (struct sr_conf_origin){ .kind = SR_CONF_FROM_ENVIRONMENT, .text = name };
    apply(overlay, origin, path, value);
}

static int
by_natural_order(const void *a, const void *b)
{
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

void
sr_conf_overlay_environment(const struct sr_conf_overlay *overlay)
{
    const char **names;
    size_t count = 0;

    for (char **at = environ; at != NULL && *at != NULL; at++) {
        count += strncmp(*at, "SR_", 3) == 0 ? 1 : 0;
    }
    if (count == 0) {
        return;
    }
    names = sr_conf_arena_alloc(overlay->arena, count * sizeof(*names));
    if (names == NULL) {
        return;
    }
    count = 0;
    for (char **at = environ; *at != NULL; at++) {
        if (strncmp(*at, "SR_", 3) == 0 && strchr(*at, '=') != NULL) {
            names[count++] = *at;
        }
    }
    /* The environment has no order, but item 2 of a list can only follow item 1. */
    qsort(names, count, sizeof(*names), by_natural_order);
    for (size_t i = 0; i < count; i++) {
        apply_variable(overlay, names[i]);
    }
}
