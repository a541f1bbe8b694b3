/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_VERIFY_H_INCLUDED
#define CLI_VERIFY_VERIFY_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "send/send.h"
#include "sr/span.h"
#include "trouble.h"
#include "verify/ledger.h"

/*
 * Whether all that was sent is stored once: reads a stream from its present end on while `replay`
 * or `load` send, and compares. The reading has a thread of its own.
 */
struct verify;

/* Strings are borrowed until verify_close(). */
struct verify_options {
    const char *url;        /* nats:// or tls://; may hold a user and a password. With `ca_file` or
                               `cert_file` TLS is required of both */
    const char *creds_file; /* NULL: none */
    const char *ca_file;    /* NULL: the system's authorities */
    const char *cert_file;  /* NULL: none is shown */
    const char *key_file;   /* of that certificate */
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

/*
 * Connects, finds the end of the stream and begins to read: what is stored from now on is seen.
 * Returns false with `trouble`.
 */
bool verify_open(
    const struct verify_options *options, struct verify **ret_verify, struct trouble *trouble);

/*
 * For send_options.sent, with the verify as `arg`: `item->records` records with the number
 * `item->sequence` are to be stored, and the message was given to the network at `wall_ns`. At most
 * once for each number; what has no records is not looked at.
 */
void verify_sent(void *verify, const struct send_item *item, uint64_t wall_ns);

/*
 * Waits until all are stored, none has come for `quiet_s`, or `stop` is set. Returns false with
 * `trouble` when the stream could not be read to its end; the ledger is filled then, too.
 */
bool verify_finish(struct verify *v, const volatile sig_atomic_t *stop,
    struct ledger_sums *ret_ledger, struct trouble *trouble);

/*
 * Whether the ledger says that nothing was lost, doubled, sent by nobody or out of order by more
 * than a window. Dead letters and records of others do not count.
 */
bool verify_is_fine(const struct verify_options *options, const struct ledger_sums *ledger);

/*
 * Prints the ledger on standard output for people, in lines, or as the members of a JSON object
 * without its braces (`replay --help` says which).
 */
void verify_print(const struct ledger_sums *ledger, bool json);

/* Ends reading and frees; NULL is allowed. */
void verify_close(struct verify *v);

#endif
