/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROVISION_ISSUER_H_INCLUDED
#define CLI_PROVISION_ISSUER_H_INCLUDED

#include <stdbool.h>

#include "issuer/store.h"

struct json_t;
struct option;

/* What the commands of the issuer share: options, a store, an answer. */

struct issuer_options {
    struct store_place place;
    bool json;
};

/* For the array of struct option of every such command, and their lines of --help. */
#define ISSUER_OPTIONS                                                                             \
    { "dir", required_argument, NULL, 'D' }, { "master-key", required_argument, NULL, 'K' },       \
        { "json", no_argument, NULL, 'J' }, { "help", no_argument, NULL, 'H' },                    \
    {                                                                                              \
        NULL, 0, NULL, 0                                                                           \
    }
#define ISSUER_HELP                                                                                \
    "  --dir DIR           the issuer's folder (" STORE_DIR_DEFAULT ",\n"                          \
    "                      or what " STORE_DIR_ENVIRONMENT " names)\n"                             \
    "  --master-key FILE   its master key (DIR/master.key)\n"                                      \
    "  --json              answer with one JSON object\n"

/* How a command is called. The letters of its own options are lower case. */
struct issuer_usage {
    const char *name; /* "operator init" */
    const char *help;
    const struct option *options; /* its own, then ISSUER_OPTIONS */
    /* Takes one of its own options; false after a complaint. NULL when it has none. */
    bool (*take)(void *arg, int option, const char *value);
    int operands; /* so many words behind the options, exactly */
};

/*
 * Reads the command line. Returns -1 to go on, with the operands from argv[optind]; else the code
 * to end with, after the help or a complaint.
 */
int issuer_parse(const struct issuer_usage *usage, int argc, char **argv,
    struct issuer_options *ret_options, void *arg);

/* Opens the store; complains in the way of the options when that fails, and returns NULL. */
struct store *issuer_open(const struct issuer_options *options);

/*
 * Ends a command: prints `answer` (taken over) as a line of JSON when it is asked for, closes the
 * store and returns the code. With `ok` false it says why not instead; both may be NULL.
 */
int issuer_end(const struct issuer_options *options, struct store *store, bool ok,
    struct json_t *answer, const struct trouble *trouble);

#endif
