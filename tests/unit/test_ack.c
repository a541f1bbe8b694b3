/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "sr/ack.h"
#include "sr/window.h"

static struct sr_ack
parse(const char *text)
{
    return sr_ack_parse(span_of(text));
}

static void
an_answer_with_stream_and_seq_is_stored(void **state)
{
    (void)state;
    struct sr_ack ack = parse("{\"stream\":\"events\",\"seq\":42}");
    assert_int_equal(ack.kind, SR_ACK_STORED);
    assert_int_equal(ack.seq, 42);
    assert_false(ack.duplicate);
    ack = parse(" { \"type\" : \"x\", \"stream\":\"e\", \"domain\":\"d\", \"seq\": 7 "
                ",\"duplicate\": true } ");
    assert_int_equal(ack.kind, SR_ACK_STORED);
    assert_true(ack.duplicate);
}

static void
nothing_else_counts_as_stored(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "+OK",
        "null",
        "{\"stream\":\"events\"}",
        "{\"seq\":1}",
        "{\"stream\":\"\",\"seq\":1}",
        "{\"stream\":\"events\",\"seq\":0}",
        "{\"stream\":\"events\",\"seq\":-1}",
        "{\"stream\":\"events\",\"seq\":1",
        "{\"stream\":\"events\",\"seq\":1}x",
        "{\"stream\":5,\"seq\":1}",
        "{\"stream\":\"e\",\"seq\":99999999999999999999}",
        "{\"a\":{\"stream\":\"e\",\"seq\":1}}",
        "{\"stream\" \"e\",\"seq\":1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(texts[i]).kind, SR_ACK_GARBAGE);
    }
}

static void
a_refusal_is_told_with_its_codes(void **state)
{
    (void)state;
    struct sr_ack ack = parse("{\"error\":{\"code\":503,\"err_code\":10077,\"description\":"
                              "\"maximum \\\"bytes\\\" exceeded\"},\"stream\":\"e\",\"seq\":0}");
    assert_int_equal(ack.kind, SR_ACK_REFUSED);
    assert_int_equal(ack.code, 503);
    assert_int_equal(sr_ack_refusal(&ack), SR_REFUSAL_STREAM_FULL);
    ack = parse("{\"error\":{\"code\":400,\"err_code\":10054},\"stream\":\"e\",\"seq\":3}");
    assert_int_equal(ack.kind, SR_ACK_REFUSED);
    assert_true(sr_refusal_is_permanent(sr_ack_refusal(&ack)));
    ack = parse("{\"error\":{\"code\":400,\"err_code\":10002},\"stream\":\"e\",\"seq\":0}");
    assert_int_equal(sr_ack_refusal(&ack), SR_REFUSAL_STORAGE);
    ack = parse("{\"error\":{\"code\":429,\"err_code\":10167,\"description\":"
                "\"too many requests\"},\"stream\":\"e\",\"seq\":0}");
    assert_int_equal(sr_ack_refusal(&ack), SR_REFUSAL_TOO_MANY);
    assert_false(sr_refusal_is_permanent(SR_REFUSAL_TOO_MANY));
    ack = parse("{\"error\":{\"code\":429}}");
    assert_int_equal(sr_ack_refusal(&ack), SR_REFUSAL_TOO_MANY);
    ack = parse("{\"error\":{\"code\":500}}");
    assert_int_equal(sr_ack_refusal(&ack), SR_REFUSAL_OTHER);
    assert_false(sr_refusal_is_permanent(SR_REFUSAL_OTHER));
}

static void
every_refusal_has_a_word_and_advice(void **state)
{
    (void)state;
    for (int i = 0; i < SR_REFUSAL_COUNT; i++) {
        assert_true(strlen(sr_refusal_reason((enum sr_refusal)i)) > 0);
        assert_true(strlen(sr_refusal_advice((enum sr_refusal)i)) > 0);
    }
}

static void
no_prefix_of_an_answer_is_read_past_its_end(void **state)
{
    static const char text[] = "{\"error\":{\"code\":503,\"description\":\"a\\\"b\"},"
                               "\"stream\":\"e\\u0041\",\"seq\":12,\"x\":[{\"y\":[1]}]}";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        uint8_t *copy = malloc(len > 0 ? len : 1);
        memcpy(copy, text, len);
        assert_int_equal(sr_ack_parse((struct sr_span){ copy, len }).kind, SR_ACK_GARBAGE);
        free(copy);
    }
}

static struct sr_window window;

static struct sr_inflight *
push(size_t bytes)
{
    struct sr_inflight *m = sr_window_push(&window, bytes);

    m->owner = &window;
    return m;
}

static void
the_window_closes_at_its_message_and_byte_limits(void **state)
{
    (void)state;
    sr_window_reset(&window, 1000);
    for (unsigned i = 0; i < SR_WINDOW_MESSAGES; i++) {
        assert_true(sr_window_has_room(&window, 10));
        assert_int_equal(push(10)->number, 1000 + i);
    }
    assert_false(sr_window_has_room(&window, 10));
    /* A hole makes room, however long the oldest waits; numbers whose slot is taken are left out.
     */
    sr_window_release(&window, sr_window_find(&window, 1001));
    assert_true(sr_window_has_room(&window, 10));
    assert_int_equal(sr_window_oldest(&window)->number, 1000);
    assert_int_equal(push(10)->number, 1001 + SR_WINDOW_MESSAGES);
    assert_false(sr_window_has_room(&window, 10));
    sr_window_release(&window, sr_window_find(&window, 1000));
    assert_true(sr_window_has_room(&window, 10));
    assert_int_equal(sr_window_oldest(&window)->number, 1002);

    sr_window_reset(&window, 0);
    assert_true(sr_window_has_room(&window, SR_WINDOW_BYTES + 1));
    (void)push(SR_WINDOW_BYTES - 5);
    assert_true(sr_window_has_room(&window, 5));
    assert_false(sr_window_has_room(&window, 6));
}

static void
a_late_answer_does_not_find_the_slot_of_a_newer_message(void **state)
{
    (void)state;
    sr_window_reset(&window, 0);
    sr_window_release(&window, push(1));
    for (unsigned i = 0; i < SR_WINDOW_MESSAGES; i++) {
        (void)push(1);
    }
    assert_null(sr_window_find(&window, 0));
    assert_non_null(sr_window_find(&window, SR_WINDOW_MESSAGES));
    assert_null(sr_window_find(&window, SR_WINDOW_MESSAGES + 1));
    sr_window_reset(&window, window.next);
    assert_null(sr_window_find(&window, SR_WINDOW_MESSAGES));
    assert_null(sr_window_oldest(&window));
}

/* Sends until the window is full and returns how many that took. */
static uint32_t
fill(void)
{
    uint32_t before = window.messages;

    while (sr_window_has_room(&window, 1)) {
        (void)push(1);
    }
    return window.messages - before;
}

/* Stores everything in flight. */
static void
store_all(void)
{
    struct sr_inflight *m;

    while ((m = sr_window_oldest(&window)) != NULL) {
        sr_window_release(&window, m);
        sr_window_widen(&window);
    }
}

static void
one_window_too_many_is_halved_once_and_widens_by_a_step_per_window(void **state)
{
    (void)state;
    sr_window_reset(&window, 5);
    assert_int_equal(fill(), SR_WINDOW_MESSAGES);
    for (uint64_t number = 5; number < 5 + SR_WINDOW_MESSAGES; number++) {
        sr_window_release(&window, sr_window_find(&window, number));
        sr_window_narrow(&window, number);
    }
    for (uint32_t limit = SR_WINDOW_MESSAGES / 2; limit <= SR_WINDOW_MESSAGES;
         limit += SR_WINDOW_MESSAGES_MIN) {
        assert_int_equal(fill(), limit);
        store_all();
    }
    assert_int_equal(fill(), SR_WINDOW_MESSAGES); /* and no further */
    store_all();
    assert_int_equal(fill(), SR_WINDOW_MESSAGES);
}

static void
a_window_refused_again_and_again_narrows_to_its_least_and_stays_open(void **state)
{
    (void)state;
    sr_window_reset(&window, 0);
    for (uint32_t limit = SR_WINDOW_MESSAGES; limit > 0; limit /= 2) {
        uint32_t least = limit > SR_WINDOW_MESSAGES_MIN ? limit : SR_WINDOW_MESSAGES_MIN;
        assert_int_equal(fill(), least);
        uint64_t number = sr_window_oldest(&window)->number;
        while (window.messages > 0) {
            sr_window_release(&window, sr_window_oldest(&window));
        }
        sr_window_narrow(&window, number);
    }
    assert_int_equal(fill(), SR_WINDOW_MESSAGES_MIN);
    /* A refusal in the middle of a window starts the count of acknowledgements anew. */
    for (unsigned i = 0; i < SR_WINDOW_MESSAGES_MIN - 1; i++) {
        sr_window_release(&window, sr_window_oldest(&window));
        sr_window_widen(&window);
    }
    sr_window_narrow(&window, sr_window_oldest(&window)->number);
    store_all();
    assert_int_equal(fill(), SR_WINDOW_MESSAGES_MIN);
}

static void
a_cut_connection_starts_with_few_and_doubles_up_to_half_of_before(void **state)
{
    (void)state;
    sr_window_reset(&window, 0);
    (void)fill();
    sr_window_collapse(&window);
    while (window.messages > 0) {
        sr_window_release(&window, sr_window_oldest(&window));
    }
    for (uint32_t limit = SR_WINDOW_MESSAGES_MIN; limit < SR_WINDOW_MESSAGES / 2; limit *= 2) {
        assert_int_equal(fill(), limit);
        store_all();
    }
    for (uint32_t steps = 0; steps < 5; steps++) {
        assert_int_equal(fill(), SR_WINDOW_MESSAGES / 2 + steps * SR_WINDOW_MESSAGES_MIN);
        store_all();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_with_stream_and_seq_is_stored),
        cmocka_unit_test(nothing_else_counts_as_stored),
        cmocka_unit_test(a_refusal_is_told_with_its_codes),
        cmocka_unit_test(every_refusal_has_a_word_and_advice),
        cmocka_unit_test(no_prefix_of_an_answer_is_read_past_its_end),
        cmocka_unit_test(the_window_closes_at_its_message_and_byte_limits),
        cmocka_unit_test(a_late_answer_does_not_find_the_slot_of_a_newer_message),
        cmocka_unit_test(one_window_too_many_is_halved_once_and_widens_by_a_step_per_window),
        cmocka_unit_test(a_cut_connection_starts_with_few_and_doubles_up_to_half_of_before),
        cmocka_unit_test(a_window_refused_again_and_again_narrows_to_its_least_and_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
