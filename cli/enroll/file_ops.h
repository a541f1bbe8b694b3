/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_FILE_OPS_H_INCLUDED
#define ENROLL_FILE_OPS_H_INCLUDED

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

/*
 * Every call by which a generation touches the disk. A test puts its own functions here to stop the
 * process before the n-th one, or to let it fail. All take what the call of the same name takes and
 * return what it returns, with errno.
 */
struct file_ops {
    int (*open)(int dir, const char *name, int flags, mode_t mode); /* openat */
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *bytes, size_t len);
    ssize_t (*write)(int fd, const void *bytes, size_t len);
    int (*fsync)(int fd);
    int (*fchown)(int fd, uid_t uid, gid_t gid);
    int (*fchmod)(int fd, mode_t mode);
    int (*stat)(int dir, const char *name, struct stat *ret_st, int flags); /* fstatat */
    int (*access)(int dir, const char *name, int mode, int flags);          /* faccessat */
    int (*space)(int fd, struct statvfs *ret_fs);                           /* fstatvfs */
    int (*mkdir)(int dir, const char *name, mode_t mode);                   /* mkdirat */
    int (*link)(int from_dir, const char *from, int dir, const char *name, int flags);
    int (*rename)(int from_dir, const char *from, int dir, const char *name);
    int (*unlink)(int dir, const char *name, int flags); /* unlinkat */
    int (*flock)(int fd, int operation);
};

/* The system's own. */
extern const struct file_ops file_ops_system;

#endif
