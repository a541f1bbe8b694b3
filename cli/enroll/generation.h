/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_GENERATION_H_INCLUDED
#define ENROLL_GENERATION_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "enroll/file_ops.h"
#include "enroll/manifest.h"
#include "enroll/place.h"
#include "enroll/swap.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * Generations: each is a set of files that was put in place as a whole, kept with what was there
 * before in ROOT/var/lib/serviceradar/enroll/gen-N (root only, mode 0700). After a crash at any
 * moment the host has all old or all new files once generations_open() has run again (swap.h says
 * how). A set names files that shall be there and files that shall not; what it does not name stays
 * as it is, so several sets can live side by side. Going back from generation N puts everything
 * that it named as it was before, and the one before N is the newest again.
 *
 * Functions that return bool say why not in `trouble`, which is written only when they return
 * false. Nothing here logs, ends the process or looks at the clock: `time` is seconds since 1970.
 */

#define GENERATIONS_KEPT 3

struct generations;

struct generations_options {
    const char *root;           /* "" or "/": the host itself */
    const struct file_ops *ops; /* NULL: the system's */
    bool read_only;             /* take no lock, recover nothing, write nothing */
};

/* One file of a set. Borrowed. */
struct generation_file {
    /* Relative to the root; manifest_path_is_fine(). In the folder above only NAME.json may be. */
    const char *path;
    struct sr_span bytes;
    mode_t mode; /* nothing beyond 0755 */
    uid_t uid;
    gid_t gid;
    bool absent; /* it shall not be there; only the path counts then */
};

/* Borrowed for the call. */
struct generation_set {
    const struct generation_file *files;
    size_t count; /* at most MANIFEST_FILES_MAX, each path once */
    uid_t folder_uid;
    gid_t folder_gid;      /* of folders that are missing; they get SWAP_FOLDER_MODE */
    struct sr_span bundle; /* what the set was made of, kept as it is; may be empty */
};

struct generation_options {
    uint64_t time;
    bool force; /* no .operator-TIME copies of files that an operator changed */
};

/* How a file on the host relates to what shall be there. */
enum generation_change {
    GENERATION_SAME,     /* bytes, mode and owner are those asked for */
    GENERATION_NEW,      /* there is none */
    GENERATION_REPLACED, /* it is as a generation put it */
    GENERATION_CHANGED,  /* a generation put another content there: an operator changed it */
    GENERATION_FOREIGN,  /* no generation that is kept knows it */
};

/* What became, or would become, of one file. */
struct generation_outcome {
    char path[MANIFEST_PATH_MAX];
    enum generation_change change;
    char kept[MANIFEST_PATH_MAX]; /* name of the operator's copy in the same folder; or empty */
};

struct generation_report {
    bool changed;    /* false: everything was as asked for, and nothing was written */
    unsigned number; /* the newest generation, 0 when there is none */
    size_t count;
    struct generation_outcome files[MANIFEST_FILES_MAX];
};

/* One generation as it is listed. */
struct generation_item {
    unsigned number;
    bool undone; /* it was rolled back */
    uint64_t time;
    size_t count;
    struct manifest_file *files;
};

struct generation_list {
    size_t count; /* ascending by number */
    struct generation_item *items;
};

/*
 * Takes the lock (made with its folders when they are missing), then goes back or forward with what
 * a process before left undone. Fails at once when another process has the lock, and names it.
 * Returns owned state: generations_close() it, which lets go of the lock.
 */
bool generations_open(
    const struct generations_options *options, struct generations **ret_g, struct trouble *trouble);
void generations_close(struct generations *g);

/* What generations_open() found of a process before. */
enum swap_found generations_found(const struct generations *g);

/*
 * Whether the set can be put in place: its paths are fine, no link is on the way, each target is a
 * file or nothing, its folder can be written to and is not everybody's, and there is space for all
 * of it on each disk. Writes nothing, and what is true now may not be later.
 */
bool generation_preflight(
    struct generations *g, const struct generation_set *set, struct trouble *trouble);

/* What generation_apply() would report. Writes nothing. */
bool generation_compare(struct generations *g, const struct generation_set *set,
    const struct generation_options *options, struct generation_report *ret_report,
    struct trouble *trouble);

/*
 * Puts the set in place as a new generation, after generation_preflight(). False: the host is as it
 * was.
 */
bool generation_apply(struct generations *g, const struct generation_set *set,
    const struct generation_options *options, struct generation_report *ret_report,
    struct trouble *trouble);

/*
 * Puts what the newest generation named as it was before it. report.number is the one that is the
 * newest then. Folders that were made stay. False: the host is as it was.
 */
bool generation_rollback(struct generations *g, const struct generation_options *options,
    struct generation_report *ret_report, struct trouble *trouble);

/*
 * All generations that are kept. Free with generation_list_free(). With `read_only` a folder that
 * is not there is an empty list.
 */
bool generation_list(
    struct generations *g, struct generation_list *ret_list, struct trouble *trouble);
void generation_list_free(struct generation_list *list);

/*
 * Removes what is kept of one generation for good, with the secrets in it: there is no going back
 * from it any more. The files that it put in place stay.
 */
bool generation_forget(struct generations *g, unsigned number, struct trouble *trouble);

/*
 * Keeps a bundle that was just received, before anybody looks into it: its token is spent, so it
 * must not be lost. Root only, synced. A generation_apply() with a bundle takes its place.
 */
bool generation_keep_bundle(struct generations *g, struct sr_span bundle, struct trouble *trouble);

/*
 * Reads the bundle of a generation, or with 0 the one of generation_keep_bundle(). Owned: free with
 * place_free(). ENOENT when there is none.
 */
bool generation_bundle(struct generations *g, unsigned number, struct place_content *ret_bundle,
    struct trouble *trouble);

/* Removes the bundle of generation_keep_bundle(); it may be gone. */
bool generation_drop_bundle(struct generations *g, struct trouble *trouble);

#endif
