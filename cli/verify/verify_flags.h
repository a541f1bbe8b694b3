/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_VERIFY_FLAGS_H_INCLUDED
#define CLI_VERIFY_VERIFY_FLAGS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "send/send_flags.h"
#include "verify/verify.h"

/*
 * The options of verification, which `replay` and `load` have in common, used as those of sending
 * (send/send_flags.h).
 */

/* What command_option() returns for each. */
enum verify_flag {
    VERIFY_FLAG_URL = 0x300,
    VERIFY_FLAG_STREAM,
    VERIFY_FLAG_SUBJECT,
    VERIFY_FLAG_CREDS,
    VERIFY_FLAG_CA,
    VERIFY_FLAG_CERT,
    VERIFY_FLAG_KEY,
    VERIFY_FLAG_WINDOW,
    VERIFY_FLAG_WAIT,
};

/* Entries of struct option; wants getopt.h. */
#define VERIFY_FLAGS_TABLE                                                                         \
    { "verify", required_argument, NULL, VERIFY_FLAG_URL },                                        \
        { "stream", required_argument, NULL, VERIFY_FLAG_STREAM },                                 \
        { "subject", required_argument, NULL, VERIFY_FLAG_SUBJECT },                               \
        { "creds", required_argument, NULL, VERIFY_FLAG_CREDS },                                   \
        { "verify-ca", required_argument, NULL, VERIFY_FLAG_CA },                                  \
        { "verify-cert", required_argument, NULL, VERIFY_FLAG_CERT },                              \
        { "verify-key", required_argument, NULL, VERIFY_FLAG_KEY },                                \
        { "verify-window", required_argument, NULL, VERIFY_FLAG_WINDOW },                          \
    {                                                                                              \
        "verify-wait", required_argument, NULL, VERIFY_FLAG_WAIT                                   \
    }

/* What was said. Strings are those of the command line. */
struct verify_flags {
    struct verify_options options; /* all but `read` and `arg`; without `url` nothing is verified */
    bool given;                    /* one of them */
};

/* Before the first verify_flags_take(): nothing is verified. */
void verify_flags_init(struct verify_flags *flags);

/* `value` is optarg, borrowed as long as the flags. */
enum send_flag_result verify_flags_take(struct verify_flags *flags, int option, const char *value);

/*
 * Whether they go together, also with those of sending; tells on standard error what does not.
 * Before send_flags_check(): with a target that has no TLS, --ca, --cert and --key are moved here,
 * as they can be meant for the NATS server only; with one that has, --ca is for both.
 */
bool verify_flags_check(struct verify_flags *flags, struct send_flags *sending);

/* Lines of --help. */
void verify_flags_help(FILE *out);

#endif
