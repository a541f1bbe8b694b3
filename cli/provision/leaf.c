/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "command.h"
#include "files.h"
#include "issuer/leaf.h"
#include "provision/account.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

#define BUNDLE_MODE 0600
#define NAMES_MAX 1024

/* ---- bundle ---- */

static const char BUNDLE_HELP[] =
    "usage: serviceradar-provision leaf bundle SITE --account NAME --out FILE [OPTION]...\n"
    "\n"
    "Writes what a NATS server at a site of a tenant needs (mode 0600; README.md in it says how\n"
    "to set it up): its configuration, certificates, and credentials for the way to the hub. The\n"
    "hub needs nats-config with --domain hub and --leafnodes 7422. What the site had before is\n"
    "revoked. Then, once the server runs: leaf connect.\n"
    "\n"
    "  --account NAME      the tenant\n"
    "  --out FILE          the archive (.tar.gz)\n"
    "  --hub URL           tls://HOST:PORT of the hub for leaf nodes (the operator's server, "
    "7422)\n"
    "  --name NAME         a DNS name or IP address of the site's server; may be repeated\n"
    "  --listen ADDRESS    an IP address of the site's host (0.0.0.0)\n"
    "  --port PORT         for collectors (4222)\n"
    "  --at DIR            where the archive is unpacked there (" LEAF_AT_DEFAULT ")\n"
    "  --store-dir DIR     of its JetStream (" LEAF_STORE_DEFAULT ")\n"
    "  --max-bytes SIZE    of each stream of the site, as 10GiB (as at the hub)\n"
    "  --force             write over FILE\n" ACCOUNT_PUSH_HELP ISSUER_HELP;

struct bundle_flags {
    struct leaf_draft draft;
    const char *out;
    char names[NAMES_MAX];
    bool force, no_push;
};

/* "DNS:name" or "IP:address", behind a comma where it is not the first. */
static bool
add_name(struct bundle_flags *flags, const char *name)
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
    flags->draft.names = flags->names;
    return true;
}

static bool
take_size(const char *text, int64_t *ret_bytes)
{
    uint64_t bytes = 0;
    enum sr_conf_err err = sr_conf_parse_size(text, &bytes);

    if (err != SR_CONF_OK || bytes == 0 || bytes > INT64_MAX) {
        complain("--max-bytes \"%s\" %s", text,
            err != SR_CONF_OK ? sr_conf_strerror(err) : "is no size of a stream");
        return false;
    }
    *ret_bytes = (int64_t)bytes;
    return true;
}

static bool
take_port(const char *text, uint16_t *ret_port)
{
    if (provision_port(text, ret_port)) {
        return true;
    }
    complain("--port \"%s\": a port is 1 to 65535", text);
    return false;
}

static bool
take_bundle(void *arg, int option, const char *value)
{
    struct bundle_flags *flags = arg;
    struct leaf_draft *draft = &flags->draft;

    switch (option) {
    case 'a': draft->account = value; return true;
    case 'o': flags->out = value; return true;
    case 'u': draft->hub = value; return true;
    case 'e': return add_name(flags, value);
    case 'l': draft->address = value; return true;
    case 'p': return take_port(value, &draft->port);
    case 't': draft->at = value; return true;
    case 's': draft->store_dir = value; return true;
    case 'm': return take_size(value, &draft->max_bytes);
    case 'f': flags->force = true; return true;
    default: flags->no_push = true; return true;
    }
}

/* The file comes before the commit: a bundle that could not be written is nobody's. */
static bool
write_bundle(struct store *store, const struct bundle_flags *flags, struct trouble *trouble)
{
    struct collector_bundle bundle = { NULL, 0 };

    if (!flags->force && access(flags->out, F_OK) == 0) {
        return trouble_say(trouble, EEXIST, "choose another file, or write over it with --force",
            "%s is there already", flags->out);
    }
    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = leaf_bundle(store, &flags->draft, &bundle, trouble);
    if (ok && !files_write(flags->out, bundle.bytes, bundle.len, BUNDLE_MODE)) {
        ok = trouble_say(trouble, errno, "write it to another place", "cannot write %s: %s",
            flags->out, strerror(errno));
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
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        { "out", required_argument, NULL, 'o' }, { "hub", required_argument, NULL, 'u' },
        { "name", required_argument, NULL, 'e' }, { "listen", required_argument, NULL, 'l' },
        { "port", required_argument, NULL, 'p' }, { "at", required_argument, NULL, 't' },
        { "store-dir", required_argument, NULL, 's' },
        { "max-bytes", required_argument, NULL, 'm' }, { "force", no_argument, NULL, 'f' },
        ACCOUNT_PUSH_OPTION, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "leaf bundle", BUNDLE_HELP, known, take_bundle, 1 };
    struct bundle_flags flags = { .out = NULL };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &flags);

    if (code >= 0) {
        return code;
    }
    if (flags.draft.account == NULL || flags.out == NULL) {
        complain("leaf bundle needs --account and --out; see leaf bundle --help");
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    flags.draft.site = argv[optind];
    if (!write_bundle(store, &flags, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    account_say(&options, "%s is the server of site %s", flags.out, flags.draft.site);
    return account_end(&options, store, flags.draft.account,
        flags.no_push ? ACCOUNT_HERE : ACCOUNT_SOFTLY,
        json_pack("{s:b, s:s, s:s}", "ok", 1, "site", flags.draft.site, "file", flags.out));
}

/* ---- connect ---- */

static const char CONNECT_HELP[] =
    "usage: serviceradar-provision leaf connect SITE --account NAME [OPTION]...\n"
    "\n"
    "Makes the streams of a site whose server runs and is connected, and has the hub's streams\n"
    "fetch from them. Run it again after either side lost its streams.\n"
    "\n"
    "  --account NAME      the tenant\n"
    "  --max-bytes SIZE    of each stream of the site, as 10GiB (as at the hub)\n" ISSUER_HELP;

struct connect_flags {
    const char *account;
    int64_t max_bytes;
};

static bool
take_connect(void *arg, int option, const char *value)
{
    struct connect_flags *flags = arg;

    if (option == 'm') {
        return take_size(value, &flags->max_bytes);
    }
    flags->account = value;
    return true;
}

/* Where what is told goes. */
struct told {
    const struct issuer_options *options;
    json_t *list;
};

static void
tell_stream(void *arg, const char *where, const char *stream, const char *state)
{
    const struct told *told = arg;

    account_say(told->options, "stream %s of %s: %s", stream, where, state);
    (void)json_array_append_new(
        told->list, json_pack("{s:s, s:s, s:s}", "where", where, "name", stream, "state", state));
}

static int
connect_command(int argc, char **argv)
{
    static const struct option known[] = { { "account", required_argument, NULL, 'a' },
        { "max-bytes", required_argument, NULL, 'm' }, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "leaf connect", CONNECT_HELP, known, take_connect,
        1 };
    struct connect_flags flags = { NULL, 0 };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &flags);

    if (code >= 0) {
        return code;
    }
    if (flags.account == NULL) {
        complain("leaf connect needs --account NAME; see leaf connect --help");
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    struct told told = { &options, json_array() };
    bool ok = leaf_connect(
        store, flags.account, argv[optind], flags.max_bytes, tell_stream, &told, &trouble);
    return issuer_end(&options, store, ok,
        json_pack("{s:b, s:s, s:o}", "ok", 1, "site", argv[optind], "streams", told.list),
        &trouble);
}

int
provision_leaf(int argc, char **argv)
{
    static const struct command commands[] = {
        { "bundle", bundle_command, "write what the NATS server of a site needs" },
        { "connect", connect_command, "make a site's streams and have the hub fetch from them" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision leaf",
        "NATS servers of sites, which keep records while the hub is away",
        commands,
    };

    return command_main(&program, argc, argv);
}
