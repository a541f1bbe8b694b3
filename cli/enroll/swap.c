/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enroll/history.h"

#include "sr/banned.h"

#define JOURNAL "journal"
#define JOURNAL_PATH HISTORY_FOLDER "/journal"
#define JOURNAL_NEW "journal.new"
#define JOURNAL_DONE "journal.done"

/* One file's folder and its names there. */
struct spot {
    int folder;
    const char *name;
    char fresh[MANIFEST_PATH_MAX], old[MANIFEST_PATH_MAX];
};

static int
spot_open(const struct swap *s, const char *path, struct spot *ret_spot)
{
    struct spot spot = { .name = place_base(path) };
    int error = place_folder_of(&s->place, path, &spot.folder);

    if (error == 0) {
        (void)snprintf(spot.fresh, sizeof(spot.fresh), ".%s.sr-new", spot.name);
        (void)snprintf(spot.old, sizeof(spot.old), ".%s.sr-old", spot.name);
        *ret_spot = spot;
    }
    return error;
}

/* Makes what was done in the folder last. */
static int
spot_close(const struct swap *s, const struct spot *spot, int error)
{
    if (error == 0 && s->place.ops->fsync(spot->folder) != 0) {
        error = errno;
    }
    (void)s->place.ops->close(spot->folder);
    return error;
}

/* ---- Forward ---- */

static int
write_journal(const struct swap *s, const struct manifest *m)
{
    static const struct manifest_state private = { .present = true, .mode = 0600 };
    const struct file_ops *ops = s->place.ops;
    struct manifest_state state = private;
    char *text = malloc(MANIFEST_TEXT_MAX);
    size_t len = text != NULL ? manifest_write(m, text) : 0;
    int error = text == NULL ? ENOMEM : len == 0 ? EFBIG : 0;

    state.uid = geteuid();
    state.gid = getegid();
    if (error == 0) {
        struct sr_span span = { (const uint8_t *)text, len };
        error = place_write(ops, s->state, JOURNAL_NEW, span, &state);
    }
    if (error == 0 &&
        (ops->rename(s->state, JOURNAL_NEW, s->state, JOURNAL) != 0 || ops->fsync(s->state) != 0)) {
        error = errno;
    }
    free(text);
    return error;
}

/* The old file gets its second name, if it is still the one that the journal describes. */
static int
hold_old(const struct swap *s, const struct spot *spot, const struct manifest_file *f)
{
    const struct file_ops *ops = s->place.ops;
    struct manifest_state now;
    int error = place_remove(ops, spot->folder, spot->old);

    if (error == 0 && ops->link(spot->folder, spot->name, spot->folder, spot->old, 0) != 0) {
        error = errno;
    }
    if (error == 0) {
        error = place_look(ops, spot->folder, spot->old, &now, NULL);
    }
    return error == 0 && !manifest_same(&now, &f->before) ? EAGAIN : error;
}

static int
prepare(const struct swap *s, const struct manifest_file *f, struct sr_span content)
{
    struct spot spot = { .folder = -1 };
    int error = spot_open(s, f->path, &spot);

    if (error != 0) {
        return error;
    }
    if (f->after.present) {
        error = place_write(s->place.ops, spot.folder, spot.fresh, content, &f->after);
    }
    if (error == 0 && f->before.present) {
        error = hold_old(s, &spot, f);
    }
    return spot_close(s, &spot, error);
}

static int
put(const struct swap *s, const struct manifest_file *f)
{
    const struct file_ops *ops = s->place.ops;
    struct spot spot = { .folder = -1 };
    int error = spot_open(s, f->path, &spot);

    if (error != 0) {
        return error;
    }
    if (!f->after.present) {
        error = place_remove(ops, spot.folder, spot.name);
    } else if (ops->rename(spot.folder, spot.fresh, spot.folder, spot.name) != 0) {
        error = errno;
    }
    return spot_close(s, &spot, error);
}

/*
 * Decides. When the new name may not be on the disk, the old one is given back, so that whichever
 * of them a crash leaves agrees with what is done next; *ret_unsure when not even that worked.
 */
static int
commit(const struct swap *s, bool *ret_unsure)
{
    const struct file_ops *ops = s->place.ops;

    if (ops->rename(s->state, JOURNAL, s->state, JOURNAL_DONE) != 0) {
        return errno;
    }
    if (ops->fsync(s->state) != 0) {
        int error = errno;
        *ret_unsure = ops->rename(s->state, JOURNAL_DONE, s->state, JOURNAL) != 0 ||
                      ops->fsync(s->state) != 0;
        return error;
    }
    return 0;
}

static int
settle(const struct swap *s, const struct manifest_file *f)
{
    const struct file_ops *ops = s->place.ops;
    struct spot spot = { .folder = -1 };
    int error = spot_open(s, f->path, &spot);

    if (error != 0) {
        return error == ENOENT ? 0 : error; /* somebody removed the folder */
    }
    if (f->kept[0] == '\0') {
        error = place_remove(ops, spot.folder, spot.old);
    } else if (ops->rename(spot.folder, spot.old, spot.folder, f->kept) != 0 && errno != ENOENT) {
        error = errno;
    }
    return spot_close(s, &spot, error);
}

static int
remove_journal(const struct swap *s, const char *name)
{
    int error = place_remove(s->place.ops, s->state, name);

    if (error == 0 && s->place.ops->fsync(s->state) != 0) {
        error = errno;
    }
    return error;
}

/* What is left to do of a swap that is decided. */
static bool
finish(const struct swap *s, const struct manifest *m, struct trouble *trouble)
{
    for (size_t i = 0; i < m->count; i++) {
        int error = settle(s, &m->files[i]);
        if (error != 0) {
            return trouble_errno(trouble, error, "put away the file before", m->files[i].path);
        }
    }
    int error = history_mark(s->place.ops, s->state, m);
    error = error == 0 ? remove_journal(s, JOURNAL_DONE) : error;
    return error == 0 || trouble_errno(trouble, error, "finish", JOURNAL_PATH);
}

/* ---- Back ---- */

/* Only what this swap put there is taken away. */
static int
take_away(const struct swap *s, const struct spot *spot, const struct manifest_file *f)
{
    struct manifest_state now;
    int error = place_look(s->place.ops, spot->folder, spot->name, &now, NULL);

    if (error == 0 && now.present && manifest_same(&now, &f->after)) {
        error = place_remove(s->place.ops, spot->folder, spot->name);
    }
    return error;
}

static int
put_back(const struct swap *s, const struct manifest_file *f)
{
    const struct file_ops *ops = s->place.ops;
    struct spot spot = { .folder = -1 };
    int error = spot_open(s, f->path, &spot);

    if (error != 0) {
        return error == ENOENT ? 0 : error; /* the swap had not even made its folder */
    }
    if (!f->before.present) {
        error = take_away(s, &spot, f);
    } else if (ops->rename(spot.folder, spot.old, spot.folder, spot.name) == 0) {
        /* Two names of one file stay two: rename() then does nothing. */
        error = place_remove(ops, spot.folder, spot.old);
    } else if (errno != ENOENT) {
        error = errno;
    }
    int more = place_remove(ops, spot.folder, spot.fresh);
    return spot_close(s, &spot, error != 0 ? error : more);
}

static int
remove_folder(const struct swap *s, const char *path)
{
    const struct file_ops *ops = s->place.ops;
    int parent = -1;
    int error = place_folder_of(&s->place, path, &parent);

    if (error != 0) {
        return error == ENOENT ? 0 : error;
    }
    /* Somebody else may have put something in it meanwhile. */
    if (ops->unlink(parent, place_base(path), AT_REMOVEDIR) != 0 && errno != ENOENT &&
        errno != ENOTEMPTY && errno != EEXIST) {
        error = errno;
    }
    if (error == 0 && ops->fsync(parent) != 0) {
        error = errno;
    }
    (void)ops->close(parent);
    return error;
}

/* Does all it can, even after something failed. */
static bool
go_back(const struct swap *s, const struct manifest *m, struct trouble *trouble)
{
    bool ok = true;

    for (size_t i = m->count; i-- > 0;) {
        int error = put_back(s, &m->files[i]);
        if (error != 0) {
            ok = trouble_errno(trouble, error, "put back", m->files[i].path);
        }
    }
    for (size_t i = m->folder_count; i-- > 0;) {
        int error = remove_folder(s, m->folders[i]);
        if (error != 0) {
            ok = trouble_errno(trouble, error, "remove the new folder", m->folders[i]);
        }
    }
    if (!ok) {
        return false;
    }
    (void)place_remove(s->place.ops, s->state, JOURNAL_NEW);
    int error = remove_journal(s, JOURNAL);
    if (error == 0 && m->kind == MANIFEST_APPLY) {
        /* What is left of it the next start sweeps away. */
        (void)history_remove(s->place.ops, s->state, m->number);
    }
    return error == 0 || trouble_errno(trouble, error, "remove", JOURNAL_PATH);
}

/* ---- Together ---- */

static bool
forward(const struct swap *s, const struct manifest *m, const struct sr_span *contents, uid_t uid,
    gid_t gid, struct trouble *trouble)
{
    int error = write_journal(s, m);

    if (error != 0) {
        return trouble_errno(trouble, error, "write", JOURNAL_PATH);
    }
    for (size_t i = 0; i < m->folder_count; i++) {
        error = place_make_folder(&s->place, m->folders[i], SWAP_FOLDER_MODE, uid, gid);
        if (error != 0) {
            return trouble_errno(trouble, error, "make the folder", m->folders[i]);
        }
    }
    for (size_t i = 0; i < m->count; i++) {
        error = prepare(s, &m->files[i], contents[i]);
        if (error != 0) {
            return trouble_errno(trouble, error, "prepare", m->files[i].path);
        }
    }
    for (size_t i = 0; i < m->count; i++) {
        error = put(s, &m->files[i]);
        if (error != 0) {
            return trouble_errno(trouble, error, "replace", m->files[i].path);
        }
    }
    return true;
}

bool
swap_run(const struct swap *s, const struct manifest *m, const struct sr_span *contents, uid_t uid,
    gid_t gid, struct trouble *trouble)
{
    struct trouble ignored;
    bool unsure = false;

    if (forward(s, m, contents, uid, gid, trouble)) {
        int error = commit(s, &unsure);
        if (error == 0) {
            /* It is decided: should this fail, the next start does it. */
            (void)finish(s, m, &ignored);
            return true;
        }
        (void)trouble_errno(trouble, error, "change", JOURNAL_PATH);
    }
    if (unsure || !go_back(s, m, &ignored)) {
        trouble_remedy(
            trouble, "see to the disk, then run it again: it begins with putting the host right");
    }
    return false;
}

static bool
recover(
    const struct swap *s, struct manifest *m, enum swap_found *ret_found, struct trouble *trouble)
{
    const char *name = JOURNAL;
    int error = history_read_text(s->place.ops, s->state, name, m);

    if (error == ENOENT) {
        name = JOURNAL_DONE;
        error = history_read_text(s->place.ops, s->state, name, m);
        if (error == ENOENT) {
            /* One that was not written to its end. */
            error = place_remove(s->place.ops, s->state, JOURNAL_NEW);
            *ret_found = SWAP_NOTHING;
            return error == 0 || trouble_errno(trouble, error, "remove", JOURNAL_PATH);
        }
    }
    /* The process before may have ended with its renaming not on the disk. */
    if (error == 0 && s->place.ops->fsync(s->state) != 0) {
        error = errno;
    }
    if (error == ESTALE) {
        return trouble_say(trouble, error,
            "compare the files with the generations by hand, then remove the journal",
            "the journal of an unfinished enrolment (%s) is damaged", name);
    }
    if (error != 0) {
        return trouble_errno(trouble, error, "read", JOURNAL_PATH);
    }
    bool done = strcmp(name, JOURNAL_DONE) == 0;
    if (done ? !finish(s, m, trouble) : !go_back(s, m, trouble)) {
        return false;
    }
    *ret_found = done ? SWAP_FINISHED : SWAP_UNDONE;
    return true;
}

bool
swap_recover(const struct swap *s, enum swap_found *ret_found, struct trouble *trouble)
{
    struct manifest *m = malloc(sizeof(*m));

    if (m == NULL) {
        return trouble_errno(trouble, ENOMEM, "read", JOURNAL_PATH);
    }
    bool ok = recover(s, m, ret_found, trouble);
    free(m);
    return ok;
}
