/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SPOOLER_H_INCLUDED
#define SR_SPOOLER_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/queue.h"

struct sr_counters;

/*
 * The thread that moves segments between memory and disk: writes them when memory gets short and
 * reads them before the reader comes to them, removes the files of what is settled, keeps the
 * files' progress true to a second, and finds out when a disk that took nothing takes data again.
 * Against the loss of power a second thread syncs, which may take long.
 */
struct sr_spooler;

struct sr_spooler_options {
    struct sr_queue *queue;       /* borrowed; not of SR_QUEUE_MEMORY */
    struct sr_counters *counters; /* borrowed: synced with the segments; may be NULL */
    bool sync;                    /* once a second, for the loss of power */
    bool counters_stale;          /* the file of counters is the last process's, not to be kept */
    uint64_t round_ns;            /* between rounds of progress, probes and syncs; 0: a second */
};

/* Starts the thread; before any lane has a writer or a reader. NULL when it cannot. */
struct sr_spooler *sr_spooler_start(const struct sr_spooler_options *options);

/*
 * Ends the thread. Writers and reader have ended: everything unsettled is written to disk, and how
 * far it was settled. Returns the records that could not be written. Frees. NULL is fine: 0.
 */
uint64_t sr_spooler_stop(struct sr_spooler *s);

#endif
