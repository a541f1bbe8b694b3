/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_STALLED_H_INCLUDED
#define SHELL_STALLED_H_INCLUDED

#include <stddef.h>

/*
 * Shuts down every TCP connection of this process to a port that one of `urls` names. A thread
 * that hangs in natsConnection_Connect() gives no handle to stop it by; with its socket shut down
 * it returns. Only to be called while no connection to these ports is wanted.
 */
void sr_stalled_break(const char *const *urls, size_t count);

#endif
