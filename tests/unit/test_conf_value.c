/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/conf_value.h"

#define KIB UINT64_C(1024)
#define SECOND UINT64_C(1000000000)

static void
sizes_take_binary_and_decimal_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        { "0", 0 },
        { "512", 512 },
        { "512B", 512 },
        { "64KiB", 64 * KIB },
        { "4MiB", 4 * KIB * KIB },
        { "2GiB", 2 * KIB * KIB * KIB },
        { "1TiB", KIB * KIB * KIB * KIB },
        { "10KB", 10000 },
        { "3MB", 3000000 },
        { "1GB", 1000000000 },
        { "18446744073709551615", UINT64_MAX },
        { "17179869183GiB", UINT64_MAX - (KIB * KIB * KIB - 1) },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bytes = 1;
        assert_int_equal(sr_conf_parse_size(cases[i].text, &bytes), SR_CONF_OK);
        assert_true(bytes == cases[i].bytes);
    }
}

static void
sizes_that_are_none_are_refused_by_reason(void **state)
{
    static const struct {
        const char *text;
        enum sr_conf_err err;
    } cases[] = {
        { "", SR_CONF_ENUMBER },
        { "-1", SR_CONF_ENUMBER },
        { "+1", SR_CONF_ENUMBER },
        { "KiB", SR_CONF_ENUMBER },
        { "4M", SR_CONF_EUNIT },
        { "4mib", SR_CONF_EUNIT },
        { "4 MiB", SR_CONF_EUNIT },
        { "1.5GiB", SR_CONF_EUNIT },
        { "18446744073709551616", SR_CONF_ERANGE },
        { "17179869184GiB", SR_CONF_ERANGE },
        { "99999999999999999999999B", SR_CONF_ERANGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bytes = 7;
        assert_int_equal(sr_conf_parse_size(cases[i].text, &bytes), cases[i].err);
        assert_true(bytes == 7);
    }
}

static void
durations_need_a_unit_unless_they_are_zero(void **state)
{
    uint64_t ns = 1;

    (void)state;
    assert_int_equal(sr_conf_parse_duration("0", &ns), SR_CONF_OK);
    assert_true(ns == 0);
    assert_int_equal(sr_conf_parse_duration("0ms", &ns), SR_CONF_OK);
    assert_int_equal(sr_conf_parse_duration("250us", &ns), SR_CONF_OK);
    assert_true(ns == 250000);
    assert_int_equal(sr_conf_parse_duration("500ms", &ns), SR_CONF_OK);
    assert_true(ns == SECOND / 2);
    assert_int_equal(sr_conf_parse_duration("5m", &ns), SR_CONF_OK);
    assert_true(ns == 300 * SECOND);
    assert_int_equal(sr_conf_parse_duration("1h", &ns), SR_CONF_OK);
    assert_true(ns == 3600 * SECOND);
    assert_int_equal(sr_conf_parse_duration("30", &ns), SR_CONF_ENOUNIT);
    assert_int_equal(sr_conf_parse_duration("30sec", &ns), SR_CONF_EUNIT);
    assert_int_equal(sr_conf_parse_duration("9999999999d", &ns), SR_CONF_ERANGE);
    assert_true(ns == 3600 * SECOND);
}

static void
formatted_units_are_short_and_parse_back(void **state)
{
    char text[SR_CONF_UNIT_TEXT_MAX];

    (void)state;
    assert_string_equal(sr_conf_format_size(4 * KIB * KIB, text), "4MiB");
    assert_string_equal(sr_conf_format_size(513, text), "513B");
    assert_string_equal(sr_conf_format_size(0, text), "0");
    assert_string_equal(sr_conf_format_duration(90 * SECOND, text), "90s");
    assert_string_equal(sr_conf_format_duration(3600 * SECOND, text), "1h");
    assert_string_equal(sr_conf_format_duration(0, text), "0");
    for (uint64_t value = UINT64_MAX; value > 0; value /= 3) {
        uint64_t back = 0;
        assert_int_equal(sr_conf_parse_size(sr_conf_format_size(value, text), &back), SR_CONF_OK);
        assert_true(back == value);
        assert_int_equal(
            sr_conf_parse_duration(sr_conf_format_duration(value, text), &back), SR_CONF_OK);
        assert_true(back == value);
    }
}

static void
booleans_have_six_words(void **state)
{
    static const char *const yes[] = { "true", "yes", "on" };
    static const char *const no[] = { "false", "no", "off" };
    bool value;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        value = false;
        assert_int_equal(sr_conf_parse_bool(yes[i], &value), SR_CONF_OK);
        assert_true(value);
        assert_int_equal(sr_conf_parse_bool(no[i], &value), SR_CONF_OK);
        assert_false(value);
    }
    assert_int_equal(sr_conf_parse_bool("True", &value), SR_CONF_EBOOL);
    assert_int_equal(sr_conf_parse_bool("1", &value), SR_CONF_EBOOL);
}

static void
text_is_utf8_without_control_characters(void **state)
{
    (void)state;
    assert_int_equal(sr_conf_check_text("K\xc3\xb6ln \xf0\x9f\x90\x9d", 10), SR_CONF_OK);
    assert_int_equal(sr_conf_check_text("a\0b", 3), SR_CONF_ECONTROL);
    assert_int_equal(sr_conf_check_text("a\tb", 3), SR_CONF_ECONTROL);
    assert_int_equal(sr_conf_check_text("\x7f", 1), SR_CONF_ECONTROL);
    assert_int_equal(sr_conf_check_text("\xc2\x9b", 2), SR_CONF_ECONTROL);
    assert_int_equal(sr_conf_check_text("\xc2", 1), SR_CONF_EUTF8);
    assert_int_equal(sr_conf_check_text("\xc0\x80", 2), SR_CONF_EUTF8);
    assert_int_equal(sr_conf_check_text("\xed\xa0\x80", 3), SR_CONF_EUTF8);
    assert_int_equal(sr_conf_check_text("\xf4\x90\x80\x80", 4), SR_CONF_EUTF8);
}

static void
distance_counts_the_letters_to_mend(void **state)
{
    char longest[SR_CONF_WORD_MAX + 2];

    (void)state;
    assert_int_equal(sr_conf_distance("", ""), 0);
    assert_int_equal(sr_conf_distance("", "abc"), 3);
    assert_int_equal(sr_conf_distance("queue", "queue"), 0);
    assert_int_equal(sr_conf_distance("qeue", "queue"), 1);
    assert_int_equal(sr_conf_distance("qeuue", "queue"), 1);
    assert_int_equal(sr_conf_distance("kitten", "sitting"), 3);
    memset(longest, 'a', sizeof(longest));
    longest[SR_CONF_WORD_MAX] = '\0';
    assert_int_equal(sr_conf_distance(longest, ""), SR_CONF_WORD_MAX);
    longest[SR_CONF_WORD_MAX] = 'a';
    longest[SR_CONF_WORD_MAX + 1] = '\0';
    assert_true(sr_conf_distance(longest, longest) == SIZE_MAX);
}

static const char *const formats[] = { "rfc3164", "rfc5424", "smart", NULL };

static void
only_a_similar_word_is_suggested(void **state)
{
    (void)state;
    assert_string_equal(sr_conf_nearest_choice(formats, "rfc316"), "rfc3164");
    assert_string_equal(sr_conf_nearest_choice(formats, "smrat"), "smart");
    assert_null(sr_conf_nearest_choice(formats, "gelf"));
    assert_null(sr_conf_nearest_choice(formats, ""));
}

static void
a_path_is_cut_at_its_dots(void **state)
{
    const char *path = "nats.url.0";
    char part[8];

    (void)state;
    assert_true(sr_conf_path_next(&path, part, sizeof(part)));
    assert_string_equal(part, "nats");
    assert_true(sr_conf_path_next(&path, part, sizeof(part)));
    assert_string_equal(part, "url");
    assert_true(sr_conf_path_next(&path, part, sizeof(part)));
    assert_string_equal(part, "0");
    assert_null(path);
    path = ".a";
    assert_false(sr_conf_path_next(&path, part, sizeof(part)));
    path = "overlong.a";
    assert_false(sr_conf_path_next(&path, part, sizeof(part)));
    assert_string_equal(path, "overlong.a");
}

static void
variable_names_become_paths(void **state)
{
    char path[32] = "";

    (void)state;
    assert_true(sr_conf_env_path("SR_NATS__CREDS_FILE", path, sizeof(path)));
    assert_string_equal(path, "nats.creds_file");
    assert_true(sr_conf_env_path("SR_LISTENERS__0__LISTEN", path, sizeof(path)));
    assert_string_equal(path, "listeners.0.listen");
    assert_false(sr_conf_env_path("HOME", path, sizeof(path)));
    assert_false(sr_conf_env_path("SR_", path, sizeof(path)));
    assert_false(sr_conf_env_path("SR_nats__URL", path, sizeof(path)));
    assert_true(sr_conf_env_path("SR_ABC", path, 4));
    assert_false(sr_conf_env_path("SR_ABCD", path, 4));
}

/* What is said about `text` as a value of `key`; "" for nothing. */
static const char *
said(const struct sr_conf_key *key, const char *text)
{
    static char message[SR_CONF_MESSAGE_MAX];
    union sr_conf_value value;
    const char *wrong = sr_conf_read_value(key, text, &value, message);

    return wrong != NULL ? wrong : "";
}

static void
a_refused_value_says_what_would_be_right(void **state)
{
    struct sr_conf_key port = { .type = SR_CONF_UINT, .min = 1, .max = 65535 };
    struct sr_conf_key size = { .type = SR_CONF_SIZE, .min = 64 * KIB };
    struct sr_conf_key wait = { .type = SR_CONF_DURATION, .max = 60 * SECOND };
    struct sr_conf_key format = { .type = SR_CONF_CHOICE, .choices = formats };
    struct sr_conf_key flag = { .type = SR_CONF_BOOL };
    struct sr_conf_key text = { .type = SR_CONF_STRING };

    (void)state;
    assert_string_equal(said(&port, "65535"), "");
    assert_string_equal(said(&port, "70000"), "is 70000; must be 1 to 65535");
    assert_string_equal(said(&port, "0"), "is 0; must be 1 to 65535");
    assert_string_equal(said(&port, "ten"),
        "is `ten`, which is not a whole number; write a whole number such as `10`");
    assert_string_equal(said(&size, "1KiB"), "is 1KiB; must be at least 64KiB");
    assert_string_equal(said(&size, "4M"),
        "is `4M`, which has an unknown unit; write a size such as `64KiB`, `4MiB` or `10MB`");
    assert_string_equal(said(&wait, "61s"), "is 61s; must be at most 1m");
    assert_string_equal(said(&wait, "30"), "is `30` without a unit; add a unit such as `30s`");
    assert_string_equal(said(&format, "rfc316"),
        "is `rfc316`; must be one of rfc3164, rfc5424, smart; did you mean `rfc3164`?");
    assert_string_equal(said(&format, "gelf"), "is `gelf`; must be one of rfc3164, rfc5424, smart");
    assert_string_equal(said(&flag, "maybe"), "is `maybe`; must be true or false");
    assert_string_equal(said(&text, "a\nb"),
        "holds a control character; write it as one line of printable UTF-8 text");
}

static void
a_refused_secret_is_not_quoted(void **state)
{
    struct sr_conf_key keys[] = {
        { .type = SR_CONF_UINT, .min = 1, .max = 5, .secret = true },
        { .type = SR_CONF_DURATION, .secret = true },
        { .type = SR_CONF_BOOL, .secret = true },
        { .type = SR_CONF_CHOICE, .choices = formats, .secret = true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_string_not_equal(said(&keys[i], "4711"), "");
        assert_null(strstr(said(&keys[i], "4711"), "4711"));
    }
}

static void
a_long_value_is_cut_between_characters(void **state)
{
    struct sr_conf_key key = { .type = SR_CONF_BOOL };
    char text[4096];

    (void)state;
    memset(text, 'x', 63);
    for (size_t i = 63; i + 2 < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xb6", 2);
    }
    text[sizeof(text) - 1] = '\0';
    text[sizeof(text) - 2] = 'x';
    text[sizeof(text) - 3] = 'x';
    const char *what = said(&key, text);
    assert_int_equal(sr_conf_check_text(what, strlen(what)), SR_CONF_OK);
    assert_non_null(strstr(what, "x...`; must be true or false"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_take_binary_and_decimal_units),
        cmocka_unit_test(sizes_that_are_none_are_refused_by_reason),
        cmocka_unit_test(durations_need_a_unit_unless_they_are_zero),
        cmocka_unit_test(formatted_units_are_short_and_parse_back),
        cmocka_unit_test(booleans_have_six_words),
        cmocka_unit_test(text_is_utf8_without_control_characters),
        cmocka_unit_test(distance_counts_the_letters_to_mend),
        cmocka_unit_test(only_a_similar_word_is_suggested),
        cmocka_unit_test(a_path_is_cut_at_its_dots),
        cmocka_unit_test(variable_names_become_paths),
        cmocka_unit_test(a_refused_value_says_what_would_be_right),
        cmocka_unit_test(a_refused_secret_is_not_quoted),
        cmocka_unit_test(a_long_value_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
