/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_RUNTIME_H_INCLUDED
#define SR_RUNTIME_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sr/conf.h"
#include "sr/conf_common.h"
#include "sr/emit.h"
#include "sr/frame.h"

/*
 * What makes a collector of the shared runtime: the configuration it takes and what it does with
 * one datagram. Everything else - command line, listeners, queue, sinks, metrics, signals - is the
 * same in all of them.
 */
/* How records are written. */
enum sr_form {
    SR_FORM_WIRE = 0, /* as they are published */
    SR_FORM_JSON,     /* `decode`, output stdout, output file with framing ndjson */
    SR_FORM_RAW,      /* decode --format raw */
};

struct sr_form_options {
    enum sr_form form;
    bool options_too; /* decode --options */
};

/* When a request is answered whose record goes to NATS; to another output it is when received. */
enum sr_answer_when {
    SR_ANSWER_STORED = 0, /* JetStream has acknowledged its record */
    SR_ANSWER_RECEIVED,   /* its record is in the queue */
};

struct sr_program {
    const char *name;                    /* "serviceradar-syslog" */
    const char *about;                   /* one line of --help */
    const struct sr_conf_schema *schema; /* of a struct that begins with sr_conf_common */
    size_t listener_size;                /* of a struct that begins with sr_conf_listener */
    bool has_raw_form;                   /* decode --format raw and --options are known */
    bool has_users; /* decode --users is known: the key users_file; not with has_raw_form */
    /* Of messages of several records in SR_FORM_WIRE; NULL: such are never made. */
    const char *batch_content_type;
    bool batch_delimited; /* they have a varint length before each record, else a newline behind it
                           */

    /*
     * What lives as long as the process and is shared by all threads, across reloads; may be NULL,
     * then `state` is NULL below. `daemon`: it may keep files. Returns an owned state, or NULL
     * with `error`.
     */
    void *(*state_new)(const void *config, bool daemon, char *error, size_t error_size);
    void (*state_free)(void *state); /* after the last call of anything else */

    /*
     * Once a second on a thread of its own that may wait for the disk, and once more behind the
     * last datagram with `last`: writes down what must survive. May be NULL.
     */
    void (*maintain)(void *state, bool last);

    /* Families of metrics of its own, in the text format of Prometheus. Any thread. May be NULL. */
    void (*metrics)(void *state, FILE *out);

    /*
     * Makes what decoding needs of a configuration: immutable, shared by all threads, swapped as a
     * whole on a reload. `config` outlives it. Returns an owned snapshot, or NULL with `error`.
     */
    void *(*open)(
        const void *config, const struct sr_form_options *form, char *error, size_t error_size);
    void (*close)(void *snapshot);

    /* What one receiving thread needs for itself. Owned; NULL without memory. */
    void *(*scratch_new)(void);
    void (*scratch_free)(void *scratch);

    /* One datagram of the listener with this index. Runs on any receiving thread. */
    enum sr_verdict (*datagram)(void *state, const void *snapshot, unsigned listener, void *scratch,
        uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
        const struct sr_emit *emit);

    /* When requests of a listener (sr/emit.h) are answered; NULL: the program has none. */
    enum sr_answer_when (*answer_when)(const struct sr_conf_listener *listener);

    /*
     * Once a second on each receiving thread, without a datagram: what waited for too long goes.
     * `last`: all that waits goes, for the thread ends (in `decode`: the capture). May be NULL.
     */
    void (*tick)(void *state, const void *snapshot, unsigned listener, void *scratch,
        uint64_t now_ns, bool last, const struct sr_emit *emit);

    /*
     * Streams (tcp://, tls://). A program without `stream_message` has none, and the next six are
     * NULL.
     *
     * Whether a source may connect, before it says anything. May be NULL.
     */
    bool (*connection_allowed)(const void *snapshot, unsigned listener, const struct sr_peer *peer);

    /*
     * What is kept of a connection, on the thread that serves it, until connection_free(). Owned;
     * NULL: no memory, or the peer is not allowed: the connection is refused. `tls_peer` is the
     * name that its certificate proved, borrowed for the call; NULL: it showed none.
     */
    void *(*connection_new)(void *state, const void *snapshot, unsigned listener,
        const struct sr_peer *peer, const char *tls_peer);
    void (*connection_free)(void *state, void *connection);

    /* Where the first message of `bytes` ends (sr/frame.h). Pure. */
    enum sr_frame_state (*frame)(
        void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame);

    /*
     * As datagram(), for one message. SR_FULL: it comes again, whole, when there may be room; but
     * with `must` it is dropped, and the next one follows. SR_LATER, never with `must`: the same,
     * but only its connection waits.
     */
    enum sr_verdict (*stream_message)(void *state, const void *snapshot, unsigned listener,
        void *scratch, void *connection, uint64_t now_ns, const struct sr_peer *peer,
        struct sr_span bytes, bool must, const struct sr_emit *emit);

    /* As tick(), for one connection; `last`: it ends. May be NULL. */
    void (*connection_tick)(void *state, const void *snapshot, unsigned listener, void *scratch,
        void *connection, uint64_t now_ns, bool last, const struct sr_emit *emit);

    size_t stream_message_max; /* bytes of a message with its frame */
};

/* main() of a collector. Returns the exit code: 0, 1 failed at run time, 2 usage or configuration.
 */
int sr_program_main(const struct sr_program *program, int argc, char **argv);

#endif
