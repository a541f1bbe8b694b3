/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_PLACE_H_INCLUDED
#define ENROLL_PLACE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/file_ops.h"
#include "enroll/manifest.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * Files and folders beneath a root, by paths that are fine (manifest_path_is_fine()).
 *
 * A path is walked one folder after the other, each opened in the one before it without following
 * a symbolic link. So nobody can lead it elsewhere, not even between two calls, and it needs no
 * openat2(), which is younger than some kernels we meet. No link is followed at all, not even one
 * that stays beneath the root: which of them are safe depends on who may write to the folder that
 * each is in, and a bind mount does the same for whoever moved /var/lib to another disk.
 *
 * Functions that return int return 0 or an error of trouble_errno().
 */

/* The root as messages and paths see it. Borrowed by all that gets it. */
struct place {
    const struct file_ops *ops;
    int root; /* a folder */
};

/* Content that was read: free it with place_free(), which wipes it, for it may be a secret. */
struct place_content {
    uint8_t *bytes;
    size_t len;
};

/* Files may have this many bytes. */
#define PLACE_FILE_MAX ((size_t)16 << 20)

/*
 * Opens the folder of the file `path` (or the folder `path` itself, when `is_folder`) as far as it
 * is there: *ret_fd is the innermost folder that is, *ret_done how many bytes of `path` lead to it,
 * *ret_all how many lead to the folder that was asked for. ELOOP: a link is in the way.
 * TROUBLE_EVERYBODY: a folder on the way may be written to by everybody.
 */
int place_walk(const struct place *place, const char *path, bool is_folder, int *ret_fd,
    size_t *ret_done, size_t *ret_all);

/* Opens the folder of the file `path`, which must be there. */
int place_folder_of(const struct place *place, const char *path, int *ret_fd);

/* The part of a path behind the last slash. */
const char *place_base(const char *path);

/*
 * Makes the last folder of `path`, whose parents must be there, with exactly this mode and owner,
 * and syncs the entry. One that is there already stays as it is.
 */
int place_make_folder(
    const struct place *place, const char *path, mode_t mode, uid_t uid, gid_t gid);

/*
 * What the file `name` in a folder is like; a state that is not `present` when there is none. ELOOP
 * for a link, EISDIR for a folder, EINVAL for what is no regular file, EFBIG beyond PLACE_FILE_MAX.
 * `ret_content` may be NULL.
 */
int place_look(const struct file_ops *ops, int folder, const char *name,
    struct manifest_state *ret_state, struct place_content *ret_content);

/* As place_look() for a whole path; a folder that is not there is no file. */
int place_look_at(const struct place *place, const char *path, struct manifest_state *ret_state,
    struct place_content *ret_content);

/*
 * Writes a new file of this content, synced. It has mode 0600 and our owner until owner and mode of
 * `state` are set, so that nobody reads it who shall not. One of that name is removed first.
 */
int place_write(const struct file_ops *ops, int folder, const char *name, struct sr_span content,
    const struct manifest_state *state);

/* Removes a name. One that is not there is fine. */
int place_remove(const struct file_ops *ops, int folder, const char *name);

/* The state of a file to be made of these bytes. False when the hash cannot be had. */
bool place_state_of(
    struct sr_span content, mode_t mode, uid_t uid, gid_t gid, struct manifest_state *ret_state);

/* Wipes and frees content; empty is fine. */
void place_free(struct place_content *content);

#endif
