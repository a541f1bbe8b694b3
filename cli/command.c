/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sr/banned.h"

#define WORD_MAX 32 /* longer words are nobody's typing error */
#define COMMANDS_MAX 32

#define PATH_MAX_WORDS 128 /* bytes of the words that lead to a command */

static const char *program_name = "serviceradar";
static const struct program *outermost;

/* Who asks what the commands have; `tell` is NULL while they run. */
static struct {
    command_part_cb *tell;
    void *arg;
    char path[PATH_MAX_WORDS];
    bool told;          /* the command's options */
    const char *titles; /* what stands before `path` in titles; NULL: none are printed */
} asking;

void
complain(const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "%s: ", program_name);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

const struct program *
command_program(void)
{
    return outermost;
}

/* ---- What the commands have ---- */

void
command_words(const char *const *words)
{
    for (; asking.tell != NULL && *words != NULL; words++) {
        asking.tell(asking.arg, asking.path, COMMAND_WORD, *words, "");
    }
}

/* Tells the options to who asks, and gives the command its --help; -1 the second time. */
static int
tell_options(int argc, const struct option *known)
{
    optind = argc;
    if (asking.told) { /* it has seen its --help, and looks for more */
        return -1;
    }
    asking.told = true;
    int help = '?';
    for (; known->name != NULL; known++) {
        enum command_part part = known->has_arg == no_argument ? COMMAND_OPTION : COMMAND_VALUE;
        asking.tell(asking.arg, asking.path, part, known->name, "");
        help = strcmp(known->name, "help") == 0 ? known->val : help;
    }
    return help;
}

int
command_option(int argc, char **argv, const char *letters, const struct option *known)
{
    return asking.tell != NULL ? tell_options(argc, known)
                               : getopt_long(argc, argv, letters, known, NULL);
}

int
command_option_only(int argc, char **argv, const char *letters, const struct option *known)
{
    return asking.tell != NULL ? tell_options(argc, known)
                               : getopt_long_only(argc, argv, letters, known, NULL);
}

/* The line that `help --all` has before the help of what `path` leads to. */
static void
print_title(const char *help)
{
    (void)printf("==== %s", asking.titles);
    for (const char *c = asking.path; *c != '\0'; c++) {
        (void)putchar(*c == '/' ? ' ' : *c);
    }
    (void)printf(": %s\n", help);
}

/* Asks each command of a table, which may be a table too. */
static void
ask_all(const struct program *program)
{
    size_t len = strlen(asking.path);

    for (const struct command *c = program->commands; c->name != NULL; c++) {
        char name[WORD_MAX], option[] = "--help";
        char *argv[] = { name, option, NULL };
        asking.tell(asking.arg, asking.path, COMMAND_WORD, c->name, c->help);
        (void)snprintf(name, sizeof(name), "%s", c->name);
        (void)snprintf(asking.path + len, sizeof(asking.path) - len, "/%s", c->name);
        if (asking.titles != NULL) {
            print_title(c->help);
        }
        asking.told = false;
        optind = 0; /* of one that calls getopt_long() itself: from the beginning */
        (void)c->run(2, argv);
        asking.path[len] = '\0';
    }
}

bool
command_describe(const struct program *program, command_part_cb *tell, void *arg)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (nowhere < 0) {
        return false;
    }
    (void)fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    if (kept < 0 || dup2(nowhere, STDOUT_FILENO) < 0) {
        (void)close(nowhere);
        return false;
    }
    asking.tell = tell;
    asking.arg = arg;
    asking.path[0] = '\0';
    ask_all(program);
    asking.tell = NULL;
    (void)fflush(stdout);
    (void)dup2(kept, STDOUT_FILENO);
    (void)close(kept);
    (void)close(nowhere);
    return true;
}

/* ---- Names that are nearly right ---- */

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Edits from `a` to `b`: insert, delete, change, or swap two neighbours (optimal alignment). */
static size_t
distance(const char *a, const char *b)
{
    size_t edits[WORD_MAX + 1][WORD_MAX + 1];
    size_t a_len = strnlen(a, WORD_MAX);
    size_t b_len = strnlen(b, WORD_MAX);

    for (size_t i = 0; i <= a_len; i++) {
        edits[i][0] = i;
    }
    for (size_t j = 0; j <= b_len; j++) {
        edits[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = edits[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            edits[i][j] = least(edits[i - 1][j] + 1, edits[i][j - 1] + 1, change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                edits[i][j] = least(edits[i][j], edits[i - 2][j - 2] + 1, edits[i][j]);
            }
        }
    }
    return edits[a_len][b_len];
}

const char *
nearest_name(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t best_edits = WORD_MAX;

    if (strnlen(word, WORD_MAX) >= WORD_MAX) {
        return NULL;
    }
    for (; *names != NULL; names++) {
        size_t edits = distance(word, *names);
        if (edits < best_edits && edits <= (strlen(*names) + 2) / 3) {
            best = *names;
            best_edits = edits;
        }
    }
    return best;
}

/* ---- Running ---- */

static void
print_help(const struct program *program, FILE *out)
{
    (void)fprintf(out, "%s: %s\n\nusage: %s COMMAND [OPTION]...\n       %s COMMAND --help\n",
        program->name, program->purpose, program->name, program->name);
    if (program == outermost) {
        (void)fprintf(out, "       %s help --all\n", program->name);
    }
    (void)fputc('\n', out);
    for (const struct command *c = program->commands; c->name != NULL; c++) {
        (void)fprintf(out, "  %-11s  %s\n", c->name, c->help);
    }
    (void)fprintf(out, "\nExit codes: 0 done, 1 failed, 2 wrong usage.\n");
}

static void
tell_nobody(void *arg, const char *path, enum command_part part, const char *name, const char *help)
{
    (void)arg;
    (void)path;
    (void)part;
    (void)name;
    (void)help;
}

/* The help of a program and of all its commands, each behind a title. */
static int
print_all_help(const struct program *program)
{
    asking.tell = tell_nobody;
    asking.titles = program->name;
    asking.path[0] = '\0';
    print_title(program->purpose);
    print_help(program, stdout);
    ask_all(program);
    asking.tell = NULL;
    asking.titles = NULL;
    return EXIT_SUCCESS;
}

static int
unknown_command(const struct program *program, const char *word)
{
    const char *names[COMMANDS_MAX + 1] = { NULL };

    for (size_t i = 0; i < COMMANDS_MAX && program->commands[i].name != NULL; i++) {
        names[i] = program->commands[i].name;
    }
    const char *near = nearest_name(word, names);
    if (near != NULL) {
        complain("there is no command \"%s\"; did you mean \"%s\"?", word, near);
    } else {
        complain("there is no command \"%s\"; see %s --help", word, program->name);
    }
    return EXIT_USAGE;
}

/* A summary that could not be written, as on a full disk, is no success. */
static int
flush_output(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    complain("cannot write to standard output: %s",
        errno != 0 ? strerror(errno) : "an earlier write failed");
    return code != EXIT_SUCCESS ? code : EXIT_RUNTIME;
}

int
command_main(const struct program *program, int argc, char **argv)
{
    if (asking.tell != NULL) { /* a group of commands */
        asking.tell(asking.arg, asking.path, COMMAND_OPTION, "help", "");
        if (asking.titles != NULL) {
            print_help(program, stdout);
        }
        ask_all(program);
        return EXIT_SUCCESS;
    }
    program_name = program->name;
    outermost = outermost != NULL ? outermost : program;
    /* Commands hold seeds and tokens: neither a core file nor another process shall see them. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (argc < 2) {
        print_help(program, stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 && argc == 3 && strcmp(argv[2], "--all") == 0) {
        return print_all_help(program);
    }
    if (strcmp(argv[1], "help") == 0 && argc == 3) { /* help NAME is NAME --help */
        char help[] = "--help";
        char *swapped[] = { argv[0], argv[2], help, NULL };
        return command_main(program, 3, swapped);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(program, stdout);
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("%s %s\n", program->name, SR_VERSION);
        return EXIT_SUCCESS;
    }
    for (const struct command *c = program->commands; c->name != NULL; c++) {
        if (strcmp(argv[1], c->name) == 0) {
            int code = c->run(argc - 1, argv + 1);

            return program == outermost ? flush_output(code) : code;
        }
    }
    return unknown_command(program, argv[1]);
}
