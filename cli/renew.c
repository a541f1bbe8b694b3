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
#include "enroll/bundle_answer.h"
#include "enroll/join.h"
#include "enroll/lifetime.h"
#include "enroll/received.h"
#include "enroll/renewal.h"
#include "enroll/rooted.h"
#include "enroll/unproven.h"
#include "told.h"

#include "sr/banned.h"

static const char HELP[] =
    "usage: serviceradar-cli renew [COLLECTOR] [OPTION]...\n"
    "\n"
    "Renews credentials and certificate of COLLECTOR (syslog, trapd or netflow), or of all that\n"
    "are enrolled here: looks whether there is room for them, makes new keys, has them signed by\n"
    "the issuer and puts them in place as `enroll` does. The request is signed with the present\n"
    "key, so that it also works after everything expired. Only collectors whose keys were made on\n"
    "this host can be renewed. A configuration that was changed by hand stays, and a unit that is\n"
    "off stays off; one that runs sees the new files by itself and is restarted for a new\n"
    "configuration only.\n"
    "\n"
    "  --if-needed         only when two thirds of a lifetime have passed; for timers\n"
    "  --root DIR          renew in the system in DIR\n"
    "  --timeout SECONDS   of each request (120)\n"
    "  --no-restart        leave the collector's unit as it is\n"
    "  --no-proof          do not connect to the NATS server\n"
    "  --json              one JSON object instead of lines\n"
    "\n"
    "Exit codes: 0 done, or nothing to do; 1 not enrolled, or not renewable; 2 wrong usage, 4 the\n"
    "network or TLS, 5 the issuer refuses, 6 the bundle, 7 the files of this host, 8 taken back\n"
    "after a failed proof.\n";

struct options {
    char name[RECORD_NAME_MAX]; /* empty: all */
    const char *root;
    unsigned timeout_s;
    bool if_needed, no_restart, no_proof, json;
};

/* One run, of one collector after the other. */
struct run {
    struct options o;
    struct told told;
    struct trouble trouble;
    int exit;
    uint64_t now_s;
    struct generations *g;
    json_t *list; /* of collectors, for --json */
    size_t seen;
};

enum parsed { PARSED_RUN, PARSED_HELP, PARSED_WRONG };

/* ---- The command line ---- */

static bool
take_timeout(const char *text, struct options *o)
{
    char *end = NULL;
    long seconds = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || seconds < 1 || seconds > 3600) {
        complain("--timeout: it is 1 to 3600 seconds");
        return false;
    }
    o->timeout_s = (unsigned)seconds;
    return true;
}

static bool
take(int option, struct options *o)
{
    switch (option) {
    case 'i': o->if_needed = true; return true;
    case 'r': o->root = strcmp(optarg, "/") == 0 ? "" : optarg; return true;
    case 't': return take_timeout(optarg, o);
    case 'n': o->no_restart = true; return true;
    case 'p': o->no_proof = true; return true;
    case 'j': o->json = true; return true;
    default: complain("see serviceradar-cli renew --help"); return false;
    }
}

static enum parsed
parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        { "if-needed", no_argument, NULL, 'i' },
        { "root", required_argument, NULL, 'r' },
        { "timeout", required_argument, NULL, 't' },
        { "no-restart", no_argument, NULL, 'n' },
        { "no-proof", no_argument, NULL, 'p' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        if (option == 'h') {
            return PARSED_HELP;
        }
        if (!take(option, o)) {
            return PARSED_WRONG;
        }
    }
    if (optind < argc) {
        if (record_name_read(argv[optind++], o->name) == BUNDLE_UNTOLD || optind < argc) {
            complain("renew takes one of syslog, trapd and netflow; see serviceradar-cli renew "
                     "--help");
            return PARSED_WRONG;
        }
    }
    return PARSED_RUN;
}

/* ---- One collector ---- */

static void
report(struct run *r, const char *name, const char *result)
{
    (void)json_array_append_new(
        r->list, json_pack("{s:s, s:s}", "collector", name, "result", result));
}

/* The folder of a path that is absolute, in owned memory; NULL for an empty path. */
static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;
}

/* Puts the renewed bundle where the files of the present one are. */
static bool
put_in_place(struct run *r, const struct join_options *join, const struct record *old,
    const struct received *received)
{
    struct record record = *old;
    bool changed = false;

    record.renewed_s = r->now_s;
    return join_apply(r->g, join, &received->bundle, received->raw, &record, told_say, &r->told,
        &changed, &r->exit, &r->trouble);
}

/* The present credentials end a day after the issuer gave new ones: first, whether those fit. */
static bool
check_host(struct run *r, const struct join_options *join)
{
    r->exit = JOIN_EXIT_FILES;
    return join_preflight(r->g, join, join->collector, told_say, &r->told, &r->trouble);
}

static bool
fetch_and_place(
    struct run *r, const struct join_options *join, const char *name, const struct record *record)
{
    struct renewal_order order = {
        .root = r->o.root, .record = record, .now_s = r->now_s, .timeout_s = r->o.timeout_s
    };
    struct renewal renewal;
    struct received received = { .packed = { NULL, 0 } };
    bool ok = renewal_fetch(&order, &renewal, &r->exit, &r->trouble);

    ok = ok &&
         received_take(r->g,
             (struct sr_span){ renewal.fetched.answer.body, renewal.fetched.answer.len }, NULL,
             renewal.keys, &received, &r->exit, &r->trouble) &&
         put_in_place(r, join, record, &received);
    ok = ok && renewal_forget(&order, &r->trouble);
    received_done(&received);
    renewal_done(&renewal);
    if (ok) {
        told_line(&r->told, 'o', "%s is renewed", name);
        report(r, name, "renewed");
    }
    return ok;
}

static bool
renew_now(struct run *r, const char *name, const struct record *record)
{
    char *config = folder_of(record->config);
    char *certs = folder_of(record->certificate);
    char *creds = folder_of(record->creds);
    const struct join_options join = { .root = r->o.root,
        .collector = record->collector,
        .instance = record->instance,
        .config_dir = config,
        .cert_dir = certs,
        .creds_dir = creds,
        .no_restart = r->o.no_restart,
        .no_proof = r->o.no_proof,
        .renewal = true,
        .now_s = r->now_s };
    bool ok = check_host(r, &join) && fetch_and_place(r, &join, name, record);

    free(config);
    free(certs);
    free(creds);
    return ok;
}

/* Whether it is time to renew what the file holds; what cannot be read is in need of it. */
static bool
is_due(const struct run *r, const char *path, bool is_certificate)
{
    struct place_content content;
    struct trouble ignored;
    struct lifetime life;

    if (path[0] == '\0') {
        return false;
    }
    if (!rooted_read(r->o.root, path + 1, &content, &ignored)) {
        return true;
    }
    struct sr_span text = { content.bytes, content.len };
    bool known =
        is_certificate ? lifetime_of_certificate(text, 0, &life) : lifetime_of_creds(text, &life);
    enum lifetime_state state = known ? lifetime_at(&life, r->now_s) : LIFETIME_EXPIRED;
    place_free(&content);
    /* What begins in the future is a matter of the clock, and no new one would begin before. */
    return state != LIFETIME_GOOD && state != LIFETIME_NOT_YET;
}

static bool
cannot(struct run *r, const char *remedy, const char *cause, const char *name)
{
    r->exit = EXIT_RUNTIME;
    return trouble_say(&r->trouble, 0, remedy, "%s %s", name, cause);
}

static bool
renew_one(struct run *r, const char *name)
{
    bool named = r->o.name[0] != '\0';
    struct record record;

    if (!record_read(r->o.root, name, &record, &r->trouble)) {
        r->exit = JOIN_EXIT_FILES;
        if (r->trouble.error != ENOENT) {
            return false;
        }
        return !named || cannot(r, "enrol it with a token: serviceradar-cli enroll",
                             "is not enrolled on this host", name);
    }
    r->seen++;
    if (!record.keys_of_host || record.core_url[0] == '\0' || record.package_id[0] == '\0') {
        if (named && !r->o.if_needed) {
            return cannot(r, "enrol it again with a new token",
                "has keys that were not made on this host: its issuer renews none", name);
        }
        told_line(&r->told, 'i', "%s: its keys came in a bundle, so a new token renews it", name);
        report(r, name, "not-renewable");
        return true;
    }
    const struct renewal_order order = { .root = r->o.root, .record = &record };
    if (r->o.if_needed && !renewal_pending(&order) && !is_due(r, record.creds, false) &&
        !is_due(r, record.certificate, true)) {
        told_line(&r->told, 'o', "%s: nothing to do yet", name);
        report(r, name, "not-due");
        return true;
    }
    return renew_now(r, name, &record);
}

/* One that fails must not keep the others from theirs. The first trouble is the run's. */
static bool
renew_each(struct run *r)
{
    char names[RECORDS_MAX][RECORD_NAME_MAX];
    size_t count = record_list(r->o.root, names);
    struct trouble first = { .error = 0 };
    int code = EXIT_SUCCESS;

    for (size_t i = 0; i < count; i++) {
        if (renew_one(r, names[i])) {
            continue;
        }
        told_line(&r->told, 'w', "%s is not renewed: %s", names[i], r->trouble.cause);
        report(r, names[i], "failed");
        if (code == EXIT_SUCCESS) {
            code = r->exit;
            first = r->trouble;
        }
    }
    if (code != EXIT_SUCCESS) {
        r->exit = code;
        r->trouble = first;
    }
    return code == EXIT_SUCCESS;
}

static bool
renew_all(struct run *r)
{
    const struct generations_options options = { .root = r->o.root };
    bool undone = false;

    r->exit = JOIN_EXIT_FILES;
    if (!generations_open(&options, &r->g, &r->trouble) ||
        !unproven_undo(r->g, r->o.root, r->now_s, &undone, &r->trouble)) {
        return false;
    }
    if (undone) {
        told_say(&r->told, 'w', "an enrolment was interrupted before it was proven: taken back");
    }
    if (r->o.name[0] != '\0') {
        return renew_one(r, r->o.name);
    }
    bool ok = renew_each(r);
    if (ok && r->seen == 0) {
        told_say(&r->told, 'i', "no collector is enrolled on this host; nothing to renew");
    }
    return ok;
}

int
renew_command(int argc, char **argv)
{
    struct run r = { .o = { .root = "", .timeout_s = HTTPS_TIMEOUT_S },
        .now_s = (uint64_t)time(NULL) };
    enum parsed parsed = parse(argc, argv, &r.o);

    if (parsed != PARSED_RUN) {
        (void)fputs(parsed == PARSED_HELP ? HELP : "", stdout);
        return parsed == PARSED_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    }
    r.told = told_start(r.o.json);
    r.list = json_array();
    bool ok = renew_all(&r);
    if (r.g != NULL) {
        generations_close(r.g);
    }
    return told_end(&r.told, ok ? NULL : &r.trouble, ok ? EXIT_SUCCESS : r.exit,
        json_pack("{s:o}", "collectors", r.list));
}
