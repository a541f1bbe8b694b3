/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "command.h"
#include "enroll/bundle_answer.h"
#include "enroll/generation.h"
#include "enroll/join.h"
#include "enroll/kept.h"
#include "enroll/renewal.h"
#include "enroll/settings.h"
#include "enroll/unit.h"
#include "enroll/unproven.h"
#include "told.h"

#include "sr/banned.h"

static const char HELP[] =
    "usage: serviceradar-cli unenroll COLLECTOR [OPTION]...\n"
    "\n"
    "Ends the enrolment of a collector (syslog, trapd or netflow, or an instance of one such as\n"
    "netflow@site2) on this host: stops and disables its units, and removes its configuration,\n"
    "credentials and certificates, all or none; then what is kept of it for `rollback`, with the\n"
    "secrets in it. Records that wait in its queue stay. The issuer is not told: its credentials\n"
    "are good until they are revoked there. Running it again changes nothing, or removes what it\n"
    "could not before.\n"
    "\n"
    "  --keep-files    end the enrolment, but leave the collector's files where they are\n"
    "  --keep-history  keep what `serviceradar-cli rollback` needs to take it back; it is root's\n"
    "  --root DIR      a root to work in (the host's)\n"
    "  --no-restart    leave the unit alone\n"
    "  --dry-run       say what would be done\n"
    "  --json          one JSON object instead of lines\n"
    "\n"
    "Exit codes: 0 done or nothing to do, 1 the unit cannot be stopped, 2 wrong usage, 7 files\n"
    "cannot be read or removed; everything is as it was then.\n";

#define PARTS 5

struct options {
    const char *root;
    enum bundle_collector collector;
    char name[RECORD_NAME_MAX];
    char record_path[RECORD_PATH_MAX];
    bool keep_files, keep_history, no_restart, dry_run, json;
};

/* Exit code, or -1 to go on. */
static int
parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        { "keep-files", no_argument, NULL, 'k' },
        { "keep-history", no_argument, NULL, 'i' },
        { "root", required_argument, NULL, 'r' },
        { "no-restart", no_argument, NULL, 's' },
        { "dry-run", no_argument, NULL, 'd' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        switch (option) {
        case 'k': o->keep_files = true; break;
        case 'i': o->keep_history = true; break;
        case 'r': o->root = strcmp(optarg, "/") == 0 ? "" : optarg; break;
        case 's': o->no_restart = true; break;
        case 'd': o->dry_run = true; break;
        case 'j': o->json = true; break;
        case 'h': (void)fputs(HELP, stdout); return EXIT_SUCCESS;
        default: complain("see serviceradar-cli unenroll --help"); return EXIT_USAGE;
        }
    }
    o->collector = optind + 1 == argc ? record_name_read(argv[optind], o->name) : BUNDLE_UNTOLD;
    if (o->collector == BUNDLE_UNTOLD) {
        complain("unenroll takes one of syslog, trapd and netflow; see serviceradar-cli unenroll "
                 "--help");
        return EXIT_USAGE;
    }
    (void)record_path(o->name, o->record_path);
    return -1;
}

/* Whether another collector's record has the path too. */
static bool
is_shared(const struct options *o, const char *path)
{
    char names[RECORDS_MAX][RECORD_NAME_MAX];
    struct trouble none;
    struct record r;

    size_t count = record_list(o->root, names);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], o->name) == 0 || !record_read(o->root, names[i], &r, &none)) {
            continue;
        }
        const char *const paths[PARTS] = { r.config, r.creds, r.certificate, r.key, r.ca_chain };
        for (size_t p = 0; p < PARTS; p++) {
            if (strcmp(paths[p], path) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* What shall not be there any more. Returns how many. */
static size_t
gather(const struct options *o, const struct record *r, struct generation_file files[PARTS + 1])
{
    const char *const paths[PARTS] = { r->config, r->creds, r->certificate, r->key, r->ca_chain };
    size_t count = 0;

    for (size_t p = 0; p < PARTS && !o->keep_files; p++) {
        bool again = *paths[p] == '\0' || is_shared(o, paths[p]);
        for (size_t q = 0; q < p && !again; q++) {
            again = strcmp(paths[p], paths[q]) == 0;
        }
        if (!again) {
            files[count++] = (struct generation_file){ .path = paths[p] + 1, .absent = true };
        }
    }
    files[count++] = (struct generation_file){ .path = o->record_path, .absent = true };
    return count;
}

/* Where records may wait, as the daemon reads it, else where it is without a word on that. */
static void
tell_queue(const struct options *o, const struct record *r, struct told *told)
{
    char text[SETTINGS_TEXT_MAX + 128];
    struct settings *settings = calloc(1, sizeof(*settings));
    bool known = settings != NULL && settings_of_record(o->root, NULL, r, settings);

    (void)snprintf(text, sizeof(text), "records that wait stay in %s%s",
        known ? settings->queue_dir : "/var/lib/serviceradar/", known ? "" : o->name);
    told_say(told, 'i', text);
    free(settings);
}

static bool
stop_unit(const struct options *o, const struct record *r, struct unit_was was, struct told *told,
    struct trouble *trouble)
{
    char text[RECORD_TEXT_MAX + 64];

    if (o->no_restart || !unit_can(was.state)) {
        (void)snprintf(text, sizeof(text), "%s is left alone: %s", r->unit,
            unit_why(o->no_restart ? UNIT_ACTIVE : was.state));
        told_say(told, 'i', text);
        return true;
    }
    if (!unit_stop(r->unit, trouble)) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%s is stopped and disabled", r->unit);
    told_say(told, 'o', text);
    return true;
}

static void
tell_files(const struct generation_file *files, size_t count, const char *how, struct told *told)
{
    char text[MANIFEST_PATH_MAX + 64];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text, sizeof(text), "/%s: %s", files[i].path, how);
        told_say(told, 'i', text);
    }
}

static int
leave(struct generations *g, const struct options *o, const struct record *record,
    struct told *told, struct trouble *trouble)
{
    struct generation_file files[PARTS + 1];
    size_t count = gather(o, record, files);
    struct generation_set set = {
        .files = files, .count = count, .folder_uid = geteuid(), .folder_gid = getegid()
    };
    struct generation_options options = { .time = (uint64_t)time(NULL) };
    struct generation_report *report = malloc(sizeof(*report));
    struct unit_was was = unit_look(o->root, record->unit);

    if (report == NULL) {
        (void)trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
        return EXIT_RUNTIME;
    }
    tell_queue(o, record, told);
    int code = EXIT_SUCCESS;
    if (o->dry_run) {
        tell_files(files, count, "would be removed", told);
    } else if (!stop_unit(o, record, was, told, trouble)) {
        code = EXIT_RUNTIME;
    } else if (!generation_apply(g, &set, &options, report, trouble)) {
        if (!o->no_restart && unit_can(was.state)) {
            unit_restore(record->unit, was);
        }
        code = JOIN_EXIT_FILES;
    } else {
        tell_files(files, count, "removed", told);
    }
    free(report);
    return code;
}

/* ---- What is kept of it ---- */

/*
 * Whether a generation holds something of the collector: every one that put its files in place
 * names its record. One of another collector that has the same files holds what was there before.
 */
static bool
is_of(const struct options *o, const struct record *r, const struct generation_item *item)
{
    const char *const paths[] = { o->record_path, *r->creds != '\0' ? r->creds + 1 : "",
        *r->key != '\0' ? r->key + 1 : "" };

    for (size_t f = 0; f < item->count; f++) {
        for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
            if (strcmp(item->files[f].path, paths[p]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool
forget_generations(struct generations *g, const struct options *o, const struct record *r,
    unsigned *ret_count, struct trouble *trouble)
{
    struct generation_list list;
    bool ok = generation_list(g, &list, trouble);

    *ret_count = 0;
    for (size_t i = 0; ok && i < list.count; i++) {
        if (is_of(o, r, &list.items[i])) {
            ok = o->dry_run || generation_forget(g, list.items[i].number, trouble);
            *ret_count += ok ? 1 : 0;
        }
    }
    generation_list_free(&list);
    return ok;
}

/* Removes every secret of the collector that is beneath the folder of the generations. */
static bool
forget(struct generations *g, const struct options *o, const struct record *r, struct told *told,
    bool *ret_changed, struct trouble *trouble)
{
    const struct renewal_order order = { .root = o->root, .record = r };
    unsigned count = 0;
    bool dropped = false;

    if (!forget_generations(g, o, r, &count, trouble) ||
        (!o->dry_run && (!kept_drop(g, o->root, o->name, &dropped, trouble) ||
                            !renewal_forget(&order, trouble)))) {
        return false;
    }
    if (count > 0 || dropped) {
        told_line(told, 'i', "what was kept of it for `rollback`: %s (%u change%s%s)",
            o->dry_run ? "would be removed" : "removed", count, count == 1 ? "" : "s",
            dropped ? " and a bundle" : "");
    }
    *ret_changed = *ret_changed || count > 0 || dropped;
    return true;
}

static int
run(struct generations *g, const struct options *o, struct told *told, bool *ret_changed,
    struct trouble *trouble)
{
    struct record record = { .collector = o->collector };
    char text[512];
    bool undone = false;

    if (!o->dry_run && !unproven_undo(g, o->root, (uint64_t)time(NULL), &undone, trouble)) {
        return JOIN_EXIT_FILES;
    }
    bool enrolled = record_read(o->root, o->name, &record, trouble);
    if (!enrolled && trouble->error != ENOENT) {
        return JOIN_EXIT_FILES;
    }
    if (!enrolled) {
        told_say(told, 'o', trouble->cause);
    }
    int code = enrolled ? leave(g, o, &record, told, trouble) : EXIT_SUCCESS;
    *ret_changed = enrolled && code == EXIT_SUCCESS;
    if (code == EXIT_SUCCESS && !o->keep_history &&
        !forget(g, o, &record, told, ret_changed, trouble)) {
        code = JOIN_EXIT_FILES;
    }
    if (enrolled && code == EXIT_SUCCESS && !o->dry_run) {
        (void)snprintf(text, sizeof(text), "%s is not enrolled any more; its credentials%s%s%s",
            o->name, *record.package_id != '\0' ? " (package " : "", record.package_id,
            *record.package_id != '\0' ? ") are good until the issuer revokes them"
                                       : " are good until the issuer revokes them");
        told_say(told, 'o', text);
    }
    return code;
}

int
unenroll_command(int argc, char **argv)
{
    struct options o = { .root = "" };
    int code = parse(argc, argv, &o);

    if (code >= 0) {
        return code;
    }
    struct generations_options where = { .root = o.root, .read_only = o.dry_run };
    struct told told = told_start(o.json);
    struct generations *g = NULL;
    struct trouble trouble;
    bool changed = false;
    code = JOIN_EXIT_FILES;
    if (generations_open(&where, &g, &trouble)) {
        code = run(g, &o, &told, &changed, &trouble);
        generations_close(g);
    }
    return told_end(&told, code != EXIT_SUCCESS ? &trouble : NULL, code,
        json_pack(
            "{s:s, s:b, s:b}", "collector", o.name, "changed", changed, "dry_run", o.dry_run));
}
