/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "shell/pub_trouble.h"
#include "sr/clock.h"

#define SECOND SR_NS_PER_SECOND

static const char *const urls[] = { "nats://a:4222", "nats://b:4222" };

static char logged[4096];

/* Tells, and returns how many lines that logged; `logged` has them. */
static unsigned
tell(struct pub_trouble *t, uint64_t now_ns, const struct sr_conf_nats *conf, const char *error)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    unsigned lines = 0;

    assert_true(file != NULL && saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    pub_trouble_tell(t, now_ns, conf, 1, "cannot connect", error);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    size_t len = fread(logged, 1, sizeof(logged) - 1, file);
    logged[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        lines += logged[i] == '\n' ? 1 : 0;
    }
    (void)fclose(file);
    return lines;
}

static struct sr_conf_nats
two_servers(void)
{
    return (struct sr_conf_nats){ .url = { .items = (const char **)urls, .count = 2 } };
}

static void
one_cause_in_several_wordings_is_told_once_a_minute(void **state)
{
    struct sr_conf_nats conf = two_servers();
    struct pub_trouble t = { .told_ns = 0 };

    (void)state;
    assert_int_equal(tell(&t, 100 * SECOND, &conf, "Timeout: (sock.c:58): Timeout"), 1);
    assert_non_null(strstr(logged, "url=nats://b:4222 "));
    assert_non_null(strstr(logged, "does not answer in time"));
    assert_int_equal(tell(&t, 101 * SECOND, &conf, "timeout: the server stays silent"), 0);
    assert_int_equal(tell(&t, 159 * SECOND, &conf, "Timeout"), 0);
    assert_int_equal(tell(&t, 160 * SECOND, &conf, "Timeout"), 1);
}

static void
another_cause_and_the_same_after_an_end_are_told_at_once(void **state)
{
    struct sr_conf_nats conf = two_servers();
    struct pub_trouble t = { .told_ns = 0 };

    (void)state;
    assert_int_equal(tell(&t, 100 * SECOND, &conf, "Timeout"), 1);
    assert_int_equal(tell(&t, 101 * SECOND, &conf, "Authorization Violation"), 1);
    assert_int_equal(tell(&t, 102 * SECOND, &conf, "what nobody knows"), 1);
    assert_int_equal(tell(&t, 103 * SECOND, &conf, "what nobody knows"), 0);
    assert_int_equal(tell(&t, 104 * SECOND, &conf, "what nobody knows either"), 1);
    pub_trouble_end(&t);
    assert_int_equal(tell(&t, 105 * SECOND, &conf, "what nobody knows either"), 1);
}

static void
what_is_wrong_with_the_credentials_is_told_once_whatever_the_server_says(void **state)
{
    struct sr_conf_nats conf = two_servers();
    struct pub_trouble t = { .told_ns = 0 };

    (void)state;
    conf.creds_file = "/nonexistent/nats.creds";
    assert_int_equal(tell(&t, 100 * SECOND, &conf, "Authorization Violation"), 1);
    assert_non_null(strstr(logged, "creds_file=/nonexistent/nats.creds advice="));
    assert_int_equal(tell(&t, 101 * SECOND, &conf, "Connection Closed"), 0);
    assert_int_equal(tell(&t, 102 * SECOND, &conf, "Timeout"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cause_in_several_wordings_is_told_once_a_minute),
        cmocka_unit_test(another_cause_and_the_same_after_an_end_are_told_at_once),
        cmocka_unit_test(what_is_wrong_with_the_credentials_is_told_once_whatever_the_server_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
