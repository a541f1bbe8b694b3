/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"
#include "shell/tap.h"
#include "shell/tap_client.h"
#include "sr/buf.h"
#include "sr/deadletter.h"
#include "sr/log.h"
#include "sr/queue.h"
#include "wait.h"

static char folder[] = "/tmp/test_tap.XXXXXX";
static char path[64], listen_at[80];
static struct sr_queue *queue;
static struct sr_lane *lane, *dead;
static struct tap *tap;

static int
set_up(void **state)
{
    struct sr_queue_options options = { .memory = 64U << 20, .listeners = 1, .run_id = 1 };
    struct sr_lane_options records = { .subject = "logs.x", .listener_name = "udp://\"a\"" };
    struct sr_lane_options letters = { .subject = "logs.x.deadletter", .dead = true };

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test_tap.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/x.sock", folder);
    (void)snprintf(listen_at, sizeof(listen_at), "unix://%s", path);
    queue = sr_queue_new(&options);
    lane = sr_queue_add_lane(queue, &records);
    dead = sr_queue_add_lane(queue, &letters);
    tap = NULL;
    return lane != NULL && dead != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    tap_stop(tap);
    sr_queue_free(queue);
    return folder_remove(folder);
}

static void
serve(bool is_binary)
{
    struct tap_options options = {
        .listen = listen_at, .program = "test", .version = "1", .is_binary = is_binary
    };
    char error[256] = "";

    if (!tap_start(&options, &tap, error, sizeof(error))) {
        fail_msg("%s", error);
    }
}

/* ---- Who listens ---- */

static FILE *
dial(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fdopen(fd, "r");
}

/* The next line without its newline; "" at the end. */
static const char *
line_of(FILE *f)
{
    static _Thread_local char text[8192];

    if (fgets(text, sizeof(text), f) == NULL) {
        return "";
    }
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* Connects, and is copied to from now on. */
static FILE *
join(void)
{
    FILE *f = dial();

    assert_string_equal(line_of(f), "{\"tail\":1,\"program\":\"test\",\"version\":\"1\"}");
    return f;
}

static void
commit(const char *body, size_t len, const char *attributes, uint32_t records)
{
    size_t head = strlen(attributes);
    uint8_t *room = sr_lane_reserve(lane, head + len, 1);

    assert_non_null(room);
    memcpy(room, attributes, head);
    memcpy(room + head, body, len);
    sr_lane_commit(lane, head + len, head, records);
}

/* The end of a batch, as a worker has it. */
static void
end_batch(void)
{
    if (tap_is_heard(tap)) {
        tap_offer(tap, lane);
        tap_offer(tap, dead);
    }
    sr_lane_flush(lane);
    sr_lane_flush(dead);
}

static void
put(const char *body)
{
    commit(body, strlen(body), "", 1);
    end_batch();
}

#define RECORD(json) "{\"listener\":\"udp://\\\"a\\\"\",\"subject\":\"logs.x\",\"record\":" json "}"

/* ---- The tests ---- */

static void
nobody_is_heard_until_somebody_listens_and_again_when_all_have_gone(void **state)
{
    (void)state;
    assert_false(tap_is_heard(NULL));
    serve(false);
    assert_false(tap_is_heard(tap));
    FILE *f = join();
    assert_true(tap_is_heard(tap));
    (void)fclose(f);
    for (unsigned i = 0; i < WAIT_STEPS && tap_is_heard(tap); i++) {
        wait_a_moment();
    }
    assert_false(tap_is_heard(tap));
    put("{}");
    f = join();
    put("{\"a\":1}");
    assert_string_equal(line_of(f), RECORD("{\"a\":1}"));
    (void)fclose(f);
}

static void
all_who_listen_get_every_record_in_order_and_the_queue_keeps_them(void **state)
{
    FILE *a, *b;
    struct sr_entry e;

    (void)state;
    serve(false);
    a = join();
    b = join();
    for (unsigned i = 0; i < 10; i++) {
        char body[] = "{\"n\":0}";
        body[5] = (char)('0' + i);
        put(body);
    }
    for (unsigned i = 0; i < 10; i++) {
        char want[] = RECORD("{\"n\":0}");
        want[sizeof(want) - 4] = (char)('0' + i);
        assert_string_equal(line_of(a), want);
        assert_string_equal(line_of(b), want);
        assert_true(sr_lane_next(lane, &e));
    }
    (void)fclose(a);
    (void)fclose(b);
}

static void
a_batch_is_cut_into_its_records(void **state)
{
    static const char head[] = "Content-Type: application/x-ndjson\r\nSr-Records: 2\r\n";

    (void)state;
    serve(false);
    FILE *f = join();
    commit("{\"a\":1}\n{\"a\":2}\n", 16, head, 2);
    end_batch();
    assert_string_equal(line_of(f), RECORD("{\"a\":1}"));
    assert_string_equal(line_of(f), RECORD("{\"a\":2}"));
    (void)fclose(f);
}

static void
records_that_are_no_json_follow_a_line_with_their_length(void **state)
{
    static const char head[] = "Content-Type: application/x-protobuf\r\nSr-Records: 2\r\n";
    char bytes[2];

    (void)state;
    serve(true);
    FILE *f = join();
    commit("\2\n\n\1x", 5, head, 2);
    end_batch();
    assert_non_null(strstr(line_of(f), "\"subject\":\"logs.x\",\"protobuf\":2}"));
    assert_int_equal(fread(bytes, 1, 2, f), 2);
    assert_memory_equal(bytes, "\n\n", 2);
    assert_non_null(strstr(line_of(f), "\"protobuf\":1}"));
    assert_int_equal(fgetc(f), 'x');
    (void)fclose(f);
}

static void
a_dead_letter_is_its_reason_its_bytes_and_its_source(void **state)
{
    uint8_t memory[SR_DEADLETTER_OVERHEAD + 2];
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));
    struct sr_peer peer = { .address = { 192, 0, 2, 1 } };

    (void)state;
    serve(true);
    FILE *f = join();
    size_t head = sr_deadletter_write(&b, "bad_set", &peer, 1, span_of("\xff\n"));
    uint8_t *room = sr_lane_reserve(dead, b.len, 1);
    memcpy(room, b.data, b.len);
    sr_lane_commit(dead, b.len, head, 1);
    end_batch();
    assert_string_equal(line_of(f),
        "{\"listener\":\"\",\"subject\":\"logs.x.deadletter\",\"record\":{\"error\":\"bad_set\","
        "\"raw\":\"ff0a\",\"source\":\"192.0.2.1\"}}");
    (void)fclose(f);
}

/* Reads to the end of what is there; returns the records seen and skipped together. */
static uint64_t
read_count(FILE *f, uint64_t want, uint64_t *ret_skipped)
{
    static const char skip[] = "{\"skipped\":";
    uint64_t seen = 0, skipped = 0;

    while (seen + skipped < want) {
        const char *text = line_of(f);
        assert_string_not_equal(text, "");
        if (strncmp(text, skip, sizeof(skip) - 1) == 0) {
            skipped += strtoull(text + sizeof(skip) - 1, NULL, 10);
        } else {
            seen++;
        }
    }
    *ret_skipped = skipped;
    return seen + skipped;
}

static void
who_does_not_read_holds_up_nobody_and_is_told_what_was_skipped(void **state)
{
    static char body[4096];
    uint64_t skipped;

    (void)state;
    memset(body, 'x', sizeof(body) - 1);
    body[0] = body[sizeof(body) - 2] = '"';
    serve(false);
    FILE *idle = join();
    FILE *f = join();
    /* More than the ring, the hand-off and the sockets of both hold; one at a time, each waited
     * for by the one who reads. */
    for (unsigned i = 0; i < 3000; i++) {
        put(body);
        uint64_t none;
        assert_int_equal(read_count(f, 1, &none), 1);
        assert_int_equal(none, 0);
        struct sr_entry e;
        assert_true(sr_lane_next(lane, &e));
        sr_lane_settle(lane, e.segment, e.index, e.records);
    }
    assert_int_equal(read_count(idle, 3000, &skipped), 3000);
    assert_true(skipped > 0);
    put("{}");
    assert_string_equal(line_of(idle), RECORD("{}"));
    (void)fclose(idle);
    (void)fclose(f);
}

static void
a_batch_without_room_is_skipped_whole_and_told(void **state)
{
    uint64_t skipped;

    (void)state;
    serve(false);
    FILE *f = join();
    /* In one go: two segments of them are more than may wait. */
    for (unsigned i = 0; i < 40000; i++) {
        commit("{\"a\":\"0123456789012345678901234567890123456789\"}", 48, "", 1);
    }
    end_batch();
    assert_int_equal(read_count(f, 40000, &skipped), 40000);
    assert_true(skipped > 0);
    (void)fclose(f);
}

static void
more_than_may_listen_are_refused_with_a_reason(void **state)
{
    FILE *all[TAP_CLIENTS_MAX];

    (void)state;
    serve(false);
    for (size_t i = 0; i < TAP_CLIENTS_MAX; i++) {
        all[i] = join();
    }
    FILE *f = dial();
    assert_string_equal(line_of(f), "{\"refused\":\"as many listen as may; end another\"}");
    assert_string_equal(line_of(f), "");
    (void)fclose(f);
    for (size_t i = 0; i < TAP_CLIENTS_MAX; i++) {
        (void)fclose(all[i]);
    }
}

static void
the_socket_is_its_groups_whatever_the_umask(void **state)
{
    struct stat st;
    mode_t before = umask(0);

    (void)state;
    serve(false);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    tap_stop(tap);
    (void)umask(077);
    serve(false);
    (void)umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    tap_stop(tap);
    tap = NULL;
    assert_int_equal(access(path, F_OK), -1);
}

/* Leaves a socket at `path` that nobody serves. */
static void
leave_socket(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    (void)close(fd);
}

static void
what_a_dead_process_left_is_replaced_and_nothing_else(void **state)
{
    struct tap_options options = { .listen = listen_at, .program = "test", .version = "1" };
    struct tap *second = NULL;
    char error[256] = "";

    (void)state;
    leave_socket();
    serve(false);
    assert_false(tap_start(&options, &second, error, sizeof(error)));
    assert_non_null(strstr(error, "another process serves it"));
    (void)fclose(join()); /* it still does */
    tap_stop(tap);
    tap = NULL;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_false(tap_start(&options, &second, error, sizeof(error)));
    assert_non_null(strstr(error, "no socket"));
    assert_int_equal(access(path, F_OK), 0);
}

static void
a_default_that_cannot_be_had_is_no_error_and_one_that_was_asked_for_is(void **state)
{
    struct tap_options options = { .listen = "auto", .program = "no/such/folder" };
    char error[256] = "";

    (void)state;
    sr_log_set_level(SR_LOG_ERROR);
    assert_true(tap_start(&options, &tap, error, sizeof(error)));
    assert_null(tap);
    options.listen = "off";
    assert_true(tap_start(&options, &tap, error, sizeof(error)));
    assert_null(tap);
    options.listen = "unix:///no/such/folder/x.sock";
    assert_false(tap_start(&options, &tap, error, sizeof(error)));
    assert_non_null(strstr(error, "tail.listen: cannot listen at /no/such/folder/x.sock: No such"));
}

/* ---- Many threads ---- */

#define WRITERS 3U
#define BATCHES 2000U

static void *
write_batches(void *arg)
{
    struct sr_lane *mine = arg;

    for (unsigned i = 0; i < BATCHES; i++) {
        uint8_t *room = sr_lane_reserve(mine, 2, 1);
        if (room == NULL) {
            return NULL;
        }
        memcpy(room, "{}", 2);
        sr_lane_commit(mine, 2, 0, 1);
        if (tap_is_heard(tap)) {
            tap_offer(tap, mine);
        }
        sr_lane_flush(mine);
    }
    return arg;
}

static void *
come_and_go(void *arg)
{
    const _Atomic bool *done = arg;

    while (!atomic_load(done)) {
        FILE *f = join();
        (void)fclose(f);
    }
    return NULL;
}

static void
of_many_threads_each_record_is_seen_or_told_as_skipped(void **state)
{
    struct sr_lane_options options = { .subject = "y" };
    struct sr_lane *lanes[WRITERS];
    pthread_t writers[WRITERS], guest;
    _Atomic bool done = false;
    uint64_t skipped;

    (void)state;
    for (unsigned i = 0; i < WRITERS; i++) {
        options.worker = i;
        lanes[i] = sr_queue_add_lane(queue, &options);
        assert_non_null(lanes[i]);
    }
    serve(false);
    FILE *f = join();
    assert_int_equal(pthread_create(&guest, NULL, come_and_go, (void *)&done), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&writers[i], NULL, write_batches, lanes[i]), 0);
    }
    assert_int_equal(
        read_count(f, (uint64_t)WRITERS * BATCHES, &skipped), (uint64_t)WRITERS * BATCHES);
    for (unsigned i = 0; i < WRITERS; i++) {
        void *all = NULL;
        assert_int_equal(pthread_join(writers[i], &all), 0);
        assert_non_null(all);
    }
    atomic_store(&done, true);
    assert_int_equal(pthread_join(guest, NULL), 0);
    (void)fclose(f);
}

/* ---- The ring of one who listens ---- */

static void
a_ring_that_is_full_skips_and_tells_before_the_next_record(void **state)
{
    static char body[TAP_CLIENT_RING / 4];
    struct sr_span piece = { (const uint8_t *)body, sizeof(body) };
    struct tap_client c;
    int fds[2];
    char text[32] = "";

    (void)state;
    memset(body, 'x', sizeof(body));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_true(tap_client_open(&c, fds[0]));
    for (unsigned i = 0; i < 6; i++) {
        tap_client_put(&c, &piece, 1);
    }
    assert_int_equal(c.skipped, 2);
    for (size_t left = sizeof(body) * 4; left > 0;) {
        static char sink[65536];
        assert_true(tap_client_send(&c));
        ssize_t n = recv(fds[1], sink, sizeof(sink) < left ? sizeof(sink) : left, 0);
        assert_true(n > 0);
        left -= (size_t)n;
    }
    tap_client_put(&c, &(struct sr_span){ (const uint8_t *)"{}\n", 3 }, 1);
    assert_true(tap_client_send(&c));
    assert_int_equal(recv(fds[1], text, 17, MSG_WAITALL), 17);
    assert_string_equal(text, "{\"skipped\":2}\n{}\n");
    assert_false(tap_client_waits(&c));
    (void)close(fds[1]);
    tap_client_put(&c, &piece, 1);
    assert_false(tap_client_send(&c));
    tap_client_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_heard_until_somebody_listens_and_again_when_all_have_gone),
        TEST(all_who_listen_get_every_record_in_order_and_the_queue_keeps_them),
        TEST(a_batch_is_cut_into_its_records),
        TEST(records_that_are_no_json_follow_a_line_with_their_length),
        TEST(a_dead_letter_is_its_reason_its_bytes_and_its_source),
        TEST(who_does_not_read_holds_up_nobody_and_is_told_what_was_skipped),
        TEST(a_batch_without_room_is_skipped_whole_and_told),
        TEST(more_than_may_listen_are_refused_with_a_reason),
        TEST(the_socket_is_its_groups_whatever_the_umask),
        TEST(what_a_dead_process_left_is_replaced_and_nothing_else),
        TEST(a_default_that_cannot_be_had_is_no_error_and_one_that_was_asked_for_is),
        TEST(of_many_threads_each_record_is_seen_or_told_as_skipped),
        cmocka_unit_test(a_ring_that_is_full_skips_and_tells_before_the_next_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
