/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "enroll/token.h"
#include "token_desk.h"

static struct trust trust;
static struct token_options options;
static struct token token;
static struct token_problem problem;

/* What free() was given since `freed` was set to 0, and how often the secret was still in it. */
static unsigned freed;
static unsigned freed_with_secret;

void __real_free(void *block);
void __wrap_free(void *block);

void
__wrap_free(void *block)
{
    if (block != NULL) {
        freed++;
        if (memmem(block, malloc_usable_size(block), DESK_SECRET, strlen(DESK_SECRET)) != NULL) {
            freed_with_secret++;
        }
    }
    __real_free(block);
}

static int
trust_the_desk(void **state)
{
    (void)state;
    desk_trust(&trust);
    options = (struct token_options){ .trust = &trust, .now_s = DESK_EXPIRY - 86400 };
    memset(&token, 0, sizeof(token));
    return 0;
}

static enum token_err
read_text(const char *text)
{
    return token_read(span_of(text), &options, &token, &problem);
}

/* Reads every proper prefix of a token. */
static void
refuses_each_prefix(const char *text)
{
    assert_int_equal(read_text(text), TOKEN_OK);
    for (size_t len = 1; len < strlen(text); len++) {
        /* An exact copy, so that a read past the end is seen. */
        uint8_t *cut = malloc(len);
        memcpy(cut, text, len);
        enum token_err err = token_read((struct sr_span){ cut, len }, &options, &token, &problem);
        free(cut);
        if (err != TOKEN_ETRUNCATED) {
            fail_msg("%zu characters: %s", len, token_cause(err));
        }
    }
}

static void
tokens_of_each_version_are_read_as_recorded(void **state)
{
    static const struct {
        const char *text, *config;
        int version;
    } cases[] = {
        { desk_v1, "", 1 },
        { desk_v1_f, "trapd.json", 1 },
        { desk_v2, "trapd.json", 2 },
        { desk_v3, "trapd.json", 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_text(cases[i].text), TOKEN_OK);
        assert_int_equal(token.version, cases[i].version);
        assert_string_equal(token.text, cases[i].text);
        assert_string_equal(token.url, DESK_URL);
        assert_string_equal(token.package_id, DESK_PACKAGE);
        assert_string_equal(token.secret, DESK_SECRET);
        assert_string_equal(token.config, cases[i].config);
        assert_int_equal(token.expires_s, DESK_EXPIRY);
        assert_int_equal(token.is_signed, cases[i].version > 1);
        assert_string_equal(token.signer.id, cases[i].version > 1 ? DESK_KEY_ID : "");
        assert_int_equal(token.has_ca_pin, cases[i].version > 2);
    }
    for (size_t i = 0; i < TOKEN_PIN_BYTES; i++) {
        assert_int_equal(token.ca_pin[i], 0xa0 + i);
    }
}

/* A v2 token as pasting could leave it, with something between its character `at` and the next. */
static enum token_err
read_pasted(const char *before, int at, const char *between, const char *after)
{
    char text[DESK_TEXT_MAX];

    (void)snprintf(
        text, sizeof(text), "%s%.*s%s%s%s", before, at, desk_v2, between, desk_v2 + at, after);
    return read_text(text);
}

static void
what_pasting_adds_is_forgiven(void **state)
{
    static const char *const cases[][3] = {
        { "", "", "" },
        { " \t", "", "\r\n" },
        { "\n\n", "", "" },
        { "\"", "", "\"" },
        { "  '", "", "'  \n" },
        { "' ", "", "\n'" },
        { "", "\n", "" },
        { "", "\r\n", "" },
        { "", "  \n    ", "" },
        { "\"", "\n", "\"" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int at = 1; at < (int)strlen(desk_v2); at += 7) {
            assert_int_equal(read_pasted(cases[i][0], at, cases[i][1], cases[i][2]), TOKEN_OK);
            assert_string_equal(token.text, desk_v2);
        }
    }
}

static void
nothing_else_is_forgiven(void **state)
{
    static const struct {
        const char *before, *between, *after;
        enum token_err err;
    } cases[] = {
        { "", " ", "", TOKEN_ECHARACTER },
        { "", "\t", "", TOKEN_ECHARACTER },
        { "", "\"\"", "", TOKEN_ECHARACTER },
        { "", "", "=", TOKEN_ECHARACTER },
        { "", "", "\"", TOKEN_ECHARACTER },
        { "", "", ",", TOKEN_ECHARACTER },
        { "\"", "", "'", TOKEN_ETRUNCATED },
        { "\"", "", "", TOKEN_ETRUNCATED },
        { "\"\"", "", "\"\"", TOKEN_ECHARACTER },
        { "\xef\xbb\xbf", "", "", TOKEN_ECHARACTER },
        { "", "", "A", TOKEN_EFORM },
        { "", "", ".", TOKEN_EFORM },
        { "", ":", "", TOKEN_EFORM },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            read_pasted(cases[i].before, 40, cases[i].between, cases[i].after), cases[i].err);
        assert_int_equal(problem.err, cases[i].err);
    }
    assert_int_equal(read_pasted("\n", 40, " ", ""), TOKEN_ECHARACTER);
    assert_int_equal(problem.position, 41);
}

static void
what_is_no_token_is_told_apart(void **state)
{
    static char big[TOKEN_INPUT_MAX + 1];
    static const struct {
        const char *text;
        enum token_err err;
    } cases[] = {
        { "", TOKEN_EEMPTY },
        { " \n", TOKEN_EEMPTY },
        { "\"\"", TOKEN_EEMPTY },
        { "\"", TOKEN_ETRUNCATED },
        { "edgepkg-v1:abc", TOKEN_EAGENT },
        { "edgepkg-v2:eyJ9.AAAA", TOKEN_EAGENT },
        { "collectorpkg-v1:eyJ9.AAAA", TOKEN_EVERSION },
        { "collectorpkg-v4:eyJ9.AAAA", TOKEN_EVERSION },
        { "collectorpkg-v22", TOKEN_ETRUNCATED },
        { "hello", TOKEN_EFORM },
        { "helloyou", TOKEN_EFORM },
        { "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.AAAA", TOKEN_EFORM },
        { "https://core.example.com", TOKEN_ECHARACTER },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_text(cases[i].text), cases[i].err);
    }
    memset(big, 'A', sizeof(big));
    struct sr_span all = { (const uint8_t *)big, sizeof(big) };
    assert_int_equal(token_read(all, &options, &token, &problem), TOKEN_ETOOBIG);
    all.len = TOKEN_TEXT_MAX + 1;
    assert_int_equal(token_read(all, &options, &token, &problem), TOKEN_ETOOBIG);
    all.len = TOKEN_TEXT_MAX;
    assert_int_equal(token_read(all, &options, &token, &problem), TOKEN_EFORM);
}

static void
every_prefix_is_told_to_be_cut(void **state)
{
    (void)state;
    refuses_each_prefix(desk_v1);
    refuses_each_prefix(desk_v1_f);
    refuses_each_prefix(desk_v2);
    refuses_each_prefix(desk_v3);
}

static void
every_flipped_bit_of_a_signed_token_is_refused(void **state)
{
    static const char *const texts[] = { desk_v2, desk_v3 };
    char text[DESK_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(texts[i]);
        memcpy(text, texts[i], len);
        for (size_t bit = 0; bit < len * 8; bit++) {
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
            struct sr_span flipped = { (const uint8_t *)text, len };
            if (token_read(flipped, &options, &token, &problem) == TOKEN_OK) {
                fail_msg("v%zu is read with bit %zu flipped", i + 2, bit);
            }
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        }
    }
}

static void
a_key_that_is_not_trusted_is_told_apart_where_the_token_names_it(void **state)
{
    static const char other[] = "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737";

    (void)state;
    trust.count = 0;
    assert_int_equal(read_text(desk_v2), TOKEN_ENOKEYS);
    assert_int_equal(read_text(desk_v1), TOKEN_OK);
    assert_int_equal(trust_add_text(&trust, span_of(other), "other"), TRUST_OK);
    assert_int_equal(read_text(desk_v2), TOKEN_ESIGNATURE);
    assert_string_equal(problem.key_id, "");
    assert_int_equal(read_text(desk_v3), TOKEN_EUNKNOWNKEY);
    assert_string_equal(problem.key_id, DESK_KEY_ID);
    options.trust = NULL;
    assert_int_equal(read_text(desk_v3), TOKEN_ENOKEYS);
}

static void
any_of_the_trusted_keys_may_have_signed(void **state)
{
    static const char other[] = "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737";

    (void)state;
    trust.count = 0;
    assert_int_equal(trust_add_text(&trust, span_of(other), "other"), TRUST_OK);
    assert_int_equal(trust_add_text(&trust, span_of(DESK_PUBLIC_STD), "second"), TRUST_OK);
    assert_int_equal(read_text(desk_v3), TOKEN_OK);
    assert_string_equal(token.signer.id, DESK_KEY_ID);
    assert_string_equal(token.signer.origin, "second");
}

static void
a_changed_v3_token_of_a_trusted_key_is_told_to_be_altered(void **state)
{
    char text[DESK_TEXT_MAX];

    (void)state;
    (void)snprintf(text, sizeof(text), "%s", desk_v3);
    /* The first letter of the host. */
    text[36] = text[36] == 'A' ? 'B' : 'A';
    assert_int_equal(read_text(text), TOKEN_ETAMPERED);
    assert_string_equal(problem.key_id, DESK_KEY_ID);
}

static void
a_version_cannot_be_exchanged_for_another(void **state)
{
    char text[DESK_TEXT_MAX];

    (void)state;
    (void)snprintf(text, sizeof(text), "%s", desk_v3);
    text[14] = '2';
    assert_int_equal(read_text(text), TOKEN_ESIGNATURE);
    (void)snprintf(text, sizeof(text), "%s", desk_v2);
    text[14] = '3';
    assert_int_equal(read_text(text), TOKEN_ESIGNATURE);
    /* Without its signature it is unsigned, and told to be. */
    char *dot = strchr(text, '.');
    *dot = '\0';
    options.require_signature = true;
    assert_int_equal(read_text(text + 16), TOKEN_EUNSIGNED);
    assert_int_equal(read_text(desk_v1), TOKEN_EUNSIGNED);
    assert_int_equal(read_text(desk_v2), TOKEN_OK);
}

static void
a_token_ends_after_its_expiry_not_at_it(void **state)
{
    static const char *const texts[] = { desk_v1, desk_v2, desk_v3 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        options.now_s = DESK_EXPIRY;
        assert_int_equal(read_text(texts[i]), TOKEN_OK);
        options.now_s = DESK_EXPIRY + 1;
        assert_int_equal(read_text(texts[i]), TOKEN_EEXPIRED);
        assert_int_equal(problem.expired_s, DESK_EXPIRY);
        assert_int_equal(problem.now_s, DESK_EXPIRY + 1);
        options.now_s = 0;
        assert_int_equal(read_text(texts[i]), TOKEN_OK);
    }
}

static void
an_expired_token_of_an_unknown_key_is_not_told_to_be_expired(void **state)
{
    (void)state;
    trust.count = 0;
    options.now_s = DESK_EXPIRY + 1;
    assert_int_equal(read_text(desk_v3), TOKEN_ENOKEYS);
    assert_int_equal(problem.expired_s, 0);
}

static void
a_failure_leaves_the_result_alone(void **state)
{
    static const struct token none;

    (void)state;
    options.now_s = DESK_EXPIRY + 1;
    assert_int_equal(read_text(desk_v3), TOKEN_EEXPIRED);
    assert_memory_equal(&token, &none, sizeof(none));
}

static void
no_copy_of_the_secret_outlives_reading(void **state)
{
    json_malloc_t allocate;
    json_free_t release;

    (void)state;
    json_set_alloc_funcs(malloc, free);
    freed = 0;
    freed_with_secret = 0;
    assert_int_equal(read_text(desk_v3), TOKEN_OK);
    assert_true(freed > 5);
    assert_int_equal(freed_with_secret, 0);
    json_get_alloc_funcs(&allocate, &release);
    assert_ptr_equal(allocate, malloc);
    assert_ptr_equal(release, free);
    token_done(&token);
    assert_null(memmem(&token, sizeof(token), DESK_SECRET, strlen(DESK_SECRET)));
    assert_int_equal(strlen(token.text), 0);
}

static void
said(const char *want)
{
    char text[512];
    struct sr_buf out = sr_buf_over(text, sizeof(text));

    token_detail(&problem, &out);
    sr_buf_put(&out, '\0');
    assert_string_equal(text, want);
}

static void
the_detail_says_which_and_when(void **state)
{
    (void)state;
    assert_int_equal(read_text("collectorpkg-v2:?"), TOKEN_ECHARACTER);
    said("It is character 17 of the token.");
    options.now_s = DESK_EXPIRY + 7500;
    assert_int_equal(read_text(desk_v3), TOKEN_EEXPIRED);
    said("It expired at 2023-11-15 22:13:20 UTC, 2 hours and 5 minutes ago by this host's clock, "
         "which says 2023-11-16 00:18:20 UTC.");
    options.now_s = DESK_EXPIRY + 1;
    assert_int_equal(read_text(desk_v3), TOKEN_EEXPIRED);
    said("It expired at 2023-11-15 22:13:20 UTC, 1 second ago by this host's clock, which says "
         "2023-11-15 22:13:21 UTC.");
    options.now_s = DESK_EXPIRY + 3 * 86400 + 59;
    assert_int_equal(read_text(desk_v3), TOKEN_EEXPIRED);
    said("It expired at 2023-11-15 22:13:20 UTC, 3 days ago by this host's clock, which says "
         "2023-11-18 22:14:19 UTC.");
    assert_int_equal(read_text("hello"), TOKEN_EFORM);
    said("");
}

static void
every_error_has_one_cause_and_one_remedy(void **state)
{
    (void)state;
    for (int err = TOKEN_OK; err <= (int)TOKEN_ECRYPTO; err++) {
        const char *cause = token_cause((enum token_err)err);
        const char *remedy = token_remedy((enum token_err)err);
        assert_int_equal(cause[strlen(cause) - 1], '.');
        assert_int_equal(remedy[strlen(remedy) - 1], '.');
        assert_string_not_equal(cause, token_cause((enum token_err)99));
        assert_string_not_equal(remedy, token_remedy((enum token_err)99));
        for (int other = TOKEN_OK; other < err; other++) {
            assert_string_not_equal(cause, token_cause((enum token_err)other));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tokens_of_each_version_are_read_as_recorded, trust_the_desk),
        cmocka_unit_test_setup(what_pasting_adds_is_forgiven, trust_the_desk),
        cmocka_unit_test_setup(nothing_else_is_forgiven, trust_the_desk),
        cmocka_unit_test_setup(what_is_no_token_is_told_apart, trust_the_desk),
        cmocka_unit_test_setup(every_prefix_is_told_to_be_cut, trust_the_desk),
        cmocka_unit_test_setup(every_flipped_bit_of_a_signed_token_is_refused, trust_the_desk),
        cmocka_unit_test_setup(
            a_key_that_is_not_trusted_is_told_apart_where_the_token_names_it, trust_the_desk),
        cmocka_unit_test_setup(any_of_the_trusted_keys_may_have_signed, trust_the_desk),
        cmocka_unit_test_setup(
            a_changed_v3_token_of_a_trusted_key_is_told_to_be_altered, trust_the_desk),
        cmocka_unit_test_setup(a_version_cannot_be_exchanged_for_another, trust_the_desk),
        cmocka_unit_test_setup(a_token_ends_after_its_expiry_not_at_it, trust_the_desk),
        cmocka_unit_test_setup(
            an_expired_token_of_an_unknown_key_is_not_told_to_be_expired, trust_the_desk),
        cmocka_unit_test_setup(a_failure_leaves_the_result_alone, trust_the_desk),
        cmocka_unit_test_setup(no_copy_of_the_secret_outlives_reading, trust_the_desk),
        cmocka_unit_test_setup(the_detail_says_which_and_when, trust_the_desk),
        cmocka_unit_test(every_error_has_one_cause_and_one_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
