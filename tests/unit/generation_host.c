/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "generation_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "enroll/history.h"
#include "folder.h"

#define PATH_ROOM 512

static void
full_path(const struct host *host, const char *path, char out[PATH_ROOM])
{
    assert_true(snprintf(out, PATH_ROOM, "%s/%s", host->root, path) < PATH_ROOM);
}

void
host_make(struct host *host)
{
    /* Memory, where there is some: nothing that is claimed here needs a disk that is slow. */
    (void)snprintf(host->root, sizeof(host->root), "%s/generation.XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(host->root));
}

void
host_remove(const struct host *host)
{
    assert_int_equal(folder_remove(host->root), 0);
}

void
host_folder(const struct host *host, const char *path)
{
    char full[PATH_ROOM];

    full_path(host, path, full);
    for (char *p = full + strlen(host->root) + 1;; p++) {
        if (*p == '/' || *p == '\0') {
            char was = *p;
            *p = '\0';
            assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
            *p = was;
        }
        if (*p == '\0') {
            return;
        }
    }
}

void
host_write(const struct host *host, const char *path, const char *text, mode_t mode)
{
    char full[PATH_ROOM];

    full_path(host, path, full);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static char *
read_text(const char *full)
{
    FILE *f = fopen(full, "re");
    char *text = NULL;
    size_t size = 0;

    if (f == NULL) {
        return NULL;
    }
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (int c = fgetc(f); c != EOF; c = fgetc(f)) {
        (void)fputc(c, out);
    }
    (void)fclose(f);
    assert_int_equal(fclose(out), 0);
    return text;
}

char *
host_read(const struct host *host, const char *path)
{
    char full[PATH_ROOM];

    full_path(host, path, full);
    return read_text(full);
}

mode_t
host_mode(const struct host *host, const char *path)
{
    char full[PATH_ROOM];
    struct stat st;

    full_path(host, path, full);
    assert_int_equal(lstat(full, &st), 0);
    return st.st_mode & 07777;
}

/* ---- Pictures ---- */

/* nftw() hands nothing over to what it calls. */
static struct {
    size_t skip; /* bytes of the root in a path */
    const char *but;
    size_t count;
    char *lines[512];
} picture;

static int
add_line(const char *path, const struct stat *st, int type, struct FTW *where)
{
    const char *name = path + picture.skip;
    char *line = NULL;

    (void)type;
    (void)where;
    if (strcmp(name, "/" HISTORY_FOLDER "/lock") == 0 ||
        (picture.but != NULL && name[0] == '/' &&
            strncmp(name + 1, picture.but, strlen(picture.but)) == 0)) {
        return 0;
    }
    char *text = S_ISREG(st->st_mode) ? read_text(path) : NULL;
    assert_true(picture.count < sizeof(picture.lines) / sizeof(picture.lines[0]));
    assert_true(asprintf(&line, "%s %o %u:%u %s\n", name, (unsigned)st->st_mode,
                    (unsigned)st->st_uid, (unsigned)st->st_gid, text != NULL ? text : "") > 0);
    free(text);
    picture.lines[picture.count++] = line;
    return 0;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *
host_picture(const struct host *host, const char *but)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    picture.skip = strlen(host->root);
    picture.but = but;
    picture.count = 0;
    assert_int_equal(nftw(host->root, add_line, 16, FTW_PHYS), 0);
    qsort(picture.lines, picture.count, sizeof(picture.lines[0]), by_text);
    for (size_t i = 0; i < picture.count; i++) {
        (void)fputs(picture.lines[i], out);
        free(picture.lines[i]);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

/* ---- Generations ---- */

struct generation_file
host_file(const char *path, const char *text)
{
    return (struct generation_file){
        .path = path,
        .absent = text == NULL,
        .bytes = span_of(text != NULL ? text : ""),
        .mode = 0640,
        .uid = geteuid(),
        .gid = getegid(),
    };
}

struct generations *
host_open(const struct host *host, const struct file_ops *ops)
{
    struct generations_options options = { .root = host->root,
        .ops = ops != NULL ? ops : &fault_ops };
    struct trouble trouble;
    struct generations *g = NULL;

    if (!generations_open(&options, &g, &trouble)) {
        fail_msg("%s; %s", trouble.cause, trouble.remedy);
    }
    return g;
}

bool
host_apply(const struct host *host, const struct file_ops *ops, const struct generation_file *files,
    size_t count, uint64_t time, struct trouble *ret_trouble)
{
    struct generations_options where = { .root = host->root,
        .ops = ops != NULL ? ops : &fault_ops };
    struct generation_options options = { .time = time };
    struct generation_set set = { .files = files,
        .count = count,
        .folder_uid = geteuid(),
        .folder_gid = getegid(),
        .bundle = span_of("what was received") };
    struct generation_report report;
    struct generations *g;

    if (!generations_open(&where, &g, ret_trouble)) {
        return false;
    }
    bool ok = generation_apply(g, &set, &options, &report, ret_trouble);
    generations_close(g);
    return ok;
}

/* ---- Faults ---- */

static struct {
    enum fault_kind kind;
    unsigned at, calls;
    int error;
} fault;

void
fault_set(enum fault_kind kind, unsigned at, int error)
{
    fault.kind = kind;
    fault.at = at;
    fault.error = error;
    fault.calls = 0;
}

unsigned
fault_calls(void)
{
    return fault.calls;
}

/* Whether this call is to fail, with errno. An end between two that only look shows nothing new. */
static bool
fails(bool changes)
{
    if (fault.kind == FAULT_STOP && !changes) {
        return false;
    }
    unsigned call = ++fault.calls;
    if (fault.kind == FAULT_STOP && call == fault.at) {
        _exit(FAULT_EXIT);
    }
    errno = fault.error;
    return (fault.kind == FAULT_ONCE && call == fault.at) ||
           (fault.kind == FAULT_FOREVER && call >= fault.at);
}

static int
fault_open(int dir, const char *name, int flags, mode_t mode)
{
    return fails((flags & O_CREAT) != 0) ? -1 : file_ops_system.open(dir, name, flags, mode);
}

static int
fault_close(int fd)
{
    bool failed = fails(false);
    int error = errno;
    int result = close(fd);

    errno = failed ? error : errno;
    return failed ? -1 : result;
}

static ssize_t
fault_read(int fd, void *bytes, size_t len)
{
    return fails(false) ? -1 : read(fd, bytes, len);
}

static ssize_t
fault_write(int fd, const void *bytes, size_t len)
{
    return fails(true) ? -1 : write(fd, bytes, len);
}

static int
fault_fsync(int fd)
{
    (void)fd;
    return fails(true) ? -1 : 0;
}

static int
fault_fchown(int fd, uid_t uid, gid_t gid)
{
    return fails(true) ? -1 : fchown(fd, uid, gid);
}

static int
fault_fchmod(int fd, mode_t mode)
{
    return fails(true) ? -1 : fchmod(fd, mode);
}

static int
fault_stat(int dir, const char *name, struct stat *st, int flags)
{
    return fails(false) ? -1 : fstatat(dir, name, st, flags);
}

static int
fault_access(int dir, const char *name, int mode, int flags)
{
    return fails(false) ? -1 : faccessat(dir, name, mode, flags);
}

static int
fault_space(int fd, struct statvfs *fs)
{
    return fails(false) ? -1 : fstatvfs(fd, fs);
}

static int
fault_mkdir(int dir, const char *name, mode_t mode)
{
    return fails(true) ? -1 : mkdirat(dir, name, mode);
}

static int
fault_link(int from_dir, const char *from, int dir, const char *name, int flags)
{
    return fails(true) ? -1 : linkat(from_dir, from, dir, name, flags);
}

static int
fault_rename(int from_dir, const char *from, int dir, const char *name)
{
    return fails(true) ? -1 : renameat(from_dir, from, dir, name);
}

static int
fault_unlink(int dir, const char *name, int flags)
{
    return fails(true) ? -1 : unlinkat(dir, name, flags);
}

static int
fault_flock(int fd, int operation)
{
    return fails(false) ? -1 : file_ops_system.flock(fd, operation);
}

const struct file_ops fault_ops = {
    .open = fault_open,
    .close = fault_close,
    .read = fault_read,
    .write = fault_write,
    .fsync = fault_fsync,
    .fchown = fault_fchown,
    .fchmod = fault_fchmod,
    .stat = fault_stat,
    .access = fault_access,
    .space = fault_space,
    .mkdir = fault_mkdir,
    .link = fault_link,
    .rename = fault_rename,
    .unlink = fault_unlink,
    .flock = fault_flock,
};
