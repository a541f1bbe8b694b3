/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/banned.h"

#define DIGITS 16U
#define NAME_SIZE 32U
#define PROBE "probe"

struct sr_spool {
    int dir;
    char *path;
};

/* What to do about a directory that cannot be opened. */
static const char *
opening_advice(int error)
{
    switch (error) {
    case EACCES:
    case EPERM: return "give it to the service's user (chown)";
    case ENOENT: return "make the directory that it is in, or set queue.dir to another one";
    case ENOTDIR: return "set queue.dir to a directory";
    default: return "look at the disk and at the kernel's log";
    }
}

static void
say_unusable(const char *dir, int error, char *text, size_t text_size)
{
    (void)snprintf(text, text_size,
        "queue.dir: cannot use %s: %s; %s, or set queue.durability to memory", dir, strerror(error),
        opening_advice(error));
}

struct sr_spool *
sr_spool_open(const char *dir, char *error, size_t error_size)
{
    struct sr_spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL || (spool->path = strdup(dir)) == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        free(spool);
        return NULL;
    }
    int made = mkdir(dir, 0700) == 0 || errno == EEXIST ? 0 : errno;
    spool->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->dir < 0) {
        say_unusable(dir, errno == ENOENT && made != 0 ? made : errno, error, error_size);
    } else if (faccessat(spool->dir, ".", W_OK | X_OK, AT_EACCESS) != 0 && errno != EROFS) {
        say_unusable(dir, errno, error, error_size);
    } else if (flock(spool->dir, LOCK_EX | LOCK_NB) == 0) {
        return spool;
    } else if (errno == EWOULDBLOCK) {
        (void)snprintf(error, error_size,
            "queue.dir: %s is used by another process; stop that, or give each instance a "
            "directory of its own",
            dir);
    } else { /* some file systems know no locks */
        say_unusable(dir, errno, error, error_size);
    }
    sr_spool_close(spool);
    return NULL;
}

struct sr_spool *
sr_spool_look(const char *dir)
{
    struct sr_spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL) {
        return NULL;
    }
    spool->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->dir < 0) {
        free(spool);
        return NULL;
    }
    return spool;
}

void
sr_spool_close(struct sr_spool *spool)
{
    if (spool != NULL) {
        if (spool->dir >= 0) {
            (void)close(spool->dir); /* and with it goes the lock */
        }
        free(spool->path);
        free(spool);
    }
}

int
sr_spool_dir(const struct sr_spool *spool)
{
    return spool->dir;
}

const char *
sr_spool_path(const struct sr_spool *spool)
{
    return spool->path;
}

static void
name_segment(uint64_t number, const char *suffix, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, "%016" PRIx64 "%s", number, suffix);
}

/* The number in a segment's name; false when it is another file's. */
static bool
read_name(const char *name, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (strlen(name) != DIGITS + 4 || strcmp(name + DIGITS, ".seg") != 0) {
        return false;
    }
    for (unsigned i = 0; i < DIGITS; i++) {
        const char *digit = strchr("0123456789abcdef", name[i]);
        if (digit == NULL) {
            return false;
        }
        number = number << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    *ret_number = number;
    return true;
}

static int
compare_numbers(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

/* Appends to an array that grows by doubling. */
static bool
append(uint64_t **list, size_t *count, size_t *room, uint64_t number)
{
    if (*count == *room) {
        size_t more = *room > 0 ? 2 * *room : 64;
        uint64_t *bigger = realloc(*list, more * sizeof(**list));
        if (bigger == NULL) {
            return false;
        }
        *list = bigger;
        *room = more;
    }
    (*list)[(*count)++] = number;
    return true;
}

/* The numbers of the segments in `d`, in no order: NULL with errno, when one cannot be read too. */
static uint64_t *
read_numbers(DIR *d, size_t *ret_count)
{
    uint64_t *list = malloc(sizeof(*list));
    size_t count = 0, room = list != NULL ? 1 : 0;
    uint64_t number;

    while (room > 0) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (e == NULL && errno == 0) {
            *ret_count = count;
            return list;
        }
        if (e == NULL || (read_name(e->d_name, &number) && !append(&list, &count, &room, number))) {
            break;
        }
    }
    int error = errno;
    free(list);
    errno = error;
    return NULL;
}

uint64_t *
sr_spool_list(const struct sr_spool *spool, size_t *ret_count)
{
    int fd = openat(spool->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    size_t count = 0;

    if (d == NULL) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        errno = error;
        return NULL;
    }
    uint64_t *list = read_numbers(d, &count);
    int error = errno;
    (void)closedir(d);
    errno = error;
    if (list != NULL) {
        qsort(list, count, sizeof(*list), compare_numbers);
        *ret_count = count;
    }
    return list;
}

int
sr_spool_create(const struct sr_spool *spool, uint64_t number)
{
    char name[NAME_SIZE];

    name_segment(number, ".seg", name);
    return openat(spool->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int
open_segment(const struct sr_spool *spool, uint64_t number, int access)
{
    char name[NAME_SIZE];

    name_segment(number, ".seg", name);
    return openat(spool->dir, name, access | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

int
sr_spool_reopen(const struct sr_spool *spool, uint64_t number)
{
    return open_segment(spool, number, O_RDWR);
}

int
sr_spool_open_to_read(const struct sr_spool *spool, uint64_t number)
{
    return open_segment(spool, number, O_RDONLY);
}

int
sr_spool_write(int fd, struct sr_span bytes, uint64_t offset)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(fd, bytes.data, bytes.len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        bytes.data += n;
        bytes.len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

ssize_t
sr_spool_read(int fd, uint8_t *out, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = pread(fd, out + got, size - got, (off_t)got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int
sr_spool_remove(const struct sr_spool *spool, uint64_t number)
{
    char name[NAME_SIZE];

    name_segment(number, ".seg", name);
    return unlinkat(spool->dir, name, 0) == 0 || errno == ENOENT ? 0 : errno;
}

int
sr_spool_set_aside(const struct sr_spool *spool, uint64_t number)
{
    char name[NAME_SIZE], aside[NAME_SIZE];

    name_segment(number, ".seg", name);
    name_segment(number, ".corrupt", aside);
    return renameat(spool->dir, name, spool->dir, aside) == 0 ? 0 : errno;
}

int
sr_spool_sync(const struct sr_spool *spool, uint64_t number)
{
    int fd = sr_spool_open_to_read(spool, number);
    int error = 0;

    if (fd < 0) {
        return errno == ENOENT ? 0 : errno; /* sent and removed meanwhile */
    }
    if (fdatasync(fd) != 0) {
        error = errno;
    }
    (void)close(fd);
    return error;
}

int
sr_spool_sync_dir(const struct sr_spool *spool)
{
    return fsync(spool->dir) == 0 ? 0 : errno;
}

int
sr_spool_probe(const struct sr_spool *spool, size_t size)
{
    static const uint8_t block[4096];
    int fd = openat(spool->dir, PROBE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = 0;

    if (fd < 0) {
        return errno;
    }
    for (size_t at = 0; at < size && error == 0; at += sizeof(block)) {
        error = sr_spool_write(fd, (struct sr_span){ block, sizeof(block) }, at);
    }
    (void)close(fd);
    (void)unlinkat(spool->dir, PROBE, 0);
    return error;
}

bool
sr_spool_is_passing(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR;
}

const char *
sr_spool_advice(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return "free space on the file system of queue.dir, or lower queue.disk";
    case EROFS: return "the file system of queue.dir is read-only: look at the kernel's log";
    case EACCES:
    case EPERM: return "give queue.dir and its files to the service's user";
    case ENOENT: return "queue.dir was removed: restart the service";
    default: return "look at the disk of queue.dir and at the kernel's log";
    }
}

const char *
sr_spool_reason(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return "disk_full";
    case EROFS: return "disk_read_only";
    default: return "disk_error";
    }
}
