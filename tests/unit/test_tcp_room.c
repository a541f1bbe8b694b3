/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <sched.h>
#include <unistd.h>

#include "tcp_desk.h"

/* What a read of a connection may need that holds nothing; then, what a piece of a message takes.
 */
#define A_READ 81920U
#define A_PIECE 2048U
#define A_READ_BEHIND_A_PIECE 98304U /* both */

static void
without_memory_who_holds_a_piece_for_longest_goes(void **state)
{
    enum { HOLDERS = 5 };
    int fds[HOLDERS];

    (void)state;
    buffers.limit = A_READ_BEHIND_A_PIECE + (HOLDERS - 2) * A_PIECE;
    start_with(CLIENTS_MAX, 0);
    for (unsigned i = 0; i < HOLDERS; i++) {
        fds[i] = connect_to();
        send_messages(fds[i], 0, 1);
        wait_for_count(&listener.shown, i * 2 + 1);
        send_all(fds[i], "m01\1m0", 6); /* a message, and a piece behind it */
        wait_for_count(&listener.shown, i * 2 + 2);
    }
    assert_int_equal(atomic_load(&listener.closed), 0);
    send_all(fds[HOLDERS - 1], "1", 1); /* goes on with its own, for which there is no room */
    assert_true(is_closed_by_peer(fds[0]));
    wait_for_count(&listener.broken, 1);
    assert_string_equal(listener.reason, "buffers_full");
    assert_int_equal(listener.broken_len, 2);
    int healthy = connect_to(); /* needs no memory, but for the moment of a read */
    send_messages(healthy, 0, 5);
    wait_for_count(&listener.shown, HOLDERS * 2 + 5);
    for (unsigned i = 1; i < HOLDERS; i++) {
        send_all(fds[i], i < HOLDERS - 1 ? "1\2" : "\2", i < HOLDERS - 1 ? 2 : 1);
    }
    wait_for_count(&listener.shown, HOLDERS * 2 + 5 + HOLDERS - 1);
    stop_listener();
    assert_int_equal(atomic_load(&listener.broken), 1);
    assert_int_equal(sr_counted(&listener.stats.connections_cut_off), 1);
    for (unsigned i = 0; i < HOLDERS; i++) {
        (void)close(fds[i]);
    }
    (void)close(healthy);
}

static void
who_holds_whole_messages_stays_and_others_wait_for_memory(void **state)
{
    int fds[3];

    (void)state;
    buffers.limit = A_READ;
    start_with(CLIENTS_MAX, 0);
    atomic_store(&listener.full, true);
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = connect_to();
        send_messages(fds[i], 0, 10);
    }
    wait_for_count(&listener.asked, 3); /* the first is tried again and again */
    assert_true(atomic_load(&buffers.wanted));
    assert_int_equal(sr_counted(&listener.stats.connections), 3);
    atomic_store(&listener.full, false);
    wait_for_count(&listener.shown, 30);
    stop_listener();
    assert_int_equal(sr_counted(&listener.stats.connections_cut_off), 0);
    assert_int_equal(atomic_load(&listener.broken), 0);
    for (unsigned i = 0; i < 3; i++) {
        (void)close(fds[i]);
    }
}

static void
while_the_queue_is_full_nobody_goes_for_memory(void **state)
{
    enum { WAITING = 200 };
    char messages[WAITING * FRAME_MAX];
    size_t len = 0;
    int fds[4];

    (void)state;
    buffers.limit = A_READ_BEHIND_A_PIECE + A_PIECE;
    for (unsigned i = 0; i < WAITING; i++) {
        len += write_message(messages + len, i);
    }
    start_with(CLIENTS_MAX, 0);
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = connect_to();
    }
    for (unsigned i = 0; i < 2; i++) {
        send_messages(fds[i], 0, 1);
        wait_for_count(&listener.shown, 2 * i + 1);
        send_all(fds[i], "m01\1m0", 6); /* a message, and a piece behind it */
        wait_for_count(&listener.shown, 2 * i + 2);
    }
    atomic_store(&listener.full, true);
    send_all(fds[2], messages, len); /* wait for room, and take what the next needs to be read */
    wait_for_count(&listener.asked, 5);
    send_messages(fds[3], 0, 1);
    while (!atomic_load(&buffers.wanted) && sr_counted(&listener.stats.connections_cut_off) == 0) {
        (void)sched_yield();
    }
    atomic_store(&listener.full, false);
    wait_for_count(&listener.shown, 4 + WAITING + 1);
    for (unsigned i = 0; i < 2; i++) {
        send_all(fds[i], "1\2", 2);
    }
    wait_for_count(&listener.shown, 4 + WAITING + 1 + 2);
    stop_listener();
    assert_int_equal(sr_counted(&listener.stats.connections_cut_off), 0);
    for (unsigned i = 0; i < 4; i++) {
        (void)close(fds[i]);
    }
}

static void
a_stop_without_memory_reads_what_has_come_all_the_same(void **state)
{
    int fds[3];

    (void)state;
    buffers.limit = A_READ;
    start_with(CLIENTS_MAX, 0);
    atomic_store(&listener.full, true);
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = connect_to();
        send_messages(fds[i], 0, 10);
        await_received_by_kernel(fds[i]);
    }
    wait_for_count(&listener.asked, 1);
    sr_tcp_worker_stop(listener.worker);
    uint64_t asked = atomic_load(&listener.asked);
    wait_for_count(&listener.asked, asked + 2);
    atomic_store(&listener.full, false);
    stop_listener();
    assert_int_equal(atomic_load(&listener.messages), 30);
    for (unsigned i = 0; i < 3; i++) {
        (void)close(fds[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_memory_who_holds_a_piece_for_longest_goes, tcp_desk_reset),
        cmocka_unit_test_setup(
            who_holds_whole_messages_stays_and_others_wait_for_memory, tcp_desk_reset),
        cmocka_unit_test_setup(while_the_queue_is_full_nobody_goes_for_memory, tcp_desk_reset),
        cmocka_unit_test_setup(
            a_stop_without_memory_reads_what_has_come_all_the_same, tcp_desk_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
