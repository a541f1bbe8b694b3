/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_HEAP_H_INCLUDED
#define SHELL_HEAP_H_INCLUDED

#include <stdint.h>

/*
 * The resident set of a process that runs for years is what it needs, not what it needed in the
 * worst outage so far: glibc keeps what was freed below what is still in use.
 */
struct heap {
    uint64_t next_ns;
};

/* One heap for all threads; before the process has a second one. */
void heap_prepare(void);

/*
 * Gives what is free back to the system, once a minute. Takes a millisecond or so, in which no
 * other thread gets memory; receiving needs none.
 */
void heap_tick(struct heap *h, uint64_t now_ns);

#endif
