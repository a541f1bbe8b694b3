/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_STATE_H_INCLUDED
#define NETFLOW_STATE_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "decode/datagram.h"
#include "exporters.h"
#include "netflow.h"
#include "state_file.h"

#include "sr/log.h"

/* What lives as long as the process: what is known of exporters, and its file. */

struct state_listener {
    const char *name;        /* its address, as configured; borrowed of the first configuration */
    struct nf_config config; /* of the start: for what is read from the file */
    struct exporters *exporters;
    _Atomic uint64_t next_sweep_ns;      /* wall clock */
    uint64_t memory;                     /* bytes that states of exporters may take */
    _Atomic uint64_t stream_memory_used; /* by connections; written by the thread of them all */
    struct sr_log_limit conflicts, waits, no_memory;
};

struct state {
    bool is_daemon;          /* else `decode`, which logs nothing */
    struct state_file *file; /* NULL: nothing is kept */
    _Atomic bool is_failing; /* the file cannot be written */
    struct sr_log_limit failures;
    uint64_t next_write_ns;     /* monotonic; of who maintains */
    struct nf_scratch *scratch; /* for what the file holds */
    uint8_t *buffer;            /* for one exporter on its way to the file; of who maintains */
    size_t buffer_size;
    unsigned listener_count;
    struct state_listener listeners[];
};

/*
 * Returns an owned state, or NULL with `error`: without memory. `config` is borrowed to the end.
 * With `daemon` it reads and keeps the file; a file that cannot be used is logged, and no error.
 */
struct state *state_new(
    const struct netflow_conf *config, bool daemon, char *error, size_t error_size);
void state_free(struct state *s);

/* Writes the file anew when it should be, brings it to the disk. One thread. */
void state_maintain(struct state *s, bool last);

/* Writes families of metrics. From any thread. */
void state_report(struct state *s, FILE *out);

#endif
