/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_STATE_FILE_H_INCLUDED
#define NETFLOW_STATE_FILE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/peer.h"
#include "sr/span.h"

/*
 * The file that keeps templates over a kill: first what was known of each exporter when the file
 * was written, then each datagram that changed it since. A datagram is appended by the thread that
 * received it, with one write(), before the next one is looked at: the kernel has it then, so that
 * a kill -9 loses none. Exporters repeat their templates all the time; what changes nothing is not
 * written. When as much was appended as the file held, it is written anew beside the old one and
 * renamed over it. The disk has what is older than a second or so.
 *
 * Entries have a length and a CRC-32C; a file that ends within an entry is as good as one that ends
 * before it. A process holds a lock on the file as long as it uses it.
 */
struct state_file;

/* Entries of one listener; the longest name is cut. */
#define STATE_FILE_NAME_MAX 255U

/* Who is told what the file holds, in its order. Names and bytes are borrowed for the call. */
struct state_file_reader {
    void *arg;
    /* What nf_exporter_save() wrote. */
    void (*exporter)(void *arg, struct sr_span listener, struct sr_span saved);
    /* A datagram that changed what is known of its exporter, and when it came (wall clock). */
    void (*datagram)(void *arg, struct sr_span listener, const struct sr_peer *peer,
        uint64_t now_ns, struct sr_span bytes);
};

/*
 * Opens `path`, which is made when it or the last directory of it is missing, locks and reads it.
 * A file that is not ours, or damaged before its end, is set aside as PATH.corrupt; what is whole
 * before the damage is read. Returns an owned file, or NULL with `error`: what is wrong and what to
 * do. To be written anew at once when state_file_is_due().
 */
struct state_file *state_file_open(
    const char *path, const struct state_file_reader *reader, char *error, size_t error_size);
void state_file_close(struct state_file *f); /* NULL is fine */

/*
 * Appends a datagram. From any thread; those of one exporter in their order. One that cannot be
 * written makes the file due, and none is appended after it.
 */
void state_file_append(struct state_file *f, const char *listener, const struct sr_peer *peer,
    uint64_t now_ns, struct sr_span bytes);

/* True when the file should be written anew: much was appended, or something could not be. */
bool state_file_is_due(struct state_file *f);

/*
 * True when the file lacks something that was to be appended, until it is written anew: a kill now
 * would lose that. From any thread.
 */
bool state_file_is_behind(struct state_file *f);

/*
 * Writes it anew: begin, put each exporter as it is after begin, end. What is appended meanwhile is
 * kept. One thread. end() returns 0 or the first error (errno) of the three, and the old file then
 * stays in use.
 */
void state_file_begin(struct state_file *f);
void state_file_put(struct state_file *f, const char *listener, struct sr_span saved);
int state_file_end(struct state_file *f);

/* Brings what was appended to the disk. 0, or errno. The thread of begin and end. */
int state_file_sync(struct state_file *f);

/* What to do about an error of the file. Static. */
const char *state_file_advice(int error);

#endif
