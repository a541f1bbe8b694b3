/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SUITE_H_INCLUDED
#define CLI_SUITE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/* What the collectors publish on, and what keeps it: the contract between issuer and daemons. */

#define SUITE_DEADLETTER ".deadletter"
#define SUITE_SUBJECT_MAX 128 /* with a tenant before it and SUITE_DEADLETTER behind it */
#define SUITE_SUBJECTS_PER_ENTRY 3

/* A kind of collector: the subjects it publishes on, NULL behind the last. */
struct suite_role {
    const char *name;
    const char *subjects[SUITE_SUBJECTS_PER_ENTRY + 1];
};

/* A stream of every tenant, over the mapped subjects and their dead letters. */
struct suite_stream {
    const char *name;
    const char *subjects[SUITE_SUBJECTS_PER_ENTRY + 1];
    int64_t max_bytes;
    unsigned window_s; /* how long the server remembers message ids; each costs it 240 bytes */
};

/* Tables that end with an entry whose name is NULL. */
extern const struct suite_role suite_roles[];
extern const struct suite_stream suite_streams[];

/* Room that the streams of one tenant take at most. */
int64_t suite_tenant_bytes(void);

#endif
