/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/answers.h"
#include "sr/clock.h"

static struct sr_request_stats stats;
static struct answers *answers;
static struct sr_udp_way way; /* to `asker` */
static int asker, own, number;

static int
bound_socket(struct sockaddr_in *ret_at)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_at = at;
    return fd;
}

static int
set_up(void **state)
{
    struct sockaddr_in at;

    (void)state;
    memset(&stats, 0, sizeof(stats));
    memset(&way, 0, sizeof(way));
    own = bound_socket(&at);
    asker = bound_socket(&at);
    memcpy(&way.peer, &at, sizeof(at));
    answers = answers_new(&stats);
    assert_non_null(answers);
    number = answers_add_socket(answers, own);
    return number == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    answers_free(answers);
    return close(own) | close(asker);
}

static struct sr_request
request_of(uint64_t id, const char *answer)
{
    struct sr_request r = { .answer = span_of(answer) };

    memcpy(r.id, &id, sizeof(id));
    return r;
}

static void
add(uint64_t id, const char *answer, uint64_t now_ns)
{
    struct sr_request r = request_of(id, answer);

    answers_add(answers, &r, &way, number, now_ns);
}

static bool
repeated(uint64_t id, const char *answer, uint64_t now_ns)
{
    struct sr_request r = request_of(id, answer);

    return answers_repeated(answers, &r, &way, number, now_ns);
}

static void
kept(uint64_t id)
{
    struct sr_request r = request_of(id, "");

    answers_send(answers, r.id, false);
}

/* What the asker has got: loopback delivers within the call that sends. */
static void
assert_got(const char *expected)
{
    char text[64] = "";
    ssize_t len = recv(asker, text, sizeof(text) - 1, MSG_DONTWAIT);

    assert_string_equal(len >= 0 ? text : "nothing", expected);
}

static void
an_answer_goes_out_once_its_record_is_kept(void **state)
{
    (void)state;
    add(1, "one", 1);
    assert_got("nothing");
    assert_int_equal(sr_counted(&stats.waiting), 1);
    kept(1);
    assert_got("one");
    kept(1); /* its second copy, of a process before */
    assert_got("nothing");
    assert_int_equal(sr_counted(&stats.waiting), 0);
    assert_int_equal(sr_counted(&stats.answered), 1);
}

static void
a_request_that_waits_is_known_and_gets_its_newest_answer_once(void **state)
{
    (void)state;
    assert_false(repeated(1, "one", 1));
    add(1, "one", 1);
    assert_true(repeated(1, "another one", 2));
    assert_got("nothing");
    kept(1);
    assert_got("another one");
    assert_got("nothing");
    assert_int_equal(sr_counted(&stats.repeated), 1);
}

/* The first way may be one that answers cannot go. */
static void
the_newest_answer_goes_the_newest_way(void **state)
{
    struct sr_request r = request_of(1, "one");
    struct sr_udp_way nowhere = way;

    (void)state;
    nowhere.peer.sin6_family = AF_UNIX;
    answers_add(answers, &r, &nowhere, number, 1);
    assert_true(repeated(1, "another one", 2));
    kept(1);
    assert_got("another one");
}

static void
a_request_that_was_answered_is_answered_again(void **state)
{
    (void)state;
    add(1, "one", sr_clock_monotonic_ns());
    kept(1);
    assert_got("one");
    assert_true(repeated(1, "again", sr_clock_monotonic_ns()));
    assert_got("again");
}

static void
after_its_time_a_request_is_new(void **state)
{
    uint64_t now_ns = sr_clock_monotonic_ns();

    (void)state;
    add(1, "one", now_ns);
    assert_true(repeated(1, "one", now_ns + ANSWERS_PATIENCE_NS - 1));
    assert_false(repeated(1, "one", now_ns + ANSWERS_PATIENCE_NS));
    assert_int_equal(sr_counted(&stats.forgotten), 1);
    add(2, "two", now_ns);
    kept(2);
    assert_got("two");
    assert_false(repeated(2, "two", sr_clock_monotonic_ns() + ANSWERS_PATIENCE_NS));
    add(3, "three", 1); /* long ago, but it is answered now */
    kept(3);
    assert_true(repeated(3, "three", now_ns + ANSWERS_PATIENCE_NS - 1));
    assert_int_equal(sr_counted(&stats.forgotten), 1); /* it was answered */
}

static void
a_request_whose_record_is_lost_is_new_and_not_answered(void **state)
{
    struct sr_request r = request_of(1, "one");

    (void)state;
    add(1, "one", 1);
    answers_forget(answers, r.id);
    kept(1);
    assert_got("nothing");
    assert_false(repeated(1, "one", 2));
    assert_int_equal(sr_counted(&stats.waiting), 0);
}

static void
beyond_the_most_requests_the_oldest_is_forgotten(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < ANSWERS_MAX + 10; id++) {
        add(id, "x", 1);
    }
    assert_int_equal(sr_counted(&stats.waiting), ANSWERS_MAX);
    assert_int_equal(sr_counted(&stats.forgotten), 10);
    assert_false(repeated(9, "x", 2));
    assert_true(repeated(10, "x", 2));
    assert_true(repeated(ANSWERS_MAX + 9, "x", 2));
}

static void
beyond_the_most_bytes_the_oldest_is_forgotten(void **state)
{
    enum { LEN = 65507, FIT = ANSWERS_BYTES / LEN };
    char *large = malloc(LEN + 1);

    (void)state;
    assert_non_null(large);
    memset(large, 'a', LEN);
    large[LEN] = '\0';
    for (uint64_t id = 0; id < 3 * FIT; id++) {
        add(id, large, 1);
        kept(id % 2 == 0 ? id : UINT64_MAX); /* those take no room */
    }
    assert_int_equal(sr_counted(&stats.waiting), FIT);
    assert_true(repeated(3 * FIT - 1, large, 2));
    assert_false(repeated(1, large, 2));
    free(large);
}

static void
an_answer_that_cannot_be_sent_is_counted_and_goes_out_the_next_time(void **state)
{
    struct sr_udp_way nowhere = way;
    struct sr_request r = request_of(1, "one");

    (void)state;
    nowhere.peer.sin6_family = AF_UNIX;
    answers_add(answers, &r, &nowhere, number, 1);
    kept(1);
    assert_int_equal(sr_counted(&stats.unsendable), 1);
    assert_true(repeated(1, "one", 2));
    assert_got("one");
}

static void
answers_go_out_when_the_socket_of_the_receiver_is_closed(void **state)
{
    (void)state;
    add(1, "one", 1);
    (void)close(own);
    kept(1);
    assert_got("one");
    own = dup(asker);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_goes_out_once_its_record_is_kept),
        TEST(a_request_that_waits_is_known_and_gets_its_newest_answer_once),
        TEST(the_newest_answer_goes_the_newest_way),
        TEST(a_request_that_was_answered_is_answered_again),
        TEST(after_its_time_a_request_is_new),
        TEST(a_request_whose_record_is_lost_is_new_and_not_answered),
        TEST(beyond_the_most_requests_the_oldest_is_forgotten),
        TEST(beyond_the_most_bytes_the_oldest_is_forgotten),
        TEST(an_answer_that_cannot_be_sent_is_counted_and_goes_out_the_next_time),
        TEST(answers_go_out_when_the_socket_of_the_receiver_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
