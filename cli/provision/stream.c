/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <getopt.h>
#include <stdio.h>

#include <jansson.h>

#include "command.h"
#include "issuer/streams.h"
#include "provision/account.h"

#include "sr/banned.h"

static const char ENSURE_HELP[] =
    "usage: serviceradar-provision stream ensure ACCOUNT [OPTION]...\n"
    "\n"
    "Makes the streams of an account that keep what its collectors publish: in files, of a\n"
    "fixed size, refusing what is new when they are full, so that collectors hold it back. A\n"
    "stream that is there in another shape is told, and changed with --update only.\n"
    "\n"
    "  --update            bring streams of another shape into ours\n" ISSUER_HELP;

struct telling {
    const struct issuer_options *options;
    json_t *list;
    bool drifted;
};

static void
tell(void *arg, const struct streams_result *result)
{
    struct telling *telling = arg;
    const char *state = streams_state_name(result->state);

    (void)json_array_append_new(telling->list,
        json_pack("{s:s, s:s, s:s}", "name", result->name, "state", state, "drift", result->drift));
    if (result->state == STREAMS_DRIFTED) {
        telling->drifted = true;
        account_warn(
            telling->options, "stream %s has another shape: %s", result->name, result->drift);
    } else {
        account_say(telling->options, "stream %s: %s%s%s", result->name, state,
            *result->drift != '\0' ? ": " : "", result->drift);
    }
}

static bool
take_update(void *arg, int option, const char *value)
{
    (void)option;
    (void)value;
    *(bool *)arg = true;
    return true;
}

static int
ensure_command(int argc, char **argv)
{
    static const struct option known[] = { { "update", no_argument, NULL, 'u' }, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "stream ensure", ENSURE_HELP, known, take_update,
        1 };
    struct issuer_options options;
    struct trouble trouble;
    bool update = false;
    int code = issuer_parse(&usage, argc, argv, &options, &update);

    if (code >= 0) {
        return code;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    struct telling telling = { &options, json_array(), false };
    bool ok = streams_ensure(store, argv[optind], update, tell, &telling, &trouble);
    if (ok && telling.drifted) {
        account_warn(&options, "to change that: stream ensure %s --update", argv[optind]);
    }
    return issuer_end(&options, store, ok,
        json_pack("{s:b, s:b, s:o}", "ok", 1, "drifted", telling.drifted, "streams", telling.list),
        &trouble);
}

int
provision_stream(int argc, char **argv)
{
    static const struct command commands[] = {
        { "ensure", ensure_command, "make the streams of an account" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision stream",
        "what keeps the records of an account",
        commands,
    };

    return command_main(&program, argc, argv);
}
