/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_LISTENER_SOCKET_H_INCLUDED
#define SHELL_LISTENER_SOCKET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "sr/conf_common.h"

struct sr_listen_fds;
struct sr_stats;

/*
 * The sockets of a listener. fd://NAME has those that systemd passed by that name. An address has
 * those that systemd passed and that receive what is sent there, one thread each; only without any
 * of them it is bound here. So a configuration works with and without a .socket unit.
 */

/* How many sockets, and so receiving threads, the listener has. */
unsigned listener_socket_count(
    const struct sr_listen_fds *passed, const struct sr_conf_listener *l);

/*
 * Takes or opens the next of them. `streams`: the program can take connections. Returns an owned
 * descriptor, or -1 with what is wrong and what to do in `error`.
 */
int listener_socket_open(struct sr_listen_fds *passed, const struct sr_conf_listener *l,
    bool streams, bool *ret_is_stream, char *error, size_t error_size);

/* Names the passed sockets that no listener took, if there are any. */
void listener_socket_report(const struct sr_listen_fds *passed, const struct sr_stats *stats);

#endif
