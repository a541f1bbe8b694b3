/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_BENCH_NETFLOW_DECODE_H_INCLUDED
#define TESTS_BENCH_BENCH_NETFLOW_DECODE_H_INCLUDED

#include <stdint.h>

#include "decode/datagram.h"

/* What the parts of bench_netflow_decode share. */

/* CPU time of this process in nanoseconds. */
double bench_nanoseconds(void);

/* The limits that the daemon has by default. */
struct nf_config bench_config(enum nf_format format);

/* The median of `count` figures, which it puts in order. */
double bench_median(double *figures, size_t count);

/* Ends with an error when there is no memory. */
struct nf_exporter *bench_exporter(const struct sr_peer *peer);

/* A sink that takes everything: messages are written one behind the other into some memory. */
extern const struct sr_emit bench_emit;
extern struct nf_scratch bench_scratch;
extern uint64_t bench_messages; /* that it took */
extern uint64_t bench_bytes;

/* Prints the time of each of the most expensive datagrams that are known. */
void bench_worst(void);

#endif
