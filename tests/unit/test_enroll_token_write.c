/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "enroll/token.h"
#include "enroll/token_fields.h"
#include "token_desk.h"

static uint8_t pin[TOKEN_PIN_BYTES];
static struct token_draft draft;
static struct token_problem problem;
static char text[DESK_TEXT_MAX];

static int
draft_the_recorded_token(void **state)
{
    (void)state;
    assert_true(token_pin(span_of(DESK_PIN), pin));
    draft = (struct token_draft){
        .version = 3,
        .url = DESK_URL,
        .package_id = DESK_PACKAGE,
        .secret = DESK_SECRET,
        .config = "trapd.json",
        .expires_s = DESK_EXPIRY,
        .ca_pin = pin,
    };
    return 0;
}

static enum token_err
write_text(void)
{
    struct sr_buf out = sr_buf_over(text, sizeof(text));
    enum token_err err = token_write(&draft, desk_seed, &out, &problem);

    assert_int_equal(problem.err, err);
    sr_buf_put(&out, '\0');
    return err;
}

static void
what_is_written_is_what_was_recorded(void **state)
{
    (void)state;
    assert_int_equal(write_text(), TOKEN_OK);
    assert_string_equal(text, desk_v3);
    draft.version = 2;
    draft.ca_pin = NULL;
    assert_int_equal(write_text(), TOKEN_OK);
    assert_string_equal(text, desk_v2);
}

static void
url_and_id_are_written_in_their_one_form(void **state)
{
    (void)state;
    draft.url = "Core.Example.com:443/";
    draft.package_id = "3F2B8C1E-5A4D-4E6F-8A9B-0C1D2E3F4A5B";
    assert_int_equal(write_text(), TOKEN_OK);
    assert_string_equal(text, desk_v3);
}

static void
a_token_without_a_config_name_reads_back(void **state)
{
    struct trust trust;
    struct token_options options = { .trust = &trust, .require_signature = true };
    struct token token;

    (void)state;
    desk_trust(&trust);
    draft.config = NULL;
    assert_int_equal(write_text(), TOKEN_OK);
    assert_int_equal(token_read(span_of(text), &options, &token, &problem), TOKEN_OK);
    assert_string_equal(token.config, "");
    assert_memory_equal(token.ca_pin, pin, sizeof(pin));
    token_done(&token);
}

static void
refuses_with(enum token_err err, char field)
{
    assert_int_equal(write_text(), err);
    if (field == '\0') {
        assert_null(problem.field);
    } else {
        assert_int_equal(problem.field[0], field);
    }
    (void)draft_the_recorded_token(NULL);
}

static void
what_would_not_be_read_is_not_written(void **state)
{
    (void)state;
    draft.version = 0;
    refuses_with(TOKEN_EVERSION, '\0');
    draft.version = 4;
    refuses_with(TOKEN_EVERSION, '\0');
    draft.url = NULL;
    refuses_with(TOKEN_EMISSING, 'u');
    draft.url = "http://a.example";
    refuses_with(TOKEN_ESCHEME, '\0');
    draft.url = "https://a@b";
    refuses_with(TOKEN_EURL, '\0');
    draft.package_id = "1";
    refuses_with(TOKEN_EFIELD, 'p');
    draft.package_id = NULL;
    refuses_with(TOKEN_EFIELD, 'p');
    draft.secret = "a b";
    refuses_with(TOKEN_EFIELD, 't');
    draft.secret = NULL;
    refuses_with(TOKEN_EFIELD, 't');
    draft.config = "a/b";
    refuses_with(TOKEN_EFIELD, 'f');
    draft.expires_s = 0;
    refuses_with(TOKEN_EFIELD, 'e');
    draft.expires_s = (uint64_t)TOKEN_EXPIRY_MAX + 1;
    refuses_with(TOKEN_EFIELD, 'e');
    draft.ca_pin = NULL;
    refuses_with(TOKEN_EMISSING, 'c');
    draft.version = 2;
    refuses_with(TOKEN_EFIELD, 'c');
}

static void
a_buffer_that_is_too_small_is_told(void **state)
{
    size_t len = strlen(desk_v3);

    (void)state;
    for (size_t cap = 0; cap <= len; cap++) {
        struct sr_buf out = sr_buf_over(text, cap);
        assert_int_equal(
            token_write(&draft, desk_seed, &out, &problem), cap < len ? TOKEN_ETOOBIG : TOKEN_OK);
    }
}

static void
the_longest_fields_together_still_fit(void **state)
{
    static char url[TOKEN_URL_MAX + 1] = "https://a/";
    static char secret[TOKEN_SECRET_MAX + 1];
    static char config[TOKEN_CONFIG_MAX + 1];
    struct trust trust;
    struct token_options options = { .trust = &trust };
    struct token token;

    (void)state;
    desk_trust(&trust);
    memset(url + 10, 'x', TOKEN_URL_MAX - 10);
    memset(secret, '/', TOKEN_SECRET_MAX);
    memset(config, 'c', TOKEN_CONFIG_MAX);
    draft.url = url;
    draft.secret = secret;
    draft.config = config;
    assert_int_equal(write_text(), TOKEN_OK);
    assert_int_equal(token_read(span_of(text), &options, &token, &problem), TOKEN_OK);
    assert_string_equal(token.url, url);
    assert_string_equal(token.secret, secret);
    assert_string_equal(token.config, config);
    token_done(&token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_written_is_what_was_recorded, draft_the_recorded_token),
        cmocka_unit_test_setup(url_and_id_are_written_in_their_one_form, draft_the_recorded_token),
        cmocka_unit_test_setup(a_token_without_a_config_name_reads_back, draft_the_recorded_token),
        cmocka_unit_test_setup(what_would_not_be_read_is_not_written, draft_the_recorded_token),
        cmocka_unit_test_setup(a_buffer_that_is_too_small_is_told, draft_the_recorded_token),
        cmocka_unit_test_setup(the_longest_fields_together_still_fit, draft_the_recorded_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
