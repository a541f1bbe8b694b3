/* SPDX-License-Identifier: Apache-2.0 */
#include "kept_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/crc32c.h"

#include "sr/banned.h"

/* Of its own: the files are replaced, and the queue locks the directory. */
#define LOCK_FILE "v3.lock"

#define CRC_LEN 4U
#define NAME_ROOM 64

const char *
kept_file_advice(int error)
{
    switch (error) {
    case EACCES:
    case EPERM: return "give the directory to the service's user (chown)";
    case ENOENT: return "make the directory that it is in, or set queue.dir to another one";
    case ENOTDIR: return "set queue.dir to a directory";
    case EROFS: return "make its file system writable, or set queue.dir to another one";
    case ENOSPC:
    case EDQUOT: return "free space on its disk";
    case EWOULDBLOCK: return "another process uses it; give each instance a queue.dir of its own";
    default: return "look at the disk and at the kernel's log";
    }
}

int
kept_dir_open(const char *path, struct kept_dir *ret_dir)
{
    struct kept_dir dir = { .fd = -1, .lock = -1 };
    int made = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : errno;
    int error = 0;

    dir.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir.fd < 0) {
        return errno == ENOENT && made != 0 ? made : errno;
    }
    dir.lock = openat(dir.fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (dir.lock < 0 || flock(dir.lock, LOCK_EX | LOCK_NB) != 0) {
        error = errno;
        kept_dir_close(&dir);
        return error;
    }
    *ret_dir = dir;
    return 0;
}

void
kept_dir_close(struct kept_dir *dir)
{
    if (dir->lock >= 0) {
        (void)close(dir->lock); /* and with it goes the lock */
    }
    if (dir->fd >= 0) {
        (void)close(dir->fd);
    }
    *dir = (struct kept_dir){ .fd = -1, .lock = -1 };
}

/* ---- Writing ---- */

static int
write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int
write_new(int dir, const char *name, struct sr_span content)
{
    uint32_t crc = sr_crc32c(0, content.data, content.len);
    const uint8_t end[CRC_LEN] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
        (uint8_t)crc };
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return errno;
    }
    int error = write_all(fd, content.data, content.len);
    error = error == 0 ? write_all(fd, end, sizeof(end)) : error;
    if (error == 0 && fsync(fd) != 0) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

int
kept_file_write(const struct kept_dir *dir, const char *name, struct sr_span content)
{
    char new_name[NAME_ROOM];

    (void)snprintf(new_name, sizeof(new_name), "%s.new", name);
    int error = write_new(dir->fd, new_name, content);
    if (error == 0 && (renameat(dir->fd, new_name, dir->fd, name) != 0 || fsync(dir->fd) != 0)) {
        error = errno;
    }
    if (error != 0) {
        (void)unlinkat(dir->fd, new_name, 0);
    }
    return error;
}

/* ---- Reading ---- */

static int
read_all(int fd, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, bytes, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EBADMSG; /* it became shorter */
        }
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static bool
is_whole(const uint8_t *bytes, size_t len)
{
    struct sr_reader end = sr_reader_init((struct sr_span){ bytes + len - CRC_LEN, CRC_LEN });

    return sr_crc32c(0, bytes, len - CRC_LEN) == sr_reader_be32(&end);
}

static int
read_file(int fd, size_t max, uint8_t **ret_bytes, size_t *ret_len)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)CRC_LEN ||
        st.st_size > (off_t)(max + CRC_LEN)) {
        return EBADMSG;
    }
    size_t len = (size_t)st.st_size;
    uint8_t *bytes = malloc(len);
    int error = bytes == NULL ? ENOMEM : read_all(fd, bytes, len);
    if (error == 0 && !is_whole(bytes, len)) {
        error = EBADMSG;
    }
    if (error != 0) {
        free(bytes);
        return error;
    }
    *ret_bytes = bytes;
    *ret_len = len - CRC_LEN;
    return 0;
}

int
kept_file_read(
    const struct kept_dir *dir, const char *name, size_t max, uint8_t **ret_bytes, size_t *ret_len)
{
    int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        return errno;
    }
    int error = read_file(fd, max, ret_bytes, ret_len);
    (void)close(fd);
    return error;
}
