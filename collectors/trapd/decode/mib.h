/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_MIB_H_INCLUDED
#define TRAPD_DECODE_MIB_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * Names of object identifiers, as `serviceradar-cli mib compile` writes them: one table of fixed
 * layout that is mapped into memory and never parsed. Readers are pure functions over its bytes;
 * whatever these are, nothing outside of them is read.
 */

/* What a node of the tree is. */
enum mib_kind { MIB_NODE = 0, MIB_OBJECT, MIB_NOTIFICATION };

/* How the value of an object is shown (SYNTAX of RFC 2578, textual conventions resolved). */
enum mib_syntax {
    MIB_SYNTAX_NONE = 0,
    MIB_SYNTAX_INTEGER,
    MIB_SYNTAX_UNSIGNED,
    MIB_SYNTAX_COUNTER32,
    MIB_SYNTAX_COUNTER64,
    MIB_SYNTAX_TIME_TICKS,
    MIB_SYNTAX_OCTETS,
    MIB_SYNTAX_BITS,
    MIB_SYNTAX_IP_ADDRESS,
    MIB_SYNTAX_OBJECT_IDENTIFIER,
    MIB_SYNTAX_OPAQUE,
};

/* Of a notification, where its MIB says it. */
enum mib_severity {
    MIB_SEVERITY_NONE = 0,
    MIB_SEVERITY_INFO,
    MIB_SEVERITY_WARNING,
    MIB_SEVERITY_MINOR,
    MIB_SEVERITY_MAJOR,
    MIB_SEVERITY_CRITICAL,
};

struct mib_node {
    struct sr_span module; /* "IF-MIB" */
    struct sr_span name;   /* "ifIndex" */
    struct sr_span hint;   /* DISPLAY-HINT (RFC 2579 section 3.1), empty: none */
    enum mib_kind kind;
    enum mib_syntax syntax;
    enum mib_severity severity;
    uint32_t labels; /* of an enumeration or of BITS: for mib_label(); 0: none */
    unsigned depth;  /* arcs of the identifier that name the node; the rest is its index */
};

/* Where most identifiers begin, so that lookups need not: enterprises, mib-2, snmpModules. */
#define MIB_TRUNKS 3U
struct mib_trunk {
    uint32_t node;       /* 0: the table has none there */
    uint32_t info;       /* of the deepest name on the way, 0: none */
    uint32_t info_depth; /* its arcs */
};

/* A table in memory. Borrows the bytes, which must not change meanwhile. */
struct mib_table {
    struct sr_span bytes;
    uint32_t node_count, info_bytes, label_bytes, string_bytes; /* sizes of its parts */
    struct mib_trunk trunks[MIB_TRUNKS];
};

/* False when the bytes are no table, of another version, or cut short. Looks at little of them. */
bool mib_table_open(struct sr_span bytes, struct mib_table *ret_table);

/* The names of the RFCs that everybody needs, which are part of the program. */
const struct mib_table *mib_standard(void);

/* The deepest node that is the identifier or stands above it. False when there is none. */
bool mib_find(
    const struct mib_table *table, const uint32_t *arcs, unsigned count, struct mib_node *ret_node);

/*
 * The identifier that a module calls by this name, in `arcs` with room for BER_SUB_IDS_MAX. Looks
 * at every node. False when there is none.
 */
bool mib_find_name(const struct mib_table *table, struct sr_span module, struct sr_span name,
    uint32_t *arcs, unsigned *ret_count);

/* The label of a number of an enumeration, or of a bit of BITS; empty when it has none. */
struct sr_span mib_label(const struct mib_table *table, uint32_t labels, int64_t number);

#endif
