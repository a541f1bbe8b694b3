/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "pcap_file.h"

#include "sr/capture.h"

static void
frames_come_with_their_time_and_link_type(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX];
    struct sr_capture *capture;
    struct sr_captured captured;
    struct pcap_file file;

    (void)state;
    pcap_file_start(&file, 101);
    pcap_file_add(&file, 1700000000, "010203");
    pcap_file_add(&file, 1700000001, "04");
    pcap_file_finish(&file);
    assert_int_equal(sr_capture_open(file.path, &capture, message), SR_CAPTURE_OK);
    assert_int_equal(sr_capture_link_type(capture), 12); /* as libpcap names 101 on Linux */
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_OK);
    assert_true(captured.time_ns == 1700000000250000000ULL);
    assert_int_equal(captured.frame.len, 3);
    assert_int_equal(captured.wire_len, 3);
    assert_memory_equal(captured.frame.data, "\1\2\3", 3);
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_OK);
    assert_memory_equal(captured.frame.data, "\4", 1);
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_END);
    assert_string_equal(sr_capture_message(capture), "");
    sr_capture_close(capture);
    pcap_file_remove(&file);
}

/* https://www.ietf.org/archive/id/draft-tuexen-opsawg-pcapng-05.html, section 4 */
#define PCAPNG_SECTION "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000"
#define PCAPNG_RAW_NS "01000000 1c000000 6500 0000 ffff0000 0900 0100 09000000 1c000000"
#define PCAPNG_PACKET(time) "06000000 24000000 00000000" time "01000000 01000000 2a000000 24000000"

static void
pcapng_is_read_with_nanoseconds(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX];
    struct sr_capture *capture;
    struct sr_captured captured;
    struct pcap_file file;

    (void)state;
    pcap_file_start_empty(&file);
    pcap_file_add_raw(&file, PCAPNG_SECTION PCAPNG_RAW_NS);
    pcap_file_add_raw(&file, PCAPNG_PACKET("ca979717 15cd5b07"));
    pcap_file_finish(&file);
    assert_int_equal(sr_capture_open(file.path, &capture, message), SR_CAPTURE_OK);
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_OK);
    assert_true(captured.time_ns == 0x179797ca075bcd15ULL);
    assert_int_equal(captured.frame.len, 1);
    assert_int_equal(captured.frame.data[0], 0x2a);
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_END);
    sr_capture_close(capture);
    pcap_file_remove(&file);
}

static void
a_cut_file_says_how_far_it_was_readable(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX];
    struct sr_capture *capture;
    struct sr_captured captured;
    struct pcap_file file;

    (void)state;
    pcap_file_start(&file, 1);
    pcap_file_add(&file, 1700000000, "010203");
    pcap_file_add_raw(&file, "00000000 00000000 08000000 08000000 0102");
    pcap_file_finish(&file);
    assert_int_equal(sr_capture_open(file.path, &capture, message), SR_CAPTURE_OK);
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_OK);
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_EREAD);
    assert_non_null(strstr(sr_capture_message(capture), file.path));
    assert_non_null(strstr(sr_capture_message(capture), "; 1 packets read before"));
    sr_capture_close(capture);
    pcap_file_remove(&file);
}

static void
what_cannot_be_opened_is_told_by_name(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX];
    struct sr_capture *capture;
    struct pcap_file file;

    (void)state;
    assert_int_equal(sr_capture_open("/nonexistent/x.pcap", &capture, message), SR_CAPTURE_EOPEN);
    assert_string_equal(message, "cannot read /nonexistent/x.pcap: No such file or directory");
    assert_int_equal(sr_capture_open("/tmp", &capture, message), SR_CAPTURE_EFORMAT);
    assert_non_null(strstr(message, "cannot read /tmp: "));
    pcap_file_start_empty(&file);
    pcap_file_add_raw(&file, "6e6f206361707475726520617420616c6c2c206a75737420736f6d652074657874");
    pcap_file_finish(&file);
    assert_int_equal(sr_capture_open(file.path, &capture, message), SR_CAPTURE_EFORMAT);
    assert_non_null(strstr(message, file.path));
    assert_non_null(strstr(message, "pcap or pcapng"));
    pcap_file_remove(&file);
}

static void
standard_input_is_read_and_left_open(void **state)
{
    char message[SR_CAPTURE_MESSAGE_MAX];
    int saved = dup(STDIN_FILENO);
    struct sr_capture *capture;
    struct sr_captured captured;
    struct pcap_file file;
    int fd;

    (void)state;
    pcap_file_start(&file, 1);
    pcap_file_add(&file, 1, "2a");
    pcap_file_finish(&file);
    fd = open(file.path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(sr_capture_open("-", &capture, message), SR_CAPTURE_OK);
    assert_int_equal(sr_capture_next(capture, &captured), SR_CAPTURE_OK);
    sr_capture_close(capture);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    (void)dup2(saved, STDIN_FILENO);
    close(saved);
    close(fd);
    pcap_file_remove(&file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_with_their_time_and_link_type),
        cmocka_unit_test(pcapng_is_read_with_nanoseconds),
        cmocka_unit_test(a_cut_file_says_how_far_it_was_readable),
        cmocka_unit_test(what_cannot_be_opened_is_told_by_name),
        cmocka_unit_test(standard_input_is_read_and_left_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
