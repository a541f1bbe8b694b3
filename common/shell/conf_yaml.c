/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/conf_tree.h"

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "sr/banned.h"

/* One document being read. */
struct reader {
    yaml_parser_t parser;
    struct sr_conf_arena *arena;
    const struct sr_conf_origin *origin;
    struct sr_conf_problems *problems;
    struct sr_span text;
    size_t nodes;
};

/* What to do about the parser's most common complaints, which name symptoms. */
static const struct {
    const char *problem;
    const char *remedy;
} remedies[] = {
    { "mapping values are not allowed in this context",
        "a `:` stands where no key can be: check the indentation, or quote the value" },
    { "did not find expected key",
        "expected `key: value`: check the indentation of this line and the one above" },
    { "could not find expected ':'", "a key needs `: ` and a value after it" },
    { "did not find expected '-' indicator", "items of one list need `- ` in the same column" },
    { "did not find expected ',' or ']'", "close the list with `]`" },
    { "did not find expected ',' or '}'", "close the section with `}`" },
    { "found unexpected end of stream", "close the quotes" },
    { "did not find expected <document start>", "the file must start with a key in column 1" },
};

static const char *
remedy_for(const char *problem)
{
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
        if (strcmp(remedies[i].problem, problem) == 0) {
            return remedies[i].remedy;
        }
    }
    return "correct this line or the one above it";
}

/* Line (from 1) and column of a byte offset. The parser gives no mark for unreadable bytes. */
static void
position_of(struct sr_span text, size_t offset, size_t *ret_line, size_t *ret_column)
{
    size_t line = 1;
    size_t start = 0;

    offset = offset < text.len ? offset : text.len;
    for (size_t i = 0; i < offset; i++) {
        if (text.data[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    *ret_line = line;
    *ret_column = offset - start + 1;
}

static void
report_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "cannot be read";
    const char *remedy = remedy_for(problem);
    size_t line = p->problem_mark.line + 1;
    size_t column = p->problem_mark.column + 1;
    size_t at = p->problem_mark.index;
    struct sr_conf_origin origin = *r->origin;
    char where[512];

    if (p->error == YAML_MEMORY_ERROR) {
        r->arena->failed = true;
        return;
    }
    if (p->error == YAML_READER_ERROR) {
        position_of(r->text, p->problem_offset, &line, &column);
        remedy = "write the file as UTF-8 text without control characters";
    } else if (at < r->text.len && r->text.data[at] == '\t') {
        problem = "a tab cannot indent";
        remedy = "use spaces";
    }
    if (origin.kind != SR_CONF_FROM_FILE) {
        sr_conf_problem_at(r->problems, &origin, 0, "is not valid YAML: %s; %s", problem, remedy);
        return;
    }
    (void)snprintf(where, sizeof(where), "%s:%zu:%zu", origin.text, line, column);
    sr_conf_problem(r->problems, where, "is not valid YAML: %s; %s", problem, remedy);
}

/* The next event, to be deleted by the caller; false at a syntax error, which is reported. */
static bool
next_event(struct reader *r, yaml_event_t *ret_event)
{
    if (!yaml_parser_parse(&r->parser, ret_event)) {
        report_syntax(r);
        return false;
    }
    return true;
}

static size_t
line_of(const struct reader *r, const yaml_event_t *event)
{
    return r->origin->kind == SR_CONF_FROM_FILE ? event->start_mark.line + 1 : 0;
}

static bool
is_null(const yaml_event_t *event)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };

    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp((const char *)event->data.scalar.value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Anchors, aliases and tags are features that a configuration does not need and that hide where a
 * value comes from. True when the event uses one, which is reported.
 */
static bool
uses_reference(struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (event->type == YAML_ALIAS_EVENT || anchor != NULL) {
        sr_conf_problem_at(r->problems, r->origin, line_of(r, event),
            "anchors (`&name`) and aliases (`*name`) are not supported; write the value out, or "
            "quote it if it is text");
        return true;
    }
    if (tag != NULL) {
        sr_conf_problem_at(r->problems, r->origin, line_of(r, event),
            "tags (`!name`) are not supported; remove it, or quote the value if it is text");
        return true;
    }
    return false;
}

static bool read_children(struct reader *r, struct sr_conf_node *node, size_t depth);

/* Reads the value that `event` starts. NULL when reading cannot go on, which is reported. */
static struct sr_conf_node *
read_value(struct reader *r, const yaml_event_t *event, const char *name, size_t line, size_t depth)
{
    struct sr_conf_node *node = sr_conf_node_new(r->arena, r->origin, line, name);
    bool refused = uses_reference(r, event);

    if (node == NULL) {
        return NULL;
    }
    if (++r->nodes > SR_CONF_NODES_MAX || depth > SR_CONF_DEPTH_MAX) {
        sr_conf_problem_at(r->problems, r->origin, line,
            depth > SR_CONF_DEPTH_MAX ? "is nested more than %d deep; flatten it"
                                      : "has more than %d values; shorten it",
            depth > SR_CONF_DEPTH_MAX ? SR_CONF_DEPTH_MAX : SR_CONF_NODES_MAX);
        return NULL;
    }
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = is_null(event) ? SR_CONF_NODE_EMPTY : SR_CONF_NODE_SCALAR;
        node->len = event->data.scalar.length;
        node->text =
            sr_conf_arena_copy(r->arena, (const char *)event->data.scalar.value, node->len);
        if (node->text == NULL) {
            return NULL;
        }
    } else if (event->type == YAML_SEQUENCE_START_EVENT ||
               event->type == YAML_MAPPING_START_EVENT) {
        bool list = event->type == YAML_SEQUENCE_START_EVENT;
        node->kind = list ? SR_CONF_NODE_LIST : SR_CONF_NODE_MAP;
        if (!read_children(r, node, depth + 1)) {
            return NULL;
        }
    }
    if (refused) {
        node->kind = SR_CONF_NODE_BAD;
    }
    return node;
}

/* The name that a key event gives, in the arena. NULL, reported, when it is no usable name. */
static const char *
read_name(struct reader *r, const struct sr_conf_node *map, const yaml_event_t *event)
{
    size_t line = line_of(r, event);

    if (event->type != YAML_SCALAR_EVENT ||
        memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL) {
        sr_conf_problem_at(
            r->problems, r->origin, line, "a key must be a plain name; write `name: value`");
        return NULL;
    }
    if (uses_reference(r, event)) {
        return NULL;
    }
    if (map->count >= SR_CONF_KEYS_MAX) {
        sr_conf_problem_at(r->problems, r->origin, line,
            "more than %d keys in one section; remove some", SR_CONF_KEYS_MAX);
        return NULL;
    }
    return sr_conf_arena_copy(
        r->arena, (const char *)event->data.scalar.value, event->data.scalar.length);
}

/* One `name: value` of a map, whose name is `event`. A second value of a name is refused. */
static bool
read_pair(struct reader *r, struct sr_conf_node *map, const yaml_event_t *event, size_t depth)
{
    const char *name = read_name(r, map, event);
    size_t line = line_of(r, event);
    const struct sr_conf_node *twin;
    yaml_event_t value;

    if (name == NULL || !next_event(r, &value)) {
        return false;
    }
    struct sr_conf_node *node = read_value(r, &value, name, line, depth);
    yaml_event_delete(&value);
    if (node == NULL) {
        return false;
    }
    twin = sr_conf_node_child(map, name);
    if (twin == NULL) {
        sr_conf_node_append(map, node);
        return true;
    }
    if (twin->line > 0) {
        sr_conf_problem_at(r->problems, r->origin, line,
            "key `%.128s` is given twice, first on line %zu; remove one", name, twin->line);
    } else {
        sr_conf_problem_at(
            r->problems, r->origin, line, "key `%.128s` is given twice; remove one", name);
    }
    return true;
}

/* Reads until the end of the list or map. */
static bool
read_children(struct reader *r, struct sr_conf_node *node, size_t depth)
{
    for (;;) {
        yaml_event_t event;
        bool ok = true;

        if (!next_event(r, &event)) {
            return false;
        }
        bool end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        if (!end && node->kind == SR_CONF_NODE_MAP) {
            ok = read_pair(r, node, &event, depth);
        } else if (!end) {
            struct sr_conf_node *item = read_value(r, &event, NULL, line_of(r, &event), depth);
            ok = item != NULL;
            if (ok) {
                sr_conf_node_append(node, item);
            }
        }
        yaml_event_delete(&event);
        if (end || !ok) {
            return ok;
        }
    }
}

/* Reads the stream: nothing, or one document. */
static struct sr_conf_node *
read_stream(struct reader *r)
{
    struct sr_conf_node *root = NULL;

    for (;;) {
        yaml_event_t event;

        if (!next_event(r, &event)) {
            return NULL;
        }
        yaml_event_type_t type = event.type;
        bool ok = true;
        if (type == YAML_DOCUMENT_START_EVENT && root != NULL) {
            sr_conf_problem_at(r->problems, r->origin, line_of(r, &event),
                "a second document starts here; remove the `---`");
            ok = false;
        } else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                   type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
            root = read_value(r, &event, NULL, line_of(r, &event), 0);
            ok = root != NULL;
        }
        yaml_event_delete(&event);
        if (!ok) {
            return NULL;
        }
        if (type == YAML_STREAM_END_EVENT) {
            return root != NULL ? root : sr_conf_node_new(r->arena, r->origin, 0, NULL);
        }
    }
}

struct sr_conf_node *
sr_conf_tree_read(struct sr_conf_arena *arena, const struct sr_conf_origin *origin,
    struct sr_span text, struct sr_conf_problems *problems)
{
    struct reader r = {
        .arena = arena,
        .origin = origin,
        .problems = problems,
        .text = text,
    };

    if (!yaml_parser_initialize(&r.parser)) {
        arena->failed = true;
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &r.parser, text.len > 0 ? text.data : (const uint8_t *)"", text.len);
    struct sr_conf_node *root = read_stream(&r);
    yaml_parser_delete(&r.parser);
    return root;
}

struct sr_conf_node *
sr_conf_tree_list(struct sr_conf_arena *arena, const struct sr_conf_origin *origin,
    const char *text, struct sr_conf_problems *problems)
{
    if (text[0] == '[') {
        struct sr_span bytes = { (const uint8_t *)text, strlen(text) };
        return sr_conf_tree_read(arena, origin, bytes, problems);
    }
    struct sr_conf_node *list = sr_conf_node_new(arena, origin, 0, NULL);
    if (list == NULL) {
        return NULL;
    }
    list->kind = SR_CONF_NODE_LIST;
    if (text[0] != '\0') {
        struct sr_conf_node *item = sr_conf_node_new(arena, origin, 0, NULL);
        if (item == NULL) {
            return NULL;
        }
        item->kind = SR_CONF_NODE_SCALAR;
        item->text = text;
        item->len = strlen(text);
        sr_conf_node_append(list, item);
    }
    return list;
}
