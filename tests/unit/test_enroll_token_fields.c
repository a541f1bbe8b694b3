/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "enroll/token.h"
#include "enroll/token_fields.h"
#include "token_desk.h"

static struct trust trust;
static struct token_options options;
static struct token token;
static struct token_problem problem;

static int
trust_the_desk(void **state)
{
    (void)state;
    desk_trust(&trust);
    options = (struct token_options){ .trust = &trust, .now_s = DESK_EXPIRY - 86400 };
    return 0;
}

static enum token_err
read_json(int version, const char *json)
{
    char text[DESK_TEXT_MAX];

    desk_write(version, json, text);
    return token_read(span_of(text), &options, &token, &problem);
}

/* The members of a whole token, each with its name. */
static const char *const members[] = {
    "\"u\":\"" DESK_URL "\"",
    "\"p\":\"" DESK_PACKAGE "\"",
    "\"t\":\"" DESK_SECRET "\"",
    "\"e\":1700086400",
    "\"f\":\"trapd.json\"",
    "\"c\":\"" DESK_PIN "\"",
    "\"k\":\"" DESK_KEY_ID "\"",
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

/* The JSON of a token in which member `at` is `instead`, or missing when that is NULL. */
static void
put_together(char json[2048], size_t at, const char *instead)
{
    struct sr_buf out = sr_buf_over(json, 2048);
    const char *before = "{";

    for (size_t i = 0; i < MEMBERS; i++) {
        const char *member = i == at ? instead : members[i];
        if (member != NULL) {
            sr_buf_add_text(&out, before);
            sr_buf_add_text(&out, member);
            before = ",";
        }
    }
    sr_buf_add_text(&out, "}");
    sr_buf_put(&out, '\0');
    assert_false(out.overflow);
}

static enum token_err
read_with(int version, size_t at, const char *instead)
{
    char json[2048];

    put_together(json, at, instead);
    return read_json(version, json);
}

static size_t
index_of(char name)
{
    size_t i = 0;

    while (members[i][1] != name) {
        i++;
    }
    return i;
}

static void
what_may_be_missing_depends_on_the_version(void **state)
{
    static const struct {
        char name;
        int from; /* the version that first wants it */
    } wanted[] = { { 'p', 1 }, { 't', 1 }, { 'u', 3 }, { 'e', 3 }, { 'c', 3 }, { 'k', 3 },
        { 'f', 4 } };

    (void)state;
    options.core_url = DESK_URL;
    for (int version = 1; version <= 3; version++) {
        assert_int_equal(read_with(version, MEMBERS, NULL), TOKEN_OK);
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            enum token_err err = read_with(version, index_of(wanted[i].name), NULL);
            if (version >= wanted[i].from) {
                assert_int_equal(err, TOKEN_EMISSING);
                assert_int_equal(problem.field[0], wanted[i].name);
            } else {
                assert_int_equal(err, TOKEN_OK);
                assert_null(problem.field);
            }
        }
    }
}

static void
a_field_that_cannot_be_right_is_named(void **state)
{
    static const char *const wrong[] = {
        "\"p\":1",
        "\"p\":\"\"",
        "\"p\":\"3f2b8c1e5a4d4e6f8a9b0c1d2e3f4a5b\"",
        "\"p\":\"3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5\"",
        "\"p\":\"3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5b0\"",
        "\"p\":\"3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5g\"",
        "\"p\":\"3f2b8c1e-5a4d-4e6f-8a9b_0c1d2e3f4a5b\"",
        "\"p\":\"../../../../../../../../../../../../a\"",
        "\"t\":null",
        "\"t\":\"\"",
        "\"t\":\"a b\"",
        "\"t\":\"a\\r\\nHost: x\"",
        "\"t\":\"a&b\"",
        "\"t\":\"\xc3\xa4\"",
        "\"e\":\"1700086400\"",
        "\"e\":1700086400.0",
        "\"e\":0",
        "\"e\":-1",
        "\"e\":1700086400000",
        "\"e\":null",
        "\"f\":7",
        "\"f\":\"\"",
        "\"f\":\".\"",
        "\"f\":\"..\"",
        "\"f\":\".hidden\"",
        "\"f\":\"-rf\"",
        "\"f\":\"a/b\"",
        "\"f\":\"/etc/passwd\"",
        "\"f\":\"a\\\\b\"",
        "\"f\":\"a b\"",
        "\"f\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
        "\"u\":7",
        "\"c\":\"\"",
        "\"c\":\"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf\"",
        "\"c\":\"sha256:a0\"",
        "\"c\":\"sha512:a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf\"",
        "\"c\":\"sha256:a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbeb\"",
        "\"c\":\"sha256:a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebg\"",
        "\"c\":[]",
        "\"k\":1",
        "\"k\":\"\"",
        "\"k\":\"56475AA75463474C\"",
        "\"k\":\"56475aa75463474\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        enum token_err err = read_with(3, index_of(wrong[i][1]), wrong[i]);
        if (err != TOKEN_EFIELD) {
            fail_msg("%s: %s", wrong[i], token_cause(err));
        }
        assert_int_equal(problem.field[0], wrong[i][1]);
    }
}

static void
the_detail_names_the_field_and_not_its_value(void **state)
{
    char text[256];
    struct sr_buf out = sr_buf_over(text, sizeof(text));

    (void)state;
    assert_int_equal(read_with(2, index_of('t'), "\"t\":\"a secret\""), TOKEN_EFIELD);
    token_detail(&problem, &out);
    sr_buf_put(&out, '\0');
    assert_string_equal(text, "It is t (secret).");
}

static void
content_that_is_not_one_object_is_refused(void **state)
{
    static const char *const wrong[] = {
        "{}}",
        "{\"p\":}",
        "{\"p\":\"a\",\"p\":\"b\"}",
        "{\"p\":\"a\\u0000b\"}",
        "{\"p\":\"\xff\"}",
        "{\"e\":99999999999999999999}",
    };
    char json[2048];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(read_json(1, wrong[i]), TOKEN_EJSON);
        assert_int_equal(read_json(2, wrong[i]), TOKEN_EJSON);
    }
    assert_int_equal(read_json(2, "[]"), TOKEN_EJSON);
    assert_int_equal(read_json(2, "\"x\""), TOKEN_EJSON);
    /* The same name twice, both with values that are right. */
    put_together(json, index_of('f'), "\"e\":1800000000,\"f\":\"a\"");
    assert_int_equal(read_json(3, json), TOKEN_EJSON);
}

static void
names_that_are_not_known_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(read_with(3, index_of('f'), "\"x\":{\"y\":[1]}"), TOKEN_OK);
    assert_string_equal(token.config, "");
    /* Before v3 these two are not known either. */
    assert_int_equal(read_with(2, index_of('c'), "\"c\":1"), TOKEN_OK);
    assert_int_equal(read_with(2, index_of('k'), "\"k\":1"), TOKEN_OK);
    assert_false(token.has_ca_pin);
}

static void
a_token_that_names_another_key_than_its_signers_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_with(3, index_of('k'), "\"k\":\"0123456789abcdef\""), TOKEN_EKEYID);
    assert_string_equal(problem.key_id, "0123456789abcdef");
}

static void
the_url_of_the_token_wins_and_a_difference_is_told(void **state)
{
    static const struct {
        const char *core_url;
        bool ignored;
    } cases[] = {
        { NULL, false },
        { "", false },
        { DESK_URL, false },
        { "core.example.com", false },
        { "HTTPS://Core.Example.com:443/", false },
        { "https://core.example.com:8443", true },
        { "https://other.example.com", true },
        { "https://core.example.com/x", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        options.core_url = cases[i].core_url;
        assert_int_equal(read_with(2, MEMBERS, NULL), TOKEN_OK);
        assert_string_equal(token.url, DESK_URL);
        assert_int_equal(token.core_url_ignored, cases[i].ignored);
    }
    options.core_url = "http://core.example.com";
    assert_int_equal(read_with(2, MEMBERS, NULL), TOKEN_ECOREURL);
}

static void
core_url_serves_where_the_token_has_none(void **state)
{
    (void)state;
    assert_int_equal(read_with(2, index_of('u'), NULL), TOKEN_ENOURL);
    assert_int_equal(read_with(1, index_of('u'), "\"u\":\"\""), TOKEN_ENOURL);
    options.core_url = "core.example.com:8443/sr/";
    assert_int_equal(read_with(2, index_of('u'), NULL), TOKEN_OK);
    assert_string_equal(token.url, "https://core.example.com:8443/sr");
    assert_false(token.core_url_ignored);
    assert_int_equal(read_with(1, index_of('u'), "\"u\":\"\""), TOKEN_OK);
    assert_string_equal(token.url, "https://core.example.com:8443/sr");
    options.core_url = "https://a@b";
    assert_int_equal(read_with(1, index_of('u'), "\"u\":\"\""), TOKEN_ECOREURL);
}

static void
urls_of_one_meaning_get_one_form(void **state)
{
    static const char *const cases[][2] = {
        { "https://a.example", "https://a.example" },
        { "a.example", "https://a.example" },
        { "HttpS://A.Example", "https://a.example" },
        { "a.example:443", "https://a.example" },
        { "a.example:08443", "https://a.example:8443" },
        { "https://a.example///", "https://a.example" },
        { "https://a.example/B/c%2Fd/", "https://a.example/B/c%2Fd" },
        { "https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443" },
        { "192.0.2.1:1", "https://192.0.2.1:1" },
        { "localhost:65535", "https://localhost:65535" },
        { "https://a.example/@x:y", "https://a.example/@x:y" },
    };
    char url[TOKEN_URL_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(token_url(span_of(cases[i][0]), url), TOKEN_OK);
        assert_string_equal(url, cases[i][1]);
    }
}

static void
urls_that_could_lead_elsewhere_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum token_err err;
    } cases[] = {
        { "http://a.example", TOKEN_ESCHEME },
        { "ftp://a.example", TOKEN_ESCHEME },
        { "httpss://a.example", TOKEN_ESCHEME },
        { "file:///etc/passwd", TOKEN_ESCHEME },
        { "", TOKEN_EURL },
        { "https://", TOKEN_EURL },
        { "https:///x", TOKEN_EURL },
        { "https://user@a.example", TOKEN_EURL },
        { "https://user:pass@a.example", TOKEN_EURL },
        { "https://a.example?x=y", TOKEN_EURL },
        { "https://a.example/x?y", TOKEN_EURL },
        { "https://a.example#x", TOKEN_EURL },
        { "https://a.example/#", TOKEN_EURL },
        { "https://a.example\\@b.example", TOKEN_EURL },
        { "https://a.example/x y", TOKEN_EURL },
        { "https://a.example/\r\nX: y", TOKEN_EURL },
        { "https://a.example/%", TOKEN_EURL },
        { "https://a.example/%4", TOKEN_EURL },
        { "https://a.example/%4x", TOKEN_EURL },
        { "https://a.example:", TOKEN_EURL },
        { "https://a.example:0", TOKEN_EURL },
        { "https://a.example:65536", TOKEN_EURL },
        { "https://a.example:443443", TOKEN_EURL },
        { "https://a.example:+1", TOKEN_EURL },
        { "https://-a.example", TOKEN_EURL },
        { "https://.example", TOKEN_EURL },
        { "https://\xc3\xa4.example", TOKEN_EURL },
        { "https://[::1", TOKEN_EURL },
        { "https://[]", TOKEN_EURL },
        { "https://[fe80::1%25eth0]", TOKEN_EURL },
        { "https://[::1]x", TOKEN_EURL },
        { "https://::1", TOKEN_EURL },
        { "https:/a.example", TOKEN_EURL },
        { "//a.example", TOKEN_EURL },
    };
    char url[TOKEN_URL_MAX + 1] = "unchanged";
    char json[512];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum token_err err = token_url(span_of(cases[i].text), url);
        if (err != cases[i].err) {
            fail_msg("%s: %s", cases[i].text, token_cause(err));
        }
    }
    assert_string_equal(url, "unchanged");
    (void)snprintf(json, sizeof(json), "\"u\":\"%s\"", "http://a.example");
    assert_int_equal(read_with(2, index_of('u'), json), TOKEN_ESCHEME);
    (void)snprintf(json, sizeof(json), "\"u\":\"%s\"", "https://a@b");
    assert_int_equal(read_with(2, index_of('u'), json), TOKEN_EURL);
}

static void
a_nul_hides_nothing(void **state)
{
    static const char hidden[] = "https://[::1\0x]";
    char url[TOKEN_URL_MAX + 1];
    struct sr_span text = { (const uint8_t *)hidden, sizeof(hidden) - 1 };

    (void)state;
    assert_int_equal(token_url(text, url), TOKEN_EURL);
    text = (struct sr_span){ (const uint8_t *)"a\0b", 3 };
    assert_int_equal(token_url(text, url), TOKEN_EURL);
    assert_false(token_is_config(text));
    assert_false(token_is_secret(text));
}

static void
a_url_has_a_longest(void **state)
{
    char text[TOKEN_URL_MAX + 2] = "https://a/";
    char url[TOKEN_URL_MAX + 1];

    (void)state;
    memset(text + 10, 'x', sizeof(text) - 10);
    assert_int_equal(
        token_url((struct sr_span){ (const uint8_t *)text, TOKEN_URL_MAX }, url), TOKEN_OK);
    assert_int_equal(strlen(url), TOKEN_URL_MAX);
    assert_int_equal(
        token_url((struct sr_span){ (const uint8_t *)text, TOKEN_URL_MAX + 1 }, url), TOKEN_EURL);
}

static void
pins_and_ids_are_read_in_both_cases(void **state)
{
    uint8_t pin[TOKEN_PIN_BYTES];
    char uuid[TOKEN_UUID_LEN + 1];

    (void)state;
    assert_true(token_pin(
        span_of("sha256:A0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF"), pin));
    assert_int_equal(pin[0], 0xa0);
    assert_int_equal(pin[31], 0xbf);
    assert_true(token_uuid(span_of("3F2B8C1E-5A4D-4E6F-8A9B-0C1D2E3F4A5B"), uuid));
    assert_string_equal(uuid, DESK_PACKAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_may_be_missing_depends_on_the_version, trust_the_desk),
        cmocka_unit_test_setup(a_field_that_cannot_be_right_is_named, trust_the_desk),
        cmocka_unit_test_setup(the_detail_names_the_field_and_not_its_value, trust_the_desk),
        cmocka_unit_test_setup(content_that_is_not_one_object_is_refused, trust_the_desk),
        cmocka_unit_test_setup(names_that_are_not_known_are_ignored, trust_the_desk),
        cmocka_unit_test_setup(
            a_token_that_names_another_key_than_its_signers_is_refused, trust_the_desk),
        cmocka_unit_test_setup(the_url_of_the_token_wins_and_a_difference_is_told, trust_the_desk),
        cmocka_unit_test_setup(core_url_serves_where_the_token_has_none, trust_the_desk),
        cmocka_unit_test_setup(urls_that_could_lead_elsewhere_are_refused, trust_the_desk),
        cmocka_unit_test(urls_of_one_meaning_get_one_form),
        cmocka_unit_test(a_nul_hides_nothing),
        cmocka_unit_test(a_url_has_a_longest),
        cmocka_unit_test(pins_and_ids_are_read_in_both_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
