/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SPOOL_H_INCLUDED
#define SR_SPOOL_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sr/span.h"

/*
 * The directory of a queue: NNNNNNNNNNNNNNNN.seg (16 hexadecimal digits, the number of a segment),
 * *.corrupt for what was set aside, and the kept counters. One process at a time. Plain calls to
 * the file system, from any thread; each may block on the disk.
 */
struct sr_spool;

/*
 * Opens `dir`, makes it (0700) when only its last part is missing, and locks it. Returns an owned
 * spool, or NULL with what is wrong and what to do in `error`: not a directory, not ours to write,
 * in use by another process. A file system that is full or read-only is no error here.
 */
struct sr_spool *sr_spool_open(const char *dir, char *error, size_t error_size);
void sr_spool_close(struct sr_spool *spool);

/* Opens `dir` only to list it: no lock, nothing made. NULL when that cannot be. */
struct sr_spool *sr_spool_look(const char *dir);

/* Its directory's descriptor, borrowed, and path. */
int sr_spool_dir(const struct sr_spool *spool);
const char *sr_spool_path(const struct sr_spool *spool);

/* The numbers of the segments there, growing. Returns an owned array, or NULL with errno. */
uint64_t *sr_spool_list(const struct sr_spool *spool, size_t *ret_count);

/* Makes a segment's file, empty. Returns an owned descriptor to write to, or -1 with errno. */
int sr_spool_create(const struct sr_spool *spool, uint64_t number);

/*
 * Opens a segment's file to read and write it, or only to read it, which a disk that takes nothing
 * allows too. Return an owned descriptor, or -1 with errno.
 */
int sr_spool_reopen(const struct sr_spool *spool, uint64_t number);
int sr_spool_open_to_read(const struct sr_spool *spool, uint64_t number);

/* Writes all of `bytes` at `offset`. Returns 0 or an errno. */
int sr_spool_write(int fd, struct sr_span bytes, uint64_t offset);

/* Reads up to `size` bytes from the start of the file: how many, or -1 with errno. */
ssize_t sr_spool_read(int fd, uint8_t *out, size_t size);

/* Removes a segment's file; a missing one is fine. Returns 0 or an errno. */
int sr_spool_remove(const struct sr_spool *spool, uint64_t number);

/* Renames a segment's file to *.corrupt, for people to look at. Returns 0 or an errno. */
int sr_spool_set_aside(const struct sr_spool *spool, uint64_t number);

/* Writes what was written to a segment's file, or to the directory, to the disk and waits. */
int sr_spool_sync(const struct sr_spool *spool, uint64_t number);
int sr_spool_sync_dir(const struct sr_spool *spool);

/* Tries whether the directory takes `size` bytes more. Returns 0 or an errno. */
int sr_spool_probe(const struct sr_spool *spool, size_t size);

/* True for an errno that says nothing about the file: the process lacks something just now. */
bool sr_spool_is_passing(int error);

/* What an errno of these means to the operator: "free space on ...". Static. */
const char *sr_spool_advice(int error);

/* The word that drops for it are counted under: "disk_full", ... Static. */
const char *sr_spool_reason(int error);

#endif
