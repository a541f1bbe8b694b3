/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/account.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "issuer/account.h"
#include "issuer/user.h"
#include "provision.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

/* What these commands take beside what all of them do. */
struct flags {
    bool no_push;
    bool all;
    const char *key;
};

static bool
take_flag(void *arg, int option, const char *value)
{
    struct flags *flags = arg;

    flags->no_push = flags->no_push || option == 'n';
    flags->all = flags->all || option == 'a';
    flags->key = option == 'k' ? value : flags->key;
    return true;
}

static const struct option plain[] = { ISSUER_OPTIONS };
static const struct option pushing[] = { ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };

/* Begins a command: the store, or NULL with the code to end with. */
static struct store *
begin(const struct issuer_usage *usage, int argc, char **argv, struct issuer_options *options,
    struct flags *flags, int *ret_code)
{
    int code = issuer_parse(usage, argc, argv, options, flags);
    struct store *store = NULL;

    if (code < 0) {
        store = issuer_open(options);
        code = EXIT_RUNTIME;
    }
    *ret_code = code;
    return store;
}

static enum account_reach
reach_of(const struct flags *flags, enum account_reach reach)
{
    return flags->no_push ? ACCOUNT_HERE : reach;
}

/* ---- create ---- */

static const char CREATE_HELP[] =
    "usage: serviceradar-provision account create NAME [OPTION]...\n"
    "\n"
    "Makes the account of a tenant: a signing key for each kind of collector and one for the\n"
    "platform, mappings of what collectors publish to \"NAME.\" and itself, and limits; see\n"
    "account limits. Brings it to the server when that can be reached, else says how. Streams\n"
    "come with: serviceradar-provision stream ensure NAME\n"
    "\n"
    "  NAME                1 to 32 of a-z, 0-9 and -\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

/* What the server sets aside counts whether it is used or not; too much of it fails late. */
static void
tell_reserve(const struct issuer_options *options, const struct account_reserve *reserve)
{
    char disk[SR_CONF_UNIT_TEXT_MAX], memory[SR_CONF_UNIT_TEXT_MAX];

    account_warn(options,
        "the server sets aside what accounts may store, used or not: %s of disk and %s of memory "
        "for all together; its max_file_store and max_memory_store must be as large",
        sr_conf_format_size((uint64_t)reserve->disk, disk),
        sr_conf_format_size((uint64_t)reserve->memory, memory));
}

static int
create_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account create", CREATE_HELP, pushing, take_flag,
        1 };
    struct issuer_options options;
    struct flags flags = { false, false, NULL };
    struct account_reserve reserve;
    struct account account;
    struct trouble trouble;
    int code;
    struct store *store = begin(&usage, argc, argv, &options, &flags, &code);

    if (store == NULL) {
        return code;
    }
    if (!account_create(store, argv[optind], &account, &trouble) ||
        !account_reserved(store, &reserve, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "account %s is %s", account.name, account.key);
    tell_reserve(&options, &reserve);
    json_t *answer = json_pack("{s:b, s:s, s:s, s:I, s:I}", "ok", 1, "name", account.name, "key",
        account.key, "reserved_disk", (json_int_t)reserve.disk, "reserved_memory",
        (json_int_t)reserve.memory);
    return account_end(&options, store, account.name, reach_of(&flags, ACCOUNT_SOFTLY), answer);
}

/* ---- list ---- */

static const char LIST_HELP[] =
    "usage: serviceradar-provision account list [OPTION]...\n"
    "\n"
    "Lists the accounts: name, state, and when the server last took one over. It is not asked\n"
    "whether it has it still: account push brings it again.\n"
    "\n" ISSUER_HELP;

static json_t *
describe(const struct account *account)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "name", account->name, "key",
        account->key, "state", account->suspended ? "suspended" : "active", "created",
        (json_int_t)account->created_s, "signed", (json_int_t)account->signed_s, "pushed",
        (json_int_t)account->pushed_s, "current", account->pushed_s >= account->signed_s);
}

/* The server is not asked: it may have lost it since. */
static void
print_pushed(const struct account *account)
{
    char pushed[ACCOUNT_TIME_MAX];

    (void)printf("given to the server: %s%s\n", account_time(account->pushed_s, pushed),
        account->pushed_s != 0 && account->pushed_s < account->signed_s ? ", changed since" : "");
}

struct listing {
    const struct issuer_options *options;
    json_t *list;
};

static void
list_one(void *arg, const struct account *account)
{
    const struct listing *listing = arg;

    (void)json_array_append_new(listing->list, describe(account));
    if (!listing->options->json) {
        (void)printf("%-32s %-9s ", account->name, account->suspended ? "suspended" : "active");
        print_pushed(account);
    }
}

static int
list_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account list", LIST_HELP, plain, take_flag, 0 };
    struct issuer_options options;
    struct flags flags = { false, false, NULL };
    struct trouble trouble;
    int code;
    struct store *store = begin(&usage, argc, argv, &options, &flags, &code);

    if (store == NULL) {
        return code;
    }
    struct listing listing = { &options, json_array() };
    bool ok = account_list(store, list_one, &listing, &trouble);
    return issuer_end(
        &options, store, ok, json_pack("{s:b, s:o}", "ok", 1, "accounts", listing.list), &trouble);
}

/* ---- show ---- */

static const char SHOW_HELP[] =
    "usage: serviceradar-provision account show NAME [OPTION]...\n"
    "\n"
    "Shows an account: keys, limits, and mappings and exports beyond those that all have.\n"
    "\n" ISSUER_HELP;

static void
add_rule(void *arg, const char *kind, const char *subject, const json_t *rule)
{
    json_t *list = json_object_get(arg, strcmp(kind, "mapping") == 0 ? "mappings" : "exports");

    (void)json_object_set_new(list, subject, json_deep_copy(rule));
}

/* For people: where each subject goes, and what is offered how. */
static void
print_rules(const json_t *answer)
{
    const char *subject;
    json_t *rule;

    json_object_foreach(json_object_get(answer, "mappings"), subject, rule)
    {
        (void)printf(
            "  mapping    %s to %s\n", subject, json_string_value(json_object_get(rule, "to")));
    }
    json_object_foreach(json_object_get(answer, "exports"), subject, rule)
    {
        (void)printf(
            "  export     %s as a %s\n", subject, json_string_value(json_object_get(rule, "type")));
    }
}

static bool
show(struct store *store, const char *name, const struct issuer_options *options,
    json_t **ret_answer, struct trouble *trouble)
{
    struct account account;
    json_t *limits = NULL;
    char *token = NULL;

    if (!account_find(store, name, &account, trouble) ||
        !account_limits(store, name, &limits, trouble)) {
        return false;
    }
    json_t *answer = describe(&account);
    (void)json_object_set_new(answer, "ok", json_true());
    (void)json_object_set_new(answer, "limits", limits);
    (void)json_object_set_new(answer, "mappings", json_object());
    (void)json_object_set_new(answer, "exports", json_object());
    if (!account_rules(store, name, add_rule, answer, trouble) ||
        !account_token(store, name, &token, trouble)) {
        json_decref(answer);
        return false;
    }
    (void)json_object_set_new(answer, "jwt", json_string(token));
    free(token);
    if (!options->json) {
        (void)printf("%s %s\n  ", account.key, account.suspended ? "suspended" : "active");
        print_pushed(&account);
        account_print_limits("limit      ", json_object_get(answer, "limits"));
        print_rules(answer);
    }
    *ret_answer = answer;
    return true;
}

static int
show_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account show", SHOW_HELP, plain, take_flag, 1 };
    struct issuer_options options;
    struct flags flags = { false, false, NULL };
    struct trouble trouble;
    json_t *answer = NULL;
    int code;
    struct store *store = begin(&usage, argc, argv, &options, &flags, &code);

    if (store == NULL) {
        return code;
    }
    bool ok = show(store, argv[optind], &options, &answer, &trouble);
    return issuer_end(&options, store, ok, answer, &trouble);
}

/* ---- rotate ---- */

static const char ROTATE_HELP[] =
    "usage: serviceradar-provision account rotate NAME ROLE [OPTION]...\n"
    "\n"
    "Replaces the signing key of a role: all users of the role are refused and disconnected,\n"
    "and need new credentials (user create, collector bundle). For a key that leaked.\n"
    "\n"
    "  ROLE                platform, syslog, trapd or netflow\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static int
rotate_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account rotate", ROTATE_HELP, pushing, take_flag,
        2 };
    struct issuer_options options;
    struct flags flags = { false, false, NULL };
    struct trouble trouble;
    int code;
    struct store *store = begin(&usage, argc, argv, &options, &flags, &code);

    if (store == NULL) {
        return code;
    }
    const char *name = argv[optind];
    const char *role = argv[optind + 1];
    if (!account_rotate(store, name, role, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "the role %s of account %s has a new signing key", role, name);
    return account_end(&options, store, name, reach_of(&flags, ACCOUNT_SURELY),
        json_pack("{s:b, s:s, s:s}", "ok", 1, "name", name, "role", role));
}

/* ---- suspend and resume ---- */

static const char SUSPEND_HELP[] =
    "usage: serviceradar-provision account suspend NAME [OPTION]...\n"
    "\n"
    "Refuses all users of an account and closes their connections; streams keep what they\n"
    "hold, and credentials stay good for `account resume`.\n"
    "\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static const char RESUME_HELP[] =
    "usage: serviceradar-provision account resume NAME [OPTION]...\n"
    "\n"
    "Lets the users of a suspended account in again, with the credentials that they have.\n"
    "\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static int
set_suspended(const struct issuer_usage *usage, int argc, char **argv, bool suspended)
{
    struct issuer_options options;
    struct flags flags = { false, false, NULL };
    struct trouble trouble;
    int code;
    struct store *store = begin(usage, argc, argv, &options, &flags, &code);

    if (store == NULL) {
        return code;
    }
    const char *name = argv[optind];
    if (!account_suspend(store, name, suspended, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "account %s is %s", name, suspended ? "suspended" : "active");
    return account_end(&options, store, name, reach_of(&flags, ACCOUNT_SURELY),
        json_pack(
            "{s:b, s:s, s:s}", "ok", 1, "name", name, "state", suspended ? "suspended" : "active"));
}

static int
suspend_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account suspend", SUSPEND_HELP, pushing, take_flag,
        1 };
    return set_suspended(&usage, argc, argv, true);
}

static int
resume_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account resume", RESUME_HELP, pushing, take_flag,
        1 };
    return set_suspended(&usage, argc, argv, false);
}

/* ---- revoke ---- */

static const char REVOKE_HELP[] =
    "usage: serviceradar-provision account revoke NAME --all [OPTION]...\n"
    "       serviceradar-provision account revoke NAME --key KEY [OPTION]...\n"
    "\n"
    "Refuses tokens of an account that were issued until now and closes their connections:\n"
    "those of all users, or of one by its public key, also of one that is not known here.\n"
    "By name: serviceradar-provision user revoke\n"
    "\n"
    "  --all               the tokens of all users\n"
    "  --key KEY           the tokens of one: \"U...\"\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static int
revoke_command(int argc, char **argv)
{
    static const struct option known[] = { { "all", no_argument, NULL, 'a' },
        { "key", required_argument, NULL, 'k' }, ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "account revoke", REVOKE_HELP, known, take_flag, 1 };
    struct issuer_options options;
    struct flags flags = { false, false, NULL };
    struct trouble trouble;
    int code;
    struct store *store = begin(&usage, argc, argv, &options, &flags, &code);

    if (store == NULL) {
        return code;
    }
    if (flags.all == (flags.key != NULL)) {
        complain("account revoke needs --all or --key KEY; see --help");
        store_close(store);
        return EXIT_USAGE;
    }
    const char *name = argv[optind];
    const char *key = flags.all ? "*" : flags.key;
    if (!account_revoke_user(store, name, key, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "tokens of %s in account %s that were issued until now are revoked",
        flags.all ? "all users" : key, name);
    return account_end(&options, store, name, reach_of(&flags, ACCOUNT_SURELY),
        json_pack("{s:b, s:s, s:s}", "ok", 1, "name", name, "key", key));
}

/* ---- push ---- */

static const char PUSH_HELP[] =
    "usage: serviceradar-provision account push NAME [OPTION]...\n"
    "\n"
    "Brings an account to the server and reads it back. The server needs a full resolver; see\n"
    "serviceradar-provision nats-config.\n"
    "\n" ISSUER_HELP;

static int
push_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "account push", PUSH_HELP, plain, take_flag, 1 };
    struct issuer_options options;
    struct flags flags = { false, false, NULL };
    struct trouble trouble;
    int code;
    struct store *store = begin(&usage, argc, argv, &options, &flags, &code);

    if (store == NULL) {
        return code;
    }
    const char *name = argv[optind];
    bool ok = account_push(store, name, &trouble);
    if (ok) {
        account_say(&options, "the server has account %s", name);
    }
    return issuer_end(&options, store, ok,
        json_pack("{s:b, s:s, s:b}", "ok", 1, "name", name, "pushed", 1), &trouble);
}

int
provision_account(int argc, char **argv)
{
    static const struct command commands[] = {
        { "create", create_command, "make the account of a tenant" },
        { "list", list_command, "list the accounts" },
        { "show", show_command, "show keys, limits and rules of one" },
        { "limits", account_limits_command, "show or change what it may use" },
        { "mapping", account_mapping_command, "map more subjects, or no more" },
        { "export", account_export_command, "offer subjects to other accounts, or no more" },
        { "rotate", rotate_command, "replace the signing key of a role" },
        { "suspend", suspend_command, "refuse all its users for a while" },
        { "resume", resume_command, "let them in again" },
        { "revoke", revoke_command, "refuse all tokens, or a user's, for good" },
        { "push", push_command, "bring it to the server" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision account",
        "tenants: who they are and what they may use",
        commands,
    };

    return command_main(&program, argc, argv);
}
