/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_COMMAND_H_INCLUDED
#define CLI_COMMAND_H_INCLUDED

#include <stddef.h>

/* Exit codes of all programs. */
enum command_exit {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1,
    COMMAND_USAGE = 2,
};

/* One command of a program. */
struct command {
    const char *name;
    /* argv[0] is the command's name; returns the exit code. */
    int (*run)(int argc, char **argv);
    const char *help; /* what it does, in one line */
};

/*
 * The commands of a program, or of one of its commands ("serviceradar-provision operator"): a
 * `run` may dispatch into a table of its own.
 */
struct command_table {
    const char *program; /* as the user types it */
    const char *about;   /* what the program is for, in one line */
    const struct command *commands;
    size_t count;
};

/*
 * Runs the command that argv[1] names, and returns its exit code. `--help` (or `-h`, `help`) lists
 * the commands, `--version` prints the program's version; `help NAME` is `NAME --help`. A missing
 * or unknown command is a usage error on stderr, with the nearest known name when there is one.
 */
int command_dispatch(const struct command_table *table, int argc, char **argv);

/* The name in `table` that `word` was most likely meant to be, or NULL when none is near. */
const char *command_nearest(const struct command_table *table, const char *word);

#endif
