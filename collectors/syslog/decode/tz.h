/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_TZ_H_INCLUDED
#define SYSLOG_TZ_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * The IANA time zones as one immutable table, filled by whoever can read files and shared by all
 * workers. Names that are links to one zone share its transitions.
 */

struct tz_name {
    uint32_t text; /* offset into `text`, NUL-terminated */
    uint16_t len;
    uint16_t zone; /* index into `zones` */
};

/* From transition `first` on there are `count`, in order; before them `before` applies. */
struct tz_zone {
    uint32_t first;
    uint32_t count;
    int32_t before; /* seconds east of Greenwich */
};

/* Slots of the hash table that hold no name. */
#define TZ_EMPTY_SLOT UINT16_MAX

struct tz_table {
    const struct tz_name *names; /* sorted by name */
    size_t name_count;           /* below TZ_EMPTY_SLOT */
    const char *text;
    const struct tz_zone *zones;
    /*
     * Per transition the local time, in seconds since 1970-01-01T00:00:00 on the wall, from which
     * on the offset of the same index applies. A clock that is put back shows some times twice:
     * the first one counts, so this is the moment of the change on the clock before. A clock that
     * is put forward never shows some times: they keep the offset from before, so this is the
     * moment of the change on the clock after. Either way it is change + max(before, after).
     */
    const int64_t *local;
    const int32_t *offset;
    /* Open addressing from tz_hash() & slot_mask; indexes into `names`. At least one is empty. */
    const uint16_t *slots;
    size_t slot_mask; /* a power of two less one */
    size_t longest;   /* length of the longest name */
};

/* The hash of a name, for filling `slots`. */
uint32_t tz_hash(struct sr_span name);

/*
 * Finds a zone by its exact name, upper and lower case being different. Most words asked for are
 * host names, and are turned down after a look at one slot. A null `table` knows no name.
 */
bool tz_find(const struct tz_table *table, struct sr_span name, uint16_t *ret_zone);

/* The instant, in seconds since 1970 in UTC, when clocks in `zone` show `local`. */
int64_t tz_to_utc(const struct tz_table *table, uint16_t zone, int64_t local);

#endif
