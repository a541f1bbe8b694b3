/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "bundle_show.h"
#include "command.h"
#include "enroll/bundle_answer.h"
#include "enroll/join.h"
#include "enroll/kept.h"
#include "files.h"
#include "sr/suite.h"
#include "told.h"

#include "sr/banned.h"

static const char HELP[] =
    "usage: serviceradar-cli bundle inspect FILE|- [OPTION]...\n"
    "       serviceradar-cli bundle apply FILE|-|--kept [OPTION]...\n"
    "\n"
    "A bundle is what an issuer sends to enrol one collector: credentials, certificates and a\n"
    "configuration. `inspect` says what is in one, never its secrets, and checks all of it; "
    "`apply`\n"
    "enrols this host with it, without a token and without asking the issuer: check everything,\n"
    "put the files in place all or none, prove that records would be stored, start the unit; on a\n"
    "failure everything is as it was before. Applying a bundle again changes nothing.\n"
    "\n"
    "  --kept              the bundle of an enrolment that failed after its token was spent\n"
    "  --collector NAME    syslog, trapd or netflow, for a bundle that does not say\n"
    "  --instance NAME     one of several of its kind on this host, as netflow@NAME\n"
    "  --config-file NAME  which configuration, for a bundle that has several\n"
    "  --root DIR          a root to work in (the host's)\n"
    "  --config-dir DIR    where the configuration goes (/etc/serviceradar)\n"
    "  --cert-dir DIR      where certificates go (as the configuration says)\n"
    "  --creds-dir DIR     where credentials go (as the configuration says)\n"
    "  --daemon-dir DIR    where the daemons are (beside this program, /usr/sbin, /usr/bin)\n"
    "  --no-proof          do not connect: for images, and hosts that cannot reach the server yet\n"
    "  --no-restart        do not enable and start the unit\n"
    "  --force             go on though the token does not allow the subjects; keep no copies of\n"
    "                      files that were changed by hand\n"
    "  --dry-run           say what would be done\n"
    "  --json              one JSON object instead of lines\n"
    "\n"
    "Exit codes: 0 done or nothing to do, 2 wrong usage, 6 the bundle is no good, 7 files cannot\n"
    "be read or written, 8 it did not work and everything is as it was before.\n";

struct options {
    struct join_options join;
    const char *file; /* "-": standard input; NULL: the one that is kept */
    const char *config_file;
    bool kept, json, inspect;
};

enum { OPT_CONFIG_DIR = 256, OPT_CERT_DIR, OPT_CREDS_DIR, OPT_DAEMON_DIR };

static bool
take_collector(struct options *o)
{
    o->join.collector = bundle_collector_of(optarg);
    if (o->join.collector == BUNDLE_UNTOLD) {
        complain("--collector \"%s\": there are syslog, trapd and netflow", optarg);
    }
    return o->join.collector != BUNDLE_UNTOLD;
}

static bool
take_instance(struct options *o)
{
    o->join.instance = optarg;
    if (!sr_suite_instance_is_fine(optarg)) {
        complain(
            "--instance \"%s\": write 1 to 32 letters, digits, \"_\" and \"-\", not \"-\" first",
            optarg);
        return false;
    }
    return true;
}

static bool
take_option(int option, struct options *o)
{
    switch (option) {
    case 'k': o->kept = true; return true;
    case 'c': return take_collector(o);
    case 'i': return take_instance(o);
    case 'C': o->config_file = optarg; return true;
    case 'r': o->join.root = optarg; return true;
    case OPT_CONFIG_DIR: o->join.config_dir = optarg; return true;
    case OPT_CERT_DIR: o->join.cert_dir = optarg; return true;
    case OPT_CREDS_DIR: o->join.creds_dir = optarg; return true;
    case OPT_DAEMON_DIR: o->join.daemon_dir = optarg; return true;
    case 'p': o->join.no_proof = true; return true;
    case 's': o->join.no_restart = true; return true;
    case 'f': o->join.force = true; return true;
    case 'd': o->join.dry_run = true; return true;
    case 'j': o->json = true; return true;
    default: complain("see serviceradar-cli bundle --help"); return false;
    }
}

/* The verb and the file; false after a complaint. */
static bool
take_words(int argc, char **argv, struct options *o)
{
    const char *verb = optind < argc ? argv[optind] : "";

    o->inspect = strcmp(verb, "inspect") == 0;
    if (!o->inspect && strcmp(verb, "apply") != 0) {
        complain("bundle takes `inspect` or `apply`; see serviceradar-cli bundle --help");
        return false;
    }
    if (argc - optind != (o->kept ? 1 : 2)) {
        complain("bundle %s takes one file%s; see serviceradar-cli bundle --help", verb,
            o->kept ? ", or --kept" : "");
        return false;
    }
    o->file = o->kept ? NULL : argv[optind + 1];
    return true;
}

/* Exit code, or -1 to go on. */
static int
parse(int argc, char **argv, struct options *o)
{
    static const char *const verbs[] = { "apply", "inspect", NULL };
    static const struct option known[] = {
        { "kept", no_argument, NULL, 'k' },
        { "collector", required_argument, NULL, 'c' },
        { "instance", required_argument, NULL, 'i' },
        { "config-file", required_argument, NULL, 'C' },
        { "root", required_argument, NULL, 'r' },
        { "config-dir", required_argument, NULL, OPT_CONFIG_DIR },
        { "cert-dir", required_argument, NULL, OPT_CERT_DIR },
        { "creds-dir", required_argument, NULL, OPT_CREDS_DIR },
        { "daemon-dir", required_argument, NULL, OPT_DAEMON_DIR },
        { "no-proof", no_argument, NULL, 'p' },
        { "no-restart", no_argument, NULL, 's' },
        { "force", no_argument, NULL, 'f' },
        { "dry-run", no_argument, NULL, 'd' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    command_words(verbs);
    while ((option = command_option(argc, argv, "", known)) != -1) {
        if (option == 'h') {
            (void)fputs(HELP, stdout);
            return EXIT_SUCCESS;
        }
        if (!take_option(option, o)) {
            return EXIT_USAGE;
        }
    }
    return take_words(argc, argv, o) ? -1 : EXIT_USAGE;
}

/* Reads standard input to its end. */
static bool
read_input(char **ret_bytes, size_t *ret_len)
{
    char *bytes = malloc(BUNDLE_PACKED_MAX + 1);
    size_t len = bytes != NULL ? fread(bytes, 1, BUNDLE_PACKED_MAX + 1, stdin) : 0;

    if (bytes == NULL || ferror(stdin) != 0 || len > BUNDLE_PACKED_MAX) {
        errno = bytes == NULL ? ENOMEM : len > BUNDLE_PACKED_MAX ? EFBIG : EIO;
        free(bytes);
        return false;
    }
    *ret_bytes = bytes;
    *ret_len = len;
    return true;
}

static bool
read_file(const char *file, struct place_content *ret_raw, struct trouble *trouble)
{
    char *bytes = NULL;
    size_t len = 0;
    bool from_input = strcmp(file, "-") == 0;

    if (from_input ? !read_input(&bytes, &len)
                   : !files_read(file, BUNDLE_PACKED_MAX, &bytes, &len)) {
        return trouble_say(trouble, errno, "check the path and who may read it",
            "cannot read %s: %s", from_input ? "standard input" : file, strerror(errno));
    }
    *ret_raw = (struct place_content){ (uint8_t *)bytes, len };
    return true;
}

static bool
read_bundle(const struct place_content *raw, const char *config_file, struct bundle *ret_bundle,
    struct trouble *trouble)
{
    char detail[BUNDLE_DETAIL_MAX];
    enum bundle_err err =
        bundle_read((struct sr_span){ raw->bytes, raw->len }, config_file, ret_bundle, detail);

    return err == BUNDLE_OK || bundle_show_error(err, detail, trouble);
}

/* ---- apply ---- */

/* Everything between opening the generations and closing them. */
static int
apply_open(struct generations *g, const struct options *o, struct told *told, bool *ret_changed,
    struct record *record, struct trouble *trouble)
{
    struct place_content raw = { NULL, 0 };
    struct bundle bundle = { .memory = NULL };
    int code = JOIN_EXIT_FILES;
    bool ok = o->kept ? kept_read(g, o->join.root, &raw, record, trouble)
                      : read_file(o->file, &raw, trouble);

    if (ok) {
        code = JOIN_EXIT_BUNDLE;
        ok = read_bundle(&raw, o->config_file, &bundle, trouble);
    }
    if (ok) {
        struct sr_span bytes = { raw.bytes, raw.len };
        ok = join_apply(
            g, &o->join, &bundle, bytes, record, told_say, told, ret_changed, &code, trouble);
    }
    bundle_done(&bundle);
    place_free(&raw);
    return ok ? EXIT_SUCCESS : code;
}

static int
apply(const struct options *o)
{
    struct generations_options where = { .root = o->join.root, .read_only = o->join.dry_run };
    struct told told = told_start(o->json);
    struct record record = { .collector = BUNDLE_UNTOLD };
    struct generations *g = NULL;
    struct trouble trouble;
    bool changed = false;
    int code = JOIN_EXIT_FILES;

    if (generations_open(&where, &g, &trouble)) {
        code = apply_open(g, o, &told, &changed, &record, &trouble);
        generations_close(g);
    }
    char name[RECORD_NAME_MAX];
    json_t *more = json_pack("{s:s, s:b, s:b}", "collector",
        record_name(record.collector, record.instance, name), "changed", changed, "dry_run",
        o->join.dry_run);
    return told_end(&told, code != EXIT_SUCCESS ? &trouble : NULL, code, more);
}

/* ---- inspect ---- */

static int
inspect(const struct options *o)
{
    struct generations_options where = { .root = o->join.root, .read_only = true };
    struct place_content raw = { NULL, 0 };
    struct bundle bundle = { .memory = NULL };
    struct generations *g = NULL;
    struct trouble trouble;
    int code = JOIN_EXIT_FILES;
    bool ok =
        o->kept ? generations_open(&where, &g, &trouble) && generation_bundle(g, 0, &raw, &trouble)
                : read_file(o->file, &raw, &trouble);

    if (ok) {
        code = JOIN_EXIT_BUNDLE;
        ok = read_bundle(&raw, o->config_file, &bundle, &trouble);
    }
    if (ok) {
        code = bundle_show(&bundle, &o->join, o->json);
    } else {
        struct told told = told_start(o->json);
        code = told_end(&told, &trouble, code, NULL);
    }
    bundle_done(&bundle);
    place_free(&raw);
    if (g != NULL) {
        generations_close(g);
    }
    return code;
}

int
bundle_command(int argc, char **argv)
{
    struct options o = { .join = { .root = "", .now_s = (uint64_t)time(NULL) } };
    int code = parse(argc, argv, &o);

    if (code >= 0) {
        return code;
    }
    return o.inspect ? inspect(&o) : apply(&o);
}
