/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_LOAD_OPTIONS_H_INCLUDED
#define CLI_LOAD_LOAD_OPTIONS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/mark.h"
#include "send/send_flags.h"
#include "send/send_target.h"
#include "verify/verify_flags.h"

#define LOAD_SETS_MAX 64U

/* What was asked of `load`. Strings are those of the command line. */
struct load_options {
    enum traffic_kind kind;
    struct send_flags sending;
    struct verify_flags verifying;
    struct send_target target;
    const char *profile, *format; /* NULL: not given */
    const char *sets[LOAD_SETS_MAX];
    size_t set_count;
    uint64_t duration_ns; /* 0: no limit */
    uint64_t size;        /* 0: not given */
    bool spoof_loopback;
    bool print_profile;
    bool help;
};

/* Tells on standard error what is wrong, and returns false then. */
bool load_options_read(struct load_options *o, int argc, char **argv);

/* Prints --help on standard output. */
void load_options_help(void);

/* "messages", "traps" or "datagrams". Static. */
const char *load_options_messages(enum traffic_kind kind);

#endif
