/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sr/banned.h"

#define LIVE "manifest"
#define UNDONE "manifest.undone"

static void
folder_name(char out[HISTORY_NAME_MAX], unsigned number)
{
    (void)snprintf(out, HISTORY_NAME_MAX, "gen-%u", number);
}

/* The number of a folder's name, 0 when it is none of ours. */
static unsigned
number_of(const char *name)
{
    char again[HISTORY_NAME_MAX];
    unsigned long number = strncmp(name, "gen-", 4) == 0 ? strtoul(name + 4, NULL, 10) : 0;

    if (number == 0 || number >= UINT32_MAX) {
        return 0;
    }
    folder_name(again, (unsigned)number);
    return strcmp(again, name) == 0 ? (unsigned)number : 0;
}

static int
has(const struct file_ops *ops, int folder, const char *name, bool *ret_has)
{
    bool there = ops->access(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

    if (!there && errno != ENOENT) {
        return errno;
    }
    *ret_has = there;
    return 0;
}

static int
kind_of(const struct file_ops *ops, int state, unsigned number, enum history_kind *ret_kind)
{
    bool live = false, undone = false;
    int folder = -1;
    int error = history_open(ops, state, number, &folder);

    if (error != 0) {
        return error;
    }
    error = has(ops, folder, LIVE, &live);
    if (error == 0) {
        error = has(ops, folder, UNDONE, &undone);
    }
    (void)ops->close(folder);
    if (error == 0) {
        *ret_kind = live ? HISTORY_LIVE : undone ? HISTORY_UNDONE : HISTORY_UNFINISHED;
    }
    return error;
}

static int
by_number(const void *a, const void *b)
{
    unsigned x = ((const struct history_item *)a)->number;
    unsigned y = ((const struct history_item *)b)->number;

    return (x > y) - (x < y);
}

static int
add_item(const struct file_ops *ops, int state, unsigned number, struct history *h)
{
    struct history_item *items = realloc(h->items, (h->count + 1) * sizeof(*items));

    if (items == NULL) {
        return ENOMEM;
    }
    h->items = items;
    items[h->count].number = number;
    return kind_of(ops, state, number, &items[h->count++].kind);
}

/* Calls `each` for all entries of a folder but `.` and `..`, until one returns an error. */
static int
for_each(
    const struct file_ops *ops, int folder, int (*each)(void *arg, const char *name), void *arg)
{
    int fd = ops->open(folder, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    int error = dir == NULL ? errno : 0;

    while (dir != NULL && error == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            error = errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            error = each(arg, entry->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    } else if (fd >= 0) {
        (void)ops->close(fd);
    }
    return error;
}

struct reading {
    const struct file_ops *ops;
    int state;
    struct history *history;
};

static int
read_one(void *arg, const char *name)
{
    const struct reading *r = arg;
    unsigned number = number_of(name);

    return number != 0 ? add_item(r->ops, r->state, number, r->history) : 0;
}

int
history_read(const struct file_ops *ops, int state, struct history *ret_history)
{
    struct history h = { 0, NULL };
    struct reading reading = { ops, state, &h };
    int error = for_each(ops, state, read_one, &reading);

    if (error != 0) {
        history_free(&h);
        return error;
    }
    if (h.count > 0) {
        qsort(h.items, h.count, sizeof(h.items[0]), by_number);
    }
    *ret_history = h;
    return 0;
}

void
history_free(struct history *history)
{
    free(history->items);
    *history = (struct history){ 0, NULL };
}

unsigned
history_newest(const struct history *history, unsigned below)
{
    for (size_t i = history->count; i-- > 0;) {
        if (history->items[i].kind == HISTORY_LIVE && history->items[i].number < below) {
            return history->items[i].number;
        }
    }
    return 0;
}

int
history_open(const struct file_ops *ops, int state, unsigned number, int *ret_fd)
{
    char name[HISTORY_NAME_MAX];

    folder_name(name, number);
    int fd = ops->open(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0) {
        return errno;
    }
    *ret_fd = fd;
    return 0;
}

int
history_make(const struct file_ops *ops, int state, unsigned number, int *ret_fd)
{
    char name[HISTORY_NAME_MAX];
    int fd = -1;

    folder_name(name, number);
    if (ops->mkdir(state, name, 0700) != 0 && errno != EEXIST) {
        return errno;
    }
    int error = history_open(ops, state, number, &fd);
    if (error != 0) {
        return error;
    }
    if (ops->fchmod(fd, 0700) != 0) { /* the umask may have taken from it */
        error = errno;
        (void)ops->close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

int
history_read_text(
    const struct file_ops *ops, int folder, const char *name, struct manifest *ret_manifest)
{
    struct manifest_state state;
    struct place_content text;
    int error = place_look(ops, folder, name, &state, &text);

    if (error == 0 && !state.present) {
        return ENOENT;
    }
    if (error != 0) {
        return error;
    }
    struct sr_span span = { text.bytes, text.len };
    if (text.len > MANIFEST_TEXT_MAX || !manifest_read(span, ret_manifest)) {
        error = ESTALE;
    }
    place_free(&text);
    return error;
}

int
history_load(
    const struct file_ops *ops, int state, struct history_item item, struct manifest *ret_manifest)
{
    int folder = -1;
    int error = history_open(ops, state, item.number, &folder);

    if (error != 0) {
        return error;
    }
    error =
        history_read_text(ops, folder, item.kind == HISTORY_UNDONE ? UNDONE : LIVE, ret_manifest);
    (void)ops->close(folder);
    return error;
}

int
history_mark(const struct file_ops *ops, int state, const struct manifest *m)
{
    bool undo = m->kind == MANIFEST_ROLLBACK;
    int folder = -1;
    int error = history_open(ops, state, m->number, &folder);

    if (error != 0) {
        return error;
    }
    if (ops->rename(folder, undo ? LIVE : HISTORY_STAGED, folder, undo ? UNDONE : LIVE) != 0 &&
        errno != ENOENT) {
        error = errno;
    }
    if (error == 0 && ops->fsync(folder) != 0) {
        error = errno;
    }
    (void)ops->close(folder);
    return error;
}

struct removing {
    const struct file_ops *ops;
    int folder;
};

static int
remove_one(void *arg, const char *name)
{
    const struct removing *r = arg;

    return place_remove(r->ops, r->folder, name);
}

int
history_remove(const struct file_ops *ops, int state, unsigned number)
{
    char name[HISTORY_NAME_MAX];
    int folder = -1;
    int error = history_open(ops, state, number, &folder);

    if (error != 0) {
        return error == ENOENT ? 0 : error;
    }
    /* Without a manifest it is swept should this be interrupted. */
    error = place_remove(ops, folder, LIVE);
    error = error == 0 ? place_remove(ops, folder, UNDONE) : error;
    if (error == 0 && ops->fsync(folder) != 0) {
        error = errno;
    }
    struct removing removing = { ops, folder };
    error = error == 0 ? for_each(ops, folder, remove_one, &removing) : error;
    (void)ops->close(folder);
    folder_name(name, number);
    if (error == 0 && ops->unlink(state, name, AT_REMOVEDIR) != 0) {
        error = errno;
    }
    return error;
}

int
history_sweep(const struct file_ops *ops, int state)
{
    struct history h;
    int error = history_read(ops, state, &h);

    if (error != 0) {
        return error;
    }
    for (size_t i = 0; i < h.count && error == 0; i++) {
        if (h.items[i].kind == HISTORY_UNFINISHED) {
            error = history_remove(ops, state, h.items[i].number);
        }
    }
    history_free(&h);
    return error;
}

int
history_prune(const struct file_ops *ops, int state, size_t keep)
{
    struct history h;
    size_t live = 0, undone = 0;
    int error = history_read(ops, state, &h);

    if (error != 0) {
        return error;
    }
    for (size_t i = h.count; i-- > 0 && error == 0;) {
        bool is_live = h.items[i].kind == HISTORY_LIVE;
        bool stays = is_live ? ++live <= keep : ++undone <= 1;
        if (!stays) {
            error = history_remove(ops, state, h.items[i].number);
        }
    }
    history_free(&h);
    return error;
}
