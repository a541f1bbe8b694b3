/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "command.h"
#include "enroll/generation.h"
#include "enroll/join.h"
#include "enroll/settings.h"
#include "enroll/unit.h"
#include "enroll/unproven.h"
#include "told.h"

#include "sr/banned.h"

static const char HELP[] =
    "usage: serviceradar-cli rollback [OPTION]...\n"
    "\n"
    "Takes back the newest change that enroll, bundle apply, renew or unenroll made: puts every\n"
    "file that it named as it was before, all or none, and restarts the collectors that it is\n"
    "about. Running it again takes back the change before that, as far as they are kept (3). The\n"
    "credentials before a renewal end a day after it: --dry-run says when it would bring them "
    "back.\n"
    "\n"
    "  --root DIR      a root to work in (the host's)\n"
    "  --no-restart    leave the units alone\n"
    "  --dry-run       say what would be taken back\n"
    "  --json          one JSON object instead of lines\n"
    "\n"
    "Exit codes: 0 done, 1 nothing to take back, or a unit does not start, 2 wrong usage, 7 files\n"
    "cannot be read or written; everything is as it was then.\n";

struct options {
    const char *root;
    bool no_restart, dry_run, json;
};

/* Exit code, or -1 to go on. */
static int
parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
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
        case 'r': o->root = strcmp(optarg, "/") == 0 ? "" : optarg; break;
        case 's': o->no_restart = true; break;
        case 'd': o->dry_run = true; break;
        case 'j': o->json = true; break;
        case 'h': (void)fputs(HELP, stdout); return EXIT_SUCCESS;
        default: complain("see serviceradar-cli rollback --help"); return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        complain("rollback takes no \"%s\"; see serviceradar-cli rollback --help", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

/* The newest generation that is not undone; NULL when there is none. */
static const struct generation_item *
newest(const struct generation_list *list)
{
    const struct generation_item *found = NULL;

    for (size_t i = 0; i < list->count; i++) {
        found = list->items[i].undone ? found : &list->items[i];
    }
    return found;
}

static void
tell_file(struct told *told, const struct manifest_file *file, const char *tense)
{
    char text[2 * MANIFEST_PATH_MAX + 32];

    (void)snprintf(text, sizeof(text), "/%s%s%s", file->path, tense,
        manifest_same(&file->before, &file->after) ? "stays as it is"
        : file->before.present                     ? "as it was before"
                                                   : "gone, as before");
    told_say(told, 'i', text);
}

static bool
start_unit(const char *root, const struct record *record, const char *unit, struct trouble *trouble)
{
    struct settings *settings = calloc(1, sizeof(*settings));
    struct unit_ports streams = { 0 };

    if (settings != NULL && settings_of_record(root, NULL, record, settings)) {
        for (size_t i = 0; i < SETTINGS_LIST_MAX && *settings->listens[i] != '\0'; i++) {
            unit_ports_add(&streams, settings->listens[i]);
        }
    }
    free(settings);
    return unit_start(unit, &streams, trouble);
}

/* Restarts what is enrolled now, stops what is not any more. */
static bool
settle_unit(struct told *told, const struct options *o, const char *name, struct trouble *trouble)
{
    struct record record;
    struct trouble none;
    char unit[RECORD_TEXT_MAX], text[RECORD_TEXT_MAX + 64];

    (void)snprintf(unit, sizeof(unit), "serviceradar-%s.service", name);
    bool enrolled = record_read(o->root, name, &record, &none);
    struct unit_was was = unit_look(o->root, unit);
    if (o->no_restart || !unit_can(was.state)) {
        (void)snprintf(text, sizeof(text), "%s is left alone: %s", unit,
            unit_why(o->no_restart ? UNIT_ACTIVE : was.state));
        told_say(told, 'i', text);
        return true;
    }
    if (!(enrolled ? start_unit(o->root, &record, unit, trouble) : unit_stop(unit, trouble))) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%s %s", unit,
        enrolled ? "is enabled and runs" : "is stopped and disabled");
    told_say(told, 'o', text);
    return true;
}

static bool
settle_units(struct told *told, const struct options *o, const struct generation_item *item,
    struct trouble *trouble)
{
    bool ok = true;

    for (size_t f = 0; f < item->count; f++) {
        char name[RECORD_NAME_MAX];
        if (record_of_path(item->files[f].path, name)) {
            ok = settle_unit(told, o, name, trouble) && ok;
        }
    }
    return ok;
}

static int
take_back(struct generations *g, const struct options *o, const struct generation_item *item,
    struct told *told, struct trouble *trouble)
{
    struct generation_options options = { .time = (uint64_t)time(NULL) };
    struct generation_report *report = malloc(sizeof(*report));
    char text[64];

    if (report == NULL) {
        (void)trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
        return EXIT_RUNTIME;
    }
    bool ok = generation_rollback(g, &options, report, trouble) && unproven_end(o->root, trouble);
    free(report);
    if (!ok) {
        return JOIN_EXIT_FILES;
    }
    for (size_t i = 0; i < item->count; i++) {
        tell_file(told, &item->files[i], ": ");
    }
    (void)snprintf(text, sizeof(text), "change number %u is taken back", item->number);
    told_say(told, 'o', text);
    return settle_units(told, o, item, trouble) ? EXIT_SUCCESS : EXIT_RUNTIME;
}

/* The issuer ends the credentials before a renewal a day after it, whatever is rolled back here. */
static void
warn_of_renewal(struct told *told, const struct options *o, const struct generation_item *item)
{
    char names[RECORDS_MAX][RECORD_NAME_MAX], text[RECORD_NAME_MAX + 192];
    struct record record;
    struct trouble none;

    size_t count = record_list(o->root, names);
    for (size_t i = 0; i < count; i++) {
        if (record_read(o->root, names[i], &record, &none) && record.renewed_s != 0 &&
            record.renewed_s == item->time) {
            (void)snprintf(text, sizeof(text),
                "the credentials of %.*s before its renewal end a day after it: renew it again "
                "before, or it needs another token from the issuer",
                RECORD_NAME_MAX - 1, names[i]);
            told_say(told, 'w', text);
        }
    }
}

static int
run(struct generations *g, const struct options *o, struct told *told, struct trouble *trouble,
    unsigned *ret_number)
{
    struct generation_list list;
    int code = EXIT_SUCCESS;
    bool undone = false;

    /* An enrolment that was never proven is the newest change; its unit was never started. */
    if (!o->dry_run && !unproven_undo(g, o->root, (uint64_t)time(NULL), &undone, trouble)) {
        return JOIN_EXIT_FILES;
    }
    if (undone) {
        told_say(told, 'o', "an enrolment that was interrupted is taken back");
        return EXIT_SUCCESS;
    }
    if (!generation_list(g, &list, trouble)) {
        return JOIN_EXIT_FILES;
    }
    const struct generation_item *item = newest(&list);
    if (item == NULL) {
        (void)trouble_say(trouble, ENOENT, "see what is enrolled with `serviceradar-cli status`",
            "there is nothing to take back");
        code = EXIT_RUNTIME;
    } else {
        *ret_number = item->number;
        warn_of_renewal(told, o, item);
    }
    if (item != NULL && o->dry_run) {
        for (size_t i = 0; i < item->count; i++) {
            tell_file(told, &item->files[i], " would be: ");
        }
    } else if (item != NULL) {
        code = take_back(g, o, item, told, trouble);
    }
    generation_list_free(&list);
    return code;
}

int
rollback_command(int argc, char **argv)
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
    unsigned number = 0;
    code = JOIN_EXIT_FILES;
    if (generations_open(&where, &g, &trouble)) {
        code = run(g, &o, &told, &trouble, &number);
        generations_close(g);
    }
    return told_end(&told, code != EXIT_SUCCESS ? &trouble : NULL, code,
        json_pack("{s:i, s:b}", "number", (int)number, "dry_run", o.dry_run));
}
