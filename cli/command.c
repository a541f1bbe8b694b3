/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "sr/banned.h"

#define WORD_MAX 32 /* longer words are nobody's typing error */
#define COMMANDS_MAX 32

static const char *program_name = "serviceradar";

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

static void
print_help(const struct program *program, FILE *out)
{
    (void)fprintf(out, "%s: %s\n\nusage: %s COMMAND [OPTION]...\n       %s COMMAND --help\n\n",
        program->name, program->purpose, program->name, program->name);
    for (const struct command *c = program->commands; c->name != NULL; c++) {
        (void)fprintf(out, "  %-11s  %s\n", c->name, c->help);
    }
    (void)fprintf(out, "\nExit codes: 0 done, 1 failed, 2 wrong usage.\n");
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

int
command_main(const struct program *program, int argc, char **argv)
{
    program_name = program->name;
    /* Commands hold seeds and tokens: neither a core file nor another process shall see them. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (argc < 2) {
        print_help(program, stderr);
        return EXIT_USAGE;
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
            return c->run(argc - 1, argv + 1);
        }
    }
    return unknown_command(program, argv[1]);
}
