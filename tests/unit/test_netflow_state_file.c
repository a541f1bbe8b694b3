/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "state_file.h"

#include "sr/log.h"

#include "sr/banned.h"

#define ENTRIES_MAX 64
#define BYTES_MAX (256U * 1024)
#define THREADS 3U
#define APPENDS 4000U

/* What a file told, in one line an entry. */
struct told {
    unsigned count;
    char lines[ENTRIES_MAX][200];
};

struct bench {
    char dir[64];
    char path[128];
    char error[256];
};

static char *
next_line(struct told *t)
{
    assert_true(t->count < ENTRIES_MAX);
    return t->lines[t->count++];
}

static void
on_exporter(void *arg, struct sr_span listener, struct sr_span saved)
{
    (void)snprintf(next_line(arg), 200, "%.*s exporter %.*s", (int)listener.len,
        (const char *)listener.data, (int)(saved.len < 40 ? saved.len : 40),
        (const char *)saved.data);
}

static void
on_datagram(void *arg, struct sr_span listener, const struct sr_peer *peer, uint64_t now_ns,
    struct sr_span bytes)
{
    char address[SR_PEER_TEXT_MAX];

    (void)sr_peer_text(peer, address);
    (void)snprintf(next_line(arg), 200, "%.*s datagram %s %u %llu %.*s", (int)listener.len,
        (const char *)listener.data, address, peer->port, (unsigned long long)now_ns,
        (int)(bytes.len < 40 ? bytes.len : 40), (const char *)bytes.data);
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/sr-state-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->path, sizeof(b->path), "%s/templates", b->dir);
    sr_log_set_level(SR_LOG_ERROR);
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;

    (void)chmod(b->dir, 0700);
    assert_int_equal(folder_remove(b->dir), 0);
    free(b);
    return 0;
}

static struct state_file *
open_file(struct bench *b, struct told *told)
{
    struct state_file_reader reader = { told, on_exporter, on_datagram };

    memset(told, 0, sizeof(*told));
    return state_file_open(b->path, &reader, b->error, sizeof(b->error));
}

/* What a reader finds now. */
static struct told
read_back(struct bench *b)
{
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_non_null(f);
    state_file_close(f);
    return told;
}

static void
append(struct state_file *f, const char *text)
{
    struct sr_peer peer = { .address = { 192, 0, 2, 7 }, .port = 4711 };

    state_file_append(f, "udp", &peer, 5, span_of(text));
}

static int
rewrite_with(struct state_file *f, const char *one, const char *two)
{
    state_file_begin(f);
    state_file_put(f, "udp", span_of(one));
    state_file_put(f, "tcp", span_of(two));
    return state_file_end(f);
}

static size_t
size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static size_t
slurp(const char *path, uint8_t *out)
{
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    size_t len = fread(out, 1, BYTES_MAX, f);
    (void)fclose(f);
    return len;
}

static void
spill(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    (void)fclose(f);
}

/* What a reader would find after a kill: the file itself is in use. */
static struct told
read_copy(const struct bench *b)
{
    static uint8_t bytes[BYTES_MAX];
    struct bench copy = *b;

    (void)snprintf(copy.path, sizeof(copy.path), "%s/copy", b->dir);
    spill(copy.path, bytes, slurp(b->path, bytes));
    return read_back(&copy);
}

/* ---- Tests ---- */

static void
what_is_written_anew_and_appended_is_read_back_in_order(void **state)
{
    struct bench *b = *state;
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_non_null(f);
    assert_int_equal(told.count, 0);
    assert_true(state_file_is_due(f));
    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    assert_false(state_file_is_due(f));
    append(f, "one");
    append(f, "two");
    assert_int_equal(state_file_sync(f), 0);
    state_file_close(f);

    told = read_back(b);
    assert_int_equal(told.count, 4);
    assert_string_equal(told.lines[0], "udp exporter A");
    assert_string_equal(told.lines[1], "tcp exporter B");
    assert_string_equal(told.lines[2], "udp datagram 192.0.2.7 4711 5 one");
    assert_string_equal(told.lines[3], "udp datagram 192.0.2.7 4711 5 two");
}

static void
what_is_appended_while_it_is_written_anew_is_kept(void **state)
{
    struct bench *b = *state;
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    append(f, "before");
    state_file_begin(f);
    append(f, "during");
    state_file_put(f, "udp", span_of("A2"));
    append(f, "during too");
    assert_int_equal(state_file_end(f), 0);
    append(f, "after");
    state_file_close(f);

    told = read_back(b);
    assert_int_equal(told.count, 4);
    assert_string_equal(told.lines[0], "udp exporter A2");
    assert_string_equal(told.lines[1], "udp datagram 192.0.2.7 4711 5 during");
    assert_string_equal(told.lines[2], "udp datagram 192.0.2.7 4711 5 during too");
    assert_string_equal(told.lines[3], "udp datagram 192.0.2.7 4711 5 after");
}

static void
a_file_cut_anywhere_gives_what_is_whole_and_takes_more(void **state)
{
    struct bench *b = *state;
    static uint8_t bytes[BYTES_MAX];
    size_t ends[6] = { 0 };
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    ends[2] = size_of(b->path);
    append(f, "one");
    ends[3] = size_of(b->path);
    append(f, "two");
    ends[4] = size_of(b->path);
    state_file_close(f);
    ends[1] = ends[2] - (8 + 2 + 3 + 1);
    size_t len = slurp(b->path, bytes);
    for (size_t cut = 0; cut <= len; cut++) {
        unsigned whole = 0;
        while (whole < 4 && ends[whole + 1] <= cut) {
            whole++;
        }
        spill(b->path, bytes, cut);
        f = open_file(b, &told);
        assert_non_null(f);
        assert_int_equal(told.count, whole);
        if (state_file_is_due(f)) {
            assert_int_equal(rewrite_with(f, "A", "B"), 0);
            whole = 2;
        }
        append(f, "more");
        state_file_close(f);
        told = read_back(b);
        assert_int_equal(told.count, whole + 1);
        assert_string_equal(told.lines[whole], "udp datagram 192.0.2.7 4711 5 more");
    }
}

static void
no_flipped_bit_is_taken_for_content(void **state)
{
    struct bench *b = *state;
    static uint8_t bytes[BYTES_MAX];
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    append(f, "one");
    state_file_close(f);
    size_t len = slurp(b->path, bytes);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        spill(b->path, bytes, len);
        told = read_back(b);
        assert_in_range(told.count, 0, 2);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void
a_file_of_something_else_is_set_aside(void **state)
{
    struct bench *b = *state;
    char aside[160];
    struct told told;
    uint8_t found[64];

    spill(b->path, "my shopping list", 16);
    struct state_file *f = open_file(b, &told);
    assert_non_null(f);
    assert_int_equal(told.count, 0);
    assert_true(state_file_is_due(f));
    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    state_file_close(f);
    assert_int_equal(read_back(b).count, 2);
    (void)snprintf(aside, sizeof(aside), "%s.corrupt", b->path);
    assert_int_equal(slurp(aside, found), 16);
    assert_memory_equal(found, "my shopping list", 16);
}

static void
damage_before_the_end_is_set_aside_and_what_is_before_it_is_read(void **state)
{
    struct bench *b = *state;
    static uint8_t bytes[BYTES_MAX];
    char aside[160];
    struct told told;
    struct sr_peer peer = { .port = 1 };
    struct state_file *f = open_file(b, &told);

    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    for (unsigned i = 0; i < 3; i++) {
        state_file_append(f, "udp", &peer, 1, (struct sr_span){ bytes, 60000 });
    }
    state_file_close(f);
    size_t len = slurp(b->path, bytes);
    bytes[8 + 14 + 14 + 500] ^= 1;
    spill(b->path, bytes, len);
    told = read_back(b);
    assert_int_equal(told.count, 2);
    (void)snprintf(aside, sizeof(aside), "%s.corrupt", b->path);
    assert_int_equal(size_of(aside), len);
}

static void
damage_in_a_small_file_is_no_torn_end(void **state)
{
    struct bench *b = *state;
    static uint8_t bytes[BYTES_MAX];
    char aside[160];
    struct told told;
    struct state_file *f = open_file(b, &told);

    (void)snprintf(aside, sizeof(aside), "%s.corrupt", b->path);
    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    append(f, "one");
    state_file_close(f);
    size_t len = slurp(b->path, bytes);
    bytes[len - 1] ^= 1; /* the last entry: as a crash leaves it */
    spill(b->path, bytes, len);
    assert_int_equal(read_back(b).count, 2);
    assert_int_equal(access(aside, F_OK), -1);
    bytes[8 + 14 - 1] ^= 1; /* the first exporter */
    bytes[len - 1] ^= 1;
    spill(b->path, bytes, len);
    assert_int_equal(read_back(b).count, 0);
    assert_int_equal(size_of(aside), len);
}

static void
two_processes_do_not_share_a_file(void **state)
{
    struct bench *b = *state;
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_non_null(f);
    assert_null(open_file(b, &told));
    assert_non_null(strstr(b->error, "is used by another process"));
    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    assert_null(open_file(b, &told)); /* the new file is locked as well */
    state_file_close(f);
    assert_int_equal(read_back(b).count, 2);
}

static void
a_killed_writer_loses_nothing_it_appended_and_no_lock_stays(void **state)
{
    struct bench *b = *state;
    struct told told;
    int status;

    pid_t pid = fork();
    if (pid == 0) {
        struct state_file *f = open_file(b, &told);
        (void)rewrite_with(f, "A", "B");
        append(f, "one");
        state_file_begin(f); /* half of a new file is no harm */
        state_file_put(f, "udp", span_of("A2"));
        append(f, "two");
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    told = read_back(b);
    assert_int_equal(told.count, 4);
    assert_string_equal(told.lines[0], "udp exporter A");
    assert_string_equal(told.lines[3], "udp datagram 192.0.2.7 4711 5 two");
}

static void
a_missing_last_directory_is_made_and_another_is_named(void **state)
{
    struct bench *b = *state;
    struct told told;

    (void)snprintf(b->path, sizeof(b->path), "%s/x/y/templates", b->dir);
    assert_null(open_file(b, &told));
    assert_non_null(strstr(b->error, "No such file"));
    assert_non_null(strstr(b->error, "make the directory"));
    (void)snprintf(b->path, sizeof(b->path), "%s/x/templates", b->dir);
    struct state_file *f = open_file(b, &told);
    assert_non_null(f);
    state_file_close(f);
}

static void
a_directory_in_its_place_is_named(void **state)
{
    struct bench *b = *state;
    struct told told;

    assert_int_equal(mkdir(b->path, 0700), 0);
    assert_null(open_file(b, &told));
    assert_non_null(strstr(b->error, "plain file"));
}

/* Root may write everywhere, so a child that is nobody tries. */
static void
without_the_right_to_write_it_says_so(void **state)
{
    struct bench *b = *state;
    struct told told;
    int status;

    assert_int_equal(chmod(b->dir, 0500), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool nobody = geteuid() != 0 || setuid(65534) == 0;
        bool refused = open_file(b, &told) == NULL && strstr(b->error, "chown") != NULL;
        _exit(nobody && refused ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
when_it_cannot_be_written_anew_the_old_file_goes_on(void **state)
{
    struct bench *b = *state;
    char obstacle[160];
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    append(f, "one");
    (void)snprintf(obstacle, sizeof(obstacle), "%s.new", b->path);
    assert_int_equal(mkdir(obstacle, 0700), 0);
    assert_int_equal(rewrite_with(f, "A2", "B2"), EISDIR);
    assert_true(state_file_is_due(f));
    assert_false(state_file_is_behind(f));
    append(f, "two"); /* it can be appended to as before */
    told = read_copy(b);
    assert_int_equal(told.count, 4);
    assert_string_equal(told.lines[3], "udp datagram 192.0.2.7 4711 5 two");
    assert_int_equal(rmdir(obstacle), 0);
    assert_int_equal(rewrite_with(f, "A3", "B3"), 0);
    state_file_close(f);
    assert_string_equal(read_back(b).lines[0], "udp exporter A3");
}

/* Appends with a file that may not grow any more, as on a full disk. */
static void
append_without_room(struct bench *b, struct state_file *f, const char *text)
{
    struct rlimit before, none;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = size_of(b->path);
    assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    append(f, text);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_ptr_not_equal(signal(SIGXFSZ, SIG_DFL), SIG_ERR);
}

static void
it_is_behind_from_what_it_cannot_take_until_it_is_written_anew(void **state)
{
    struct bench *b = *state;
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_true(state_file_is_behind(f)); /* there is nothing in it yet */
    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    assert_false(state_file_is_behind(f));
    append_without_room(b, f, "one");
    assert_true(state_file_is_behind(f));
    append(f, "two"); /* not without the one before */
    assert_true(state_file_is_behind(f));
    assert_int_equal(read_copy(b).count, 2);

    state_file_begin(f);
    append(f, "three");
    assert_true(state_file_is_behind(f));
    state_file_put(f, "udp", span_of("A2"));
    assert_int_equal(state_file_end(f), 0);
    assert_false(state_file_is_behind(f));
    told = read_copy(b);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.lines[0], "udp exporter A2");
    assert_string_equal(told.lines[1], "udp datagram 192.0.2.7 4711 5 three");

    state_file_begin(f);
    append_without_room(b, f, "four"); /* after it may have been put */
    state_file_put(f, "udp", span_of("A3"));
    assert_int_equal(state_file_end(f), 0);
    assert_true(state_file_is_behind(f));
    state_file_close(f);
}

static void
a_storm_of_changes_is_bounded_and_makes_it_due(void **state)
{
    struct bench *b = *state;
    static uint8_t bytes[60000];
    struct sr_peer peer = { .port = 1 };
    struct told told;
    struct state_file *f = open_file(b, &told);

    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    for (unsigned i = 0; i < 1000; i++) {
        state_file_append(f, "udp", &peer, 1, (struct sr_span){ bytes, sizeof(bytes) });
    }
    assert_true(state_file_is_due(f));
    assert_true(state_file_is_behind(f));
    assert_in_range(size_of(b->path), 16U << 20, (16U << 20) + 70000);
    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    assert_false(state_file_is_due(f));
    assert_in_range(size_of(b->path), 0, 100);
    state_file_close(f);
}

/* ---- Threads ---- */

struct appender {
    struct state_file *f;
    uint16_t number;
    _Atomic bool done;
};

static void *
append_all(void *arg)
{
    struct appender *a = arg;
    struct sr_peer peer = { .port = a->number };
    uint8_t bytes[500] = { 0 };

    for (uint64_t i = 1; i <= APPENDS; i++) {
        state_file_append(a->f, "udp", &peer, i, (struct sr_span){ bytes, sizeof(bytes) });
    }
    a->done = true;
    return NULL;
}

/* What a thread appended must be there from some entry on to the last, in order. */
struct runs {
    uint64_t last[THREADS];
    uint64_t exporters;
};

static void
count_exporter(void *arg, struct sr_span listener, struct sr_span saved)
{
    struct runs *r = arg;

    (void)listener;
    (void)saved;
    r->exporters++;
}

static void
check_run(void *arg, struct sr_span listener, const struct sr_peer *peer, uint64_t now_ns,
    struct sr_span bytes)
{
    struct runs *r = arg;

    (void)listener;
    assert_int_equal(bytes.len, 500);
    assert_true(r->last[peer->port] == 0 || r->last[peer->port] + 1 == now_ns);
    r->last[peer->port] = now_ns;
}

static void
threads_append_in_their_order_while_it_is_written_anew(void **state)
{
    struct bench *b = *state;
    struct runs runs = { 0 };
    struct state_file_reader reader = { &runs, count_exporter, check_run };
    struct appender appenders[THREADS];
    pthread_t threads[THREADS];
    struct state_file *f = state_file_open(b->path, &reader, b->error, sizeof(b->error));
    unsigned times = 0;

    assert_int_equal(rewrite_with(f, "A", "B"), 0);
    for (uint16_t i = 0; i < THREADS; i++) {
        appenders[i] = (struct appender){ .f = f, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, append_all, &appenders[i]), 0);
    }
    while (!appenders[0].done || !appenders[1].done || !appenders[2].done) {
        assert_int_equal(rewrite_with(f, "A", "B"), 0);
        assert_int_equal(state_file_sync(f), 0);
        times++;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    state_file_close(f);
    assert_true(times > 0);
    f = state_file_open(b->path, &reader, b->error, sizeof(b->error));
    assert_non_null(f);
    assert_int_equal(runs.exporters, 2);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_true(runs.last[i] == APPENDS || runs.last[i] == 0); /* 0: written anew behind it */
    }
    state_file_close(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_is_written_anew_and_appended_is_read_back_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_appended_while_it_is_written_anew_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_file_cut_anywhere_gives_what_is_whole_and_takes_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_flipped_bit_is_taken_for_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_something_else_is_set_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            damage_before_the_end_is_set_aside_and_what_is_before_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_in_a_small_file_is_no_torn_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_processes_do_not_share_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_killed_writer_loses_nothing_it_appended_and_no_lock_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_missing_last_directory_is_made_and_another_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_in_its_place_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_right_to_write_it_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            when_it_cannot_be_written_anew_the_old_file_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            it_is_behind_from_what_it_cannot_take_until_it_is_written_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_storm_of_changes_is_bounded_and_makes_it_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            threads_append_in_their_order_while_it_is_written_anew, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
