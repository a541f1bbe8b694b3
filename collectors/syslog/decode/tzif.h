/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_TZIF_H_INCLUDED
#define SYSLOG_TZIF_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* Compiled zones have up to about 240 changes, and two a year are added. */
#define TZIF_CHANGES_MAX 1024

enum tzif_err {
    TZIF_OK = 0,
    TZIF_EMAGIC, /* not a TZif file of version 2 or later */
    TZIF_ETRUNC, /* the file ends inside a header or block */
    TZIF_ETYPE,  /* no local time type, or one that is not there, or an absurd offset */
    TZIF_EORDER, /* changes are not in order */
    TZIF_ERULE,  /* the rule in the footer is malformed */
    TZIF_EMANY,  /* more than TZIF_CHANGES_MAX changes */
};

/* A sentence about `err`. */
const char *tzif_strerror(enum tzif_err err);

/* One change of the offset from UTC. */
struct tzif_change {
    int64_t at;     /* seconds since 1970 in UTC */
    int32_t offset; /* from then on, seconds east of Greenwich */
};

/* A zone: `before` applies until the first change. Changes of the name only are left out. */
struct tzif {
    int32_t before;
    size_t count;
    struct tzif_change change[TZIF_CHANGES_MAX];
};

/*
 * Reads a compiled time zone (RFC 8536) from `file`, and writes the changes that its footer rules
 * out for later years down one by one, up to `last_year`. On an error *ret_zone is undefined.
 */
enum tzif_err tzif_parse(struct sr_span file, int32_t last_year, struct tzif *ret_zone);

#endif
