/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_RUNTIME_H_INCLUDED
#define SR_RUNTIME_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/conf.h"
#include "sr/conf_common.h"
#include "sr/emit.h"

/*
 * What makes a collector of the shared runtime: the configuration it takes and what it does with
 * one datagram. Everything else - command line, listeners, queue, sinks, metrics, signals - is the
 * same in all of them.
 */
struct sr_program {
    const char *name;                    /* "serviceradar-syslog" */
    const char *about;                   /* one line of --help */
    const struct sr_conf_schema *schema; /* of a struct that begins with sr_conf_common */
    size_t listener_size;                /* of a struct that begins with sr_conf_listener */

    /*
     * Makes what decoding needs of a configuration: immutable, shared by all threads, swapped as a
     * whole on a reload. `config` outlives it. Returns an owned snapshot, or NULL with `error`.
     */
    void *(*open)(const void *config, char *error, size_t error_size);
    void (*close)(void *snapshot);

    /* What one receiving thread needs for itself. Owned; NULL without memory. */
    void *(*scratch_new)(void);
    void (*scratch_free)(void *scratch);

    /* One datagram of the listener with this index. Runs on any receiving thread. */
    enum sr_verdict (*datagram)(const void *snapshot, unsigned listener, void *scratch,
        uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
        const struct sr_emit *emit);
};

/* main() of a collector. Returns the exit code: 0, 1 failed at run time, 2 usage or configuration.
 */
int sr_program_main(const struct sr_program *program, int argc, char **argv);

#endif
