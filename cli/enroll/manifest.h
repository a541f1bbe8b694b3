/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_MANIFEST_H_INCLUDED
#define ENROLL_MANIFEST_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sr/span.h"

/*
 * What a swap of files does: the text that is the journal while it goes on, and the manifest of its
 * generation afterwards. Pure: reads and writes text, no file.
 *
 *   serviceradar-generation 1
 *   apply NUMBER TIME
 *   folder PATH                                    (made by this swap, outermost first)
 *   file PATH AFTER BEFORE KEPT
 *   end
 *
 * AFTER and BEFORE are `-` (no such file) or MODE:UID:GID:SIZE:SHA256, mode in octal and hash in
 * hexadecimal; KEPT is `-` or the name by which the file before stays in its folder.
 */

#define MANIFEST_PATH_MAX 256 /* with the NUL */
#define MANIFEST_NAME_MAX 200 /* a part of a path, with the NUL: room for what is put around it */
#define MANIFEST_FILES_MAX 64
#define MANIFEST_FOLDERS_MAX 64
#define MANIFEST_TEXT_MAX 65536
#define MANIFEST_HASH_SIZE 32

/* A file as it is, was or shall be. */
struct manifest_state {
    bool present; /* the rest is 0 when not */
    mode_t mode;  /* permission bits, set-id and sticky too */
    uid_t uid;
    gid_t gid;
    uint64_t size;
    uint8_t hash[MANIFEST_HASH_SIZE]; /* SHA-256 of the content */
};

struct manifest_file {
    char path[MANIFEST_PATH_MAX];
    char kept[MANIFEST_PATH_MAX]; /* empty: the file before is not kept in its folder */
    struct manifest_state after, before;
};

enum manifest_kind {
    MANIFEST_APPLY,    /* makes generation `number` the newest */
    MANIFEST_ROLLBACK, /* goes back to what was before generation `number` */
};

struct manifest {
    enum manifest_kind kind;
    unsigned number;
    uint64_t time; /* seconds since 1970, UTC */
    size_t folder_count;
    char folders[MANIFEST_FOLDERS_MAX][MANIFEST_PATH_MAX];
    size_t count;
    struct manifest_file files[MANIFEST_FILES_MAX];
};

/*
 * Whether a path may be in a manifest: relative, shorter than MANIFEST_PATH_MAX, its parts shorter
 * than MANIFEST_NAME_MAX, not empty, `.` or `..`, of letters, digits and `._+@-` only. So it needs
 * no quoting in the text, in a message or in a shell.
 */
bool manifest_path_is_fine(const char *path);

/* Whether two states are the same, in content, mode and owner. */
bool manifest_same(const struct manifest_state *a, const struct manifest_state *b);

/* Writes the text. Returns its length, 0 when it is longer than MANIFEST_TEXT_MAX. */
size_t manifest_write(const struct manifest *m, char out[MANIFEST_TEXT_MAX]);

/*
 * Reads a text. False when it is not exactly one that manifest_write() makes: torn, of another
 * version, with a path that is not fine, or with more than fits; `ret_manifest` is then undefined.
 */
bool manifest_read(struct sr_span text, struct manifest *ret_manifest);

#endif
