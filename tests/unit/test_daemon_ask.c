/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "daemon_ask.h"

static void
an_address_for_everybody_is_asked_on_loopback(void **state)
{
    static const struct {
        const char *listen, *host, *port;
    } cases[] = {
        { "127.0.0.1:9620", "127.0.0.1", "9620" },
        { "0.0.0.0:1", "127.0.0.1", "1" },
        { ":9620", "127.0.0.1", "9620" },
        { "[::]:9620", "::1", "9620" },
        { "[2001:db8::1]:65535", "2001:db8::1", "65535" },
        { "localhost:80", "localhost", "80" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char host[64], port[8];
        assert_true(daemon_address(cases[i].listen, host, port));
        assert_string_equal(host, cases[i].host);
        assert_string_equal(port, cases[i].port);
    }
}

static void
what_is_no_address_is_not_asked(void **state)
{
    static const char *const texts[] = { "", "9620", "host:", "[::1:80", "[::1]80",
        "host:123456789",
        "a-name-of-more-than-sixty-three-characters-as-no-name-of-a-host-may-have:1" };
    char host[64], port[8];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(daemon_address(texts[i], host, port));
    }
}

static void
numbers_are_summed_over_the_listeners(void **state)
{
    struct daemon_state s = { .answers = true };

    (void)state;
    daemon_read_metrics(
        "# HELP serviceradar_received_total Datagrams received.\n"
        "serviceradar_build_info{program=\"serviceradar-trapd\",version=\"1.3.0\"} 1\n"
        "serviceradar_received_total{listener=\"udp://a b\"} 7\n"
        "serviceradar_received_total{listener=\"udp://b\"} 5\n"
        "serviceradar_received_total_more{listener=\"udp://b\"} 100\n"
        "serviceradar_stored_total{listener=\"a\"} 9\n"
        "serviceradar_queued_records{listener=\"a\"} 2\n"
        "serviceradar_batching_records{listener=\"a\"} 1\n"
        "serviceradar_kernel_drops_total{listener=\"a\"} 3\n"
        "serviceradar_dropped_total{listener=\"a\",reason=\"x\"} 4\n"
        "serviceradar_dropped_records_total{listener=\"a\",reason=\"y\"} 8\n"
        "serviceradar_output_up 1",
        &s);
    assert_string_equal(s.program, "serviceradar-trapd");
    assert_string_equal(s.version, "1.3.0");
    assert_int_equal(s.received, 12);
    assert_int_equal(s.stored, 9);
    assert_int_equal(s.queued, 3);
    assert_int_equal(s.dropped, 15);
    assert_true(s.output_up);
}

static void
an_answer_writes_nothing_on_a_terminal_but_text(void **state)
{
    struct daemon_state s = { .answers = true };

    (void)state;
    daemon_read_metrics("serviceradar_build_info{program=\"a\033]0;b\a\",version=\"\xc2\x9b"
                        "2J\"} 1\n",
        &s);
    assert_string_equal(s.program, "a?]0;b?");
    assert_string_equal(s.version, "??2J");
}

static void
an_answer_that_is_no_metrics_tells_nothing(void **state)
{
    struct daemon_state s = { .answers = true };

    (void)state;
    daemon_read_metrics("\n\nserviceradar_received_total\n<html>\nserviceradar_output_up 0\n", &s);
    assert_int_equal(s.received, 0);
    assert_string_equal(s.program, "");
    assert_false(s.output_up);
}

static void
nobody_there_does_not_answer(void **state)
{
    struct daemon_state s = { .answers = true };

    (void)state;
    daemon_ask("127.0.0.1:1", 200, &s);
    assert_false(s.answers);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_for_everybody_is_asked_on_loopback),
        cmocka_unit_test(what_is_no_address_is_not_asked),
        cmocka_unit_test(numbers_are_summed_over_the_listeners),
        cmocka_unit_test(an_answer_writes_nothing_on_a_terminal_but_text),
        cmocka_unit_test(an_answer_that_is_no_metrics_tells_nothing),
        cmocka_unit_test(nobody_there_does_not_answer),
    };
    return cmocka_run_group_tests_name("daemon_ask", tests, NULL, NULL);
}
