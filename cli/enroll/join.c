/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/join.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enroll/join_parts.h"
#include "enroll/kept.h"
#include "enroll/unproven.h"

#include "sr/banned.h"

/* A clock before the suite existed is one that was never set: certificates would look early. */
#define CLOCK_LEAST_S 1735689600U /* 2025-01-01 */

/* What stands for a file that is yet to come when space is asked for. */
#define SIZE_EXPECTED 16384U

static struct join *
begin(struct generations *g, const struct join_options *options, join_say_cb *say, void *arg,
    struct trouble *trouble)
{
    struct join *j = calloc(1, sizeof(*j));

    if (j == NULL) {
        (void)trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
        return NULL;
    }
    j->g = g;
    j->options = options;
    j->ops = options->ops != NULL ? options->ops : &join_ops_system;
    j->root = options->root == NULL || strcmp(options->root, "/") == 0 ? "" : options->root;
    j->say = say;
    j->arg = arg;
    return j;
}

static void
end(struct join *j)
{
    free(j->config);
    free(j);
}

/* Takes back what a process before did not come to prove. */
static bool
take_back_unproven(const struct join *j, struct trouble *trouble)
{
    bool undone = false;

    if (j->options->dry_run) {
        if (unproven_is(j->root)) {
            join_say(j, 'w', "an enrolment was interrupted; it would be taken back first");
        }
        return true;
    }
    if (!unproven_undo(j->g, j->root, j->options->now_s, &undone, trouble)) {
        return false;
    }
    if (undone) {
        join_say(j, 'w', "an enrolment was interrupted before it was proven: taken back");
    }
    return true;
}

/* ---- Before the token is spent ---- */

static bool
look_at_places(struct join *j, const char *name, struct trouble *trouble)
{
    static const uint8_t expected[SIZE_EXPECTED];
    static char paths[JOIN_PARTS][RECORD_TEXT_MAX];

    for (int part = 0; part < JOIN_PARTS; part++) {
        if (!join_default_path(j->options, name, (enum join_part)part, ".json", paths[part])) {
            return trouble_say(
                trouble, ENAMETOOLONG, "name shorter folders", "the path of a folder is too long");
        }
        j->files[j->file_count++] = (struct generation_file){ .path = paths[part] + 1,
            .bytes = { expected, sizeof(expected) },
            .mode = 0640,
            .uid = j->owner.uid,
            .gid = j->owner.gid };
    }
    struct generation_set set = join_set(j);
    return generation_preflight(j->g, &set, trouble);
}

/* Bundles bring their configuration as NAME.json, but for few. */
static bool
look_at_choice(const struct join *j, const char *name, struct trouble *trouble)
{
    char path[RECORD_TEXT_MAX];
    struct record own;
    struct trouble none;
    bool has_own = record_read(j->root, name, &own, &none);

    return !join_default_path(j->options, name, JOIN_CONFIG, ".json", path) ||
           join_check_choice(j, name, path, has_own ? own.config : "", trouble);
}

static void
tell_enrolment(const struct join *j, const char *name)
{
    struct record record;
    struct trouble trouble;

    if (record_read(j->root, name, &record, &trouble)) {
        join_say(j, 'i', "%s is enrolled already%s%s; what changes is replaced", name,
            *record.core_url != '\0' ? " with " : "", record.core_url);
    } else if (trouble.error != ENOENT) {
        join_say(j, 'w', "%s", trouble.cause);
    }
}

static bool
look_at_unit(const struct join *j, const char *name, struct trouble *trouble)
{
    char unit[UNIT_NAME_MAX], remedy[UNIT_NAME_MAX + 64];

    (void)snprintf(unit, sizeof(unit), "serviceradar-%s.service", name);
    (void)snprintf(
        remedy, sizeof(remedy), "systemctl unmask %s; or leave it off with --no-restart", unit);
    return j->options->no_restart || j->options->renewal || !unit_is_masked(j->root, unit) ||
           trouble_say(trouble, 0, remedy, "%s is masked, so that it cannot be started", unit);
}

/* What can be known of a collector before there is a bundle for it. */
static bool
look_at_collector(struct join *j, enum bundle_collector collector, struct trouble *trouble)
{
    struct settings *settings = calloc(1, sizeof(*settings));
    char name[RECORD_NAME_MAX];

    (void)record_name(collector, join_instance(j), name);
    bool ok = settings != NULL ||
              trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    ok = ok && look_at_choice(j, name, trouble) && look_at_unit(j, name, trouble);
    if (ok && *join_instance(j) != '\0') {
        ok = settings_of_nothing(j->daemon, join_instance(j), settings, trouble) &&
             join_check_room(j, name, settings, false, trouble);
    }
    if (ok && !j->options->renewal) {
        tell_enrolment(j, name);
        join_warn_of_port(j, collector);
    }
    free(settings);
    return ok;
}

bool
join_preflight(struct generations *g, const struct join_options *options,
    enum bundle_collector collector, join_say_cb *say, void *arg, struct trouble *trouble)
{
    struct join *j = begin(g, options, say, arg, trouble);
    char likely[RECORD_NAME_MAX];

    if (j == NULL) {
        return false;
    }
    /* Without a word which collector it will be, the places of one stand for those of all. */
    (void)record_name(
        collector != BUNDLE_UNTOLD ? collector : BUNDLE_TRAPD, join_instance(j), likely);
    bool ok = take_back_unproven(j, trouble);
    if (ok && options->now_s < CLOCK_LEAST_S) {
        ok = trouble_say(trouble, 0, "set the clock (timedatectl set-ntp true)",
            "this host's clock is years behind, so that no certificate can be checked");
    }
    ok = ok && join_find_owner(j, trouble);
    if (ok && collector != BUNDLE_UNTOLD) {
        ok = settings_daemon(j->root, options->daemon_dir, collector, j->daemon, trouble);
    }
    ok = ok && look_at_places(j, likely, trouble);
    ok = ok && (collector == BUNDLE_UNTOLD || look_at_collector(j, collector, trouble));
    end(j);
    return ok;
}

/* ---- Signals ---- */

static sigset_t
ends(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    return set;
}

/* Takes a signal that was held back; false when there is none. */
static bool
was_interrupted(struct trouble *trouble)
{
    const struct timespec none = { 0, 0 };
    sigset_t set = ends();

    if (sigtimedwait(&set, NULL, &none) <= 0) {
        return false;
    }
    (void)trouble_say(trouble, EINTR, "run it again", "it was interrupted");
    return true;
}

/* ---- Putting in place, proving, starting ---- */

static void
tell_files(const struct join *j, const struct generation_report *report)
{
    static const char *const words[] = {
        [GENERATION_SAME] = "as it is",
        [GENERATION_NEW] = "new",
        [GENERATION_REPLACED] = "replaced",
        [GENERATION_CHANGED] = "replaced, though it was changed by hand",
        [GENERATION_FOREIGN] = "replaced",
    };

    for (size_t i = 0; i < report->count; i++) {
        const struct generation_outcome *o = &report->files[i];
        bool gone = i < j->file_count && j->files[i].absent;
        join_say(j, o->change == GENERATION_CHANGED && *o->kept == '\0' ? 'w' : 'i', "/%s: %s%s%s",
            o->path, gone && o->change != GENERATION_SAME ? "removed" : words[o->change],
            *o->kept != '\0' ? "; what was there is kept as " : "", o->kept);
    }
}

static bool
is_new_config(const struct join *j, const struct generation_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->files[i].path, j->record->config + 1) == 0) {
            return report->files[i].change != GENERATION_SAME;
        }
    }
    return false;
}

/* Whether a renewal leaves the unit alone; says why. */
static bool
leaves_unit(const struct join *j, const struct generation_report *report, struct unit_was was)
{
    const char *unit = j->record->unit;

    if (!j->options->renewal || j->options->no_restart || !unit_can(was.state)) {
        return false;
    }
    if (was.state != UNIT_ACTIVE && was.state != UNIT_STARTING) {
        join_say(j, 'i', "%s is not started: it did not run before", unit);
        return true;
    }
    if (!is_new_config(j, report)) {
        join_say(j, 'o', "%s sees the new files by itself", unit);
        return true;
    }
    return false;
}

/* Starts the unit, or says why not. */
static bool
start_unit(const struct join *j, struct unit_was was, struct trouble *trouble)
{
    const char *unit = j->record->unit;
    struct unit_ports streams = { 0 };

    if (j->options->no_restart || !unit_can(was.state)) {
        join_say(j, was.state == UNIT_NO_FILE || was.state == UNIT_NO_SYSTEMD ? 'w' : 'i',
            "%s is not started: %s", unit,
            unit_why(j->options->no_restart ? UNIT_ACTIVE : was.state));
        return true;
    }
    for (size_t i = 0; i < SETTINGS_LIST_MAX && *j->settings.listens[i] != '\0'; i++) {
        unit_ports_add(&streams, j->settings.listens[i]);
    }
    if (!j->ops->start(unit, &streams, trouble)) {
        return join_blame_port(j, trouble);
    }
    join_say(j, 'o', "%s is enabled and runs", unit);
    return true;
}

static void
restore_unit(const struct join *j, struct unit_was was)
{
    /* A renewal that was not proven has not touched it. */
    if ((!j->options->renewal || j->started) && !j->options->no_restart && unit_can(was.state)) {
        j->ops->restore(j->record->unit, was);
    }
}

/* Takes back what is in place. The cause stays the first one; the bundle stays for another try. */
static void
take_back(struct join *j, struct unit_was was)
{
    struct trouble later;
    bool undone = false;

    if (!unproven_undo(j->g, j->root, j->options->now_s, &undone, &later)) {
        join_say(j, 'w', "the files could not be taken back: %s; the next command goes on with it",
            later.cause);
    } else {
        join_say(j, 'i', "the files are as they were before");
    }
    if (!kept_write(j->g, j->root, j->raw, j->record, &later)) {
        join_say(j, 'w', "the bundle could not be kept: %s", later.cause);
    } else {
        join_say(j, 'i', "the bundle is kept: go on with `serviceradar-cli bundle apply --kept`");
    }
    restore_unit(j, was);
}

static bool
put_in_place(struct join *j, struct generation_report *report, struct unit_was was, int *ret_exit,
    struct trouble *trouble)
{
    struct generation_options options = { .time = j->options->now_s, .force = j->options->force };
    struct generation_set set = join_set(j);
    struct trouble later;

    *ret_exit = JOIN_EXIT_FILES;
    if (!unproven_begin(j->g, j->root, trouble)) {
        return false;
    }
    if (!generation_apply(j->g, &set, &options, report, trouble)) {
        (void)unproven_end(j->root, &later);
        return false;
    }
    tell_files(j, report);
    bool ok = join_prove(j, trouble) && !was_interrupted(trouble);
    if (ok && !leaves_unit(j, report, was)) {
        j->started = true;
        ok = start_unit(j, was, trouble);
    }
    ok = ok && !was_interrupted(trouble) && unproven_end(j->root, trouble);
    if (!ok) {
        /* Who interrupts a proof that fails wants to know that it was heard. */
        (void)was_interrupted(trouble);
        take_back(j, was);
        *ret_exit = JOIN_EXIT_ROLLED_BACK;
    } else {
        kept_forget(j->root);
    }
    return ok;
}

/* The record's own file does not count: it says when, and of which token. */
static bool
is_nothing(const struct join *j, const struct generation_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->files[i].change != GENERATION_SAME &&
            strcmp(report->files[i].path, j->record_path) != 0) {
            return false;
        }
    }
    return j->proven_before;
}

/* Takes the configuration, which is the first, out of the set; the proof is by what it says. */
static void
keep_config(struct join *j)
{
    struct settings *settings = malloc(sizeof(*settings));
    char path[FILES_PATH_MAX];
    struct trouble trouble;

    join_say(j, 'i', "%s was changed by hand and stays as it is", j->record->config);
    memmove(j->files, j->files + 1, --j->file_count * sizeof(j->files[0]));
    if (settings != NULL && files_path(path, "%s%s", j->root, j->record->config) &&
        settings_of_file(j->daemon, path, settings, &trouble)) {
        j->settings = *settings;
    }
    free(settings);
}

static bool
compare(struct join *j, struct generation_report *report, struct trouble *trouble)
{
    struct generation_options options = { .time = j->options->now_s, .force = j->options->force };
    struct generation_set set = join_set(j);

    if (!generation_compare(j->g, &set, &options, report, trouble)) {
        return false;
    }
    enum generation_change config = report->files[0].change;
    if (!j->options->renewal || (config != GENERATION_CHANGED && config != GENERATION_FOREIGN)) {
        return true;
    }
    keep_config(j);
    set = join_set(j);
    return generation_compare(j->g, &set, &options, report, trouble);
}

static bool
go_on(struct join *j, struct generation_report *report, bool *ret_changed, int *ret_exit,
    struct trouble *trouble)
{
    sigset_t held = ends(), before;

    *ret_exit = JOIN_EXIT_FILES;
    if (!compare(j, report, trouble)) {
        return false;
    }
    struct generation_set set = join_set(j);
    struct unit_was was = j->ops->look(j->root, j->record->unit);
    if (is_nothing(j, report)) {
        join_say(j, 'o', "everything is so already");
        *ret_changed = false;
        return was.state == UNIT_ACTIVE || j->options->dry_run || start_unit(j, was, trouble);
    }
    if (j->options->dry_run) {
        tell_files(j, report);
        *ret_changed = true;
        return generation_preflight(j->g, &set, trouble);
    }
    (void)sigprocmask(SIG_BLOCK, &held, &before);
    bool ok = put_in_place(j, report, was, ret_exit, trouble);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    *ret_changed = *ret_changed || ok;
    return ok;
}

static bool
apply(struct join *j, bool *ret_changed, int *ret_exit, struct trouble *trouble)
{
    *ret_exit = JOIN_EXIT_FILES;
    if (!take_back_unproven(j, trouble)) {
        return false;
    }
    *ret_exit = JOIN_EXIT_BUNDLE;
    if (!join_choose(j, trouble)) {
        return false;
    }
    *ret_exit = JOIN_EXIT_FILES;
    if (!settings_daemon(
            j->root, j->options->daemon_dir, j->record->collector, j->daemon, trouble)) {
        return false;
    }
    *ret_exit = JOIN_EXIT_BUNDLE;
    if (!join_check(j, trouble) || !join_place(j, ret_exit, trouble)) {
        return false;
    }
    struct generation_report *report = malloc(sizeof(*report));
    if (report == NULL) {
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    bool ok = go_on(j, report, ret_changed, ret_exit, trouble);
    free(report);
    return ok;
}

bool
join_apply(struct generations *g, const struct join_options *options, const struct bundle *bundle,
    struct sr_span raw, struct record *record, join_say_cb *say, void *arg, bool *ret_changed,
    int *ret_exit, struct trouble *trouble)
{
    struct join *j = begin(g, options, say, arg, trouble);
    bool changed = false;
    int code = EXIT_FAILURE;

    if (j == NULL) {
        *ret_exit = code;
        return false;
    }
    j->bundle = bundle;
    j->raw = raw;
    j->record = record;
    bool ok = apply(j, &changed, &code, trouble);
    if (ok) {
        *ret_changed = changed;
    } else {
        *ret_exit = code;
    }
    end(j);
    return ok;
}
