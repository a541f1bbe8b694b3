/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_CONF_TREE_H_INCLUDED
#define SHELL_CONF_TREE_H_INCLUDED

/*
 * Private to the configuration loader. A file becomes a tree of texts; the environment and --set
 * are laid over that tree; then one walk along the schema's table turns it into values. Every
 * node remembers where it came from, so that every problem can say so.
 */

#include <stdbool.h>
#include <stddef.h>

#include "sr/conf.h"
#include "sr/span.h"

/* Bounds on what a file may hold: far above any real configuration, low enough to be harmless. */
#define SR_CONF_FILE_MAX (1u << 20) /* bytes */
#define SR_CONF_DEPTH_MAX 16        /* sections in sections */
#define SR_CONF_KEYS_MAX 256        /* keys of one section */
#define SR_CONF_NODES_MAX 16384     /* values in all */

/* Memory that is freed all at once. Zero-initialised is empty. */
struct sr_conf_arena {
    struct sr_conf_block *blocks;
    bool failed; /* an allocation failed, now or earlier */
};

/* Returns `size` zeroed bytes that live until the arena is freed, or NULL. */
void *sr_conf_arena_alloc(struct sr_conf_arena *arena, size_t size);

/* Returns a NUL-terminated copy of `len` bytes, or NULL. */
char *sr_conf_arena_copy(struct sr_conf_arena *arena, const char *text, size_t len);

/* Frees everything; the arena is empty again. */
void sr_conf_arena_free(struct sr_conf_arena *arena);

enum sr_conf_origin_kind {
    SR_CONF_FROM_FILE,
    SR_CONF_FROM_ENVIRONMENT,
    SR_CONF_FROM_SET,
};

/* A file, one variable or one --set. `text` is how a problem names it. */
struct sr_conf_origin {
    enum sr_conf_origin_kind kind;
    const char *text;
};

enum sr_conf_node_kind {
    SR_CONF_NODE_EMPTY, /* no value: `key:` or null */
    SR_CONF_NODE_BAD,   /* already reported: ignore quietly */
    SR_CONF_NODE_SCALAR,
    SR_CONF_NODE_LIST,
    SR_CONF_NODE_MAP,
};

struct sr_conf_node {
    enum sr_conf_node_kind kind;
    const char *name; /* in a map; NULL in a list */
    const char *text; /* SCALAR, NUL-terminated; may hold further NULs */
    size_t len;
    const struct sr_conf_origin *origin;
    size_t line;         /* from 1; 0 where lines mean nothing */
    const char *written; /* its path in the file when that is not the native one, else NULL */
    struct sr_conf_node *first, *last, *next;
    size_t count;
};

/* Returns an empty node in the arena, or NULL. `name` is borrowed and may be NULL. */
struct sr_conf_node *sr_conf_node_new(struct sr_conf_arena *arena,
    const struct sr_conf_origin *origin, size_t line, const char *name);

/* Appends `child` to the list or map. */
void sr_conf_node_append(struct sr_conf_node *node, struct sr_conf_node *child);

/* The child of that name, or NULL. `node` may be NULL or of any kind. */
struct sr_conf_node *sr_conf_node_child(const struct sr_conf_node *node, const char *name);

/* Room for the place of any value in a problem. */
#define SR_CONF_PLACE_MAX 600

/*
 * How a problem names the value at the native `path`: by what the user wrote, with the native path
 * behind it, when `node`, which may be NULL, was given by another name. Writes to `out`; returns
 * it.
 */
const char *sr_conf_node_place(
    const struct sr_conf_node *node, const char *path, char *out, size_t size);

/* The child at `index`, or NULL. */
struct sr_conf_node *sr_conf_node_item(const struct sr_conf_node *node, size_t index);

/*
 * Reads one YAML or JSON document into a tree in `arena`; an empty document is an EMPTY node. NULL
 * when the text could not be read to its end. Problems are reported as they are found.
 */
struct sr_conf_node *sr_conf_tree_read(struct sr_conf_arena *arena,
    const struct sr_conf_origin *origin, struct sr_span text, struct sr_conf_problems *problems);

/* Whether a file is TOML, by its name or, as it may have none of its own, by its first key. */
bool sr_conf_toml_is(const char *name, struct sr_span text);

/* As sr_conf_tree_read() for TOML; an empty file is a map without keys. */
struct sr_conf_node *sr_conf_toml_read(struct sr_conf_arena *arena,
    const struct sr_conf_origin *origin, struct sr_span text, struct sr_conf_problems *problems);

/*
 * The value of a list key given as one text (--set, environment, default): a YAML flow list when
 * it starts with '[', no items when it is empty, else one item. NULL when it cannot be read.
 */
struct sr_conf_node *sr_conf_tree_list(struct sr_conf_arena *arena,
    const struct sr_conf_origin *origin, const char *text, struct sr_conf_problems *problems);

/* What an overlay works on. */
struct sr_conf_overlay {
    struct sr_conf_arena *arena;
    struct sr_conf_node *root; /* MAP */
    const struct sr_conf_key *keys;
    const struct sr_conf_origin *file; /* origin of items made by default */
    struct sr_conf_problems *problems;
};

/*
 * Lays what an instance of a program has of its own over the tree, where the file does not say it:
 * queue.dir and metrics.listen.
 */
void sr_conf_overlay_instance(
    const struct sr_conf_overlay *overlay, const char *program, const char *instance);

/* Lays the SR_ variables of the environment over the tree. */
void sr_conf_overlay_environment(const struct sr_conf_overlay *overlay);

/* Lays one "path=value" over the tree. */
void sr_conf_overlay_set(const struct sr_conf_overlay *overlay, const char *set);

/* Adds "ORIGIN[:LINE]: " and the formatted text, to be sorted by file line. */
void sr_conf_problem_at(struct sr_conf_problems *problems, const struct sr_conf_origin *origin,
    size_t line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As sr_conf_problem_at, for a note. */
void sr_conf_note_at(struct sr_conf_problems *problems, const struct sr_conf_origin *origin,
    size_t line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * "unknown key `PATH`", with a suggestion from the table it was looked up in. What cannot be a name
 * is not repeated.
 */
void sr_conf_problem_unknown(struct sr_conf_problems *problems, const struct sr_conf_origin *origin,
    size_t line, const char *path, const char *name, const struct sr_conf_key *keys);

/*
 * Until called with NULL, sr_conf_problem() understands paths of `keys` as values of `root`.
 * `fallback` is the origin of what is not in the tree. All are borrowed.
 */
void sr_conf_problems_locate(struct sr_conf_problems *problems, const struct sr_conf_node *root,
    const struct sr_conf_key *keys, const struct sr_conf_origin *fallback);

/*
 * Makes native keys of a file in the schema's foreign shape (sr/conf_foreign.h), or returns `root`
 * itself when it has ours. NULL, with a problem, when it has both.
 */
struct sr_conf_node *sr_conf_foreign_translate(struct sr_conf_arena *arena,
    const struct sr_conf_schema *schema, struct sr_conf_node *root,
    struct sr_conf_problems *problems);

/*
 * The path of the file that is to be read in place of one in the schema's foreign shape; NULL when
 * it is none of that kind. Relative paths are made to start where the file is.
 */
const char *sr_conf_foreign_elsewhere(struct sr_conf_arena *arena,
    const struct sr_conf_schema *schema, struct sr_conf_node *root,
    struct sr_conf_problems *problems);

/* How many problems were ever added. Unlike the count it never stands still at a limit. */
size_t sr_conf_problems_seen(const struct sr_conf_problems *problems);

/* Sorts the problems from index `from` on: file lines, environment, --set, others. */
void sr_conf_problems_sort(struct sr_conf_problems *problems, size_t from);

#endif
