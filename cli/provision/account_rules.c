/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/account.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "issuer/account.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

/* ---- limits ---- */

/* An option that sets one limit of the token. */
struct limit {
    const char *option;
    const char *name; /* in the token */
    int64_t without;  /* what stands for "unlimited"; INT64_MIN: it cannot be */
    char letter;
    bool bytes;
    bool reserved; /* the server sets it aside */
};

static const struct limit limits_known[] = {
    { "disk", "disk_storage", INT64_MIN, 'd', true, true },
    { "memory", "mem_storage", INT64_MIN, 'm', true, true },
    { "disk-stream", "disk_max_stream_bytes", 0, 'e', true, false },
    { "memory-stream", "mem_max_stream_bytes", 0, 'f', true, false },
    { "streams", "streams", -1, 's', false, false },
    { "consumers", "consumer", -1, 'u', false, false },
    { "connections", "conn", -1, 'c', false, false },
    { "leafs", "leaf", -1, 'l', false, false },
    { "subscriptions", "subs", -1, 'b', false, false },
    { "payload", "payload", -1, 'p', true, false },
};
#define LIMITS (sizeof(limits_known) / sizeof(limits_known[0]))

static const char LIMITS_HELP[] =
    "usage: serviceradar-provision account limits NAME [OPTION]...\n"
    "\n"
    "Shows what an account may use, or changes it. The server sets disk and memory aside for\n"
    "each account, used or not: when all together are more than its max_file_store and\n"
    "max_memory_store, it serves no streams to the accounts that come last. Every stream of an\n"
    "account must say how large it gets.\n"
    "\n"
    "  --disk SIZE           of all streams in files together, as 8GiB\n"
    "  --memory SIZE         of all streams in memory together\n"
    "  --disk-stream SIZE    of one stream in files, or \"unlimited\" (but by the above)\n"
    "  --memory-stream SIZE  of one stream in memory, or \"unlimited\"\n"
    "  --streams N           streams, or \"unlimited\"\n"
    "  --consumers N         consumers, or \"unlimited\"\n"
    "  --connections N       connections, or \"unlimited\". nats-server 2.9 counts those that it\n"
    "                        makes itself for each stream and consumer: with a limit that is\n"
    "                        lower than what there is, streams stop until it is restarted\n"
    "  --leafs N             connections of leaf nodes, or \"unlimited\"\n"
    "  --subscriptions N     subscriptions, or \"unlimited\"\n"
    "  --payload SIZE        of one message, or \"unlimited\"\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

struct limits_flags {
    json_t *changes;
    bool no_push;
};

static bool
parse_limit(const struct limit *limit, const char *text, int64_t *ret_value)
{
    uint64_t value = 0;

    if (strcmp(text, "unlimited") == 0 && limit->without != INT64_MIN) {
        *ret_value = limit->without;
        return true;
    }
    enum sr_conf_err err =
        limit->bytes ? sr_conf_parse_size(text, &value) : sr_conf_parse_uint(text, &value);
    if (err != SR_CONF_OK || value == 0 || value > INT64_MAX) {
        complain("--%s \"%s\" %s", limit->option, text,
            err != SR_CONF_OK ? sr_conf_strerror(err) : "is no limit: use 1 or more");
        return false;
    }
    *ret_value = (int64_t)value;
    return true;
}

static bool
take_limit(void *arg, int option, const char *value)
{
    struct limits_flags *flags = arg;
    int64_t number;

    if (option == 'n') {
        flags->no_push = true;
        return true;
    }
    for (size_t i = 0; i < LIMITS; i++) {
        if (limits_known[i].letter == option) {
            return parse_limit(&limits_known[i], value, &number) &&
                   json_object_set_new(
                       flags->changes, limits_known[i].name, json_integer((json_int_t)number)) == 0;
        }
    }
    return false;
}

void
account_print_limits(const char *lead, const json_t *limits)
{
    for (size_t i = 0; i < LIMITS; i++) {
        const struct limit *limit = &limits_known[i];
        char text[SR_CONF_UNIT_TEXT_MAX];
        json_int_t value = json_integer_value(json_object_get(limits, limit->name));
        const char *shown = "unlimited";

        if (value > 0 || (value == 0 && limit->without != 0)) {
            shown = limit->bytes ? sr_conf_format_size((uint64_t)value, text)
                                 : sr_conf_format_uint((uint64_t)value, text);
        }
        (void)printf("  %s%-14s %s\n", lead, limit->option, shown);
    }
}

static bool
change_limits(struct store *store, const char *name, const json_t *changes, json_t **ret_limits,
    struct trouble *trouble)
{
    json_t *limits = NULL;

    if (!account_limits(store, name, &limits, trouble)) {
        return false;
    }
    if (json_object_size(changes) > 0 && (json_object_update(limits, (json_t *)changes) != 0 ||
                                             !account_set_limits(store, name, limits, trouble))) {
        json_decref(limits);
        return false;
    }
    *ret_limits = limits;
    return true;
}

/* What can go wrong with the new limits, later and elsewhere. */
static void
warn_of_limits(const struct issuer_options *options, const json_t *changes,
    const struct account_reserve *reserve)
{
    char disk[SR_CONF_UNIT_TEXT_MAX], memory[SR_CONF_UNIT_TEXT_MAX];

    for (size_t i = 0; i < LIMITS; i++) {
        if (limits_known[i].reserved && json_object_get(changes, limits_known[i].name) != NULL) {
            account_warn(options,
                "the server sets aside %s of disk and %s of memory for all accounts together; "
                "its max_file_store and max_memory_store must be as large",
                sr_conf_format_size((uint64_t)reserve->disk, disk),
                sr_conf_format_size((uint64_t)reserve->memory, memory));
            break;
        }
    }
    if (json_integer_value(json_object_get(changes, "conn")) > 0) {
        account_warn(options, "nats-server 2.9 counts its own connections for streams and "
                              "consumers: leave room for them, or streams stop");
    }
}

static int
run_limits(const struct issuer_options *options, const char *name, const struct limits_flags *flags)
{
    struct store *store = issuer_open(options);
    struct account_reserve reserve;
    struct trouble trouble;
    json_t *limits = NULL;

    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    if (!change_limits(store, name, flags->changes, &limits, &trouble) ||
        !account_reserved(store, &reserve, &trouble)) {
        json_decref(limits);
        return account_fail(options, store, &trouble);
    }
    if (!options->json) {
        account_print_limits("", limits);
    }
    warn_of_limits(options, flags->changes, &reserve);
    json_t *answer = json_pack("{s:b, s:s, s:o, s:I, s:I}", "ok", 1, "name", name, "limits", limits,
        "reserved_disk", (json_int_t)reserve.disk, "reserved_memory", (json_int_t)reserve.memory);
    if (json_object_size(flags->changes) == 0) {
        return issuer_end(options, store, true, answer, NULL);
    }
    return account_end(
        options, store, name, flags->no_push ? ACCOUNT_HERE : ACCOUNT_SOFTLY, answer);
}

int
account_limits_command(int argc, char **argv)
{
    static const struct option known[] = { { "disk", required_argument, NULL, 'd' },
        { "memory", required_argument, NULL, 'm' }, { "disk-stream", required_argument, NULL, 'e' },
        { "memory-stream", required_argument, NULL, 'f' },
        { "streams", required_argument, NULL, 's' }, { "consumers", required_argument, NULL, 'u' },
        { "connections", required_argument, NULL, 'c' }, { "leafs", required_argument, NULL, 'l' },
        { "subscriptions", required_argument, NULL, 'b' },
        { "payload", required_argument, NULL, 'p' }, ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "account limits", LIMITS_HELP, known, take_limit,
        1 };
    struct issuer_options options;
    struct limits_flags flags = { json_object(), false };
    int code = issuer_parse(&usage, argc, argv, &options, &flags);

    if (code < 0) {
        code = run_limits(&options, argv[optind], &flags);
    }
    json_decref(flags.changes);
    return code;
}

/* ---- mapping and export ---- */

struct rule_flags {
    const char *to;
    const char *server_version;
    const char *type;
    bool no_push;
};

static bool
take_rule(void *arg, int option, const char *value)
{
    struct rule_flags *flags = arg;

    switch (option) {
    case 't': flags->to = value; break;
    case 'v': flags->server_version = value; break;
    case 'y': flags->type = value; break;
    default: flags->no_push = true; break;
    }
    return true;
}

/* What a rule command does with the account and the subject. */
typedef bool rule_deed(struct store *store, const char *name, const char *subject,
    const struct rule_flags *flags, struct trouble *trouble);

static int
run_rule(const struct issuer_usage *usage, int argc, char **argv, rule_deed *deed)
{
    struct issuer_options options;
    struct rule_flags flags = { NULL, NULL, "stream", false };
    struct trouble trouble;
    int code = issuer_parse(usage, argc, argv, &options, &flags);

    if (code >= 0) {
        return code;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    const char *name = argv[optind];
    const char *subject = argv[optind + 1];
    if (!deed(store, name, subject, &flags, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "%s %s %s: done", usage->name, name, subject);
    return account_end(&options, store, name, flags.no_push ? ACCOUNT_HERE : ACCOUNT_SOFTLY,
        json_pack("{s:b, s:s, s:s}", "ok", 1, "name", name, "subject", subject));
}

static const char MAPPING_ADD_HELP[] =
    "usage: serviceradar-provision account mapping add NAME SUBJECT [OPTION]...\n"
    "\n"
    "Maps what the account's users publish on SUBJECT, beside what collectors publish. A \">\"\n"
    "at the end needs nats-server " ACCOUNT_WILDCARD_VERSION " or newer: the server is asked\n"
    "which it is, unless that is said.\n"
    "\n"
    "  --to SUBJECT        where to; below \"NAME.\" (\"NAME.\" and SUBJECT)\n"
    "  --server-version V  the oldest server that reads the account\n" ACCOUNT_PUSH_HELP
        ISSUER_HELP;

static bool
add_mapping(struct store *store, const char *name, const char *subject,
    const struct rule_flags *flags, struct trouble *trouble)
{
    char version[ACCOUNT_VERSION_MAX];
    struct trouble unknown;
    const char *known = flags->server_version;

    /* Without an answer account_map() says that it is unknown. */
    if (known == NULL && strchr(subject, '>') != NULL &&
        account_server_version(store, version, &unknown)) {
        known = version;
    }
    return account_map(store, name, subject, flags->to, known, trouble);
}

static int
mapping_add_command(int argc, char **argv)
{
    static const struct option known[] = { { "to", required_argument, NULL, 't' },
        { "server-version", required_argument, NULL, 'v' }, ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "account mapping add", MAPPING_ADD_HELP, known,
        take_rule, 2 };
    return run_rule(&usage, argc, argv, add_mapping);
}

static const char MAPPING_REMOVE_HELP[] =
    "usage: serviceradar-provision account mapping remove NAME SUBJECT [OPTION]...\n"
    "\n"
    "Takes back what `account mapping add` made.\n"
    "\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static bool
remove_mapping(struct store *store, const char *name, const char *subject,
    const struct rule_flags *flags, struct trouble *trouble)
{
    (void)flags;
    return account_drop_rule(store, name, "mapping", subject, trouble);
}

static const struct option pushing[] = { ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };

static int
mapping_remove_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account mapping remove", MAPPING_REMOVE_HELP,
        pushing, take_rule, 2 };
    return run_rule(&usage, argc, argv, remove_mapping);
}

int
account_mapping_command(int argc, char **argv)
{
    static const struct command commands[] = {
        { "add", mapping_add_command, "map one subject more" },
        { "remove", mapping_remove_command, "map it no more" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision account mapping",
        "where messages go that are not of collectors",
        commands,
    };

    return command_main(&program, argc, argv);
}

static const char EXPORT_ADD_HELP[] =
    "usage: serviceradar-provision account export add NAME SUBJECT [OPTION]...\n"
    "\n"
    "Offers a subject of the account to other accounts, which import it. Accounts made here\n"
    "import nothing: this is for accounts of the platform.\n"
    "\n"
    "  SUBJECT             below \"NAME.\"; may end with \">\"\n"
    "  --type TYPE         stream or service (stream)\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static bool
add_export(struct store *store, const char *name, const char *subject,
    const struct rule_flags *flags, struct trouble *trouble)
{
    return account_export(store, name, subject, flags->type, trouble);
}

static int
export_add_command(int argc, char **argv)
{
    static const struct option known[] = { { "type", required_argument, NULL, 'y' },
        ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "account export add", EXPORT_ADD_HELP, known,
        take_rule, 2 };
    return run_rule(&usage, argc, argv, add_export);
}

static const char EXPORT_REMOVE_HELP[] =
    "usage: serviceradar-provision account export remove NAME SUBJECT [OPTION]...\n"
    "\n"
    "Takes back what `account export add` made.\n"
    "\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static bool
remove_export(struct store *store, const char *name, const char *subject,
    const struct rule_flags *flags, struct trouble *trouble)
{
    (void)flags;
    return account_drop_rule(store, name, "export", subject, trouble);
}

static int
export_remove_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account export remove", EXPORT_REMOVE_HELP, pushing,
        take_rule, 2 };
    return run_rule(&usage, argc, argv, remove_export);
}

int
account_export_command(int argc, char **argv)
{
    static const struct command commands[] = {
        { "add", export_add_command, "offer one subject more" },
        { "remove", export_remove_command, "offer it no more" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision account export",
        "what other accounts may import",
        commands,
    };

    return command_main(&program, argc, argv);
}
