/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_SNAPSHOT_H_INCLUDED
#define SHELL_SNAPSHOT_H_INCLUDED

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sr/runtime.h"

/*
 * A configuration in use and what the program made of it: immutable, held by every worker that
 * decodes with it. A reload installs a new one; each worker changes over between two batches, and
 * the last holder frees the old.
 */
struct sr_snapshot {
    void *config;
    void *state;      /* the program's */
    bool owns_config; /* false for the one that the runtime keeps to the end */
    unsigned holders; /* under sr_snapshots.mutex */
};

struct sr_snapshots {
    const struct sr_program *program;
    pthread_mutex_t mutex; /* guards `current` and all `holders` */
    struct sr_snapshot *current;
    _Atomic uint64_t generation; /* moves with every install */
};

/* How records are written that go where `config` (of a struct sr_conf_common) says. */
struct sr_form_options sr_snapshot_form(const void *config);

void sr_snapshots_init(struct sr_snapshots *all, const struct sr_program *program);

/* Lets go of the current one. The workers must have let go of theirs. */
void sr_snapshots_done(struct sr_snapshots *all);

/*
 * Makes `config` the current one. When it succeeds, the snapshot takes `config` if `owns_config`
 * says so. False with `error` filled when the program cannot work with it: nothing has changed.
 */
bool sr_snapshot_install(
    struct sr_snapshots *all, void *config, bool owns_config, char *error, size_t error_size);

/* The current snapshot, held until sr_snapshot_release(); *ret_generation says which it is. */
struct sr_snapshot *sr_snapshot_hold(struct sr_snapshots *all, uint64_t *ret_generation);

/* NULL is fine. */
void sr_snapshot_release(struct sr_snapshots *all, struct sr_snapshot *s);

#endif
