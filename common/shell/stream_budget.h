/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_STREAM_BUDGET_H_INCLUDED
#define SHELL_STREAM_BUDGET_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The memory that the pieces of messages of all connections of a process may take together. All of
 * it is atomic: the threads of all listeners share one. It owns nothing, and only counts.
 */
struct stream_budget {
    uint64_t limit; /* bytes; set before the threads start */
    _Atomic uint64_t used;
    _Atomic bool wanted; /* somebody found no room, and nothing of his own to end */
};

/* Whether there is room for so many bytes now. */
bool stream_budget_has(const struct stream_budget *b, uint64_t bytes);

/* Takes so many bytes; false, and nothing is taken, when that would be more than the limit. */
bool stream_budget_take(struct stream_budget *b, uint64_t bytes);

/* Takes them whether there is room or not: they are taken already. */
void stream_budget_add(struct stream_budget *b, uint64_t bytes);

/* Gives back what was taken. */
void stream_budget_give(struct stream_budget *b, uint64_t bytes);

#endif
