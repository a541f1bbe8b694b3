/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_MIB_FORMAT_H_INCLUDED
#define TRAPD_DECODE_MIB_FORMAT_H_INCLUDED

/*
 * The layout of a table of names, shared by its reader (decode/mib.c) and its writer
 * (mib/builder.c). All numbers are little-endian. Five parts follow each other:
 *
 *     head     MIB_HEAD_SIZE bytes
 *     nodes    node_count records of MIB_NODE_SIZE bytes
 *     infos    info_bytes bytes
 *     labels   label_bytes bytes
 *     strings  string_bytes bytes
 *
 * A lookup waits for memory more than for anything else, so what it walks through is small enough
 * for caches, and what it finds is in one place. Nodes are the tree of identifiers, the root first,
 * without its leaves: nine of ten names have nothing below them. The children of a node that are
 * nodes are one run of records, sorted by arc. Those that are leaves are infos: for arcs without
 * many gaps in steps of as many bytes as the longest one needs, the first one for MIB_NODE_LEAF_ARC
 * (a gap is an info without a name); else MIB_NODE_LEAF_STEP is 0, and there is a list of so many
 * pairs of an arc and an info (MIB_PAIR_SIZE), sorted by arc.
 *
 * An info is what is said of one name, and the name itself. Infos are named by where they begin in
 * their part; 0 is "none". Arcs that no module names are nodes without an info.
 *
 * A string is its length (two bytes) and its bytes, named by where it begins in its part. A set of
 * labels is a count (four bytes) and so many pairs of a number (four bytes, two's complement,
 * ascending) and the string of its name, named likewise. Offset 0 of both parts is "none": two or
 * four zero bytes.
 */

/* The first eight bytes; the last of them is the version. */
#define MIB_MAGIC "SRMIBTB\x02"
#define MIB_MAGIC_SIZE 8

/* Where the fields of the head are, four bytes each. */
#define MIB_HEAD_NODE_COUNT 8
#define MIB_HEAD_INFO_BYTES 12
#define MIB_HEAD_LABEL_BYTES 16
#define MIB_HEAD_STRING_BYTES 20
#define MIB_HEAD_RESERVED 24 /* eight bytes, zero */
#define MIB_HEAD_SIZE 32

/* Where the fields of a node are, four bytes each. */
#define MIB_NODE_ARC 0
#define MIB_NODE_INFO 4
#define MIB_NODE_FIRST 8 /* the record of the first child */
#define MIB_NODE_CHILDREN 12
#define MIB_NODE_LEAF_AT 16 /* among the infos */
#define MIB_NODE_LEAF_COUNT 20
#define MIB_NODE_LEAF_ARC 24
#define MIB_NODE_LEAF_STEP 28
#define MIB_NODE_SIZE 32

/* Where the fields of an info are. */
#define MIB_INFO_MODULE 0 /* a string, four bytes, as the next one */
#define MIB_INFO_HINT 4
#define MIB_INFO_LABELS 8    /* four bytes */
#define MIB_INFO_KIND 12     /* enum mib_kind */
#define MIB_INFO_SYNTAX 13   /* enum mib_syntax */
#define MIB_INFO_SEVERITY 14 /* enum mib_severity */
#define MIB_INFO_NAME_LEN 15 /* not 0 */
#define MIB_INFO_NAME 16
#define MIB_INFO_NAME_MAX 255
#define MIB_INFO_ALIGN 16 /* so that none of these fields is in two lines of a cache */

#define MIB_PAIR_SIZE 8

/* Size of one pair of a set of labels. */
#define MIB_LABEL_SIZE 8

/* RFC 2578 section 3.5: an identifier has at most 128 arcs. */
#define MIB_ARCS_MAX 128

#endif
