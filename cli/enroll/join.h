/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_JOIN_H_INCLUDED
#define CLI_ENROLL_JOIN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/bundle.h"
#include "enroll/bundle_check.h"
#include "enroll/generation.h"
#include "enroll/record.h"
#include "trouble.h"

/*
 * From a bundle to a collector that runs with it: check everything, put the files in place as one
 * generation, prove that the credentials work, start the unit; back to what was there before when a
 * step fails. `enroll`, `bundle apply` and `renew` differ only in where the bundle comes from.
 */

/* Exit codes of the commands, beyond EXIT_SUCCESS and EXIT_USAGE. */
enum join_exit {
    JOIN_EXIT_TOKEN = 3,
    JOIN_EXIT_NETWORK = 4,
    JOIN_EXIT_SERVER = 5,
    JOIN_EXIT_BUNDLE = 6,
    JOIN_EXIT_FILES = 7,
    JOIN_EXIT_ROLLED_BACK = 8,
};

/* What is done beyond files (join_ops.h). */
struct join_ops;

/* Borrowed for the calls. NULL is the default. */
struct join_options {
    const char *root;                /* "" is the host */
    enum bundle_collector collector; /* --collector; BUNDLE_UNTOLD: the bundle's */
    const char *instance;            /* one of several of its kind; NULL or "": none */
    const char *config_dir;          /* /etc/serviceradar */
    const char *cert_dir;            /* /etc/serviceradar/certs */
    const char *creds_dir;           /* /etc/serviceradar/creds */
    const char *daemon_dir;          /* where the daemons are: beside this program, else PATH */
    bool no_restart;
    bool no_proof; /* there is no server to reach from here: for images and offline hosts */
    bool force;
    bool dry_run;
    /*
     * New credentials for a collector that is enrolled: a configuration that an operator changed
     * stays, a unit that is off stays off, and one that runs is restarted only for a new
     * configuration, as the daemons see new credentials by themselves.
     */
    bool renewal;
    uint64_t now_s;
    const struct join_ops *ops; /* the system's */
};

/* One line of what was or would be done; `level` is 'o' done, 'w' a warning, 'i' information. */
typedef void join_say_cb(void *arg, char level, const char *text);

/*
 * What can be known before a token is spent: paths writable, space, the service user, the daemon,
 * a clock after 2025, an enrolment that is there. Writes nothing, but takes back what a process
 * before put in place and did not come to prove (never with `dry_run`).
 */
bool join_preflight(struct generations *g, const struct join_options *options,
    enum bundle_collector collector, join_say_cb *say, void *arg, struct trouble *trouble);

/*
 * Does it all. `raw` is the bundle as it came, `record` what is known of where it came from
 * (package, URL, pin, token hash, keys of the host, moments; 0 for enrolled_s is now or as before);
 * its collector, paths and unit are filled in here. `*ret_changed`
 * is false when everything was so already. `*ret_exit` is one of join_exit on failure.
 *
 * A failed proof is a failure whatever its reason: a collector that was never seen to work is not
 * left behind. The host is as it was then, and `raw` is kept for `bundle apply --kept`. `force`
 * lets a user's missing permission pass in the check of the bundle, but not in the proof.
 *
 * SIGINT, SIGTERM and SIGHUP are held back while files are new and unproven, and are a failure
 * then.
 */
bool join_apply(struct generations *g, const struct join_options *options,
    const struct bundle *bundle, struct sr_span raw, struct record *record, join_say_cb *say,
    void *arg, bool *ret_changed, int *ret_exit, struct trouble *trouble);

#endif
