/* SPDX-License-Identifier: Apache-2.0 */
/* When what was not seen in a stream is really missing. */
#include "unit.h"

#include <stdio.h>

#include "verify/verify_end.h"

/* A stream of messages 1 to 100 at the start, that was read up to 150, which is its end. */
static struct verify_end
read_to_its_end(void)
{
    return (struct verify_end){
        .at_start = { .first = 1, .last = 100, .created_ns = 7 },
        .next = 151,
        .is_asked = true,
        .at_end = { .first = 1, .last = 150, .created_ns = 7 },
    };
}

static struct trouble trouble;

static bool
judge(const struct verify_end *e)
{
    trouble = (struct trouble){ 0 };
    return verify_end_judge(e, "nats://x:1", "events", &trouble);
}

static void
expect_cause(const struct verify_end *e, const char *want)
{
    assert_false(judge(e));
    if (strstr(trouble.cause, want) == NULL) {
        print_error("want `%s`, got `%s`\n", want, trouble.cause);
        fail();
    }
    assert_true(trouble.remedy[0] != '\0');
}

static void
a_stream_that_was_read_to_its_end_is_fine(void **state)
{
    struct verify_end e = read_to_its_end();

    (void)state;
    assert_true(judge(&e));
    assert_int_equal(verify_end_unread(&e), 0);
    e.at_end.first = 151; /* what was read may go */
    assert_true(judge(&e));
    e.is_asked = false;
    assert_true(judge(&e));
}

static void
messages_at_the_end_are_unread(void **state)
{
    struct verify_end e = read_to_its_end();

    (void)state;
    e.at_end.last = 160;
    assert_int_equal(verify_end_unread(&e), 10);
    expect_cause(&e, "10 messages at its end were not read");
    e.at_end.first = 156; /* five of these are gone before */
    assert_int_equal(verify_end_unread(&e), 5);
    expect_cause(&e, "5 messages were removed before they were read");
}

static void
removed_messages_are_told_of(void **state)
{
    struct verify_end e = read_to_its_end();

    (void)state;
    e.at_end = (struct admin_stream_state){ .first = 161, .last = 160, .created_ns = 7 };
    assert_int_equal(verify_end_unread(&e), 0);
    expect_cause(&e, "10 messages were removed before they were read");
    e = read_to_its_end();
    e.gone = 3;
    expect_cause(&e, "3 messages were removed before they were read");
}

static void
numbers_of_one_subject_do_not_count(void **state)
{
    struct verify_end e = read_to_its_end();

    (void)state;
    e.is_filtered = true;
    e.at_end.last = 5000;
    assert_int_equal(verify_end_unread(&e), 0);
    assert_true(judge(&e));
    e.at_end.first = 101; /* what was there before may go */
    assert_true(judge(&e));
    e.at_end.first = 102;
    expect_cause(&e, "perhaps before they were read");
}

static void
another_stream_is_told_of(void **state)
{
    struct verify_end e = read_to_its_end();

    (void)state;
    e.at_end = (struct admin_stream_state){ .first = 1, .last = 5000, .created_ns = 8 };
    assert_int_equal(verify_end_unread(&e), 0);
    expect_cause(&e, "made anew");
    e = read_to_its_end();
    e.at_end.last = 149;
    expect_cause(&e, "lost messages at its end");
}

static void
a_server_that_does_not_answer_is_told_of(void **state)
{
    struct verify_end e = read_to_its_end();

    (void)state;
    e.err = ADMIN_ENOANSWER;
    e.at_end = (struct admin_stream_state){ .first = 0 };
    (void)snprintf(e.detail, sizeof(e.detail), "Timeout");
    assert_int_equal(verify_end_unread(&e), 0);
    expect_cause(&e, "nats://x:1, stream events: the server does not answer (Timeout)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_was_read_to_its_end_is_fine),
        cmocka_unit_test(messages_at_the_end_are_unread),
        cmocka_unit_test(removed_messages_are_told_of),
        cmocka_unit_test(numbers_of_one_subject_do_not_count),
        cmocka_unit_test(another_stream_is_told_of),
        cmocka_unit_test(a_server_that_does_not_answer_is_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
