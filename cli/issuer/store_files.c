/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "sr/banned.h"

#define MASTER_TEXT_LEN ((size_t)STORE_MASTER_BYTES * 2)

static const char *
named_dir(const struct store_place *place)
{
    const char *environment = getenv(STORE_DIR_ENVIRONMENT);

    if (place->dir != NULL) {
        return place->dir;
    }
    return environment != NULL && *environment != '\0' ? environment : STORE_DIR_DEFAULT;
}

/* As trouble_errno(), for paths that are absolute or of the current folder. */
static bool
say(struct trouble *trouble, int error, const char *doing, const char *path)
{
    struct trouble plain;

    (void)trouble_errno(&plain, error, doing, "");
    /* The cause has "/: " where the path belongs. */
    const char *reason = strstr(plain.cause, "/: ");
    return trouble_say(trouble, error, plain.remedy, "cannot %s %s: %s", doing, path,
        reason != NULL ? reason + 3 : strerror(error));
}

bool
store_find_dir(
    const struct store_place *place, char ret_dir[FILES_PATH_MAX], struct trouble *trouble)
{
    const char *name = named_dir(place);
    char *absolute = realpath(name, NULL);

    if (absolute == NULL) {
        int error = errno;
        (void)say(trouble, error, "open the issuer's folder", name);
        if (error == ENOENT) {
            trouble_remedy(trouble,
                "make it with `serviceradar-provision operator init`, or name it with --dir");
        }
        return false;
    }
    bool fits = strlen(absolute) + sizeof(STORE_FILE "-journal") < FILES_PATH_MAX;
    if (fits) {
        memcpy(ret_dir, absolute, strlen(absolute) + 1);
    }
    free(absolute);
    return fits || say(trouble, ENAMETOOLONG, "use the folder", name);
}

bool
store_give(int fd, const char *path, struct trouble *trouble)
{
    const char *slash = strrchr(path, '/');
    char folder[FILES_PATH_MAX] = ".";
    struct stat st;

    if (geteuid() != 0) {
        return true;
    }
    if (slash != NULL && !files_path(folder, "%.*s/", (int)(slash - path), path)) {
        return say(trouble, ENAMETOOLONG, "use", path);
    }
    return (stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0) ||
           say(trouble, errno, "give to the owner of its folder", path);
}

bool
store_make_dir(const struct store_place *place, struct trouble *trouble)
{
    const char *name = named_dir(place);

    /* The packages of collectors bring the folder above it; an issuer may be alone on its host. */
    if (strcmp(name, STORE_DIR_DEFAULT) == 0) {
        (void)mkdir(STORE_DIR_ABOVE, 0755);
    }
    if (mkdir(name, 0700) == 0 || errno == EEXIST) {
        return true;
    }
    int error = errno;
    (void)say(trouble, error, "make the folder", name);
    if (error == ENOENT) {
        trouble_remedy(trouble, "make the folder above it first");
    }
    return false;
}

bool
store_check_dir(const char *dir, struct trouble *trouble)
{
    struct stat st;

    if (stat(dir, &st) != 0) {
        return say(trouble, errno, "look at", dir);
    }
    if (!S_ISDIR(st.st_mode)) {
        return say(trouble, ENOTDIR, "use", dir);
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return trouble_say(trouble, EPERM,
            "take that away (chmod 0700) and look at who put what "
            "there",
            "others than its owner may write to %s", dir);
    }
    return true;
}

static bool
check_file(const struct stat *st, const char *path, struct trouble *trouble)
{
    if (S_ISLNK(st->st_mode)) {
        return trouble_say(
            trouble, ELOOP, "put the file itself there", "%s is a symbolic link", path);
    }
    if (!S_ISREG(st->st_mode)) {
        return trouble_say(
            trouble, EINVAL, "look at who put it there, and move it away", "%s is no file", path);
    }
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return trouble_say(trouble, EPERM,
            "take that away (chmod 0600); if others can have read it, make new keys",
            "others than its owner can read or write %s", path);
    }
    if (st->st_uid != geteuid() && geteuid() != 0) {
        return trouble_say(trouble, EPERM, "run it as the owner of the file, or as root",
            "%s belongs to another user", path);
    }
    return true;
}

bool
store_check_file(const char *path, struct trouble *trouble)
{
    struct stat st;

    return lstat(path, &st) == 0 ? check_file(&st, path, trouble)
                                 : say(trouble, errno, "open", path);
}

bool
store_master_path(const struct store_place *place, const char *dir, char ret_path[FILES_PATH_MAX],
    struct trouble *trouble)
{
    bool fits = place->master_file != NULL ? files_path(ret_path, "%s", place->master_file)
                                           : files_path(ret_path, "%s/" STORE_MASTER_FILE, dir);

    return fits || say(trouble, ENAMETOOLONG, "use the master key's file", "");
}

/* Digits of the key or -1. */
static int
digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

static bool
read_hex(const char *text, size_t len, uint8_t ret_key[STORE_MASTER_BYTES])
{
    if (len == MASTER_TEXT_LEN + 1 && text[MASTER_TEXT_LEN] == '\n') {
        len--;
    }
    if (len != MASTER_TEXT_LEN) {
        return false;
    }
    for (size_t i = 0; i < STORE_MASTER_BYTES; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Reads at most `size` bytes; what is longer has one byte more than it may. */
static ssize_t
read_some(int fd, char *out, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t got = read(fd, out + have, size - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    return (ssize_t)have;
}

static bool
read_master(int fd, const char *path, uint8_t ret_key[STORE_MASTER_BYTES], struct trouble *trouble)
{
    char text[MASTER_TEXT_LEN + 2];
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return say(trouble, errno, "look at", path);
    }
    if (!check_file(&st, path, trouble)) {
        return false;
    }
    ssize_t len = read_some(fd, text, sizeof(text));
    int error = errno;
    bool good = len >= 0 && read_hex(text, (size_t)len, ret_key);
    OPENSSL_cleanse(text, sizeof(text));
    if (len < 0) {
        return say(trouble, error, "read", path);
    }
    return good || trouble_say(trouble, EINVAL, "restore it from where you keep its copy",
                       "%s is no master key: that is a line of 64 hexadecimal digits", path);
}

bool
store_read_master(const char *path, uint8_t ret_key[STORE_MASTER_BYTES], struct trouble *trouble)
{
    uint8_t key[STORE_MASTER_BYTES];
    /* Not waiting keeps a pipe that somebody put there from stopping us. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        int error = errno;
        (void)say(trouble, error, "open the master key", path);
        if (error == ENOENT) {
            trouble_remedy(trouble, "name it with --master-key, or restore it from its copy");
        }
        return false;
    }
    bool ok = read_master(fd, path, key, trouble);
    (void)close(fd);
    if (ok) {
        memcpy(ret_key, key, sizeof(key));
    }
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

bool
store_write_master(const char *path, const uint8_t key[STORE_MASTER_BYTES], struct trouble *trouble)
{
    static const char digits[] = "0123456789abcdef";
    char text[MASTER_TEXT_LEN + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        return say(trouble, errno, "make the master key", path);
    }
    if (!store_give(fd, path, trouble)) {
        (void)close(fd);
        (void)unlink(path);
        return false;
    }
    for (size_t i = 0; i < STORE_MASTER_BYTES; i++) {
        text[2 * i] = digits[key[i] >> 4];
        text[2 * i + 1] = digits[key[i] & 15];
    }
    text[MASTER_TEXT_LEN] = '\n';
    ssize_t done = write(fd, text, sizeof(text));
    int error = done < 0 ? errno : ENOSPC;
    OPENSSL_cleanse(text, sizeof(text));
    bool ok = done == (ssize_t)sizeof(text);
    if (ok && fsync(fd) != 0) {
        error = errno;
        ok = false;
    }
    (void)close(fd);
    if (!ok) {
        (void)unlink(path);
        return say(trouble, error, "write the master key", path);
    }
    return true;
}
