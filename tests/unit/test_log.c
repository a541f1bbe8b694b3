/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sr/log.h"

static int saved_stderr, ends[2];
static char captured[65536];

/* From now on what goes to standard error is kept in a pipe. */
static void
capture(void)
{
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
}

/* Ends the capture and gives what was written. */
static const char *
release(void)
{
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    (void)close(saved_stderr);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], captured + len, sizeof(captured) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    captured[len] = '\0';
    (void)close(ends[0]);
    return captured;
}

/* Opens the log as systemd would have it: standard error is the journal's stream. */
static void
open_as_service(void)
{
    char stream[64];
    struct stat st;

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    (void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
        (unsigned long long)st.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    sr_log_open("test");
}

static int
start_plain(void **state)
{
    (void)state;
    (void)unsetenv("JOURNAL_STREAM");
    sr_log_open("test");
    sr_log_set_level(SR_LOG_INFO);
    return 0;
}

static void
a_line_has_time_program_and_level(void **state)
{
    (void)state;
    capture();
    sr_log(SR_LOG_WARNING, "hello key=%d", 7);
    const char *line = release();
    struct tm when;
    const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%SZ", &when);
    assert_non_null(rest);
    assert_string_equal(rest, " test warning: hello key=7\n");
}

static void
under_systemd_a_line_has_its_priority(void **state)
{
    (void)state;
    capture();
    open_as_service();
    sr_log(SR_LOG_ERROR, "one");
    sr_log(SR_LOG_NOTICE, "two");
    assert_string_equal(release(), "<3>one\n<5>two\n");
}

static void
a_journal_that_is_not_our_standard_error_is_not_ours(void **state)
{
    (void)state;
    assert_int_equal(setenv("JOURNAL_STREAM", "8:12345", 1), 0); /* inherited, then redirected */
    capture();
    sr_log_open("test");
    sr_log(SR_LOG_ERROR, "one");
    assert_non_null(strstr(release(), " test error: one\n"));
}

static void
less_severe_lines_than_the_level_are_left_out(void **state)
{
    (void)state;
    capture();
    open_as_service();
    sr_log(SR_LOG_DEBUG, "no");
    sr_log(SR_LOG_INFO, "yes");
    sr_log_set_level(SR_LOG_ERROR);
    sr_log(SR_LOG_WARNING, "no");
    sr_log(SR_LOG_ERROR, "yes");
    assert_string_equal(release(), "<6>yes\n<3>yes\n");
}

static void
a_peer_cannot_forge_a_line(void **state)
{
    (void)state;
    capture();
    open_as_service();
    sr_log(SR_LOG_INFO, "peer=\"%s\"", "a\nb\r\t\x1b[0m\x7f\xc3\xa9");
    assert_string_equal(release(), "<6>peer=\"a\\x0ab\\x0d\\x09\\x1b[0m\\x7f\\xc3\\xa9\"\n");
}

static void
a_long_line_is_cut_and_still_one_line(void **state)
{
    static char text[10000];

    (void)state;
    for (int fill = 0; fill < 2; fill++) {
        memset(text, fill == 0 ? 'x' : '\n', sizeof(text) - 1);
        capture();
        open_as_service();
        sr_log(SR_LOG_INFO, "%s", text);
        const char *line = release();
        size_t len = strlen(line);
        assert_in_range(len, 2000, 4096);
        assert_ptr_equal(strchr(line, '\n'), line + len - 1);
        assert_memory_equal(line, fill == 0 ? "<6>xxx" : "<6>\\x0a", 6);
    }
}

static void
errno_is_kept(void **state)
{
    (void)state;
    capture();
    (void)close(STDERR_FILENO);
    errno = ENOENT;
    sr_log(SR_LOG_ERROR, "nobody hears this");
    assert_int_equal(errno, ENOENT);
    (void)release();
}

static void
what_a_limit_leaves_out_is_counted(void **state)
{
    struct sr_log_limit limit = { 0 };
    uint64_t suppressed = 99;

    (void)state;
    assert_true(sr_log_allowed(&limit, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 5; i++) {
        assert_false(sr_log_allowed(&limit, &suppressed));
    }
    atomic_store(&limit.next_ns, 0); /* a minute later */
    assert_true(sr_log_allowed(&limit, &suppressed));
    assert_int_equal(suppressed, 5);
}

static struct sr_log_limit shared_limit;
static _Atomic uint32_t allowed;

static void *
ask_often(void *arg)
{
    uint64_t suppressed;

    for (int i = 0; i < 10000; i++) {
        if (sr_log_allowed(&shared_limit, &suppressed)) {
            atomic_fetch_add(&allowed, 1);
        }
    }
    return arg;
}

static void
of_many_threads_one_writes_the_line(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(allowed, 1);
    assert_int_equal(shared_limit.suppressed, 39999);
}

#define plain(test) cmocka_unit_test_setup(test, start_plain)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        plain(a_line_has_time_program_and_level),
        plain(under_systemd_a_line_has_its_priority),
        plain(a_journal_that_is_not_our_standard_error_is_not_ours),
        plain(less_severe_lines_than_the_level_are_left_out),
        plain(a_peer_cannot_forge_a_line),
        plain(a_long_line_is_cut_and_still_one_line),
        plain(errno_is_kept),
        plain(what_a_limit_leaves_out_is_counted),
        plain(of_many_threads_one_writes_the_line),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
