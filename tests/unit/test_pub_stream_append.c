/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/pub_stream.h"
#include "sr/log.h"

/* The server: what it says of the stream, and what it was told last. */
static const char *stream_info;
static char *updated;

static char *
answer(void *arg, const char *subject, const char *body, int64_t timeout_ms)
{
    (void)arg;
    (void)timeout_ms;
    if (strcmp(subject, "$JS.API.STREAM.INFO.events") == 0) {
        return strdup(stream_info);
    }
    assert_string_equal(subject, "$JS.API.STREAM.UPDATE.events");
    updated = strdup(body);
    return strdup("{}");
}

/* What the stream's subjects become, or NULL when they stay. */
static void
assert_appended(const char *subjects, const char *expected)
{
    struct sr_conf_nats conf = { .stream = "events", .manage_stream = SR_MANAGE_APPEND };
    struct sr_queue_options options = { .memory = 1U << 20, .listeners = 1 };
    struct sr_queue *q = sr_queue_new(&options);
    struct sr_lane_options lanes[] = { { .subject = "logs.syslog" },
        { .subject = "logs.syslog.deadletter" } };
    char info[256];

    assert_non_null(q);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(sr_queue_add_lane(q, &lanes[i]));
    }
    (void)snprintf(info, sizeof(info), "{\"config\":{\"subjects\":%s}}", subjects);
    stream_info = info;
    updated = NULL;
    pub_stream_manage(&conf, q, answer, NULL);
    if (expected == NULL) {
        assert_null(updated);
    } else {
        (void)snprintf(info, sizeof(info), "{\"subjects\":%s}", expected);
        assert_non_null(updated);
        assert_string_equal(updated, info);
    }
    free(updated);
    sr_queue_free(q);
}

static void
only_subjects_that_the_stream_does_not_take_in_are_added(void **state)
{
    (void)state;
    assert_appended("[\"a\"]", "[\"a\",\"logs.syslog\",\"logs.syslog.deadletter\"]");
    assert_appended("[\"logs.*\"]", "[\"logs.*\",\"logs.syslog.deadletter\"]");
    assert_appended("[\"logs.syslog.>\"]", "[\"logs.syslog.>\",\"logs.syslog\"]");
    assert_appended("[\"*.syslog\",\"*.*.*\"]", NULL);
    assert_appended("[\"logs.>\"]", NULL);
    assert_appended("[\">\"]", NULL);
    assert_appended("[\"logs.sys\",\"log\",\"logs\"]",
        "[\"logs.sys\",\"log\",\"logs\",\"logs.syslog\",\"logs.syslog.deadletter\"]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_subjects_that_the_stream_does_not_take_in_are_added),
    };
    sr_log_set_level(SR_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
