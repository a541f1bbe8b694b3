/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_JOIN_DESK_H_INCLUDED
#define TESTS_UNIT_JOIN_DESK_H_INCLUDED

#include "enroll/join.h"
#include "enroll/join_ops.h"
#include "generation_host.h"

/*
 * A root to enrol in, a bundle, and daemons that are shell scripts: their configuration is in the
 * form that --print-config has, and one that says "refuse" is refused. All asserts.
 */

#define DESK_NOW 1800000000

/* What the functions of join_ops shall do, and what they were asked. */
struct desk_world {
    enum proof_result proof;
    bool ends;           /* the process ends in the proof, as by kill -9 */
    int signal;          /* comes during the proof; 0: none */
    enum unit_state was; /* of the unit before */
    bool starts;         /* the unit does */
    unsigned proofs, started, restored;
    struct unit_ports streams; /* that the unit was started with */
    char target[6][512]; /* of the last proof: URL, credentials, certificate, key, CA, subject */
};
extern struct desk_world desk_world;

/* Makes keys, certificates and the daemons; before and after all tests. */
int desk_open(void **state);
int desk_close(void **state);

/* The bundle of a collector, with the paths of the platform. `tail` is added to the configuration.
 * Valid until the next call. */
struct bundle desk_bundle(enum bundle_collector collector, const char *tail);

/* Credentials that may publish on `subject` only. */
void desk_allow(struct bundle *bundle, const char *subject);

/* Options for the root of `host`; the world is reset: all works, the unit is inactive. */
struct join_options desk_options(const struct host *host);

/* What came of a run. */
struct desk_result {
    bool ok, changed;
    int exit;
    struct trouble trouble;
    struct record record;
    char said[16384]; /* "L text\n" for each line */
};

/* Opens the generations with `ops` (NULL: without faults), joins, closes. */
struct desk_result desk_join(const struct join_options *options, const struct file_ops *ops,
    const struct bundle *bundle, const char *raw);

#endif
