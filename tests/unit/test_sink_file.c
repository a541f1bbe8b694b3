/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/clock.h"
#include "sr/deadletter.h"
#include "sr/log.h"
#include "sr/queue.h"
#include "sr/sink.h"
#include "sr/stats.h"
#include "wait.h"

static char folder[64], path[96], rotated[96], dead_path[96];
static struct sr_queue *queue;
static struct sr_stats *stats;
static struct sr_lane *records, *dead;
static struct sr_delivery_stats *delivery;
static struct sr_sink *sink;

static int
make_folder(void **state)
{
    struct sr_queue_options options = { .memory = 16U << 20, .listeners = 1, .run_id = 1 };
    struct sr_lane_options lane = { .subject = "logs.x" };
    unsigned workers = 1;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/sr-sink-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/out", folder);
    (void)snprintf(rotated, sizeof(rotated), "%s/out.1", folder);
    (void)snprintf(dead_path, sizeof(dead_path), "%s/out.deadletter", folder);
    queue = sr_queue_new(&options);
    stats = sr_stats_new(1, &workers);
    records = sr_queue_add_lane(queue, &lane);
    lane.dead = true;
    dead = sr_queue_add_lane(queue, &lane);
    delivery = &stats->listeners[0].delivery;
    return records == NULL || dead == NULL;
}

static int
remove_folder(void **state)
{
    (void)state;
    if (sink != NULL) {
        sink->ops->stop(sink, 0);
        sink->ops->free(sink);
        sink = NULL;
    }
    sr_queue_free(queue);
    sr_stats_free(stats);
    (void)unlink(path);
    (void)rmdir(path);
    (void)unlink(rotated);
    (void)unlink(dead_path);
    return rmdir(folder);
}

static void
start_sink(const char *file, enum sr_framing framing)
{
    char error[256] = "";

    sink = sr_sink_file_new(queue, stats, file, framing);
    assert_non_null(sink);
    assert_true(sink->ops->start(sink, error, sizeof(error)));
    assert_string_equal(error, "");
}

static void
stop_sink(uint64_t patience_ns)
{
    sink->ops->stop(sink, sr_clock_monotonic_ns() + patience_ns);
}

static void
put_bytes(const void *bytes, size_t len)
{
    uint8_t *room = sr_lane_reserve(records, len, 1);

    assert_non_null(room);
    memcpy(room, bytes, len);
    sr_lane_commit(records, len, 0, 1);
    sr_lane_flush(records);
}

static void
put(const char *text)
{
    put_bytes(text, strlen(text));
}

static bool
is_up(void)
{
    struct sr_sink_status status;

    sink->ops->status(sink, &status);
    return status.up;
}

static bool
wait_until_up_is(bool up)
{
    for (unsigned i = 0; i < WAIT_STEPS && is_up() != up; i++) {
        wait_a_moment();
    }
    return is_up() == up;
}

/* The file's content, NUL-terminated, to be freed. */
static char *
content(const char *file, size_t *ret_len)
{
    FILE *f = fopen(file, "r");
    char *out = calloc(1, 1U << 20);

    assert_non_null(f);
    assert_non_null(out);
    *ret_len = fread(out, 1, (1U << 20) - 1, f);
    (void)fclose(f);
    return out;
}

static void
assert_content(const char *file, const char *expected)
{
    size_t len;
    char *text = content(file, &len);

    assert_string_equal(text, expected);
    free(text);
}

static void
records_are_lines_of_ndjson(void **state)
{
    struct stat st;

    (void)state;
    (void)umask(022);
    start_sink(path, SR_FRAMING_NDJSON);
    put("{\"a\":1}");
    put("{\"b\":2}");
    assert_true(wait_for(&delivery->stored, 2));
    stop_sink(0);
    assert_content(path, "{\"a\":1}\n{\"b\":2}\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(sr_lane_empty(records));
}

static void
delimited_records_have_their_length_as_a_varint_before_them(void **state)
{
    static uint8_t large[20000];
    size_t len;

    (void)state;
    memset(large, 'x', sizeof(large));
    start_sink(path, SR_FRAMING_DELIMITED);
    put("abc");
    put_bytes(large, 300);
    put_bytes(large, sizeof(large));
    assert_true(wait_for(&delivery->stored, 3));
    stop_sink(0);
    char *text = content(path, &len);
    assert_int_equal(len, 1 + 3 + 2 + 300 + 3 + 20000);
    assert_memory_equal(text,
        "\x03"
        "abc\xac\x02xxx",
        9);
    assert_memory_equal(text + 306, "\xa0\x9c\x01xxx", 6); /* 20000 = 0x20 + 0x1c << 7 + 1 << 14 */
    free(text);
}

static void
dead_letters_are_json_lines_in_a_file_of_their_own(void **state)
{
    struct sr_peer peer = { .address = { 192, 0, 2, 7 }, .port = 99 };
    uint8_t *room = sr_lane_reserve(dead, SR_DEADLETTER_OVERHEAD + 3, 1);

    (void)state;
    assert_non_null(room);
    struct sr_buf b = sr_buf_over(room, SR_DEADLETTER_OVERHEAD + 3);
    size_t attributes = sr_deadletter_write(
        &b, "bad_pri", &peer, 5, (struct sr_span){ (const uint8_t *)"<\0\n", 3 });
    sr_lane_commit(dead, b.len, attributes, 1);
    sr_lane_flush(dead);
    put("record");
    start_sink(path, SR_FRAMING_DELIMITED);
    assert_true(wait_for(&delivery->stored_dead, 1));
    assert_true(wait_for(&delivery->stored, 1));
    stop_sink(0);
    assert_content(
        dead_path, "{\"error\":\"bad_pri\",\"raw\":\"3c000a\",\"source\":\"192.0.2.7\"}\n");
    assert_content(path, "\x06record");
}

static void
a_reload_after_a_rename_goes_on_in_a_new_file(void **state)
{
    (void)state;
    start_sink(path, SR_FRAMING_NDJSON);
    put("one");
    assert_true(wait_for(&delivery->stored, 1));
    assert_int_equal(rename(path, rotated), 0);
    put("two");
    assert_true(wait_for(&delivery->stored, 2));
    sink->ops->reload(sink);
    while (access(path, F_OK) != 0) {
        wait_a_moment();
    }
    put("three");
    assert_true(wait_for(&delivery->stored, 3));
    stop_sink(0);
    assert_content(rotated, "one\ntwo\n");
    assert_content(path, "three\n");
}

static void
a_path_that_cannot_be_opened_is_refused_at_the_start(void **state)
{
    char error[256] = "";

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    sink = sr_sink_file_new(queue, stats, path, SR_FRAMING_NDJSON);
    assert_false(sink->ops->start(sink, error, sizeof(error)));
    assert_non_null(strstr(error, "file.path"));
    assert_non_null(strstr(error, "Is a directory"));
}

static void
a_path_that_goes_away_on_reload_is_opened_when_it_is_mended(void **state)
{
    (void)state;
    start_sink(path, SR_FRAMING_NDJSON);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    sink->ops->reload(sink);
    assert_true(wait_until_up_is(false));
    put("kept");
    assert_int_equal(rmdir(path), 0); /* nobody reloads again */
    assert_true(wait_for(&delivery->stored, 1));
    assert_true(is_up());
    stop_sink(0);
    assert_content(path, "kept\n");
}

/* From now on files can grow to `bytes` only, as on a full disk. */
static void
limit_files_to(rlim_t bytes)
{
    struct rlimit limit;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
a_full_disk_keeps_records_waiting_and_tears_none(void **state)
{
    (void)state;
    start_sink(path, SR_FRAMING_NDJSON);
    limit_files_to(10);
    put("12345");
    put("67890");
    put("abcde");
    assert_true(wait_until_up_is(false));
    assert_true(sr_lane_queued(records) > 0);
    limit_files_to(RLIM_INFINITY);
    assert_true(wait_for(&delivery->stored, 3));
    stop_sink(0);
    assert_content(path, "12345\n67890\nabcde\n");
}

static void
a_reload_on_a_full_disk_without_a_rotation_tears_no_record(void **state)
{
    (void)state;
    limit_files_to(10);
    start_sink(path, SR_FRAMING_NDJSON);
    put("12345");
    put("67890");
    assert_true(wait_until_up_is(false));
    assert_int_equal(unlink(dead_path), 0);
    sink->ops->reload(sink);
    while (access(dead_path, F_OK) != 0) {
        wait_a_moment();
    }
    limit_files_to(RLIM_INFINITY);
    assert_true(wait_for(&delivery->stored, 2));
    stop_sink(0);
    assert_content(path, "12345\n67890\n");
}

static void
a_rotation_on_a_full_disk_starts_the_new_files_with_a_whole_record(void **state)
{
    (void)state;
    limit_files_to(10);
    start_sink(path, SR_FRAMING_NDJSON);
    put("12345");
    put("67890");
    assert_true(wait_until_up_is(false));
    assert_int_equal(rename(path, rotated), 0);
    assert_int_equal(unlink(dead_path), 0);
    sink->ops->reload(sink);
    assert_true(wait_for(&delivery->stored, 2));
    limit_files_to(RLIM_INFINITY);
    stop_sink(0);
    assert_content(rotated, "12345\n6789");
    assert_content(path, "67890\n");
    assert_int_equal(access(dead_path, F_OK), 0); /* the other file is opened anew too */
}

static void
a_stop_writes_what_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        put("{\"message\":\"some text\"}");
    }
    start_sink(path, SR_FRAMING_NDJSON);
    stop_sink(10 * SR_NS_PER_SECOND);
    assert_int_equal(sr_counted(&delivery->stored), 20000);
    assert_true(sr_lane_empty(records));
}

static void
a_stop_gives_up_at_its_deadline_when_nothing_can_be_written(void **state)
{
    (void)state;
    limit_files_to(0);
    start_sink(path, SR_FRAMING_NDJSON);
    put("lost");
    assert_true(wait_until_up_is(false));
    stop_sink(0);
    limit_files_to(RLIM_INFINITY);
    assert_int_equal(sr_counted(&delivery->stored), 0);
    assert_int_equal(sr_lane_queued(records), 1);
}

static void
discard_counts_everything_as_stored(void **state)
{
    char error[256];

    (void)state;
    sink = sr_sink_discard_new(queue, stats);
    assert_true(sink->ops->start(sink, error, sizeof(error)));
    put("a");
    put("b");
    assert_true(wait_for(&delivery->stored, 2));
    stop_sink(0);
    assert_true(sr_lane_empty(records));
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
standard_output_that_nobody_reads_ends_the_program(void **state)
{
    struct sr_sink_status status;
    int saved = dup(STDOUT_FILENO);
    int ends[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    (void)fflush(stdout);
    assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
    (void)close(ends[1]);
    start_sink(NULL, SR_FRAMING_NDJSON);
    put("read");
    char text[16] = "";
    assert_int_equal(read(ends[0], text, sizeof(text)), 5);
    assert_string_equal(text, "read\n");
    (void)close(ends[0]);
    put("not read");
    do {
        wait_a_moment();
        sink->ops->status(sink, &status);
    } while (!status.failed);
    stop_sink(10 * SR_NS_PER_SECOND);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
    assert_int_equal(sr_lane_queued(records), 1);
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_folder(records_are_lines_of_ndjson),
        with_folder(delimited_records_have_their_length_as_a_varint_before_them),
        with_folder(dead_letters_are_json_lines_in_a_file_of_their_own),
        with_folder(a_reload_after_a_rename_goes_on_in_a_new_file),
        with_folder(a_path_that_cannot_be_opened_is_refused_at_the_start),
        with_folder(a_path_that_goes_away_on_reload_is_opened_when_it_is_mended),
        with_folder(a_full_disk_keeps_records_waiting_and_tears_none),
        with_folder(a_reload_on_a_full_disk_without_a_rotation_tears_no_record),
        with_folder(a_rotation_on_a_full_disk_starts_the_new_files_with_a_whole_record),
        with_folder(a_stop_writes_what_waits),
        with_folder(a_stop_gives_up_at_its_deadline_when_nothing_can_be_written),
        with_folder(discard_counts_everything_as_stored),
        with_folder(standard_output_that_nobody_reads_ends_the_program),
    };
    sr_log_set_level((enum sr_log_level)0); /* write errors are expected */
    return cmocka_run_group_tests_name("sink_file", tests, NULL, NULL);
}
