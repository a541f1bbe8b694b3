/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/operator.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "issuer/operator.h"
#include "provision/issuer.h"
#include "terminal.h"

#include "sr/banned.h"

static const char HELP[] =
    "usage: serviceradar-provision operator set [OPTION]...\n"
    "\n"
    "Changes where collectors publish or enroll, and how to reach a server whose certificate is\n"
    "not of the issuer's root. Bundles and tokens that were made before keep what they have.\n"
    "\n"
    "  --server URL        tls://HOST:PORT where collectors publish\n"
    "  --api URL           https://HOST:PORT where collectors enroll\n"
    "  --server-ca FILE    whom to believe the server's certificate, instead of the issuer's root\n"
    "  --server-cert FILE  the certificate to show to the server, instead of one of the root\n"
    "  --server-key FILE   its key; an empty name takes each of these three back\n" ISSUER_HELP;

struct request {
    struct operator_draft draft;
    struct operator_files files;
};

static bool
take(void *arg, int option, const char *value)
{
    struct request *r = arg;

    switch (option) {
    case 's': r->draft.server_url = value; break;
    case 'a': r->draft.api_url = value; break;
    case 'i': r->files.ca = value; break;
    case 'c': r->files.cert = value; break;
    default: r->files.key = value; break;
    }
    return true;
}

/* What to remember of it; no secret is among these. */
static void
describe(const struct request *r, char *out, size_t size)
{
    const struct {
        const char *name, *value;
    } all[] = { { "server", r->draft.server_url }, { "api", r->draft.api_url },
        { "server-ca", r->files.ca }, { "server-cert", r->files.cert },
        { "server-key", r->files.key } };
    size_t used = 0;

    *out = '\0';
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && used < size; i++) {
        if (all[i].value != NULL) {
            int len = snprintf(
                out + used, size - used, "%s%s=%s", used > 0 ? " " : "", all[i].name, all[i].value);
            used += len > 0 ? (size_t)len : 0;
        }
    }
}

static bool
set(struct store *store, const struct request *r, struct trouble *trouble)
{
    struct operator_facts facts;
    char detail[1024];

    describe(r, detail, sizeof(detail));
    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = operator_tell(store, &facts, trouble) &&
              operator_set_urls(store, r->draft.server_url, r->draft.api_url, trouble) &&
              operator_set_files(store, &r->files, trouble) &&
              operator_audit(store, "operator set", detail, trouble);
    return operator_finish(store, ok, trouble);
}

static bool
is_complete(const struct request *r)
{
    if (r->draft.server_url == NULL && r->draft.api_url == NULL && r->files.ca == NULL &&
        r->files.cert == NULL && r->files.key == NULL) {
        complain("operator set needs something to set; see operator set --help");
        return false;
    }
    if ((r->files.cert == NULL) != (r->files.key == NULL)) {
        complain("--server-cert and --server-key go together");
        return false;
    }
    return true;
}

int
operator_set(int argc, char **argv)
{
    static const struct option known[] = { { "server", required_argument, NULL, 's' },
        { "api", required_argument, NULL, 'a' }, { "server-ca", required_argument, NULL, 'i' },
        { "server-cert", required_argument, NULL, 'c' },
        { "server-key", required_argument, NULL, 'k' }, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "operator set", HELP, known, take, 0 };
    struct request r = { .draft = { NULL, NULL, NULL } };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &r);

    if (code >= 0) {
        return code;
    }
    if (!is_complete(&r)) {
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    bool ok = set(store, &r, &trouble);
    if (ok && !options.json) {
        terminal_line(stdout, TERMINAL_DONE, "set");
    }
    return issuer_end(&options, store, ok, NULL, &trouble);
}
