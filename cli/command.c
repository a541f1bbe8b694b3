/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "sr/banned.h"

enum {
    NAME_MAX_LEN = 31, /* longer words are no slips of our names */
};

static const struct command *
find(const struct command_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->commands[i].name, name) == 0) {
            return &table->commands[i];
        }
    }
    return NULL;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
static size_t
distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_LEN + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN) {
        return NAME_MAX_LEN;
    }
    for (size_t k = 0; k <= b_len; k++) {
        rows[0][k] = k;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];

        now[0] = i;
        for (size_t k = 1; k <= b_len; k++) {
            now[k] = min3(before[k] + 1, now[k - 1] + 1, before[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
                size_t swapped = rows[(i + 1) % 3][k - 2] + 1;

                now[k] = swapped < now[k] ? swapped : now[k];
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *
command_nearest(const struct command_table *table, const char *word)
{
    const char *nearest = NULL;
    size_t least = NAME_MAX_LEN;

    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->commands[i].name;
        size_t slips = distance(word, name);

        /* One slip in three letters is still the same word. */
        if (slips < least && slips * 3 <= strlen(name)) {
            least = slips;
            nearest = name;
        }
    }
    return nearest;
}

static void
print_help(const struct command_table *table, FILE *out)
{
    int width = 0;

    for (size_t i = 0; i < table->count; i++) {
        int len = (int)strlen(table->commands[i].name);

        width = len > width ? len : width;
    }
    fprintf(out, "Usage: %s COMMAND [OPTION]...\n%s\n\nCommands:\n", table->program, table->about);
    for (size_t i = 0; i < table->count; i++) {
        fprintf(out, "  %-*s  %s\n", width, table->commands[i].name, table->commands[i].help);
    }
    fprintf(out,
        "\n`%s COMMAND --help` tells more about a command.\n"
        "Exit codes: 0 ok, 1 failed, 2 wrong usage.\n",
        table->program);
}

static int
unknown(const struct command_table *table, const char *word)
{
    const char *nearest = command_nearest(table, word);

    fprintf(stderr, "%s: unknown command '%s'", table->program, word);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean '%s'?\n", nearest);
    } else {
        fprintf(stderr, "; `%s --help` lists the commands\n", table->program);
    }
    return COMMAND_USAGE;
}

int
command_dispatch(const struct command_table *table, int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        print_help(table, stderr);
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("%s %s\n", table->program, SR_VERSION);
        return COMMAND_OK;
    }
    if (strcmp(argv[1], "help") == 0 && argc > 2) {
        char *help[] = { argv[2], (char[]){ "--help" }, NULL };

        command = find(table, argv[2]);
        return command == NULL ? unknown(table, argv[2]) : command->run(2, help);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(table, stdout);
        return COMMAND_OK;
    }
    command = find(table, argv[1]);
    return command == NULL ? unknown(table, argv[1]) : command->run(argc - 1, argv + 1);
}
