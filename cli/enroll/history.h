/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_HISTORY_H_INCLUDED
#define ENROLL_HISTORY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "enroll/file_ops.h"
#include "enroll/manifest.h"
#include "enroll/place.h"

/*
 * The folders gen-N of the generations in the folder of the state. Each has
 *
 *   manifest          what was put where, and what was there before
 *   after.I           the I-th file's content as it was put
 *   before.I          its content before
 *   bundle            what the files were made of, as it was received
 *
 * The manifest is called manifest.staged until the swap is done and manifest.undone when the
 * generation has been rolled back: a folder is as far as its manifest's name says.
 *
 * Functions that return int return 0 or an error of trouble_errno(). `state` is the folder.
 */

enum history_kind {
    HISTORY_UNFINISHED, /* staged by a process that did not come to its swap */
    HISTORY_LIVE,
    HISTORY_UNDONE,
};

struct history_item {
    unsigned number;
    enum history_kind kind;
};

/* Ascending by number. Free with history_free(). */
struct history {
    size_t count;
    struct history_item *items;
};

/* The folder of the state, beneath the root. */
#define HISTORY_FOLDER "var/lib/serviceradar/enroll"

/* Names of files in a generation's folder. */
#define HISTORY_NAME_MAX 32
#define HISTORY_BUNDLE "bundle"
#define HISTORY_STAGED "manifest.staged"

int history_read(const struct file_ops *ops, int state, struct history *ret_history);
void history_free(struct history *history);

/* The newest live generation below `below`, 0 when there is none. */
unsigned history_newest(const struct history *history, unsigned below);

/* Makes the folder of a generation, mode 0700, or opens the one that is there. */
int history_make(const struct file_ops *ops, int state, unsigned number, int *ret_fd);
int history_open(const struct file_ops *ops, int state, unsigned number, int *ret_fd);

/* Reads the manifest of a live or undone generation. ESTALE: it is damaged. */
int history_load(
    const struct file_ops *ops, int state, struct history_item item, struct manifest *ret_manifest);

/* Reads a text of a manifest's form, at most MANIFEST_TEXT_MAX bytes. ENOENT, ESTALE: damaged. */
int history_read_text(
    const struct file_ops *ops, int folder, const char *name, struct manifest *ret_manifest);

/*
 * Gives the manifest of m->number the name that it has after the swap that `m` describes. It may
 * have that name already.
 */
int history_mark(const struct file_ops *ops, int state, const struct manifest *m);

/* Removes the folder of a generation with what is in it; the manifest goes first. */
int history_remove(const struct file_ops *ops, int state, unsigned number);

/* Removes all that never came to its swap. */
int history_sweep(const struct file_ops *ops, int state);

/* Removes all live generations but the newest `keep`, and all undone ones but the newest. */
int history_prune(const struct file_ops *ops, int state, size_t keep);

#endif
