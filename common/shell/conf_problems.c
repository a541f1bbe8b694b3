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

struct sr_conf_problems {
    struct problem items[PROBLEMS_MAX];
    size_t count;
    size_t seen; /* those that were not kept included */
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
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].text);
    }
    free(problems);
}

size_t
sr_conf_problems_count(const struct sr_conf_problems *problems)
{
    return problems->count;
}

const char *
sr_conf_problems_text(const struct sr_conf_problems *problems, size_t i)
{
    const char *text = problems->items[i].text;

    return text != NULL ? text : "out of memory; free some and try again";
}

size_t
sr_conf_problems_seen(const struct sr_conf_problems *problems)
{
    return problems->seen;
}

/* Adds "PREFIX: " and the formatted text. Texts are printed on terminals: nothing may steer one. */
static void __attribute__((format(printf, 4, 0)))
add(struct sr_conf_problems *problems, size_t rank, const char *prefix, const char *fmt, va_list ap)
{
    char *text = NULL;
    char *whole = NULL;

    problems->seen++;
    if (problems->count == PROBLEMS_MAX) {
        return;
    }
    if (problems->count == PROBLEMS_MAX - 1) {
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
    problems->items[problems->count++] = (struct problem){ .text = text, .rank = rank };
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
    add(problems, rank_of(origin, line), prefix, fmt, ap);
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

void
sr_conf_problem(struct sr_conf_problems *problems, const char *where, const char *fmt, ...)
{
    char origin[512];
    char prefix[1024];
    size_t rank = SIZE_MAX;
    bool known = false;
    va_list ap;

    (void)snprintf(prefix, sizeof(prefix), "%s", where != NULL ? where : "");
    if (where != NULL && problems->root != NULL) {
        const struct sr_conf_node *node = find_given(problems, where, &known);

        if (known) {
            const struct sr_conf_origin *from = node != NULL ? node->origin : problems->fallback;
            size_t line = node != NULL ? node->line : 0;

            rank = rank_of(from, line);
            format_origin(from, line, origin, sizeof(origin));
            (void)snprintf(prefix, sizeof(prefix), "%s: %.256s", origin, where);
        }
    }
    va_start(ap, fmt);
    add(problems, rank, prefix, fmt, ap);
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
    /* By insertion: few items, and those of one line must keep their order. */
    for (size_t i = from + 1; i < problems->count; i++) {
        struct problem item = problems->items[i];
        size_t at = i;

        while (at > from && problems->items[at - 1].rank > item.rank) {
            problems->items[at] = problems->items[at - 1];
            at--;
        }
        problems->items[at] = item;
    }
}
