/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "command.h"
#include "issuer/authority.h"
#include "issuer/collector.h"
#include "issuer/x509.h"
#include "provision/account.h"
#include "sr/buf.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

#define NS_PER_S 1000000000ULL
#define TTL_DEFAULT_S 86400
#define TTL_MAX_S (30ULL * 86400)
#define PIN_LEN (2 * X509_PIN_BYTES)
#define COMMAND_MAX (COLLECTOR_TOKEN_MAX + 512)

/* What a host has to know of this issuer. */
struct trust_texts {
    char key[COLLECTOR_TOKEN_KEY_LEN + 1];
    char pin[PIN_LEN + 1];
};

static bool
find_trust(struct store *store, struct trust_texts *ret_texts, struct trouble *trouble)
{
    uint8_t pin[X509_PIN_BYTES];
    struct sr_buf hex = sr_buf_over(ret_texts->pin, sizeof(ret_texts->pin));
    char *pem = NULL;

    if (!collector_token_key(store, ret_texts->key, trouble) ||
        !authority_ensure(store, "", trouble) || !authority_root(store, &pem, pin, trouble)) {
        return false;
    }
    free(pem);
    sr_buf_add_hex(&hex, (struct sr_span){ pin, sizeof(pin) });
    sr_buf_put(&hex, '\0');
    return true;
}

/* ---- create ---- */

static const char CREATE_HELP[] =
    "usage: serviceradar-provision token create COLLECTOR [OPTION]...\n"
    "\n"
    "Makes a token with which one host can fetch the collector's bundle, and prints the command "
    "to\n"
    "paste there. The token is a secret; tokens made before it for the same collector end.\n"
    "COLLECTOR is its id or the beginning of it.\n"
    "\n"
    "  --ttl TIME          how long it is good: 1m to 30d (24h)\n"
    "  --version N         3: signed, with the pin of this issuer's CA, keys born on the host (3)\n"
    "                      2: signed, as the platform's\n"
    "                      1: not signed, for its oldest clients\n" ISSUER_HELP;

struct create_flags {
    uint64_t lifetime_s;
    int version;
};

static bool
take_create(void *arg, int option, const char *value)
{
    struct create_flags *flags = arg;
    uint64_t ns = 0;

    if (option == 'v') {
        if (strlen(value) != 1 || value[0] < '1' || value[0] > '3') {
            complain("--version \"%s\": a version is 1, 2 or 3", value);
            return false;
        }
        flags->version = value[0] - '0';
        return true;
    }
    enum sr_conf_err err = sr_conf_parse_duration(value, &ns);
    if (err != SR_CONF_OK || ns < 60 * NS_PER_S || ns > TTL_MAX_S * NS_PER_S) {
        complain("--ttl \"%s\" %s", value,
            err != SR_CONF_OK ? sr_conf_strerror(err) : "is not 1m to 30d");
        return false;
    }
    flags->lifetime_s = ns / NS_PER_S;
    return true;
}

/* The token goes in by standard input: arguments of programs are seen by every user of a host. */
static void
format_command(
    const struct trust_texts *trust, int version, const char *token, char out[COMMAND_MAX])
{
    char key[COLLECTOR_TOKEN_KEY_LEN + 32] = "";
    char pin[PIN_LEN + 32] = "";

    if (version > 1) {
        (void)snprintf(key, sizeof(key), " --trust-key %s", trust->key);
    }
    if (version < 3) {
        (void)snprintf(pin, sizeof(pin), " --ca-pin sha256:%s", trust->pin);
    }
    (void)snprintf(out, COMMAND_MAX, "sudo serviceradar-cli enroll%s%s - <<'TOKEN'\n%s\nTOKEN", key,
        pin, token);
}

static json_t *
tell_token(const struct issuer_options *options, const struct collector *c,
    const struct create_flags *flags, const struct trust_texts *trust, const char *token)
{
    char command[COMMAND_MAX], expiry[ACCOUNT_TIME_MAX];
    uint64_t expires_s = store_now() + flags->lifetime_s;

    format_command(trust, flags->version, token, command);
    if (!options->json) {
        (void)printf("Token of the %s collector %s (site %s), good until %s. On its host:\n\n%s\n",
            c->type, c->id, c->site, account_time(expires_s, expiry), command);
    }
    json_t *answer = json_pack("{s:b, s:s, s:s, s:s, s:I, s:i, s:s, s:s}", "ok", 1, "collector",
        c->id, "token", token, "command", command, "expires", (json_int_t)expires_s, "version",
        flags->version, "trust_key", trust->key, "ca_pin", trust->pin);
    OPENSSL_cleanse(command, sizeof(command));
    return answer;
}

static int
create_command(int argc, char **argv)
{
    static const struct option known[] = { { "ttl", required_argument, NULL, 't' },
        { "version", required_argument, NULL, 'v' }, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "token create", CREATE_HELP, known, take_create, 1 };
    struct create_flags flags = { TTL_DEFAULT_S, 3 };
    char token[COLLECTOR_TOKEN_MAX + 1];
    struct trust_texts trust;
    struct collector c = { .id = "" };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &flags);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    if (!collector_find(store, argv[optind], &c, &trouble) ||
        !find_trust(store, &trust, &trouble) ||
        !collector_token(store, c.id, flags.version, flags.lifetime_s, token, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    json_t *answer = tell_token(&options, &c, &flags, &trust, token);
    OPENSSL_cleanse(token, sizeof(token));
    return issuer_end(&options, store, true, answer, &trouble);
}

/* ---- key ---- */

static const char KEY_HELP[] =
    "usage: serviceradar-provision token key [OPTION]...\n"
    "\n"
    "Prints the public key that tokens of versions 2 and 3 are signed with. Hosts that have it as\n"
    "/etc/serviceradar/trust.d/NAME.pub need no --trust-key. On standard error, the pin of the\n"
    "CA for --ca-pin.\n"
    "\n" ISSUER_HELP;

static int
key_command(int argc, char **argv)
{
    static const struct option known[] = { ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "token key", KEY_HELP, known, NULL, 0 };
    struct trust_texts trust;
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, NULL);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    if (!find_trust(store, &trust, &trouble)) {
        return account_fail(&options, store, &trouble);
    }
    if (!options.json) {
        (void)printf("%s\n", trust.key);
        (void)fprintf(stderr, "pin of the CA: sha256:%s\n", trust.pin);
    }
    return issuer_end(&options, store, true,
        json_pack("{s:b, s:s, s:s}", "ok", 1, "trust_key", trust.key, "ca_pin", trust.pin),
        &trouble);
}

int
provision_token(int argc, char **argv)
{
    static const struct command commands[] = {
        { "create", create_command, "make a token for the host of a collector" },
        { "key", key_command, "print the public key that hosts trust" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision token",
        "what a host needs to fetch its collector's bundle",
        commands,
    };

    return command_main(&program, argc, argv);
}
