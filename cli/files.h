/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_FILES_H_INCLUDED
#define CLI_FILES_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Longest path that is built. */
#define FILES_PATH_MAX 4096

/* All functions that return false leave the reason in errno. */

/* Formats a path. False with ENAMETOOLONG when it does not fit. */
bool files_path(char out[FILES_PATH_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes a folder of mode 0700; one that exists already gets that mode. Parents must exist. */
bool files_make_dir(const char *path);

/*
 * Replaces the file whole: written beside it with `mode`, synced, renamed. A reader sees the old or
 * the new content, and a secret never has a wider mode, not even at first.
 */
bool files_write(const char *path, const void *data, size_t len, mode_t mode);

/*
 * Reads a file of at most `max` bytes into owned memory with a NUL behind: free() it. False also
 * with EFBIG when it is longer.
 */
bool files_read(const char *path, size_t max, char **ret_text, size_t *ret_len);

/* Whether the folder has no entries. False with errno 0 when it has. */
bool files_is_empty(const char *path);

/* Removes a folder with all that is in it, without following links. Absence is success. */
bool files_remove_tree(const char *path);

#endif
