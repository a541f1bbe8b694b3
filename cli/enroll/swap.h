/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_SWAP_H_INCLUDED
#define ENROLL_SWAP_H_INCLUDED

#include <stdbool.h>

#include "enroll/manifest.h"
#include "enroll/place.h"
#include "trouble.h"

/*
 * Swaps a set of files so that after a crash at any moment all are old or all are new.
 *
 *   1. The journal is written: what is swapped, which folders are made.
 *   2. For each file, in its own folder: the new one is written as .NAME.sr-new, the old one gets a
 *      second name (a hard link) .NAME.sr-old. All is synced.
 *   3. .NAME.sr-new is renamed to NAME, file by file.
 *   4. `journal` is renamed to `journal.done`. This is the moment that decides.
 *   5. The second names go, or become NAME.operator-TIME. The generation's manifest gets the name
 *      that says so. `journal.done` goes.
 *
 * Going back from 3 is renaming .NAME.sr-old to NAME: it needs no room on the disk, and brings the
 * old file itself back with all that belongs to it. Each step of going back and of 5 may be done
 * twice. A journal that is found at start means: go back. A journal.done: do 5.
 *
 * Each new file is on the file system of its target before anything is swapped, so it does not
 * matter which one the staged copies are on.
 */

/* Borrowed by all functions. */
struct swap {
    struct place place;
    int state; /* the folder of the journal and of the generations */
};

/* What a start found of a process that did not end well. */
enum swap_found {
    SWAP_NOTHING,
    SWAP_UNDONE,   /* an unfinished swap: all files are the old ones again */
    SWAP_FINISHED, /* a swap that had been decided: all files are the new ones */
};

/* Mode of the folders that a swap makes. They get the owner that is given to swap_run(). */
#define SWAP_FOLDER_MODE 0750

/*
 * Swaps the files of `m` with the contents at the same index. For an apply, the folder of
 * generation m->number must be staged. False: all is as it was, or, when even going back failed,
 * trouble->remedy says that the next start goes on with it.
 */
bool swap_run(const struct swap *s, const struct manifest *m, const struct sr_span *contents,
    uid_t uid, gid_t gid, struct trouble *trouble);

/* Goes back or forward with what a journal says. False: it did not work, and the journal stays. */
bool swap_recover(const struct swap *s, enum swap_found *ret_found, struct trouble *trouble);

#endif
