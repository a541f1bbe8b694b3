/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_TOML_H_INCLUDED
#define SR_TOML_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * A reader of TOML 1.0 as configuration files use it, into memory of the caller. Dates and arrays
 * of tables (`[[name]]`) are refused by name; all else of the language is read.
 */

#define SR_TOML_DEPTH_MAX 16 /* tables and arrays in each other */
#define SR_TOML_KEYS_MAX 256 /* keys of a table */

enum sr_toml_err {
    SR_TOML_OK = 0,
    SR_TOML_EUTF8,
    SR_TOML_ECONTROL, /* a control character, or a CR without its LF */
    SR_TOML_EKEY,     /* no key where one belongs */
    SR_TOML_EEQUALS,  /* a key without `=` */
    SR_TOML_EHEADER,  /* `[` without its `]` */
    SR_TOML_EARRAYS,  /* an array of tables */
    SR_TOML_EVALUE,   /* no value where one belongs */
    SR_TOML_ETEXT,    /* a word without quotes */
    SR_TOML_ENUMBER,  /* what begins as a number and is none */
    SR_TOML_ERANGE,   /* a whole number beyond 64 bits */
    SR_TOML_EDATE,    /* a date or time */
    SR_TOML_EESCAPE,  /* a backslash before what it cannot stand before */
    SR_TOML_EQUOTE,   /* a string without its end */
    SR_TOML_ELIST,    /* an array without `,` or `]` */
    SR_TOML_EINLINE,  /* an inline table without `,` or `}`, or over several lines */
    SR_TOML_EREST,    /* something behind a value or a header */
    SR_TOML_ETWICE,   /* a name that has a value already */
    SR_TOML_EDEPTH,   /* more than SR_TOML_DEPTH_MAX */
    SR_TOML_EKEYS,    /* more than SR_TOML_KEYS_MAX */
    SR_TOML_EROOM,    /* more values than there are nodes, or more text than there is room */
};

/* What is wrong and what to do about it, for a problem with a file. */
const char *sr_toml_strerror(enum sr_toml_err err);

enum sr_toml_kind {
    SR_TOML_TABLE,
    SR_TOML_ARRAY,
    SR_TOML_STRING,
    SR_TOML_INTEGER, /* `text` is decimal, whatever the radix was */
    SR_TOML_FLOAT,   /* `text` is as written, without underscores and plus sign */
    SR_TOML_BOOLEAN, /* `text` is true or false */
};

/* Which statement made a table, which decides who may add to it. Of the reader. */
enum sr_toml_made {
    SR_TOML_BY_HEADER,
    SR_TOML_ON_THE_WAY, /* above one that a header named */
    SR_TOML_BY_DOTS,
    SR_TOML_INLINE,
};

/* A value: in a table with its name, in an array without. */
struct sr_toml_node {
    enum sr_toml_kind kind;
    enum sr_toml_made made;
    size_t line;         /* of the name, or of the value in an array; from 1 */
    struct sr_span name; /* without escapes and NULs */
    struct sr_span text; /* of what is neither table nor array; without escapes and NULs */
    struct sr_toml_node *first, *last, *next;
    size_t count;
};

/* Memory for a file. Text never needs more than the length of the file and one byte. */
struct sr_toml_room {
    struct sr_toml_node *nodes;
    size_t node_max; /* one for the file, one for each table and value */
    uint8_t *text;
    size_t text_max;
};

/* Where an error is. */
struct sr_toml_place {
    size_t line, column; /* from 1; the column counts bytes */
    struct sr_span name; /* of ETWICE */
    size_t first_line;   /* of ETWICE: where the name was given before */
};

/*
 * Reads a whole file. *ret_root is a table in room->nodes; all that hangs on it lies in the room.
 * On an error only *ret_place is written. Takes time in proportion to the length of the text.
 */
enum sr_toml_err sr_toml_read(struct sr_span text, const struct sr_toml_room *room,
    struct sr_toml_node **ret_root, struct sr_toml_place *ret_place);

#endif
