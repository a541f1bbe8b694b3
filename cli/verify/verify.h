/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_VERIFY_H_INCLUDED
#define CLI_VERIFY_VERIFY_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"
#include "trouble.h"

/*
 * Whether all that was sent is stored once: reads a stream from its present end on while `replay`
 * or `load` send, and compares. The reading has a thread of its own.
 */
struct verify;

/* Strings are borrowed until verify_close(). */
struct verify_options {
    const char *url;        /* nats:// or tls:// */
    const char *creds_file; /* NULL: none */
    const char *ca_file;    /* NULL: the system's authorities */
    const char *cert_file;  /* NULL: none is shown */
    const char *key_file;
    const char *stream;
    const char *subject; /* NULL: all of the stream */
    uint64_t window;     /* messages that a publisher may have in flight: larger disorder is told */
    unsigned quiet_s;    /* so long after the last record nothing more is waited for */
    /*
     * The number of a record of this run, from 0 on: false when it is not of this run. Called by
     * the thread that reads.
     */
    bool (*read)(void *arg, struct sr_span record, uint64_t *ret_sequence);
    void *arg;
};

/* Percentiles of the time from sending to being stored, in ns. */
struct verify_latency {
    uint64_t median, p90, p99, p999, largest;
};

/* Each record that was sent is in `stored` or in `missing`. */
struct verify_ledger {
    uint64_t expected;
    uint64_t stored; /* once or more often */
    uint64_t missing;
    uint64_t doubled;    /* stored more often than they were sent: the surplus */
    uint64_t unexpected; /* of this run, but never sent */
    uint64_t others;     /* records of others in the stream since the start: not looked at */
    uint64_t dead;       /* dead letters since the start */
    uint64_t disorder; /* the largest distance by which one came behind a later one of its source */
    struct verify_latency latency;
};

/*
 * Connects, finds the end of the stream and begins to read: what is stored from now on is seen.
 * Returns false with `trouble`.
 */
bool verify_open(
    const struct verify_options *options, struct verify **ret_verify, struct trouble *trouble);

/*
 * Told by the sender, in any order and at most once for each: so many records with this number are
 * to be stored, and the message was given to the network at `wall_ns`.
 */
void verify_sent(struct verify *v, uint64_t sequence, uint32_t records, uint64_t wall_ns);

/*
 * Waits until all are stored, none has come for `quiet_s`, or `stop` is set. Returns false with
 * `trouble` when the stream could not be read to its end; the ledger is filled then, too.
 */
bool verify_finish(struct verify *v, const volatile sig_atomic_t *stop,
    struct verify_ledger *ret_ledger, struct trouble *trouble);

/* Whether the ledger says that nothing was lost, doubled or out of order by more than a window. */
bool verify_is_fine(const struct verify_options *options, const struct verify_ledger *ledger);

/* Prints the ledger for people, or as the members of a JSON object without its braces. */
void verify_print(const struct verify_ledger *ledger, bool json);

/* Ends reading and frees; NULL is allowed. */
void verify_close(struct verify *v);

#endif
