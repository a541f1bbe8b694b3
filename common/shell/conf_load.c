/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/conf_tree.h"
#include "sr/conf_foreign.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

#define PATH_TEXT_MAX 512

/* What sr_conf_load returns points at `config`. */
struct owned {
    struct sr_conf_arena arena;
    max_align_t config[];
};

struct loader {
    struct sr_conf_problems *problems;
    struct sr_conf_arena *tree;  /* freed after loading */
    struct sr_conf_arena *owned; /* lives with the configuration */
    struct sr_conf_origin file;
    bool files_later;
    size_t refused; /* values that the reader of the text has reported: they are not given */
};

/* Where in the configuration the walk is: a key, or an item when `name` is NULL. */
struct place {
    const struct place *up;
    const char *name;
    size_t index;
    const struct sr_conf_node *near; /* what was given here, or the nearest above */
};

static size_t
format_place(const struct place *place, char *out, size_t size)
{
    size_t len = place->up != NULL ? format_place(place->up, out, size) : 0;
    int more;

    if (place->name == NULL) {
        more = snprintf(out + len, size - len, "[%zu]", place->index);
    } else {
        more = snprintf(out + len, size - len, "%s%s", len > 0 ? "." : "", place->name);
    }
    len += more > 0 ? (size_t)more : 0;
    return len < size ? len : size - 1;
}

static void
report(struct loader *ld, const struct place *place, const char *what)
{
    char path[PATH_TEXT_MAX];
    char shown[SR_CONF_PLACE_MAX];

    (void)format_place(place, path, sizeof(path));
    sr_conf_problem_at(ld->problems, place->near->origin, place->near->line, "%s: %s",
        sr_conf_node_place(place->near, path, shown, sizeof(shown)), what);
}

/* Reports a node of the wrong kind, unless the reader of the text has done so. */
static void
refuse(
    struct loader *ld, const struct place *place, const struct sr_conf_node *node, const char *what)
{
    if (node->kind == SR_CONF_NODE_BAD) {
        ld->refused++;
    } else {
        report(ld, place, what);
    }
}

/* What has gone wrong so far, said now or before: equal numbers mean that nothing has. */
static size_t
wrong_so_far(const struct loader *ld)
{
    return sr_conf_problems_seen(ld->problems) + ld->refused;
}

/* A file that a value names must be there before the daemon runs, not when it is first needed. */
static void
check_file(
    struct loader *ld, const struct sr_conf_key *key, const struct place *place, const char *path)
{
    char what[PATH_MAX + 128];
    const char *remedy = "check its owner and mode";
    const char *shown = key->secret ? "the file" : path;
    struct stat st;
    /* Without O_NONBLOCK a FIFO would wait here for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        int err = errno;
        if (err == ENOENT || err == ENOTDIR) {
            remedy = "create it or correct the path";
        }
        (void)snprintf(what, sizeof(what), "cannot read %s: %s; %s", shown, strerror(err), remedy);
        report(ld, place, what);
        return;
    }
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void)snprintf(what, sizeof(what), "%s is a directory; name a file", shown);
        report(ld, place, what);
    }
    (void)close(fd);
}

/* True when the node is a text that the key can take; otherwise what is wrong is reported. */
static bool
expect_scalar(struct loader *ld, const struct place *place, const struct sr_conf_node *node)
{
    char what[128];

    switch (node->kind) {
    case SR_CONF_NODE_EMPTY:
        report(ld, place, "has no value; give it one, or remove the key for its default");
        return false;
    case SR_CONF_NODE_LIST: report(ld, place, "is a list; give it a single value"); return false;
    case SR_CONF_NODE_MAP: report(ld, place, "is a section; give it a single value"); return false;
    case SR_CONF_NODE_BAD: ld->refused++; return false;
    case SR_CONF_NODE_SCALAR: break;
    }
    if (strlen(node->text) != node->len) {
        (void)snprintf(what, sizeof(what), "%s; remove it", sr_conf_strerror(SR_CONF_ECONTROL));
        report(ld, place, what);
        return false;
    }
    return true;
}

/* Reads `text` as the key's value into `slot`. */
static void
fill_text(struct loader *ld, const struct sr_conf_key *key, const struct place *place,
    const char *text, void *slot)
{
    char message[SR_CONF_MESSAGE_MAX];
    union sr_conf_value value = { 0 };
    const char *wrong = sr_conf_read_value(key, text, &value, message);

    if (wrong != NULL) {
        report(ld, place, wrong);
        return;
    }
    switch (key->type) {
    case SR_CONF_BOOL: *(bool *)slot = value.flag; break;
    case SR_CONF_CHOICE: *(int *)slot = value.choice; break;
    case SR_CONF_UINT:
    case SR_CONF_SIZE:
    case SR_CONF_DURATION: *(uint64_t *)slot = value.number; break;
    case SR_CONF_STRING:
    case SR_CONF_STRINGS:
        *(const char **)slot = sr_conf_arena_copy(ld->owned, text, strlen(text));
        if (key->is_file && text[0] != '\0' && !ld->files_later) {
            check_file(ld, key, place, text);
        }
        break;
    case SR_CONF_SECTION:
    case SR_CONF_SECTIONS: break;
    }
}

/* Reports a list of the wrong length; true when the length is right. */
static bool
expect_count(
    struct loader *ld, const struct sr_conf_key *key, const struct place *place, size_t count)
{
    char message[SR_CONF_MESSAGE_MAX];
    const char *wrong = sr_conf_check_count(key, count, message);

    if (wrong != NULL) {
        report(ld, place, wrong);
        return false;
    }
    return true;
}

static void
fill_strings(struct loader *ld, const struct sr_conf_key *key, const struct place *place,
    const struct sr_conf_node *node, struct sr_conf_strings *slot)
{
    bool given = node != NULL;
    struct sr_conf_node wrapped;
    struct sr_conf_node only = { .kind = SR_CONF_NODE_LIST, .count = 1 };

    if (!given && key->def == NULL) {
        return;
    }
    if (!given) {
        node = sr_conf_tree_list(ld->tree, &ld->file, key->def, ld->problems);
    } else if (node->kind == SR_CONF_NODE_SCALAR) {
        wrapped = *node;
        wrapped.next = NULL;
        only.origin = node->origin;
        only.line = node->line;
        only.first = &wrapped;
        node = &only;
    }
    if (node == NULL) {
        return;
    }
    if (node->kind != SR_CONF_NODE_LIST) {
        refuse(ld, place, node, "must be a list; write `[one, two]`, or `[]` for none");
        return;
    }
    if (given && !expect_count(ld, key, place, node->count)) {
        return;
    }
    const char **items = sr_conf_arena_alloc(ld->owned, node->count * sizeof(*items));
    if (items == NULL) {
        return;
    }
    size_t i = 0;
    for (const struct sr_conf_node *item = node->first; item != NULL; item = item->next, i++) {
        struct place here = { .up = place, .index = i, .near = given ? item : place->near };
        if (expect_scalar(ld, &here, item)) {
            fill_text(ld, key, &here, item->text, &items[i]);
        }
    }
    *slot = (struct sr_conf_strings){ .count = i, .items = items };
}

static void fill_table(struct loader *ld, const struct sr_conf_key *keys, const struct place *place,
    const struct sr_conf_node *node, char *base);

/* True when the node can be read as a section: one, or nothing given. */
static bool
expect_section(struct loader *ld, const struct place *place, const struct sr_conf_node *node)
{
    if (node == NULL || node->kind == SR_CONF_NODE_MAP || node->kind == SR_CONF_NODE_EMPTY) {
        return true;
    }
    refuse(
        ld, place, node, "must be a section; write its keys as `name: value`, indented below it");
    return false;
}

static void
fill_sections(struct loader *ld, const struct sr_conf_key *key, const struct place *place,
    const struct sr_conf_node *node, struct sr_conf_sections *slot)
{
    size_t count = node != NULL ? node->count : (size_t)key->min;

    if (node != NULL && node->kind != SR_CONF_NODE_LIST) {
        refuse(ld, place, node, "must be a list of sections; start each with `- `");
        return;
    }
    if (node != NULL && !expect_count(ld, key, place, count)) {
        return;
    }
    char *items = sr_conf_arena_alloc(ld->owned, count * key->item_size);
    if (items == NULL) {
        return;
    }
    *slot = (struct sr_conf_sections){ .count = count, .items = items };
    const struct sr_conf_node *item = node != NULL ? node->first : NULL;
    for (size_t i = 0; i < count; i++) {
        struct place here = { .up = place, .index = i, .near = item != NULL ? item : place->near };
        /* What is no section has its defaults: checks look at all items. */
        bool is_section = expect_section(ld, &here, item);
        fill_table(ld, key->keys, &here, is_section ? item : NULL, items + i * key->item_size);
        item = item != NULL ? item->next : NULL;
    }
}

/* Fills one key of a struct from what was given for it, NULL for nothing. */
static void
fill_key(struct loader *ld, const struct sr_conf_key *key, const struct place *place,
    const struct sr_conf_node *node, char *base)
{
    void *slot = base + key->offset;

    if (key->type == SR_CONF_SECTION) {
        if (expect_section(ld, place, node)) {
            fill_table(ld, key->keys, place, node, slot);
        }
    } else if (key->type == SR_CONF_SECTIONS) {
        fill_sections(ld, key, place, node, slot);
    } else if (key->type == SR_CONF_STRINGS) {
        fill_strings(ld, key, place, node, slot);
    } else if (node != NULL) {
        if (expect_scalar(ld, place, node)) {
            fill_text(ld, key, place, node->text, slot);
        }
    } else if (key->def != NULL) {
        fill_text(ld, key, place, key->def, slot);
    }
}

static void
report_unknown_keys(struct loader *ld, const struct sr_conf_key *keys, const struct place *place,
    const struct sr_conf_node *map)
{
    for (const struct sr_conf_node *child = map->first; child != NULL; child = child->next) {
        if (sr_conf_key_find(keys, child->name) == NULL) {
            struct place here = { .up = place, .name = child->name, .near = child };
            char path[PATH_TEXT_MAX];

            (void)format_place(&here, path, sizeof(path));
            sr_conf_problem_unknown(
                ld->problems, child->origin, child->line, path, child->name, keys);
        }
    }
}

/* The place of a key in the section at `place`. */
static struct place
place_of(const struct place *place, const struct sr_conf_key *key, const struct sr_conf_node *node)
{
    return (struct place){
        .up = place->up == NULL && place->name == NULL ? NULL : place,
        .name = key->name,
        .near = node != NULL ? node : place->near,
    };
}

/* One key: its value, then its own check when that is right, or its default when it is wrong. */
static void
load_key(struct loader *ld, const struct sr_conf_key *key, const struct place *place,
    const struct sr_conf_node *node, char *base)
{
    size_t before = wrong_so_far(ld);
    char text[SR_CONF_MESSAGE_MAX];

    fill_key(ld, key, place, node, base);
    if (ld->owned->failed) {
        return; /* without memory values may be missing */
    }
    if (wrong_so_far(ld) == before) {
        bool skip = key->check == NULL || (key->is_file && ld->files_later);
        const char *wrong = skip ? NULL : key->check(base, text, sizeof(text));
        if (wrong != NULL) {
            report(ld, place, wrong);
        }
        return;
    }
    bool is_list = key->type == SR_CONF_SECTION || key->type == SR_CONF_SECTIONS ||
                   key->type == SR_CONF_STRINGS;
    if (!is_list && key->def != NULL) {
        /* What is checked later meets a value that could be there. */
        fill_text(ld, key, place, key->def, base + key->offset);
    }
}

/* Fills the struct at `base` from a MAP, or with defaults. */
static void
fill_table(struct loader *ld, const struct sr_conf_key *keys, const struct place *place,
    const struct sr_conf_node *node, char *base)
{
    if (node != NULL && node->kind == SR_CONF_NODE_MAP) {
        report_unknown_keys(
            ld, keys, place->name != NULL || place->up != NULL ? place : NULL, node);
    }
    for (const struct sr_conf_key *key = keys; key->name != NULL; key++) {
        const struct sr_conf_node *child = sr_conf_node_child(node, key->name);
        struct place here = place_of(place, key, child);

        load_key(ld, key, &here, child, base);
    }
}

/* The native tree of a file's text; NULL when it could not be read. */
static struct sr_conf_node *
read_tree(struct loader *ld, const struct sr_conf_schema *schema, struct sr_span text)
{
    struct sr_conf_node *root = sr_conf_tree_read(ld->tree, &ld->file, text, ld->problems);

    if (root == NULL) {
        return NULL;
    }
    if (root->kind == SR_CONF_NODE_EMPTY) {
        root->kind = SR_CONF_NODE_MAP;
    }
    if (root->kind != SR_CONF_NODE_MAP) {
        sr_conf_problem_at(ld->problems, &ld->file, root->line,
            "is not a configuration; write its keys as `name: value`");
        return NULL;
    }
    root->line = 0;
    if (schema->foreign == NULL || schema->foreign->toml) {
        return root;
    }
    return sr_conf_foreign_translate(ld->tree, schema, root, ld->problems);
}

static bool read_other(struct loader *ld, const char *path, struct sr_span *ret_text);

/* The same of TOML. The file may only say where another one is. */
static struct sr_conf_node *
read_toml(struct loader *ld, const struct sr_conf_schema *schema, struct sr_span text)
{
    struct sr_conf_node *root = sr_conf_toml_read(ld->tree, &ld->file, text, ld->problems);
    const char *path =
        root != NULL ? sr_conf_foreign_elsewhere(ld->tree, schema, root, ld->problems) : NULL;

    if (path != NULL) {
        if (!read_other(ld, path, &text)) {
            return NULL;
        }
        ld->file.text = path;
        root = sr_conf_toml_read(ld->tree, &ld->file, text, ld->problems);
    }
    return root != NULL ? sr_conf_foreign_translate(ld->tree, schema, root, ld->problems) : NULL;
}

/* The tree of the file with everything laid over it; NULL when the file could not be read. */
static struct sr_conf_node *
build_tree(struct loader *ld, const struct sr_conf_schema *schema,
    const struct sr_conf_source *source, struct sr_span text)
{
    bool toml =
        schema->foreign != NULL && schema->foreign->toml && sr_conf_toml_is(ld->file.text, text);
    struct sr_conf_node *file = toml ? read_toml(ld, schema, text) : read_tree(ld, schema, text);
    struct sr_conf_node *root =
        file != NULL ? file : sr_conf_node_new(ld->tree, &ld->file, 0, NULL);

    if (root == NULL) {
        return NULL;
    }
    root->kind = SR_CONF_NODE_MAP;
    struct sr_conf_overlay overlay = {
        .arena = ld->tree,
        .root = root,
        .keys = schema->keys,
        .file = &ld->file,
        .problems = ld->problems,
    };
    if (source->instance[0] != '\0') {
        sr_conf_overlay_instance(&overlay, schema->program, source->instance);
    }
    /* Also over an unreadable file: mistakes in these are then reported in the same run. */
    if (source->use_environment) {
        sr_conf_overlay_environment(&overlay);
    }
    for (size_t i = 0; i < source->set_count; i++) {
        sr_conf_overlay_set(&overlay, source->sets[i]);
    }
    return file;
}

static void
fill(struct loader *ld, const struct sr_conf_schema *schema, const struct sr_conf_node *root,
    void *config)
{
    const struct place top = { .near = root };

    fill_table(ld, schema->keys, &top, root, config);
    if (schema->check != NULL && !ld->owned->failed && !ld->tree->failed) {
        sr_conf_problems_locate(ld->problems, root, schema->keys, &ld->file);
        schema->check(config, ld->problems);
        sr_conf_problems_locate(ld->problems, NULL, NULL, NULL);
    }
}

static void *
load(const struct sr_conf_schema *schema, const struct sr_conf_source *source, struct sr_span text,
    const char *name, struct sr_conf_problems *problems)
{
    size_t kept = sr_conf_problems_count(problems);
    size_t before = sr_conf_problems_seen(problems);
    struct sr_conf_arena tree = { 0 };
    struct owned *owned = calloc(1, sizeof(*owned) + schema->size);

    if (owned == NULL) {
        sr_conf_problem(problems, name, "out of memory; free some and try again");
        return NULL;
    }
    struct loader ld = {
        .files_later = source->files_later,
        .problems = problems,
        .tree = &tree,
        .owned = &owned->arena,
        .file = { .kind = SR_CONF_FROM_FILE, .text = name },
    };
    const struct sr_conf_node *root = build_tree(&ld, schema, source, text);
    if (root != NULL) {
        fill(&ld, schema, root, owned->config);
    }
    if (tree.failed || owned->arena.failed) {
        sr_conf_problem(problems, name, "out of memory; free some and try again");
    }
    sr_conf_arena_free(&tree);
    sr_conf_problems_sort(problems, kept);
    if (sr_conf_problems_seen(problems) != before) {
        sr_conf_free(owned->config);
        return NULL;
    }
    return owned->config;
}

void
sr_conf_free(void *config)
{
    if (config == NULL) {
        return;
    }
    struct owned *owned = (void *)((char *)config - offsetof(struct owned, config));
    sr_conf_arena_free(&owned->arena);
    free(owned);
}

void *
sr_conf_load_text(const struct sr_conf_schema *schema, const struct sr_conf_source *source,
    struct sr_span text, struct sr_conf_problems *problems)
{
    const char *name = source->file != NULL ? source->file : "(text)";

    if (text.len > SR_CONF_FILE_MAX) {
        sr_conf_problem(problems, name, "is larger than 1 MiB; name a configuration file");
        return NULL;
    }
    return load(schema, source, text, name, problems);
}

/* Reads up to `cap` bytes; -1 with errno set on failure. */
static ssize_t
read_up_to(int fd, unsigned char *bytes, size_t cap)
{
    size_t len = 0;

    while (len < cap) {
        ssize_t got = read(fd, bytes + len, cap - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static void
report_unreadable(struct sr_conf_problems *problems, const char *file, int err)
{
    const char *remedy = "check the path, its owner and mode";

    if (err == EISDIR) {
        remedy = "name a configuration file in it";
    } else if (err == ENOENT) {
        remedy = "create it or correct the path";
    }
    sr_conf_problem(problems, file, "cannot be read: %s; %s", strerror(err), remedy);
}

/*
 * Reads the file `path`, which another file names, into the tree's arena. It must be a regular one:
 * nothing else is waited for.
 */
static bool
read_other(struct loader *ld, const char *path, struct sr_span *ret_text)
{
    unsigned char *bytes = NULL;
    ssize_t len = -1;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) != 0) {
        report_unreadable(ld->problems, path, errno);
    } else if (!S_ISREG(st.st_mode) || st.st_size > SR_CONF_FILE_MAX) {
        sr_conf_problem(
            ld->problems, path, "is no file of at most 1 MiB; name a configuration file");
    } else {
        bytes = sr_conf_arena_alloc(ld->tree, SR_CONF_FILE_MAX);
        len = bytes != NULL ? read_up_to(fd, bytes, SR_CONF_FILE_MAX) : -1;
        if (bytes != NULL && len < 0) {
            report_unreadable(ld->problems, path, errno);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    *ret_text = (struct sr_span){ bytes, len > 0 ? (size_t)len : 0 };
    return len >= 0;
}

void *
sr_conf_load(const struct sr_conf_schema *schema, const struct sr_conf_source *source,
    struct sr_conf_problems *problems)
{
    /* One byte above the limit, to see that there is more. */
    const size_t cap = SR_CONF_FILE_MAX + 1;
    void *config = NULL;

    if (source->file == NULL) {
        return load(schema, source, (struct sr_span){ NULL, 0 }, "(defaults)", problems);
    }
    unsigned char *bytes = malloc(cap);
    if (bytes == NULL) {
        sr_conf_problem(problems, source->file, "out of memory; free some and try again");
        return NULL;
    }
    int fd = open(source->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t len = fd >= 0 ? read_up_to(fd, bytes, cap) : -1;
    if (len < 0) {
        report_unreadable(problems, source->file, errno);
    } else {
        struct sr_span text = { bytes, (size_t)len };
        config = sr_conf_load_text(schema, source, text, problems);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(bytes);
    return config;
}
