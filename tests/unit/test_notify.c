/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sr/notify.h"

static char path[108];

/* A socket as systemd makes one; '@' stands for the NUL of an abstract address. */
static int
listen_on(const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    size_t len = strlen(name);

    memcpy(at.sun_path, name, len);
    if (name[0] == '@') {
        at.sun_path[0] = '\0';
    }
    assert_true(fd >= 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
        0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void
assert_told(int fd, const char *expected)
{
    char text[1024];
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    assert_string_equal(text, expected);
}

static void
systemd_is_told_through_a_path(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/sr-notify-%ld", (long)getpid());
    int fd = listen_on(path);
    sr_notify("READY=1\nSTATUS=%s", "fine");
    assert_told(fd, "READY=1\nSTATUS=fine");
    (void)close(fd);
    (void)unlink(path);
}

static void
systemd_is_told_through_an_abstract_address(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "@sr-notify-%ld", (long)getpid());
    int fd = listen_on(path);
    sr_notify("WATCHDOG=1");
    assert_told(fd, "WATCHDOG=1");
    (void)close(fd);
}

static void
without_systemd_nothing_happens(void **state)
{
    char too_long[300];

    (void)state;
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    (void)unsetenv("NOTIFY_SOCKET");
    sr_notify("READY=1");
    (void)setenv("NOTIFY_SOCKET", "", 1);
    sr_notify("READY=1");
    (void)setenv("NOTIFY_SOCKET", too_long, 1);
    sr_notify("READY=1");
    (void)setenv("NOTIFY_SOCKET", "/tmp/sr-nobody-listens-here", 1);
    sr_notify("READY=1");
}

static void
the_watchdog_wants_twice_as_many_signs_of_life(void **state)
{
    char pid[32];

    (void)state;
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    assert_int_equal(sr_notify_watchdog_ns(), 0);
    (void)setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(sr_notify_watchdog_ns(), 15000000000ULL);
    (void)setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
    assert_int_equal(sr_notify_watchdog_ns(), 0);
    (void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    (void)setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(sr_notify_watchdog_ns(), 15000000000ULL);
    (void)setenv("WATCHDOG_USEC", "soon", 1);
    assert_int_equal(sr_notify_watchdog_ns(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systemd_is_told_through_a_path),
        cmocka_unit_test(systemd_is_told_through_an_abstract_address),
        cmocka_unit_test(without_systemd_nothing_happens),
        cmocka_unit_test(the_watchdog_wants_twice_as_many_signs_of_life),
    };
    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
