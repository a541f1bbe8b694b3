/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "shell/stream.h"

/* A made-up protocol: a digit says how many bytes follow; '!' is no message; '0' frames nothing. */

struct script {
    char got[256]; /* messages with a '|' behind each */
    size_t len;
    size_t used;
    unsigned room; /* messages that there is room for */
    unsigned asked;
    char reason[32];
    size_t broken_len;
    bool lies; /* the framer says more than there is */
};

static enum sr_frame_state
frame(void *arg, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    const struct script *s = arg;
    size_t len = (size_t)(bytes.data[0] - '0');

    (void)last;
    if (bytes.data[0] == '!') {
        ret_frame->reason = "bang";
        return SR_FRAME_BROKEN;
    }
    if (bytes.len < len + 1 && !s->lies) {
        return SR_FRAME_MORE;
    }
    ret_frame->used = s->lies ? bytes.len + 1 : len + 1;
    ret_frame->message = (struct sr_span){ bytes.data + 1, len };
    return SR_FRAME_MESSAGE;
}

static bool
message(void *arg, struct sr_span text, size_t used)
{
    struct script *s = arg;

    s->asked++;
    if (s->room == 0) {
        return false;
    }
    s->room--;
    memcpy(s->got + s->len, text.data, text.len);
    s->len += text.len;
    s->got[s->len++] = '|';
    s->used += used;
    return true;
}

static void
broken(void *arg, struct sr_span bytes, const char *reason)
{
    struct script *s = arg;

    s->broken_len = bytes.len;
    strncpy(s->reason, reason, sizeof(s->reason) - 1);
}

static struct sr_stream_user
user_of(struct script *s)
{
    s->room = 1000;
    return (
        struct sr_stream_user){ .arg = s, .frame = frame, .message = message, .broken = broken };
}

/* Bytes at an address of their own, so that a sanitizer sees what reads past them. */
static enum sr_stream_state
feed(struct sr_stream *stream, const char *text, size_t len, const struct sr_stream_user *user)
{
    uint8_t *bytes = malloc(len > 0 ? len : 1);

    assert_non_null(bytes);
    memcpy(bytes, text, len);
    enum sr_stream_state state = sr_stream_feed(stream, (struct sr_span){ bytes, len }, user);
    free(bytes);
    return state;
}

static void
messages_are_the_same_however_the_bytes_are_cut(void **state)
{
    static const char text[] = "3abc1d5hello09123456789";

    (void)state;
    for (size_t cut = 1; cut < sizeof(text); cut++) {
        struct sr_stream stream = { .max = 10 };
        struct script s = { .len = 0 };
        struct sr_stream_user user = user_of(&s);

        for (size_t at = 0; at < strlen(text); at += cut) {
            size_t left = strlen(text) - at;
            assert_int_equal(
                feed(&stream, text + at, left < cut ? left : cut, &user), SR_STREAM_OPEN);
        }
        assert_int_equal(sr_stream_end(&stream, &user), SR_STREAM_OPEN);
        assert_string_equal(s.got, "abc|d|hello||123456789|");
        assert_int_equal(s.used, strlen(text));
        assert_int_equal(stream.len, 0);
        assert_null(stream.data); /* an idle connection holds no memory */
    }
}

static void
many_messages_in_one_read_all_come_out(void **state)
{
    struct sr_stream stream = { .max = 10 };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    assert_int_equal(feed(&stream, "1a1b1c2d", 8, &user), SR_STREAM_OPEN);
    assert_string_equal(s.got, "a|b|c|");
    assert_int_equal(stream.len, 2); /* a piece waits */
    assert_int_equal(feed(&stream, "d", 1, &user), SR_STREAM_OPEN);
    assert_string_equal(s.got, "a|b|c|dd|");
}

static void
garbage_ends_it_and_is_told_with_all_its_bytes(void **state)
{
    struct sr_stream stream = { .max = 10 };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    assert_int_equal(feed(&stream, "1a!bcd1e", 8, &user), SR_STREAM_BROKEN);
    assert_string_equal(s.got, "a|");
    assert_string_equal(s.reason, "bang");
    assert_int_equal(s.broken_len, 6);
    assert_null(stream.data);
}

static void
a_piece_of_a_message_at_the_end_is_truncated(void **state)
{
    struct sr_stream stream = { .max = 10 };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    assert_int_equal(feed(&stream, "1a4bc", 5, &user), SR_STREAM_OPEN);
    assert_int_equal(sr_stream_end(&stream, &user), SR_STREAM_BROKEN);
    assert_string_equal(s.got, "a|");
    assert_string_equal(s.reason, "truncated");
    assert_int_equal(s.broken_len, 3);
    assert_int_equal(sr_stream_end(&stream, &user), SR_STREAM_OPEN); /* told once */
}

static void
without_room_the_rest_waits_in_order(void **state)
{
    struct sr_stream stream = { .max = 10 };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    s.room = 1;
    assert_int_equal(feed(&stream, "1a1b1c2d", 8, &user), SR_STREAM_FULL);
    assert_string_equal(s.got, "a|");
    assert_int_equal(sr_stream_go_on(&stream, &user), SR_STREAM_FULL);
    assert_int_equal(s.asked, 3);
    s.room = 1;
    assert_int_equal(sr_stream_go_on(&stream, &user), SR_STREAM_FULL);
    assert_string_equal(s.got, "a|b|");
    s.room = 10;
    assert_int_equal(sr_stream_go_on(&stream, &user), SR_STREAM_OPEN);
    assert_string_equal(s.got, "a|b|c|");
    assert_int_equal(feed(&stream, "de", 2, &user), SR_STREAM_OPEN);
    assert_int_equal(feed(&stream, "", 0, &user), SR_STREAM_OPEN);
    assert_int_equal(sr_stream_end(&stream, &user), SR_STREAM_BROKEN); /* the "e" */
    assert_string_equal(s.got, "a|b|c|dd|");
}

static void
the_end_of_a_stream_waits_for_room_too(void **state)
{
    struct sr_stream stream = { .max = 10 };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    s.room = 0;
    assert_int_equal(feed(&stream, "1a1b", 4, &user), SR_STREAM_FULL);
    assert_int_equal(sr_stream_end(&stream, &user), SR_STREAM_FULL);
    s.room = 2;
    assert_int_equal(sr_stream_end(&stream, &user), SR_STREAM_OPEN);
    assert_string_equal(s.got, "a|b|");
}

static void
no_more_waits_than_a_message_can_be_long(void **state)
{
    struct sr_stream stream = { .max = 4 };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    assert_int_equal(feed(&stream, "9123", 4, &user), SR_STREAM_OPEN);
    assert_int_equal(feed(&stream, "4", 1, &user), SR_STREAM_BROKEN);
    assert_string_equal(s.reason, "too_long");
    assert_int_equal(s.broken_len, 5);
    assert_null(stream.data);
    assert_int_equal(feed(&stream, "91234", 5, &user), SR_STREAM_BROKEN); /* in one read */
}

static void
a_framer_that_counts_wrong_does_no_harm(void **state)
{
    struct sr_stream stream = { .max = 10 };
    struct script s = { .lies = true };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    assert_int_equal(feed(&stream, "1a", 2, &user), SR_STREAM_BROKEN);
    assert_string_equal(s.reason, "framing");
}

static void
who_ends_a_piece_says_why(void **state)
{
    struct sr_stream stream = { .max = 10, .cut_by = "no_room" };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    assert_int_equal(feed(&stream, "1a4bc", 5, &user), SR_STREAM_OPEN);
    assert_int_equal(sr_stream_end(&stream, &user), SR_STREAM_BROKEN);
    assert_string_equal(s.got, "a|");
    assert_string_equal(s.reason, "no_room");
}

static void
it_takes_no_more_memory_than_it_said_it_may_need(void **state)
{
    static char text[300000];
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    s.room = 0; /* all of it waits */
    memset(text, '0', sizeof(text));
    for (size_t step = 1; step < 70000; step = step * 3 + 1) {
        struct sr_stream stream = { .max = sizeof(text) };
        for (size_t at = 0; at + step <= sizeof(text) && at < 20 * step; at += step) {
            size_t before = stream.size, need = sr_stream_need(&stream, step);
            assert_int_equal(feed(&stream, text, step, &user), SR_STREAM_FULL);
            assert_true(stream.size <= before + need);
            assert_true(stream.size < stream.len + 16384 || stream.size <= 2 * stream.len ||
                        stream.size == 2048);
        }
        sr_stream_clear(&stream);
    }
}

static void
memory_shrinks_with_what_waits(void **state)
{
    static char text[40000];
    struct sr_stream stream = { .max = sizeof(text) };
    struct script s = { .len = 0 };
    struct sr_stream_user user = user_of(&s);

    (void)state;
    s.room = 0;
    memset(text, '0', sizeof(text)); /* empty messages */
    assert_int_equal(feed(&stream, text, sizeof(text), &user), SR_STREAM_FULL);
    assert_true(stream.size >= sizeof(text));
    for (unsigned i = 0; i < 399; i++) {
        s.room = 100;
        s.len = 0;
        assert_int_equal(sr_stream_go_on(&stream, &user), SR_STREAM_FULL);
    }
    assert_int_equal(stream.len, 100);
    assert_true(stream.size <= 2048);
    sr_stream_clear(&stream);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_the_same_however_the_bytes_are_cut),
        cmocka_unit_test(many_messages_in_one_read_all_come_out),
        cmocka_unit_test(garbage_ends_it_and_is_told_with_all_its_bytes),
        cmocka_unit_test(a_piece_of_a_message_at_the_end_is_truncated),
        cmocka_unit_test(without_room_the_rest_waits_in_order),
        cmocka_unit_test(the_end_of_a_stream_waits_for_room_too),
        cmocka_unit_test(no_more_waits_than_a_message_can_be_long),
        cmocka_unit_test(a_framer_that_counts_wrong_does_no_harm),
        cmocka_unit_test(who_ends_a_piece_says_why),
        cmocka_unit_test(it_takes_no_more_memory_than_it_said_it_may_need),
        cmocka_unit_test(memory_shrinks_with_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
