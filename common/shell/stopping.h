/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_STOPPING_H_INCLUDED
#define SHELL_STOPPING_H_INCLUDED

#include <stdint.h>

/*
 * Tells systemd that the process stops, and asks for more time again and again for as long as that
 * gets on, whatever TimeoutStopSec= is: a deep queue on a slow disk must not be cut off. One that
 * is stuck is killed when the time is over.
 */
struct stopping;

/*
 * `progress` is asked from a thread of its own for a number that moves while the stop gets on;
 * until `sure_ns` (monotonic) it gets on in any case. NULL without memory or a thread: then
 * systemd's own time counts.
 */
struct stopping *stopping_start(uint64_t (*progress)(void *arg), void *arg, uint64_t sure_ns);

/* Asks for no more time; `progress` is not called any more. NULL is fine. */
void stopping_end(struct stopping *s);

#endif
