/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROVISION_ACCOUNT_H_INCLUDED
#define CLI_PROVISION_ACCOUNT_H_INCLUDED

#include <stdbool.h>

#include "issuer/store.h"
#include "provision/issuer.h"

struct json_t;

/* What the commands that change an account share: the account goes to the server behind it. */

#define ACCOUNT_PUSH_HELP "  --no-push           do not bring the account to the server now\n"
#define ACCOUNT_PUSH_OPTION                                                                        \
    {                                                                                              \
        "no-push", no_argument, NULL, 'n'                                                          \
    }

/* How far a change has to go. */
enum account_reach {
    ACCOUNT_HERE,   /* not to the server */
    ACCOUNT_SOFTLY, /* to the server; when that fails, a warning says how to go on */
    ACCOUNT_SURELY, /* to the server, or the command fails: what it does is nothing without */
};

/*
 * Pushes account `name` as far as `reach` says, and ends the command as issuer_end() does. `answer`
 * (taken over) gets "pushed", and where that failed "push_cause" and "push_remedy".
 */
int account_end(const struct issuer_options *options, struct store *store, const char *name,
    enum account_reach reach, struct json_t *answer);

/* Ends a command that failed before: as issuer_end(). */
int account_fail(
    const struct issuer_options *options, struct store *store, const struct trouble *trouble);

/* Prints a line for people, unless --json is given. */
void account_say(const struct issuer_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void account_warn(const struct issuer_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes a time as "2026-01-31T23:59:59Z", or "never" for 0. */
#define ACCOUNT_TIME_MAX 32
const char *account_time(uint64_t time_s, char text[ACCOUNT_TIME_MAX]);

/* Prints the limits of an account's claims by the names of the options that set them. */
void account_print_limits(const char *lead, const struct json_t *limits);

/* Subcommands of `account` that are in files of their own. */
int account_limits_command(int argc, char **argv);
int account_mapping_command(int argc, char **argv);
int account_export_command(int argc, char **argv);

#endif
