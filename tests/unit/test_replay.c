/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pcap_file.h"

#include "replay/replay_load.h"
#include "replay/replay_send.h"
#include "sr/capture.h"

enum { PACKETS = 300, PAYLOAD = 40000 };

/* PACKETS raw IPv4 datagrams of PAYLOAD bytes, which begin with their number. */
static void
write_large_capture(struct pcap_file *file)
{
    static char hex[2 * (28 + PAYLOAD) + 1];

    pcap_file_start(file, 101);
    for (unsigned i = 0; i < PACKETS; i++) {
        int at = snprintf(hex, sizeof(hex),
            "4500%04x00010000401100%02xc0000201c000020204010202%04x0000%08x", 28 + PAYLOAD, 0,
            8 + PAYLOAD, i);

        memset(hex + at, '5', sizeof(hex) - (size_t)at - 1);
        pcap_file_add(file, i, hex);
    }
    pcap_file_add(file, PACKETS,
        "4500002800010000400600"
        "00c0000201c0000202");
    pcap_file_finish(file);
}

static void
assert_is_numbered(struct sr_span payload, unsigned number)
{
    struct sr_reader rd = sr_reader_init(payload);

    assert_int_equal(payload.len, PAYLOAD);
    assert_int_equal(sr_reader_be32(&rd), number);
    assert_int_equal(payload.data[PAYLOAD - 1], 0x55);
}

static void
take_one_pass(struct replay_source *source)
{
    struct sr_span payloads[REPLAY_BATCH_MAX];
    unsigned number = 0;
    size_t count;

    while ((count = replay_source_take(source, payloads, REPLAY_BATCH_MAX)) > 0) {
        for (size_t i = 0; i < count; i++) {
            assert_is_numbered(payloads[i], number++);
        }
    }
    assert_int_equal(number, PACKETS);
    assert_string_equal(replay_source_message(source), "");
}

static void
a_capture_larger_than_memory_comes_in_pieces_and_is_repeated(void **state)
{
    static const size_t limits[] = { 100000, 1 << 20, 64 << 20 };
    char message[SR_CAPTURE_MESSAGE_MAX];
    struct pcap_file file;

    (void)state;
    write_large_capture(&file);
    for (size_t i = 0; i < 3; i++) {
        struct replay_source *source;

        assert_true(replay_source_open(file.path, NULL, limits[i], &source, message));
        take_one_pass(source);
        assert_true(replay_source_rewind(source));
        take_one_pass(source);
        assert_int_equal(replay_source_skipped(source)->by_reason[SR_PACKET_ETCP], 1);
        replay_source_close(source);
    }
    pcap_file_remove(&file);
}

static void
standard_input_larger_than_memory_cannot_be_repeated(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX];
    int saved = dup(STDIN_FILENO);
    struct replay_source *source;
    struct pcap_file file;
    int fd;

    (void)state;
    write_large_capture(&file);
    fd = open(file.path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    assert_true(replay_source_open("-", NULL, 1 << 20, &source, message));
    take_one_pass(source);
    assert_false(replay_source_rewind(source));
    assert_non_null(strstr(replay_source_message(source), "cannot be repeated"));
    replay_source_close(source);
    (void)dup2(saved, STDIN_FILENO);
    close(saved);
    close(fd);
    pcap_file_remove(&file);
}

struct slow_reader {
    int fd;
    unsigned wanted;
    unsigned in_order;
};

static void *
read_slowly(void *arg)
{
    struct slow_reader *reader = arg;

    for (unsigned i = 0; i < reader->wanted; i++) {
        unsigned number = 0;

        if (i % 64 == 0) {
            (void)usleep(2000);
        }
        if (recv(reader->fd, &number, sizeof(number), 0) == sizeof(number) && number == i) {
            reader->in_order++;
        }
    }
    return NULL;
}

/* A pair of Unix sockets refuses with EAGAIN when full, which a loopback UDP socket never does. */
static void
a_full_socket_is_waited_for_and_nothing_is_lost(void **state)
{
    enum { COUNT = 2048 };
    static const volatile sig_atomic_t stop;
    unsigned numbers[REPLAY_BATCH_MAX];
    struct sr_span payloads[REPLAY_BATCH_MAX];
    struct slow_reader reader = { .wanted = COUNT };
    struct replay_sender sender = { .stop = &stop };
    pthread_t thread;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    sender.fd = pair[0];
    reader.fd = pair[1];
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    for (unsigned first = 0; first < COUNT; first += REPLAY_BATCH_MAX) {
        for (unsigned i = 0; i < REPLAY_BATCH_MAX; i++) {
            numbers[i] = first + i;
            payloads[i] = (struct sr_span){ (const uint8_t *)&numbers[i], sizeof(numbers[i]) };
        }
        assert_true(replay_send(&sender, payloads, REPLAY_BATCH_MAX));
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(reader.in_order, COUNT);
    assert_int_equal(sender.sent, COUNT);
    assert_int_equal(sender.bytes, COUNT * sizeof(unsigned));
    close(pair[0]);
    close(pair[1]);
}

static void
a_datagram_too_long_for_the_network_is_counted_and_left_out(void **state)
{
    static const volatile sig_atomic_t stop;
    static uint8_t bytes[65527];
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char message[REPLAY_MESSAGE_MAX];
    struct sr_span payloads[] = { { bytes, 1 }, { bytes, sizeof(bytes) }, { bytes, 2 } };
    struct replay_sender sender = { .stop = &stop };

    (void)state;
    /* Port 9 may refuse; the length is checked before anything is sent. */
    assert_int_equal(replay_connect("udp://127.0.0.1:9", &sender.fd, message), REPLAY_CONNECTED);
    assert_int_equal(getpeername(sender.fd, (struct sockaddr *)&address, &len), 0);
    assert_true(replay_send(&sender, payloads, 3));
    assert_int_equal(sender.sent, 2);
    assert_int_equal(sender.bytes, 3);
    assert_int_equal(sender.too_long, 1);
    close(sender.fd);
}

static void
an_error_that_stays_ends_the_sending(void **state)
{
    static const volatile sig_atomic_t stop;
    static const uint8_t byte;
    struct sr_span payload = { &byte, 1 };
    struct replay_sender sender = { .fd = -1, .stop = &stop };

    (void)state;
    assert_false(replay_send(&sender, &payload, 1));
    assert_int_equal(sender.error, EBADF);
    assert_int_equal(sender.sent, 0);
}

static void
batches_are_small_enough_for_an_even_flow(void **state)
{
    (void)state;
    assert_int_equal(replay_batch_size(0), REPLAY_BATCH_MAX);
    assert_int_equal(replay_batch_size(1), 1);
    assert_int_equal(replay_batch_size(1999), 1);
    assert_int_equal(replay_batch_size(10000), 10);
    assert_int_equal(replay_batch_size(100000000), REPLAY_BATCH_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_capture_larger_than_memory_comes_in_pieces_and_is_repeated),
        cmocka_unit_test(standard_input_larger_than_memory_cannot_be_repeated),
        cmocka_unit_test(a_full_socket_is_waited_for_and_nothing_is_lost),
        cmocka_unit_test(a_datagram_too_long_for_the_network_is_counted_and_left_out),
        cmocka_unit_test(an_error_that_stays_ends_the_sending),
        cmocka_unit_test(batches_are_small_enough_for_an_even_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
