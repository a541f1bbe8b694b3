/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/operator.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "command.h"
#include "files.h"
#include "issuer/authority.h"
#include "issuer/operator.h"
#include "provision.h"
#include "provision/issuer.h"
#include "terminal.h"

#include "sr/banned.h"

/* ---- Together ---- */

bool
operator_audit(struct store *store, const char *action, const char *detail, struct trouble *trouble)
{
    char actor[STORE_NAME_MAX], name[OPERATOR_NAME_MAX + 1];

    store_actor(actor);
    return store_setting(store, "operator", name, sizeof(name), trouble) &&
           store_audit(store, actor, action, name, detail, trouble);
}

bool
operator_finish(struct store *store, bool ok, struct trouble *trouble)
{
    if (ok) {
        return store_commit(store, trouble);
    }
    store_rollback(store);
    return false;
}

static bool
count_rows(void *arg, struct sqlite3_stmt *row)
{
    char text[24];

    store_text(row, 0, text, sizeof(text));
    *(json_int_t *)arg = strtoll(text, NULL, 10);
    return false;
}

static bool
count(struct store *store, const char *sql, json_int_t *ret_count, struct trouble *trouble)
{
    return store_query(store, trouble, count_rows, ret_count, NULL, sql, "");
}

/* ---- operator init ---- */

static const char INIT_HELP[] =
    "usage: serviceradar-provision operator init --name NAME --server URL --api URL [OPTION]...\n"
    "\n"
    "Makes an issuer: its folder with database and master key, the operator that NATS servers\n"
    "trust, the server's system account with a user for this issuer, and the root of its\n"
    "certificates. All seeds and keys are sealed in the database with the master key; make a\n"
    "copy of that now, and keep it in another place than the backups.\n"
    "\n"
    "  --name NAME         of the operator, for people\n"
    "  --server URL        tls://HOST:PORT where collectors publish\n"
    "  --api URL           https://HOST:PORT where collectors enroll\n" ISSUER_HELP;

static bool
take_draft(void *arg, int option, const char *value)
{
    struct operator_draft *draft = arg;

    switch (option) {
    case 'n': draft->name = value; break;
    case 's': draft->server_url = value; break;
    default: draft->api_url = value; break;
    }
    return true;
}

/* Makes the store; one that is there already is taken, so that an init that failed can go on. */
static struct store *
create_or_open(const struct issuer_options *options, struct trouble *trouble)
{
    struct store *store = NULL;

    if (store_create(&options->place, &store, trouble) ||
        (trouble->error == EEXIST && store_open(&options->place, &store, trouble))) {
        return store;
    }
    return NULL;
}

static bool
make_operator(struct store *store, const struct operator_draft *draft, struct trouble *trouble)
{
    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = operator_create(store, draft, trouble) && authority_ensure(store, "", trouble) &&
              operator_audit(store, "operator init", draft->server_url, trouble);
    return operator_finish(store, ok, trouble);
}

static void
tell_init(const char *name, const char *dir, const char *key)
{
    (void)printf("The operator \"%s\" is in %s.\n"
                 "Copy %s to another place now: without it nothing in the database can be\n"
                 "used, and backups do not have it.\n",
        name, dir, key);
}

static int
init_command(int argc, char **argv)
{
    static const struct option known[] = { { "name", required_argument, NULL, 'n' },
        { "server", required_argument, NULL, 's' }, { "api", required_argument, NULL, 'a' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "operator init", INIT_HELP, known, take_draft, 0 };
    struct operator_draft draft = { NULL, NULL, NULL };
    struct issuer_options options;
    struct trouble trouble;
    char key[FILES_PATH_MAX];
    int code = issuer_parse(&usage, argc, argv, &options, &draft);

    if (code >= 0) {
        return code;
    }
    if (draft.name == NULL || draft.server_url == NULL || draft.api_url == NULL) {
        complain("operator init needs --name, --server and --api; see operator init --help");
        return EXIT_USAGE;
    }
    if (!operator_check(&draft, &trouble)) {
        return terminal_fail(&trouble, options.json, EXIT_USAGE);
    }
    struct store *store = create_or_open(&options, &trouble);
    if (store == NULL || !make_operator(store, &draft, &trouble)) {
        return issuer_end(&options, store, false, NULL, &trouble);
    }
    const char *dir = store_dir(store);
    if (options.place.master_file != NULL) {
        (void)files_path(key, "%s", options.place.master_file);
    } else {
        (void)files_path(key, "%s/master.key", dir);
    }
    if (!options.json) {
        tell_init(draft.name, dir, key);
    }
    return issuer_end(&options, store, true,
        json_pack("{s:b, s:s, s:s}", "ok", 1, "dir", dir, "master_key", key), &trouble);
}

/* ---- operator show ---- */

static const char SHOW_HELP[] =
    "usage: serviceradar-provision operator show [OPTION]...\n"
    "\n"
    "Shows what is public about the issuer: its keys, URLs, and what it has issued.\n"
    "\n" ISSUER_HELP;

struct overview {
    struct operator_facts operator;
    char token_key[STORE_NAME_MAX]; /* empty before the first token */
    char pin[2 * 32 + 1];
    char ca_file[FILES_PATH_MAX]; /* empty: the root */
    json_int_t accounts, collectors;
};

static bool
look(struct store *store, struct overview *ret_view, struct trouble *trouble)
{
    static const char digits[] = "0123456789abcdef";
    char *pem = NULL;
    uint8_t pin[32];
    struct overview v = { .accounts = 0 };

    if (!operator_tell(store, &v.operator, trouble) ||
        !store_setting(store, "token.pub", v.token_key, sizeof(v.token_key), trouble) ||
        !store_setting(store, "server_ca_file", v.ca_file, sizeof(v.ca_file), trouble) ||
        !count(store, "SELECT count(*) FROM account", &v.accounts, trouble) ||
        !count(store, "SELECT count(*) FROM collector", &v.collectors, trouble) ||
        !authority_root(store, &pem, pin, trouble)) {
        return false;
    }
    free(pem);
    for (size_t i = 0; i < sizeof(pin); i++) {
        v.pin[2 * i] = digits[pin[i] >> 4];
        v.pin[2 * i + 1] = digits[pin[i] & 15];
    }
    *ret_view = v;
    return true;
}

static json_t *
text_or_null(const char *text)
{
    return *text != '\0' ? json_string(text) : json_null();
}

static json_t *
view_json(const struct overview *v)
{
    const struct operator_facts *f = &v->operator;

    return json_pack(
        "{s:b, s:{s:s, s:s, s:s, s:b}, s:{s:s, s:s}, s:s, s:s, s:o, s:o, s:s, s:I, s:I}", "ok", 1,
        "operator", "name", f->name, "key", f->key, "signing_key", f->signing_key, "detached",
        f->detached ? 1 : 0, "system_account", "key", f->system_key, "user", f->system_user,
        "server_url", f->server_url, "api_url", f->api_url, "token_key", text_or_null(v->token_key),
        "server_ca_file", text_or_null(v->ca_file), "ca_pin", v->pin, "accounts", v->accounts,
        "collectors", v->collectors);
}

static void
print_view(const struct overview *v)
{
    const struct operator_facts *f = &v->operator;

    (void)printf("operator        %s\n", f->name);
    (void)printf("  identity      %s%s\n", f->key, f->detached ? " (its seed is elsewhere)" : "");
    (void)printf("  signing key   %s\n", f->signing_key);
    (void)printf("system account  %s\n  user          %s\n", f->system_key, f->system_user);
    (void)printf("server          %s\nenrolment       %s\n", f->server_url, f->api_url);
    if (*v->ca_file != '\0') {
        (void)printf("server's CA     %s\n", v->ca_file);
    }
    (void)printf("root CA pin     sha256:%s\n", v->pin);
    (void)printf("token key       %s\n", *v->token_key != '\0' ? v->token_key : "none yet");
    (void)printf("accounts        %lld\ncollectors      %lld\n", (long long)v->accounts,
        (long long)v->collectors);
}

static int
show_command(int argc, char **argv)
{
    static const struct option known[] = { ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "operator show", SHOW_HELP, known, NULL, 0 };
    struct issuer_options options;
    struct overview view;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, NULL);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    bool ok = look(store, &view, &trouble);
    if (ok && !options.json) {
        print_view(&view);
    }
    return issuer_end(&options, store, ok, ok && options.json ? view_json(&view) : NULL, &trouble);
}

/* ---- operator detach, attach, creds ---- */

static const char DETACH_HELP[] =
    "usage: serviceradar-provision operator detach [OPTION]... FILE\n"
    "\n"
    "Takes the seed of the operator's identity out of the issuer, into the new file FILE: keep\n"
    "it offline. Everything goes on with the signing key. Without the identity no thief can\n"
    "make an operator token, and nobody else can change the signing key either.\n"
    "\n" ISSUER_HELP;

static const char ATTACH_HELP[] =
    "usage: serviceradar-provision operator attach [OPTION]... FILE\n"
    "\n"
    "Brings the seed of the operator's identity back from FILE, which stays.\n"
    "\n" ISSUER_HELP;

static const char CREDS_HELP[] =
    "usage: serviceradar-provision operator creds [OPTION]... FILE\n"
    "\n"
    "Writes the credentials of the server's system account to the new file FILE (0600), for\n"
    "other tools. Whoever has them can put any account token that the operator signed on the\n"
    "server.\n"
    "\n" ISSUER_HELP;

static bool
write_creds(struct store *store, const char *path, struct trouble *trouble)
{
    static char creds[OPERATOR_CREDS_MAX + 1];
    struct stat st;

    if (lstat(path, &st) == 0) {
        return trouble_say(trouble, EEXIST, "name a new file", "%s exists", path);
    }
    if (!operator_creds(store, creds, trouble)) {
        return false;
    }
    bool ok = files_write(path, creds, strlen(creds), 0600);
    int error = errno;
    OPENSSL_cleanse(creds, sizeof(creds));
    return ok || trouble_say(trouble, error, "name a file in a folder that you may write to",
                     "cannot write %s: %s", path, strerror(error));
}

/* A command that does one thing with a file, in a transaction. */
static int
with_file(const struct issuer_usage *usage, int argc, char **argv,
    bool (*deed)(struct store *store, const char *path, struct trouble *trouble), const char *done)
{
    struct issuer_options options;
    struct operator_facts facts;
    struct trouble trouble;
    char text[FILES_PATH_MAX + 64];
    int code = issuer_parse(usage, argc, argv, &options, NULL);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    const char *file = argv[optind];
    bool ok = store_begin(store, &trouble);
    if (ok) {
        ok = operator_tell(store, &facts, &trouble) && deed(store, file, &trouble) &&
             operator_audit(store, usage->name, "", &trouble);
        ok = operator_finish(store, ok, &trouble);
    }
    if (ok && !options.json) {
        (void)snprintf(text, sizeof(text), "%s %s", done, file);
        terminal_line(stdout, TERMINAL_DONE, text);
    }
    return issuer_end(
        &options, store, ok, json_pack("{s:b, s:s}", "ok", 1, "file", file), &trouble);
}

static const struct option plain[] = { ISSUER_OPTIONS };

static int
detach_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "operator detach", DETACH_HELP, plain, NULL, 1 };
    return with_file(&usage, argc, argv, operator_detach, "the identity's seed is only in");
}

static int
attach_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "operator attach", ATTACH_HELP, plain, NULL, 1 };
    return with_file(
        &usage, argc, argv, operator_attach, "the identity's seed is here again, from");
}

static int
creds_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "operator creds", CREDS_HELP, plain, NULL, 1 };
    return with_file(&usage, argc, argv, write_creds, "the user of the system account is in");
}

/* ---- operator rotate ---- */

static const char ROTATE_HELP[] =
    "usage: serviceradar-provision operator rotate [OPTION]...\n"
    "\n"
    "Makes a new signing key and a new user of the system account, and signs everything that\n"
    "the old key signed anew. Needs the identity's seed (operator attach). Behind it, stop the\n"
    "NATS server, run nats-config into its folder and start it: until then it believes the old\n"
    "key only. When others may have read the database and the master key, change what signs\n"
    "users as well: account rotate, for each account.\n"
    "\n" ISSUER_HELP;

static int
rotate_command(int argc, char **argv)
{
    static const struct issuer_usage usage = { "operator rotate", ROTATE_HELP, plain, NULL, 0 };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, NULL);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    bool ok = store_begin(store, &trouble);
    if (ok) {
        ok = operator_rotate(store, &trouble) &&
             operator_audit(store, "operator rotate", "", &trouble);
        ok = operator_finish(store, ok, &trouble);
    }
    if (ok && !options.json) {
        (void)printf("There is a new signing key. Now stop the NATS server, run nats-config into\n"
                     "its folder, and start it.\n");
    }
    return issuer_end(&options, store, ok, NULL, &trouble);
}

int
provision_operator(int argc, char **argv)
{
    static const struct command commands[] = {
        { "init", init_command, "make an issuer: operator, system account, root certificate" },
        { "show", show_command, "show keys, URLs and what was issued" },
        { "set", operator_set, "change where collectors publish or enroll, and whom to believe" },
        { "backup", operator_backup, "copy the database into a file" },
        { "restore", operator_restore, "make an issuer of a backup" },
        { "detach", detach_command, "take the identity's seed offline" },
        { "attach", attach_command, "bring the identity's seed back" },
        { "rotate", rotate_command, "change the signing key" },
        { "creds", creds_command, "write the system user's credentials to a file" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision operator",
        "the issuer itself: the root of all keys, and its backups",
        commands,
    };

    return command_main(&program, argc, argv);
}
