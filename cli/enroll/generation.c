/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "enroll/history.h"
#include "enroll/place.h"
#include "enroll/plan.h"

#include "sr/banned.h"

#define LOCK "lock"
#define RECEIVED "bundle.received"
#define PID_ROOM 12 /* always as many bytes, so that a shorter one leaves nothing of a longer */

struct generations {
    struct swap swap; /* `state` is -1 when there is none, with read_only */
    int lock;         /* -1 with read_only */
    bool read_only;
    enum swap_found found;
};

/* ---- Opening ---- */

static int
make_state(const struct place *place, int *ret_fd)
{
    static const char *const folders[] = { "var", "var/lib", "var/lib/serviceradar",
        HISTORY_FOLDER };
    const size_t count = sizeof(folders) / sizeof(folders[0]);
    size_t done = 0, all = 0;
    int error = 0, fd = -1;

    for (size_t i = 0; i < count && error == 0; i++) {
        error =
            place_make_folder(place, folders[i], i + 1 < count ? 0755 : 0700, geteuid(), getegid());
    }
    if (error == 0) {
        error = place_walk(place, HISTORY_FOLDER, true, &fd, &done, &all);
    }
    if (error == 0 && done < all) {
        (void)place->ops->close(fd);
        error = ENOENT;
    }
    if (error == 0) {
        *ret_fd = fd;
    }
    return error;
}

/* Credentials are in there. */
static bool
check_state(const struct swap *s, struct trouble *trouble)
{
    struct stat st;

    if (s->place.ops->stat(s->state, "", &st, AT_EMPTY_PATH) != 0) {
        return trouble_errno(trouble, errno, "look at", HISTORY_FOLDER);
    }
    if (st.st_uid != geteuid()) {
        return trouble_say(trouble, EPERM, "look at what is in it, then give it to root (chown)",
            "/%s belongs to user %lu", HISTORY_FOLDER, (unsigned long)st.st_uid);
    }
    if ((st.st_mode & 0777) != 0700 && s->place.ops->fchmod(s->state, 0700) != 0) {
        return trouble_errno(trouble, errno, "set the mode of", HISTORY_FOLDER);
    }
    return true;
}

static bool
say_holder(const struct file_ops *ops, int lock, struct trouble *trouble)
{
    char pid[PID_ROOM + 1] = "";
    ssize_t len = ops->read(lock, pid, PID_ROOM);

    pid[len > 0 ? len : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    return trouble_say(trouble, EWOULDBLOCK, "wait until it has ended, then run it again",
        "another process (%s) is at work on this host's enrolment",
        pid[0] != '\0' ? pid : "unknown");
}

static bool
take_lock(struct generations *g, struct trouble *trouble)
{
    const struct file_ops *ops = g->swap.place.ops;
    char pid[PID_ROOM + 1];

    g->lock = ops->open(g->swap.state, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (g->lock < 0) {
        return trouble_errno(trouble, errno, "open", HISTORY_FOLDER "/" LOCK);
    }
    if (ops->flock(g->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? say_holder(ops, g->lock, trouble)
                   : trouble_errno(trouble, errno, "lock", HISTORY_FOLDER "/" LOCK);
    }
    (void)snprintf(pid, sizeof(pid), "%-*ld\n", PID_ROOM - 1, (long)getpid());
    if (ops->write(g->lock, pid, PID_ROOM) != PID_ROOM) {
        return trouble_errno(trouble, errno, "write", HISTORY_FOLDER "/" LOCK);
    }
    return true;
}

static bool
open_to_write(struct generations *g, struct trouble *trouble)
{
    const struct file_ops *ops = g->swap.place.ops;
    int error = make_state(&g->swap.place, &g->swap.state);

    if (error != 0) {
        return trouble_errno(trouble, error, "make the folder", HISTORY_FOLDER);
    }
    if (!check_state(&g->swap, trouble) || !take_lock(g, trouble) ||
        !swap_recover(&g->swap, &g->found, trouble)) {
        return false;
    }
    error = history_sweep(ops, g->swap.state);
    return error == 0 || trouble_errno(trouble, error, "clear up", HISTORY_FOLDER);
}

static bool
open_to_read(struct generations *g, struct trouble *trouble)
{
    size_t done = 0, all = 0;
    int fd = -1;
    int error = place_walk(&g->swap.place, HISTORY_FOLDER, true, &fd, &done, &all);

    if (error != 0) {
        return trouble_errno(trouble, error, "open", HISTORY_FOLDER);
    }
    if (done == all) {
        g->swap.state = fd;
    } else {
        (void)g->swap.place.ops->close(fd);
    }
    return true;
}

bool
generations_open(
    const struct generations_options *options, struct generations **ret_g, struct trouble *trouble)
{
    const char *root = options->root[0] != '\0' ? options->root : "/";
    struct generations *g = malloc(sizeof(*g));

    if (g == NULL) {
        return trouble_errno(trouble, ENOMEM, "open", HISTORY_FOLDER);
    }
    *g = (struct generations){
        .swap = { .place = { options->ops != NULL ? options->ops : &file_ops_system, -1 },
            .state = -1 },
        .lock = -1,
        .read_only = options->read_only,
        .found = SWAP_NOTHING,
    };
    g->swap.place.root = g->swap.place.ops->open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
    bool ok = g->swap.place.root >= 0;
    if (!ok) {
        (void)trouble_say(
            trouble, errno, "give an existing folder", "cannot open the root \"%.200s\"", root);
    } else {
        ok = g->read_only ? open_to_read(g, trouble) : open_to_write(g, trouble);
    }
    if (!ok) {
        generations_close(g);
        return false;
    }
    *ret_g = g;
    return true;
}

void
generations_close(struct generations *g)
{
    const int fds[] = { g->lock, g->swap.state, g->swap.place.root };

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0) {
            (void)g->swap.place.ops->close(fds[i]); /* with the first goes the lock */
        }
    }
    free(g);
}

enum swap_found
generations_found(const struct generations *g)
{
    return g->found;
}

/* ---- Staging ---- */

static int
stage_file(
    const struct file_ops *ops, int folder, const char *what, size_t i, struct sr_span content)
{
    const struct manifest_state private = {
        .present = true, .mode = 0600, .uid = geteuid(), .gid = getegid()
    };
    char name[HISTORY_NAME_MAX];

    if (i == SIZE_MAX) {
        (void)snprintf(name, sizeof(name), "%s", what);
    } else {
        (void)snprintf(name, sizeof(name), "%s.%zu", what, i);
    }
    return place_write(ops, folder, name, content, &private);
}

static int
stage_manifest(const struct file_ops *ops, int folder, const struct manifest *m)
{
    char *text = malloc(MANIFEST_TEXT_MAX);
    size_t len = text != NULL ? manifest_write(m, text) : 0;
    int error = text == NULL ? ENOMEM : len == 0 ? EFBIG : 0;

    if (error == 0) {
        struct sr_span span = { (const uint8_t *)text, len };
        error = stage_file(ops, folder, HISTORY_STAGED, SIZE_MAX, span);
    }
    free(text);
    return error;
}

static int
stage_into(const struct file_ops *ops, int folder, const struct plan *plan, struct sr_span bundle)
{
    const struct manifest *m = &plan->manifest;
    int error = 0;

    for (size_t i = 0; i < m->count && error == 0; i++) {
        struct sr_span before = { plan->before[i].bytes, plan->before[i].len };
        if (m->files[i].after.present) {
            error = stage_file(ops, folder, "after", i, plan->after[i]);
        }
        if (error == 0 && m->files[i].before.present) {
            error = stage_file(ops, folder, "before", i, before);
        }
    }
    if (error == 0 && bundle.len > 0) {
        error = stage_file(ops, folder, HISTORY_BUNDLE, SIZE_MAX, bundle);
    }
    error = error == 0 ? stage_manifest(ops, folder, m) : error;
    return error == 0 && ops->fsync(folder) != 0 ? errno : error;
}

/* Chooses the number and writes all that the generation is to keep. */
static bool
stage(const struct swap *s, struct plan *plan, struct sr_span bundle, struct trouble *trouble)
{
    const struct file_ops *ops = s->place.ops;
    struct history h;
    int folder = -1;
    int error = history_read(ops, s->state, &h);

    if (error != 0) {
        return trouble_errno(trouble, error, "read", HISTORY_FOLDER);
    }
    plan->manifest.number = h.count > 0 ? h.items[h.count - 1].number + 1 : 1;
    history_free(&h);
    error = history_make(ops, s->state, plan->manifest.number, &folder);
    if (error == 0) {
        error = stage_into(ops, folder, plan, bundle);
        (void)ops->close(folder);
    }
    if (error == 0 && ops->fsync(s->state) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)history_remove(ops, s->state, plan->manifest.number);
        return trouble_errno(trouble, error, "write a generation to", HISTORY_FOLDER);
    }
    return true;
}

/* ---- Putting in place and going back ---- */

static bool
newest_number(const struct swap *s, unsigned *ret_number, struct trouble *trouble)
{
    struct history h = { 0, NULL };
    int error = s->state >= 0 ? history_read(s->place.ops, s->state, &h) : 0;

    if (error != 0) {
        return trouble_errno(trouble, error, "read", HISTORY_FOLDER);
    }
    *ret_number = history_newest(&h, UINT_MAX);
    history_free(&h);
    return true;
}

/* What must be true before anything is written. */
static bool
begin(struct generations *g, struct trouble *trouble)
{
    enum swap_found found;

    if (g->read_only) {
        return trouble_say(trouble, EROFS, "this is a mistake in the program: report it",
            "the generations were opened for reading only");
    }
    /* An earlier call may have left something that is decided but not finished. */
    return swap_recover(&g->swap, &found, trouble);
}

bool
generation_preflight(
    struct generations *g, const struct generation_set *set, struct trouble *trouble)
{
    static const struct generation_options forced = { .force = true };
    struct plan *plan =
        plan_check_set(set, trouble) ? plan_apply(&g->swap, set, &forced, trouble) : NULL;
    bool ok = plan != NULL && plan_preflight(&g->swap, plan, set->bundle.len, trouble);

    plan_free(plan);
    return ok;
}

bool
generation_compare(struct generations *g, const struct generation_set *set,
    const struct generation_options *options, struct generation_report *ret_report,
    struct trouble *trouble)
{
    unsigned number = 0;
    struct plan *plan =
        plan_check_set(set, trouble) ? plan_apply(&g->swap, set, options, trouble) : NULL;
    bool ok = plan != NULL && newest_number(&g->swap, &number, trouble);

    if (ok) {
        ret_report->changed = !plan_is_nothing(plan);
        ret_report->number = number;
        plan_report(plan, ret_report);
    }
    plan_free(plan);
    return ok;
}

static bool
apply(struct generations *g, struct plan *plan, const struct generation_set *set,
    struct trouble *trouble)
{
    return plan_preflight(&g->swap, plan, set->bundle.len, trouble) &&
           stage(&g->swap, plan, set->bundle, trouble) &&
           swap_run(
               &g->swap, &plan->manifest, plan->after, set->folder_uid, set->folder_gid, trouble);
}

bool
generation_apply(struct generations *g, const struct generation_set *set,
    const struct generation_options *options, struct generation_report *ret_report,
    struct trouble *trouble)
{
    const struct file_ops *ops = g->swap.place.ops;
    unsigned number = 0;

    if (!plan_check_set(set, trouble) || !begin(g, trouble) ||
        !newest_number(&g->swap, &number, trouble)) {
        return false;
    }
    struct plan *plan = plan_apply(&g->swap, set, options, trouble);
    bool ok = plan != NULL;
    bool nothing = ok && plan_is_nothing(plan);
    if (ok && !nothing) {
        ok = apply(g, plan, set, trouble);
        number = plan->manifest.number;
    }
    if (ok) {
        ret_report->changed = !nothing;
        ret_report->number = number;
        plan_report(plan, ret_report);
        /* What of this does not work costs space, and the next time does it. */
        (void)history_prune(ops, g->swap.state, GENERATIONS_KEPT);
        if (set->bundle.len > 0) {
            (void)place_remove(ops, g->swap.state, RECEIVED);
        }
    }
    plan_free(plan);
    return ok;
}

bool
generation_rollback(struct generations *g, const struct generation_options *options,
    struct generation_report *ret_report, struct trouble *trouble)
{
    struct plan *plan = begin(g, trouble) ? plan_rollback(&g->swap, options, trouble) : NULL;
    struct history h;

    if (plan == NULL) {
        return false;
    }
    int error = history_read(g->swap.place.ops, g->swap.state, &h);
    if (error != 0) {
        plan_free(plan);
        return trouble_errno(trouble, error, "read", HISTORY_FOLDER);
    }
    bool ok = plan_preflight(&g->swap, plan, 0, trouble) &&
              swap_run(&g->swap, &plan->manifest, plan->after, geteuid(), getegid(), trouble);
    if (ok) {
        ret_report->changed = true;
        ret_report->number = history_newest(&h, plan->manifest.number);
        plan_report(plan, ret_report);
    }
    history_free(&h);
    plan_free(plan);
    return ok;
}

/* ---- Listing ---- */

static int
list_one(const struct swap *s, struct history_item from, struct manifest *m,
    struct generation_list *list)
{
    int error = history_load(s->place.ops, s->state, from, m);

    if (error != 0) {
        return error;
    }
    struct generation_item item = { .number = from.number,
        .undone = from.kind == HISTORY_UNDONE,
        .time = m->time,
        .count = m->count,
        .files = calloc(m->count + 1, sizeof(*item.files)) };
    if (item.files == NULL) {
        return ENOMEM;
    }
    memcpy(item.files, m->files, m->count * sizeof(*item.files));
    list->items[list->count++] = item;
    return 0;
}

static int
list_all(const struct swap *s, const struct history *h, struct generation_list *ret_list)
{
    struct manifest *m = malloc(sizeof(*m));
    struct generation_list list = { 0, calloc(h->count + 1, sizeof(*list.items)) };
    int error = m == NULL || list.items == NULL ? ENOMEM : 0;

    for (size_t i = 0; i < h->count && error == 0; i++) {
        if (h->items[i].kind != HISTORY_UNFINISHED) {
            error = list_one(s, h->items[i], m, &list);
        }
    }
    free(m);
    if (error != 0) {
        generation_list_free(&list);
        return error;
    }
    *ret_list = list;
    return 0;
}

bool
generation_list(struct generations *g, struct generation_list *ret_list, struct trouble *trouble)
{
    struct history h = { 0, NULL };
    int error = g->swap.state >= 0 ? history_read(g->swap.place.ops, g->swap.state, &h) : 0;

    if (error == 0) {
        error = list_all(&g->swap, &h, ret_list);
        history_free(&h);
    }
    return error == 0 || trouble_errno(trouble, error, "read the generations in", HISTORY_FOLDER);
}

void
generation_list_free(struct generation_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].files);
    }
    free(list->items);
    *list = (struct generation_list){ 0, NULL };
}

bool
generation_forget(struct generations *g, unsigned number, struct trouble *trouble)
{
    if (!begin(g, trouble)) {
        return false;
    }
    int error = history_remove(g->swap.place.ops, g->swap.state, number);
    return error == 0 || trouble_errno(trouble, error, "remove a generation in", HISTORY_FOLDER);
}

/* ---- Bundles ---- */

bool
generation_keep_bundle(struct generations *g, struct sr_span bundle, struct trouble *trouble)
{
    const struct file_ops *ops = g->swap.place.ops;
    int error = 0;

    if (!begin(g, trouble)) {
        return false;
    }
    error = stage_file(ops, g->swap.state, RECEIVED ".new", SIZE_MAX, bundle);
    if (error == 0 && (ops->rename(g->swap.state, RECEIVED ".new", g->swap.state, RECEIVED) != 0 ||
                          ops->fsync(g->swap.state) != 0)) {
        error = errno;
    }
    return error == 0 || trouble_errno(trouble, error, "write", HISTORY_FOLDER "/" RECEIVED);
}

bool
generation_bundle(struct generations *g, unsigned number, struct place_content *ret_bundle,
    struct trouble *trouble)
{
    const struct file_ops *ops = g->swap.place.ops;
    struct manifest_state state = { .present = false };
    struct place_content bundle;
    int folder = -1;
    int error = 0;

    if (g->swap.state < 0) {
        error = ENOENT;
    } else if (number == 0) {
        error = place_look(ops, g->swap.state, RECEIVED, &state, &bundle);
    } else {
        error = history_open(ops, g->swap.state, number, &folder);
        error = error == 0 ? place_look(ops, folder, HISTORY_BUNDLE, &state, &bundle) : error;
    }
    if (folder >= 0) {
        (void)ops->close(folder);
    }
    if (error == 0 && !state.present) {
        error = ENOENT;
    }
    if (error != 0) {
        return trouble_errno(trouble, error, "read the bundle in", HISTORY_FOLDER);
    }
    *ret_bundle = bundle;
    return true;
}

bool
generation_drop_bundle(struct generations *g, struct trouble *trouble)
{
    if (!begin(g, trouble)) {
        return false;
    }
    int error = place_remove(g->swap.place.ops, g->swap.state, RECEIVED);
    return error == 0 || trouble_errno(trouble, error, "remove", HISTORY_FOLDER "/" RECEIVED);
}
