/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/file_ops.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "sr/banned.h"

static int
open_at(int dir, const char *name, int flags, mode_t mode)
{
    return openat(dir, name, flags | O_CLOEXEC, mode);
}

const struct file_ops file_ops_system = {
    .open = open_at,
    .close = close,
    .read = read,
    .write = write,
    .fsync = fsync,
    .fchown = fchown,
    .fchmod = fchmod,
    .stat = fstatat,
    .access = faccessat,
    .space = fstatvfs,
    .mkdir = mkdirat,
    .link = linkat,
    .rename = renameat,
    .unlink = unlinkat,
    .flock = flock,
};
