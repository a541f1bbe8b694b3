/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_KEPT_FILE_H_INCLUDED
#define TRAPD_KEPT_FILE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * Small files that outlive the process, each replaced whole: written under another name, brought to
 * the disk, and renamed. Behind what they hold is its CRC-32C.
 */

/* A directory that no other process keeps such files in as long as it is open. */
struct kept_dir {
    int fd;
    int lock;
};

/*
 * Opens `path` and makes its last directory when that is missing. Returns 0 or errno, EWOULDBLOCK:
 * another process has it.
 */
int kept_dir_open(const char *path, struct kept_dir *ret_dir);
void kept_dir_close(struct kept_dir *dir);

/* Puts `content` into the file `name`. Returns 0 when the disk has it, or errno. */
int kept_file_write(const struct kept_dir *dir, const char *name, struct sr_span content);

/*
 * Reads what kept_file_write() wrote, `max` bytes at most. Returns 0 and owned bytes, or errno:
 * ENOENT, EBADMSG when it is damaged, ...
 */
int kept_file_read(
    const struct kept_dir *dir, const char *name, size_t max, uint8_t **ret_bytes, size_t *ret_len);

/* What to do about an error of these. Static. */
const char *kept_file_advice(int error);

#endif
