/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_SEQUENCE_H_INCLUDED
#define NETFLOW_DECODE_SEQUENCE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

/*
 * What sequence numbers tell of one domain: how many units never came. Units are flows in v5 (and
 * v7), messages in v9 (RFC 3954 section 5.1), data records in IPFIX (RFC 7011 section 3.1). v1 has
 * no numbers. 32-bit numbers that wrap.
 */

/* How far a number may be from the expected one and still belong to the same numbering. */
#define NF_SEQUENCE_WINDOW (UINT32_C(1) << 20)
#define NF_SEQUENCE_GAPS 16U /* gaps that are remembered, so that who comes late fills one */
/* So many messages that follow each other behind the expected number are no duplicates. */
#define NF_SEQUENCE_RUN 16U

struct nf_sequence {
    bool started;
    bool uncertain;    /* units of messages before are not known: the next number is believed */
    uint32_t expected; /* the next number */
    struct {
        uint32_t from, units;
    } gaps[NF_SEQUENCE_GAPS];
    unsigned gap_count;
    /* Messages in a row, up to the last one, that looked like duplicates and followed each other:
     * an exporter that restarted begins like this. */
    unsigned run;
    uint32_t run_next;
    bool run_uncertain;
};

enum nf_sequence_verdict {
    NF_SEQUENCE_FIRST = 0,
    NF_SEQUENCE_IN_ORDER,
    NF_SEQUENCE_GAP,       /* *ret_units are missing */
    NF_SEQUENCE_LATE,      /* fills a gap: *ret_units are missing no more (0: it has none) */
    NF_SEQUENCE_DUPLICATE, /* a number that was there already */
    NF_SEQUENCE_RESTART,   /* a numbering of its own begins */
};

/*
 * A message with number `number` holds `units`. In IPFIX its number counts the units before it,
 * like in v5; in v9 `units` is 1. `unknown`: it holds units that cannot be counted (a set without
 * template), so that the next number is believed. *ret_units is 0 where nothing is said of it.
 * What is more than NF_SEQUENCE_WINDOW away begins a numbering of its own, and so do messages
 * behind that follow each other for longer than NF_SEQUENCE_RUN. Pure.
 */
enum nf_sequence_verdict nf_sequence_take(
    struct nf_sequence *s, uint32_t number, uint32_t units, bool unknown, uint32_t *ret_units);

#endif
