/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TOML_VALUE_H_INCLUDED
#define CORE_TOML_VALUE_H_INCLUDED

/* Private to the reader of TOML: the text, and the values that are one word or string. */

#include <stdbool.h>

#include "sr/buf.h"
#include "sr/toml.h"

struct toml_reader {
    const uint8_t *pos, *end;
    const uint8_t *line_start;
    size_t line;
    const struct sr_toml_room *room;
    size_t node_count;
    struct sr_buf text;         /* where strings and numbers are written to */
    struct sr_toml_node *table; /* which keys go to */
    size_t depth;               /* of `table` */
    enum sr_toml_err err;
    struct sr_toml_place *place;
};

/* Notes the first error, here. Always true, so that a caller can return its opposite. */
bool toml_fail(struct toml_reader *r, enum sr_toml_err err);

/* The byte `ahead` of the next one; -1 behind the end. */
int toml_peek(const struct toml_reader *r, size_t ahead);

/* Skips spaces and tabs. */
void toml_skip_blanks(struct toml_reader *r);

/* Skips a comment, up to the end of its line; without one it does nothing. */
bool toml_skip_comment(struct toml_reader *r);

/* Skips an LF or CR LF; false when there is none. */
bool toml_skip_newline(struct toml_reader *r);

/* Reads a string of any kind, whose quotes come next. */
bool toml_read_string(struct toml_reader *r, struct sr_span *ret_text);

/* Reads a string, number or boolean into the node. */
bool toml_read_scalar(struct toml_reader *r, struct sr_toml_node *node);

#endif
