/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include <jansson.h>

#include "shell/pub_stream.h"
#include "sr/log.h"
#include "sr/queue.h"

/* A JetStream API that answers from a list and writes down what it was asked. */
static struct {
    const char *replies[4]; /* NULL: no answer */
    char *subjects[4];
    char *bodies[4];
    size_t calls;
} api;

static struct sr_queue *queue;

static char *
answer(void *arg, const char *subject, const char *body, int64_t timeout_ms)
{
    assert_ptr_equal(arg, &api);
    assert_true(timeout_ms > 0 && timeout_ms <= 5000);
    assert_true(api.calls < 4);
    api.subjects[api.calls] = strdup(subject);
    api.bodies[api.calls] = strdup(body);
    const char *reply = api.replies[api.calls++];
    return reply != NULL ? strdup(reply) : NULL;
}

static void
manage(int manage_stream)
{
    struct sr_conf_nats conf = { .stream = "events", .manage_stream = manage_stream };

    pub_stream_manage(&conf, queue, answer, &api);
}

static int
start(void **state)
{
    static const char *const subjects[] = { "logs.a", "logs.a.deadletter", "logs.a" };
    struct sr_queue_options options = { .memory = 1U << 20, .listeners = 1 };

    (void)state;
    memset(&api, 0, sizeof(api));
    queue = sr_queue_new(&options);
    for (size_t i = 0; i < 3; i++) { /* two workers of one listener share a subject */
        struct sr_lane_options lane = { .subject = subjects[i] };
        if (sr_queue_add_lane(queue, &lane) == NULL) {
            return -1;
        }
    }
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    for (size_t i = 0; i < api.calls; i++) {
        free(api.subjects[i]);
        free(api.bodies[i]);
    }
    sr_queue_free(queue);
    return 0;
}

static void
assert_json(const char *text, const char *expected)
{
    json_t *a = json_loads(text, 0, NULL);
    json_t *b = json_loads(expected, 0, NULL);

    assert_non_null(a);
    assert_non_null(b);
    if (!json_equal(a, b)) {
        fail_msg("%s\nis not\n%s", text, expected);
    }
    json_decref(a);
    json_decref(b);
}

static const char not_found[] = "{\"type\":\"x\",\"error\":{\"code\":404,\"err_code\":10059,"
                                "\"description\":\"stream not found\"}}";

static void
a_missing_stream_is_created_with_our_subjects_and_the_suites(void **state)
{
    (void)state;
    api.replies[0] = not_found;
    api.replies[1] = "{\"config\":{}}";
    manage(SR_MANAGE_CREATE);
    assert_int_equal(api.calls, 2);
    assert_string_equal(api.subjects[0], "$JS.API.STREAM.INFO.events");
    assert_string_equal(api.bodies[0], "");
    assert_string_equal(api.subjects[1], "$JS.API.STREAM.CREATE.events");
    assert_json(api.bodies[1],
        "{\"name\":\"events\",\"subjects\":[\"logs.a\",\"logs.a.deadletter\","
        "\"logs.syslog\",\"logs.syslog.deadletter\",\"logs.snmp\","
        "\"logs.snmp.deadletter\",\"flows.raw.netflow\","
        "\"flows.raw.netflow.deadletter\",\"flows.raw.sflow\","
        "\"flows.raw.sflow.deadletter\",\"events.netflow\","
        "\"events.netflow.deadletter\"],\"retention\":\"limits\","
        "\"storage\":\"file\",\"discard\":\"new\",\"max_bytes\":1073741824,"
        "\"duplicate_window\":120000000000,\"num_replicas\":1}");
}

static void
a_missing_stream_is_not_created_by_append(void **state)
{
    (void)state;
    api.replies[0] = not_found;
    manage(SR_MANAGE_APPEND);
    assert_int_equal(api.calls, 1);
}

static void
our_subjects_are_added_and_nothing_else_changes(void **state)
{
    (void)state;
    api.replies[0] =
        "{\"config\":{\"name\":\"events\",\"subjects\":[\"x.>\",\"logs.a\"],"
        "\"num_replicas\":3,\"max_age\":9007199254740993,\"new_member\":{\"a\":[1,null]},"
        "\"max_bytes\":-1,\"metadata\":{\"k\":\"\\u00e9\"}},\"state\":{\"messages\":5}}";
    api.replies[1] = "{\"config\":{}}";
    manage(SR_MANAGE_APPEND);
    assert_int_equal(api.calls, 2);
    assert_string_equal(api.subjects[1], "$JS.API.STREAM.UPDATE.events");
    assert_json(api.bodies[1],
        "{\"name\":\"events\",\"subjects\":[\"x.>\",\"logs.a\",\"logs.a.deadletter\"],"
        "\"num_replicas\":3,\"max_age\":9007199254740993,\"new_member\":{\"a\":[1,null]},"
        "\"max_bytes\":-1,\"metadata\":{\"k\":\"\\u00e9\"}}");
}

static void
a_stream_with_all_subjects_is_left_alone(void **state)
{
    (void)state;
    api.replies[0] = "{\"config\":{\"subjects\":[\"logs.a\",\"logs.a.deadletter\"]}}";
    manage(SR_MANAGE_CREATE);
    assert_int_equal(api.calls, 1);
}

static void
a_subject_that_a_wildcard_of_the_stream_covers_is_not_added(void **state)
{
    static const char *const covering[] = {
        "{\"config\":{\"subjects\":[\"logs.>\"]}}",
        "{\"config\":{\"subjects\":[\"logs.*\",\"*.a.deadletter\"]}}",
        "{\"config\":{\"subjects\":[\">\"]}}",
    };

    (void)state;
    /* The server would refuse it: "subjects overlap". */
    for (size_t i = 0; i < 3; i++) {
        api.replies[i] = covering[i];
        manage(SR_MANAGE_APPEND);
        assert_int_equal(api.calls, i + 1);
    }
}

static void
a_wildcard_that_does_not_reach_the_subject_takes_nothing_from_us(void **state)
{
    (void)state;
    api.replies[0] =
        "{\"config\":{\"subjects\":[\"logs.*\",\"logs.a.>\",\"log.>\",\"*\",\"logs\"]}}";
    api.replies[1] = "{}";
    manage(SR_MANAGE_APPEND); /* logs.* has logs.a, and logs.a.> has logs.a.deadletter */
    assert_int_equal(api.calls, 1);
    api.replies[1] = "{\"config\":{\"subjects\":[\"*.a.*.*\",\"logs.a.deadletter.>\"]}}";
    api.replies[2] = "{}";
    manage(SR_MANAGE_APPEND);
    assert_int_equal(api.calls, 3);
    assert_json(api.bodies[2], "{\"subjects\":[\"*.a.*.*\",\"logs.a.deadletter.>\",\"logs.a\","
                               "\"logs.a.deadletter\"]}");
}

static void
answers_that_cannot_be_used_end_it(void **state)
{
    static const char *const replies[] = { NULL, "", "not json", "[]", "{}", "{\"config\":5}",
        "{\"config\":{\"subjects\":\"a\"}}", "{\"error\":{\"err_code\":10039}}", "{\"error\":1}" };

    (void)state;
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        api.replies[0] = replies[i];
        manage(SR_MANAGE_CREATE);
        assert_int_equal(api.calls, 1);
        free(api.subjects[0]);
        free(api.bodies[0]);
        api.calls = 0;
    }
}

static void
a_refused_update_is_not_tried_again(void **state)
{
    static const char *const replies[] = { "{\"error\":{\"description\":\"no rights\"}}", NULL };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        api.replies[2 * i] = "{\"config\":{\"subjects\":[]}}";
        api.replies[2 * i + 1] = replies[i];
        manage(SR_MANAGE_APPEND);
        assert_int_equal(api.calls, 2 * i + 2);
    }
}

#define with_queue(test) cmocka_unit_test_setup_teardown(test, start, finish)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_queue(a_missing_stream_is_created_with_our_subjects_and_the_suites),
        with_queue(a_missing_stream_is_not_created_by_append),
        with_queue(our_subjects_are_added_and_nothing_else_changes),
        with_queue(a_stream_with_all_subjects_is_left_alone),
        with_queue(a_subject_that_a_wildcard_of_the_stream_covers_is_not_added),
        with_queue(a_wildcard_that_does_not_reach_the_subject_takes_nothing_from_us),
        with_queue(answers_that_cannot_be_used_end_it),
        with_queue(a_refused_update_is_not_tried_again),
    };
    sr_log_set_level((enum sr_log_level)0);
    return cmocka_run_group_tests_name("pub_stream", tests, NULL, NULL);
}
