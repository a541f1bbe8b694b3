/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "command.h"
#include "files.h"
#include "issuer/account.h"
#include "issuer/user.h"
#include "provision/account.h"
#include "sr/conf_value.h"
#include "sr/creds.h"

#include "sr/banned.h"

#define CREDS_MODE 0600
#define NS_PER_S 1000000000ULL

/* ---- create ---- */

static const char CREATE_HELP[] =
    "usage: serviceradar-provision user create ACCOUNT NAME --role ROLE --out FILE [OPTION]...\n"
    "\n"
    "Makes a user of an account and writes its credentials to FILE (mode 0600). The seed is\n"
    "kept nowhere else. A user of that name is taken over: its old credentials are revoked.\n"
    "A role's users may publish what collectors of that kind do and hear their own inbox\n"
    "_INBOX.NAME; those of the platform may do everything within the account.\n"
    "\n"
    "  --role ROLE         platform, syslog, trapd or netflow\n"
    "  --out FILE          the credentials; with --public-key the token alone\n"
    "  --public-key KEY    of a key that was made elsewhere: \"U...\"\n"
    "  --expires TIME      from now on, as 90d (never)\n"
    "  --force             write over FILE\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

struct create_flags {
    struct user_draft draft;
    const char *out;
    uint64_t lifetime_s;
    bool force;
    bool no_push;
};

static bool
take_lifetime(const char *text, uint64_t *ret_s)
{
    uint64_t ns = 0;
    enum sr_conf_err err = sr_conf_parse_duration(text, &ns);

    if (err != SR_CONF_OK || ns < NS_PER_S) {
        complain("--expires \"%s\" %s", text,
            err != SR_CONF_OK ? sr_conf_strerror(err) : "is over before it is used");
        return false;
    }
    *ret_s = ns / NS_PER_S;
    return true;
}

static bool
take_create(void *arg, int option, const char *value)
{
    struct create_flags *flags = arg;

    switch (option) {
    case 'r': flags->draft.role = value; return true;
    case 'o': flags->out = value; return true;
    case 'k': flags->draft.public_key = value; return true;
    case 'e': return take_lifetime(value, &flags->lifetime_s);
    case 'f': flags->force = true; return true;
    default: flags->no_push = true; return true;
    }
}

/* Writes the credentials, or the token alone where the key was made elsewhere. */
static bool
write_user(const struct user_made *made, const char *file, struct trouble *trouble)
{
    uint8_t memory[SR_CREDS_MAX];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));
    struct sr_span jwt = { (const uint8_t *)made->jwt, strlen(made->jwt) };

    if (made->seed[0] != '\0') {
        sr_creds_format(
            &out, jwt, (struct sr_span){ (const uint8_t *)made->seed, strlen(made->seed) });
    } else {
        sr_buf_add(&out, jwt.data, jwt.len);
        sr_buf_put(&out, '\n');
    }
    bool good = !out.overflow && files_write(file, out.data, out.len, CREDS_MODE);
    int error = errno;
    OPENSSL_cleanse(memory, sizeof(memory));
    return good || trouble_say(trouble, error, "write it to another place", "cannot write %s: %s",
                       file, strerror(error));
}

/* Whether FILE may be written, before a key is made for nothing. */
static bool
check_out(const struct create_flags *flags, struct trouble *trouble)
{
    if (!flags->force && access(flags->out, F_OK) == 0) {
        return trouble_say(trouble, EEXIST, "choose another file, or write over it with --force",
            "%s is there already", flags->out);
    }
    return true;
}

/* Whether there is a user of that name, whose credentials end with this. */
struct search {
    const char *name;
    bool found;
};

static void
search_one(void *arg, const struct user *user)
{
    struct search *search = arg;
    search->found = search->found || strcmp(user->name, search->name) == 0;
}

static bool
make_user(struct store *store, const struct create_flags *flags, struct user_made *made,
    bool *ret_taken_over, struct trouble *trouble)
{
    struct search search = { flags->draft.name, false };

    if (!store_begin(store, trouble)) {
        return false;
    }
    /* The file comes before the commit: a key that could not be written is nobody's. */
    if (!user_list(store, flags->draft.account, search_one, &search, trouble) ||
        !user_create(store, &flags->draft, made, trouble)) {
        store_rollback(store);
        return false;
    }
    if (!write_user(made, flags->out, trouble)) {
        store_rollback(store);
        user_made_done(made);
        return false;
    }
    if (!store_commit(store, trouble)) {
        (void)unlink(flags->out); /* the server would take it, and nobody here knew of it */
        user_made_done(made);
        return false;
    }
    *ret_taken_over = search.found;
    return true;
}

static int
run_create(const struct issuer_options *options, struct create_flags *flags)
{
    struct store *store = issuer_open(options);
    struct user_made made;
    struct trouble trouble;
    bool taken_over = false;

    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    flags->draft.expires_s = flags->lifetime_s != 0 ? store_now() + flags->lifetime_s : 0;
    if (!check_out(flags, &trouble) || !make_user(store, flags, &made, &taken_over, &trouble)) {
        return account_fail(options, store, &trouble);
    }
    account_say(options, "user %s of account %s is %s; its credentials are in %s",
        flags->draft.name, flags->draft.account, made.key, flags->out);
    json_t *answer = json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:I}", "ok", 1, "account",
        flags->draft.account, "name", flags->draft.name, "role", flags->draft.role, "key", made.key,
        "file", flags->out, "expires", (json_int_t)flags->draft.expires_s);
    user_made_done(&made);
    /* The server knows a new user by its signing key alone; an old one it must be told to refuse.
     */
    if (!taken_over) {
        return issuer_end(options, store, true, answer, NULL);
    }
    return account_end(options, store, flags->draft.account,
        flags->no_push ? ACCOUNT_HERE : ACCOUNT_SURELY, answer);
}

static int
create_command(int argc, char **argv)
{
    static const struct option known[] = { { "role", required_argument, NULL, 'r' },
        { "out", required_argument, NULL, 'o' }, { "public-key", required_argument, NULL, 'k' },
        { "expires", required_argument, NULL, 'e' }, { "force", no_argument, NULL, 'f' },
        ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "user create", CREATE_HELP, known, take_create, 2 };
    struct issuer_options options;
    struct create_flags flags = { .out = NULL };
    int code = issuer_parse(&usage, argc, argv, &options, &flags);

    if (code >= 0) {
        return code;
    }
    if (flags.draft.role == NULL || flags.out == NULL) {
        complain("user create needs --role ROLE and --out FILE; see --help");
        return EXIT_USAGE;
    }
    flags.draft.account = argv[optind];
    flags.draft.name = argv[optind + 1];
    return run_create(&options, &flags);
}

/* ---- list ---- */

static const char LIST_HELP[] =
    "usage: serviceradar-provision user list ACCOUNT [OPTION]...\n"
    "\n"
    "Lists the users of an account. State: active, revoked, expired, or rotated when the\n"
    "signing key of the role was replaced.\n"
    "\n" ISSUER_HELP;

struct listing {
    const struct issuer_options *options;
    json_t *list;
};

static void
list_one(void *arg, const struct user *user)
{
    const struct listing *listing = arg;
    char expires[ACCOUNT_TIME_MAX];

    (void)json_array_append_new(listing->list,
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "name", user->name, "role", user->role, "key",
            user->key, "state", user_state_name(user->state), "issued", (json_int_t)user->created_s,
            "expires", (json_int_t)user->expires_s));
    if (!listing->options->json) {
        (void)printf("%-32s %-9s %-8s %s expires %s\n", user->name, user->role,
            user_state_name(user->state), user->key, account_time(user->expires_s, expires));
    }
}

static int
list_command(int argc, char **argv)
{
    static const struct option known[] = { ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "user list", LIST_HELP, known, NULL, 1 };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, NULL);

    if (code >= 0) {
        return code;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    struct listing listing = { &options, json_array() };
    bool ok = user_list(store, argv[optind], list_one, &listing, &trouble);
    return issuer_end(
        &options, store, ok, json_pack("{s:b, s:o}", "ok", 1, "users", listing.list), &trouble);
}

/* ---- revoke ---- */

static const char REVOKE_HELP[] =
    "usage: serviceradar-provision user revoke ACCOUNT NAME [OPTION]...\n"
    "\n"
    "Refuses a user for good and closes its connections. The name is free for another then.\n"
    "\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

static bool
take_revoke(void *arg, int option, const char *value)
{
    (void)option;
    (void)value;
    *(bool *)arg = true;
    return true;
}

static int
revoke_command(int argc, char **argv)
{
    static const struct option known[] = { ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "user revoke", REVOKE_HELP, known, take_revoke, 2 };
    struct issuer_options options;
    struct trouble trouble;
    bool no_push = false;
    int code = issuer_parse(&usage, argc, argv, &options, &no_push);

    if (code >= 0) {
        return code;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    const char *account = argv[optind];
    const char *name = argv[optind + 1];
    if (!user_revoke(store, account, name, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "user %s of account %s is revoked", name, account);
    return account_end(&options, store, account, no_push ? ACCOUNT_HERE : ACCOUNT_SURELY,
        json_pack("{s:b, s:s, s:s}", "ok", 1, "account", account, "name", name));
}

int
provision_user(int argc, char **argv)
{
    static const struct command commands[] = {
        { "create", create_command, "make a user and write its credentials" },
        { "list", list_command, "list the users of an account" },
        { "revoke", revoke_command, "refuse a user for good" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision user",
        "who may connect for an account, and as what",
        commands,
    };

    return command_main(&program, argc, argv);
}
