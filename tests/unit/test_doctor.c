/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "child.h"
#include "doctor/conf.h"
#include "doctor/doctor.h"
#include "metrics_text.h"
#include "proc.h"

/* ---- Configurations ---- */

static const char PRINTED[] = "output: nats\n"
                              "listeners:\n"
                              "  -\n"
                              "    protocol: syslog\n"
                              "    listen: \"udp://127.0.0.1:514\"\n"
                              "    subject: logs.syslog\n"
                              "    receive_buffer: 4MiB\n"
                              "  -\n"
                              "    listen: \"udp://[::]:515\"\n"
                              "    subject: logs.other\n"
                              "nats:\n"
                              "  url: [\"tls://a:4222\", \"tls://b:4222\"]\n"
                              "  creds_file: /c\n"
                              "  tls:\n"
                              "    ca_file: /ca\n"
                              "    # cert_file: not set\n"
                              "  stream: events\n"
                              "  inbox_prefix: auto\n"
                              "publish:\n"
                              "  dead_letter: true\n"
                              "queue:\n"
                              "  disk: 2GiB\n"
                              "  dir: /q\n"
                              "metrics:\n"
                              "  listen: off\n";

static void
what_a_daemon_prints_is_read(void **state)
{
    static struct doctor_conf c;

    (void)state;
    assert_true(doctor_conf_read(PRINTED, strlen(PRINTED), &c));
    assert_true(c.to_nats);
    assert_int_equal(c.url_count, 2);
    assert_string_equal(c.urls[1], "tls://b:4222");
    assert_string_equal(c.creds_file, "/c");
    assert_string_equal(c.ca_file, "/ca");
    assert_string_equal(c.cert_file, "");
    assert_string_equal(c.stream, "events");
    assert_true(c.dead_letter);
    assert_int_equal(c.queue_disk, 2ULL << 30);
    assert_string_equal(c.queue_dir, "/q");
    assert_int_equal(c.listener_count, 2);
    assert_string_equal(c.listeners[0].listen, "udp://127.0.0.1:514");
    assert_int_equal(c.listeners[0].receive_buffer, 4ULL << 20);
    assert_string_equal(c.listeners[1].subject, "logs.other");
}

static void
an_automatic_inbox_and_metrics_that_are_off_are_none(void **state)
{
    static struct doctor_conf c;

    (void)state;
    assert_true(doctor_conf_read(PRINTED, strlen(PRINTED), &c));
    assert_string_equal(c.inbox_prefix, "");
    assert_string_equal(c.metrics, "");
}

static void
what_is_no_configuration_is_refused(void **state)
{
    static const char *const texts[] = { "", "x", "[1, 2]", "output: nats\n", "listeners: [{}]\n",
        "output: [\n", "\t" };
    static struct doctor_conf c;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(doctor_conf_read(texts[i], strlen(texts[i]), &c));
    }
}

/* ---- Ports ---- */

static void
a_line_of_the_kernel_is_a_socket(void **state)
{
    struct proc_socket s;

    (void)state;
    assert_true(proc_read_socket("  123: 0100007F:0202 00000000:0000 07 00000000:00000000 "
                                 "00:00000000 00000000   0        0 4242 2 0000000000000000 0",
        &s));
    assert_int_equal(s.port, 514);
    assert_int_equal(s.state, 7);
    assert_int_equal(s.inode, 4242);
    assert_false(s.v6);
    assert_true(proc_read_socket("    0: 00000000000000000000000001000000:0035 "
                                 "00000000000000000000000000000000:0000 0A 00000000:00000000 "
                                 "00:00000000 00000000   0        0 7 1 0000000000000000 100",
        &s));
    assert_true(s.v6);
    assert_int_equal(s.address[15], 1);
    assert_int_equal(s.state, 10);
}

static void
the_heading_of_the_list_is_no_socket(void **state)
{
    struct proc_socket s;

    (void)state;
    assert_false(proc_read_socket(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid", &s));
    assert_false(proc_read_socket("", &s));
    assert_false(proc_read_socket("1: 0100007F", &s));
}

static struct proc_listen
listen_on(const char *text)
{
    struct proc_listen l;

    assert_true(proc_read_listen(text, &l));
    return l;
}

static void
listeners_without_a_port_have_none(void **state)
{
    static const char *const texts[] = { "fd://main", "unix:///run/log", "udp://127.0.0.1",
        "udp://127.0.0.1:0", "udp://127.0.0.1:65536", "udp://name:514", "udp://", "" };
    struct proc_listen l;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(proc_read_listen(texts[i], &l));
    }
}

/* A UDP socket on port 514 of an address as the kernel writes it. */
static bool
holds(const char *address, const char *listen)
{
    char line[200];
    struct proc_socket s;
    struct proc_listen l = listen_on(listen);

    (void)snprintf(line, sizeof(line), " 1: %s:0202 0:0 %s 0:0 0:0 0 0 0 9 2 0 0", address,
        l.tcp ? "0A" : "07");
    assert_true(proc_read_socket(line, &s));
    return proc_holds(&s, &l);
}

#define V6_ANY "00000000000000000000000000000000"
#define V6_LOOPBACK "00000000000000000000000001000000"

static void
a_port_is_held_by_sockets_whose_address_overlaps(void **state)
{
    (void)state;
    assert_true(holds("0100007F", "udp://127.0.0.1:514"));
    assert_true(holds("00000000", "udp://127.0.0.1:514"));
    assert_true(holds("0100007F", "udp://0.0.0.0:514"));
    assert_true(holds(V6_ANY, "udp://127.0.0.1:514"));
    assert_true(holds("0100007F", "udp://[::]:514"));
    assert_true(holds(V6_LOOPBACK, "udp://[::1]:514"));
    assert_true(holds("0100007F", "tcp://127.0.0.1:514"));
    assert_false(holds("0200007F", "udp://127.0.0.1:514"));
    assert_false(holds("0100007F", "udp://127.0.0.1:515"));
    assert_false(holds(V6_LOOPBACK, "udp://0.0.0.0:514"));
    assert_false(holds("00000000", "udp://[::1]:514"));
}

static void
a_socket_of_another_protocol_holds_nothing(void **state)
{
    struct proc_socket s;
    struct proc_listen udp = listen_on("udp://127.0.0.1:514");

    (void)state;
    /* 01: connected; a datagram from its one peer only reaches it. */
    assert_true(proc_read_socket(" 1: 0100007F:0202 0:0 01 0:0 0:0 0 0 0 9 2 0 0", &s));
    assert_false(proc_holds(&s, &udp));
}

/* ---- Numbers of a daemon ---- */

static const char NUMBERS[] = "# HELP a_total Some.\n"
                              "a_total{listener=\"x\",reason=\"full\"} 3\n"
                              "a_total{listener=\"y\",reason=\"full\"} 4\n"
                              "a_total{listener=\"y\",reason=\"none\"} 0\n"
                              "a_total_more 100\n"
                              "b 12";

static void
samples_of_a_family_are_summed(void **state)
{
    uint64_t sum = 0;

    (void)state;
    assert_true(metrics_sum(NUMBERS, "a_total", NULL, &sum));
    assert_int_equal(sum, 7);
    assert_true(metrics_sum(NUMBERS, "a_total", "listener=\"y\"", &sum));
    assert_int_equal(sum, 4);
    assert_true(metrics_sum(NUMBERS, "b", NULL, &sum));
    assert_int_equal(sum, 12);
}

static void
an_absent_family_leaves_the_sum_as_it_was(void **state)
{
    uint64_t sum = 5;

    (void)state;
    assert_false(metrics_sum(NUMBERS, "a", NULL, &sum));
    assert_false(metrics_sum(NUMBERS, "a_total", "listener=\"z\"", &sum));
    assert_false(metrics_sum("", "a", NULL, &sum));
    assert_int_equal(sum, 5);
}

static void
append_reason(void *arg, const char *reason, uint64_t count)
{
    size_t used = strlen(arg);

    (void)snprintf((char *)arg + used, 100 - used, "%s=%u ", reason, (unsigned)count);
}

static void
reasons_that_never_occurred_are_passed_over(void **state)
{
    char text[100] = "";

    (void)state;
    metrics_reasons(NUMBERS, "a_total", append_reason, text);
    assert_string_equal(text, "full=3 full=4 ");
}

/* ---- Programs ---- */

static struct child_output output;

/* What `script` does in a shell that is found on PATH. */
static int
run(const char *script, unsigned timeout_ms)
{
    const char *const argv[] = { "sh", "-c", script, NULL };
    const struct child child = { .argv = argv, .timeout_ms = timeout_ms };

    return child_run(&child, &output);
}

static void
a_program_tells_its_output_and_exit_code(void **state)
{
    (void)state;
    assert_int_equal(run("echo out; echo err >&2; exit 3", 20000), 3);
    assert_string_equal(output.out, "out\n");
    assert_string_equal(output.err, "err\n");
}

static void
a_program_that_does_not_end_is_killed(void **state)
{
    (void)state;
    assert_int_equal(run("echo first; exec sleep 600", 300), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_string_equal(output.out, "first\n");
}

static void
a_program_that_is_not_there_cannot_be_run(void **state)
{
    static const char *const names[] = { "/nonexistent/program", "no-program-has-this-name" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *const argv[] = { names[i], NULL };
        const struct child child = { .argv = argv, .timeout_ms = 1000 };
        errno = 0;
        assert_int_equal(child_run(&child, &output), -1);
        assert_int_equal(errno, ENOENT);
    }
}

static void
output_beyond_the_limit_is_cut_and_the_program_ends(void **state)
{
    (void)state;
    assert_int_equal(run("head -c 1000000 /dev/zero | tr '\\0' x", 20000), 0);
    assert_int_equal(strlen(output.out), CHILD_OUTPUT_MAX - 1);
}

/* ---- Checks ---- */

static void
checks_are_found_by_id_and_result(void **state)
{
    static struct checks c;

    (void)state;
    checks_add(&c, "a", CHECK_WARN, "do %% it", "cause %d", 1);
    assert_true(checks_have(&c, "a", CHECK_WARN));
    assert_false(checks_have(&c, "a", CHECK_FAIL));
    assert_false(checks_have(&c, "b", CHECK_WARN));
    assert_string_equal(c.list[0].trouble.cause, "cause 1");
}

static void
more_checks_than_fit_are_left_out(void **state)
{
    static struct checks c;

    (void)state;
    for (size_t i = 0; i < CHECKS_MAX + 2; i++) {
        checks_add(&c, "a", CHECK_OK, "", "x");
    }
    assert_int_equal(c.count, CHECKS_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_daemon_prints_is_read),
        cmocka_unit_test(an_automatic_inbox_and_metrics_that_are_off_are_none),
        cmocka_unit_test(what_is_no_configuration_is_refused),
        cmocka_unit_test(a_line_of_the_kernel_is_a_socket),
        cmocka_unit_test(the_heading_of_the_list_is_no_socket),
        cmocka_unit_test(listeners_without_a_port_have_none),
        cmocka_unit_test(a_port_is_held_by_sockets_whose_address_overlaps),
        cmocka_unit_test(a_socket_of_another_protocol_holds_nothing),
        cmocka_unit_test(samples_of_a_family_are_summed),
        cmocka_unit_test(an_absent_family_leaves_the_sum_as_it_was),
        cmocka_unit_test(reasons_that_never_occurred_are_passed_over),
        cmocka_unit_test(a_program_tells_its_output_and_exit_code),
        cmocka_unit_test(a_program_that_does_not_end_is_killed),
        cmocka_unit_test(a_program_that_is_not_there_cannot_be_run),
        cmocka_unit_test(output_beyond_the_limit_is_cut_and_the_program_ends),
        cmocka_unit_test(checks_are_found_by_id_and_result),
        cmocka_unit_test(more_checks_than_fit_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
