/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REPLAY_TIMES_H_INCLUDED
#define CLI_REPLAY_REPLAY_TIMES_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/* When messages of captures are due, by clocks that cannot be trusted. Pure. */

/* Clocks of a capture that are known at the same time. */
#define REPLAY_TIMELINES 2U

/* When the capture's clock showed this, it was that for us. */
struct replay_timeline {
    uint64_t captured_ns;
    uint64_t ns;
};

/* All zeros before the first file. */
struct replay_times {
    struct replay_timeline lines[REPLAY_TIMELINES]; /* that of the message before first */
    size_t line_count;
    uint64_t last_ns; /* when the message before was due */
};

/* The first message of a file is due with the last one of the file before. */
void replay_times_begin_file(struct replay_times *times);

/*
 * When a message is due that was captured at `captured_ns` (any number), in ns after the first of
 * all; never less than the message before.
 */
uint64_t replay_times_next(struct replay_times *times, uint64_t captured_ns);

#endif
