/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "decode/pri.h"
#include "decode/words.h"

#include "sr/banned.h"

static void
same(struct sr_span got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

/* Every character with the property White_Space. */
static const char *const spaces[] = { "\t", "\n", "\v", "\f", "\r", " ", "\xc2\x85", "\xc2\xa0",
    "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84",
    "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a",
    "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80" };

/* Their neighbours, and U+FEFF, which is no white space. */
static const char *const others[] = { "\x08", "\x0e", "\x1f", "!", "\x7f", "\xc2\x84", "\xc2\x86",
    "\xc2\x9f", "\xc2\xa1", "\xe1\x9a\x81", "\xe2\x80\x8b", "\xe2\x80\xa7", "\xe2\x80\xaa",
    "\xe2\x81\xa0", "\xe3\x80\x81", "\xef\xbb\xbf" };

static void
unicode_white_space_separates_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        char text[32];
        struct sr_span word;
        size_t n = strlen(spaces[i]);
        memcpy(text, spaces[i], n);
        memcpy(text + n, "ab", 2);
        memcpy(text + n + 2, spaces[i], n);
        memcpy(text + 2 * n + 2, "c", 2);
        struct sr_span rest = span_of(text);
        same(words_trim(rest), text + n);
        assert_int_equal(words_tidy(words_trim_start(rest)), text[n + 2] == ' ' ? 4 : 2);
        assert_true(words_next(&rest, &word));
        same(word, "ab");
        assert_true(words_next(&rest, &word));
        same(word, "c");
        assert_false(words_next(&rest, &word));
        text[2 * n + 2] = '\0';
        same(words_trim_end(span_of(text + n)), "ab");
        same(words_trim(span_of(spaces[i])), "");
    }
}

static void
what_only_looks_like_white_space_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct sr_span rest = span_of(others[i]);
        struct sr_span word;
        same(words_trim(rest), others[i]);
        assert_int_equal(words_tidy(rest), rest.len);
        assert_true(words_next(&rest, &word));
        same(word, others[i]);
    }
}

static void
an_empty_text_has_no_words(void **state)
{
    struct sr_span rest = { NULL, 0 };
    struct sr_span word;

    (void)state;
    assert_false(words_next(&rest, &word));
    assert_int_equal(words_trim(rest).len, 0);
    assert_int_equal(words_tidy(rest), 0);
    assert_true(words_equal(rest, ""));
}

static void
a_text_is_tidy_up_to_its_first_odd_blank(void **state)
{
    (void)state;
    /* With the odd blanks at every place of a word, because eight bytes are looked at at once. */
    for (size_t at = 1; at < 30; at++) {
        char text[33];
        memset(text, 'x', sizeof(text));
        text[32] = '\0';
        text[at] = ' ';
        assert_int_equal(words_tidy(span_of(text)), 32);
        text[at + 1] = ' ';
        assert_int_equal(words_tidy(span_of(text)), at);
        text[at + 1] = 'x';
        text[at] = '\t';
        assert_int_equal(words_tidy(span_of(text)), at);
    }
    assert_int_equal(words_tidy(span_of("a b c d e f g h i j k")), 21);
    assert_int_equal(words_tidy(span_of("a b ")), 3);
    assert_int_equal(words_tidy(span_of(" a")), 0);
}

static void
priorities_are_numbers_from_0_to_255(void **state)
{
    static const char *const bad[] = { "", "+", "-0", "256", "999", "1a", " 1", "1 ", "0x1", "++1",
        "99999999999999999999" };
    uint8_t pri;

    (void)state;
    assert_true(pri_parse(span_of("0"), &pri));
    assert_int_equal(pri, 0);
    assert_true(pri_parse(span_of("+13"), &pri));
    assert_int_equal(pri, 13);
    assert_true(pri_parse(span_of("000255"), &pri));
    assert_int_equal(pri, 255);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(pri_parse(span_of(bad[i]), &pri));
        assert_int_equal(pri, 255);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unicode_white_space_separates_words),
        cmocka_unit_test(what_only_looks_like_white_space_does_not),
        cmocka_unit_test(an_empty_text_has_no_words),
        cmocka_unit_test(a_text_is_tidy_up_to_its_first_odd_blank),
        cmocka_unit_test(priorities_are_numbers_from_0_to_255),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
