/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/unproven.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enroll/history.h"
#include "files.h"

#include "sr/banned.h"

#define MARK HISTORY_FOLDER "/unproven"
#define TEXT_MAX 16

/* The number of the newest generation that is not undone, 0 when there is none. */
static bool
newest_number(struct generations *g, unsigned *ret_number, struct trouble *trouble)
{
    struct generation_list list;
    unsigned newest = 0;

    if (!generation_list(g, &list, trouble)) {
        return false;
    }
    for (size_t i = 0; i < list.count; i++) {
        newest = list.items[i].undone ? newest : list.items[i].number;
    }
    generation_list_free(&list);
    *ret_number = newest;
    return true;
}

/* A mark that comes back would take back what was proven, and a lost one would not do it. */
static bool
sync_folder(const char *root)
{
    char path[FILES_PATH_MAX];

    if (!files_path(path, "%s/%s", root, HISTORY_FOLDER)) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ok = fsync(fd) == 0;
    (void)close(fd);
    return ok;
}

bool
unproven_begin(struct generations *g, const char *root, struct trouble *trouble)
{
    char path[FILES_PATH_MAX], text[TEXT_MAX];
    unsigned newest;

    if (!newest_number(g, &newest, trouble)) {
        return false;
    }
    int len = snprintf(text, sizeof(text), "%u\n", newest);
    if (!files_path(path, "%s/%s", root, MARK) || !files_write(path, text, (size_t)len, 0600) ||
        !sync_folder(root)) {
        return trouble_errno(trouble, errno, "write", MARK);
    }
    return true;
}

bool
unproven_end(const char *root, struct trouble *trouble)
{
    char path[FILES_PATH_MAX];

    if (!files_path(path, "%s/%s", root, MARK) || (unlink(path) != 0 && errno != ENOENT) ||
        !sync_folder(root)) {
        return trouble_errno(trouble, errno, "remove", MARK);
    }
    return true;
}

bool
unproven_is(const char *root)
{
    char path[FILES_PATH_MAX];

    return files_path(path, "%s/%s", root, MARK) && access(path, F_OK) == 0;
}

/* The newest generation when the mark was made; false without a mark. */
static bool
read_mark(const char *root, unsigned long *ret_before)
{
    char path[FILES_PATH_MAX];
    char *text = NULL;
    char *end = NULL;
    size_t len;

    if (!files_path(path, "%s/%s", root, MARK) || !files_read(path, TEXT_MAX, &text, &len)) {
        return false;
    }
    *ret_before = strtoul(text, &end, 10);
    bool ok = end != text && *end == '\n';
    free(text);
    return ok;
}

/*
 * Removes the copies that were made of what an operator had changed: the files themselves are back.
 * One that cannot be removed does no harm.
 */
static void
remove_copies(const char *root, const struct generation_item *item)
{
    char path[FILES_PATH_MAX];

    for (size_t i = 0; i < item->count; i++) {
        const struct manifest_file *f = &item->files[i];
        int folder = (int)(strlen(f->path) - strlen(place_base(f->path)));
        if (*f->kept != '\0' && files_path(path, "%s/%.*s%s", root, folder, f->path, f->kept)) {
            (void)unlink(path);
        }
    }
}

/* Goes back from the newest generation when it is younger than the mark. */
static bool
undo_newer(struct generations *g, const char *root, unsigned long before, uint64_t time,
    bool *ret_undone, struct trouble *trouble)
{
    struct generation_options options = { .time = time, .force = true };
    struct generation_report *report = malloc(sizeof(*report));
    const struct generation_item *newest = NULL;
    struct generation_list list = { 0, NULL };
    bool ok = report != NULL ||
              trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");

    ok = ok && generation_list(g, &list, trouble);
    for (size_t i = 0; i < list.count; i++) {
        newest = list.items[i].undone ? newest : &list.items[i];
    }
    bool undo = ok && newest != NULL && newest->number > before;
    if (undo) {
        ok = generation_rollback(g, &options, report, trouble);
    }
    if (undo && ok) {
        remove_copies(root, newest);
        *ret_undone = true;
    }
    generation_list_free(&list);
    free(report);
    return ok;
}

bool
unproven_undo(struct generations *g, const char *root, uint64_t time, bool *ret_undone,
    struct trouble *trouble)
{
    unsigned long before = 0;

    *ret_undone = false;
    if (!unproven_is(root)) {
        return true;
    }
    /* A mark that cannot be read was never whole, so that nothing was put in place after it. */
    return (!read_mark(root, &before) || undo_newer(g, root, before, time, ret_undone, trouble)) &&
           unproven_end(root, trouble);
}
