/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_TAP_SOCKET_H_INCLUDED
#define SHELL_TAP_SOCKET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "shell/unix_socket.h"

/*
 * The Unix socket that the records are copied to. It is its group's: mode 0660, never wider.
 */
struct tap_socket {
    int fd;
    struct unix_socket place;
};

/*
 * Listens at `path`, without blocking. What a process left there that is gone is replaced; a socket
 * that somebody serves, or anything else, is left alone. False with the reason in `error`.
 */
bool tap_socket_open(struct tap_socket *s, const char *path, char *error, size_t error_size);

/* Closes it and removes the path, if that is still ours. */
void tap_socket_close(struct tap_socket *s);

/* The next connection, non-blocking; -1: none. */
int tap_socket_accept(const struct tap_socket *s);

/*
 * Whether the kernel says that the other end runs as root, as our own user or with our group among
 * its groups. The mode of the path says the same; this holds when somebody has changed that.
 */
bool tap_socket_trusts(int fd);

#endif
