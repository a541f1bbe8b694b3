/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll_options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "command.h"
#include "enroll/bundle_answer.h"
#include "enroll/https.h"
#include "enroll/token_fields.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define SEE_HELP "see serviceradar-cli enroll --help"
#define TIMEOUT_MAX_S 3600

enum {
    TOKEN = 256,
    TOKEN_FILE,
    CORE_URL,
    CA_FILE,
    CA_PIN,
    COLLECTOR,
    INSTANCE,
    ROOT,
    CONFIG_DIR,
    CERT_DIR,
    CREDS_DIR,
    CONFIG_FILE,
    TRUST_KEY,
    TIMEOUT,
    DRY_RUN,
    JSON,
    NO_RESTART,
    NO_PROOF,
    FORCE,
    REQUIRE_SIGNATURE,
    OF_AGENTS,
    HELP,
};

static const struct option known[] = {
    { "token", required_argument, NULL, TOKEN },
    { "token-file", required_argument, NULL, TOKEN_FILE },
    { "core-url", required_argument, NULL, CORE_URL },
    { "ca-file", required_argument, NULL, CA_FILE },
    { "ca-pin", required_argument, NULL, CA_PIN },
    { "collector", required_argument, NULL, COLLECTOR },
    { "root", required_argument, NULL, ROOT },
    { "config-dir", required_argument, NULL, CONFIG_DIR },
    { "cert-dir", required_argument, NULL, CERT_DIR },
    { "creds-dir", required_argument, NULL, CREDS_DIR },
    { "config-file", required_argument, NULL, CONFIG_FILE },
    { "trust-key", required_argument, NULL, TRUST_KEY },
    { "timeout", required_argument, NULL, TIMEOUT },
    { "dry-run", no_argument, NULL, DRY_RUN },
    { "json", no_argument, NULL, JSON },
    { "instance", required_argument, NULL, INSTANCE },
    { "no-restart", no_argument, NULL, NO_RESTART },
    { "no-proof", no_argument, NULL, NO_PROOF },
    { "force", no_argument, NULL, FORCE },
    { "require-signature", no_argument, NULL, REQUIRE_SIGNATURE },
    { "host-ip", required_argument, NULL, OF_AGENTS },
    { "config", required_argument, NULL, OF_AGENTS },
    { "help", no_argument, NULL, HELP },
    { NULL, 0, NULL, 0 },
};

static bool
wrong(const char *what, const char *expected)
{
    complain("%s: %s", what, expected);
    return false;
}

/* Keeps a copy and overwrites the original: it is what others on the host see in `ps`. */
static bool
take_token(char *argument, struct enroll_options *o)
{
    size_t len = strlen(argument);

    enroll_options_done(o);
    o->token = strdup(argument);
    OPENSSL_cleanse(argument, len);
    return o->token != NULL || wrong("--token", "out of memory");
}

static bool
take_pin(const char *text, struct enroll_options *o)
{
    o->has_ca_pin = token_pin((struct sr_span){ (const uint8_t *)text, strlen(text) }, o->ca_pin);
    return o->has_ca_pin || wrong("--ca-pin", "it is \"sha256:\" and 64 hexadecimal digits");
}

static bool
take_collector(const char *text, struct enroll_options *o)
{
    o->collector = bundle_collector_of(text);
    return o->collector != BUNDLE_UNTOLD ||
           wrong("--collector", "this suite has syslog (flowgger), trapd and netflow");
}

static bool
take_instance(const char *text, struct enroll_options *o)
{
    o->instance = text;
    return sr_suite_instance_is_fine(text) ||
           wrong("--instance", "write 1 to 32 letters, digits, \"_\" and \"-\", not \"-\" first");
}

static bool
take_trust_key(const char *text, struct enroll_options *o)
{
    if (o->trust_key_count == TRUST_KEYS_MAX) {
        return wrong("--trust-key", "these are too many");
    }
    o->trust_keys[o->trust_key_count++] = text;
    return true;
}

static bool
take_timeout(const char *text, struct enroll_options *o)
{
    char *end = NULL;
    long seconds = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || seconds < 1 || seconds > TIMEOUT_MAX_S) {
        return wrong("--timeout", "it is 1 to 3600 seconds");
    }
    o->timeout_s = (unsigned)seconds;
    return true;
}

static bool
take_switch(int option, struct enroll_options *o)
{
    switch (option) {
    case DRY_RUN: o->dry_run = true; return true;
    case JSON: o->json = true; return true;
    case NO_RESTART: o->no_restart = true; return true;
    case NO_PROOF: o->no_proof = true; return true;
    case FORCE: o->force = true; return true;
    case REQUIRE_SIGNATURE: o->require_signature = true; return true;
    case OF_AGENTS: o->for_agents = true; return true;
    default: return false;
    }
}

static bool
take(int option, struct enroll_options *o)
{
    switch (option) {
    case TOKEN: return take_token(optarg, o);
    case TOKEN_FILE: o->token_file = optarg; return true;
    case CORE_URL: o->core_url = optarg; return true;
    case CA_FILE: o->ca_file = optarg; return true;
    case CA_PIN: return take_pin(optarg, o);
    case COLLECTOR: return take_collector(optarg, o);
    case INSTANCE: return take_instance(optarg, o);
    case ROOT: o->root = strcmp(optarg, "/") == 0 ? "" : optarg; return true;
    case CONFIG_DIR: o->config_dir = optarg; return true;
    case CERT_DIR: o->cert_dir = optarg; return true;
    case CREDS_DIR: o->creds_dir = optarg; return true;
    case CONFIG_FILE: o->config_file = optarg; return true;
    case TRUST_KEY: return take_trust_key(optarg, o);
    case TIMEOUT: return take_timeout(optarg, o);
    default: return take_switch(option, o);
    }
}

/* Names the option only: what stands behind it may be a token. */
static void
complain_of(int answer, const char *word)
{
    int len = (int)strcspn(word, "=");

    complain(answer == ':' ? "%.*s needs a value; " SEE_HELP : "there is no option %.*s; " SEE_HELP,
        len, word);
}

static bool
take_rest(int argc, char **argv, struct enroll_options *o)
{
    if (optind < argc && strcmp(argv[optind], "-") == 0) {
        o->token_file = "-";
        optind++;
    }
    if (optind < argc) {
        OPENSSL_cleanse(argv[optind], strlen(argv[optind]));
        complain("enroll takes only \"-\" without an option: give the token with --token-file, or "
                 "on standard input");
        return false;
    }
    if ((o->token != NULL) == (o->token_file != NULL)) {
        complain(o->token != NULL ? "give the token once; " SEE_HELP
                                  : "enroll needs a token: --token-file FILE, or \"-\" to read it "
                                    "from standard input");
        return false;
    }
    return true;
}

enum enroll_parsed
enroll_options_read(int argc, char **argv, struct enroll_options *out)
{
    int option;

    *out = (struct enroll_options){ .root = "", .timeout_s = HTTPS_TIMEOUT_S };
    opterr = 0;
    optind = 1;
    /* "-token" is how the program before this one spelled it. */
    while ((option = command_option_only(argc, argv, ":", known)) != -1) {
        if (option == HELP) {
            return ENROLL_HELP;
        }
        if (option == '?' || option == ':') {
            complain_of(option, argv[optind - 1]);
            return ENROLL_WRONG;
        }
        if (!take(option, out)) {
            return ENROLL_WRONG;
        }
    }
    return take_rest(argc, argv, out) ? ENROLL_RUN : ENROLL_WRONG;
}

void
enroll_options_done(struct enroll_options *options)
{
    if (options->token != NULL) {
        OPENSSL_cleanse(options->token, strlen(options->token));
        free(options->token);
        options->token = NULL;
    }
}
