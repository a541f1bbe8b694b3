/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_UNIX_SOCKET_H_INCLUDED
#define SHELL_UNIX_SOCKET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Bytes of a path with its NUL: sun_path of unix(7). */
#define UNIX_SOCKET_PATH_SIZE 108

/* Where a socket of ours is bound. Zeroed: nowhere. */
struct unix_socket {
    char path[UNIX_SOCKET_PATH_SIZE];
    struct stat made;
};

/*
 * Binds a non-blocking socket of `type` (SOCK_STREAM, SOCK_DGRAM) to `path` with that mode,
 * whatever the umask is. What a process left there that is gone is replaced; a socket that somebody
 * serves is left alone, and so is anything else, a link too. Returns an owned descriptor, or -1
 * with the reason in `error`.
 */
int unix_socket_bind(
    struct unix_socket *s, const char *path, int type, mode_t mode, char *error, size_t error_size);

/* Removes the path, if that is still ours. Once is enough; more does no harm. */
void unix_socket_remove(struct unix_socket *s);

#endif
