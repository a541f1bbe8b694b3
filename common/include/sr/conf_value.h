/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CONF_VALUE_H_INCLUDED
#define SR_CONF_VALUE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/conf.h"

/* The pure half of the configuration module: from text to values and back. */

enum sr_conf_err {
    SR_CONF_OK = 0,
    SR_CONF_ENUMBER,  /* does not start with decimal digits, or goes on after them */
    SR_CONF_ENOUNIT,  /* a duration other than 0 without a unit */
    SR_CONF_EUNIT,    /* the unit is not known */
    SR_CONF_ERANGE,   /* does not fit 64 bits */
    SR_CONF_EBOOL,    /* none of true false yes no on off */
    SR_CONF_ECONTROL, /* holds a control character */
    SR_CONF_EUTF8,    /* is not UTF-8 */
};

/* What is wrong, as half a sentence. */
const char *sr_conf_strerror(enum sr_conf_err err);

/* true, yes, on; false, no, off. Errors: EBOOL. */
enum sr_conf_err sr_conf_parse_bool(const char *text, bool *ret_value);

/* Decimal digits only. Errors: ENUMBER, ERANGE. */
enum sr_conf_err sr_conf_parse_uint(const char *text, uint64_t *ret_value);

/*
 * Bytes: digits, then nothing or B, or KiB MiB GiB TiB (powers of 1024), or KB MB GB TB (powers of
 * 1000). Errors: ENUMBER, EUNIT, ERANGE.
 */
enum sr_conf_err sr_conf_parse_size(const char *text, uint64_t *ret_bytes);

/*
 * Nanoseconds: digits, then ns us ms s m h or d; the unit may be left out of 0 only. Errors:
 * ENUMBER, ENOUNIT, EUNIT, ERANGE.
 */
enum sr_conf_err sr_conf_parse_duration(const char *text, uint64_t *ret_ns);

/* Room for any text that sr_conf_format_* writes, NUL included. */
#define SR_CONF_UNIT_TEXT_MAX 32

/* Writes the shortest exact text that parses back to `value`; returns `text`. */
const char *sr_conf_format_uint(uint64_t value, char text[SR_CONF_UNIT_TEXT_MAX]);
const char *sr_conf_format_size(uint64_t bytes, char text[SR_CONF_UNIT_TEXT_MAX]);
const char *sr_conf_format_duration(uint64_t ns, char text[SR_CONF_UNIT_TEXT_MAX]);

/* As above by the key's type, which is UINT, SIZE or DURATION. */
const char *sr_conf_format(
    enum sr_conf_type type, uint64_t value, char text[SR_CONF_UNIT_TEXT_MAX]);

/* Text must be UTF-8 (RFC 3629) without C0 and C1 control characters. Errors: ECONTROL, EUTF8. */
enum sr_conf_err sr_conf_check_text(const char *text, size_t len);

/* Index of `text` among the NULL-terminated `choices`, -1 when it is none of them. */
int sr_conf_choice(const char *const *choices, const char *text);

/* Words longer than this are never alike. */
#define SR_CONF_WORD_MAX 64

/*
 * Edit distance: the number of letters to insert, delete, change or swap with a neighbour.
 * SIZE_MAX for a word above SR_CONF_WORD_MAX.
 */
size_t sr_conf_distance(const char *a, const char *b);

/* The choice or key most like `word`, borrowed from the table; NULL when none is like it. */
const char *sr_conf_nearest_choice(const char *const *choices, const char *word);
const char *sr_conf_nearest_key(const struct sr_conf_key *keys, const char *word);

/* The key of that name in one table, or NULL. */
const struct sr_conf_key *sr_conf_key_find(const struct sr_conf_key *keys, const char *name);

/*
 * The next part of a dotted path, cut at '.'. *path moves behind it, to NULL after the last.
 * False, with nothing changed, when the part is empty or does not fit `part_size`.
 */
bool sr_conf_path_next(const char **path, char *part, size_t part_size);

/*
 * Turns SR_NATS__CREDS_FILE into "nats.creds_file". False for a name without the SR_ prefix or
 * with a lower-case letter in it, and when the path does not fit.
 */
bool sr_conf_env_path(const char *name, char *path, size_t path_size);

union sr_conf_value {
    bool flag;       /* BOOL */
    uint64_t number; /* UINT, SIZE, DURATION */
    int choice;      /* CHOICE */
};

/* Room for any message of the two functions below. */
#define SR_CONF_MESSAGE_MAX 512

/*
 * Reads a scalar of a key that is not a list or section and checks its range. NULL and the value
 * in *ret_value (untouched for STRING), or `message`: what is wrong and what to do. The value of a
 * secret is never quoted.
 */
const char *sr_conf_read_value(const struct sr_conf_key *key, const char *text,
    union sr_conf_value *ret_value, char message[SR_CONF_MESSAGE_MAX]);

/* Checks the number of items given for a STRINGS or SECTIONS, as sr_conf_read_value. */
const char *sr_conf_check_count(
    const struct sr_conf_key *key, uint64_t count, char message[SR_CONF_MESSAGE_MAX]);

#endif
