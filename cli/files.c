/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/banned.h"

bool
files_path(char out[FILES_PATH_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(out, FILES_PATH_MAX, format, args);
    va_end(args);
    if (len < 0 || len >= FILES_PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    return true;
}

bool
files_make_dir(const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) == 0) {
        return true;
    }
    if (errno != EEXIST || stat(path, &st) != 0) {
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    return chmod(path, 0700) == 0;
}

static bool
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, data, len);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        if (done > 0) {
            data += done;
            len -= (size_t)done;
        }
    }
    return true;
}

bool
files_write(const char *path, const void *data, size_t len, mode_t mode)
{
    char beside[FILES_PATH_MAX];

    if (!files_path(beside, "%s.new", path)) {
        return false;
    }
    /* A left-over of an earlier run could have another mode, or be a link to elsewhere. */
    if (unlink(beside) != 0 && errno != ENOENT) {
        return false;
    }
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return false;
    }
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, data, len) && fsync(fd) == 0;
    int reason = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    if (ok && rename(beside, path) != 0) {
        ok = false;
        reason = errno;
    }
    if (!ok) {
        (void)unlink(beside);
        errno = reason;
    }
    return ok;
}

bool
files_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
    FILE *f = fopen(path, "rbe");
    char *text = f != NULL ? malloc(max + 2) : NULL;

    if (text == NULL) {
        if (f != NULL) {
            (void)fclose(f);
        }
        return false;
    }
    size_t len = fread(text, 1, max + 1, f);
    int reason = ferror(f) != 0 ? errno : len > max ? EFBIG : 0;
    (void)fclose(f);
    if (reason != 0) {
        free(text);
        errno = reason;
        return false;
    }
    text[len] = '\0';
    *ret_text = text;
    *ret_len = len;
    return true;
}

bool
files_is_empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool empty = true;

    if (dir == NULL) {
        return false;
    }
    while (empty && (entry = readdir(dir)) != NULL) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    (void)closedir(dir);
    errno = 0;
    return empty;
}

static int
remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

bool
files_remove_tree(const char *path)
{
    return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}
