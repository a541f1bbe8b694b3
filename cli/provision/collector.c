/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "command.h"
#include "files.h"
#include "issuer/collector.h"
#include "issuer/collector_config.h"
#include "provision/account.h"

#include "sr/banned.h"

#define BUNDLE_MODE 0600

static json_t *
collector_json(const struct collector *c)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "id", c->id, "account", c->account,
        "type", c->type, "site", c->site, "hostname", c->hostname, "state",
        collector_state_name(c->state), "created", (json_int_t)c->created_s, "changed",
        (json_int_t)c->changed_s);
}

static json_t *
answer_of(const struct collector *c)
{
    return json_pack("{s:b, s:o}", "ok", 1, "collector", collector_json(c));
}

/* ---- create ---- */

static const char CREATE_HELP[] =
    "usage: serviceradar-provision collector create --account NAME --type TYPE [OPTION]...\n"
    "\n"
    "Makes a collector of a tenant and prints its id. It gets its credentials when a host fetches\n"
    "them with a token (token create), or as a file (collector bundle).\n"
    "\n"
    "  --account NAME      the tenant\n"
    "  --type TYPE         syslog (or flowgger), trapd or netflow\n"
    "  --site NAME         where it is, one DNS label (default)\n"
    "  --hostname NAME     its host, for people\n"
    "  --overrides FILE    a JSON object that is merged into its configuration\n" ISSUER_HELP;

struct create_flags {
    struct collector_draft draft;
    const char *overrides_file;
};

static bool
take_create(void *arg, int option, const char *value)
{
    struct create_flags *flags = arg;

    switch (option) {
    case 'a': flags->draft.account = value; return true;
    case 't': flags->draft.type = value; return true;
    case 's': flags->draft.site = value; return true;
    case 'h': flags->draft.hostname = value; return true;
    default: flags->overrides_file = value; return true;
    }
}

static bool
create(struct store *store, struct create_flags *flags, struct collector *ret_c,
    struct trouble *trouble)
{
    const char *file = flags->overrides_file;
    char *overrides = NULL;
    size_t len = 0;

    if (file != NULL && !files_read(file, COLLECTOR_OVERRIDES_MAX, &overrides, &len)) {
        return trouble_say(trouble, errno, "name a file with one JSON object", "cannot read %s: %s",
            file, strerror(errno));
    }
    flags->draft.overrides = overrides;
    bool ok = collector_create(store, &flags->draft, ret_c, trouble);
    free(overrides);
    return ok;
}

static int
create_command(int argc, char **argv)
{
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        { "type", required_argument, NULL, 't' }, { "site", required_argument, NULL, 's' },
        { "hostname", required_argument, NULL, 'h' }, { "overrides", required_argument, NULL, 'o' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "collector create", CREATE_HELP, known, take_create,
        0 };
    struct create_flags flags = { .overrides_file = NULL };
    struct collector c = { .id = "" };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &flags);

    if (code >= 0) {
        return code;
    }
    if (flags.draft.account == NULL || flags.draft.type == NULL) {
        complain("collector create needs --account and --type; see collector create --help");
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    if (!create(store, &flags, &c, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    if (!options.json) {
        (void)printf("%s\n", c.id);
    }
    return issuer_end(&options, store, true, answer_of(&c), &trouble);
}

/* ---- list, show ---- */

static const char LIST_HELP[] =
    "usage: serviceradar-provision collector list [--account NAME] [OPTION]...\n"
    "\n"
    "Lists collectors: id, state, type, tenant, site, host.\n"
    "\n"
    "  --account NAME      of this tenant only\n" ISSUER_HELP;

static const char SHOW_HELP[] =
    "usage: serviceradar-provision collector show ID [OPTION]...\n"
    "\n"
    "Shows a collector. The beginning of an id is enough when no other begins so.\n"
    "\n" ISSUER_HELP;

static bool
take_text(void *arg, int option, const char *value)
{
    (void)option;
    *(const char **)arg = value;
    return true;
}

static void
add_collector(void *arg, const struct collector *c)
{
    (void)json_array_append_new(arg, collector_json(c));
}

static void
print_collector(void *arg, const struct collector *c)
{
    (void)arg;
    (void)printf("%s  %-10s  %-7s  %s  %s%s%s\n", c->id, collector_state_name(c->state), c->type,
        c->account, c->site, c->hostname[0] != '\0' ? "  " : "", c->hostname);
}

static int
list_command(int argc, char **argv)
{
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "collector list", LIST_HELP, known, take_text, 0 };
    const char *account = NULL;
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &account);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    json_t *list = options.json ? json_array() : NULL;
    bool ok = collector_list(
        store, account, options.json ? add_collector : print_collector, list, &trouble);
    json_t *answer = options.json ? json_pack("{s:b, s:o}", "ok", 1, "collectors", list) : NULL;
    return issuer_end(&options, store, ok, answer, &trouble);
}

static int
show_command(int argc, char **argv)
{
    static const struct option known[] = { ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "collector show", SHOW_HELP, known, NULL, 1 };
    struct collector c = { .id = "" };
    struct issuer_options options;
    struct trouble trouble;
    char created[ACCOUNT_TIME_MAX], changed[ACCOUNT_TIME_MAX];
    int code = issuer_parse(&usage, argc, argv, &options, NULL);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    if (!collector_find(store, argv[optind], &c, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    if (!options.json) {
        (void)printf("id        %s\nstate     %s since %s\ntype      %s\naccount   %s\n"
                     "site      %s\nhostname  %s\ncreated   %s\n",
            c.id, collector_state_name(c.state), account_time(c.changed_s, changed), c.type,
            c.account, c.site, c.hostname, account_time(c.created_s, created));
    }
    return issuer_end(&options, store, true, answer_of(&c), &trouble);
}

/* ---- revoke ---- */

static const char REVOKE_HELP[] =
    "usage: serviceradar-provision collector revoke ID [OPTION]...\n"
    "\n"
    "Shuts a collector out: the server closes its connection and refuses its credentials, its\n"
    "certificate is on the CRL, and its tokens open nothing.\n"
    "\n"
    "  --reason TEXT       for the audit log\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

struct revoke_flags {
    const char *reason;
    bool no_push;
};

static bool
take_revoke(void *arg, int option, const char *value)
{
    struct revoke_flags *flags = arg;

    if (option == 'n') {
        flags->no_push = true;
    } else {
        flags->reason = value;
    }
    return true;
}

static int
revoke_command(int argc, char **argv)
{
    static const struct option known[] = { { "reason", required_argument, NULL, 'r' },
        ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "collector revoke", REVOKE_HELP, known, take_revoke,
        1 };
    struct revoke_flags flags = { "", false };
    struct collector c = { .id = "" };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &flags);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    if (!collector_find(store, argv[optind], &c, &trouble) ||
        !collector_revoke(store, c.id, flags.reason, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    return account_end(&options, store, c.account, flags.no_push ? ACCOUNT_HERE : ACCOUNT_SURELY,
        json_pack("{s:b, s:s}", "ok", 1, "revoked", c.id));
}

/* ---- bundle ---- */

static const char BUNDLE_HELP[] =
    "usage: serviceradar-provision collector bundle ID --out FILE [OPTION]...\n"
    "\n"
    "Writes the bundle of a collector to FILE (mode 0600), for a host that cannot reach this\n"
    "issuer: copy it there, run serviceradar-cli bundle apply FILE, delete both. It holds the\n"
    "collector's keys. Tokens of the collector end, and what it had before is revoked.\n"
    "\n"
    "  --out FILE          the archive (.tar.gz)\n"
    "  --force             write over FILE; also for a collector that is "
    "installed\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

struct bundle_flags {
    const char *out;
    bool force, no_push;
};

static bool
take_bundle(void *arg, int option, const char *value)
{
    struct bundle_flags *flags = arg;

    switch (option) {
    case 'o': flags->out = value; return true;
    case 'f': flags->force = true; return true;
    default: flags->no_push = true; return true;
    }
}

static bool
check_bundle(const struct bundle_flags *flags, const struct collector *c, struct trouble *trouble)
{
    if (!flags->force && access(flags->out, F_OK) == 0) {
        return trouble_say(trouble, EEXIST, "choose another file, or write over it with --force",
            "%s is there already", flags->out);
    }
    if (!flags->force && c->state == COLLECTOR_INSTALLED) {
        return trouble_say(trouble, 0, "use --force to shut out the host that has it now",
            "the collector %s is installed", c->id);
    }
    return true;
}

/* The file comes before the commit: a bundle that could not be written is nobody's. */
static bool
write_bundle(struct store *store, const char *id, const char *out, struct trouble *trouble)
{
    struct collector_bundle bundle = { NULL, 0 };

    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = collector_bundle(store, id, NULL, COLLECTOR_TAR, &bundle, trouble);
    if (ok && !files_write(out, bundle.bytes, bundle.len, BUNDLE_MODE)) {
        ok = trouble_say(trouble, errno, "write it to another place", "cannot write %s: %s", out,
            strerror(errno));
    }
    collector_bundle_done(&bundle);
    if (!ok) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

static int
bundle_command(int argc, char **argv)
{
    static const struct option known[] = { { "out", required_argument, NULL, 'o' },
        { "force", no_argument, NULL, 'f' }, ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "collector bundle", BUNDLE_HELP, known, take_bundle,
        1 };
    struct bundle_flags flags = { NULL, false, false };
    struct collector c = { .id = "" };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &flags);

    if (code >= 0) {
        return code;
    }
    if (flags.out == NULL) {
        complain("collector bundle needs --out FILE; see collector bundle --help");
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    if (!collector_find(store, argv[optind], &c, &trouble) || !check_bundle(&flags, &c, &trouble) ||
        !write_bundle(store, c.id, flags.out, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "the bundle of collector %s is in %s; it holds keys", c.id, flags.out);
    /* Only what was there before has to be revoked at the server. */
    bool push = c.state != COLLECTOR_READY && !flags.no_push;
    return account_end(&options, store, c.account, push ? ACCOUNT_SOFTLY : ACCOUNT_HERE,
        json_pack("{s:b, s:s, s:s}", "ok", 1, "id", c.id, "file", flags.out));
}

int
provision_collector(int argc, char **argv)
{
    static const struct command commands[] = {
        { "create", create_command, "make a collector of a tenant" },
        { "list", list_command, "list collectors and their states" },
        { "show", show_command, "show one" },
        { "revoke", revoke_command, "shut one out" },
        { "bundle", bundle_command, "write its bundle to a file" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision collector",
        "collectors of tenants, from their making to their end",
        commands,
    };

    return command_main(&program, argc, argv);
}
