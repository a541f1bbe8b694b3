/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "files.h"
#include "issuer/authority.h"
#include "issuer/x509.h"
#include "provision/account.h"
#include "sr/buf.h"

#include "sr/banned.h"

#define NAMES_MAX 1024
#define DAYS_DEFAULT 365
#define CRL_DAYS_DEFAULT 30
#define PIN_LEN (2 * X509_PIN_BYTES)

static void
pin_text(const uint8_t pin[X509_PIN_BYTES], char out[PIN_LEN + 1])
{
    struct sr_buf text = sr_buf_over(out, PIN_LEN + 1);

    sr_buf_add_hex(&text, (struct sr_span){ pin, X509_PIN_BYTES });
    sr_buf_put(&text, '\0');
}

static bool
read_number(const char *option, const char *text, unsigned *ret_number)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 || number > 3650) {
        complain("%s \"%s\": a number of days is 1 to 3650", option, text);
        return false;
    }
    *ret_number = (unsigned)number;
    return true;
}

/* ---- ca init, ca show ---- */

static const char INIT_HELP[] =
    "usage: serviceradar-provision ca init [--account NAME] [OPTION]...\n"
    "\n"
    "Makes the root of the issuer's certificates, and with --account the intermediate of that\n"
    "tenant, when they are not there. Others make them too when they need them.\n"
    "\n"
    "  --account NAME      a tenant\n" ISSUER_HELP;

static const char SHOW_HELP[] =
    "usage: serviceradar-provision ca show [OPTION]...\n"
    "\n"
    "Prints the root's certificate as PEM, and on standard error its pin for --ca-pin.\n"
    "\n" ISSUER_HELP;

static bool
take_text(void *arg, int option, const char *value)
{
    (void)option;
    *(const char **)arg = value;
    return true;
}

static int
init_command(int argc, char **argv)
{
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "ca init", INIT_HELP, known, take_text, 0 };
    const char *account = NULL;
    char pin[PIN_LEN + 1] = "";
    uint8_t bytes[X509_PIN_BYTES];
    char *pem = NULL;
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &account);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    bool ok = authority_ensure(store, account != NULL ? account : "", &trouble) &&
              authority_root(store, &pem, bytes, &trouble);
    free(pem);
    if (!ok) {
        return account_fail(&options, store, &trouble);
    }
    pin_text(bytes, pin);
    account_say(&options, "The root is there; its pin is sha256:%s", pin);
    return issuer_end(
        &options, store, true, json_pack("{s:b, s:s}", "ok", 1, "ca_pin", pin), &trouble);
}

static int
show_command(int argc, char **argv)
{
    static const struct option known[] = { ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "ca show", SHOW_HELP, known, NULL, 0 };
    struct issuer_options options;
    struct trouble trouble;
    uint8_t bytes[X509_PIN_BYTES];
    char pin[PIN_LEN + 1];
    char *pem = NULL;
    int code = issuer_parse(&usage, argc, argv, &options, NULL);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    if (!authority_root(store, &pem, bytes, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    pin_text(bytes, pin);
    json_t *answer = json_pack("{s:b, s:s, s:s}", "ok", 1, "certificate", pem, "ca_pin", pin);
    if (!options.json) {
        (void)fputs(pem, stdout);
        (void)fprintf(stderr, "pin: sha256:%s\n", pin);
    }
    free(pem);
    return issuer_end(&options, store, true, answer, &trouble);
}

/* ---- ca issue ---- */

static const char ISSUE_HELP[] =
    "usage: serviceradar-provision ca issue --component NAME --partition NAME --out PATH\n"
    "                                       [OPTION]...\n"
    "\n"
    "Issues a certificate COMPONENT.PARTITION.ACCOUNT.serviceradar to the files PATH.pem,\n"
    "PATH-key.pem (0600) and PATH-ca.pem: by the tenant's intermediate, or without --account\n"
    "COMPONENT.PARTITION.serviceradar by the root.\n"
    "\n"
    "  --account NAME      a tenant\n"
    "  --component NAME    what it is for, as \"poller-1\"\n"
    "  --partition NAME    the site\n"
    "  --server            for servers too, also as localhost, 127.0.0.1 and ::1\n"
    "  --name NAME         a further DNS name or IP address; may be repeated\n"
    "  --csr FILE          a request (PEM) made with a key that stays where it is\n"
    "  --days DAYS         how long it is good (365)\n"
    "  --out PATH          where the files go\n" ISSUER_HELP;

struct issue_flags {
    struct authority_draft draft;
    const char *csr_file, *out;
    char names[NAMES_MAX];
};

/* "DNS:name" or "IP:address", behind a comma where it is not the first. */
static bool
add_name(struct issue_flags *flags, const char *name)
{
    struct in6_addr address;
    size_t used = strlen(flags->names);
    bool is_ip =
        inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
    int len = snprintf(flags->names + used, sizeof(flags->names) - used, "%s%s:%s",
        used > 0 ? "," : "", is_ip ? "IP" : "DNS", name);

    if (len < 0 || (size_t)len >= sizeof(flags->names) - used) {
        complain("--name: there are too many names");
        return false;
    }
    flags->draft.alternative_names = flags->names;
    return true;
}

static bool
take_issue(void *arg, int option, const char *value)
{
    struct issue_flags *flags = arg;

    switch (option) {
    case 'a': flags->draft.account = value; return true;
    case 'c': flags->draft.component = value; return true;
    case 'p': flags->draft.partition = value; return true;
    case 's': flags->draft.server = true; return true;
    case 'n': return add_name(flags, value);
    case 'r': flags->csr_file = value; return true;
    case 'd': return read_number("--days", value, &flags->draft.days);
    default: flags->out = value; return true;
    }
}

static bool
write_one(
    const char *out, const char *ending, const char *text, mode_t mode, struct trouble *trouble)
{
    char path[FILES_PATH_MAX];

    if (text == NULL) {
        return true;
    }
    if (files_path(path, "%s%s", out, ending) && files_write(path, text, strlen(text), mode)) {
        return true;
    }
    return trouble_say(trouble, errno, "write to another place with --out", "cannot write %s%s: %s",
        out, ending, strerror(errno));
}

/* Issues and writes; what could not be written was not issued. */
static bool
issue(struct store *store, struct issue_flags *flags, struct authority_made *made,
    struct trouble *trouble)
{
    char *csr = NULL;
    size_t len = 0;

    if (flags->csr_file != NULL && !files_read(flags->csr_file, X509_REQUEST_MAX, &csr, &len)) {
        return trouble_say(trouble, errno, "name a file with a request in PEM",
            "cannot read %s: %s", flags->csr_file, strerror(errno));
    }
    flags->draft.csr = csr;
    if (!store_begin(store, trouble)) {
        free(csr);
        return false;
    }
    bool ok = authority_issue(store, &flags->draft, made, trouble);
    free(csr);
    ok = ok && write_one(flags->out, "-key.pem", made->key, 0600, trouble) &&
         write_one(flags->out, ".pem", made->certificate, 0644, trouble) &&
         write_one(flags->out, "-ca.pem", made->chain, 0644, trouble);
    if (!ok) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

static int
issue_command(int argc, char **argv)
{
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        { "component", required_argument, NULL, 'c' },
        { "partition", required_argument, NULL, 'p' }, { "server", no_argument, NULL, 's' },
        { "name", required_argument, NULL, 'n' }, { "csr", required_argument, NULL, 'r' },
        { "days", required_argument, NULL, 'd' }, { "out", required_argument, NULL, 'o' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "ca issue", ISSUE_HELP, known, take_issue, 0 };
    struct issue_flags flags = { .draft = { .account = "", .days = DAYS_DEFAULT } };
    struct authority_made made = { .key = NULL };
    struct issuer_options options;
    struct trouble trouble;
    char expiry[ACCOUNT_TIME_MAX];
    int code = issuer_parse(&usage, argc, argv, &options, &flags);

    if (code >= 0) {
        return code;
    }
    if (flags.draft.component == NULL || flags.draft.partition == NULL || flags.out == NULL) {
        complain("ca issue needs --component, --partition and --out; see ca issue --help");
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    if (!issue(store, &flags, &made, &trouble)) {
        authority_made_done(&made);
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "%s.pem is good until %s, its serial number is %s", flags.out,
        account_time(made.expires_s, expiry), made.serial);
    json_t *answer = json_pack(
        "{s:b, s:s, s:I}", "ok", 1, "serial", made.serial, "expires", (json_int_t)made.expires_s);
    authority_made_done(&made);
    return issuer_end(&options, store, true, answer, &trouble);
}

/* ---- ca revoke ---- */

static const char REVOKE_HELP[] =
    "usage: serviceradar-provision ca revoke SERIAL [OPTION]...\n"
    "\n"
    "Puts a certificate on the CRL of its issuer: see ca list and ca crl. nats-server asks no\n"
    "CRL; a collector is shut out with collector revoke.\n"
    "\n"
    "  --reason TEXT       for the audit log\n" ISSUER_HELP;

static int
revoke_command(int argc, char **argv)
{
    static const struct option known[] = { { "reason", required_argument, NULL, 'r' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "ca revoke", REVOKE_HELP, known, take_text, 1 };
    const char *reason = "";
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &reason);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    bool ok = authority_revoke(store, argv[optind], reason, &trouble);
    return issuer_end(&options, store, ok, NULL, &trouble);
}

/* ---- ca list ---- */

static const char LIST_HELP[] =
    "usage: serviceradar-provision ca list [--account NAME] [OPTION]...\n"
    "\n"
    "Lists the certificates that were issued.\n"
    "\n"
    "  --account NAME      of this tenant only\n" ISSUER_HELP;

static void
add_certificate(void *arg, const struct authority_certificate *c)
{
    (void)json_array_append_new(arg,
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "serial", c->serial, "account", c->account,
            "name", c->common_name, "created", (json_int_t)c->created_s, "expires",
            (json_int_t)c->expires_s, "revoked", (json_int_t)c->revoked_s, "reason", c->reason));
}

static void
print_certificate(void *arg, const struct authority_certificate *c)
{
    char expiry[ACCOUNT_TIME_MAX];

    (void)arg;
    (void)printf("%s  %s  %s%s\n", c->serial, account_time(c->expires_s, expiry), c->common_name,
        c->revoked_s != 0 ? "  revoked" : "");
}

static int
list_command(int argc, char **argv)
{
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "ca list", LIST_HELP, known, take_text, 0 };
    const char *account = NULL;
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &account);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    json_t *list = options.json ? json_array() : NULL;
    bool ok = authority_list(
        store, account, options.json ? add_certificate : print_certificate, list, &trouble);
    json_t *answer = options.json ? json_pack("{s:b, s:o}", "ok", 1, "certificates", list) : NULL;
    return issuer_end(&options, store, ok, answer, &trouble);
}

/* ---- ca crl ---- */

static const char CRL_HELP[] =
    "usage: serviceradar-provision ca crl [--account NAME] [OPTION]...\n"
    "\n"
    "Writes a list of the revoked certificates (CRL, PEM): of those of a tenant, or without\n"
    "--account of those that the root signed itself.\n"
    "\n"
    "  --account NAME      a tenant\n"
    "  --days DAYS         when the next one is due (30)\n"
    "  --out FILE          instead of standard output\n" ISSUER_HELP;

struct crl_flags {
    const char *account, *out;
    unsigned days;
};

static bool
take_crl(void *arg, int option, const char *value)
{
    struct crl_flags *flags = arg;

    switch (option) {
    case 'a': flags->account = value; return true;
    case 'd': return read_number("--days", value, &flags->days);
    default: flags->out = value; return true;
    }
}

static int
crl_command(int argc, char **argv)
{
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        { "days", required_argument, NULL, 'd' }, { "out", required_argument, NULL, 'o' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "ca crl", CRL_HELP, known, take_crl, 0 };
    struct crl_flags flags = { "", NULL, CRL_DAYS_DEFAULT };
    struct issuer_options options;
    struct trouble trouble;
    char *pem = NULL;
    int code = issuer_parse(&usage, argc, argv, &options, &flags);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    bool ok = authority_crl(store, flags.account, flags.days, &pem, &trouble) &&
              (flags.out == NULL || write_one(flags.out, "", pem, 0644, &trouble));
    json_t *answer = ok ? json_pack("{s:b, s:s}", "ok", 1, "crl", pem) : NULL;
    if (ok && flags.out == NULL && !options.json) {
        (void)fputs(pem, stdout);
    }
    free(pem);
    return issuer_end(&options, store, ok, answer, &trouble);
}

int
provision_ca(int argc, char **argv)
{
    static const struct command commands[] = {
        { "init", init_command, "make the root, or the intermediate of a tenant" },
        { "show", show_command, "print the root's certificate and its pin" },
        { "issue", issue_command, "issue a certificate" },
        { "revoke", revoke_command, "revoke a certificate" },
        { "list", list_command, "list what was issued" },
        { "crl", crl_command, "write the list of revoked certificates" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision ca",
        "certificates of servers, tenants and collectors",
        commands,
    };

    return command_main(&program, argc, argv);
}
