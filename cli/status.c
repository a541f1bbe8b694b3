/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "command.h"
#include "commands.h"
#include "enroll/generation.h"
#include "enroll/join.h"
#include "enroll/unproven.h"
#include "terminal.h"

#include "sr/banned.h"

#define EXIT_UNWELL 3

static const char HELP[] =
    "usage: serviceradar-cli status [OPTION]...\n"
    "\n"
    "Says for each collector that is enrolled on this host: since when and with whom, how long "
    "its\n"
    "credentials and certificate are good (a warning when two thirds are gone, and when nine\n"
    "tenths are), how its unit is, and, from the daemon itself, whether it is connected and how\n"
    "many records it received, stored, dropped and holds in its queue. Changes nothing.\n"
    "\n"
    "  --root DIR        a root to look at (the host's); units are not asked then\n"
    "  --daemon-dir DIR  where the daemons are (beside this program, /usr/sbin, /usr/bin)\n"
    "  --json            one JSON object instead of lines\n"
    "\n"
    "Exit codes: 0 all is well, or nothing is enrolled; 2 wrong usage; 3 a collector does not\n"
    "work, as systemctl status has it; 7 files cannot be read.\n";

struct options {
    struct status_options look;
    bool json;
};

/* Exit code, or -1 to go on. */
static int
parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        { "root", required_argument, NULL, 'r' },
        { "daemon-dir", required_argument, NULL, 'd' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        switch (option) {
        case 'r': o->look.root = strcmp(optarg, "/") == 0 ? "" : optarg; break;
        case 'd': o->look.daemon_dir = optarg; break;
        case 'j': o->json = true; break;
        case 'h': (void)fputs(HELP, stdout); return EXIT_SUCCESS;
        default: complain("see serviceradar-cli status --help"); return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        complain("status takes no \"%s\"; see serviceradar-cli status --help", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

/* ---- JSON ---- */

static json_t *
lifetime_json(const struct lifetime *l, uint64_t now_s)
{
    json_t *object = json_pack("{s:s, s:I, s:s}", "name", l->name, "from", (json_int_t)l->from_s,
        "state", lifetime_word(lifetime_at(l, now_s)));

    if (l->until_s > 0) {
        (void)json_object_set_new(object, "until", json_integer((json_int_t)l->until_s));
    }
    return object;
}

static json_t *
daemon_json(const struct daemon_state *d)
{
    if (!d->answers) {
        return json_null();
    }
    return json_pack("{s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:I}", "version", d->version, "healthy",
        d->healthy, "ready", d->ready, "connected", d->output_up, "received",
        (json_int_t)d->received, "stored", (json_int_t)d->stored, "queued", (json_int_t)d->queued,
        "dropped", (json_int_t)d->dropped);
}

static json_t *
words_json(const struct status_collector *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->word_count; i++) {
        (void)json_array_append_new(
            list, json_pack("{s:s, s:b}", "text", s->words[i].text, "bad", s->words[i].bad));
    }
    return list;
}

static json_t *
collector_json(const struct status_collector *s, uint64_t now_s)
{
    const struct record *r = &s->record;
    char name[RECORD_NAME_MAX];
    json_t *urls = json_array();
    json_t *object = json_pack("{s:s, s:b, s:I, s:s, s:s, s:s, s:s, s:s, s:b}", "collector",
        record_name(r->collector, r->instance, name), "ok", status_is_well(s), "enrolled",
        (json_int_t)r->enrolled_s, "package_id", r->package_id, "core_url", r->core_url, "config",
        r->config, "unit", r->unit, "unit_state", unit_word(s->unit.state), "unit_enabled",
        s->unit.enabled);

    for (size_t i = 0; i < SETTINGS_LIST_MAX && *s->settings.urls[i] != '\0'; i++) {
        (void)json_array_append_new(urls, json_string(s->settings.urls[i]));
    }
    (void)json_object_set_new(object, "urls", urls);
    (void)json_object_set_new(object, "queue_dir", json_string(s->settings.queue_dir));
    if (r->renewed_s > 0) {
        (void)json_object_set_new(object, "renewed", json_integer((json_int_t)r->renewed_s));
    }
    if (s->has_creds) {
        (void)json_object_set_new(object, "credentials", lifetime_json(&s->creds, now_s));
    }
    if (s->has_certificate) {
        (void)json_object_set_new(object, "certificate", lifetime_json(&s->certificate, now_s));
    }
    (void)json_object_set_new(object, "daemon", daemon_json(&s->daemon));
    (void)json_object_set_new(object, "attention", words_json(s));
    return object;
}

static json_t *
generations_json(const struct generation_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct generation_item *item = &list->items[i];
        (void)json_array_append_new(
            array, json_pack("{s:i, s:I, s:b, s:i}", "number", (int)item->number, "time",
                       (json_int_t)item->time, "undone", item->undone, "files", (int)item->count));
    }
    return array;
}

/* ---- For people ---- */

static void
print_row(const char *name, const char *text)
{
    (void)printf("  %-12s %s\n", name, text);
}

static void
print_lifetime(const char *name, const struct lifetime *l, uint64_t now_s)
{
    char text[128], row[300];

    (void)snprintf(row, sizeof(row), "%s, %s", l->name, lifetime_tell(l, now_s, text));
    print_row(name, row);
}

static void
print_daemon(const struct status_collector *s)
{
    const struct daemon_state *d = &s->daemon;
    char row[600];

    if (!d->answers) {
        (void)snprintf(row, sizeof(row), "does not answer%s%s",
            *s->settings.metrics != '\0' ? " on " : "", s->settings.metrics);
        print_row("daemon", row);
        return;
    }
    (void)snprintf(row, sizeof(row), "%s, %s", d->version, d->words);
    print_row("daemon", row);
    (void)snprintf(row, sizeof(row), "%llu received, %llu stored, %llu dropped, %llu in the queue",
        (unsigned long long)d->received, (unsigned long long)d->stored,
        (unsigned long long)d->dropped, (unsigned long long)d->queued);
    print_row("records", row);
}

static void
print_collector(const struct status_collector *s, uint64_t now_s)
{
    const struct record *r = &s->record;
    char row[SETTINGS_TEXT_MAX + 64], date[32], name[RECORD_NAME_MAX];

    (void)printf("%s\n", record_name(r->collector, r->instance, name));
    (void)snprintf(row, sizeof(row), "%s%s%s", lifetime_date(r->enrolled_s, date),
        *r->core_url != '\0' ? ", with " : ", from a file", r->core_url);
    print_row("enrolled", row);
    if (r->renewed_s > 0) {
        print_row("renewed", lifetime_date(r->renewed_s, date));
    }
    if (*r->package_id != '\0') {
        print_row("package", r->package_id);
    }
    for (size_t i = 0; i < SETTINGS_LIST_MAX && *s->settings.urls[i] != '\0'; i++) {
        print_row(i == 0 ? "server" : "", s->settings.urls[i]);
    }
    if (s->has_creds) {
        print_lifetime("credentials", &s->creds, now_s);
    }
    if (s->has_certificate) {
        print_lifetime("certificate", &s->certificate, now_s);
    }
    (void)snprintf(row, sizeof(row), "%s, %s%s", r->unit, unit_word(s->unit.state),
        s->unit.enabled ? ", enabled" : "");
    print_row("unit", row);
    print_daemon(s);
    for (size_t i = 0; i < s->word_count; i++) {
        terminal_line(
            stdout, s->words[i].bad ? TERMINAL_FAILURE : TERMINAL_WARNING, s->words[i].text);
    }
    if (s->word_count == 0) {
        terminal_line(stdout, TERMINAL_DONE, "all is well");
    }
}

static void
print_generations(const struct generation_list *list)
{
    size_t live = 0;
    char date[32];

    for (size_t i = 0; i < list->count; i++) {
        live += list->items[i].undone ? 0 : 1;
    }
    if (live > 0) {
        const struct generation_item *last = &list->items[list->count - 1];
        (void)printf("%zu change%s can be taken back with `serviceradar-cli rollback`; the last "
                     "was made %s\n",
            live, live == 1 ? "" : "s", lifetime_date(last->time, date));
    }
}

/* ---- */

/* Exit code of all collectors; adds them to `array`, or prints them when that is NULL. */
static int
run_collectors(const struct options *o, json_t *array, size_t *ret_count)
{
    struct status_collector *s = malloc(sizeof(*s));
    char names[RECORDS_MAX][RECORD_NAME_MAX];
    struct trouble trouble;
    int code = s != NULL ? EXIT_SUCCESS : EXIT_RUNTIME;

    size_t known = record_list(o->look.root, names);
    for (size_t i = 0; s != NULL && i < known; i++) {
        if (!status_look(&o->look, names[i], s, &trouble)) {
            if (trouble.error != ENOENT) {
                (void)terminal_fail(&trouble, false, EXIT_UNWELL);
                code = JOIN_EXIT_FILES;
            }
            continue;
        }
        (*ret_count)++;
        if (!status_is_well(s) && code == EXIT_SUCCESS) {
            code = EXIT_UNWELL;
        }
        if (array != NULL) {
            (void)json_array_append_new(array, collector_json(s, o->look.now_s));
        } else {
            print_collector(s, o->look.now_s);
        }
    }
    free(s);
    return code;
}

static int
run_json(const struct options *o, const struct generation_list *list)
{
    json_t *array = json_array();
    size_t count = 0;
    int code = run_collectors(o, array, &count);
    json_t *object = json_pack("{s:b, s:i, s:o, s:o, s:b}", "ok", code == EXIT_SUCCESS, "exit",
        code, "collectors", array, "generations", generations_json(list), "interrupted",
        unproven_is(o->look.root));
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

    (void)printf("%s\n", text != NULL ? text : "{\"ok\":false}");
    free(text);
    json_decref(object);
    return code;
}

static int
run_text(const struct options *o, const struct generation_list *list)
{
    size_t count = 0;
    int code = run_collectors(o, NULL, &count);

    if (count == 0 && code == EXIT_SUCCESS) {
        (void)printf("nothing is enrolled on this host\n");
    }
    if (unproven_is(o->look.root)) {
        terminal_line(stdout, TERMINAL_WARNING,
            "an enrolment was interrupted; the next enroll or rollback takes it back");
    }
    print_generations(list);
    return code;
}

int
status_command(int argc, char **argv)
{
    struct options o = { .look = { .root = "", .now_s = (uint64_t)time(NULL) } };
    int code = parse(argc, argv, &o);

    if (code >= 0) {
        return code;
    }
    struct generations_options where = { .root = o.look.root, .read_only = true };
    struct generations *g = NULL;
    struct generation_list list = { 0, NULL };
    struct trouble trouble;
    if (!generations_open(&where, &g, &trouble)) {
        return terminal_fail(&trouble, o.json, JOIN_EXIT_FILES);
    }
    if (!generation_list(g, &list, &trouble)) {
        code = terminal_fail(&trouble, o.json, JOIN_EXIT_FILES);
    } else {
        code = o.json ? run_json(&o, &list) : run_text(&o, &list);
    }
    generation_list_free(&list);
    generations_close(g);
    return code;
}
