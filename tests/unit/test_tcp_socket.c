/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/tcp.h"

#include "sr/banned.h"

static void
the_process_gets_descriptors_for_its_connections(void **state)
{
    struct rlimit limit, low;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    sr_tcp_expect(200);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(low.rlim_cur > 200 || low.rlim_cur == low.rlim_max);
    sr_tcp_expect(UINT64_C(1) << 40); /* more than there can be */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(low.rlim_cur == low.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
only_listening_tcp_sockets_are_adopted(void **state)
{
    char error[256];
    struct sr_tcp_address address = { .host = "127.0.0.1" };
    int listening = sr_tcp_open(&address, error, sizeof(error));
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_true(sr_tcp_adopt(listening, false, error, sizeof(error)));
    assert_true(sr_tcp_is_stream(listening));
    assert_false(sr_tcp_is_stream(datagrams));
    assert_false(sr_tcp_adopt(plain, false, error, sizeof(error)));
    assert_non_null(strstr(error, "ListenStream="));
    assert_false(sr_tcp_adopt(datagrams, false, error, sizeof(error)));
    assert_false(sr_tcp_adopt(local, false, error, sizeof(error)));
    (void)close(listening);
    (void)close(plain);
    (void)close(datagrams);
    (void)close(local);
}

static void
a_port_that_is_taken_is_an_error_with_advice(void **state)
{
    char error[256];
    struct sr_tcp_address address = { .host = "127.0.0.1" };
    int first = sr_tcp_open(&address, error, sizeof(error));

    (void)state;
    assert_true(first >= 0);
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    assert_int_equal(getsockname(first, (struct sockaddr *)&at, &len), 0);
    address.port = ntohs(at.sin_port);
    assert_int_equal(sr_tcp_open(&address, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "another program listens there"));
    (void)close(first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_gets_descriptors_for_its_connections),
        cmocka_unit_test(only_listening_tcp_sockets_are_adopted),
        cmocka_unit_test(a_port_that_is_taken_is_an_error_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
