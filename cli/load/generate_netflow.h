/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_GENERATE_NETFLOW_H_INCLUDED
#define CLI_LOAD_GENERATE_NETFLOW_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/generate.h"
#include "load/mix.h"
#include "load/netflow_write.h"

/*
 * Exporters that send flows, each flow with its mark in the key. Each source has an exporter for
 * every kind, with an observation domain and sequence numbers of its own; its templates come first
 * and then again and again. Pure: time is an argument, memory is the caller's.
 */
#define NETFLOW_KINDS_MAX 8U

struct netflow_kind {
    enum netflow_format format;
    uint64_t weight;
    unsigned records; /* of a datagram, up to netflow_fitting_records() */
};

struct netflow_load {
    struct netflow_kind kinds[NETFLOW_KINDS_MAX];
    size_t kind_count;
    uint32_t sources;
    uint32_t run;          /* of the marks */
    uint64_t templates_ns; /* templates are sent so often */
    uint32_t sampling;     /* one packet of so many, up to NETFLOW_SAMPLING_MAX; 0: not said */
};

struct netflow_exporter {
    uint64_t announced_ns;
    uint32_t sequence; /* on top of the generator's first number */
    uint8_t step;      /* enum step */
};

struct netflow_generator {
    struct netflow_load load;
    struct mix mix;
    struct netflow_exporter *exporters; /* by source and kind */
    /* Another one for each run, or its datagrams would look like copies of those of the last. */
    uint32_t first_number;
    uint8_t *pool;                    /* datagrams of all kinds */
    size_t starts[NETFLOW_KINDS_MAX]; /* where those of a kind begin there */
    uint64_t index;                   /* messages with records so far */
    uint64_t sequence;                /* of the next mark */
};

/* Bytes of memory that netflow_generator_init() wants. */
size_t netflow_generator_memory(const struct netflow_load *load);

/* The longest message. */
size_t netflow_generator_room(const struct netflow_load *load);

/* Borrows the memory, aligned as malloc() does. False when the weights are none: mix_init(). */
bool netflow_generator_init(
    struct netflow_generator *g, const struct netflow_load *load, void *memory);

/* Writes the next message, sent at `wall_ns`, into `out`. */
void netflow_generate(
    struct netflow_generator *g, uint64_t wall_ns, uint8_t *out, struct generated *ret);

#endif
