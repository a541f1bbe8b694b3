/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sr/banned.h"

/* What a file takes beside its content: its last block, its entry, the folders that are made. */
#define FILE_OVERHEAD UINT64_C(8192)

/* What one file system has to take. */
struct need {
    dev_t device;
    uint64_t bytes, files;
    uint64_t bytes_free, files_free;
};

/* One for each folder and one for the state. */
struct needs {
    size_t count;
    struct need items[MANIFEST_FILES_MAX + 1];
};

/* Adds to what the file system of a folder has to take; false when that is more than it has. */
static bool
add_need(const struct file_ops *ops, int folder, const char *path, uint64_t bytes, uint64_t files,
    struct needs *needs, struct trouble *trouble)
{
    struct statvfs fs;
    struct stat st;
    size_t i = 0;

    if (ops->stat(folder, "", &st, AT_EMPTY_PATH) != 0 || ops->space(folder, &fs) != 0) {
        return trouble_errno(trouble, errno, "look at the disk of", path);
    }
    while (i < needs->count && needs->items[i].device != st.st_dev) {
        i++;
    }
    struct need *need = &needs->items[i];
    if (i == needs->count) {
        needs->count++;
        *need = (struct need){ .device = st.st_dev,
            .bytes_free = (uint64_t)fs.f_bavail * fs.f_frsize,
            /* File systems that make inodes as they need them say that they have 0. */
            .files_free = fs.f_files != 0 ? fs.f_favail : UINT64_MAX };
    }
    need->bytes += bytes + files * FILE_OVERHEAD;
    need->files += files;
    if (need->bytes > need->bytes_free || need->files > need->files_free) {
        return trouble_say(trouble, ENOSPC, "free space on its disk (df, df -i)",
            "the disk of /%s has %llu bytes and %llu inodes free, %llu and %llu are needed", path,
            (unsigned long long)need->bytes_free, (unsigned long long)need->files_free,
            (unsigned long long)need->bytes, (unsigned long long)need->files);
    }
    return true;
}

/* The innermost folder that is there must let us write. */
static bool
check_folder(const struct swap *s, const char *path, bool is_folder, uint64_t bytes, uint64_t files,
    struct needs *needs, struct trouble *trouble)
{
    const struct file_ops *ops = s->place.ops;
    size_t done = 0, all = 0;
    int fd = -1;
    int error = place_walk(&s->place, path, is_folder, &fd, &done, &all);

    if (error != 0) {
        return trouble_errno(trouble, error, "go to the folder of", path);
    }
    bool ok = ops->access(fd, ".", W_OK | X_OK, AT_EACCESS) == 0;
    if (!ok) {
        (void)trouble_errno(trouble, errno, "write to the folder of", path);
    } else {
        ok = add_need(ops, fd, path, bytes, files, needs, trouble);
    }
    (void)ops->close(fd);
    return ok;
}

/* A file that somebody else can write to now may be a trap, or a mistake to be told of. */
static bool
check_owner(const struct manifest_file *f, struct trouble *trouble)
{
    const struct manifest_state *b = &f->before;
    bool ours = b->uid == 0 || b->uid == geteuid() || (f->after.present && b->uid == f->after.uid);

    if (b->present && !ours && (b->mode & (S_IWGRP | S_IWOTH)) != 0) {
        return trouble_say(trouble, EPERM,
            "look at who put it there; give it to root (chown root) or remove it",
            "/%s belongs to user %lu and others may write to it", f->path, (unsigned long)b->uid);
    }
    return true;
}

bool
plan_preflight(
    const struct swap *s, const struct plan *plan, size_t bundle, struct trouble *trouble)
{
    const struct manifest *m = &plan->manifest;
    struct needs needs = { .count = 0 };
    uint64_t stored = MANIFEST_TEXT_MAX * 2 + bundle;

    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_file *f = &m->files[i];
        stored += f->after.size + f->before.size;
        if (!check_owner(f, trouble) ||
            !check_folder(s, f->path, false, f->after.size, 2, &needs, trouble)) {
            return false;
        }
    }
    return check_folder(s, HISTORY_FOLDER, true, stored, 2 * m->count + 4, &needs, trouble);
}
