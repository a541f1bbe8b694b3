/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a collector with a state of its own, as a process: the program here writes down how
 * it is called in memory that the test shares with it.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pcap_file.h"
#include "sr/runtime.h"
#include "wait.h"

#define ARGUMENTS_MAX 16
#define IPV4_OK "4500 001e 0001 0000 40 11 0000 c0000201 c0000202 0401 0202 000a 0000 6f6b"

enum step { NOTHING = 0, STATE, OPENED, LAST_TICK, LAST_MAINTENANCE, CLOSED, STATE_GONE };

struct shared {
    _Atomic uint64_t datagrams, ticks, maintained, maintaining_at_once;
    _Atomic uint64_t wrong; /* calls out of order, or with another state */
    _Atomic bool hold;      /* maintenance waits until this is false */
    _Atomic int in_maintenance;
    _Atomic int step;
    _Atomic bool daemon;
    _Atomic int form; /* of the last open */
    _Atomic bool options_too;
};

static struct shared *shared;
static int the_state; /* its address is the program's state */

/* ---- The program ---- */

/* `after`: what has happened before. */
static void
go_to(enum step step, enum step after)
{
    if (atomic_exchange(&shared->step, (int)step) != (int)after) {
        atomic_fetch_add(&shared->wrong, 1);
    }
}

static void
check_state(const void *state)
{
    if (state != &the_state) {
        atomic_fetch_add(&shared->wrong, 1);
    }
}

static void *
new_state(const void *config, bool daemon, char *error, size_t error_size)
{
    const struct sr_conf_common *c = config;

    if (strcmp(c->partition, "refused") == 0) {
        (void)snprintf(error, error_size, "partition: the state does not like it");
        return NULL;
    }
    go_to(STATE, OPENED);
    atomic_store(&shared->daemon, daemon);
    return &the_state;
}

static void
free_state(void *state)
{
    check_state(state);
    go_to(STATE_GONE, CLOSED);
}

static void
maintain(void *state, bool last)
{
    check_state(state);
    if (last) {
        go_to(LAST_MAINTENANCE, LAST_TICK);
    }
    if (atomic_fetch_add(&shared->in_maintenance, 1) > 0) {
        atomic_fetch_add(&shared->maintaining_at_once, 1);
    }
    atomic_fetch_add(&shared->maintained, 1);
    while (atomic_load(&shared->hold)) {
        wait_a_moment();
    }
    atomic_fetch_sub(&shared->in_maintenance, 1);
}

static void
write_metrics(void *state, FILE *out)
{
    check_state(state);
    (void)fputs("# HELP own Of the program.\n# TYPE own gauge\nown 1\n", out);
}

static void *
open_snapshot(const void *config, const struct sr_form_options *form, char *error, size_t size)
{
    (void)config;
    (void)error;
    (void)size;
    atomic_store(&shared->form, (int)form->form);
    atomic_store(&shared->options_too, form->options_too);
    if (atomic_load(&shared->step) == NOTHING) {
        go_to(OPENED, NOTHING);
    }
    return malloc(1);
}

static void
close_snapshot(void *snapshot)
{
    atomic_store(&shared->step, CLOSED);
    free(snapshot);
}

static void *
new_scratch(void)
{
    return malloc(1);
}

static enum sr_verdict
take_datagram(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    (void)snapshot;
    (void)listener;
    (void)scratch;
    (void)now_ns;
    (void)peer;
    (void)bytes;
    check_state(state);
    if (emit->explain != NULL) {
        emit->explain(emit->arg, span_of("\"because\""));
    }
    emit->consumed(emit->arg, "templates");
    atomic_fetch_add(&shared->datagrams, 1);
    return SR_CONSUMED;
}

static void
tick(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    bool last, const struct sr_emit *emit)
{
    struct sr_peer peer = { .address = { 192, 0, 2, 9 } };

    (void)snapshot;
    (void)listener;
    (void)scratch;
    check_state(state);
    if (last) {
        go_to(LAST_TICK, STATE);
        emit->deadletter(emit->arg, "no_template", &peer, now_ns, span_of("w"));
    }
    atomic_fetch_add(&shared->ticks, 1);
}

static const char *const protocols[] = { "test", NULL };

static const struct sr_conf_key listener_keys[] = {
    SR_CONF_LISTENER_KEYS(protocols, "test", "udp://127.0.0.1:2055", "test", "4MiB"),
    { .name = NULL },
};

static const struct sr_conf_key publish_keys[] = {
    SR_CONF_PUBLISH_KEYS("false"),
    { .name = NULL },
};

static const struct sr_conf_key queue_keys[] = {
    SR_CONF_QUEUE_KEYS("/nonexistent"),
    { .name = NULL },
};

static const struct sr_conf_key metrics_keys[] = {
    { .name = "listen",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_metrics, listen),
        .def = "off",
        .help = "-" },
    { .name = NULL },
};

static const struct sr_conf_key keys[] = {
    SR_CONF_COMMON_KEYS(
        listener_keys, struct sr_conf_listener, publish_keys, queue_keys, metrics_keys),
    { .name = NULL },
};

static const struct sr_conf_schema schema = {
    .program = "serviceradar-test",
    .keys = keys,
    .size = sizeof(struct sr_conf_common),
};

static struct sr_program program = {
    .name = "serviceradar-test",
    .about = "tests",
    .schema = &schema,
    .listener_size = sizeof(struct sr_conf_listener),
    .state_new = new_state,
    .state_free = free_state,
    .maintain = maintain,
    .metrics = write_metrics,
    .open = open_snapshot,
    .close = close_snapshot,
    .scratch_new = new_scratch,
    .scratch_free = free,
    .datagram = take_datagram,
    .tick = tick,
};

/* ---- Its process ---- */

static char out_path[] = "/tmp/sr-program-XXXXXX";
static char text[65536]; /* what the last process wrote to both of its outputs */

/* Runs the program with arguments up to NULL; returns the process. */
static pid_t
start(const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 2];
    int argc = 0;

    argv[argc++] = (char *)program.name;
    for (; arguments[argc - 1] != NULL; argc++) {
        assert_true(argc < ARGUMENTS_MAX);
        argv[argc] = (char *)arguments[argc - 1];
    }
    argv[argc] = NULL;
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(out_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        int rc = sr_program_main(&program, argc, argv);
        (void)fflush(NULL);
        _exit(rc);
    }
    return pid;
}

/* The exit code; `text` is what it wrote. */
static int
finish(pid_t pid)
{
    int status = 0;
    FILE *f = fopen(out_path, "rb");

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
run(const char *const *arguments)
{
    return finish(start(arguments));
}

static int
set_up(void **state)
{
    (void)state;
    memset(shared, 0, sizeof(*shared));
    program.has_raw_form = false;
    return 0;
}

static int
free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)close(fd);
    return ntohs(at.sin_port);
}

static pid_t
start_daemon(const char *more)
{
    static char listen[64];
    const char *const arguments[] = { "--set", listen, "--set", "output=discard", "--set", more,
        NULL };

    (void)snprintf(listen, sizeof(listen), "listeners.0.listen=udp://127.0.0.1:%d", free_port());
    return start(arguments);
}

static void
a_daemon_calls_everything_in_order_with_one_state(void **state)
{
    (void)state;
    pid_t pid = start_daemon("log.level=notice");
    assert_true(wait_for(&shared->ticks, 1));
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(finish(pid), 0);
    assert_int_equal(atomic_load(&shared->wrong), 0);
    assert_int_equal(atomic_load(&shared->step), STATE_GONE);
    assert_true(atomic_load(&shared->daemon));
    /* The dead letter of the last tick is in no lane: publish.dead_letter is false here. */
    assert_non_null(
        strstr(text, "received=0 parts=1 decoded=0 consumed=0 deadlettered=0 dropped=1"));
    assert_non_null(strstr(text, "balanced=yes"));
}

static void
maintenance_that_takes_long_is_alone_and_holds_up_nothing(void **state)
{
    (void)state;
    atomic_store(&shared->hold, true);
    pid_t pid = start_daemon("log.level=error");
    for (unsigned i = 0; i < WAIT_STEPS && atomic_load(&shared->ticks) < 3; i++) {
        wait_a_moment();
    }
    assert_true(atomic_load(&shared->ticks) >= 3);
    assert_int_equal(atomic_load(&shared->maintained), 1);
    assert_int_equal(kill(pid, SIGTERM), 0);
    /* The last one waits for it; nothing ends before. */
    for (unsigned i = 0; i < WAIT_STEPS && atomic_load(&shared->step) != LAST_TICK; i++) {
        wait_a_moment();
    }
    assert_int_equal(atomic_load(&shared->step), LAST_TICK);
    atomic_store(&shared->hold, false);
    assert_int_equal(finish(pid), 0);
    assert_int_equal(atomic_load(&shared->maintaining_at_once), 0);
    assert_int_equal(atomic_load(&shared->maintained), 2);
    assert_int_equal(atomic_load(&shared->step), STATE_GONE);
}

static void
a_state_that_cannot_be_made_ends_the_start(void **state)
{
    (void)state;
    assert_int_equal(finish(start_daemon("partition=refused")), 1);
    assert_non_null(strstr(text, "partition: the state does not like it"));
    assert_int_equal(atomic_load(&shared->maintained), 0);
}

static void
the_form_follows_the_output(void **state)
{
    static const struct {
        const char *output, *framing;
        enum sr_form form;
    } cases[] = {
        { "output=discard", "file.framing=ndjson", SR_FORM_WIRE },
        { "output=nats", "file.framing=ndjson", SR_FORM_WIRE },
        { "output=stdout", "file.framing=delimited", SR_FORM_JSON },
        { "output=file", "file.framing=ndjson", SR_FORM_JSON },
        { "output=file", "file.framing=delimited", SR_FORM_WIRE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const arguments[] = { "--set", cases[i].output, "--set", cases[i].framing,
            "--set", "file.path=/tmp/x", "--check-config", NULL };
        assert_int_equal(run(arguments), 0);
        assert_int_equal(atomic_load(&shared->form), cases[i].form);
        assert_false(atomic_load(&shared->options_too));
    }
}

static void
decode_has_a_state_and_ends_what_waits(void **state)
{
    struct pcap_file file;

    (void)state;
    pcap_file_start(&file, 101);
    pcap_file_add(&file, 7, IPV4_OK);
    pcap_file_finish(&file);
    const char *const arguments[] = { "decode", file.path, NULL };
    assert_int_equal(run(arguments), 0);
    assert_string_equal(text,
        "{\"error\":\"no_template\",\"raw\":\"77\",\"source\":\"192.0.2.9\"}\n"
        "{\"packets\":1,\"datagrams\":1,\"records\":0,\"errors\":{\"no_template\":1},"
        "\"consumed\":{\"templates\":1}}\n");
    assert_int_equal(atomic_load(&shared->wrong), 0);
    assert_int_equal(atomic_load(&shared->step), STATE_GONE);
    assert_false(atomic_load(&shared->daemon));
    assert_int_equal(atomic_load(&shared->form), SR_FORM_JSON);
    assert_int_equal(atomic_load(&shared->maintained), 0);
    pcap_file_remove(&file);
}

static void
decode_explains_for_who_asks(void **state)
{
    struct pcap_file file;

    (void)state;
    pcap_file_start(&file, 101);
    pcap_file_add(&file, 7, IPV4_OK);
    pcap_file_finish(&file);
    const char *const arguments[] = { "decode", "--explain", file.path, NULL };
    assert_int_equal(run(arguments), 0);
    assert_memory_equal(text, "{\"explain\":\"because\"}\n", 22);
    pcap_file_remove(&file);
}

static void
of_an_option_given_twice_the_last_one_counts(void **state)
{
    const char *const arguments[] = { "--output", "stdout", "--output", "discard", "--print-config",
        NULL };

    (void)state;
    assert_int_equal(run(arguments), 0);
    assert_non_null(strstr(text, "output: discard\n"));
}

static void
raw_form_and_options_are_for_programs_that_have_them(void **state)
{
    struct pcap_file file;

    (void)state;
    pcap_file_start(&file, 101);
    pcap_file_finish(&file);
    const char *const raw[] = { "decode", "--format", "raw", "--options", file.path, NULL };
    const char *const options[] = { "decode", "--options", file.path, NULL };
    const char *const help[] = { "--help", NULL };
    assert_int_equal(run(raw), 2);
    assert_non_null(strstr(text, "--format raw: only json is known"));
    assert_int_equal(run(options), 2);
    assert_non_null(strstr(text, "--options"));
    assert_int_equal(run(help), 0);
    assert_non_null(strstr(text, "--explain"));
    assert_null(strstr(text, "--options"));
    program.has_raw_form = true;
    assert_int_equal(run(raw), 0);
    assert_int_equal(atomic_load(&shared->form), SR_FORM_RAW);
    assert_true(atomic_load(&shared->options_too));
    assert_int_equal(run(help), 0);
    assert_non_null(strstr(text, "--options"));
    const char *const other[] = { "decode", "--format", "xml", file.path, NULL };
    assert_int_equal(run(other), 2);
    assert_non_null(strstr(text, "--format xml: only json and raw are known"));
    pcap_file_remove(&file);
}

static void
dead_letters_are_off_where_the_program_says_so(void **state)
{
    const char *const arguments[] = { "--print-config", NULL };

    (void)state;
    assert_int_equal(run(arguments), 0);
    assert_non_null(strstr(text, "dead_letter: false"));
}

#define lived(test) cmocka_unit_test_setup(test, set_up)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        lived(a_daemon_calls_everything_in_order_with_one_state),
        lived(maintenance_that_takes_long_is_alone_and_holds_up_nothing),
        lived(a_state_that_cannot_be_made_ends_the_start),
        lived(the_form_follows_the_output),
        lived(decode_has_a_state_and_ends_what_waits),
        lived(decode_explains_for_who_asks),
        lived(of_an_option_given_twice_the_last_one_counts),
        lived(raw_form_and_options_are_for_programs_that_have_them),
        lived(dead_letters_are_off_where_the_program_says_so),
    };

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fd = mkstemp(out_path);
    if (shared == MAP_FAILED || fd < 0) {
        return 1;
    }
    int rc = cmocka_run_group_tests_name("program", tests, NULL, NULL);
    (void)close(fd);
    (void)unlink(out_path);
    return rc;
}
