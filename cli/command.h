/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_COMMAND_H_INCLUDED
#define CLI_COMMAND_H_INCLUDED

#include <stddef.h>

/* Exit codes of every command. */
#define EXIT_RUNTIME 1
#define EXIT_USAGE 2

/* One command of a program. */
struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit code */
    const char *help;                  /* one line */
};

/* A program as its table of commands, which ends with an entry of NULL. */
struct program {
    const char *name;
    const char *purpose; /* one line for --help */
    const struct command *commands;
};

/*
 * Runs the command that argv[1] names and returns its exit code. Handles --help, `help NAME`,
 * --version and their absence; for a name that is not in the table, names the nearest that is.
 */
int command_main(const struct program *program, int argc, char **argv);

/* Prints "PROGRAM: " and the message as one line on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The entry of `names` (which ends with NULL) that takes the fewest edits to become `word`: one
 * character more, less or changed, or two neighbours swapped. NULL when even that takes more than a
 * third of its letters.
 */
const char *nearest_name(const char *word, const char *const *names);

#endif
