/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_LISTENER_SOCKET_H_INCLUDED
#define SHELL_LISTENER_SOCKET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "shell/unix_socket.h"
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

/* One of them. */
struct listener_socket {
    int fd; /* owned */
    bool is_stream;
    struct unix_socket place; /* of a path that was bound here */
};

/*
 * Takes or opens the next of them. `streams`: the program can take connections. False with what is
 * wrong and what to do in `error`; `fd` is -1 then.
 */
bool listener_socket_open(struct sr_listen_fds *passed, const struct sr_conf_listener *l,
    bool streams, struct listener_socket *ret_socket, char *error, size_t error_size);

/* Names the passed sockets that no listener took, if there are any. */
void listener_socket_report(const struct sr_listen_fds *passed, const struct sr_stats *stats);

#endif
