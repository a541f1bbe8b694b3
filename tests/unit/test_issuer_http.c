/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "issuer/http.h"

#include "sr/banned.h"

static int bad_closes;

/* In the place of the C library's, also for its users: a number that is free may be another's. */
int
close(int fd)
{
    int rc = (int)syscall(SYS_close, fd);

    bad_closes += rc != 0 && errno == EBADF;
    return rc;
}

/* The lowest number that is free. */
static int
next_free(void)
{
    int fd = dup(STDIN_FILENO);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    return fd;
}

static void
a_certificate_that_is_none_closes_nothing_twice(void **state)
{
    static struct api api;
    const struct http_options options = { .api = &api, .listen = "127.0.0.1:0" };
    struct http *http = NULL;
    struct trouble trouble;

    (void)state;
    assert_true(http_open(&options, &http, &trouble));
    int before = next_free();
    assert_false(http_serve(http, "none", "none", &trouble));
    assert_int_equal(bad_closes, 0);
    assert_int_equal(next_free(), before);
    assert_true(http_port(http) > 0);
    http_close(http);
    assert_int_equal(bad_closes, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_that_is_none_closes_nothing_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
