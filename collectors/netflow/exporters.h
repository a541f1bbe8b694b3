/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_EXPORTERS_H_INCLUDED
#define NETFLOW_EXPORTERS_H_INCLUDED

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/exporter.h"
#include "ledger.h"

#include "sr/peer.h"
#include "sr/rate.h"

/*
 * The exporters of one listener by address, shared by its receiving threads.
 *
 * Who uses an exporter holds it, and locks it for the time that its state is read or changed. An
 * exporter that is held is not freed. Both the number of exporters and the memory of their states
 * are bounded: a new one takes the place of another that nobody holds. Of these, first come those
 * that never told a template (spoofed addresses, and v5, of which only counters go), as long as
 * they are at least one in EXPORTERS_PLAIN_PART; among equals the one not used for longest,
 * roughly. So whoever invents addresses takes no place from exporters with templates, unless these
 * fill nearly all of the table.
 */
#define EXPORTERS_PLAIN_PART 16U
#define EXPORTERS_MEMORY_PART 8U /* one exporter's state takes at most this part of the memory */

struct exporters;

/* What is looked at to find it stands in front: one line of the processor's cache. */
struct exporter {
    struct exporter *chain; /* of the bucket; of evicted ones */
    struct exporters *table;
    uint64_t hash;
    struct sr_peer peer; /* without a port */
    _Atomic unsigned holds;
    _Atomic bool was_used;    /* since the clock's hand came by */
    _Atomic bool is_kept;     /* has_told, and holds something still */
    _Atomic bool has_waiting; /* sets that wait for their template */
    bool in_kept;             /* which list it is in */

    pthread_mutex_t lock;
    /* Guarded by `lock`. */
    struct nf_exporter *state;
    struct sr_rate rate;
    struct nf_memory memory; /* of `state` */
    size_t memory_used;
    uint64_t told_nothing; /* the generation of a new state */
    bool has_told;         /* a template, a rate or a name */
    bool told_of_waiting;  /* in the log */

    /* The table's. */
    size_t slot;
    struct exporter *before, *after;
};

/* Returns an owned table, or NULL without memory. `max` >= 1 exporters, `memory` bytes of state. */
struct exporters *exporters_new(size_t max, uint64_t memory);
void exporters_free(struct exporters *t); /* whoever held one does not use it any more */

/* The exporter of that address, held; NULL when there is none. */
struct exporter *exporters_find(struct exporters *t, const struct sr_peer *peer);

/*
 * The same, made when it is new (*ret_new). Exporters that had to go for it are out of the table
 * and chained in *ret_evicted: the caller takes what it needs of their states, and then calls
 * exporters_bury(). NULL without memory, or when all others are held.
 */
struct exporter *exporters_hold(
    struct exporters *t, const struct sr_peer *peer, bool *ret_new, struct exporter **ret_evicted);

/* Frees the first of evicted ones, whose counts go to the sum of all that are gone. Returns the
 * next one. */
struct exporter *exporters_bury(struct exporter *evicted);

/*
 * Reads one exporter off `*saved` as nf_exporter_load() does. One of the same address is replaced.
 * Returns it, held, or NULL.
 */
struct exporter *exporters_load(
    struct exporters *t, const struct nf_config *config, struct sr_span *saved, uint64_t now_ns);

/* True when it has the address of that peer. */
bool exporter_is(const struct exporter *e, const struct sr_peer *peer);

/* Locks and unlocks one that is held. The latter notes what became of it. */
void exporters_lock(struct exporter *e);
void exporters_unlock(struct exporter *e);

/* Holds it no more: it may be gone at once. NULL is fine. */
void exporters_release(struct exporter *e);

/*
 * Goes through all: up to `max` exporters, held, from `*cursor` (0 first) on; 0 at the end. New
 * ones may be missed. `waiting_only`: those with sets that wait for their template.
 */
size_t exporters_next(
    struct exporters *t, size_t *cursor, bool waiting_only, struct exporter **ret_held, size_t max);

/* Forgets the counts of exporters that are gone: they are not of this run. */
void exporters_forget_gone(struct exporters *t);

/* How many there are, what they take, and how often one had to go. */
struct exporters_status {
    uint64_t count, kept, memory, evicted;
};
void exporters_status(struct exporters *t, struct exporters_status *ret_status);

/* The counts of one exporter for a report. */
struct exporters_row {
    struct sr_peer peer;
    struct ledger ledger;
};

/*
 * The `max` exporters with most records, most first, into `rows`; *ret_total is the sum over these,
 * all others and all that are gone. Returns how many rows.
 */
size_t exporters_report(
    struct exporters *t, struct exporters_row *rows, size_t max, struct ledger *ret_total);

#endif
