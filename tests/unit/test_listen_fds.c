/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/socket.h"
#include "sr/listen_fds.h"

static char error[512];
static struct sr_listen_fds *set;

static void
set_or_unset(const char *variable, const char *value)
{
    assert_int_equal(value != NULL ? setenv(variable, value, 1) : unsetenv(variable), 0);
}

/* Opens descriptors from 3 on, as systemd does, and takes them in. */
static void
pass(int open_count, const char *pid, const char *count, const char *names)
{
    sr_listen_fds_free(set);
    for (int i = 0; i < open_count; i++) {
        int fd = open("/dev/null", O_RDONLY);
        assert_true(fd >= 0);
        if (fd != 3 + i) {
            assert_int_equal(dup2(fd, 3 + i), 3 + i);
            (void)close(fd);
        }
    }
    set_or_unset("LISTEN_PID", pid);
    set_or_unset("LISTEN_FDS", count);
    set_or_unset("LISTEN_FDNAMES", names);
    set = sr_listen_fds_new();
    assert_non_null(set);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
}

static const char *
own_pid(void)
{
    static char text[32];

    (void)snprintf(text, sizeof(text), "%ld", (long)getpid());
    return text;
}

static int
take(const char *name, unsigned count)
{
    error[0] = '\0';
    return sr_listen_fds_take(set, name, count, error, sizeof(error));
}

static void
assert_said(const char *text)
{
    if (strstr(error, text) == NULL) {
        fail_msg("`%s` has not `%s`", error, text);
    }
}

static int
reset(void **state)
{
    (void)state;
    sr_listen_fds_free(set);
    set = NULL;
    for (int fd = 3; fd < 10; fd++) {
        (void)close(fd);
    }
    return 0;
}

static void
each_socket_is_taken_once_by_its_name(void **state)
{
    (void)state;
    pass(4, own_pid(), "4", "b:a:b:c d");
    assert_int_equal(take("a", 1), 4);
    assert_int_equal(take("b", 2), 3);
    assert_int_equal(take("b", 2), 5);
    assert_int_equal(take("c d", 1), 6);
    assert_int_equal(take("a", 1), -1);
}

static void
sockets_do_not_go_through_an_exec(void **state)
{
    (void)state;
    pass(2, own_pid(), "2", NULL);
    assert_int_equal(fcntl(3, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(4, F_GETFD), FD_CLOEXEC);
}

static void
a_socket_without_a_name_is_unknown(void **state)
{
    static const char *const names[] = { NULL, "", "unknown", ":" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pass(2, own_pid(), "2", names[i]);
        assert_int_equal(take("unknown", 2), 3);
        assert_int_equal(take("unknown", 2), 4);
        (void)reset(NULL);
    }
    pass(1, own_pid(), "1", "a:more:than:sockets");
    assert_int_equal(take("a", 1), 3);
}

static void
what_nobody_took_is_closed_and_the_rest_is_not(void **state)
{
    (void)state;
    pass(2, own_pid(), "2", "a:b");
    assert_int_equal(take("a", 1), 3);
    sr_listen_fds_free(set);
    set = NULL;
    assert_true(fcntl(3, F_GETFD) >= 0);
    assert_int_equal(fcntl(4, F_GETFD), -1);
}

static void
a_name_that_was_not_passed_is_answered_with_those_that_were(void **state)
{
    (void)state;
    pass(2, own_pid(), "2", "first:second");
    assert_int_equal(take("third", 1), -1);
    assert_said("fd://third: no socket of that name was passed, but these: first, second;");
    assert_said("FileDescriptorName=third");
}

static void
the_sockets_of_a_name_are_as_many_as_workers(void **state)
{
    (void)state;
    pass(3, own_pid(), "3", "a:a:b");
    assert_int_equal(take("a", 1), -1);
    assert_said("fd://a: sockets passed: 2, workers: 1; set `workers`");
    assert_int_equal(take("a", 3), -1);
    assert_said("passed: 2, workers: 3");
    assert_int_equal(take("a", 2), 3);
}

static void
without_activation_nothing_is_passed(void **state)
{
    static const char *const counts[] = { NULL, "", "0", "-1", "1x", "4097",
        "99999999999999999999" };

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        pass(0, own_pid(), counts[i], "a");
        assert_int_equal(take("a", 1), -1);
        assert_said("fd://a: started without socket activation; start it by a .socket unit");
    }
    pass(1, NULL, "1", "a");
    assert_int_equal(take("a", 1), -1);
    assert_said("started without socket activation; ");
    pass(1, "none", "1", "a");
    assert_int_equal(take("a", 1), -1);
    assert_said("started without socket activation; ");
    assert_int_equal(fcntl(3, F_GETFD), 0); /* not ours: as it was */
}

static void
sockets_for_another_process_are_not_ours(void **state)
{
    (void)state;
    pass(1, "1", "1", "a");
    assert_int_equal(take("a", 1), -1);
    assert_said("started without socket activation: the sockets are for process 1, and this is");
    assert_said("exec");
    assert_int_equal(fcntl(3, F_GETFD), 0);
}

static void
a_count_beyond_what_is_open_catches_nothing(void **state)
{
    (void)state;
    pass(1, own_pid(), "4", "a:b:a:a");
    assert_int_equal(take("a", 1), 3);
    assert_int_equal(take("b", 1), -1);
    assert_said("no socket of that name");
}

/* ---- By address ---- */

/* A socket at place `fd` on any free port, or on that of the socket before; returns its port. */
static unsigned
bind_at(int fd, int family, int type, const char *host, bool v6_only, unsigned port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    int on = 1, only = v6_only;
    int s = socket(family, type, 0);

    assert_true(s >= 0);
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (family == AF_INET) {
        assert_int_equal(inet_pton(family, host, &v4.sin_addr), 1);
        assert_int_equal(bind(s, (struct sockaddr *)&v4, sizeof(v4)), 0);
    } else {
        (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
        assert_int_equal(inet_pton(family, host, &v6.sin6_addr), 1);
        assert_int_equal(bind(s, (struct sockaddr *)&v6, sizeof(v6)), 0);
    }
    if (s != fd) {
        assert_int_equal(dup2(s, fd), fd);
        (void)close(s);
    }
    return sr_socket_port(fd);
}

static void
a_socket_is_matched_by_type_port_family_and_address(void **state)
{
    static const struct {
        int family;
        const char *bound;
        bool v6_only;
        const char *wanted;
        enum sr_socket_match match;
    } rows[] = {
        { AF_INET, "127.0.0.1", false, "127.0.0.1", SR_SOCKET_SAME },
        { AF_INET, "127.0.0.1", false, "127.0.0.2", SR_SOCKET_OTHER },
        { AF_INET, "127.0.0.1", false, "0.0.0.0", SR_SOCKET_OTHER },
        { AF_INET, "127.0.0.1", false, "", SR_SOCKET_OTHER },
        { AF_INET, "0.0.0.0", false, "0.0.0.0", SR_SOCKET_SAME },
        { AF_INET, "0.0.0.0", false, "127.0.0.1", SR_SOCKET_WIDER },
        { AF_INET, "0.0.0.0", false, "::", SR_SOCKET_SAME },
        { AF_INET, "0.0.0.0", false, "*", SR_SOCKET_SAME },
        { AF_INET, "0.0.0.0", false, "::1", SR_SOCKET_OTHER },
        { AF_INET6, "::", true, "::", SR_SOCKET_SAME },
        { AF_INET6, "::", true, "", SR_SOCKET_SAME },
        { AF_INET6, "::", true, "::1", SR_SOCKET_WIDER },
        { AF_INET6, "::", true, "0.0.0.0", SR_SOCKET_OTHER },
        { AF_INET6, "::", false, "0.0.0.0", SR_SOCKET_WIDER },
        { AF_INET6, "::1", true, "::1", SR_SOCKET_SAME },
        { AF_INET6, "::1", true, "::", SR_SOCKET_OTHER },
        { AF_INET, "127.0.0.1", false, "no such host", SR_SOCKET_OTHER },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sr_socket_address wanted = { .host = rows[i].wanted, .type = SOCK_DGRAM };
        wanted.port = bind_at(3, rows[i].family, SOCK_DGRAM, rows[i].bound, rows[i].v6_only, 0);
        if (sr_socket_match(3, &wanted) != rows[i].match) {
            fail_msg("%s for %s: %d", rows[i].bound, rows[i].wanted, sr_socket_match(3, &wanted));
        }
        wanted.type = SOCK_STREAM;
        assert_int_equal(sr_socket_match(3, &wanted), SR_SOCKET_OTHER);
        wanted.type = SOCK_DGRAM;
        wanted.port ^= 1;
        assert_int_equal(sr_socket_match(3, &wanted), SR_SOCKET_OTHER);
        (void)reset(NULL);
    }
}

static void
the_sockets_of_an_address_are_counted_and_taken_once(void **state)
{
    struct sr_socket_address every = { .host = "0.0.0.0", .type = SOCK_DGRAM };

    (void)state;
    every.port = bind_at(3, AF_INET, SOCK_DGRAM, "0.0.0.0", false, 0);
    (void)bind_at(4, AF_INET6, SOCK_DGRAM, "::", true, every.port);
    (void)bind_at(5, AF_INET, SOCK_DGRAM, "0.0.0.0", false, every.port);
    pass(0, own_pid(), "3", "a:b:c");
    assert_int_equal(sr_listen_fds_count_at(set, &every), 2);
    assert_int_equal(sr_listen_fds_take_at(set, &every), 3);
    assert_int_equal(sr_listen_fds_count_at(set, &every), 1);
    assert_int_equal(sr_listen_fds_take_at(set, &every), 5);
    assert_int_equal(sr_listen_fds_take_at(set, &every), -1);
    struct sr_socket_address both = { .host = "*", .type = SOCK_DGRAM, .port = every.port };
    assert_int_equal(sr_listen_fds_take_at(set, &both), 4);
    assert_int_equal(take("b", 1), -1);
}

#define fresh(test) cmocka_unit_test_setup(test, reset)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(each_socket_is_taken_once_by_its_name),
        fresh(sockets_do_not_go_through_an_exec),
        fresh(a_socket_without_a_name_is_unknown),
        fresh(what_nobody_took_is_closed_and_the_rest_is_not),
        fresh(a_name_that_was_not_passed_is_answered_with_those_that_were),
        fresh(the_sockets_of_a_name_are_as_many_as_workers),
        fresh(without_activation_nothing_is_passed),
        fresh(sockets_for_another_process_are_not_ours),
        fresh(a_socket_is_matched_by_type_port_family_and_address),
        fresh(the_sockets_of_an_address_are_counted_and_taken_once),
        fresh(a_count_beyond_what_is_open_catches_nothing),
    };
    int failed = cmocka_run_group_tests_name("listen_fds", tests, NULL, NULL);
    sr_listen_fds_free(set);
    return failed;
}
