/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_GENERATE_TRAP_H_INCLUDED
#define CLI_LOAD_GENERATE_TRAP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/generate.h"
#include "load/snmp_user.h"

/*
 * Traps of v1, v2c and v3, each with its mark in a varbind of its own (ifAlias). They are made
 * once; what differs from one to the next (mark, request id, uptime) is put into a copy, and those
 * of v3 are then protected. Time is an argument.
 */
#define TRAP_KINDS_MAX 8U
#define TRAP_COLUMNS_MAX 200U /* varbinds beside those that a trap has in any case */

struct trap_kind {
    enum trap_version version;
    uint64_t weight;
    unsigned columns; /* varbinds of interfaces beside the mark, up to TRAP_COLUMNS_MAX */
    size_t size;      /* a varbind of words fills it up to at most so many bytes; 0: none does */
};

/* Strings are borrowed. */
struct trap_load {
    struct trap_kind kinds[TRAP_KINDS_MAX];
    size_t kind_count;
    uint32_t sources;
    uint32_t run;                /* of the marks */
    const char *community;       /* of v1 and v2c */
    struct snmp_account account; /* of v3 */
    struct sr_span engine;       /* what engine ids begin with, up to 28 bytes: see below */
    uint64_t start_ns;           /* when the engines started: their boots are made of it */
};

struct trap_generator;

enum trap_generator_err {
    TRAP_GENERATOR_OK = 0,
    TRAP_GENERATOR_EMEMORY,
    TRAP_GENERATOR_EWEIGHTS, /* mix_init() */
    TRAP_GENERATOR_ESIZE,    /* a trap is larger than its `size`, or than a datagram */
    TRAP_GENERATOR_EKEYS,    /* OpenSSL does not offer an algorithm here */
};

/*
 * Makes traps and keys. The engine of a source has the id `engine` with its index in four more
 * bytes. Boots are the seconds from 2020 to `start_ns`: an engine that starts again is later than
 * it was. Returns owned: trap_generator_free().
 */
enum trap_generator_err trap_generator_new(
    const struct trap_load *load, struct trap_generator **ret_generator);

/* What is wrong, and what helps: half a sentence each. Static. */
const char *trap_generator_strerror(enum trap_generator_err err);
const char *trap_generator_remedy(enum trap_generator_err err);

/* The longest message, and what encryption takes beside it. */
size_t trap_generator_room(const struct trap_generator *g);

/* Writes the next trap, sent at `wall_ns`, into `out`. False when OpenSSL fails. */
bool trap_generate(struct trap_generator *g, uint64_t wall_ns, uint8_t *out, struct generated *ret);

/* Wipes the keys; NULL is allowed. */
void trap_generator_free(struct trap_generator *g);

#endif
