/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>

#include "command.h"
#include "commands.h"
#include "enroll/config_names.h"
#include "terminal.h"

#include "sr/banned.h"

#define DEFAULT_TIMEOUT_S 5
#define TIMEOUT_MAX_S 120

static const char HELP[] =
    "usage: serviceradar-cli doctor [COLLECTOR] [OPTION]...\n"
    "\n"
    "Looks for what keeps collectors of this host (trapd, syslog, netflow) from working and says\n"
    "of each fault what to do. Without COLLECTOR, all that are enrolled; without any, those whose\n"
    "configuration is in /etc/serviceradar. It changes nothing on the host, and what it publishes\n"
    "no stream can store.\n"
    "\n"
    "  --config FILE   the configuration of COLLECTOR, instead of the enrolled one\n"
    "  --creds FILE    credentials of a user who may ask JetStream, to look at the account and at\n"
    "                  how full the stream is\n"
    "  --quiet         show only what is wrong\n"
    "  --json          one JSON object: ok, host, collectors\n"
    "  --root DIR      the host's files are in DIR; nothing that runs is looked at\n"
    "  --timeout S     the longest that one step over the network may take (5)\n"
    "  --help          this text\n"
    "\n"
    "Exit code: 0 when nothing fails (warnings do not count), 1 when something does, 2 usage.\n";

enum parsed { PARSED_RUN, PARSED_HELP, PARSED_WRONG };

static bool
read_collector(const char *text, struct doctor_options *o)
{
    o->collector = record_name_read(text, o->name);
    if (o->collector == BUNDLE_UNTOLD) {
        complain("doctor knows no collector \"%s\": there are trapd, syslog and netflow", text);
    }
    return o->collector != BUNDLE_UNTOLD;
}

static bool
read_timeout(const char *text, unsigned *ret_ms)
{
    char *end = NULL;
    long seconds = strtol(text, &end, 10);

    if (end == text || *end != '\0' || seconds < 1 || seconds > TIMEOUT_MAX_S) {
        complain("--timeout \"%s\": 1 to %d seconds", text, TIMEOUT_MAX_S);
        return false;
    }
    *ret_ms = (unsigned)seconds * 1000;
    return true;
}

static bool
take_option(int option, struct doctor_options *o)
{
    switch (option) {
    case 'c': o->config = optarg; return true;
    case 'r': o->root = strcmp(optarg, "/") == 0 ? "" : optarg; return true;
    case 'k': o->reader_creds = optarg; return true;
    case 'j': o->json = true; return true;
    case 'q': o->quiet = true; return true;
    case 't': return read_timeout(optarg, &o->timeout_ms);
    default: complain("see serviceradar-cli doctor --help"); return false;
    }
}

static enum parsed
parse(int argc, char **argv, struct doctor_options *o)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "creds", required_argument, NULL, 'k' },
        { "root", required_argument, NULL, 'r' },
        { "timeout", required_argument, NULL, 't' },
        { "json", no_argument, NULL, 'j' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        if (option == 'h') {
            return PARSED_HELP;
        }
        if (!take_option(option, o)) {
            return PARSED_WRONG;
        }
    }
    if (optind < argc && !read_collector(argv[optind++], o)) {
        return PARSED_WRONG;
    }
    if (optind < argc) {
        complain("doctor takes one collector at most; see serviceradar-cli doctor --help");
        return PARSED_WRONG;
    }
    if (o->config != NULL && o->collector == BUNDLE_UNTOLD) {
        complain("--config needs the collector that it is of: doctor trapd --config FILE");
        return PARSED_WRONG;
    }
    return PARSED_RUN;
}

/* ---- Which collectors ---- */

/* Where packages and bundles put a collector's configuration, the first that is there. */
static bool
find_config(struct patient *p)
{
    if (config_names_shadow(p->options->root, p->name, "", "", p->config)) {
        return true;
    }
    p->config[0] = '\0';
    return false;
}

/* The daemon reads another file than the one that was enrolled. */
static void
check_choice(struct patient *p)
{
    char shadow[FILES_PATH_MAX], remedy[FILES_PATH_MAX + 64];

    if (!p->enrolled || p->options->config != NULL ||
        !config_names_shadow(p->options->root, p->name, p->record.config, "", shadow)) {
        return;
    }
    (void)snprintf(remedy, sizeof(remedy), "remove %s, or unenroll the collector", shadow);
    checks_add(&p->checks, "config_choice", CHECK_WARN, remedy,
        "the service reads %s before the %s that was enrolled", shadow, p->record.config);
}

/* Finds out what is known of a collector; false when there is nothing of it on the host. */
static bool
admit(struct patient *p, const struct doctor_options *o, enum bundle_collector collector,
    const char name[RECORD_NAME_MAX])
{
    struct trouble trouble = { .error = 0 };

    p->options = o;
    p->collector = collector;
    memcpy(p->name, name, sizeof(p->name));
    (void)snprintf(
        p->unit, sizeof(p->unit), "serviceradar-%.*s.service", RECORD_NAME_MAX - 1, name);
    if (o->config != NULL) {
        return files_path(p->config, "%s", o->config);
    }
    p->enrolled = record_read(o->root, name, &p->record, &trouble);
    if (p->enrolled) {
        if (p->record.unit[0] != '\0') {
            memcpy(p->unit, p->record.unit, sizeof(p->record.unit));
        }
        checks_add(&p->checks, "enrolment", CHECK_OK, "", "enrolled: package %s",
            p->record.package_id[0] != '\0' ? p->record.package_id : "from a file");
        return doctor_path(o, p->record.config, p->config);
    }
    if (trouble.error != ENOENT) {
        checks_add_trouble(&p->checks, "enrolment", CHECK_FAIL, &trouble);
        return true; /* nothing else of it is known */
    }
    return find_config(p);
}

static void
examine(struct patient *p)
{
    int64_t offset = 0;

    if (p->config[0] == '\0') {
        return;
    }
    doctor_find_user(p);
    if (p->enrolled) {
        doctor_check_files(p);
    }
    check_choice(p);
    doctor_check_config(p);
    if (!p->enrolled && p->has_conf) {
        doctor_check_files(p);
    }
    doctor_check_material(p);
    doctor_check_unit(p);
    doctor_check_listeners(p);
    doctor_check_disk(p);
    doctor_check_nats(p, &offset);
    doctor_check_clock(p, offset);
    doctor_check_stream(p);
    doctor_check_daemon(p);
}

/* ---- The report ---- */

static bool
any_fails(const struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++) {
        if (checks->list[i].result == CHECK_FAIL) {
            return true;
        }
    }
    return false;
}

static bool
add_patient(json_t *list, const struct patient *p)
{
    json_t *object =
        json_pack("{s:s, s:b, s:[]}", "collector", p->name, "enrolled", p->enrolled, "checks");

    return json_array_append_new(list, object) == 0 &&
           doctor_add_json(json_object_get(object, "checks"), &p->checks);
}

static bool
print_json(bool ok, const struct checks *host, const struct patient *patients, size_t count)
{
    json_t *report = json_pack("{s:b, s:[], s:[]}", "ok", ok, "host", "collectors");
    bool whole = report != NULL && doctor_add_json(json_object_get(report, "host"), host);

    for (size_t i = 0; i < count && whole; i++) {
        whole = add_patient(json_object_get(report, "collectors"), &patients[i]);
    }
    char *text = whole ? json_dumps(report, JSON_COMPACT) : NULL;
    if (text != NULL) {
        (void)printf("%s\n", text);
    }
    free(text);
    json_decref(report);
    return text != NULL;
}

static void
print_all(const struct doctor_options *o, const struct checks *host, const struct patient *patients,
    size_t count)
{
    doctor_show("host", host, o->quiet);
    for (size_t i = 0; i < count; i++) {
        doctor_show(patients[i].name, &patients[i].checks, o->quiet);
    }
}

static int
run(const struct doctor_options *o)
{
    static struct patient patients[RECORDS_MAX]; /* large */
    static struct checks host;
    char names[RECORDS_MAX][RECORD_NAME_MAX], name[RECORD_NAME_MAX];
    size_t count = 0, known = record_list(o->root, names);

    doctor_check_host(o, &host);
    if (o->name[0] != '\0') {
        memcpy(names[0], o->name, sizeof(names[0]));
        known = 1;
    }
    for (size_t i = 0; i < known; i++) {
        if (admit(&patients[count], o, record_name_read(names[i], name), names[i])) {
            examine(&patients[count++]);
        }
    }
    if (count == 0) {
        checks_add(&host, "enrolment", CHECK_FAIL, "serviceradar-cli enroll --token-file FILE",
            "no collector is enrolled here, and none has a configuration");
    }
    bool fails = any_fails(&host);
    for (size_t i = 0; i < count; i++) {
        fails = fails || any_fails(&patients[i].checks);
    }
    if (!o->json) {
        print_all(o, &host, patients, count);
    } else if (!print_json(!fails, &host, patients, count)) {
        complain("out of memory");
        return EXIT_RUNTIME;
    }
    return fails ? EXIT_RUNTIME : EXIT_SUCCESS;
}

int
doctor_command(int argc, char **argv)
{
    struct doctor_options o = {
        .root = "", .timeout_ms = DEFAULT_TIMEOUT_S * 1000, .now_s = (uint64_t)time(NULL)
    };
    enum parsed parsed = parse(argc, argv, &o);

    if (parsed == PARSED_HELP) {
        (void)fputs(HELP, stdout);
        return EXIT_SUCCESS;
    }
    if (parsed == PARSED_WRONG || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return EXIT_USAGE;
    }
    int code = run(&o);
    curl_global_cleanup();
    return code;
}
