/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_SHOWN_H_INCLUDED
#define TRAPD_DECODE_SHOWN_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/message.h"
#include "decode/names.h"
#include "sr/buf.h"
#include "sr/span.h"

/* As what a value is shown. */
enum trap_show {
    TRAP_SHOW_WORD = 0, /* what stands for no value, "noSuchObject" */
    TRAP_SHOW_SIGNED,
    TRAP_SHOW_UNSIGNED,
    TRAP_SHOW_FLOAT,
    TRAP_SHOW_LABEL, /* of an enumeration */
    TRAP_SHOW_BITS,  /* labels of the bits that are set */
    TRAP_SHOW_HINT_INTEGER,
    TRAP_SHOW_HINT_OCTETS,
    TRAP_SHOW_IDENTIFIER,
    TRAP_SHOW_ADDRESS,
    TRAP_SHOW_TEXT,
    TRAP_SHOW_HEX,
};

/* A value and how it is shown. Borrows the message and the tables. */
struct trap_shown {
    enum trap_show how;
    bool is_cut; /* there is more than `octets` */
    struct sr_span octets;
    int64_t number; /* TRAP_SHOW_SIGNED and of a hint; the bits of TRAP_SHOW_UNSIGNED */
    double real;    /* TRAP_SHOW_FLOAT, never infinite */
    const char *word;
    struct sr_span label;
    struct sr_span hint;
    const struct mib_table *table; /* of TRAP_SHOW_BITS */
    uint32_t labels;
};

/* A word of [a-z0-9_] for a type. Static. */
const char *trap_type_word(uint8_t type);

/* True for types whose values are octets, and for those that there are not. */
bool trap_type_is_octets(uint8_t type);

/*
 * How the value of a varbind is shown: as the MIB of its name says where that goes with the type
 * it was sent with, else as the type says. `name` may be without a MIB.
 */
void trap_shown_of(
    const struct trap_name *name, const struct trap_varbind *varbind, struct trap_shown *ret_shown);

/* What trap_shown_of() and writing it are, besides looking at the type: TRAP_EFFORT. */
uint32_t trap_shown_effort(const struct trap_name *name, const struct trap_varbind *varbind);

/* True when it is shown by other means than its type alone: by a MIB, or what is in an Opaque. */
bool trap_shown_says_more(const struct trap_shown *shown, uint8_t type);

/* Cuts what is longer than a line of text can have. */
void trap_shown_cut(struct trap_shown *shown);

/*
 * Appends it to a JSON string whose quotes the caller writes. Identifiers are named by `config`.
 */
void trap_shown_write(
    struct sr_buf *b, const struct trap_config *config, const struct trap_shown *shown);

/* Appends it as a JSON value: numbers up to INT64_MAX without quotes, and null for no value. */
void trap_shown_json(
    struct sr_buf *b, const struct trap_config *config, const struct trap_shown *shown);

#endif
