/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "enroll/fetch.h"

#define ID "3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5b"
#define URL "https://core.example.com"

static const struct fetch_target target = { .url = URL, .package_id = ID };

/* An answer whose body is the test's; it is not to be freed. */
static struct https_answer
answer_of(long status, const char *type, const char *body)
{
    struct https_answer answer = { .status = status, .len = strlen(body) };

    (void)snprintf(answer.content_type, sizeof(answer.content_type), "%s", type);
    answer.body = (uint8_t *)(uintptr_t)body;
    return answer;
}

static enum fetch_verdict
judged(enum fetch_way way, long status, const char *body)
{
    struct https_answer answer = answer_of(status, "application/json", body);
    return fetch_judge(way, &answer);
}

static void
only_an_unknown_route_or_form_leads_to_another_way(void **state)
{
    static const char sentence[] = "{\"error\":\"no\"}";
    static const char router[] = "{\"errors\":{\"detail\":\"Not Found\"}}";

    (void)state;
    assert_int_equal(judged(FETCH_POST_WHOLE, 404, router), FETCH_SKIP_POST);
    assert_int_equal(judged(FETCH_POST_WHOLE, 404, "<html>"), FETCH_SKIP_POST);
    assert_int_equal(judged(FETCH_POST_WHOLE, 405, sentence), FETCH_SKIP_POST);
    assert_int_equal(judged(FETCH_POST_WHOLE, 404, sentence), FETCH_FINAL);
    assert_int_equal(judged(FETCH_POST_WHOLE, 401, sentence), FETCH_NEXT);
    assert_int_equal(judged(FETCH_POST_WHOLE, 400, sentence), FETCH_NEXT);
    assert_int_equal(judged(FETCH_POST_SECRET, 401, sentence), FETCH_FINAL);
    assert_int_equal(judged(FETCH_POST_SECRET, 400, sentence), FETCH_FINAL);
    assert_int_equal(judged(FETCH_GET_BUNDLE, 404, router), FETCH_NEXT);
    assert_int_equal(judged(FETCH_GET_BUNDLE, 404, sentence), FETCH_FINAL);
    assert_int_equal(judged(FETCH_GET_BUNDLE, 400, sentence), FETCH_NEXT);
    assert_int_equal(judged(FETCH_GET_BUNDLE, 401, sentence), FETCH_FINAL);
    assert_int_equal(judged(FETCH_GET_BUNDLE, 401, ""), FETCH_NEXT);
}

static void
what_may_have_spent_the_token_is_final_on_every_way(void **state)
{
    static const long statuses[] = { 201, 204, 302, 403, 409, 410, 413, 429, 500, 503 };

    (void)state;
    for (int way = FETCH_POST_WHOLE; way < FETCH_WAYS; way++) {
        for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
            assert_int_equal(judged((enum fetch_way)way, statuses[i], "{}"), FETCH_FINAL);
        }
        assert_int_equal(judged((enum fetch_way)way, 200, "bytes"), FETCH_DONE);
        assert_int_equal(judged((enum fetch_way)way, 200, ""), FETCH_FINAL);
    }
}

static void
a_web_page_is_no_bundle(void **state)
{
    struct https_answer page = answer_of(200, "text/html", "<html>");

    (void)state;
    assert_int_equal(fetch_judge(FETCH_GET_BUNDLE, &page), FETCH_FINAL);
}

static void
each_version_goes_every_way_once(void **state)
{
    (void)state;
    for (int version = 1; version <= 3; version++) {
        const enum fetch_way *order = fetch_order(version);
        unsigned seen = 0;
        for (size_t i = 0; i < FETCH_WAYS; i++) {
            seen |= 1U << order[i];
        }
        assert_int_equal(seen, (1U << FETCH_WAYS) - 1);
        assert_int_equal(order[0], version == 1 ? FETCH_GET_BUNDLE : FETCH_POST_WHOLE);
    }
}

static void
a_secret_is_escaped_in_a_url_and_absent_in_that_of_a_post(void **state)
{
    char url[HTTPS_URL_MAX];

    (void)state;
    assert_true(fetch_url(&target, FETCH_GET_ENROLL, "a-_.~+/=Z", url));
    assert_string_equal(url, URL "/api/enroll/" ID "?token=a-_.~%2B%2F%3DZ");
    assert_true(fetch_url(&target, FETCH_GET_LEGACY, "s", url));
    assert_string_equal(url, URL "/api/enroll/collector/" ID "?token=s");
    assert_true(fetch_url(&target, FETCH_POST_SECRET, "hidden", url));
    assert_string_equal(url, URL "/api/collectors/" ID "/bundle");
}

static void
a_url_that_does_not_fit_is_refused(void **state)
{
    char *longer = calloc(1, HTTPS_URL_MAX + 1);
    char url[HTTPS_URL_MAX];

    (void)state;
    memset(longer, '=', HTTPS_URL_MAX);
    assert_false(fetch_url(&target, FETCH_GET_BUNDLE, longer, url));
    memset(longer, 'a', HTTPS_URL_MAX);
    assert_false(fetch_url(&target, FETCH_GET_BUNDLE, longer, url));
    const struct fetch_target far = { .url = longer, .package_id = ID };
    assert_false(fetch_url(&far, FETCH_POST_WHOLE, "s", url));
    free(longer);
}

static void
the_servers_sentence_is_repeated_but_not_a_secret_in_it(void **state)
{
    struct https_answer said = answer_of(410, "application/json", "{\"error\":\"too late\\n\"}");
    struct https_answer echo = answer_of(401, "application/json", "{\"error\":\"not s3cret!\"}");
    struct trouble trouble;

    (void)state;
    assert_false(fetch_tell(URL, &said, "s3cret", &trouble));
    assert_string_equal(trouble.cause, URL " says that the token has expired (410: too late?)");
    assert_false(fetch_tell(URL, &echo, "s3cret", &trouble));
    assert_string_equal(trouble.cause, URL " does not accept the token (401)");
}

static void
a_redirect_is_told_with_where_it_points(void **state)
{
    struct https_answer away = answer_of(302, "", "");
    struct trouble trouble;

    (void)state;
    https_public_url(away.location, "http://evil.example/x\n?token=secret#there");
    assert_false(fetch_tell(URL, &away, NULL, &trouble));
    assert_non_null(strstr(trouble.cause, "(302, to http://evil.example/x?)"));
    assert_null(strstr(trouble.cause, "secret"));
}

static void
every_way_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < FETCH_WAYS; a++) {
        assert_true(fetch_way_name((enum fetch_way)a)[0] != '\0');
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(
                fetch_way_name((enum fetch_way)a), fetch_way_name((enum fetch_way)b));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_an_unknown_route_or_form_leads_to_another_way),
        cmocka_unit_test(what_may_have_spent_the_token_is_final_on_every_way),
        cmocka_unit_test(a_web_page_is_no_bundle),
        cmocka_unit_test(each_version_goes_every_way_once),
        cmocka_unit_test(a_secret_is_escaped_in_a_url_and_absent_in_that_of_a_post),
        cmocka_unit_test(a_url_that_does_not_fit_is_refused),
        cmocka_unit_test(the_servers_sentence_is_repeated_but_not_a_secret_in_it),
        cmocka_unit_test(a_redirect_is_told_with_where_it_points),
        cmocka_unit_test(every_way_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
