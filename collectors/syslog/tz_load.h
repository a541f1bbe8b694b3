/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_TZ_LOAD_H_INCLUDED
#define SYSLOG_TZ_LOAD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "decode/tz.h"

/* Where distributions keep the compiled IANA database. */
#define TZ_SYSTEM_DIR "/usr/share/zoneinfo"

/* Up to this year clocks change as the rules of today say; later ones keep the last offset. */
#define TZ_LAST_YEAR 2100

enum tz_load_err {
    TZ_LOAD_OK = 0,
    TZ_LOAD_EDIR,    /* a directory cannot be read; errno says why */
    TZ_LOAD_EFILE,   /* a file cannot be read; errno says why */
    TZ_LOAD_EFORMAT, /* a file starts like a time zone and is malformed */
    TZ_LOAD_ENONE,   /* the directory holds no time zone */
    TZ_LOAD_ELIMIT,  /* more names or changes than the table can hold */
    TZ_LOAD_EMEM,    /* out of memory */
};

/* A sentence about `err`. */
const char *tz_load_strerror(enum tz_load_err err);

/* The system's time zones, owned. */
struct tz_db {
    struct tz_table table;
    size_t zone_count; /* distinct ones: names that are links share a zone */
    size_t bytes;      /* memory taken */
};

/*
 * Compiles the zones below `dir` into *ret_db, which the caller owns and gives to tz_db_free().
 * Left out are posix/, right/, localtime, posixrules, Factory and whatever is no TZif file. On an
 * error the path it is about stands in `where` (`size` bytes, NUL-terminated, cut if need be).
 */
enum tz_load_err tz_load(const char *dir, struct tz_db *ret_db, char *where, size_t size);

/* Whether `dir` has a zone of that name: an early look; what tz_load() reads counts. */
bool tz_is_known(const char *dir, const char *name);

/* Frees what tz_load() gave. A zeroed *db is fine. */
void tz_db_free(struct tz_db *db);

/*
 * The name of the local zone, found as upstream finds it: the variable TZ if it is not empty, else
 * the first line of `etc`/timezone, else the target of the link `etc`/localtime behind "zoneinfo/".
 * `etc` is "/etc" but for tests. False when none of them says, or the name does not fit into `name`
 * (`size` bytes). Whether the zone exists is for tz_find() to tell.
 */
bool tz_local_name(const char *etc, char *name, size_t size);

#endif
