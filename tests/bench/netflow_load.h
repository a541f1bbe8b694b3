/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_NETFLOW_LOAD_H_INCLUDED
#define TESTS_BENCH_NETFLOW_LOAD_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/*
 * The datagrams of the measurements, the same for every receiver: full ones, as routers send them
 * over Ethernet.
 */
enum load_kind {
    LOAD_V5 = 0, /* 30 records of 48 bytes */
    LOAD_V9,     /* 24 records of 20 fields, 55 bytes */
    LOAD_IPFIX,  /* 20 records of 20 fields, 70 bytes */
    LOAD_KINDS,
};

#define LOAD_FIRST_TEMPLATE 256U
#define LOAD_DATAGRAM_MAX 1472U
#define LOAD_TEMPLATE_MAX 84U /* bytes of one template in its set */

/* "v5", "v9" or "ipfix". Static. */
const char *load_name(enum load_kind kind);

/* Records of a datagram. */
unsigned load_records(enum load_kind kind);

/*
 * Writes a datagram of data, LOAD_DATAGRAM_MAX bytes at most, and returns its length. The same
 * `seed` gives the same records. Records of v9 and IPFIX are of template `id`.
 */
size_t load_data(enum load_kind kind, uint32_t seed, uint16_t id, uint8_t *out);

/*
 * Writes a datagram with `count` templates, all of one layout, from LOAD_FIRST_TEMPLATE on, and
 * returns its length; 0 for v5, which has none. `out` has room for 24 bytes and LOAD_TEMPLATE_MAX
 * for each.
 */
size_t load_templates(enum load_kind kind, unsigned count, uint8_t *out);

/* Puts a sequence number and the time of export into a datagram. */
void load_stamp(enum load_kind kind, uint8_t *datagram, uint32_t sequence, uint32_t seconds);

/* By how much the sequence number grows over a datagram with so many data records. */
uint32_t load_units(enum load_kind kind, unsigned records);

#endif
