/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SUITE_H_INCLUDED
#define SR_SUITE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the collectors publish on, and what keeps it: the contract between issuer and daemons. */

#define SR_SUITE_DEADLETTER ".deadletter"
#define SR_SUITE_SUBJECT_MAX 128 /* with a tenant before it and SR_SUITE_DEADLETTER behind it */
#define SR_SUITE_SUBJECTS_PER_ENTRY 3

/* A kind of collector: the subjects it publishes on, NULL behind the last. */
struct sr_suite_role {
    const char *name;
    const char *subjects[SR_SUITE_SUBJECTS_PER_ENTRY + 1];
};

/* A stream of every tenant, over the mapped subjects and their dead letters. */
struct sr_suite_stream {
    const char *name;
    const char *subjects[SR_SUITE_SUBJECTS_PER_ENTRY + 1];
    int64_t max_bytes;
    unsigned window_s; /* how long the server remembers message ids; each costs it 240 bytes */
};

/* Tables that end with an entry whose name is NULL. */
extern const struct sr_suite_role sr_suite_roles[];
extern const struct sr_suite_stream sr_suite_streams[];

/* Bytes of the name of an instance, of which there are several of one kind on a host; with NUL. */
#define SR_SUITE_INSTANCE_MAX 33

/* Whether it can be one: 1 to 32 letters, digits, '_' and '-', of which it does not begin. */
bool sr_suite_instance_is_fine(const char *instance);

/* Room that the streams of one tenant take at most. */
int64_t sr_suite_tenant_bytes(void);

#endif
