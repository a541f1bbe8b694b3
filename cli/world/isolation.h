/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_WORLD_ISOLATION_H_INCLUDED
#define CLI_WORLD_ISOLATION_H_INCLUDED

#include <stdbool.h>

#include "sr/suite.h"
#include "world/world.h"

/* One thing that a user must not be able to do, and whether it could not. */
struct isolation {
    char user[WORLD_NAME_MAX + 16]; /* as "acme/syslog" */
    const char *action;             /* "publish", "subscribe", "reach" */
    char subject[SR_SUITE_SUBJECT_MAX];
    bool refused;
};

typedef void isolation_cb(void *arg, const struct isolation *result);

/*
 * Tries, for every tenant, what would cross into the next: each collector's credentials publish on
 * the other tenant's subjects and subscribe to everything, and the platform user publishes on the
 * other's mapped subjects while the other listens. Calls `cb` with each result. False, after a
 * complaint, when the server cannot be asked.
 */
bool isolation_prove(const struct world *w, isolation_cb *cb, void *arg);

#endif
