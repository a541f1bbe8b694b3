/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/conf_tree.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

/* A file of nothing but mistakes should not fill the screen or the memory. */
#define PROBLEMS_MAX 100

struct problem {
    char *text;  /* NULL: there was no memory for it */
    size_t rank; /* file line, or above all lines */
};

struct texts {
    struct problem items[PROBLEMS_MAX];
    size_t count;
    size_t seen; /* those that were not kept included */
};

struct sr_conf_problems {
    struct texts found;
    struct texts notes;
    const struct sr_conf_node *root;
    const struct sr_conf_key *keys;
    const struct sr_conf_origin *fallback;
};

struct sr_conf_problems *
sr_conf_problems_new(void)
{
    return calloc(1, sizeof(struct sr_conf_problems));
}

void
sr_conf_problems_free(struct sr_conf_problems *problems)
{
    if (problems == NULL) {
        return;
    }
    for (size_t i = 0; i < PROBLEMS_MAX; i++) {
        free(problems->found.items[i].text);
        free(problems->notes.items[i].text);
    }
    free(problems);
}

static const char *
text_at(const struct texts *texts, size_t i)
{
    const char *text = texts->items[i].text;

    return text != NULL ? text : "out of memory; free some and try again";
}

size_t
sr_conf_problems_count(const struct sr_conf_problems *problems)
{
    return problems->found.count;
}

const char *
sr_conf_problems_text(const struct sr_conf_problems *problems, size_t i)
{
    return text_at(&problems->found, i);
}

size_t
sr_conf_problems_seen(const struct sr_conf_problems *problems)
{
    return problems->found.seen;
}

size_t
sr_conf_notes_count(const struct sr_conf_problems *problems)
{
    return problems->notes.count;
}

const char *
sr_conf_notes_text(const struct sr_conf_problems *problems, size_t i)
{
    return text_at(&problems->notes, i);
}

/* Adds "PREFIX: " and the formatted text. Texts are printed on terminals: nothing may steer one. */
static void __attribute__((format(printf, 4, 0)))
add(struct texts *texts, size_t rank, const char *prefix, const char *fmt, va_list ap)
{
    char *text = NULL;
    char *whole = NULL;

    texts->seen++;
    if (texts->count == PROBLEMS_MAX) {
        return;
    }
    if (texts->count == PROBLEMS_MAX - 1) {
        rank = SIZE_MAX;
        text = strdup("there are more problems; correct these first");
    } else if (vasprintf(&text, fmt, ap) < 0) {
        text = NULL;
    } else if (prefix[0] != '\0') {
        if (asprintf(&whole, "%s: %s", prefix, text) < 0) {
            whole = NULL;
        }
        free(text);
        text = whole;
    }
    for (char *at = text; at != NULL && *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
    texts->items[texts->count++] = (struct problem){ .text = text, .rank = rank };
}

static size_t
rank_of(const struct sr_conf_origin *origin, size_t line)
{
    return origin->kind == SR_CONF_FROM_FILE ? line : SIZE_MAX - 3 + (size_t)origin->kind;
}

static void
format_origin(const struct sr_conf_origin *origin, size_t line, char *out, size_t size)
{
    if (line > 0) {
        (void)snprintf(out, size, "%s:%zu", origin->text, line);
    } else {
        (void)snprintf(out, size, "%s", origin->text);
    }
}

void
sr_conf_problem_at(struct sr_conf_problems *problems, const struct sr_conf_origin *origin,
    size_t line, const char *fmt, ...)
{
    char prefix[1024];
    va_list ap;

    format_origin(origin, line, prefix, sizeof(prefix));
    va_start(ap, fmt);
    add(&problems->found, rank_of(origin, line), prefix, fmt, ap);
    va_end(ap);
}

void
sr_conf_note_at(struct sr_conf_problems *problems, const struct sr_conf_origin *origin, size_t line,
    const char *fmt, ...)
{
    char prefix[1024];
    va_list ap;

    format_origin(origin, line, prefix, sizeof(prefix));
    va_start(ap, fmt);
    add(&problems->notes, rank_of(origin, line), prefix, fmt, ap);
    va_end(ap);
}

/* True for what could have been meant as a key. */
static bool
looks_like_a_key(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= SR_CONF_WORD_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

void
sr_conf_problem_unknown(struct sr_conf_problems *problems, const struct sr_conf_origin *origin,
    size_t line, const char *path, const char *name, const struct sr_conf_key *keys)
{
    const char *nearest = sr_conf_nearest_key(keys, name);

    /* --config may have been given some other file, whose lines belong in nobody's log. */
    if (!looks_like_a_key(name)) {
        sr_conf_problem_at(problems, origin, line,
            "a key is not a name of letters, digits and `_`; see --help for the keys there are");
    } else if (nearest != NULL) {
        sr_conf_problem_at(
            problems, origin, line, "unknown key `%.128s`; did you mean `%s`?", path, nearest);
    } else {
        sr_conf_problem_at(problems, origin, line,
            "unknown key `%.128s`; remove it, or see --help for the keys there are", path);
    }
}

/*
 * The node that the path of a key names, or the nearest one above it that was given. NULL, with
 * *ret_known false, when the path does not begin with a key of the table.
 */
static const struct sr_conf_node *
find_given(const struct sr_conf_problems *problems, const char *path, bool *ret_known)
{
    const struct sr_conf_node *node = problems->root;
    const struct sr_conf_node *found = NULL;
    char part[SR_CONF_WORD_MAX + 1];
    bool first = true;

    *ret_known = false;
    while (*path != '\0' && node != NULL) {
        size_t len = strcspn(path, ".[]");
        if (len == 0 || len >= sizeof(part)) {
            break;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        path += len;
        path += strspn(path, ".[]");
        if (first && sr_conf_key_find(problems->keys, part) == NULL) {
            return NULL;
        }
        *ret_known = true;
        first = false;

        uint64_t index;
        if (node->kind == SR_CONF_NODE_LIST && sr_conf_parse_uint(part, &index) == SR_CONF_OK) {
            node = sr_conf_node_item(node, (size_t)index);
        } else {
            node = sr_conf_node_child(node, part);
        }
        found = node != NULL ? node : found;
    }
    return found;
}

/* Adds a text that is about `where`, with the file and line when that is the path of a key. */
static void __attribute__((format(printf, 4, 0))) add_located(struct sr_conf_problems *problems,
    struct texts *texts, const char *where, const char *fmt, va_list ap)
{
    char origin[512];
    char prefix[1024];
    size_t rank = SIZE_MAX;
    bool known = false;

    (void)snprintf(prefix, sizeof(prefix), "%s", where != NULL ? where : "");
    if (where != NULL && problems->root != NULL) {
        const struct sr_conf_node *node = find_given(problems, where, &known);

        if (known) {
            const struct sr_conf_origin *from = node != NULL ? node->origin : problems->fallback;
            size_t line = node != NULL ? node->line : 0;
            char path[SR_CONF_PLACE_MAX];

            rank = rank_of(from, line);
            format_origin(from, line, origin, sizeof(origin));
            (void)snprintf(prefix, sizeof(prefix), "%s: %s", origin,
                sr_conf_node_place(node, where, path, sizeof(path)));
        }
    }
    add(texts, rank, prefix, fmt, ap);
}

void
sr_conf_problem(struct sr_conf_problems *problems, const char *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_located(problems, &problems->found, where, fmt, ap);
    va_end(ap);
}

void
sr_conf_note(struct sr_conf_problems *problems, const char *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_located(problems, &problems->notes, where, fmt, ap);
    va_end(ap);
}

void
sr_conf_problems_locate(struct sr_conf_problems *problems, const struct sr_conf_node *root,
    const struct sr_conf_key *keys, const struct sr_conf_origin *fallback)
{
    problems->root = root;
    problems->keys = keys;
    problems->fallback = fallback;
}

void
sr_conf_problems_sort(struct sr_conf_problems *problems, size_t from)
{
    struct texts *found = &problems->found;

    /* By insertion: few items, and those of one line must keep their order. */
    for (size_t i = from + 1; i < found->count; i++) {
        struct problem item = found->items[i];
        size_t at = i;

        while (at > from && found->items[at - 1].rank > item.rank) {
            found->items[at] = found->items[at - 1];
            at--;
        }
        found->items[at] = item;
    }
}
