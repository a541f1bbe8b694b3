/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "command.h"
#include "idset.h"
#include "sr/suite.h"
#include "world/isolation.h"

#include "sr/banned.h"

static const char HELP[] =
    "usage: serviceradar-provision verify --dir DIR [OPTION]...\n"
    "\n"
    "Asks the running server of DIR what each tenant's streams hold, counts messages whose ids\n"
    "repeat, and proves that tenants cannot publish or listen across their accounts.\n"
    "\n"
    "  --dir DIR    the folder that dev made\n"
    "  --port PORT  of the server on 127.0.0.1, when it is not the one that dev was given\n"
    "  --json       print one JSON object\n"
    "\n"
    "Exit code 1 when isolation fails or the server cannot be asked.\n";

/* The report grows as JSON; a table is another way to print it. */
struct report {
    json_t *subjects;  /* of the tenant at hand, borrowed */
    json_t *isolation; /* borrowed */
    json_int_t duplicates;
    bool isolated;
    bool failed; /* out of memory */
};

/* What one subject holds. */
struct tally {
    struct idset ids;
    uint64_t without_id;
    uint64_t records;
};

/* The subjects of a stream, as the server lists them before any of them is read. */
struct listing {
    char subject[2 * SR_SUITE_SUBJECTS_PER_ENTRY][SR_SUITE_SUBJECT_MAX];
    uint64_t messages[2 * SR_SUITE_SUBJECTS_PER_ENTRY];
    size_t count;
};

static void
on_subject(void *arg, const char *subject, uint64_t messages)
{
    struct listing *list = arg;

    if (list->count < sizeof(list->messages) / sizeof(list->messages[0])) {
        (void)snprintf(list->subject[list->count], SR_SUITE_SUBJECT_MAX, "%s", subject);
        list->messages[list->count++] = messages;
    }
}

static void
on_message(void *arg, const char *id, uint64_t records)
{
    struct tally *tally = arg;

    tally->records += records;
    if (id != NULL) {
        idset_add(&tally->ids, id);
    } else {
        tally->without_id++;
    }
}

static enum admin_err
count_subject(struct admin *admin, const char *stream, const char *subject, uint64_t messages,
    struct report *r)
{
    struct tally tally = { .without_id = 0 };
    enum admin_err err = ADMIN_OK;

    if (messages > 0) {
        err = admin_scan(admin, stream, subject, messages, on_message, &tally);
    }
    json_int_t unique = (json_int_t)idset_distinct(&tally.ids) + (json_int_t)tally.without_id;
    if (err == ADMIN_OK) {
        r->duplicates += (json_int_t)messages - unique;
        json_t *entry =
            json_pack("{s:I, s:I, s:I, s:I}", "messages", (json_int_t)messages, "unique", unique,
                "without_id", (json_int_t)tally.without_id, "records", (json_int_t)tally.records);
        r->failed |= json_object_set_new(r->subjects, subject, entry) != 0 || tally.ids.failed;
    }
    idset_done(&tally.ids);
    return err;
}

static enum admin_err
count_stream(struct admin *admin, const char *stream, struct report *r)
{
    struct listing list = { .count = 0 };
    enum admin_err err = admin_list_subjects(admin, stream, on_subject, &list);

    for (size_t i = 0; i < list.count && err == ADMIN_OK; i++) {
        err = count_subject(admin, stream, list.subject[i], list.messages[i], r);
    }
    return err;
}

static bool
count_tenant(const struct world *w, const char *tenant, json_t *tenants, struct report *r)
{
    struct admin *admin = NULL;
    json_t *entry = json_pack("{s:{}}", "subjects");

    r->failed |= json_object_set_new(tenants, tenant, entry) != 0;
    r->subjects = json_object_get(entry, "subjects");
    r->duplicates = 0;
    enum admin_err err = provision_connect(w, tenant, "platform", &admin);
    if (err != ADMIN_OK) {
        return false;
    }
    for (const struct sr_suite_stream *s = sr_suite_streams; s->name != NULL && err == ADMIN_OK;
         s++) {
        err = count_stream(admin, s->name, r);
        if (err != ADMIN_OK) {
            complain("stream %s of %s: %s (%s)", s->name, tenant, admin_strerror(err),
                admin_detail(admin));
        }
    }
    admin_close(admin);
    r->failed |= json_object_set_new(entry, "duplicates", json_integer(r->duplicates)) != 0;
    return err == ADMIN_OK;
}

static void
on_isolation(void *arg, const struct isolation *result)
{
    struct report *r = arg;

    r->isolated &= result->refused;
    r->failed |=
        json_array_append_new(r->isolation,
            json_pack("{s:s, s:s, s:s, s:b}", "user", result->user, "action", result->action,
                "subject", result->subject, "refused", result->refused)) != 0;
}

static void
print_table(const json_t *report)
{
    const char *tenant, *subject;
    json_t *entry, *counts;
    size_t i;

    (void)printf("%-48s %12s %12s %12s\n", "SUBJECT", "MESSAGES", "UNIQUE", "RECORDS");
    json_object_foreach(json_object_get(report, "tenants"), tenant, entry)
    {
        json_object_foreach(json_object_get(entry, "subjects"), subject, counts)
        {
            (void)printf("%-48s %12lld %12lld %12lld\n", subject,
                (long long)json_integer_value(json_object_get(counts, "messages")),
                (long long)json_integer_value(json_object_get(counts, "unique")),
                (long long)json_integer_value(json_object_get(counts, "records")));
        }
        (void)printf("%-48s %12lld duplicates\n", tenant,
            (long long)json_integer_value(json_object_get(entry, "duplicates")));
    }
    (void)printf("\n%-20s %-10s %-40s %s\n", "USER", "ACTION", "SUBJECT", "RESULT");
    json_array_foreach(json_object_get(report, "isolation"), i, entry)
    {
        (void)printf("%-20s %-10s %-40s %s\n", json_string_value(json_object_get(entry, "user")),
            json_string_value(json_object_get(entry, "action")),
            json_string_value(json_object_get(entry, "subject")),
            json_is_true(json_object_get(entry, "refused")) ? "refused" : "ALLOWED");
    }
}

static int
verify(const struct world *w, bool as_json)
{
    json_t *report = json_pack("{s:{}, s:[]}", "tenants", "isolation");
    struct report r = { .isolation = json_object_get(report, "isolation"), .isolated = true };
    json_t *tenants = json_object_get(report, "tenants");
    bool asked = report != NULL;

    for (size_t i = 0; i < w->tenant_count && asked; i++) {
        asked = count_tenant(w, w->tenants[i].name, tenants, &r);
    }
    asked = asked && isolation_prove(w, on_isolation, &r);
    r.failed |= json_object_set_new(report, "ok", json_boolean(r.isolated)) != 0;
    if (r.failed) {
        complain("out of memory");
    } else if (asked && as_json) {
        (void)json_dumpf(report, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
    } else if (asked) {
        print_table(report);
    }
    json_decref(report);
    if (asked && !r.isolated) {
        complain("tenants are NOT isolated: what is not \"refused\" above must be");
    }
    return asked && r.isolated && !r.failed ? EXIT_SUCCESS : EXIT_RUNTIME;
}

struct options {
    const char *dir;
    uint16_t port; /* 0 for that of the world */
    bool json;
};

/* Returns an exit code, or -1 to go on. */
static int
parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        { "dir", required_argument, NULL, 'd' },
        { "port", required_argument, NULL, 'p' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        switch (option) {
        case 'd': o->dir = optarg; break;
        case 'j': o->json = true; break;
        case 'h': (void)fputs(HELP, stdout); return EXIT_SUCCESS;
        case 'p':
            if (provision_port(optarg, &o->port)) {
                break;
            }
            complain("--port \"%s\": a port is 1 to 65535", optarg);
            return EXIT_USAGE;
        default: complain("see serviceradar-provision verify --help"); return EXIT_USAGE;
        }
    }
    if (optind < argc || o->dir == NULL) {
        complain("verify takes --dir DIR; see serviceradar-provision verify --help");
        return EXIT_USAGE;
    }
    return -1;
}

int
provision_verify(int argc, char **argv)
{
    static struct world w;
    struct options o = { .dir = NULL };
    int code = parse(argc, argv, &o);

    if (code >= 0) {
        return code;
    }
    enum world_err err = world_open(&w, o.dir);
    if (err != WORLD_OK) {
        provision_complain(err, o.dir);
        return EXIT_RUNTIME;
    }
    if (o.port != 0) {
        w.port = o.port;
    }
    w.now_s = (uint64_t)time(NULL);
    return verify(&w, o.json);
}
