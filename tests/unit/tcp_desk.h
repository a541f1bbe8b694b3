/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_TCP_DESK_H_INCLUDED
#define TESTS_UNIT_TCP_DESK_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shell/stream_budget.h"
#include "sr/tcp.h"

/* One worker of sr/tcp.h with a made-up protocol, and clients of it. */

#define CLIENTS_MAX 32U

/* Messages are a letter 'm', two digits of length and so many bytes; anything else is garbage. */
#define FRAME_MAX 102U

/* What a worker's handler keeps. Plain fields are the worker's until it is joined. */
struct listener {
    struct sr_worker_stats stats;
    struct sr_tcp_worker *worker;
    unsigned port;
    _Atomic bool full;     /* there is no room */
    _Atomic uint64_t held; /* the number of a connection that is to wait, from 1 on */
    _Atomic uint64_t asked, messages, bytes, broken, dropped, opened, closed, ticks, last_ticks;
    _Atomic uint64_t shown; /* messages at the last batch's end */
    _Atomic bool finished;
    bool in_batch, no_memory;
    uint64_t broken_len;
    char reason[32];
    struct sr_peer peer;
};

extern struct listener listener;

/* Of the listener; without a limit at the start of each test. */
extern struct stream_budget buffers;

/* Whether a balancer's header comes first, which a test need not wait ten seconds for. */
extern bool proxied;

/* For cmocka: nothing has happened yet. */
int tcp_desk_reset(void **state);

void wait_for_count(const _Atomic uint64_t *counter, uint64_t least);

/* Listens on a port that the kernel chooses. */
int open_listener(void);

/* Starts the worker on that socket; start_with() does both. */
void serve(int fd, unsigned connections, uint64_t idle_ns);
void start_with(unsigned connections, uint64_t idle_ns);

/* Waits for its end, and looks whether all that was opened is closed and all memory given back. */
void stop_listener(void);

/* A client. */
int connect_to(void);
void send_all(int fd, const char *bytes, size_t len);

/* What was sent may still be on its way: the sender's kernel holds pieces back (Nagle). */
void await_received_by_kernel(int fd);

/* The message of a number, with the number's low byte first in its text; returns its length. */
size_t write_message(char *out, unsigned number);
void send_messages(int fd, unsigned from, unsigned to);

bool is_closed_by_peer(int fd);

#endif
