/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sr/banned.h"

/* Longest name of a file that is put in place: room for what is put behind it. */
#define BASE_MAX 150
#define COPY_TRIES 1000

/* ---- The set ---- */

/* Whether a path is in the folder of the generations and none of the records of enrolments. */
static bool
is_internal(const char *path)
{
    static const size_t folder = sizeof(HISTORY_FOLDER "/") - 1;
    size_t len = strlen(path);

    if (strncmp(path, HISTORY_FOLDER "/", folder) != 0) {
        return false;
    }
    return strchr(path + folder, '/') != NULL || len < 5 || strcmp(path + len - 5, ".json") != 0;
}

static bool
check_file(const struct generation_file *f, struct trouble *trouble)
{
    static const char remedy[] = "this is a mistake in the bundle or in the program: report it";

    if (!manifest_path_is_fine(f->path) || strlen(place_base(f->path)) > BASE_MAX ||
        is_internal(f->path)) {
        return trouble_say(
            trouble, EINVAL, remedy, "\"%.200s\" is no path for a file of an enrolment", f->path);
    }
    if (!f->absent && (f->mode & ~(mode_t)0755) != 0) {
        return trouble_say(trouble, EINVAL, remedy, "mode %04o of /%s is wider than 0755",
            (unsigned)f->mode, f->path);
    }
    if (!f->absent && f->bytes.len > PLACE_FILE_MAX) {
        return trouble_say(trouble, EFBIG, remedy, "/%s would have %zu bytes, the limit is %zu",
            f->path, f->bytes.len, PLACE_FILE_MAX);
    }
    return true;
}

bool
plan_check_set(const struct generation_set *set, struct trouble *trouble)
{
    static const char remedy[] = "this is a mistake in the program: report it";

    if (set->count == 0 || set->count > MANIFEST_FILES_MAX) {
        return trouble_say(trouble, EINVAL, remedy, "a set of %zu files, it must be 1 to %d",
            set->count, MANIFEST_FILES_MAX);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (!check_file(&set->files[i], trouble)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(set->files[i].path, set->files[j].path) == 0) {
                return trouble_say(
                    trouble, EINVAL, remedy, "/%s is twice in the set", set->files[i].path);
            }
        }
    }
    return true;
}

/* ---- What generations know ---- */

/* Manifests of the live generations, the newest first. */
struct known {
    size_t count;
    struct manifest **manifests;
};

static void
known_free(struct known *known)
{
    for (size_t i = 0; i < known->count; i++) {
        free(known->manifests[i]);
    }
    free(known->manifests);
}

static int
known_add(const struct swap *s, struct history_item item, struct known *known)
{
    struct manifest *m = malloc(sizeof(*m));
    int error = m == NULL ? ENOMEM : history_load(s->place.ops, s->state, item, m);

    if (error != 0) {
        free(m);
        /* Of a damaged one nothing is known: its files count as foreign, and are kept. */
        return error == ESTALE ? 0 : error;
    }
    known->manifests[known->count++] = m;
    return 0;
}

static int
known_read(const struct swap *s, struct known *ret_known)
{
    struct known known = { 0, NULL };
    struct history h = { 0, NULL };
    int error = s->state >= 0 ? history_read(s->place.ops, s->state, &h) : 0;

    if (error != 0) {
        return error;
    }
    known.manifests = calloc(h.count + 1, sizeof(struct manifest *));
    error = known.manifests == NULL ? ENOMEM : 0;
    for (size_t i = h.count; i-- > 0 && error == 0;) {
        if (h.items[i].kind == HISTORY_LIVE) {
            error = known_add(s, h.items[i], &known);
        }
    }
    history_free(&h);
    if (error != 0) {
        known_free(&known);
        return error;
    }
    *ret_known = known;
    return 0;
}

/* What the newest generation that names the path put there, or NULL. */
static const struct manifest_state *
known_find(const struct known *known, const char *path)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct manifest *m = known->manifests[i];
        for (size_t j = 0; j < m->count; j++) {
            if (strcmp(m->files[j].path, path) == 0) {
                return &m->files[j].after;
            }
        }
    }
    return NULL;
}

static enum generation_change
judge(const struct known *known, const struct manifest_file *f)
{
    const struct manifest_state *put = known_find(known, f->path);

    if (manifest_same(&f->before, &f->after)) {
        return GENERATION_SAME;
    }
    if (!f->before.present) {
        return put != NULL && put->present ? GENERATION_CHANGED : GENERATION_NEW;
    }
    if (put == NULL) {
        return GENERATION_FOREIGN;
    }
    return put->present && memcmp(put->hash, f->before.hash, sizeof(put->hash)) == 0
               ? GENERATION_REPLACED
               : GENERATION_CHANGED;
}

/* ---- Making a plan ---- */

/* A name for the operator's copy that is still free, of the first second from `at` on. */
static int
name_copy(const struct swap *s, uint64_t at, struct manifest_file *f)
{
    int folder = -1;
    int error = place_folder_of(&s->place, f->path, &folder);

    if (error != 0) {
        return error;
    }
    error = EEXIST;
    for (uint64_t i = 0; i < COPY_TRIES && error == EEXIST; i++) {
        char when[32];
        struct tm tm;
        time_t moment = (time_t)(at + i);
        if (gmtime_r(&moment, &tm) == NULL ||
            strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm) == 0) {
            error = EOVERFLOW;
            break;
        }
        (void)snprintf(
            f->kept, sizeof(f->kept), "%.*s.operator-%s", BASE_MAX, place_base(f->path), when);
        if (s->place.ops->access(folder, f->kept, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
            error = errno == ENOENT ? 0 : errno;
        }
    }
    (void)s->place.ops->close(folder);
    return error;
}

static bool
has_folder(const struct manifest *m, const char *path)
{
    for (size_t i = 0; i < m->folder_count; i++) {
        if (strcmp(m->folders[i], path) == 0) {
            return true;
        }
    }
    return false;
}

/* Notes the folders that are missing for a file. */
static int
note_folders(const struct swap *s, const char *path, struct manifest *m)
{
    size_t done = 0, all = 0;
    int fd = -1;
    int error = place_walk(&s->place, path, false, &fd, &done, &all);

    if (error != 0) {
        return error;
    }
    (void)s->place.ops->close(fd);
    while (done < all) {
        char folder[MANIFEST_PATH_MAX] = "";
        done = done > 0 ? done + 1 : 0;
        done += strcspn(path + done, "/");
        memcpy(folder, path, done);
        if (has_folder(m, folder)) {
            continue;
        }
        if (m->folder_count == MANIFEST_FOLDERS_MAX) {
            return EINVAL;
        }
        memcpy(m->folders[m->folder_count++], folder, sizeof(folder));
    }
    return 0;
}

/* Adds a file whose path, `after` and content are known. */
static int
add_file(const struct swap *s, const struct generation_options *options, const struct known *known,
    struct plan *plan)
{
    struct manifest *m = &plan->manifest;
    size_t i = m->count;
    struct manifest_file *f = &m->files[i];
    int error = place_look_at(&s->place, f->path, &f->before, &plan->before[i]);

    if (error != 0) {
        return error;
    }
    m->count++;
    plan->changes[i] = judge(known, f);
    bool theirs = plan->changes[i] == GENERATION_CHANGED || plan->changes[i] == GENERATION_FOREIGN;
    if (theirs && f->before.present && !options->force) {
        error = name_copy(s, options->time, f);
    }
    if (error == 0 && f->after.present) {
        error = note_folders(s, f->path, m);
    }
    return error;
}

static void
set_path(struct manifest_file *f, const char *path)
{
    (void)snprintf(f->path, sizeof(f->path), "%s", path);
}

static struct plan *
plan_new(const struct swap *s, const struct generation_options *options, struct known *ret_known,
    struct trouble *trouble)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    int error = plan == NULL ? ENOMEM : known_read(s, ret_known);

    if (error != 0) {
        (void)trouble_errno(trouble, error, "read", HISTORY_FOLDER);
        free(plan);
        return NULL;
    }
    plan->manifest.time = options->time;
    return plan;
}

struct plan *
plan_apply(const struct swap *s, const struct generation_set *set,
    const struct generation_options *options, struct trouble *trouble)
{
    struct known known;
    struct plan *plan = plan_new(s, options, &known, trouble);
    int error = 0;

    if (plan == NULL) {
        return NULL;
    }
    plan->manifest.kind = MANIFEST_APPLY;
    for (size_t i = 0; i < set->count && error == 0; i++) {
        const struct generation_file *in = &set->files[i];
        struct manifest_file *f = &plan->manifest.files[i];
        set_path(f, in->path);
        plan->after[i] = in->bytes;
        if (!in->absent && !place_state_of(in->bytes, in->mode, in->uid, in->gid, &f->after)) {
            error = ENOMEM;
        }
        error = error == 0 ? add_file(s, options, &known, plan) : error;
        if (error != 0) {
            (void)trouble_errno(trouble, error, "look at", in->path);
        }
    }
    known_free(&known);
    if (error != 0) {
        plan_free(plan);
        return NULL;
    }
    return plan;
}

/* Reads what was before the I-th file of a generation; ESTALE when it is not that any more. */
static int
read_before(
    const struct swap *s, int folder, size_t i, const struct manifest_file *from, struct plan *plan)
{
    struct manifest_file *f = &plan->manifest.files[i];
    struct manifest_state stored;
    char name[HISTORY_NAME_MAX];

    set_path(f, from->path);
    f->after = from->before;
    if (!f->after.present) {
        return 0;
    }
    (void)snprintf(name, sizeof(name), "before.%zu", i);
    int error = place_look(s->place.ops, folder, name, &stored, &plan->read[i]);
    if (error != 0) {
        return error;
    }
    plan->after[i] = (struct sr_span){ plan->read[i].bytes, plan->read[i].len };
    return stored.present && memcmp(stored.hash, f->after.hash, sizeof(stored.hash)) == 0 ? 0
                                                                                          : ESTALE;
}

static bool
fill_rollback(const struct swap *s, const struct generation_options *options,
    const struct known *known, struct plan *plan, struct trouble *trouble)
{
    const struct manifest *last = known->manifests[0];
    int folder = -1;
    int error = history_open(s->place.ops, s->state, last->number, &folder);

    if (error != 0) {
        return trouble_errno(trouble, error, "read", HISTORY_FOLDER);
    }
    plan->manifest.kind = MANIFEST_ROLLBACK;
    plan->manifest.number = last->number;
    for (size_t i = 0; i < last->count && error == 0; i++) {
        error = read_before(s, folder, i, &last->files[i], plan);
        if (error != 0) {
            (void)trouble_errno(
                trouble, error, "read the generation's copy of", last->files[i].path);
            break;
        }
        error = add_file(s, options, known, plan);
        if (error != 0) {
            (void)trouble_errno(trouble, error, "look at", last->files[i].path);
        }
    }
    (void)s->place.ops->close(folder);
    return error == 0;
}

struct plan *
plan_rollback(
    const struct swap *s, const struct generation_options *options, struct trouble *trouble)
{
    struct known known;
    struct plan *plan = plan_new(s, options, &known, trouble);
    bool ok = plan != NULL;

    if (!ok) {
        return NULL;
    }
    if (known.count == 0) {
        ok = trouble_say(trouble, ENOENT, "there is nothing to do",
            "no generation is kept, so there is nothing to go back from");
    } else {
        ok = fill_rollback(s, options, &known, plan, trouble);
    }
    known_free(&known);
    if (!ok) {
        plan_free(plan);
        return NULL;
    }
    return plan;
}

bool
plan_is_nothing(const struct plan *plan)
{
    for (size_t i = 0; i < plan->manifest.count; i++) {
        if (plan->changes[i] != GENERATION_SAME) {
            return false;
        }
    }
    return true;
}

void
plan_report(const struct plan *plan, struct generation_report *report)
{
    report->count = plan->manifest.count;
    for (size_t i = 0; i < report->count; i++) {
        const struct manifest_file *f = &plan->manifest.files[i];
        memcpy(report->files[i].path, f->path, sizeof(f->path));
        memcpy(report->files[i].kept, f->kept, sizeof(f->kept));
        report->files[i].change = plan->changes[i];
    }
}

void
plan_free(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
        place_free(&plan->before[i]);
        place_free(&plan->read[i]);
    }
    free(plan);
}
