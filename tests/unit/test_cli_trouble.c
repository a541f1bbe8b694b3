/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "sr/json.h"
#include "trouble.h"

#include "sr/banned.h"

static void
bytes_that_are_no_utf_8_do_not_get_into_a_cause(void **state)
{
    struct trouble trouble;

    (void)state;
    assert_false(
        trouble_say(&trouble, 0, "use \xff another", "cannot read %s", "x\xff\xc3(\xe2\x82"));
    assert_string_equal(trouble.cause, "cannot read x?\?(?\?");
    assert_string_equal(trouble.remedy, "use ? another");
}

static void
what_a_terminal_would_obey_does_not_get_into_a_cause(void **state)
{
    struct trouble trouble;

    (void)state;
    (void)trouble_say(&trouble, 0, "r",
        "a\033[2Jb\r\nc\x7f"
        "d\xc2\x9b"
        "e");
    assert_string_equal(trouble.cause, "a?[2Jb?\?c?d?\?e");
}

static void
letters_of_all_languages_stay(void **state)
{
    struct trouble trouble;

    (void)state;
    (void)trouble_say(&trouble, 0, "r", "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_string_equal(trouble.cause, "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void
a_cause_that_is_cut_is_utf_8_all_the_same(void **state)
{
    static char many[2000];
    struct trouble trouble;

    (void)state;
    for (size_t i = 0; i + 2 < sizeof(many); i += 2) {
        memcpy(many + i, "\xc3\xbc", 2);
    }
    (void)trouble_say(&trouble, 0, many, "%s", many);
    assert_true(sr_utf8_valid(span_of(trouble.cause)));
    assert_true(sr_utf8_valid(span_of(trouble.remedy)));
    (void)trouble_say(&trouble, 0, "r", "x%s", many);
    assert_true(sr_utf8_valid(span_of(trouble.cause)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_no_utf_8_do_not_get_into_a_cause),
        cmocka_unit_test(what_a_terminal_would_obey_does_not_get_into_a_cause),
        cmocka_unit_test(letters_of_all_languages_stay),
        cmocka_unit_test(a_cause_that_is_cut_is_utf_8_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
