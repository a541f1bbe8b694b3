/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_MIB_FORMAT_H_INCLUDED
#define TRAPD_DECODE_MIB_FORMAT_H_INCLUDED

/*
 * The layout of a table of names, shared by its reader (decode/mib.c) and its writer
 * (mib/builder.c). All numbers are little-endian, at any alignment. Four parts follow each other:
 *
 *     head     MIB_HEAD_SIZE bytes
 *     nodes    node_count records of MIB_NODE_SIZE bytes
 *     labels   label_bytes bytes
 *     strings  string_bytes bytes
 *
 * Nodes are the tree of identifiers, the root first. The children of a node are one run of records,
 * sorted by arc. Arcs that no module names are nodes with an empty name.
 *
 * A string is its length (two bytes) and its bytes, named by where it begins in its part. A set of
 * labels is a count (four bytes) and so many pairs of a number (four bytes, two's complement,
 * ascending) and the string of its name, named likewise. Offset 0 of both parts is "none": two or
 * four zero bytes.
 */

/* The first eight bytes; the last of them is the version. */
#define MIB_MAGIC "SRMIBTB\x01"
#define MIB_MAGIC_SIZE 8

/* Where the fields of the head are, four bytes each. */
#define MIB_HEAD_NODE_COUNT 8
#define MIB_HEAD_LABEL_BYTES 12
#define MIB_HEAD_STRING_BYTES 16
#define MIB_HEAD_RESERVED 20 /* zero */
#define MIB_HEAD_SIZE 24

/* Where the fields of a node are: four bytes each, from MIB_NODE_KIND on one byte each. */
#define MIB_NODE_ARC 0
#define MIB_NODE_FIRST 4 /* the record of the first child */
#define MIB_NODE_CHILDREN 8
#define MIB_NODE_MODULE 12 /* a string, as the next two */
#define MIB_NODE_NAME 16
#define MIB_NODE_HINT 20
#define MIB_NODE_LABELS 24
#define MIB_NODE_KIND 28 /* enum mib_kind, enum mib_syntax, enum mib_severity, zero */
#define MIB_NODE_SYNTAX 29
#define MIB_NODE_SEVERITY 30
#define MIB_NODE_RESERVED 31
#define MIB_NODE_SIZE 32

/* Size of one pair of a set of labels. */
#define MIB_LABEL_SIZE 8

/* RFC 2578 section 3.5: an identifier has at most 128 arcs. */
#define MIB_ARCS_MAX 128

#endif
