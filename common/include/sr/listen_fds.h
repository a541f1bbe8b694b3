/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_LISTEN_FDS_H_INCLUDED
#define SR_LISTEN_FDS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

/*
 * The sockets that systemd passes to a service with .socket units, as sd_listen_fds(3): they are
 * the descriptors from 3 on, LISTEN_FDS says how many, LISTEN_FDNAMES how each is called and
 * LISTEN_PID for which process they are.
 */
struct sr_listen_fds;

/*
 * Reads and removes these variables and closes the sockets at an exec. Before anything else opens a
 * descriptor, and once: a number in LISTEN_FDS that is too large must not catch one of ours.
 * Returns an owned set, without sockets when none were passed to this process; NULL without memory.
 */
struct sr_listen_fds *sr_listen_fds_new(void);

/*
 * Takes the next socket called `name`, of which `count` must have been passed. Returns an owned
 * descriptor of any kind of socket, or -1 with what is wrong and what to do in `error`.
 */
int sr_listen_fds_take(
    struct sr_listen_fds *set, const char *name, unsigned count, char *error, size_t error_size);

struct sr_socket_address;

/*
 * How many sockets that nobody took receive what is sent to `address` (shell/socket.h): those of
 * just that address, without any those of every address.
 */
unsigned sr_listen_fds_count_at(
    const struct sr_listen_fds *set, const struct sr_socket_address *address);

/* Takes the next of these. Returns an owned descriptor, or -1 when there is none (left). */
int sr_listen_fds_take_at(struct sr_listen_fds *set, const struct sr_socket_address *address);

/* Whether a socket of that port and type was taken. */
bool sr_listen_fds_was_taken(
    const struct sr_listen_fds *set, const struct sr_socket_address *address);

/*
 * One line that names the sockets which nobody took, if there are any, and `listeners` beside them:
 * a warning, or a notice when another socket of the same port was taken for each.
 */
void sr_listen_fds_report(const struct sr_listen_fds *set, const char *listeners);

/* Closes what nobody took. NULL is fine. */
void sr_listen_fds_free(struct sr_listen_fds *set);

#endif
