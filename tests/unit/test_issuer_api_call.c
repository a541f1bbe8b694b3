/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include <jansson.h>

#include "issuer/api_call.h"

#include "sr/banned.h"

#define ID "3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5b"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SIGNATURE                                                                                  \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-Pw"

static struct api_call call;
static struct api_fault fault;

static struct api_request
asks(const char *method, const char *target)
{
    return (struct api_request){
        .method = method, .target = target, .peer = { .address = { 192, 0, 2, 7 } }
    };
}

static struct api_request
posts(const char *target, const char *body)
{
    struct api_request r = asks("POST", target);

    r.body = span_of(body);
    return r;
}

static void
reads(const struct api_request *request)
{
    fault = (struct api_fault){ .sentence = "" };
    if (!api_call_read(request, &call, &fault)) {
        fail_msg("%s %s: %u %s", request->method, request->target, fault.status, fault.sentence);
    }
}

/* A request is refused with this status. */
static void
refuses(const struct api_request *request, unsigned status)
{
    if (api_call_read(request, &call, &fault)) {
        fail_msg("%s %s is taken", request->method, request->target);
    }
    assert_int_equal(fault.status, status);
    assert_true(strlen(fault.sentence) > 0);
}

static void
every_route_is_found_with_its_id(void **state)
{
    static const struct {
        const char *method, *target, *body;
        enum api_route route;
    } cases[] = {
        { "GET", "/healthz", "", API_HEALTH },
        { "HEAD", "/healthz", "", API_HEALTH },
        { "GET", "/ca.pem?x", "", API_CA },
        { "GET", "/api/enroll/" ID "?token=s", "", API_ENROLL },
        { "GET", "/api/enroll/collector/" ID "?token=s", "", API_ENROLL },
        { "GET", "/api/collectors/" ID "/bundle?token=s", "", API_BUNDLE },
        { "POST", "/api/collectors/" ID "/bundle", "", API_BUNDLE },
        { "POST", "/api/collectors/" ID "/installed", "{\"result\":\"installed\"}", API_INSTALLED },
        { "POST", "/api/collectors/" ID "/renew",
            "{\"time\":1,\"csr\":\"c\",\"nkey\":\"U\",\"signature\":\"" SIGNATURE "\"}",
            API_RENEW },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct api_request r = posts(cases[i].target, cases[i].body);
        r.method = cases[i].method;
        reads(&r);
        assert_int_equal(call.route, cases[i].route);
        assert_string_equal(call.id, cases[i].route > API_CA ? ID : "");
        api_call_done(&call);
    }
}

static void
an_id_in_capitals_is_the_same(void **state)
{
    struct api_request r = asks("GET", "/api/enroll/3F2B8C1E-5A4D-4E6F-8A9B-0C1D2E3F4A5B");

    (void)state;
    reads(&r);
    assert_string_equal(call.id, ID);
    api_call_done(&call);
}

static void
other_paths_are_not_there(void **state)
{
    static const char *const targets[] = { "", "/", "*", "/healthz/", "/ca.pem/..", "/api/enroll/",
        "/api/enroll/collector/", "/api/enroll/" ID "/", "/api/enroll//" ID,
        "/api/enroll/3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5", "/api/enroll/%33" ID,
        "/api/enroll/zf2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5b", "/api/collectors/" ID,
        "/api/collectors/" ID "/bundles", "/api/admin/collectors/" ID "/download",
        "http://host/healthz" };

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct api_request r = asks("GET", targets[i]);
        refuses(&r, 404);
    }
}

static void
a_method_that_a_path_does_not_take_is_told_which_it_does(void **state)
{
    struct api_request r = asks("DELETE", "/api/collectors/" ID "/bundle");

    (void)state;
    refuses(&r, 405);
    assert_string_equal(fault.allow, "GET, POST");
    r = asks("GET", "/api/collectors/" ID "/renew");
    refuses(&r, 405);
    assert_string_equal(fault.allow, "POST");
    /* A HEAD would spend the token and send nothing. */
    r = asks("HEAD", "/api/enroll/" ID "?token=s");
    refuses(&r, 405);
}

static void
the_token_of_a_get_is_in_its_query(void **state)
{
    static const struct {
        const char *query, *token;
    } cases[] = {
        { "", "" },
        { "?token=", "" },
        { "?token=abc", "abc" },
        { "?token=a%2Bb%3D", "a+b=" },
        { "?x=1&token=abc&token=def", "abc" },
        { "?xtoken=abc", "" },
        { "?token=collectorpkg-v2:aa.bb", "collectorpkg-v2:aa.bb" },
    };
    char target[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(target, sizeof(target), "/api/enroll/" ID "%s", cases[i].query);
        struct api_request r = asks("GET", target);
        reads(&r);
        assert_string_equal(call.token, cases[i].token);
        api_call_done(&call);
    }
}

static void
a_query_that_is_no_encoding_is_refused(void **state)
{
    static const char *const queries[] = { "%", "%4", "%zz", "%00", "%4&x" };
    char target[256];

    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        (void)snprintf(target, sizeof(target), "/api/enroll/" ID "?token=%s", queries[i]);
        struct api_request r = asks("GET", target);
        refuses(&r, 400);
    }
}

static void
the_token_of_a_post_is_in_its_header_or_body(void **state)
{
    struct api_request r = posts("/api/collectors/" ID "/bundle", "{\"download_token\":\"body\"}");

    (void)state;
    reads(&r);
    assert_string_equal(call.token, "body");
    api_call_done(&call);
    r.token = "header";
    reads(&r);
    assert_string_equal(call.token, "header");
    api_call_done(&call);
}

static void
the_token_of_a_post_is_never_in_its_query(void **state)
{
    struct api_request r = asks("POST", "/api/collectors/" ID "/bundle?token=abc");

    (void)state;
    r.token = "abc";
    refuses(&r, 400);
}

static void
a_token_longer_than_any_is_a_wrong_one(void **state)
{
    char token[TOKEN_TEXT_MAX + 2];
    struct api_request r = asks("POST", "/api/collectors/" ID "/bundle");

    (void)state;
    memset(token, 'a', sizeof(token));
    token[TOKEN_TEXT_MAX + 1] = '\0';
    r.token = token;
    refuses(&r, 401);
    token[TOKEN_TEXT_MAX] = '\0';
    reads(&r);
    api_call_done(&call);
}

static void
a_host_names_itself_by_a_hash_or_is_its_address(void **state)
{
    struct api_request r = asks("GET", "/healthz");

    (void)state;
    reads(&r);
    assert_string_equal(call.host, "192.0.2.7");
    assert_false(call.named);
    api_call_done(&call);
    r.host = "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef";
    reads(&r);
    assert_string_equal(call.host, HASH);
    assert_true(call.named);
    api_call_done(&call);
    r.host = "0123";
    refuses(&r, 400);
    r.host = "x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    refuses(&r, 400);
    r.host = "";
    refuses(&r, 400);
}

static void
bodies_that_are_no_object_are_refused(void **state)
{
    static const char *const bodies[] = { "x", "[]", "1", "{", "{}x", "{\"csr\":1,\"csr\":2}",
        "{\"csr\":\"c\"}", "{\"nkey\":\"U\"}", "{\"csr\":1,\"nkey\":2}" };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct api_request r = posts("/api/collectors/" ID "/bundle", bodies[i]);
        refuses(&r, 400);
    }
}

static void
keys_of_the_host_come_in_pairs(void **state)
{
    struct api_request r =
        posts("/api/collectors/" ID "/bundle", "{\"csr\":\"the csr\",\"nkey\":\"UABC\"}");

    (void)state;
    reads(&r);
    assert_string_equal(call.keys.csr, "the csr");
    assert_string_equal(call.keys.nkey, "UABC");
    api_call_done(&call);
}

static void
a_result_is_one_of_two_and_its_cause_is_printable_and_short(void **state)
{
    char body[1024] = "{\"result\":\"failed\",\"cause\":\"a\\nb\\u0007c\"}";
    struct api_request r = posts("/api/collectors/" ID "/installed", body);

    (void)state;
    reads(&r);
    assert_true(call.failed);
    assert_string_equal(call.cause, "a?b?c");
    api_call_done(&call);
    (void)snprintf(body, sizeof(body), "{\"result\":\"failed\",\"cause\":\"%0500d\"}", 0);
    r.body = span_of(body);
    reads(&r);
    assert_int_equal(strlen(call.cause), API_CAUSE_MAX);
    api_call_done(&call);
    r = posts("/api/collectors/" ID "/installed", "{\"result\":\"installed\"}");
    reads(&r);
    assert_false(call.failed);
    api_call_done(&call);
    r = posts("/api/collectors/" ID "/installed", "{\"result\":\"ok\"}");
    refuses(&r, 400);
    r = posts("/api/collectors/" ID "/installed", "");
    refuses(&r, 400);
}

static void
a_renewal_has_all_its_members(void **state)
{
    static const char *const bodies[] = {
        "",
        "{\"csr\":\"c\",\"nkey\":\"U\",\"signature\":\"" SIGNATURE "\"}",
        "{\"time\":\"1\",\"csr\":\"c\",\"nkey\":\"U\",\"signature\":\"" SIGNATURE "\"}",
        "{\"time\":-1,\"csr\":\"c\",\"nkey\":\"U\",\"signature\":\"" SIGNATURE "\"}",
        "{\"time\":1,\"signature\":\"" SIGNATURE "\"}",
        "{\"time\":1,\"csr\":\"c\",\"nkey\":\"U\"}",
        "{\"time\":1,\"csr\":\"c\",\"nkey\":\"U\",\"signature\":\"AAEC\"}",
        "{\"time\":1,\"csr\":\"c\",\"nkey\":\"U\",\"signature\":\"" SIGNATURE "AA\"}",
    };
    struct api_request r = posts("/api/collectors/" ID "/renew",
        "{\"time\":1800000000,\"csr\":\"c\",\"nkey\":\"U\",\"signature\":\"" SIGNATURE "\"}");

    (void)state;
    reads(&r);
    assert_int_equal(call.time_s, 1800000000);
    for (size_t i = 0; i < sizeof(call.signature); i++) {
        assert_int_equal(call.signature[i], i);
    }
    api_call_done(&call);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        r = posts("/api/collectors/" ID "/renew", bodies[i]);
        refuses(&r, 400);
    }
}

static void
a_body_over_the_limit_is_refused(void **state)
{
    static char body[API_BODY_MAX + 2];
    struct api_request r = asks("POST", "/api/collectors/" ID "/bundle");

    (void)state;
    memset(body, ' ', sizeof(body));
    body[0] = '{';
    body[API_BODY_MAX - 1] = '}';
    r.body = (struct sr_span){ (const uint8_t *)body, API_BODY_MAX };
    reads(&r);
    api_call_done(&call);
    r.body.len++;
    refuses(&r, 413);
}

static void
what_is_done_is_wiped(void **state)
{
    static const struct api_call nothing;
    struct api_request r = asks("GET", "/api/enroll/" ID "?token=secret");

    (void)state;
    reads(&r);
    api_call_done(&call);
    assert_memory_equal(&call, &nothing, sizeof(call));
}

static void
the_path_in_a_log_has_no_query_however_it_is_written(void **state)
{
    static const char *const targets[] = { "/api/enroll/" ID "?token=secret",
        "/api/enroll/" ID "%3ftoken=secret", "/api/enroll/" ID ";token=secret",
        "/api/enroll/" ID "&token=secret", "/api/enroll/" ID "\ntoken=secret" };
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        api_path_text(targets[i], text, sizeof(text));
        assert_string_equal(text, "/api/enroll/" ID);
    }
    api_path_text(targets[0], text, 5);
    assert_string_equal(text, "/api");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_found_with_its_id),
        cmocka_unit_test(an_id_in_capitals_is_the_same),
        cmocka_unit_test(other_paths_are_not_there),
        cmocka_unit_test(a_method_that_a_path_does_not_take_is_told_which_it_does),
        cmocka_unit_test(the_token_of_a_get_is_in_its_query),
        cmocka_unit_test(a_query_that_is_no_encoding_is_refused),
        cmocka_unit_test(the_token_of_a_post_is_in_its_header_or_body),
        cmocka_unit_test(the_token_of_a_post_is_never_in_its_query),
        cmocka_unit_test(a_token_longer_than_any_is_a_wrong_one),
        cmocka_unit_test(a_host_names_itself_by_a_hash_or_is_its_address),
        cmocka_unit_test(bodies_that_are_no_object_are_refused),
        cmocka_unit_test(keys_of_the_host_come_in_pairs),
        cmocka_unit_test(a_result_is_one_of_two_and_its_cause_is_printable_and_short),
        cmocka_unit_test(a_renewal_has_all_its_members),
        cmocka_unit_test(a_body_over_the_limit_is_refused),
        cmocka_unit_test(what_is_done_is_wiped),
        cmocka_unit_test(the_path_in_a_log_has_no_query_however_it_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
