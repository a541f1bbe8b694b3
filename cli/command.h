/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_COMMAND_H_INCLUDED
#define CLI_COMMAND_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

struct option; /* getopt.h */

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
 * `help --all` (of which the man pages are made), --version and their absence; for a name that is
 * not in the table, names the nearest that is.
 */
int command_main(const struct program *program, int argc, char **argv);

/* The program that runs, the outermost of groups of commands; NULL before command_main(). */
const struct program *command_program(void);

/*
 * As getopt_long(), which every command calls this for: so that a command can be asked what options
 * it has. `known` ends with an entry of NULL and has "help".
 */
int command_option(int argc, char **argv, const char *letters, const struct option *known);

/* The same as getopt_long_only(). */
int command_option_only(int argc, char **argv, const char *letters, const struct option *known);

/*
 * For a command that takes certain words, as `inspect` and `apply`: names them, with NULL behind
 * the last, to whoever asks what it has. Before its first command_option().
 */
void command_words(const char *const *words);

enum command_part {
    COMMAND_WORD,   /* a command of the one before, or a word that it takes */
    COMMAND_OPTION, /* a long option, without the dashes */
    COMMAND_VALUE,  /* likewise, and a value stands behind it */
};

/*
 * Called for each thing that may stand behind the words of `path`, as "" or "/operator/init".
 * `help` is a line about a command, else "". Strings are borrowed during the call.
 */
typedef void command_part_cb(
    void *arg, const char *path, enum command_part part, const char *name, const char *help);

/*
 * Tells all parts of a program, in its order. The commands say it themselves: each is called with
 * --help, what it prints goes nowhere, and the tables that it gives to command_option() are told.
 * Of one that does not call that, only the name is. False without memory or /dev/null.
 */
bool command_describe(const struct program *program, command_part_cb *tell, void *arg);

/* Prints "PROGRAM: " and the message as one line on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The entry of `names` (which ends with NULL) that takes the fewest edits to become `word`: one
 * character more, less or changed, or two neighbours swapped. NULL when even that takes more than a
 * third of its letters.
 */
const char *nearest_name(const char *word, const char *const *names);

#endif
