/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

static const char *const NAMES[] = { "dev", "verify", "enroll", NULL };

static void
a_typing_error_finds_the_name(void **state)
{
    static const char *const cases[][2] = {
        { "dve", "dev" },
        { "de", "dev" },
        { "devv", "dev" },
        { "verfy", "verify" },
        { "enrol", "enroll" },
        { "enrlol", "enroll" },
        { "enroll", "enroll" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(nearest_name(cases[i][0], NAMES), cases[i][1]);
    }
}

static void
another_word_finds_nothing(void **state)
{
    static const char *const words[] = { "", "x", "launch", "veritable",
        "a-word-that-is-much-longer-than-any-command-can-be" };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_null(nearest_name(words[i], NAMES));
    }
}

/* ---- What commands say of themselves ---- */

static unsigned helps; /* that were printed */

/* As most commands: --help is one of the options, and looked at when all are read. */
static int
plain(int argc, char **argv)
{
    static const char *const words[] = { "in", "out", NULL };
    static const struct option known[] = { { "json", no_argument, NULL, 'j' },
        { "dir", required_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 } };
    int option;
    bool help = false;

    command_words(words);
    while ((option = command_option(argc, argv, "", known)) != -1) {
        help = help || option == 'h';
    }
    assert_int_equal(optind, argc);
    helps += help;
    (void)puts("help of plain");
    return help ? EXIT_SUCCESS : EXIT_USAGE;
}

/* One that was not told of command_option(). */
static int
silent(int argc, char **argv)
{
    static const struct option known[] = { { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 } };

    assert_int_equal(getopt_long(argc, argv, "", known, NULL), 'h');
    helps++;
    return EXIT_SUCCESS;
}

static int
group(int argc, char **argv)
{
    static const struct command commands[] = {
        { "plain", plain, "p" },
        { "silent", silent, "s" },
        { NULL, NULL, NULL },
    };
    static const struct program program = { "test group", "a group", commands };

    return command_main(&program, argc, argv);
}

static void
write_part(void *arg, const char *path, enum command_part part, const char *name, const char *help)
{
    static const char *const marks[] = { "", "--", "=--" };
    char *text = arg;
    size_t len = strlen(text);

    (void)snprintf(text + len, 512 - len, "%s %s%s %s\n", path, marks[part], name, help);
}

static void
commands_tell_what_they_take_and_groups_what_they_hold(void **state)
{
    static const struct command commands[] = {
        { "silent", silent, "S" },
        { "group", group, "G" },
        { NULL, NULL, NULL },
    };
    static const struct program program = { "test", "tests", commands };
    char text[512] = "";

    (void)state;
    helps = 0;
    assert_true(command_describe(&program, write_part, text));
    assert_string_equal(text, " silent S\n"
                              " group G\n"
                              "/group --help \n"
                              "/group plain p\n"
                              "/group/plain in \n"
                              "/group/plain out \n"
                              "/group/plain --json \n"
                              "/group/plain =--dir \n"
                              "/group/plain --help \n"
                              "/group silent s\n");
    assert_int_equal(helps, 3);
}

static void
behind_the_questions_options_are_read_again(void **state)
{
    char name[] = "plain", json[] = "--json", help[] = "--help";
    char *argv[] = { name, json, help, NULL };

    (void)state;
    helps = 0;
    optind = 0;
    assert_int_equal(plain(3, argv), EXIT_SUCCESS);
    assert_int_equal(helps, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_typing_error_finds_the_name),
        cmocka_unit_test(another_word_finds_nothing),
        cmocka_unit_test(commands_tell_what_they_take_and_groups_what_they_hold),
        cmocka_unit_test(behind_the_questions_options_are_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
