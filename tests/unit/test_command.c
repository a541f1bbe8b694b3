/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_typing_error_finds_the_name),
        cmocka_unit_test(another_word_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
