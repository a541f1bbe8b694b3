/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_V5_LAYOUT_H_INCLUDED
#define NETFLOW_DECODE_V5_LAYOUT_H_INCLUDED

/*
 * Where the fields of a record of NetFlow v1, v5 and v7 are ("NetFlow Export Datagram Format",
 * Cisco). The first 36 bytes are the same in all.
 */
enum {
    NF_V5_SRC_ADDR = 0,
    NF_V5_DST_ADDR = 4,
    NF_V5_NEXT_HOP = 8,
    NF_V5_INPUT = 12,
    NF_V5_OUTPUT = 14,
    NF_V5_PACKETS = 16,
    NF_V5_OCTETS = 20,
    NF_V5_FIRST = 24,
    NF_V5_LAST = 28,
    NF_V5_SRC_PORT = 32,
    NF_V5_DST_PORT = 34,
    NF_V5_TCP_FLAGS = 37,
    NF_V5_PROTO = 38,
    NF_V5_TOS = 39,
    NF_V5_SRC_AS = 40,
    NF_V5_DST_AS = 42,
    NF_V5_SRC_MASK = 44,
    NF_V5_DST_MASK = 45,
    NF_V1_TCP_FLAGS = 40,
};

#endif
