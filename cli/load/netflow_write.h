/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_NETFLOW_WRITE_H_INCLUDED
#define CLI_LOAD_NETFLOW_WRITE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "load/mark.h"

/*
 * Datagrams as routers export them: NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011). Those of data
 * are made once and stamped again and again. Pure.
 */
enum netflow_format {
    NETFLOW_V5 = 0, /* records of 48 bytes */
    NETFLOW_V9,     /* of 20 fields, 55 bytes */
    NETFLOW_IPFIX,  /* of 20 fields, 70 bytes */
    NETFLOW_FORMATS,
};

#define NETFLOW_FIRST_TEMPLATE 256U
#define NETFLOW_OPTIONS_TEMPLATE 1024U
#define NETFLOW_DATAGRAM_MAX 1472U  /* bytes of a full one over Ethernet */
#define NETFLOW_LONGEST 65507U      /* bytes of a datagram, IPv4 */
#define NETFLOW_TEMPLATE_MAX 84U    /* bytes of one template in its set */
#define NETFLOW_OPTIONS_MAX 96U     /* bytes of a datagram with options */
#define NETFLOW_SAMPLING_MAX 16383U /* 14 bits in the header of v5 */

/* "v5", "v9" or "ipfix". Static. */
const char *netflow_format_name(enum netflow_format format);

/* Records of a full datagram over Ethernet. */
unsigned netflow_full_records(enum netflow_format format);

/* How many records fit into a datagram of so many bytes; at most what the format allows. */
unsigned netflow_fitting_records(enum netflow_format format, size_t bytes);

/* Bytes of a datagram with so many records. */
size_t netflow_data_length(enum netflow_format format, unsigned records);

/*
 * Writes a datagram of so many records (of netflow_fitting_records() at most) and returns its
 * length. The same `seed` gives the same records. Those of v9 and IPFIX are of template `id`.
 */
size_t netflow_write_data(
    enum netflow_format format, unsigned records, uint32_t seed, uint16_t id, uint8_t *out);

/*
 * Writes a datagram with `count` templates, all of one layout, from NETFLOW_FIRST_TEMPLATE on, and
 * returns its length; 0 for v5, which has none. `out` has room for 24 bytes and
 * NETFLOW_TEMPLATE_MAX for each.
 */
size_t netflow_write_templates(enum netflow_format format, unsigned count, uint8_t *out);

/*
 * Writes a datagram that says with options that one packet of `sampling` was looked at (RFC 3954
 * section 6.1, RFC 7011 section 3.4.2), and returns its length, at most NETFLOW_OPTIONS_MAX; 0 for
 * v5, whose header says it: netflow_set_sampling().
 */
size_t netflow_write_options(enum netflow_format format, uint32_t sampling, uint8_t *out);

/* Of v5: `sampling` up to NETFLOW_SAMPLING_MAX. Others are left alone. */
void netflow_set_sampling(enum netflow_format format, uint8_t *datagram, uint32_t sampling);

/* Puts an observation domain (source id of v9, the lower 16 bits as engine of v5) into it. */
void netflow_set_domain(enum netflow_format format, uint8_t *datagram, uint32_t domain);

/* Puts a sequence number and the time of export into a datagram. */
void netflow_stamp(
    enum netflow_format format, uint8_t *datagram, uint32_t sequence, uint32_t seconds);

/*
 * Gives the records of a datagram the marks from `first` on, one each. Times of IPFIX, which are
 * absolute, are moved to shortly before `wall_ms`; once, as the datagram was written.
 */
void netflow_mark(enum netflow_format format, uint8_t *datagram, unsigned records,
    const struct mark *first, uint64_t wall_ms);

/* By how much the sequence number grows over a datagram with so many data records. */
uint32_t netflow_units(enum netflow_format format, unsigned records);

#endif
