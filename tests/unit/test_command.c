/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "cli/command.h"

static int last_argc;
static char last_first[32];
static char last_second[32];

static int
remember(int argc, char **argv)
{
    last_argc = argc;
    (void)snprintf(last_first, sizeof(last_first), "%s", argv[0]);
    (void)snprintf(last_second, sizeof(last_second), "%s", argc > 1 ? argv[1] : "");
    return 7;
}

static const struct command commands[] = {
    { "enroll", remember, "get credentials" },
    { "status", remember, "say how the collectors are" },
    { "replay", remember, "send a capture" },
    { "up", remember, "a short name" },
};

static const struct command_table table = { "tool", "Does things.", commands, 4 };

static void
slips_find_the_name_that_was_meant(void **state)
{
    (void)state;
    assert_string_equal(command_nearest(&table, "enrol"), "enroll");
    assert_string_equal(command_nearest(&table, "erroll"), "enroll");
    assert_string_equal(command_nearest(&table, "statsu"), "status");
    assert_string_equal(command_nearest(&table, "rpelya"), "replay");
    assert_string_equal(command_nearest(&table, "replayed"), "replay");
}

static void
words_that_are_far_from_all_names_find_none(void **state)
{
    (void)state;
    assert_null(command_nearest(&table, "uninstall"));
    assert_null(command_nearest(&table, ""));
    assert_null(command_nearest(&table, "ip"));
    assert_null(command_nearest(
        &table, "replayreplayreplayreplayreplayreplayreplayreplayreplayreplayreplayreplay"));
}

static void
a_command_gets_its_own_arguments_and_gives_the_exit_code(void **state)
{
    char tool[] = "tool";
    char name[] = "status";
    char option[] = "--json";
    char *argv[] = { tool, name, option, NULL };

    (void)state;
    assert_int_equal(command_dispatch(&table, 3, argv), 7);
    assert_int_equal(last_argc, 2);
    assert_string_equal(last_first, "status");
    assert_string_equal(last_second, "--json");
}

static void
help_of_a_command_is_asked_of_the_command(void **state)
{
    char tool[] = "tool";
    char help[] = "help";
    char name[] = "enroll";
    char *argv[] = { tool, help, name, NULL };

    (void)state;
    assert_int_equal(command_dispatch(&table, 3, argv), 7);
    assert_string_equal(last_first, "enroll");
    assert_string_equal(last_second, "--help");
}

static void
unknown_and_missing_commands_are_wrong_usage(void **state)
{
    char tool[] = "tool";
    char name[] = "statsu";
    char help[] = "help";
    char *argv[] = { tool, name, NULL };
    char *argv_help[] = { tool, help, name, NULL };

    (void)state;
    assert_int_equal(command_dispatch(&table, 2, argv), COMMAND_USAGE);
    assert_int_equal(command_dispatch(&table, 3, argv_help), COMMAND_USAGE);
    assert_int_equal(command_dispatch(&table, 1, argv), COMMAND_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_find_the_name_that_was_meant),
        cmocka_unit_test(words_that_are_far_from_all_names_find_none),
        cmocka_unit_test(a_command_gets_its_own_arguments_and_gives_the_exit_code),
        cmocka_unit_test(help_of_a_command_is_asked_of_the_command),
        cmocka_unit_test(unknown_and_missing_commands_are_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
