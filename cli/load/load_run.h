/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_LOAD_RUN_H_INCLUDED
#define CLI_LOAD_LOAD_RUN_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "load/load_options.h"
#include "load/profile.h"
#include "load/traffic.h"
#include "send/send.h"
#include "trouble.h"
#include "verify/verify.h"

/* What came of a run. */
struct load_result {
    uint32_t run;
    uint64_t records;     /* of messages that were sent */
    uint64_t first, last; /* marks of these, when there are any */
    struct send_totals totals;
    double seconds;
    char message[SEND_MESSAGE_MAX]; /* what ended sending, or "" */
    bool has_ledger;
    struct ledger_sums ledger;
    bool verify_failed; /* the stream could not be read to its end: `trouble` */
    struct trouble trouble;
};

/* All is borrowed. */
struct load_run {
    struct load_options *options;
    const struct profile *profile;
    struct traffic *traffic;
    volatile sig_atomic_t *stop; /* ends sending; when it is set again, verification */
    struct load_result *result;
};

/*
 * Sends and, if asked for, verifies. Returns an exit code: EXIT_SUCCESS with the result, else
 * `trouble` says why nothing was sent.
 */
int load_run(const struct load_run *run, struct trouble *trouble);

#endif
