/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_FLAGS_H_INCLUDED
#define CLI_SEND_SEND_FLAGS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "send/send.h"

/*
 * The options of sending, which `replay` and `load` have in common. Both put SEND_FLAGS_TABLE into
 * their table for command_option(), give what they do not know to send_flags_take(), and print
 * send_flags_help() in their help.
 */

/* What command_option() returns for each; other options of a command stay below 0x200. */
enum send_flag {
    SEND_FLAG_TO = 0x200,
    SEND_FLAG_RATE,
    SEND_FLAG_FLOOD,
    SEND_FLAG_COUNT,
    SEND_FLAG_SOURCES,
    SEND_FLAG_FRAMING,
    SEND_FLAG_CA,
    SEND_FLAG_CERT,
    SEND_FLAG_KEY,
    SEND_FLAG_ANYWHERE,
    SEND_FLAG_JSON,
    SEND_FLAG_QUIET,
};

/* Entries of struct option; wants getopt.h. */
#define SEND_FLAGS_TABLE                                                                           \
    { "to", required_argument, NULL, SEND_FLAG_TO },                                               \
        { "rate", required_argument, NULL, SEND_FLAG_RATE },                                       \
        { "flood", no_argument, NULL, SEND_FLAG_FLOOD },                                           \
        { "count", required_argument, NULL, SEND_FLAG_COUNT },                                     \
        { "sources", required_argument, NULL, SEND_FLAG_SOURCES },                                 \
        { "framing", required_argument, NULL, SEND_FLAG_FRAMING },                                 \
        { "ca", required_argument, NULL, SEND_FLAG_CA },                                           \
        { "cert", required_argument, NULL, SEND_FLAG_CERT },                                       \
        { "key", required_argument, NULL, SEND_FLAG_KEY },                                         \
        { "i-know-what-i-am-doing", no_argument, NULL, SEND_FLAG_ANYWHERE },                       \
        { "json", no_argument, NULL, SEND_FLAG_JSON },                                             \
    {                                                                                              \
        "quiet", no_argument, NULL, SEND_FLAG_QUIET                                                \
    }

/* What was said. Strings are those of the command line. */
struct send_flags {
    struct send_options options; /* all but the hooks, `addresses` and `stop` */
    uint64_t count;              /* 0: no limit */
    bool has_rate;               /* --rate was given, and not as 0 */
    bool has_sources;
    bool has_framing;
    bool json;
    bool quiet;
};

enum send_flag_result {
    SEND_FLAG_TAKEN,
    SEND_FLAG_OTHER, /* not an option of sending */
    SEND_FLAG_WRONG, /* told on standard error */
};

/* Before the first send_flags_take(): one source, framing of newlines, nothing else. */
void send_flags_init(struct send_flags *flags);

/* `value` is optarg, borrowed as long as the flags. */
enum send_flag_result send_flags_take(struct send_flags *flags, int option, const char *value);

/* Whether they go together and --to is there; tells on standard error what does not. */
bool send_flags_check(const struct send_flags *flags);

/*
 * Lines of --help: the target with its security, what paces, what shows. `messages` is what the
 * command sends, as "datagrams".
 */
void send_flags_help_target(FILE *out, const char *messages);
void send_flags_help_pace(FILE *out, const char *messages);
void send_flags_help_show(FILE *out);

/*
 * Reads a decimal number of `min` to `max` for an option without its dashes; tells on standard
 * error when it is none.
 */
bool send_flags_number(
    const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret_number);

#endif
