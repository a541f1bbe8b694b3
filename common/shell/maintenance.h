/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_MAINTENANCE_H_INCLUDED
#define SHELL_MAINTENANCE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

/*
 * What is to be done from time to time and may wait for the disk: on a thread of libuv's pool,
 * never two at once. `run` and `arg` are set by the owner, the rest is zero.
 */
struct maintenance {
    void *arg;
    void (*run)(void *arg, bool last);
    uv_work_t work;
    bool needed;  /* there is something to do; without it no thread is made */
    bool running; /* `work` is on its way */
    uint64_t next_ns;
};

/* Once a tick of the loop: begins when it is time. */
void maintenance_tick(struct maintenance *m, uv_loop_t *loop, uint64_t now_ns);

/* Behind the last tick: waits for what is on its way, then runs the last one here. */
void maintenance_end(struct maintenance *m, uv_loop_t *loop);

#endif
