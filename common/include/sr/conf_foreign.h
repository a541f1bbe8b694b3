/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CONF_FOREIGN_H_INCLUDED
#define SR_CONF_FOREIGN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "sr/conf.h"

/*
 * Configuration files in the shape of another program, read as if they were ours. A program
 * describes that shape once: which keys it has and what becomes of each. The loader sees by the
 * keys at the top of a file which shape it has, makes native keys of it, and goes on as ever:
 * environment, --set, checks, --print-config. Each value keeps its line and the name the user gave
 * it, so that problems speak of the user's file.
 *
 * Keys of that shape which we do not serve are accepted and told in one note; keys that nobody
 * knows are an error, as in our own files.
 */

/* A value of the user's file. */
struct sr_conf_node;

/* One section of the user's file, and the native section that its keys go to. */
struct sr_conf_foreign {
    struct sr_conf_foreign_run *run;  /* this load */
    const struct sr_conf_foreign *up; /* what it stands in; NULL at the top */
    const struct sr_conf_node *given;
    const char *written;            /* its path in the user's file; "" at the top */
    struct sr_conf_node *target;    /* the native section */
    const struct sr_conf_key *keys; /* the table of `target` */
};

/* What becomes of one key. With neither `to` nor `take` it is accepted and not served. */
struct sr_conf_foreign_key {
    const char *name; /* NULL ends a table */

    /*
     * Dotted path of the native key, from the section's target. When that is a number, the user's
     * value must be a whole number, and one out of the native range becomes the nearest in range,
     * with a note.
     */
    const char *to;
    const char *unit; /* of a number, as the native key spells it: "ms"; NULL: none */
    bool required;    /* not to be left out */

    /* Instead of `to`: does with the value what is right. */
    void (*take)(const struct sr_conf_foreign *section, const struct sr_conf_node *value);
};

/*
 * The shape of another program's file. `keys` are those at its top. A file has this shape when one
 * of them is in it that is no native key; if it also has a native one that is none of these, then
 * it has both, which is an error.
 */
struct sr_conf_foreign_shape {
    const char *name; /* as users know the file: "flow-collector.json" */
    const struct sr_conf_foreign_key *keys;
    /* After all keys were taken; may be NULL. */
    void (*finish)(const struct sr_conf_foreign *top);

    /* Files in TOML have this shape, and no others have. Else no file in TOML is read. */
    bool toml;

    /*
     * May be NULL. The path of another file of this shape, when the one at hand only says where
     * that is; else NULL. What is wrong with it is reported, also then.
     */
    const char *(*elsewhere)(const struct sr_conf_foreign *top);
};

/*
 * Takes the keys of a section one by one, in the order of the file. A value of null is one that
 * was not given. Reports unknown keys and required ones that are missing.
 */
void sr_conf_foreign_read(
    const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *keys);

/* The same with no word about other keys: they are somebody else's. */
void sr_conf_foreign_read_some(
    const struct sr_conf_foreign *section, const struct sr_conf_foreign_key *keys);

/* The value of a key in the user's section, NULL when it is absent or null. */
const struct sr_conf_node *sr_conf_foreign_find(
    const struct sr_conf_foreign *section, const char *name);

/*
 * The section in `value`, with the same target; what stands below it is written as PATH.NAME.
 * False, and a problem, when it is no section.
 */
bool sr_conf_foreign_below(const struct sr_conf_foreign *section, const struct sr_conf_node *value,
    struct sr_conf_foreign *ret_below);

/*
 * Item `index` of the list in `value`, with the same target. False at the end of the list; also,
 * with a problem, when `value` is no list, or (index by index) the item no section: then
 * ret_item->given is NULL, and the next one may be one.
 */
bool sr_conf_foreign_item(const struct sr_conf_foreign *section, const struct sr_conf_node *value,
    size_t index, struct sr_conf_foreign *ret_item);

/*
 * Value `index` of a section whose names are the user's own, and its name; false at the end.
 */
bool sr_conf_foreign_entry(const struct sr_conf_foreign *section, size_t index,
    const char **ret_name, const struct sr_conf_node **ret_value);

/* Text `index` of a list of texts (one text is a list of one); NULL at its end. */
const char *sr_conf_foreign_word(const struct sr_conf_node *value, size_t index);

/* Adds an item to the native list of sections `to`; it becomes the target of *section. */
void sr_conf_foreign_add_item(struct sr_conf_foreign *section, const char *to);

/* Adds a text of `value`, which is copied, to the native list `to`; the section is the list. */
void sr_conf_foreign_add_text(const struct sr_conf_foreign *section, const char *to,
    const struct sr_conf_node *value, const char *text);

/* The text of a value; NULL, and a problem, when it has none. */
const char *sr_conf_foreign_text(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);

/* Gives the native key `to` the text, which is copied; it comes from `value`. */
void sr_conf_foreign_put(const struct sr_conf_foreign *section, const char *to,
    const struct sr_conf_node *value, const char *text);

/* Gives it a text that stands nowhere in the file: what the shape as such means. */
void sr_conf_foreign_set(const struct sr_conf_foreign *section, const char *to, const char *text);

/* Text that lives as long as the load, formatted; "" without memory. */
const char *sr_conf_foreign_format(const struct sr_conf_foreign *section, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A problem with `value`, NULL for the section as such. Says what to do about it. */
void sr_conf_foreign_problem(const struct sr_conf_foreign *section,
    const struct sr_conf_node *value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Tells the user something of `value`, NULL for the section, which is no problem. */
void sr_conf_foreign_note(const struct sr_conf_foreign *section, const struct sr_conf_node *value,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Names `value` in the note of what is not served. */
void sr_conf_foreign_leave_out(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value);

#endif
