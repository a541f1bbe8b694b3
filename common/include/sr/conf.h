/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CONF_H_INCLUDED
#define SR_CONF_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sr/span.h"
#include "sr/suite.h"

/*
 * Configuration by table. A program describes its keys once (struct sr_conf_key); loading,
 * checking, printing, --help and the rule of what a reload may touch all follow from that table.
 *
 * Values come from, later ones winning: the table's defaults, the file (YAML or JSON), the
 * environment (SR_NATS__CREDS_FILE, SR_LISTENERS__0__LISTEN), --set (nats.creds_file=...).
 */

/* What a key holds, with the C type at its offset. */
enum sr_conf_type {
    SR_CONF_STRING,   /* const char *; NULL when neither given nor defaulted */
    SR_CONF_BOOL,     /* bool; true false yes no on off */
    SR_CONF_UINT,     /* uint64_t; decimal */
    SR_CONF_SIZE,     /* uint64_t, bytes; "512", "64KiB", "2GiB", "10MB" */
    SR_CONF_DURATION, /* uint64_t, nanoseconds; "30s", "500ms"; without a unit only 0 */
    SR_CONF_CHOICE,   /* int, the index in `choices` */
    SR_CONF_STRINGS,  /* struct sr_conf_strings; one scalar is a list of one */
    SR_CONF_SECTION,  /* the struct that `keys` describes, embedded */
    SR_CONF_SECTIONS, /* struct sr_conf_sections */
};

struct sr_conf_strings {
    size_t count;
    const char **items;
};

struct sr_conf_sections {
    size_t count;
    void *items; /* array of `count` structs of key->item_size bytes */
};

/* Whether a running program can take a new value. */
enum sr_conf_reload {
    SR_CONF_RESTART = 0,
    SR_CONF_RELOAD,
};

/* An ordered list of texts: "FILE:LINE: KEY: what is wrong; what to do". */
struct sr_conf_problems;

/* One key of a table. Offsets are relative to the struct that the table describes. */
struct sr_conf_key {
    const char *name; /* lower case, [a-z0-9_], no "__"; NULL ends a table */
    enum sr_conf_type type;
    size_t offset;
    const char *def; /* default as it would be written after --set KEY=; NULL: none */

    /*
     * Range of a given UINT, SIZE or DURATION, and of the count of a given STRINGS or SECTIONS.
     * max 0: no limit. An absent SECTIONS gets `min` items of defaults.
     */
    uint64_t min, max;

    const char *const *choices;     /* CHOICE: names, NULL-terminated */
    const struct sr_conf_key *keys; /* SECTION, SECTIONS: the table of the children */
    size_t item_size;               /* SECTIONS: size of one item */
    bool secret;                    /* masked by print, never quoted in a problem */
    bool is_file;                   /* STRING, STRINGS: names a file that must be readable */

    /*
     * For SECTION, only the children's matter. For SECTIONS it says whether items may be added
     * and removed; the children say which keys of items that stay may change.
     */
    enum sr_conf_reload reload;

    const char *help; /* one sentence; becomes the man page */

    /*
     * Optional: NULL when fine, else what is wrong and what to do, in words; either a constant or
     * `text`, which the check may write to. `item` is the struct that encloses the value. Called
     * when the value itself was read without a problem. Rows above it in the table are read by
     * then; one that had a problem holds its default, or nothing.
     */
    const char *(*check)(const void *item, char *text, size_t text_size);
};

struct sr_conf_foreign_shape;

/* The configuration of one program. */
struct sr_conf_schema {
    const char *program;
    const struct sr_conf_key *keys;
    size_t size; /* of the struct that `keys` describes */

    /*
     * Optional check across keys. Called even when something is wrong already, so that one run
     * shows everything: a key with a problem holds its default, or nothing. Reports with
     * sr_conf_problem(); a `where` that is the path of a key ("listeners[0].listen") is shown with
     * the file and line that the value came from.
     */
    void (*check)(const void *config, struct sr_conf_problems *problems);

    /* Another shape of file that is read as well (sr/conf_foreign.h). NULL: none. */
    const struct sr_conf_foreign_shape *foreign;
};

/* Returns an owned, empty list, or NULL without memory. */
struct sr_conf_problems *sr_conf_problems_new(void);

/* Frees the list and its texts. NULL is fine. */
void sr_conf_problems_free(struct sr_conf_problems *problems);

/* Number of problems; at most 100 are kept, the last one then says that there are more. */
size_t sr_conf_problems_count(const struct sr_conf_problems *problems);

/* Text of problem `i` < count, borrowed from the list until it is next changed or freed. */
const char *sr_conf_problems_text(const struct sr_conf_problems *problems, size_t i);

/* Adds "WHERE: " (when `where` is not NULL) and the formatted text. Control bytes become '?'. */
void sr_conf_problem(struct sr_conf_problems *problems, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Notes, in a list of their own: what a user should know of a configuration that has no problem.
 * Counted, read and limited as problems are.
 */
size_t sr_conf_notes_count(const struct sr_conf_problems *problems);
const char *sr_conf_notes_text(const struct sr_conf_problems *problems, size_t i);

/* Adds a note as sr_conf_problem() adds a problem. */
void sr_conf_note(struct sr_conf_problems *problems, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Several collectors of one kind on a host are instances: each has a name, and by default a
 * queue.dir and metrics.listen of its own. One whose configuration is called "netflow@site2.yaml"
 * is the instance "site2" of serviceradar-netflow.
 */
/*
 * The instance that the configuration `file` is of, "" when it is of none. False when it is called
 * as that of one, by a name that none can have.
 */
bool sr_conf_instance_of(const char *program, const char *file, char ret[SR_SUITE_INSTANCE_MAX]);

/* "netflow" of "serviceradar-netflow". Points into `program`. */
const char *sr_conf_short_name(const char *program);

/* Where to read from. Borrowed for the call. */
struct sr_conf_source {
    const char *file;           /* NULL: no file, defaults only */
    const char *const *choices; /* what sr_conf_choose() takes `file` from, the best first */
    size_t choice_count;
    char instance[SR_SUITE_INSTANCE_MAX]; /* "": none */
    const char *const *sets; /* "dotted.path=value", in order; lists by index: listeners.0.listen */
    size_t set_count;
    bool use_environment; /* apply SR_* variables */
    bool files_later;     /* files that values name need not be there: nothing will read them */
};

/*
 * Sets source->file to the first of source->choices that exists, to the only one whether it exists
 * or not, or to NULL without any. `unread` gets the names of those behind it that exist too and are
 * not read, "" when there are none. False when none exists: `problems` says so and what to do.
 */
bool sr_conf_choose(struct sr_conf_source *source, const char *program, char *unread,
    size_t unread_size, struct sr_conf_problems *problems);

/* Logs one warning with what sr_conf_choose() found to be unread, if anything. */
void sr_conf_log_unread(const struct sr_conf_source *source, const char *unread);

/*
 * Reads, overrides and checks a configuration. Returns an owned struct of schema->size bytes;
 * it and everything in it live until sr_conf_free(). Returns NULL when anything is wrong, with
 * every problem added to `problems` in order of file line, then environment, then --set.
 */
void *sr_conf_load(const struct sr_conf_schema *schema, const struct sr_conf_source *source,
    struct sr_conf_problems *problems);

/*
 * As sr_conf_load, with the file's content given instead of read; source->file is only the name
 * used in problems (NULL: "(text)").
 */
void *sr_conf_load_text(const struct sr_conf_schema *schema, const struct sr_conf_source *source,
    struct sr_span text, struct sr_conf_problems *problems);

/* Frees what sr_conf_load returned. NULL is fine. */
void sr_conf_free(void *config);

/*
 * Prints the effective configuration as YAML that loads back to the same, with secrets as
 * "********" and strings that are not set as comments.
 */
void sr_conf_print(const struct sr_conf_schema *schema, const void *config, FILE *out);

/*
 * Path of the first key that differs between two configurations of one schema and needs a
 * restart, written to `text` and returned; NULL when there is none. `text_size` is at least 1; the
 * path ends before the first part that does not fit.
 */
const char *sr_conf_restart_key(const struct sr_conf_schema *schema, const void *now,
    const void *next, char *text, size_t text_size);

/* Prints every key with its type, unit, range, default and help, for --help and man pages. */
void sr_conf_describe(const struct sr_conf_schema *schema, FILE *out);

/*
 * Prints YAML to begin a configuration file with: all sections, and in comments all keys with help,
 * type, range and default. Each "#KEY: VALUE" may lose its "#"; the file has the same effect with
 * and without them. `defaults` was loaded from nothing.
 */
void sr_conf_example(const struct sr_conf_schema *schema, const void *defaults, FILE *out);

#endif
